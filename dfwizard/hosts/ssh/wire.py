"""One connection to an SSH server: paramiko's transport, tuned for long streams, with its sessions counted and its silence noticed."""

from __future__ import annotations

import logging
import socket
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import paramiko
from paramiko.packet import Packetizer

WINDOW = 16 << 20
"""Bytes that may be on their way to us in one channel: at 80 ms and 200 MB/s there are as many (paramiko's 2 MB would slow it down)."""
PACKET = 1 << 17
"""Bytes of one packet to us at most: OpenSSH fills larger ones than paramiko's 32 KB, which takes a quarter less of the processor."""
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
"""GCM first, which paramiko would try last: half as much work for the processor."""
REKEY = 2**35
"""Bytes and packets until new keys. At paramiko's 512 MiB a stream dies when a channel closes meanwhile (paramiko #822, #174)."""
SESSIONS = 10
"""Sessions that a server allows on one connection (MaxSessions' default); one that allows fewer is found out."""
PULSE = 4.0
"""Seconds between questions whether the other side is there."""
SILENCE = 12.0
"""Seconds without a byte from the other side after which the link counts as dead: with the time it takes to look, below 15."""
_RETRY = 0.25
"""Seconds until a refused session is tried again, unless another one has ended by then."""
_FORGET = 10.0
"""Seconds after which more sessions are tried than the server has refused."""
_GRACE = 2.0
"""Seconds without running after which the watch first lets the other threads run, and for how long."""

# paramiko logs tracebacks, and without a handler logging itself would write them to stderr, across the screens.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False


def _nothing() -> None:
    """Do nothing."""


class _Listening(Packetizer):
    """Notes when the last packet came."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.heard = time.monotonic()
        self.said: list[str] = []
        """The first lines that came before the protocol began."""
        self.before: Callable[[], None] = _nothing
        """Called when the packet before has been dealt with."""

    def read_message(self) -> tuple[int, paramiko.Message]:
        """Read a packet."""
        self.before()
        found = super().read_message()
        self.heard = time.monotonic()
        return found

    def readline(self, timeout: float) -> str:
        """Read a line before the protocol begins."""
        try:
            line = super().readline(timeout)
        except UnicodeDecodeError as error:
            line = error.object.decode("utf-8", "replace")
        self.heard = time.monotonic()
        if len(self.said) < 5:
            self.said.append(line[:200])
        return line


class Socket(Protocol):
    """What a transport needs of what carries it."""

    def send(self, data: bytes, /) -> int:
        """Send some of `data`; give how much."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Receive at most `size` bytes; none at the end."""
        ...

    def settimeout(self, seconds: float | None, /) -> None:
        """Let the others raise TimeoutError after so long."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Tunnel:
    """A channel through a jump host as a `Socket`: one whose connection is gone can still be closed."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    @property
    def _closed(self) -> bool:
        """Tell paramiko whether it is closed, as sockets do."""
        return self._channel.closed

    def send(self, data: bytes) -> int:
        """See `Socket.send`."""
        return self._channel.send(data)

    def recv(self, size: int) -> bytes:
        """See `Socket.recv`."""
        return self._channel.recv(size)

    def settimeout(self, seconds: float | None) -> None:
        """See `Socket.settimeout`."""
        self._channel.settimeout(seconds)

    def close(self) -> None:
        """See `Socket.close`."""
        with suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()


