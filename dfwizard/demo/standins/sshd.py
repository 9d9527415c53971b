"""`sshd -i`: one connection of a server of the sandbox, carried by its stdin, so that no port is opened and no network is needed.

The protocol is the real one, spoken by paramiko's server side. Whoever has the sandbox's key may run commands; there is nothing else.
"""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from . import world

HOST_KEY = os.path.join(world.ROOT, "etc", "ssh", "ssh_host_ed25519_key")
HOME = os.path.join(world.ROOT, "home")
AUTHORIZED = os.path.join(HOME, ".ssh", "authorized_keys")
ACCOUNT = "admin"
_PIECE = 1 << 16


def main(arguments: list[str]) -> int:
    """Run `sshd -i`."""
    if arguments != ["-i"]:
        return world.unknown("sshd", arguments)
    transport = paramiko.Transport(socket.socket(fileno=os.dup(0)))
    transport.add_server_key(paramiko.Ed25519Key(filename=HOST_KEY))
    transport.daemon = True
    transport.start_server(server=_Door(), event=threading.Event())
    transport.join()
    return 0


class _Door(paramiko.ServerInterface):
    """Who comes in, and what may be asked for."""

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        with open(AUTHORIZED, encoding="ascii") as file:
            known = [line.split()[1] for line in file if line.strip()]
        welcome = username == ACCOUNT and key.get_base64() in known
        return AUTH_SUCCESSFUL if welcome else AUTH_FAILED

    def check_channel_request(self, kind: str, _number: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=_run, args=(channel, command), daemon=True).start()
        return True


def _environment() -> dict[str, str]:
    """Give what a login has there: the server's own programs first."""
    kept = {key: value for key, value in os.environ.items() if key in ("LANG", "PYTHONPATH")}
    own = os.path.join(world.ROOT, "bin")
    return {
        **kept,
        "PATH": os.pathsep.join((own, os.environ.get("PATH") or os.defpath)),
        "HOME": HOME,
        "TMPDIR": os.path.join(world.ROOT, "tmp"),
        "USER": ACCOUNT,
        "LOGNAME": ACCOUNT,
        "SHELL": "/bin/sh",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


def _run(channel: paramiko.Channel, command: bytes) -> None:
    """Run a command as sshd does: in a session of its own, which outlives the connection if it wants to."""
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=HOME,
        env=_environment(),
        start_new_session=True,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        ways = (
            (process.stdout, channel.sendall),
            (process.stderr, channel.sendall_stderr),
        )
        leaving = [threading.Thread(target=_take_out, args=way, daemon=True) for way in ways]
        threading.Thread(target=_take_in, args=(channel, process.stdin), daemon=True).start()
        for thread in leaving:
            thread.start()
        code = process.wait()
        for thread in leaving:
            thread.join()
        with suppress(OSError, EOFError):
            channel.send_exit_status(code if code >= 0 else 128 - code)
            channel.close()


def _take_in(channel: paramiko.Channel, stdin: IO[bytes]) -> None:
    with suppress(OSError):
        while data := channel.recv(_PIECE):
            stdin.write(data)
    with suppress(OSError):
        stdin.close()


def _take_out(pipe: IO[bytes], send: Callable[[bytes], object]) -> None:
    with suppress(OSError, EOFError):
        while data := pipe.read(_PIECE):
            send(data)
    pipe.close()
