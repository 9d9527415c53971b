"""Moving a stream from one host to another through this process: reading and writing at once, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.base import ByteSink, ByteSource
from dfwizard.hosts.transfer.progress import Gauge

BLOCK = 1 << 20
_ON_THE_BELT = 16
"""Blocks that may have been read and not been written yet."""
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0


class _Belt:
    """Blocks on their way from the thread that reads to the one that writes."""

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque()
        self._change = threading.Condition()
        self._ended = False
        self._abandoned = False
        self._error: BaseException | None = None

    def put(self, block: bytes) -> bool:
        """Add a block when there is room; False when nobody will take it."""
        with self._change:
            self._change.wait_for(lambda: self._abandoned or len(self._blocks) < _ON_THE_BELT)
            self._blocks.append(block)
            self._change.notify_all()
            return not self._abandoned

    def end(self, error: BaseException | None) -> None:
        """Say that no more blocks come, and why when that is not as it should be."""
        with self._change:
            self._ended, self._error = True, error
            self._change.notify_all()

    def take(self) -> bytes | None:
        """Give the next block, None after the last; raise what ended the reading early."""
        with self._change:
            self._change.wait_for(lambda: self._ended or self._blocks)
            if self._blocks:
                self._change.notify_all()
                return self._blocks.popleft()
            if self._error is not None:
                raise self._error
            return None

    def abandon(self) -> None:
        """Say that no more blocks are taken."""
        with self._change:
            self._abandoned = True
            self._change.notify_all()


def pour(
    source: ByteSource,
    sink: ByteSink,
    *,
    patience: float,
    taken: Callable[[bytes], None] | None = None,
    written: Callable[[bytes], None] | None = None,
) -> int:
    """Move everything from `source` to `sink`; give how many bytes that were.

    `taken` sees each block in the thread that reads, `written` in the calling one. Both streams are closed when nothing has moved for
    `patience` seconds.

    Raises:
        HostError: from either side, or nothing moves.
    """
    belt = _Belt()
    count = 0

    def feed() -> None:
        try:
            while block := source.read(BLOCK):
                if taken is not None:
                    taken(block)
                if not belt.put(block):
                    return
            belt.end(None)
        except BaseException as error:
            belt.end(error)

    reader = threading.Thread(target=feed, name="transfer", daemon=True)
    with _watched(source, sink, patience) as moved:
        reader.start()
        try:
            while (block := belt.take()) is not None:
                sink.write(block)
                moved()
                count += len(block)
                if written is not None:
                    written(block)
        except BaseException:
            belt.abandon()
            source.close()
            raise
        finally:
            reader.join()
    return count


@contextmanager
def _watched(source: ByteSource, sink: ByteSink, patience: float) -> Iterator[Callable[[], None]]:
    """Close both streams when the function given has not been called for `patience` seconds, and say so."""
    over = threading.Event()
    last = time.monotonic()
    stalled = False

    def moved() -> None:
        nonlocal last
        last = time.monotonic()

    def watch() -> None:
        nonlocal stalled
        while not over.wait(max(0.01, last + patience - time.monotonic())):
            if time.monotonic() >= last + patience:
                stalled = True
                source.close()
                sink.close()
                return

    watcher = threading.Thread(target=watch, name="transfer's watch", daemon=True)
    watcher.start()
    failure: HostError | None = None
    try:
        yield moved
    except HostError as error:
        failure = error
    finally:
        over.set()
        watcher.join()
    if stalled:
        raise HostError(
            f"nothing has moved for {_duration(patience)}",
            where=failure.where if failure else None,
            remedy="Both hosts answer, but a disk or a program there may hang: look at them, then try again;"
            " it goes on where it stopped.",
        ) from failure
    if failure is not None:
        raise failure


def persistently(attempt: Callable[[], None], *, patience: float, gauge: Gauge) -> None:
    """Call `attempt` again, after a growing pause, whenever the link is lost, until nothing has moved for `patience` seconds."""
    pause = _FIRST_PAUSE
    began = time.monotonic()
    before = gauge.moved_at
    while True:
        try:
            attempt()
            return
        except ConnectionLost as error:
            gauge.rest()
            if gauge.moved_at > before:
                before, pause = gauge.moved_at, _FIRST_PAUSE
            still = time.monotonic() - max(began, before)
            if still + pause > patience:
                raise ConnectionLost(
                    f"{error.what}; nothing has moved for {_duration(still)}",
                    where=error.where,
                    remedy=f"{error.remedy or 'Look at the network.'} A later attempt goes on where this one stopped.",
                ) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"
