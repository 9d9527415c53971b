"""The lab's own SSH server, accounts and link do what the tests that stand on them believe."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.accounts import Accounts, made_accounts
from tests.lab.link import linked
from tests.lab.sshd import Sshd, running_sshd

pytestmark = pytest.mark.lab


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(client,), daemon=True).start()

        def answer(client: socket.socket) -> None:
            with client:
                try:
                    while data := client.recv(1 << 16):
                        client.sendall(data)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def said(client: socket.socket, data: bytes) -> float:
    """Send and await the echo; give the seconds that took."""
    start = time.monotonic()
    client.sendall(data)
    got = b""
    while len(got) < len(data):
        got += client.recv(1 << 16)
    assert got == data
    return time.monotonic() - start


def test_a_link_delays_stalls_cuts_and_refuses(echo: int) -> None:
    with linked(echo, rtt=0.08) as link:
        there = ("127.0.0.1", link.port)
        with socket.create_connection(there, 20) as client:
            assert said(client, b"x") >= 0.08
            link.set_rtt(0)
            assert min(said(client, b"x" * 1000) for _ in range(20)) < 0.08
            assert (link.connections(), link.accepted()) == (1, 1)
            link.stall(0.4)
            assert said(client, b"held") >= 0.35
            link.blackhole()
            client.settimeout(0.2)
            client.sendall(b"lost")
            with pytest.raises(TimeoutError):
                client.recv(1)
            link.resume()
            client.settimeout(20)
            assert client.recv(100) == b"lost"
            link.refuse()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(there, 20)
            assert said(client, b"still here")
            assert link.cut() == 1
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            link.admit()
        with socket.create_connection(there, 20) as client:
            link.cut_after(1000)
            client.sendall(bytes(2000))
            with pytest.raises(ConnectionResetError), client.makefile("rb") as rest:
                rest.read()
        assert link.connections() == 0


def ssh(server: Sshd, user: str, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ssh", "-F", str(server.config_file), "-o", "BatchMode=yes", "-l", user, "lab", command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_each_account_may_what_it_may(sshd: Sshd, accounts: Accounts) -> None:
    assert ssh(sshd, "root", "id -un").stdout == "root\n"
    assert ssh(sshd, accounts.admin, "id -un; sudo -n id -un").stdout == f"{accounts.admin}\nroot\n"
    for name in (accounts.asked, accounts.plain):
        assert ssh(sshd, name, "id -un; sudo -n id -un").stdout == f"{name}\n"


def test_sessions_can_be_killed_and_the_server_restarted(sshd: Sshd) -> None:
    for end in (sshd.kill_sessions, sshd.restart):
        session = subprocess.Popen(
            ["ssh", "-F", str(sshd.config_file), "lab", "echo; exec sleep 60"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert session.stdout is not None
        assert session.stdout.readline() == b"\n"
        end()
        session.stdout.close()
        assert session.wait(20) == 255
        assert sshd.sessions() == ()
    assert ssh(sshd, "root", "echo again").stdout == "again\n"


def test_nothing_is_left(ssh_place: Path) -> None:
    directory = ssh_place / "second"
    with made_accounts(directory / "homes") as accounts, running_sshd(directory / "sshd", otp=True) as sshd:
        pwd.getpwnam(accounts.asked)
        service = Path("/etc/pam.d", f"dfwizard-lab-{os.getpid()}-{sshd.port}")
        rules = Path("/etc/sudoers.d", accounts.asked.rpartition("-")[0])
        assert service.exists()
        assert rules.exists()
    assert not service.exists()
    assert not rules.exists()
    for name in accounts.names:
        with pytest.raises(KeyError):
            pwd.getpwnam(name)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sshd.port), 10)
