"""Streams over SSH: files that are read or grow, each on a channel of the connection for bulk. See `Host`."""

from __future__ import annotations

import errno
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from dfwizard.errors import HostError
from dfwizard.hosts.failures import given_up, os_failure, too_short
from dfwizard.hosts.procfs import MARK
from dfwizard.hosts.ssh import messages
from dfwizard.hosts.ssh.becoming import Entrance
from dfwizard.hosts.ssh.lanes import SEGMENT, Lanes
from dfwizard.hosts.ssh.pipe import Pipe
from dfwizard.hosts.ssh.ready import ReadyShell
from dfwizard.hosts.ssh.shell import call, place, word
from dfwizard.hosts.ssh.worker import Worker

_LANES = 6
"""At most; sshd allows ten sessions for a connection (MaxSessions)."""
_LANE_SECONDS = 0.010
"""The round trip from which one channel of 2 MiB is too slow: it bears 200 MB/s there. One lane for each of them."""
_LANE_WAIT = 10.0
_ASKED = 2
_FUNCTIONS = "streams.sh"
_READY = b"A"
"""What comes before everything else once the file is open."""
_SHORT = "dfw: short "

FreeBytes = Callable[[str], int]
"""Gives the bytes free where a path lies; HostError where that cannot be told."""


class Streams:
    """What is transferred from and to one host."""

    def __init__(self, entrance: Entrance, free_bytes: FreeBytes, *, host: str) -> None:
        self._entrance = entrance
        self._host = host
        self._free_bytes = free_bytes
        self._taking = threading.Lock()
        self._ready: ReadyShell | None = None
        self._round_trip: float | None = None
        """Seconds that the quickest answer has taken: the round trip, and a little for the shell."""

    def open(self, body: bytes, *files: str) -> Pipe:
        """Have a request taken up on a channel of its own, with the functions of `files`.

        Raises:
            HostError: the host cannot be reached.
        """
        return Pipe(self._worker(None), body, *files, host=self._host)

    def close(self) -> None:
        """End the shell that is kept ready; streams that run go on."""
        if self._ready is not None:
            self._ready.discard()

    def _worker(self, wait: float | None) -> Worker:
        with self._taking:
            ready, self._ready = self._ready, None
        worker = ready.take() if ready is not None else None
        if worker is None:
            worker = self._entrance.open(wait, bulk=True)
        with self._taking:
            if self._ready is None:
                self._ready = ReadyShell(lambda: self._entrance.open(_LANE_WAIT, bulk=True))
        if self._round_trip is None:
            taken = []
            for _ in range(_ASKED):
                began = time.monotonic()
                worker.ask(b":")
                taken.append(time.monotonic() - began)
            self._round_trip = min(taken)
        return worker

    @contextmanager
    def reading(self, path: str, *, offset: int) -> Iterator[_Reading]:
        """See `Host.reading`."""
        body = self._body("read", path, lambda: call("dfw_source", place(path), offset))
        pipe = self.open(body, _FUNCTIONS)
        reading = _Reading(pipe, lambda text: self._refusal("read", path, text))
        try:
            if pipe.receive(1) != _READY:
                reading.conclude()
                raise pipe.lost()
            yield reading
        finally:
            reading.close()

    @contextmanager
    def appending(
        self, path: str, *, mode: int, offset: int | None, mark: str | None
    ) -> Iterator[_Appending]:
        """See `Host.appending`."""
        export = b"export " + word(f"{MARK}={mark}") + b"\n" if mark is not None else b""

        def refused(text: bytes) -> HostError:
            line = messages.said(text)
            if line.startswith(_SHORT) and offset is not None:
                return too_short(path, int(line.removeprefix(_SHORT)), offset, host=self._host)
            return self._refusal("write", path, text)

        def finish(pipe: Pipe) -> None:
            code, text = pipe.finish()
            if code:
                raise refused(text)

        def opened(worker: Worker, function: str, *words: str | int) -> Pipe:
            body = self._body("write", path, lambda: export + call(function, place(path), *words))
            pipe = Pipe(worker, body, _FUNCTIONS, host=self._host)
            self._round_trip = min(self._round_trip or pipe.answered, pipe.answered)
            if pipe.receive(1) != _READY:
                finish(pipe)
                raise pipe.lost()
            return pipe

        def more() -> Pipe:
            return opened(self._worker(_LANE_WAIT), "dfw_lane", SEGMENT)

        worker = self._worker(None)
        most = min(_LANES, math.ceil((self._round_trip or 0) / _LANE_SECONDS))
        words = (f"{mode:o}", "" if offset is None else str(offset))
        if most > 1 and offset is not None and offset % SEGMENT == 0:
            first = opened(worker, "dfw_first_lane", *words, SEGMENT)
            lanes = Lanes(first, more, finish, start=offset // SEGMENT, most=most)
            appending = _Appending(lanes.write, lanes.finish, lanes.close, host=self._host)
        else:
            appending = _plain(opened(worker, "dfw_append", *words), finish, self._host)
        try:
            yield appending
            appending.sync()
        finally:
            appending.close()

    def _body(self, doing: str, path: str, make: Callable[[], bytes]) -> bytes:
        try:
            return make()
        except (OSError, ValueError) as error:
            raise os_failure(error, doing=doing, path=path, host=self._host) from error

    def _refusal(self, doing: str, path: str, text: bytes) -> HostError:
        free: int | None = None
        if messages.number_of(text) == errno.ENOSPC:
            with suppress(HostError):
                free = self._free_bytes(path)
        return messages.refusal(text, doing=doing, path=path, host=self._host, free=free)


class _Reading:
    """A file that is read."""

    exact = False

    def __init__(self, pipe: Pipe, refusal: Callable[[bytes], HostError]) -> None:
        self._pipe = pipe
        self._refusal = refusal
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """See `ByteSource.read`."""
        if self._ended:
            return b""
        data = self._pipe.receive(size)
        if not data:
            self.conclude()
        return data

    def conclude(self) -> None:
        """Wait for the end, and raise what is wrong with it."""
        code, text = self._pipe.finish()
        if code:
            raise self._refusal(text)
        self._ended = True

    def close(self) -> None:
        """See `ByteSource.close`."""
        self._pipe.close()


class _Appending:
    """A file that grows."""

    exact = False

    def __init__(
        self,
        write: Callable[[bytes], None],
        finish: Callable[[], None],
        close: Callable[[], None],
        *,
        host: str,
    ) -> None:
        self._host = host
        self._write = write
        self._finish = finish
        self._close = close
        self._synced = False

    def write(self, data: bytes, /) -> None:
        """See `ByteSink.write`."""
        if self._synced:
            raise given_up("write", host=self._host)
        self._write(data)

    def sync(self) -> None:
        """See `FileSink.sync`."""
        if not self._synced:
            self._finish()
            self._synced = True

    def close(self) -> None:
        """See `ByteSink.close`."""
        self._close()


def _plain(pipe: Pipe, finish: Callable[[Pipe], None], host: str) -> _Appending:
    def write(data: bytes) -> None:
        if not pipe.send(data):
            finish(pipe)
            raise pipe.lost()

    def end() -> None:
        pipe.end_input()
        finish(pipe)

    return _Appending(write, end, pipe.close, host=host)
