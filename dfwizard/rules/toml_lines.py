"""On which line of a TOML text a key stands: tomllib reads values only, and errors have to name the line."""

from __future__ import annotations

import re
from collections.abc import Iterator

Path = tuple["str | int", ...]
"""Keys and indexes from the top of the document: ("releases", 3, "commit")."""

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_ARRAY_HEADER = re.compile(rf"\s*\[\[\s*({_DOTTED})\s*\]\]")
_TABLE_HEADER = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_TOKEN = re.compile(r'''"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[\[\]{}]|\#''')


def line_of(text: str, path: Path) -> int:
    """Give the line (from 1) of the value at `path`, or of the nearest thing around it that has one."""
    best, best_length = 1, 0
    for found, line in _places(text):
        length = len(found)
        if best_length < length <= len(path) and path[:length] == found:
            best, best_length = line, length
    return best


def _places(text: str) -> Iterator[tuple[Path, int]]:
    """Give each table header and key with its path and line."""
    table: Path = ()
    counts: dict[Path, int] = {}
    inside = _Inside()
    for number, line in enumerate(text.split("\n"), start=1):
        if inside.nothing:
            array, header, key = _ARRAY_HEADER.match(line), _TABLE_HEADER.match(line), _KEY.match(line)
            if array:
                *around, own = _parts(array[1])
                name = (*_absolute(around, counts), own)
                counts[name] = counts.get(name, -1) + 1
                table = (*name, counts[name])
                yield table, number
                continue
            if header:
                table = _absolute(_parts(header[1]), counts)
                yield table, number
                continue
            if key:
                path = table
                for part in _parts(key[1]):
                    path = (*path, part)
                    yield path, number
        inside.feed(line)


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(_PART, dotted)]


def _absolute(parts: list[str], counts: dict[Path, int]) -> Path:
    """Insert, after each name of an array of tables, the index of its latest entry."""
    path: Path = ()
    for part in parts:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path])
    return path


class _Inside:
    """Whether the next line begins inside an array or a string of several lines."""

    def __init__(self) -> None:
        self._string = ""
        self._depth = 0

    @property
    def nothing(self) -> bool:
        return not self._string and self._depth == 0

    def feed(self, line: str) -> None:
        at = 0
        while at <= len(line):
            if self._string:
                end = line.find(self._string, at)
                if end < 0:
                    return
                at, self._string = end + len(self._string), ""
            token = _TOKEN.search(line, at)
            if token is None or token[0] == "#":
                return
            at = token.end()
            if token[0] in ('"""', "'''"):
                self._string = token[0]
            elif token[0] in "[{":
                self._depth += 1
            elif token[0] in "]}":
                self._depth -= 1