class Wire(paramiko.Transport):
    """A transport over `sock`. `below` is closed with it: what carries the socket."""

    def __init__(self, sock: Socket, below: Callable[[], None]) -> None:
        super().__init__(
            sock,  # type: ignore[arg-type]  # it takes whatever has these methods
            default_window_size=WINDOW,
            default_max_packet_size=PACKET,
            packetizer_class=_Listening,
        )
        self._below = below
        self._room = threading.Condition()
        self._open: set[int] = set()
        self._opening = 0
        self._leaving: list[int] = []
        self._limit = SESSIONS
        self._refused_at = 0.0
        self._most = 0
        self._listening.before = self._give_rooms
        self._ended = threading.Event()
        self.farewell = ""
        """Why the server hung up, in its own words (not fit for a terminal)."""
        self.get_security_options().ciphers = CIPHERS
        self.packetizer.REKEY_BYTES = REKEY
        self.packetizer.REKEY_PACKETS = REKEY

    @property
    def greeting(self) -> tuple[str, ...]:
        """Give the first lines that the other side said (not fit for a terminal)."""
        return tuple(self._listening.said)

    @property
    def silence(self) -> float:
        """Give the seconds since something came from the other side."""
        return time.monotonic() - self._listening.heard

    @property
    def alive(self) -> bool:
        """Tell whether sessions can be opened."""
        return self.is_active() and self.is_authenticated()

    @property
    def _listening(self) -> _Listening:
        assert isinstance(self.packetizer, _Listening)
        return self.packetizer

    def session(self, deadline: float) -> paramiko.Channel:
        """Open a session channel, waiting for room until the monotonic clock says `deadline`.

        Raises:
            paramiko.SSHException, EOFError, OSError: the link broke, or the server refuses every session.
            TimeoutError: all sessions were taken all the time.
        """
        while True:
            self._take_room(deadline)
            try:
                channel = self.open_session(timeout=max(1.0, deadline - time.monotonic()))
            except paramiko.SSHException as error:
                # Where several threads are refused at once, paramiko gives some of them no ChannelException.
                lost = not self.is_active() or "timeout" in str(error).lower()
                if self._refused(deadline, lost=lost):
                    raise
            except BaseException:
                with self._room:
                    self._opening -= 1
                    self._room.notify()
                raise
            else:
                with self._room:
                    self._opening -= 1
                    self._open.add(channel.get_id())
                    self._most = max(self._most, len(self._open))
                    # A channel that is forgotten gives its room back as well.
                    weakref.finalize(channel, self._give_room, channel.get_id()).atexit = False
                return channel

    def _take_room(self, deadline: float) -> None:
        with self._room:
            while len(self._open) + self._opening >= self._limit:
                if not self.is_active():
                    raise EOFError
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self._room.wait(min(left, 1.0))
                if self._limit < SESSIONS and time.monotonic() - self._refused_at > _FORGET:
                    self._limit += 1
                    self._refused_at = time.monotonic()
            self._opening += 1

    def _refused(self, deadline: float, *, lost: bool) -> bool:
        """Learn that there is less room than we thought, and wait for some; True when there can be none, or the link is lost.

        The server may allow fewer sessions, or still hold some whose channel is closed and whose command has not ended.
        """
        with self._room:
            self._opening -= 1
            taken = len(self._open) + self._opening
            if lost or (not taken and not self._most) or time.monotonic() >= deadline:
                self._room.notify()
                return True
            self._limit = max(1, self._most, taken)
            self._refused_at = time.monotonic()
            self._room.wait(_RETRY)
        return False

    def _give_rooms(self) -> None:
        """Give back the room of channels whose end has been answered."""
        if self._leaving:
            with self._room:
                self._open.difference_update(self._leaving)
                self._leaving.clear()
                self._room.notify_all()

    def _give_room(self, number: int) -> None:
        with self._room:
            self._open.discard(number)
            self._room.notify()

    def watch(self) -> None:
        """Begin to ask whether the other side is there, and close the transport when it stays silent."""
        for target, what in ((self._pulse, "pulse"), (self._listen, "watch")):
            threading.Thread(target=target, name=f"ssh {what}", daemon=True).start()

    def _pulse(self) -> None:
        # A thread of its own: on a dead link the question itself waits for room in the socket.
        with suppress(paramiko.SSHException, EOFError, OSError):
            while self.is_active() and not self._ended.wait(PULSE):
                self.global_request("keepalive@openssh.com", wait=True)

    def _listen(self) -> None:
        last = spared = time.monotonic()
        while self.is_active() and not self._ended.wait(1.0):
            now = time.monotonic()
            if now - last > 1.0 + _GRACE:
                # We have been stopped ourselves: what came meanwhile has not been read, and nothing was asked.
                spared = now + _GRACE
            last = now
            if self.silence > SILENCE and now >= spared:
                self.close()

    def close(self) -> None:
        """End the connection and what carries it; everything that waits for it ends."""
        self._ended.set()
        super().close()
        self._below()

    def run(self) -> None:
        """Serve the connection until it ends; paramiko's thread."""
        try:
            super().run()
        finally:
            self._ended.set()
            self._below()
            with self._room:
                self._room.notify_all()

    def _unlink_channel(self, number: int) -> None:
        super()._unlink_channel(number)  # type: ignore[misc]
        # paramiko answers the server's close only afterwards; until then the server counts the session.
        self._leaving.append(number)

    def _parse_disconnect(self, message: paramiko.Message) -> None:
        with suppress(Exception):  # whatever a hostile server makes of it
            copy = paramiko.Message(message.asbytes())
            copy.get_int()
            self.farewell = copy.get_string()[:300].decode("utf-8", "replace")
        super()._parse_disconnect(message)  # type: ignore[misc]
