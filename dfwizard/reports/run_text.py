"""The report of a run for the terminal."""

from __future__ import annotations

from dfwizard.reports.measures import moment, size, span
from dfwizard.reports.run_report import PhaseReport, RunReport, StepReport
from dfwizard.reports.terminal import WIDTH, columns, heading, plain, wrap, wrap_command
from dfwizard.reports.verification_text import verification_text

OUTCOMES = {
    "done": "done",
    "done-with-warnings": "done, with warnings",
    "failed": "FAILED: the instance is as the failed step left it",
    "stopped": "STOPPED before its end",
    "rolled-back": "taken back: the instance is as it was before",
    "rollback-failed": "ROLLBACK FAILED: the instance is neither as before nor upgraded",
    None: "not over",
}
"""How a run's outcome is written."""

_TROUBLED = ("failed", "interrupted")


def asked(report: RunReport) -> list[tuple[str, str]]:
    """Give what was asked, by whom and when, and how it ended, as names and values."""
    way = " -> ".join((report.frm, *(report.stops or (report.to,))))
    pairs = [
        ("run", report.id),
        ("asked for", f"{report.kind} of {report.instance} on {report.host}: {way}"),
        ("by", f"{report.created_by} at {moment(report.created_at)}"),
        ("on failure", report.on_failure),
        (
            "outcome",
            OUTCOMES[report.outcome] + (f" (exit code {report.exit_code})" if report.outcome else ""),
        ),
    ]
    if report.seconds is not None:
        pairs.append(
            ("took", f"{span(report.seconds)}, from {moment(report.started)} to {moment(report.updated)}")
        )
    if report.question:
        pairs.append(("waits for", report.question))
    if report.accepted:
        pairs.append(("accepted", ", ".join(report.accepted)))
    return pairs + [
        ("decided", f"{item.decision}, by {item.by} at {moment(item.time)}") for item in report.decisions
    ]


def backup_pairs(report: RunReport) -> list[tuple[str, str]]:
    """Give where the backup is and how large, as names and values."""
    backup = report.backup
    pairs = [("directory", backup.directory)]
    if backup.error:
        return [*pairs, ("state", backup.error)]
    pairs += [
        ("taken", moment(backup.created_at)),
        ("proven", moment(backup.proven_at) or "NOT PROVEN"),
        ("size", size(backup.size)),
    ]
    return pairs + [(part.name, size(part.size)) for part in backup.parts]


def identity(report: RunReport) -> list[str]:
    """Say whether a rollback gave the same instance back; empty where nothing was compared."""
    if report.differences is None:
        return []
    if not report.differences:
        return [
            "The instance is identical to what it was before: files, owners, modes, .env, tables and rows."
        ]
    return [f"The instance differs from before in {len(report.differences)} places:", *report.differences]


def run_text(report: RunReport, *, width: int = WIDTH) -> str:
    """Give the report as text, `width` columns wide."""
    title = f"Report of the {report.kind} of {report.instance}"
    lines = [*heading(title, line="="), "", *columns(asked(report), width=width)]
    for phase in report.phases:
        lines += ["", *_phase(phase, width)]
    lines += ["", *heading("Backup"), *columns(backup_pairs(report), width=width)]
    if report.verification is not None:
        lines += ["", verification_text(report.verification, width=width).rstrip()]
    sections = (
        ("Compared with before", identity(report)),
        ("Written since the upgrade", list(report.losses)),
        ("Warnings", list(report.warnings)),
        ("Notes", list(report.notes)),
        ("What remains to do", list(report.remains)),
        ("Damaged or unreadable", list(report.problems)),
    )
    for name, items in sections:
        if items:
            lines += ["", *heading(name)]
            for item in items:
                lines += wrap(item, width=width, indent="  ", first="- ")
    if report.way_back:
        lines += ["", *heading("To go on or back")]
        for command in report.way_back:
            lines += wrap_command(command, width=width)
    lines += ["", *wrap(f"Everything is kept in {report.directory}", width=width, indent="  ", first="")]
    return "\n".join(lines) + "\n"


def _phase(phase: PhaseReport, width: int) -> list[str]:
    lines = heading(f"{phase.name.capitalize()}: {phase.outcome or 'not over'}")
    for number, step in enumerate(phase.steps, 1):
        took = f", {span(step.seconds)}" if step.seconds else ""
        tries = f", {step.attempts} attempts" if step.attempts > 1 else ""
        first = f"{number:>2}. {state_word(step):<12} "
        lines += wrap(f"{step.title}{took}{tries}", width=width, indent=" " * len(first), first=first)
        if step.attempts:
            for command in step.commands:
                lines += wrap_command(command, width=width, indent="    ")
        if step.note:
            lines += wrap(step.note, width=width, indent="    ")
        if step.message:
            lines += _failure(step, width)
    return lines


def state_word(step: StepReport) -> str:
    """Give a step's state as it is written; what went wrong is in capitals."""
    return step.state.upper() if step.state in _TROUBLED and step.required else step.state


def _failure(step: StepReport, width: int) -> list[str]:
    earlier = "" if step.state in _TROUBLED else "An earlier attempt failed: "
    code = f" (exit code {step.code})" if step.code is not None else ""
    lines = wrap(f"{earlier}{step.message}{code}", width=width, indent="    ", first="    ! ")
    lines += [f"    | {plain(line)}" for line in step.tail]
    return lines
