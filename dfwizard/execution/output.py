"""A step's output: redacted, written to its file as it comes, and the last useful lines kept for the failure message."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from dfwizard.execution import durable
from dfwizard.execution.redaction import RedactingStream, Redactor

TAIL_LINES = 20
TAIL_COLUMNS = 400
_TAIL_BYTES = 16 * 1024
_WINDOW = 64 * 1024
_OVERLAP = 4 * 1024

_CONTROL = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)


def plain(data: bytes) -> bytes:
    """Give `data` without terminal control sequences and control characters other than tab and line ends."""
    return _CONTROL.sub(b"", data)


def last_lines(data: bytes) -> tuple[str, ...]:
    """Give the last lines that say something: at most `TAIL_LINES`, each at most `TAIL_COLUMNS` long, plain."""
    text = plain(data).decode("utf-8", "replace")
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    return tuple(
        line if len(line) <= TAIL_COLUMNS else f"{line[: TAIL_COLUMNS - 1]}…" for line in lines[-TAIL_LINES:]
    )


class OutputFile:
    """Takes a step's output. A full disk loses output, never the step: `lost` tells how many bytes."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.lost = 0
        self._redactor = redactor
        self._streams: dict[str, RedactingStream] = {}
        self._tail = b""
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
            self._streams[stream] = self._redactor.stream()
        self._put(self._streams[stream].feed(data))

    def close(self) -> tuple[str, ...]:
        """Write what was held back, close the file, and give the last useful lines."""
        for stream in self._streams.values():
            self._put(stream.end())
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return last_lines(self._tail)

    def _put(self, data: bytes) -> None:
        if not data:
            return
        self._tail = (self._tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]
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
