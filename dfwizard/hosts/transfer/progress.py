"""How far a transfer has come, how fast it is and how long it may still take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`done` and `total` in bytes, `speed` in bytes per second over the last few seconds, `eta` in seconds; None is what is not known."""

    done: int
    total: int | None
    speed: float
    eta: float | None


OnProgress = Callable[[Progress], None]
"""Called at most ten times a second, in the thread that asked for the transfer."""

_INTERVAL = 0.1
_WINDOW = 5.0
"""Seconds over which the speed is taken."""


class Gauge:
    """Counts bytes and tells about them; knows when the last of them moved (`moved_at`, monotonic seconds)."""

    def __init__(self, total: int | None, tell: OnProgress | None) -> None:
        self.done = 0
        self.moved_at = time.monotonic()
        self._total = total
        self._tell = tell
        self._told_at = float("-inf")
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        """Count bytes that have just been moved."""
        self.done += count
        self.moved_at = now = time.monotonic()
        if now >= self._told_at + _INTERVAL:
            self._say(now)

    def set(self, done: int) -> None:
        """Say how many bytes are there already; moving them has taken no time that counts for the speed."""
        self.done = done
        self._samples.clear()
        self._say(time.monotonic())

    def rest(self) -> None:
        """Tell that nothing moves for the time being."""
        self.set(self.done)

    def finish(self) -> None:
        """Tell the last state, whenever the one before was told."""
        self._say(time.monotonic())

    def _say(self, now: float) -> None:
        self._samples.append((now, self.done))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()
        if self._tell is None:
            return
        self._told_at = now
        began, before = self._samples[0]
        speed = (self.done - before) / (now - began) if now > began else 0.0
        left = None if self._total is None else max(0, self._total - self.done)
        eta = None if left is None else 0.0 if left == 0 else left / speed if speed else None
        self._tell(Progress(self.done, self._total, speed, eta))
