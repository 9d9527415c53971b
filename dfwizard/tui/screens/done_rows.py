"""What the last screen says of a run: how it ended, the figures, what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from dfwizard.execution.outcomes import WELL
from dfwizard.reports.measures import between, moment, size, span
from dfwizard.reports.outcome import ending
from dfwizard.reports.run_text import failed_at, said
from dfwizard.reports.terminal import folded
from dfwizard.tui import signs
from dfwizard.tui.styles import BAD, ODD, OK, QUIET, STRONG

if TYPE_CHECKING:
    from dfwizard.reports.run_report import PhaseReport, RunReport, StepReport

_OVER = ("done", "already-done", "skipped")
_SIGNS = {
    "done": (signs.DONE, f"bold {OK}"),
    "done-with-warnings": (signs.WARNING, f"bold {ODD}"),
    "rolled-back": (signs.UNDONE, f"bold {OK}"),
    "rollback-failed": (signs.FAILED, BAD),
    "failed": (signs.FAILED, BAD),
    "stopped": (signs.FAILED, BAD),
    None: (signs.WARNING, BAD),
}
"""Sign and style of a run's outcome."""


def headline(report: RunReport) -> Text:
    """Say how the run ended, with its sign."""
    rollback = [step for phase in report.phases[-1:] if phase.name == "rollback" for step in phase.steps]
    sentence = ending(
        report.outcome,
        instance=report.place,
        frm=report.frm,
        to=report.to,
        warnings=len(report.warnings),
        rollback_begun=[step.id for step in rollback if step.attempts],
        compared=report.differences is not None,
        kind=report.kind,
    )
    sign, style = _SIGNS[report.outcome]
    return Text.assemble((f"{sign} {sentence}", style))


def closed(report: RunReport) -> str:
    """Say for how long maintenance mode kept users out; "" when it was never turned on."""
    total, since, seen = 0.0, "", False
    for phase in report.phases:
        for step in phase.steps:
            if step.state not in ("done", "skipped") or not step.started:
                continue
            if step.id == "maintenance-on" and step.state == "done" and not since:
                since, seen = step.started, True
            elif step.id == "maintenance-off" and step.state == "done" and since:
                total, since = total + (between(since, step.started) or 0.0) + step.seconds, ""
    if since:
        return f"still, since {moment(since)}"
    return span(total) if seen else ""


def pairs(report: RunReport) -> list[tuple[str, str]]:
    """Give the figures of the run as names and values."""
    stops = report.stops or (report.to,)
    way = f" {signs.ARROW} ".join((report.frm, *stops))
    found = [("run", f"{report.id}, by {report.created_by}"), ("road", way)]
    if report.source:
        found.insert(1, ("from", f"{report.source}, which was only read"))
    took = "; ".join(_took(phase) for phase in report.phases if phase.started)
    if took:
        found.append(("took", f"{took}, until {moment(report.updated)}"))
    shut = closed(report)
    if shut:
        found.append(("API closed", shut))
    found.append(("steps", "; ".join(_steps(phase.name, phase.steps) for phase in report.phases) or "none"))
    if report.accepted:
        found.append(("accepted", ", ".join(report.accepted)))
    if report.backups:
        backup = report.backups[0]
        proven = ", proven" if backup.proven_at else ""
        found.append(
            ("backup", f"{backup.directory} ({backup.error or f'{size(backup.size)}{proven}'})"),
        )
    found.append(("kept in", report.directory))
    return found


def _took(phase: PhaseReport) -> str:
    """Say how long a phase took; days may lie between an upgrade and its rollback."""
    seconds = between(phase.started, phase.ended)
    return f"{phase.name} {span(seconds)}" if seconds is not None else f"{phase.name} not over"


def _steps(name: str, steps: tuple[StepReport, ...]) -> str:
    done = sum(step.state in _OVER for step in steps)
    skipped = sum(step.state == "skipped" for step in steps)
    more = f", {skipped} of them skipped" if skipped else ""
    return f"{name} {done} of {len(steps)}{more}"


def lines(report: RunReport, width: int) -> list[Text]:
    """Give all that the screen shows below the headline, `width` columns wide."""
    found: list[Text] = []
    for name, value in pairs(report):
        for number, line in enumerate(folded(value, width - 11)):
            found.append(Text.assemble((f"{name if not number else '':<11}", QUIET), line))
    if report.outcome not in WELL:
        found += failure_lines(report, width)
    sections = (
        ("Warnings", report.warnings, signs.WARNING, ODD),
        ("What to do next", report.remains, "", ""),
        ("Lost with the rollback (it is in the backup of the present state)", report.losses, "-", ""),
        ("Damaged or unreadable", report.problems, signs.FAILED, BAD),
        ("Notes", report.notes, signs.INFO, QUIET),
    )
    for title, items, sign, style in sections:
        if not items:
            continue
        found += [Text(""), Text(title, STRONG)]
        for number, item in enumerate(items, 1):
            found += item_lines(item, width, sign or f"{number}.", style)
    return found


def failure_lines(report: RunReport, width: int) -> list[Text]:
    """Say where the last phase is stuck; nothing where no step failed."""
    found: list[Text] = []
    for failure in report.failures[-1:]:
        found += [Text(""), Text("What went wrong", STRONG)]
        found += item_lines(f"{failed_at(failure)}: {said(failure.step)}", width, signs.FAILED, BAD)
        for line in failure.step.tail[-4:]:
            found += [Text(f"    {part}", QUIET) for part in folded(line, width - 4)]
        for name, known in (("cause", failure.step.cause), ("remedy", failure.step.remedy)):
            if known:
                found += item_lines(f"{name}: {known}", width, " ", "")
    return found


def item_lines(text: str, width: int, sign: str, style: str) -> list[Text]:
    """Lay out one item: the sign, then the text, indented below itself."""
    room = max(width - len(sign) - 2, 20)
    return [
        Text.assemble((f" {sign if not number else ' ' * len(sign)} ", style), line)
        for number, line in enumerate(folded(text, room))
    ]
