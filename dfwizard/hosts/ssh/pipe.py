"""A session channel that carries content as it is: what a request on the server writes, or what it reads, of any length."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import paramiko

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.base import Stream
from dfwizard.hosts.process import RECENT, Tail
from dfwizard.hosts.ssh.frames import Frames, Mark, new_token
from dfwizard.hosts.ssh.shell import functions
from dfwizard.hosts.ssh.worker import Worker

_PATIENCE = 60.0
"""Seconds that the server's shell has to take up a request."""
_MOMENT = 0.5
_WINDOW = 1 << 24
"""Bytes taken at once: all that can have come, for what is left behind is moved in memory."""
_LINK = (paramiko.SSHException, EOFError, OSError)


class Pipe:
    """A request that owns its channel, with the functions of `files`.

    What is sent here is on its descriptor 3, what it writes on its standard output is received here.
    Its standard error is read beside, by a thread of its own.
    """

    def __init__(self, worker: Worker, body: bytes, *files: str, host: str) -> None:
        self._worker = worker
        self._channel = worker.channel
        self._host = host
        self._token = new_token()
        self._rest = b""
        self._given = 0
        """Bytes of the rest that have been given to the receiver."""
        self._errors = Tail(RECENT)
        self._frames = Frames(self._token)
        self.marks: list[Mark] = []
        """What the request has marked on its standard error; all of them once `finish` has returned."""
        self._given_up = False
        worker.spent = True
        began = time.monotonic()
        worker.send(
            f"{{\ndfw_token={self._token}\n".encode()
            + functions(*files)
            + b"dfw_begin\n(\n"
            + body
            + b"\n)\nexit $?\n} 3<&0 </dev/null\n"
        )
        self._await_begin()
        self.answered = time.monotonic() - began
        """Seconds that the request took to be taken up: at least one round trip."""
        self._listener = threading.Thread(target=self._listen, name=f"errors of {host}", daemon=True)
        self._listener.start()

    @property
    def errors(self) -> bytes:
        """Give the last that the request has written on its standard error."""
        return self._errors.value()

    @property
    def leader(self) -> int:
        """Give the pid of the shell there; everything that the request starts descends from it."""
        return self._worker.server.pid

    def receive(self, size: int) -> bytes:
        """Give at most `size` bytes of what the request writes; nothing when it has written all and its channel is closed."""
        if self._given == len(self._rest):
            try:
                self._rest, self._given = self._channel.recv(_WINDOW), 0
            except _LINK as error:
                raise self.lost() from error
        data = self._rest[self._given : self._given + size]
        self._given += len(data)
        return data

    def send(self, data: bytes | memoryview) -> bool:
        """Send all of `data`; False when the request has ended before it has read it."""
        rest = memoryview(data)
        size = max(1, self._channel.out_max_packet_size - 64)
        try:
            while rest:
                count = self._channel.send(bytes(rest[:size]))
                if not count:
                    return False
                rest = rest[count:]
        except _LINK as error:
            if self._alive():
                return False
            raise self.lost() from error
        return True

    def end_input(self) -> None:
        """Say that nothing more is sent."""
        with suppress(*_LINK):
            self._channel.shutdown_write()

    def finish(self) -> tuple[int, bytes]:
        """Wait for the request's end; give its exit code and the last that it wrote on its standard error.

        Raises:
            ConnectionLost: the link was lost first.
            HostError: the shell there was ended, or `close` has been called.
        """
        self._listener.join()
        code = self._channel.recv_exit_status()
        if code == -1:
            raise self.lost()
        return code, self._errors.value()

    def close(self) -> None:
        """Give up, from any thread."""
        self._given_up = True
        with suppress(*_LINK):
            self._channel.close()

    def lost(self) -> HostError:
        """Say why nothing more comes or goes."""
        if self._given_up:
            return HostError("this transfer was given up", where=self._host)
        if self._alive():
            return HostError(
                "the shell that carried a transfer was ended there",
                where=self._host,
                remedy="See who or what ended it (`dmesg` tells of the OOM killer), then try again.",
            )
        return ConnectionLost(
            "the connection was lost in the middle of a transfer",
            where=self._host,
            remedy="Look at the network and at sshd there (`journalctl -u ssh`), then try again.",
        )

    def _alive(self) -> bool:
        """Tell whether the link is there, and only this channel has ended."""
        transport = self._channel.get_transport()
        if self._channel.exit_status == -1 and transport.is_active():
            # A transport that breaks ends its channels first, itself a moment later.
            transport.join(_MOMENT)
        return bool(transport.is_active())

    def _await_begin(self) -> None:
        sign = f"{self._token}S 0\n".encode()
        got: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        until = time.monotonic() + _PATIENCE
        while not all(sign in data for data in got.values()):
            received = self._worker.receive(until)
            if not received:
                self.close()
                raise HostError("the shell there does not answer", where=self._host, remedy="Try again.")
            for stream, data in received:
                got[stream] += data
        self._rest = got["stdout"].partition(sign)[2]
        self._hear(sign + got["stderr"].partition(sign)[2])

    def _listen(self) -> None:
        with suppress(*_LINK):
            while data := self._channel.recv_stderr(1 << 16):
                self._hear(data)

    def _hear(self, data: bytes) -> None:
        for event in self._frames.feed(data):
            if isinstance(event, Mark):
                self.marks.append(event)
            else:
                self._errors.add(event)
