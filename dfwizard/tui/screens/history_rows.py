"""The rows of all runs and all backups, and what is told of the one under the cursor."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from dfwizard.execution.outcomes import WHOLE
from dfwizard.reports.measures import moment, size
from dfwizard.reports.terminal import plain, wrap
from dfwizard.tui import signs
from dfwizard.tui.screens.history_words import (
    WORD_WIDTH,
    age,
    minute,
    no_way_back,
    road_of,
    run_word,
    what_of,
    work_of,
)
from dfwizard.tui.styles import BAD, LIVE, ODD, OK, QUIET, STRONG, fitted
from dfwizard.tui.widgets.rowlist import Row, heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dfwizard.backup.prove import BackupCheck
    from dfwizard.reports.backup_list import BackupSummary
    from dfwizard.reports.run_summary import RunSummary

RUN = "run:"
BACKUP = "backup:"

_NAME = 11
"""Cells of the longest name of a detail, and the gap after it."""

_GAP = Row.of("gap", "", enabled=False)


@dataclass(frozen=True)
class Shelf:
    """All runs and backups; None: still being read. `problem` is why they cannot be listed."""

    runs: tuple[RunSummary, ...] | None = None
    backups: tuple[BackupSummary, ...] | None = None
    problem: str = ""

    def run(self, row_id: str | None) -> RunSummary | None:
        """Give the run of a row, None when it is no run's."""
        return next((run for run in self.runs or () if f"{RUN}{run.id}" == row_id), None)

    def backup(self, row_id: str | None) -> BackupSummary | None:
        """Give the backup of a row, None when it is no backup's."""
        return next((one for one in self.backups or () if f"{BACKUP}{one.place}" == row_id), None)


def rows(shelf: Shelf, width: int, now: datetime) -> list[Row]:
    """Give the rows for lines of `width` cells."""
    if shelf.problem:
        lines = tuple(Text(line, ODD) for line in wrap(shelf.problem, width=width))
        return [heading("This cannot be listed"), Row("problem", lines, enabled=False)]
    made = [heading("Runs (times are UTC)" if shelf.runs else "Runs")]
    made += [run_row(run, width) for run in shelf.runs or ()]
    if not shelf.runs:
        made.append(_quiet("no-runs", "reading ..." if shelf.runs is None else "There is no run yet."))
    made += [_GAP, heading(f"Backups ({_all_of(shelf.backups)})" if shelf.backups else "Backups")]
    made += [backup_row(one, width, now) for one in shelf.backups or ()]
    if not shelf.backups:
        what = "reading ..." if shelf.backups is None else "There is no backup: a run takes one first of all."
        made.append(_quiet("no-backups", what))
    return made


def _all_of(backups: Sequence[BackupSummary]) -> str:
    return f"{len(backups)}, {size(sum(one.size for one in backups))}"


def _quiet(name: str, text: str) -> Row:
    return Row.of(name, Text(text, QUIET), enabled=False)


def run_row(run: RunSummary, width: int) -> Row:
    """Give a run in one line: its state, when it was started, the road, the instance."""
    line = Text.assemble(run_word(run))
    line.pad_right(WORD_WIDTH - line.cell_len + 1)
    if run.error:
        line.append(fitted(f"{run.id}  {plain(run.error)}", width - WORD_WIDTH - 1), QUIET)
        return Row(RUN + run.id, (line,))
    line.append(f"{minute(run.created_at)}  {road_of(run):<15}  ")
    what = f"migration of {what_of(run)}" if run.source else what_of(run)
    line.append(fitted(what, max(width - line.cell_len, 1)), QUIET)
    return Row(RUN + run.id, (line,))


def backup_row(one: BackupSummary, width: int, now: datetime) -> Row:
    """Give a backup in one line: whether it is whole and proven, its size and age, the release and instance in it."""
    line = Text.assemble(_whole(one))
    line.pad_right(14 - line.cell_len)
    line.append(f"{size(one.size) if one.seen else '':>9}  {fitted(age(one.taken_at, now), 10):<10}  ")
    line.append(f"{fitted(plain(one.release), 8):<8}  ")
    line.append("keep  " if one.needed else "      ", ODD if one.needed else "")
    line.append(fitted(plain(one.holds), max(width - line.cell_len, 1)), QUIET)
    return Row(BACKUP + one.place, (line,))


def _size(one: BackupSummary) -> str:
    return f"{size(one.size)}, " if one.seen else ""


