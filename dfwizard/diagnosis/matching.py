"""Which known failures a text fits, the most specific first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from dfwizard.diagnosis.catalogue import Failure, known_failures
from dfwizard.diagnosis.lines import plain_lines, unwrapped
from dfwizard.diagnosis.signs import Sign, sign

_STATE = re.compile(r"SQLSTATE\[([0-9A-Z]{5})\]|\(([0-9A-Z]{5})\)|\"code\":\"([0-9A-Z]{5})\"", re.IGNORECASE)
_TIERS = {"root": 2, "particular": 1, "general": 0}

Rank = tuple[int, int, int]


@dataclass(frozen=True)
class Output:
    """What a failed command left: its texts, and the step's id and the exit code where they are known ("" and None where not)."""

    texts: tuple[str, ...]
    step: str = ""
    code: int | None = None

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Give the lines that say something, as they came."""
        return tuple(plain_lines(self.texts))

    @cached_property
    def joined(self) -> tuple[tuple[str, ...], ...]:
        """Give the lines with what was cut joined in both ways (words cut in two, lines cut at a blank), then as they came."""
        ways = (tuple(unwrapped(self.lines, glue="")), tuple(unwrapped(self.lines, glue=" ")), self.lines)
        return tuple(dict.fromkeys(ways))

    @cached_property
    def lowered(self) -> tuple[tuple[str, ...], ...]:
        """Give `joined` in small letters."""
        return tuple(tuple(line.lower() for line in lines) for lines in self.joined)

    @cached_property
    def whole(self) -> str:
        """Give all of `lowered` as one text."""
        return "\n".join(line for lines in self.lowered for line in lines)

    @cached_property
    def states(self) -> frozenset[str]:
        """Give the SQLSTATEs that stand in it."""
        text = "\n".join(line for lines in self.joined for line in lines)
        return frozenset(state.upper() for found in _STATE.findall(text) for state in found if state)


@dataclass(frozen=True)
class Match:
    """A known failure that the text fits: `line` is the line that matters, `rank` how specific it is, `at` where it stands."""

    failure: Failure
    line: str
    rank: Rank
    at: int


def ranked(output: Output, failures: Iterable[Failure] | None = None) -> tuple[Match, ...]:
    """Give the known failures that `output` fits, the most specific first (see `rank`).

    Of two of the same rank the one whose line comes first is taken, the later ones being what came of it; then the one whose id
    comes first in the alphabet.
    """
    found = (_match(one, output) for one in (known_failures() if failures is None else failures))
    matches = [one for one in found if one is not None]
    return tuple(sorted(matches, key=lambda one: (*(-part for part in one.rank), one.at, one.failure.id)))


def rank(failure: Failure, weight: int) -> Rank:
    """Say how specific `failure` is where it fits by a pattern of `weight`; the higher, the more.

    First its tier: what causes other failures, then what is particular, then what only says that something failed. Then how
    many kinds of conditions it sets beside its patterns and sees met: step, exit code, SQLSTATE, further lines, lines that may
    not be there. Then how many characters the pattern spells out.
    """
    conditions = (
        bool(failure.steps),
        bool(failure.codes),
        bool(failure.states),
        bool(failure.also),
        bool(failure.without),
    )
    return _TIERS[failure.tier], sum(conditions), weight


def fits_elsewhere(failure: Failure, output: Output) -> bool:
    """Tell whether the text is that of `failure`, and nothing but step, exit code or SQLSTATE is another one."""
    return not _is_about(failure, output) and _match_text(failure, output) is not None


def _match(failure: Failure, output: Output) -> Match | None:
    return _match_text(failure, output) if _is_about(failure, output) else None


def _match_text(failure: Failure, output: Output) -> Match | None:
    found = _found(failure.signs, output)
    if found is None:
        return None
    if not all(_found((sign(one),), output) for one in failure.also):
        return None
    if any(_found((sign(one),), output) for one in failure.without):
        return None
    line, at, weight = found
    return Match(failure, line.strip(), rank(failure, weight), at)


def _is_about(failure: Failure, output: Output) -> bool:
    """Tell whether step, exit code and SQLSTATE are those of `failure`; what is not known is not met."""
    if failure.codes and output.code not in failure.codes:
        return False
    if failure.states and not output.states & set(failure.states):
        return False
    return not failure.steps or any(fnmatchcase(output.step, pattern) for pattern in failure.steps)


def _found(signs: Iterable[Sign], output: Output) -> tuple[str, int, int] | None:
    """Give the first line that the first sign fits which fits one, its number, and the sign's weight."""
    whole = output.whole
    for one in signs:
        if one.literal not in whole:
            continue
        for lines, lowered in zip(output.joined, output.lowered, strict=True):
            for at, line in enumerate(lines):
                if one.literal in lowered[at] and one.pattern.search(line):
                    return line, at, one.weight
    return None
