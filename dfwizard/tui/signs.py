"""Signs beside the words of a state, and their stand-ins where a terminal shows ASCII only."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

DONE = "✓"
FAILED = "✗"
RUNNING = "▶"
WAITING = "·"
SKIPPED = "»"
UNDONE = "↶"
WARNING = "!"
INFO = "i"
BLOCKER = "✗"
POINTER = ">"
ARROW = "→"
MORE = "…"
FULL = "█"
EMPTY = "░"
LINE = "─"

_ASCII = {
    DONE: "+",
    FAILED: "x",
    RUNNING: ">",
    WAITING: ".",
    SKIPPED: ">",
    UNDONE: "<",
    ARROW: ">",
    MORE: "~",
    FULL: "#",
    EMPTY: "-",
    LINE: "-",
    "│": "|",
    "┃": "|",
    "▏": "|",
    "▎": "|",
    "▊": "|",
    "▔": "-",
    "▁": "_",
    "━": "=",
    "═": "=",
    "•": "*",
    "—": "-",
    "“": '"',
    "”": '"',
    "\u2019": "'",
}

_PYTHONS_OWN = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python sets LC_CTYPE to by itself where the locale is C (PEP 538): the terminal knows nothing of it."""


def ascii_only(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the terminal should be sent ASCII only: the locale is not UTF-8, or it is the kernel's own console."""
    if environ.get("TERM") == "linux":
        return True  # its fonts hold 256 or 512 glyphs, and none of the signs for certain
    kind = environ.get("LC_CTYPE", "")
    if kind in _PYTHONS_OWN and not _begun_with("LC_CTYPE"):
        kind = ""
    locale = environ.get("LC_ALL") or kind or environ.get("LANG") or ""
    return "utf8" not in locale.lower().replace("-", "")


def _begun_with(name: str) -> bool:
    """Tell whether this process was given the variable, and has not set it itself."""
    try:
        given = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return True
    return any(one.startswith(name.encode() + b"=") for one in given)


class AsciiFilter(LineFilter):
    """Replaces whatever is not ASCII on its way to the terminal, cell for cell, so that nothing moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Give `segments` in ASCII."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else segment._replace(text=_spelt(segment.text))
            for segment in segments
        ]


@lru_cache(4096)
def _spelt(text: str) -> str:
    return "".join(_spell(character) for character in text)


def _spell(character: str) -> str:
    if character.isascii():
        return character
    if character in _ASCII:
        return _ASCII[character]
    if "─" <= character <= "╿":
        return "+"
    if "▀" <= character <= "▟":
        return "#"
    if unicodedata.combining(character):
        return ""
    plain = unicodedata.normalize("NFKD", character)[0]
    stand_in = plain if plain.isascii() and plain.isprintable() else "?"
    return stand_in * (2 if unicodedata.east_asian_width(character) in "WF" else 1)
