"""Pieces of Markdown in which text from outside stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dfwizard.reports.terminal import one_line, plain, plain_lines

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def text(value: str) -> str:
    """Give one line of text in which nothing is markup; line ends become blanks."""
    return _SPECIAL.sub(r"\\\1", one_line(value))


def code(value: str) -> str:
    """Give an inline code span that holds `value`, whatever backticks it has."""
    shown = plain(value)
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def block(lines: Iterable[str], language: str = "") -> list[str]:
    """Give a fenced block; every line is made plain."""
    shown = [line for each in lines for line in (plain_lines(each) or [""])]
    fence = "`" * max(3, max((_longest_run(line) for line in shown), default=0) + 1)
    return [f"{fence}{language}", *shown, fence]


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Give a table; cells are escaped."""
    lines = [f"| {' | '.join(map(text, head))} |", f"|{'|'.join(' --- ' for _ in head)}|"]
    lines += [f"| {' | '.join(text(cell) for cell in row)} |" for row in rows]
    return lines


def _longest_run(value: str) -> int:
    return max((len(run) for run in re.findall(r"`+", value)), default=0)
