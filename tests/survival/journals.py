"""Row 8: a real journal, cut off at every byte and damaged at random: the good records are read, the rest is kept and explained."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from dfwizard.cli import main as dfwizard
from dfwizard.errors import DfwizardError
from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.state import RunState, advance
from dfwizard.execution.store import Run, Store
from tests.survival.report import Line

_SAID = 11
"""Of so many, one is listed and reported as well; no multiple of how many kinds of harm there are."""


@dataclass(frozen=True)
class Truth:
    """A journal as it was written, and the state after each of its records (and before the first)."""

    data: bytes
    records: tuple[journal.Record, ...]
    states: tuple[RunState, ...]
    ends: tuple[int, ...]
    """How many bytes the first n records take, for n from 0 on."""

    @classmethod
    def of(cls, run: Run) -> Truth:
        """Read the journal of a run that nothing has damaged."""
        data = run.journal.read_bytes()
        content = journal.parse(data)
        assert not content.damage, content.damage
        plans = run.plans()
        states = accumulate(
            content.records, lambda state, record: advance(state, record, plans), initial=RunState()
        )
        ends = (0, *(record.end for record in content.records))
        return cls(data, content.records, tuple(states), ends)

    def good(self, damaged: bytes) -> int:
        """Give how many records are left of it: those whole before the first byte that differs."""
        same = next(
            (
                place
                for place, (one, other) in enumerate(zip(self.data, damaged, strict=False))
                if one != other
            ),
            min(len(self.data), len(damaged)),
        )
        return sum(end <= same for end in self.ends) - 1


def try_journals(
    run: Run, scratch: Path, chance: random.Random, *, doors: int, corruptions: int
) -> list[Line]:
    """Cut the journal of `run` at every byte and damage it `corruptions` times.

    Every cut goes through the reader; those beside the ends of lines, and `doors` others, through all that reads a run, in `scratch`.
    """
    truth = Truth.of(run)
    cuts = Line(8, "a journal cut off at every byte: read", len(truth.data))
    for length in range(len(truth.data)):
        cuts.count(_misread(truth, truth.data[:length]))
    place = _Place(run, scratch)
    near = {end + side for end in truth.ends for side in (-1, 0, 1)} & set(range(len(truth.data)))
    inside = sorted(set(range(len(truth.data))) - near)
    chosen = sorted(near | set(chance.sample(inside, min(doors, len(inside)))))
    opened = Line(8, "a journal cut off: its state, kept aside and explained, written on", len(truth.data))
    for number, length in enumerate(chosen):
        opened.count(place.wrong(truth, truth.data[:length], said=number % _SAID == 0))
    damaged = Line(8, "a journal damaged at random: the same", corruptions)
    for number in range(corruptions):
        harm = _HARMS[number % len(_HARMS)]
        data = _different(truth.data, harm, chance)
        damaged.count(place.wrong(truth, data, harm.__name__, said=number % _SAID == 0))
    return [cuts, opened, damaged]


def _misread(truth: Truth, data: bytes) -> str:
    good = truth.good(data)
    content = journal.parse(data)
    if content.records != truth.records[:good] or content.good_bytes != truth.ends[good]:
        return f"{len(data)} bytes: {len(content.records)} records read instead of {good}"
    if bool(content.damage) != (len(data) > truth.ends[good]):
        return f"{len(data)} bytes: the damage is told as {content.damage!r}"
    return ""


class _Place:
    """A state directory with a copy of the run, whose journal is damaged anew each time."""

    def __init__(self, run: Run, scratch: Path) -> None:
        self.store = Store(scratch / "state")
        self.store.runs.mkdir(mode=0o700, parents=True)
        self.run = Run(self.store.runs / run.id)
        shutil.copytree(run.directory, self.run.directory, ignore=shutil.ignore_patterns("socket", "output"))

    def wrong(self, truth: Truth, data: bytes, what: str = "cut", *, said: bool) -> str:
        """Say what went wrong with `data` as the journal, "" when nothing did; with `said` runs are listed and reported, too."""
        for aside in self.run.directory.glob("*.damaged-*"):
            aside.unlink()
        self.run.journal.write_bytes(data)
        try:
            found = self._wrong(truth, data, said=said)
        except Exception as error:  # whatever it is, it should not have happened
            found = f"{type(error).__name__}: {error}"
        return f"{what}, {len(data)} bytes: {found}" if found else ""

    def _wrong(self, truth: Truth, data: bytes, *, said: bool) -> str:
        good = truth.good(data)
        rest = data[truth.ends[good] :]
        if self.run.state() != truth.states[good]:
            return "another state is read"
        if said:
            words = ("runs", "runs --json", f"report {self.run.id}") if good else ("runs", "runs --json")
            told = "".join(_said(each, self.store) for each in words)
            if "fault of dfwizard" in told or "Traceback" in told:
                return f"it is not taken: {told[-500:]}"
        opened = journal.open_journal(self.run.journal)
        opened.append(ev.Note("written on"))
        opened.close()
        aside = b"".join(path.read_bytes() for path in self.run.directory.glob("*.damaged-*"))
        if aside != rest or bool(opened.quarantine) != bool(rest):
            return f"{len(aside)} bytes are kept aside of {len(rest)}: {opened.quarantine!r}"
        if rest and f"{len(rest)} bytes are kept" not in opened.quarantine:
            return f"it is explained so: {opened.quarantine!r}"
        again = journal.read(self.run.journal)
        if again.damage or again.records[:-1] != truth.records[:good]:
            return "it cannot be written on"
        return ""


def _said(words: str, store: Store) -> str:
    """Call dfwizard in this process and give all that it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            dfwizard(["--state-dir", str(store.directory), *words.split()])
        except SystemExit:
            said.write("")
        except DfwizardError as error:
            said.write(f"Traceback: {error}")
    return said.getvalue()


Harm = Callable[[bytearray, random.Random], None]


def _different(data: bytes, harm: Harm, chance: random.Random) -> bytes:
    while True:
        damaged = bytearray(data)
        harm(damaged, chance)
        if damaged != data:
            return bytes(damaged)


def _flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _zeros(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:] = bytes(len(data) - start)


def _zero_page(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data)) // 4096 * 4096
    data[start : start + 4096] = bytes(len(data[start : start + 4096]))


def _junk(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start : start + chance.randrange(64)] = chance.randbytes(chance.randrange(1, 64))


def _lose(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : start + chance.randrange(1, 2000)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randrange(1, 2000)]
    data[start:start] = piece


def _lose_line(data: bytearray, chance: random.Random) -> None:
    lines = bytes(data).splitlines(keepends=True)
    del lines[chance.randrange(len(lines) - 1)]
    data[:] = b"".join(lines)


def _swap_lines(data: bytearray, chance: random.Random) -> None:
    lines = bytes(data).splitlines(keepends=True)
    one, other = chance.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    data[:] = b"".join(lines)


def _append(data: bytearray, chance: random.Random) -> None:
    data += chance.choice((bytes(4096), chance.randbytes(100), b"\n", bytes(data), b"{}\n"))


_HARMS: tuple[Harm, ...] = (
    *(_flip, _zeros, _zero_page, _junk, _lose, _repeat, _lose_line, _swap_lines, _append),
)
