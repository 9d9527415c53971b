"""Reaching the server's port: a TCP connection, or a ProxyCommand that carries it."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from dfwizard.hosts.failures import shown
from dfwizard.hosts.ssh.route import Route, Unreachable, unreachable
from dfwizard.hosts.ssh.wire import Socket

TIMEOUT = 10.0
"""Seconds for a TCP connection where ssh_config sets no ConnectTimeout."""
UNACKNOWLEDGED = 12_000
"""Milliseconds after which the kernel gives a connection up whose bytes nobody acknowledges (TCP_USER_TIMEOUT)."""


@dataclass(frozen=True)
class Line:
    """A connected socket, what closes whatever carries it, and what that said on stderr."""

    sock: Socket
    close: Callable[[], None]
    said: Callable[[], str]


def dial(route: Route) -> Line:
    """Connect to the host's port, by its ProxyCommand where it has one (not through jump hosts).

    Raises:
        Unreachable
    """
    return _by_command(route, route.command) if route.command else _by_tcp(route)


def _by_tcp(route: Route) -> Line:
    try:
        found = socket.getaddrinfo(route.host, route.port, route.family, socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise _no_address(route, error) from error
    timeout = route.timeout or TIMEOUT
    failure: OSError = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            if route.bind:
                sock.bind((route.bind, 0))
            sock.settimeout(timeout)
            sock.connect(address)
            _tune(sock)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return Line(sock, sock.close, str)
    raise _refused(route, failure, timeout) from failure


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Not everywhere; what paramiko's transport is asked above TCP holds everywhere.
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)


def _by_command(route: Route, command: str) -> Line:
    try:
        carrier = _Carrier(command)
    except OSError as error:
        why = f"its ProxyCommand does not start: {error.strerror}"
        raise unreachable(route, why, "Check ProxyCommand, and SHELL.") from error
    return Line(carrier.sock, carrier.close, carrier.said)


class _Carrier:
    """A ProxyCommand, run as ssh does: by the user's shell. paramiko's own waits a tenth of a second for every packet."""

    def __init__(self, command: str) -> None:
        self.sock, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the command
        self._last = ""
        self._closing = threading.Lock()
        try:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [os.environ.get("SHELL") or "/bin/sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._errors,
                start_new_session=True,
            )
        except BaseException:
            self.sock.close()
            self._errors.close()
            raise
        finally:
            theirs.close()

    def said(self) -> str:
        """Give the last line that it wrote to stderr."""
        with self._closing:
            return self._last or self._read()

    def close(self) -> None:
        """End it."""
        with self._closing:
            if self._errors.closed:
                return
            self.sock.close()
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
            self._last = self._read()
            self._errors.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 4096))
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return next((shown(line.strip())[:300] for line in reversed(lines) if line.strip()), "")


def _no_address(route: Route, error: Exception) -> Unreachable:
    busy = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
    why = "the name service does not answer" if busy else f"no address is known for {shown(route.host)}"
    return unreachable(
        route, why, f"Check its spelling, and whether this machine finds it: getent hosts {shown(route.host)}"
    )


def _refused(route: Route, error: OSError, timeout: float) -> Unreachable:
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        why = f"no answer within {timeout:g} s"
        return unreachable(route, why, "Check the address, firewalls on the way and the VPN.")
    reasons = {
        errno.ECONNREFUSED: (
            f"nothing listens on port {route.port} there",
            "Check the port, and on the server that sshd runs: systemctl status ssh",
        ),
        errno.EHOSTUNREACH: ("there is no route to it", "Check the address, the network and the VPN."),
        errno.ENETUNREACH: (
            "there is no route to its network",
            "Check the address, the network and the VPN.",
        ),
        errno.ECONNRESET: (
            "it broke the connection off",
            "Check the port, and on the server the log of sshd.",
        ),
    }
    why, remedy = reasons.get(
        error.errno or 0, (error.strerror or str(error), "Check the address and the network.")
    )
    return unreachable(route, why, remedy)
