"""Text for terminals: nothing in it that a terminal obeys, and no line longer than it has to be.

What comes from outside (file names, a server's answers, programs' output) may hold control characters; each text passes `plain` before
it is shown.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 80

# Whole escape sequences (CSI, OSC up to BEL or ST, other two-byte ones) are dropped: what is left of them would be gibberish. One that
# nothing ends is not dropped to the end of the text: a name would hide all that is said behind it.
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]"
)
# Control characters, marks that turn the direction of what follows or are not seen at all, line separators, bytes that were not UTF-8.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def plain(text: str) -> str:
    r"""Give `text` as one line that is safe to show: escape sequences dropped, other hidden characters spelt (`\x07`).

    Bytes that were not UTF-8 (lone surrogates) are spelt as such: `\xff`.
    """
    return _HIDDEN.sub(_spell, _SEQUENCE.sub("", text))


def plain_lines(text: str) -> list[str]:
    """Give the lines of `text`, each as by `plain`, tabs as spaces; carriage returns before a line's end go."""
    lines = text.replace("\r\n", "\n").split("\n")
    return [plain(line.expandtabs(4)) for line in (lines[:-1] if lines[-1] == "" else lines)]


def one_line(text: str) -> str:
    """Give `text` as one line that is safe to show, its line ends as blanks."""
    return " ".join(line.strip() for line in plain_lines(text)).strip()


def _spell(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def wrap(text: str, *, width: int = WIDTH, indent: str = "", first: str | None = None) -> list[str]:
    """Wrap `text` (one paragraph for each line of it) to `width` columns; `first` begins the first line instead of `indent`."""
    lines: list[str] = []
    start = indent if first is None else plain(first)
    for paragraph in plain_lines(text) or [""]:
        lines += textwrap.wrap(
            paragraph,
            max(width, len(indent) + 20),
            initial_indent=start,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [start.rstrip()]
        start = indent
    return lines


def cut(text: str, width: int) -> list[str]:
    """Cut one line at every `width` columns, anywhere: nothing of it may be lost, and blanks count."""
    line = plain(text.expandtabs(4))
    return [line[at : at + width] for at in range(0, len(line) or 1, width)]


def folded(text: str, width: int) -> list[str]:
    """Wrap as `wrap`, to at least 20 columns; a word that is longer, such as a path, goes on in the next line: nothing is out of sight."""
    width = max(width, 20)
    return [part for line in wrap(text, width=width) for part in cut(line, width)]


def shell_words(line: str) -> list[str]:
    """Split a line of shell at the blanks outside quotes; every word stays as it is written."""
    return [
        match[0]
        for match in re.finditer(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\]|['"\\])+""", line, re.DOTALL)
    ]


def wrap_command(line: str, *, width: int = WIDTH, indent: str = "", prompt: str = "$ ") -> list[str]:
    r"""Wrap a line of shell between its words, with ` \` at the end of a line, so that it can still be copied and run.

    A command of several lines is not wrapped, and its further lines stand flush left: they may be inside of quotes.
    """
    if _HIDDEN.search(line):
        first, *rest = plain_lines(line)
        return [f"{indent}{prompt}{first}", *rest]
    lines: list[str] = []
    current = f"{indent}{prompt}"
    empty = True
    for word in shell_words(line):
        if not empty and len(current) + 1 + len(word) > width - 2:
            lines.append(f"{current} \\")
            current, empty = indent + " " * (len(prompt) + 2), True
        current += word if empty else f" {word}"
        empty = False
    return [*lines, current]


def heading(text: str, *, line: str = "-") -> list[str]:
    """Give a heading: the text, underlined."""
    shown = plain(text)
    return [shown, line * len(shown)]


def columns(pairs: Iterable[tuple[str, str]], *, width: int = WIDTH, indent: str = "  ") -> list[str]:
    """Lay out names and values in two columns, values wrapped."""
    rows = [(plain(name), value) for name, value in pairs]
    if not rows:
        return []
    widest = min(max(len(name) for name, _ in rows), 24)
    lines: list[str] = []
    for name, value in rows:
        lines += wrap(
            value, width=width, indent=indent + " " * (widest + 2), first=f"{indent}{name:<{widest}}  "
        )
    return lines


@dataclass(frozen=True)
class Table:
    """A table for the terminal: `head` and `rows` of the same length. The last column takes what width is left."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self, *, width: int = WIDTH) -> list[str]:
        """Lay it out; cells that are too long are wrapped inside their column."""
        cells = [tuple(one_line(cell) for cell in row) for row in (self.head, *self.rows)]
        widths = self._widths(cells, width)
        lines = self._row(cells[0], widths)
        lines.append("  ".join("-" * each for each in widths))
        for row in cells[1:]:
            lines += self._row(row, widths)
        return lines

    @staticmethod
    def _widths(cells: list[tuple[str, ...]], width: int) -> list[int]:
        natural = [max(1, *(len(row[index]) for row in cells)) for index in range(len(cells[0]))]
        room = width - 2 * (len(natural) - 1)
        while sum(natural) > room and max(natural) > 8:
            natural[natural.index(max(natural))] -= 1
        return natural

    @staticmethod
    def _row(row: tuple[str, ...], widths: list[int]) -> list[str]:
        wrapped = [textwrap.wrap(cell, each) or [""] for cell, each in zip(row, widths, strict=True)]
        height = max(len(cell) for cell in wrapped)
        return [
            "  ".join(
                f"{cell[line] if line < len(cell) else '':<{each}}"
                for cell, each in zip(wrapped, widths, strict=True)
            ).rstrip()
            for line in range(height)
        ]
