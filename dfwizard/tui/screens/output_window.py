"""A window on a file of any size: the lines around a place in it, and where each of them stands."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

PIECE = 512 * 1024
"""Bytes that are looked at at once."""

LONGEST_LINE = 4000
"""Bytes after which a line is cut: the rest of it is shown as further lines."""

Read = Callable[[int, int], bytes]
"""Gives the bytes from an offset, at most so many."""


@dataclass(frozen=True)
class Window:
    """Lines of a file of `size` bytes without their ends; `starts` is the offset of each, `end` that of what comes after them."""

    size: int
    lines: tuple[bytes, ...]
    starts: tuple[int, ...]
    end: int

    @property
    def start(self) -> int:
        """Give the offset of the first line."""
        return self.starts[0] if self.starts else 0

    def line_at(self, offset: int) -> int:
        """Give the number of the line that holds the byte at `offset`, from 0; the nearest one when none does."""
        return max(bisect_right(self.starts, offset) - 1, 0)


def read_window(read: Read, size: int, around: int) -> Window:
    """Read whole lines around the offset `around` of a file of `size` bytes."""
    begin = max(0, min(around, size) - PIECE // 2)
    data = read(begin, PIECE)
    size = max(size, begin + len(data))
    if begin > 0:
        skipped = data.find(b"\n", 0, LONGEST_LINE) + 1
        begin, data = begin + skipped, data[skipped:]
    if begin + len(data) < size:
        last = data.rfind(b"\n", max(0, len(data) - LONGEST_LINE))
        data = data[: last + 1] if last >= 0 else data
    lines, starts = _cut(data, begin)
    return Window(size, lines, starts, begin + len(data))


def _cut(data: bytes, begin: int) -> tuple[tuple[bytes, ...], tuple[int, ...]]:
    lines: list[bytes] = []
    starts: list[int] = []
    offset = begin
    whole = data.split(b"\n")
    if not whole[-1]:
        whole.pop()
    for line in whole:
        for at in range(0, len(line) or 1, LONGEST_LINE):
            lines.append(line[at : at + LONGEST_LINE])
            starts.append(offset + at)
        offset += len(line) + 1
    return tuple(lines), tuple(starts)
