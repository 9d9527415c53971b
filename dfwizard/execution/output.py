"""A step's output: redacted, written to its file as it comes; the last useful lines, without row data, for the failure message."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dfwizard.execution import durable
from dfwizard.execution.redaction import RedactingStream, Redactor
from dfwizard.execution.rowdata import TURNING, RowFilter

TAIL_LINES = 20
TAIL_COLUMNS = 400
_LONGEST_LINE = 64 * 1024
_WINDOW = 64 * 1024
_OVERLAP = 4 * 1024

_CONTROL = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)

_FRAME = re.compile(r"\s*#(?:[3-9]|\d{2,}) ")
_FRAME_BYTES = re.compile(_FRAME.pattern.encode())
"""A further frame of PHP's stack traces: it says nothing, and dozens of them would push out the line that they belong to."""


def plain(data: bytes) -> bytes:
    """Give `data` without terminal control sequences and control characters other than tab and line ends."""
    return _CONTROL.sub(b"", data)


def last_lines(data: bytes) -> tuple[str, ...]:
    """Give the last lines that say something, plain and without row data: at most `TAIL_LINES`, each at most `TAIL_COLUMNS` long."""
    stream = _TailStream(itertools.count())
    stream.feed(data)
    stream.end()
    return _merged((stream,))


def _merged(streams: Sequence[_TailStream]) -> tuple[str, ...]:
    """Give the last lines of all streams in the order they came in; each stream has its share of them, whatever came after it.

    What two pipes bring at the same time is read in either order: a long stdout must not push the one line of stderr out.
    """
    share = TAIL_LINES // max(1, len(streams))
    kept = [line for stream in streams for line in tuple(stream.lines)[-share:]]
    others = sorted(line for stream in streams for line in tuple(stream.lines)[:-share])
    room = TAIL_LINES - len(kept)
    return tuple(text for _, text in sorted((*kept, *(others[-room:] if room else ()))))


class _TailStream:
    """One stream's last lines, each with its number in the order in which those of all streams came.

    Of a line longer than 64 KiB the beginning is looked at.
    """

    def __init__(self, numbers: Iterator[int]) -> None:
        self.lines: deque[tuple[int, str]] = deque(maxlen=TAIL_LINES)
        self._numbers = numbers
        self._rows = RowFilter()
        self._line = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        # A carriage return is held back: with a line feed after it, it is one line end and not two.
        held = b"\r" if data.endswith(b"\r") else b""
        data = data.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not self._rows.busy and not TURNING.search(self._line + data):
            data = self._skipped(data)
        first, *rest = data.split(b"\n")
        self._extend(first)
        for piece in rest:
            self._over()
            self._extend(piece)
        self._line += held

    def end(self) -> None:
        """Take what was left without a line end."""
        self._over()
        self._put(self._rows.end())

    def _skipped(self, data: bytes) -> bytes:
        """Give the end of `data`, where no more of it can come into the tail: what is earlier need not be looked at."""
        lines = data.split(b"\n")
        useful = [
            number for number, line in enumerate(lines[:-1]) if line.strip() and not _FRAME_BYTES.match(line)
        ]
        if len(useful) <= 2 * TAIL_LINES:
            return data
        self._line = b""
        return b"\n".join(lines[useful[-2 * TAIL_LINES] :])

    def _extend(self, piece: bytes) -> None:
        if self._line.endswith(b"\r") and piece:
            self._over()
        self._line += piece[: max(0, _LONGEST_LINE - len(self._line))]

    def _over(self) -> None:
        line, self._line = plain(self._line.removesuffix(b"\r")).decode("utf-8", "replace"), b""
        self._put(self._rows.feed(line))

    def _put(self, lines: list[str]) -> None:
        for line in lines:
            shown = line.rstrip()
            if shown and not _FRAME.match(shown):
                cut = shown if len(shown) <= TAIL_COLUMNS else f"{shown[: TAIL_COLUMNS - 1]}…"
                self.lines.append((next(self._numbers), cut))


class OutputFile:
    """Takes a step's output. A full disk loses output, never the step: `lost` tells how many bytes."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.lost = 0
        self._redactor = redactor
        self._streams: dict[str, tuple[RedactingStream, _TailStream]] = {}
        self._numbers = itertools.count()
        self._fd = -1
        with contextlib.suppress(OSError):
            self._fd = os.open(
                path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode=0o600
            )

    def write(self, data: bytes | str, stream: str = "") -> None:
        """Take a piece of output. A secret is found across the pieces of one `stream`, whatever comes between them."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        if stream not in self._streams:
            self._streams[stream] = (self._redactor.stream(), _TailStream(self._numbers))
        redacting, tail = self._streams[stream]
        self._put(redacting.feed(data), tail)

    def close(self) -> tuple[str, ...]:
        """Write what was held back, close the file, and give the last useful lines."""
        for redacting, tail in self._streams.values():
            self._put(redacting.end(), tail)
            tail.end()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return _merged(tuple(tail for _, tail in self._streams.values()))

    def _put(self, data: bytes, tail: _TailStream) -> None:
        if not data:
            return
        tail.feed(data)
        try:
            durable.write_all(self._fd, data)
        except OSError:
            self.lost += len(data)


class Refusals:
    """Looks for output that fails a command whatever its exit code; remembers the first line that matched.

    Patterns see one line at a time, without control sequences; of a line longer than 64 KiB they see overlapping pieces.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.matched: str | None = None
        self._patterns = tuple(re.compile(pattern.encode("utf-8"), re.MULTILINE) for pattern in patterns)
        self._pending: dict[str, bytes] = {}

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take a piece of one of the command's streams."""
        if not self._patterns or self.matched is not None:
            return
        data = self._pending.get(stream, b"") + chunk
        head, newline, rest = data.rpartition(b"\n")
        if newline:
            self._search(head)
        while len(rest) > _WINDOW:
            self._search(rest[:_WINDOW])
            rest = rest[_WINDOW - _OVERLAP :]
        self._pending[stream] = rest

    def end(self) -> str | None:
        """Look at what was left without a line end; give the line that matched, None when none did."""
        for rest in self._pending.values():
            self._search(rest)
        self._pending.clear()
        return self.matched

    def _search(self, data: bytes) -> None:
        text = plain(data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        for pattern in self._patterns:
            match = pattern.search(text)
            if match and self.matched is None:
                begin = text.rfind(b"\n", 0, match.start()) + 1
                end = text.find(b"\n", match.end())
                line = text[begin : end if end >= 0 else len(text)]
                self.matched = line.decode("utf-8", "replace").strip()[:TAIL_COLUMNS]
