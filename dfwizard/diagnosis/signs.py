"""The patterns by which failures are recognised: how much each of them spells out, and what it cannot do without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|.", re.DOTALL)
"""One part of a regular expression: an escape, a class, how often, or a character."""


@dataclass(frozen=True)
class Sign:
    """A pattern, letters in either case. Each text that it fits has `literal` in it, in small letters.

    `weight` counts the characters that the pattern spells out (of alternatives in the shortest): the more of them, the less else
    it fits.
    """

    pattern: re.Pattern[str]
    literal: str
    weight: int


@cache
def sign(pattern: str) -> Sign:
    """Compile `pattern`.

    Raises:
        re.error: it is no regular expression.
    """
    compiled = re.compile(pattern, re.IGNORECASE)
    parts = _PART.findall(pattern)[::-1]
    return Sign(compiled, max(_runs(pattern), key=len, default="").lower(), _weight(parts))


def _spelt(part: str) -> bool:
    """Tell whether a part stands for one character and no other."""
    return (part[0] == "\\" and not part[1].isalnum()) or (len(part) == 1 and part not in ".^$+?*()|")


def _weight(parts: list[str]) -> int:
    """Count the characters that a pattern spells out, of alternatives in the shortest; takes its parts, the last first."""
    others: list[int] = []
    weight = last = 0
    while parts and (part := parts.pop()) != ")":
        if part == "|":
            others.append(weight)
            weight = last = 0
        elif part in ("?", "*") or part[0] == "{":
            weight -= last
            last = 0
        else:
            if part == "(" and parts[-2:] == [":", "?"]:
                del parts[-2:]
            last = _weight(parts) if part == "(" else int(_spelt(part))
            weight += last
    return min([*others, weight])


def _runs(pattern: str) -> Iterator[str]:
    """Give the runs of characters that stand in every text that `pattern` fits: none of groups, classes and what may be left out."""
    run, depth, found = "", 0, []
    for part in _PART.findall(pattern):
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part == "|" and not depth:
            return  # either side may be the one that fits
        if not depth and _spelt(part):
            run += part[-1]
            continue
        found.append(run[:-1] if part in ("?", "*") or part[0] == "{" else run)
        run = ""
    yield from (*found, run)
