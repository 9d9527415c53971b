"""What the rollback's screen says before it begins and after its end."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from dfwizard.planning.plan import TakeBackup
from dfwizard.reports.comparison import MAINTENANCE
from dfwizard.reports.measures import count, moment, size
from dfwizard.reports.terminal import folded, one_line, plain
from dfwizard.tui import signs
from dfwizard.tui.screens.done_rows import failure_lines, item_lines
from dfwizard.tui.styles import BAD, ODD, OK, QUIET, STRONG

if TYPE_CHECKING:
    from dfwizard.planning.plan import Plan
    from dfwizard.reports.comparison import Compared
    from dfwizard.reports.run_report import RunReport

MOST_DIFFERENCES = 30
"""Differences shown of one side of the instance; the step's output has all of them."""


@dataclass(frozen=True)
class Told:
    """What was read of the run: `plan` is that of a rollback not begun (None: it has begun), `compared` what its end came to.

    `alive` tells that somebody works on the run.
    """

    report: RunReport
    plan: Plan | None = None
    compared: tuple[Compared, ...] | None = None
    alive: bool = False

    @property
    def hindrance(self) -> str:
        """Say why no rollback can begin; "" when it can."""
        if self.alive and self.report.question:
            return "The run waits for an answer: choose the rollback there."
        if self.alive:
            return "The run is at work. Wait for its end, or for its question."
        if self.plan is not None and not self.plan.steps:
            return "There is nothing to take back: no step has changed anything."
        return ""


def taken_back(report: RunReport) -> str:
    """Say what is taken back: `the upgrade of /opt/dreamfactory back, 7.1.0 → 6.3.0`; of a migration what it came from instead."""
    if report.source:
        return f"the migration of {plain(report.source)} to {plain(report.place)} back (the source was only read)"
    return f"the upgrade of {plain(report.place)} back, {report.to} {signs.ARROW} {report.frm}"


def _is_taken_back(report: RunReport) -> str:
    if report.source:
        return f"The migration of {plain(report.source)} to {plain(report.place)} is taken back; the source was only read."
    return f"The upgrade of {plain(report.place)} is taken back: {report.to} {signs.ARROW} {report.frm}."


def name_to_type(instance: str, run: str) -> str:
    """Give the word that confirms a rollback: the instance's name, or the run's id where nobody could type the name."""
    name = posixpath.basename(instance.rstrip("/"))
    return name if name and plain(name) == name and name.strip() == name else run


def question_lines(told: Told, losses: tuple[str, ...] | None, width: int) -> list[Text]:
    """Say what a rollback costs and what it is made from; `losses` None: not known yet."""
    kind = told.report.kind
    lines = [Text(f"Lost: what was written since the {kind}", STRONG)]
    if losses is None:
        lines.append(Text(f" {signs.MORE} being counted, table by table", QUIET))
    elif not losses:
        lines.append(Text(f" {signs.DONE} nothing that is known", OK))
    for line in losses or ():
        lines += item_lines(line, width, signs.WARNING, ODD)
    present = _present_backup(told.plan)
    if present:
        text = f"The present state is saved first, in {present}"
        lines += item_lines(text, width, signs.INFO, QUIET)
    lines += [Text(""), Text(f"Put back: the state before the {kind}", STRONG)]
    return lines + _backup_lines(told.report, width)


def _backup_lines(report: RunReport, width: int) -> list[Text]:
    lines: list[Text] = []
    for backup in report.backups[:1]:
        if backup.error:
            return [
                *item_lines(backup.directory, width, "-", ""),
                *item_lines(backup.error, width, signs.WARNING, BAD),
            ]
        proven = f"proven {moment(backup.proven_at)}" if backup.proven_at else "not proven"
        lines += item_lines(backup.directory, width, "-", "")
        lines += item_lines(f"{size(backup.size)}, taken {moment(backup.created_at)}", width, "-", "")
        style = OK if backup.proven_at else ODD
        lines += item_lines(proven, width, signs.DONE if backup.proven_at else signs.WARNING, style)
    return lines


def _present_backup(plan: Plan | None) -> str:
    steps = plan.steps if plan else ()
    return next((step.action.directory for step in steps if isinstance(step.action, TakeBackup)), "")


def step_lines(plan: Plan | None, width: int) -> list[Text]:
    """List what a rollback does, in order."""
    steps = plan.steps if plan else ()
    if not steps:
        return []
    lines = [Text("What happens; the API is closed meanwhile", STRONG)]
    for number, step in enumerate(steps, 1):
        lines += item_lines(step.title, width, f"{number:>2}.", QUIET)
    return lines


def dialog_lines(told: Told, losses: tuple[str, ...] | None) -> list[str]:
    """Give what is said where the name is asked for."""
    report = told.report
    lost = "What users have written since is being counted; it is taken away, too."
    if losses is not None:
        lost = f"What was written to {count(len(losses), 'table')} since is taken away." if losses else ""
    present = _present_backup(told.plan)
    kept = f"The present state is kept in {present}" if present else ""
    return [
        _is_taken_back(report),
        *(line for line in (lost, kept) if line),
    ]


def end_lines(told: Told, width: int) -> list[Text]:
    """Show the comparison with the time before, what went wrong, and where the backups are."""
    report = told.report
    lines = (
        _not_compared(report, width) if told.compared is None else _comparison(told.compared, report, width)
    )
    lines += failure_lines(report, width)
    for title, items, sign, style in (
        ("Warnings", report.warnings, signs.WARNING, ODD),
        (f"Taken away: what was written since the {report.kind}", report.losses, "-", ""),
        ("What to do next", report.remains, "", ""),
    ):
        if items:
            lines += [Text(""), Text(title, STRONG)]
        for number, item in enumerate(items, 1):
            lines += item_lines(item, width, sign or f"{number}.", style)
    lines += [Text(""), Text("Backups", STRONG)]
    for backup in report.backups:
        known = backup.error or f"{size(backup.size)}, {moment(backup.created_at)}"
        lines += item_lines(f"{backup.directory}: {backup.holds}; {known}", width, "-", "")
    return lines


def _comparison(compared: tuple[Compared, ...], report: RunReport, width: int) -> list[Text]:
    steps = report.phases[-1].steps if report.phases else ()
    opened = any(step.id == "maintenance-off" and step.state in ("done", "already-done") for step in steps)
    lines = [Text("Compared with the fingerprint of before", STRONG)]
    for side in compared:
        differs = len(side.differences)
        sign, style = (signs.FAILED, BAD) if differs else (signs.DONE, OK)
        later = ", off now" if opened and side.what == MAINTENANCE and side.extent != "off" else ""
        word = count(differs, "difference") if differs else "identical"
        lines.append(
            Text.assemble(
                (f" {sign} ", style), f"{side.what:<19}", (f"{word:<16}", style), side.extent, later
            )
        )
        for sentence in side.differences[:MOST_DIFFERENCES]:
            lines += [Text(f"     {line}") for line in folded(one_line(sentence), width - 5)]
        if differs > MOST_DIFFERENCES:
            lines.append(
                Text(f"     and {differs - MOST_DIFFERENCES} more: the report has all of them", QUIET)
            )
    return lines


def _not_compared(report: RunReport, width: int) -> list[Text]:
    why = (
        "Neither code nor data had been changed, so there was nothing to compare."
        if report.outcome == "rolled-back"
        else "It did not come to the comparison with the state before."
    )
    return [Text("Not compared", STRONG), *item_lines(why, width, signs.INFO, QUIET)]
