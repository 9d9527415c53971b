"""The report of a run for the terminal."""

from __future__ import annotations

from dfwizard.reports.measures import moment, size, span
from dfwizard.reports.run_backups import BackupReport
from dfwizard.reports.run_report import FailureReport, PhaseReport, RunReport, StepReport
from dfwizard.reports.terminal import WIDTH, columns, heading, plain, wrap, wrap_command
from dfwizard.reports.verification_text import verification_text

OUTCOMES = {
    "done": "done",
    "done-with-warnings": "done, with warnings",
    "failed": "FAILED: the instance is as the failed step left it",
    "stopped": "STOPPED before its end",
    "rolled-back": "taken back: the instance is as it was before",
    "rollback-failed": "ROLLBACK FAILED: the instance is neither as before nor as it was to be",
    None: "not over",
}
"""How a run's outcome is written."""

_TROUBLED = ("failed", "interrupted")


def asked(report: RunReport) -> list[tuple[str, str]]:
    """Give what was asked, by whom and when, and how it ended, as names and values."""
    way = " -> ".join((report.frm, *(report.stops or (report.to,))))
    pairs = [
        ("run", report.id),
        ("asked for", f"{work(report)} on {report.host}: {way}"),
        ("by", f"{report.created_by} at {moment(report.created_at)}"),
        ("on failure", report.on_failure),
        (
            "outcome",
            OUTCOMES[report.outcome] + (f" (exit code {report.exit_code})" if report.outcome else ""),
        ),
        *(("failed at", failed_at(failure)) for failure in report.failures),
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


def work(report: RunReport) -> str:
    """Say what the run was: the upgrade of an instance, or a migration from one to another."""
    if report.source:
        return f"{report.kind} of {report.source} to {report.instance}"
    return f"{report.kind} of {report.instance}"


def failed_at(failure: FailureReport) -> str:
    """Name the step at which a phase is stuck: `step 14 of 19 of the upgrade, Migrate the system database to 7.1.0`."""
    state = "interrupted in " if failure.step.state == "interrupted" else ""
    return f"{state}step {failure.number} of {failure.steps} of the {failure.phase}, {failure.step.title}"


def said(step: StepReport) -> str:
    """Give the message of a step's last failure with the exit code, where the message does not have it already."""
    known = step.code is None or str(step.code) in step.message
    return step.message if known else f"{step.message} (exit code {step.code})"


def backup_pairs(backup: BackupReport) -> list[tuple[str, str]]:
    """Give where a backup is, what it holds and how large it is, as names and values."""
    pairs = [("directory", backup.directory), ("holds", backup.holds)]
    if backup.error:
        return [*pairs, ("state", backup.error)]
    pairs += [
        ("taken", moment(backup.created_at)),
        ("proven", moment(backup.proven_at) or "not restored and compared"),
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


def taken_back(report: RunReport) -> str:
    """Say that the verification is not of what is there now; "" when it is."""
    return f"This was before the {report.kind} was taken back." if len(report.phases) > 1 else ""


def run_text(report: RunReport, *, width: int = WIDTH) -> str:
    """Give the report as text, `width` columns wide: the outcome and what failed first, what can be done next last.

    Commands stand at failed steps only; the other forms have all of them.
    """
    title = f"Report of the {work(report)}"
    lines = [*heading(title, line="="), "", *columns(asked(report), width=width)]
    for failure in report.failures:
        lines += ["", *_why(failure, width)]
    for phase in report.phases:
        lines += ["", *_phase(phase, report, width)]
    lines += ["", *heading("Backups")]
    for number, backup in enumerate(report.backups):
        lines += [*([""] if number else []), *columns(backup_pairs(backup), width=width)]
    if report.verification is not None:
        lines += ["", verification_text(report.verification, width=width).rstrip()]
        if taken_back(report):
            lines += ["", taken_back(report)]
    sections = (
        ("Compared with before", identity(report)),
        (f"Written since the {report.kind}", list(report.losses)),
        ("Warnings", list(report.warnings)),
        ("Notes", list(report.notes)),
        ("Damaged or unreadable", list(report.problems)),
        ("The guide's checklist, as it was found before", list(report.checklist)),
        ("What remains to do", list(report.remains)),
    )
    for name, items in sections:
        if items:
            lines += ["", *heading(name)]
            for item in items:
                lines += wrap(item, width=width, indent="  ", first="- ")
    lines += ["", *wrap(f"Everything is kept in {report.directory}", width=width, indent="  ", first="")]
    if report.way_on:
        lines += ["", *heading("How to go on, or back")]
        for command in report.way_on:
            lines += wrap_command(command, width=width)
    return "\n".join(lines) + "\n"


def why_heading(failure: FailureReport) -> str:
    """Give the heading over what a failed step said."""
    return f"What step {failure.number} of the {failure.phase} said"


def _why(failure: FailureReport, width: int) -> list[str]:
    step = failure.step
    lines = heading(why_heading(failure))
    if step.message:
        lines += wrap(said(step), width=width, indent="    ", first="  ! ")
    lines += _tail(step, width)
    for name, text in (("Cause", step.cause), ("Remedy", step.remedy)):
        if text:
            lines += wrap(text, width=width, indent="    ", first=f"  {name}: ")
    for guess in step.guesses:
        lines += wrap(guess, width=width, indent="    ", first="  A guess: ")
    for command in step.remedy_commands:
        lines += wrap_command(command, width=width, indent="    ")
    if failure.output:
        lines += wrap(f"All of it: {failure.output}", width=width, indent="    ", first="  ")
    return lines


def _phase(phase: PhaseReport, report: RunReport, width: int) -> list[str]:
    lines = heading(f"{phase.name.capitalize()}: {phase.outcome or 'not over'}")
    told = [failure.step.id for failure in report.failures if failure.phase == phase.name]
    for number, step in enumerate(phase.steps, 1):
        took = f", {span(step.seconds)}" if step.seconds else ""
        tries = f", {step.attempts} attempts" if step.attempts > 1 else ""
        first = f"{number:>2}. {state_word(step):<12} "
        lines += wrap(f"{step.title}{took}{tries}", width=width, indent=" " * len(first), first=first)
        if step.message or step.state in _TROUBLED:
            for command in step.commands:
                lines += wrap_command(command, width=width, indent="    ")
        if step.note:
            lines += wrap(step.note, width=width, indent="    ")
        if step.message and step.id in told:
            lines.append("    ! told above")
        elif step.message:
            lines += _failure(step, width)
    return lines


def state_word(step: StepReport) -> str:
    """Give a step's state as it is written; what went wrong is in capitals."""
    return step.state.upper() if step.state in _TROUBLED and step.required else step.state


def _failure(step: StepReport, width: int) -> list[str]:
    earlier = "" if step.state in (*_TROUBLED, "skipped") else "An earlier attempt failed: "
    return [
        *wrap(f"{earlier}{said(step)}", width=width, indent="    ", first="    ! "),
        *_tail(step, width),
    ]


def _tail(step: StepReport, width: int) -> list[str]:
    """Wrap the last lines; their own indentation is kept."""
    lines: list[str] = []
    for line in step.tail:
        shown = plain(line)
        blanks = " " * min(len(shown) - len(shown.lstrip()), 20)
        lines += wrap(shown.lstrip(), width=width, indent=f"    | {blanks}  ", first=f"    | {blanks}")
    return lines
