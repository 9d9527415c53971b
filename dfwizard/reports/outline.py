"""What a person is shown right before an upgrade or a rollback begins: a few lines of what will happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.execution.on_failure import OnFailure
from dfwizard.planning.findings import Severity
from dfwizard.planning.plan import Plan, Undo
from dfwizard.reports.measures import count
from dfwizard.reports.terminal import columns, plain, wrap, wrap_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dfwizard.execution.store import RunRecord
    from dfwizard.planning.findings import Finding

CHANGING = (Undo.TREE, Undo.DATABASE)
"""What taking a step back requires when the step changes code or data."""

ON_FAILURE = {
    OnFailure.ASK: "ask what to do",
    OnFailure.AUTO: "roll back by itself before the first database change, ask after it",
    OnFailure.ROLLBACK: "roll back",
    OnFailure.STOP: "stop, and leave the instance as it is",
}
"""What happens when a step of an upgrade fails, in words; in the order in which it is offered."""


def upgrade_outline(
    plan: Plan, findings: Iterable[Finding], accepted: frozenset[str], policy: OnFailure, command: str
) -> str:
    """Give the list of steps, one line each, and what matters of the whole; `command` shows all of it."""
    known = tuple(findings)
    warnings = [one.id for one in known if one.severity is Severity.WARNING]
    overridden = [one.id for one in known if one.acceptable and one.id in accepted]
    lines = [f"{number:>3}. {plain(step.title)}" for number, step in enumerate(plan.steps, 1)]
    lines += ["", "Every step with its command, reason and undo:"]
    lines += [*wrap_command(command, indent="  "), ""]
    lines += columns(
        (
            ("road", " -> ".join((plan.frm, *(hop.to for hop in plan.hops)))),
            ("accepted", ", ".join(overridden) or "nothing"),
            ("warnings", ", ".join(warnings) or "none"),
            ("backup", plan.backup),
            ("steps", str(len(plan.steps))),
            ("on failure", ON_FAILURE[policy]),
        ),
        indent="",
    )
    return "\n".join([*lines, *wrap(first_change(plan))])


def first_change(plan: Plan) -> str:
    """Say which steps only prepare the way back, and which is the first that changes code or data."""
    number = next((index for index, step in enumerate(plan.steps, 1) if step.undo in CHANGING), 0)
    if not number:
        return "No step changes code or data."
    before = plan.steps[: number - 1]
    closes = "close the API and " if any(step.undo is Undo.MAINTENANCE for step in before) else ""
    changing = f"the first change of code or data is step {number} ({plan.steps[number - 1].title})"
    if not before:
        return f"{changing[0].upper()}{changing[1:]}."
    steps = "Step 1" if len(before) == 1 else f"Steps 1 to {len(before)}"
    if plan.kind == "migration":
        return f"{steps} save the source, which is only read, {closes}back the target up; {changing}."
    return f"{steps} {closes}back the instance up; {changing}."


def rollback_question(record: RunRecord) -> str:
    """Ask whether the run of `record` shall be taken back; of a migration the target is, for the source was only read."""
    if record.kind == "migration":
        return f"Take run {record.id} back: {plain(record.place)}, as it was before the migration?"
    return f"Take run {record.id} back: {plain(record.place)} from {plain(record.to)} to {plain(record.frm)}?"


def rollback_outline(record: RunRecord, plan: Plan, losses: tuple[str, ...]) -> str:
    """Say what a rollback of the run of `record` and `plan` does and costs; `losses` by table."""
    lines = []
    if losses:
        lines.append(
            f"Written since the {record.kind}, and lost by a rollback (the backup of the present state"
        )
        lines.append("keeps it):")
        for line in losses:
            lines += wrap(line, indent="    ", first="  ")
        lines.append("")
    lines += columns(
        (
            *(() if record.kind == "migration" else (("road", f"{record.to} -> {record.frm}"),)),
            ("instance", record.place),
            ("backup", plan.backup),
            (
                "lost",
                f"what was written to {count(len(losses), 'table')}" if losses else "nothing that is known",
            ),
        ),
        indent="",
    )
    lines += wrap(
        "The API is closed meanwhile. The present state is backed up first; then code, .env and database come "
        f"back from the backup and are compared with what was recorded before the {record.kind}."
    )
    return "\n".join(lines)
