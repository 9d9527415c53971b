"""Measuring two things in turn and telling how they compare."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Timed = Callable[[], float]
"""Does the work once and gives the seconds that it took; raises when the work was not done."""


@dataclass(frozen=True)
class Target:
    """What is asked of a pair of times: `figure` gives the number from ours and the baseline's seconds, `limit` its bound.

    The bound is the most allowed, or the least with `at_least`; `unit` is what the number counts.
    """

    figure: Callable[[float, float], float]
    limit: float
    unit: str
    at_least: bool = False

    def met(self, figure: float) -> bool:
        """Tell whether a number is on the right side of the bound."""
        return figure >= self.limit if self.at_least else figure <= self.limit

    @property
    def text(self) -> str:
        """Give the bound in words."""
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g} {self.unit}"


@dataclass(frozen=True)
class Measurement:
    """A bench's result: the seconds that `ours` and `theirs`, the baseline named, took in each round.

    Figures are taken round by round, and the median of them counts: what slows the machine down slows both of a round.
    """

    bench: str
    baseline: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    target: Target

    @property
    def seconds(self) -> tuple[float, float]:
        """Give the median times: ours, the baseline's."""
        return statistics.median(self.ours), statistics.median(self.theirs)

    @property
    def ratio(self) -> float:
        """Give how many times as long as the baseline ours takes."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def figures(self) -> tuple[float, ...]:
        """Give what each round comes to, from the smallest to the greatest."""
        return tuple(sorted(map(self.target.figure, self.ours, self.theirs)))

    @property
    def figure(self) -> float:
        """Give what counts against the target."""
        return statistics.median(self.figures)

    @property
    def verdict(self) -> str:
        """Give `within` or `over`."""
        return "within" if self.target.met(self.figure) else "over"


def interleaved(*works: Timed, repeats: int) -> tuple[tuple[float, ...], ...]:
    """Do each once unmeasured, then `repeats` rounds of all, each begun by another one; give the seconds of each."""
    for work in works:
        work()
    taken: tuple[list[float], ...] = tuple([] for _ in works)
    for number in range(repeats):
        for place in range(len(works)):
            chosen = (number + place) % len(works)
            taken[chosen].append(works[chosen]())
    return tuple(map(tuple, taken))


def seconds_of(work: Callable[[], object]) -> float:
    """Give the wall time that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def table(measurements: Sequence[Measurement]) -> str:
    """Give the measurements as a table, one line each, under how busy the machine is."""
    rows = [("bench", "ours", "baseline", "", "ratio", "figure", "spread", "target", "")]
    for one in measurements:
        ours, theirs = one.seconds
        low, high = one.figures[0], one.figures[-1]
        rows.append(
            (
                one.bench,
                _duration(ours),
                _duration(theirs),
                one.baseline,
                f"{one.ratio:.2f}",
                f"{one.figure:.2f}",
                f"{low:.2f}..{high:.2f}",
                one.target.text,
                one.verdict,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join((f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", *lines))


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