def _whole(one: BackupSummary) -> Text:
    if not one.seen:
        return Text(f"{signs.INFO} elsewhere", QUIET)
    if not one.finished and "is at work" in one.needed:
        return Text(f"{signs.RUNNING} going on", LIVE)
    if not one.finished:
        return Text(f"{signs.FAILED} unfinished", BAD)
    return Text(f"{signs.DONE} proven", OK) if one.proven else Text(f"{signs.WARNING} unproven", ODD)


def run_details(run: RunSummary, shelf: Shelf, width: int) -> list[Text]:
    """Tell all that the list knows of a run."""
    if run.error:
        return [_head(f"Run {run.id}"), *_lines(run.error, width)]
    step = f"{run.step} of {run.steps}" if run.steps else "none begun"
    if run.outcome is None and run.step_title:
        step += f", {run.step_title}"
    why_not = no_way_back(run, shelf.runs or ())
    pairs = [
        ("state", run_word(run).plain),
        ("work", f"{work_of(run)} {road_of(run)} of {run.instance} on {run.host}"),
        *([("from", run.source)] if run.source else []),
        ("started", f"{moment(run.created_at)} by {run.created_by}"),
        *([("step", step)] if run.outcome not in WHOLE else []),
        ("backup", run.backup),
        ("roll back", f"not now: {why_not}" if why_not else "possible: x shows what that would do"),
    ]
    return [_head(f"Run {run.id}"), *_pairs(pairs, width)]


def backup_details(one: BackupSummary, width: int, now: datetime) -> list[Text]:
    """Tell all that the list knows of a backup."""
    state = _whole(one).plain[2:]
    if one.finished and one.proven:
        state += ": it was restored and compared once"
    elif not one.seen:
        state += f": {one.host} is not connected; v connects, and verifies it there"
    elif one.finished:
        state += ": nobody has shown yet that it can be restored; v does"
    pairs = [
        ("directory", one.place),
        ("of", " ".join((one.instance or "an instance that is not known", one.release))),
        (
            "taken",
            f"{moment(one.taken_at)}, {age(one.taken_at, now)} ago{f'; {size(one.size)}' if one.seen else ''}",
        ),
        ("state", state),
        ("used by", ", ".join(f"run {run}" for run in one.used_by) or "no run that is still listed"),
        ("keep it", one.needed or "nothing speaks against deleting it"),
    ]
    return [_head("Backup"), *_pairs(pairs, width)]


def deletion(one: BackupSummary, now: datetime) -> list[str | Text]:
    """Say what deleting the backup means, for the question before it."""
    of = " ".join((one.instance or "an instance that is not known", one.release)).rstrip()
    lines: list[str | Text] = [f"{one.place}: {_size(one)}{age(one.taken_at, now)} old, of {of}."]
    if one.needed:
        lines += [
            "",
            Text(f"{signs.WARNING} It is still needed:", BAD),
            f"  {one.needed}.",
            "Without it that is not possible any more.",
        ]
    return [*lines, "", "It is removed for good. The runs and their reports stay."]


def verified(check: BackupCheck) -> list[str]:
    """Give what could be shown of a backup, a sentence a line."""
    return [
        f"{signs.DONE} the backup is good:",
        *(f"{signs.DONE} {line}" for line in check.proven),
        *(f"{signs.INFO} {line}" for line in check.notes),
    ]


def said(lines: Sequence[str], width: int) -> list[Text]:
    """Lay out what a verification has said so far, good and bad ends by their signs."""
    styles = {signs.DONE: OK, signs.FAILED: BAD, signs.INFO: ODD}
    return [
        Text(one, styles.get(line[:1], ""))
        for line in lines
        for one in wrap(line, width=width, indent="  ", first="")
    ]


def _pairs(pairs: Iterable[tuple[str, str]], width: int) -> list[Text]:
    """Lay out names and values; a path that is too long is broken where it must be."""
    lines = []
    for name, value in pairs:
        values = textwrap.wrap(plain(value), max(width - _NAME, 20), break_on_hyphens=False) or [""]
        for number, one in enumerate(values):
            lines.append(Text.assemble((f"{'' if number else name:<{_NAME}}", QUIET), one))
    return lines


def _head(text: str) -> Text:
    return Text(plain(text), STRONG)


def _lines(text: str, width: int) -> list[Text]:
    return [Text(line) for line in wrap(text, width=width)]
