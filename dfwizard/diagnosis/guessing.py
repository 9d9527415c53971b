"""What a failure that nothing fits may be: the known ones whose words it shares."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from dfwizard.diagnosis.catalogue import Failure, known_failures
from dfwizard.diagnosis.lines import telling_lines
from dfwizard.diagnosis.matching import Output, fits_elsewhere

_WORD = re.compile(r"[a-z][a-z0-9_]{3,}")
_ESCAPE = re.compile(r"\\[A-Za-z]")
_RARE = 6
"""Entries that a word may stand in: one that stands in more says nothing of what has failed."""
_LEAST = 0.25
"""Share of a candidate's words, rare ones weighing more, below which it is none."""
_FEWEST = 2
_MOST = 3


@dataclass(frozen=True)
class Guess:
    """A known failure that this one may be. `why` says what speaks for it."""

    failure: Failure
    why: str


def nearest(output: Output, most: int = _MOST) -> tuple[Guess, ...]:
    """Give the known failures that come nearest to `output`, which none fits: at most `most`, the nearest first.

    Those come first whose text is there, though at another step or with another exit code; then those that share rare words
    with the lines that tell most.
    """
    elsewhere = [
        Guess(one, "the text fits, though it is known of another step or exit code")
        for one in known_failures()
        if one.tier != "general" and fits_elsewhere(one, output)
    ]
    words = frozenset(_words(telling_lines(output.lines)))
    near = [
        (share, one, sorted(words & _vocabulary()[one.id]))
        for one in known_failures()
        if (share := _share(one, words)) >= _LEAST
    ]
    near.sort(key=lambda found: (-found[0], found[1].id))
    guesses = [*elsewhere, *(Guess(one, f"shared words: {', '.join(shared)}") for _, one, shared in near)]
    return tuple({guess.failure.id: guess for guess in reversed(guesses)}.values())[::-1][:most]


def _share(failure: Failure, words: frozenset[str]) -> float:
    own = _vocabulary()[failure.id]
    shared = own & words
    if len(shared) < _FEWEST:
        return 0.0
    return sum(map(_weight, shared)) / sum(map(_weight, own))


def _weight(word: str) -> float:
    return math.log(1 + len(known_failures()) / _spread()[word])


@cache
def _vocabulary() -> dict[str, frozenset[str]]:
    """Give the words of each entry that say something, by its id."""
    rare = {word for word, entries in _spread().items() if entries <= _RARE}
    return {name: words & rare for name, words in _all_words().items()}


@cache
def _all_words() -> dict[str, frozenset[str]]:
    return {
        one.id: frozenset(_words((one.title, *(_ESCAPE.sub(" ", text) for text in one.patterns))))
        for one in known_failures()
    }


@cache
def _spread() -> Counter[str]:
    return Counter(word for words in _all_words().values() for word in words)


def _words(texts: Iterable[str]) -> Iterable[str]:
    return (word for text in texts for word in _WORD.findall(text.lower()))
