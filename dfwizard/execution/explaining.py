"""What a failed step's event says beyond its message: the line that matters, the cause and the remedy, where they are known."""

from __future__ import annotations

from dataclasses import replace

from dfwizard.diagnosis import diagnose, telling_line
from dfwizard.execution.events import StepFailed
from dfwizard.execution.redaction import Redactor
from dfwizard.planning.plan import Plan


def explained(failed: StepFailed, plan: Plan, redactor: Redactor) -> StepFailed:
    """Give `failed` with its diagnosis; message and tail are redacted already.

    A command in which something had to be redacted would do another thing than it shows: it is left out.
    """
    found = diagnose(failed.message, failed.tail, step=failed.step, code=failed.code, plan=plan)
    if found is None:
        return replace(failed, line=telling_line(failed.tail))
    whole = redactor.text(found.command) == found.command
    return replace(
        failed,
        line=found.line,
        diagnosis=found.id,
        cause=redactor.text(found.cause),
        remedy=redactor.text(found.remedy),
        remedy_command=found.command if whole else "",
    )
