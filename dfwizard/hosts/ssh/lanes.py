"""Writing one file over several channels at once.

sshd lets 2 MiB be on their way in one channel: at 80 ms of round trip that is 25 MB/s, whatever the line bears. Segments of the file
therefore go by several channels, each to its own place; a cut may leave gaps, so that what is there has to be compared before it goes on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from dfwizard.errors import HostError
from dfwizard.hosts.ssh.pipe import Pipe

SEGMENT = 1 << 21
"""Bytes that go to their place at a time; what is written so begins at a multiple of it."""
_WAITING = 4
"""Segments that may wait for a lane."""

Finish = Callable[[Pipe], None]
"""Waits for a lane's end and raises what is wrong with it."""


@dataclass(frozen=True)
class _Segment:
    number: int
    data: bytes
    last: bool


class Lanes:
    """The lanes to one file, from its segment `start` on.

    `first` is open; `more` opens another one, and may fail where the server allows no more of them.
    """

    def __init__(
        self, first: Pipe, more: Callable[[], Pipe], finish: Finish, *, start: int, most: int
    ) -> None:
        self._more = more
        self._finish = finish
        self._most = most
        self._number = start
        self._gathered = bytearray()
        self._waiting: deque[_Segment] = deque()
        self._change = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self._pipes: list[Pipe] = []
        self._running = 0
        """Lanes that have begun and not ended."""
        self._begun = 0
        self._begin(first)

    def write(self, data: bytes) -> None:
        """Take all of `data`, waiting for room.

        Raises:
            HostError: a lane has failed.
        """
        self._gathered += data
        while len(self._gathered) >= SEGMENT:
            segment = bytes(self._gathered[:SEGMENT])
            del self._gathered[:SEGMENT]
            self._put(segment)

    def finish(self) -> None:
        """Send what is left, and wait until all of it is in the file and on the disk.

        Raises:
            HostError: a lane has failed.
        """
        if self._gathered:
            self._put(bytes(self._gathered), last=True)
            self._gathered.clear()
        with self._change:
            self._ended = True
            self._change.notify_all()
            self._change.wait_for(lambda: self._error is not None or self._running == 0)
            if self._error is not None:
                raise self._error

    def close(self) -> None:
        """Give up, from any thread."""
        with self._change:
            self._ended = True
            self._waiting.clear()
            pipes = tuple(self._pipes)
            self._change.notify_all()
        for pipe in pipes:
            pipe.close()

    def _put(self, data: bytes, *, last: bool = False) -> None:
        with self._change:
            # Those that are there are busy: the way is long, and one more finds room on it.
            grow = bool(self._waiting) and self._begun < self._most
        if grow:
            self._begin(None)
        with self._change:
            self._change.wait_for(lambda: self._error is not None or len(self._waiting) < _WAITING)
            if self._error is not None:
                raise self._error
            self._waiting.append(_Segment(self._number, data, last))
            self._number += 1
            self._change.notify_all()

    def _begin(self, pipe: Pipe | None) -> None:
        self._begun += 1
        if pipe is not None:
            self._pipes.append(pipe)
            self._running += 1
        threading.Thread(target=self._lane, args=(pipe,), name="lane", daemon=True).start()

    def _lane(self, pipe: Pipe | None) -> None:
        if pipe is None:
            pipe = self._opened()
        if pipe is None:
            return
        try:
            whole = True
            while whole and (segment := self._take()) is not None:
                whole = pipe.send(b"%d\n" % segment.number) and pipe.send(segment.data)
                if segment.last:
                    break
            pipe.end_input()
            self._finish(pipe)
            if not whole:
                raise pipe.lost()
        except BaseException as error:
            with self._change:
                self._error = self._error or error
        finally:
            with self._change:
                self._running -= 1
                self._change.notify_all()

    def _opened(self) -> Pipe | None:
        """Open one more lane; None where that is not possible, or too late."""
        try:
            pipe = self._more()
        except HostError:
            return None  # the lanes that are there have to do
        with self._change:
            if not self._ended:
                self._pipes.append(pipe)
                self._running += 1
                return pipe
        pipe.close()
        return None

    def _take(self) -> _Segment | None:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._ended or self._error is not None)
            if not self._waiting or self._error is not None:
                return None
            segment = self._waiting.popleft()
            self._change.notify_all()
            return segment
