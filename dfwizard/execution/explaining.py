"""What a failed step's event says beyond its message: the lines that matter, the cause and the remedy, where they are known."""

from __future__ import annotations

from dataclasses import replace

from dfwizard.diagnosis import Output, diagnose, nearest, telling_line, telling_lines
from dfwizard.execution.events import StepFailed
from dfwizard.execution.redaction import Redactor
from dfwizard.planning.plan import Plan


def explained(failed: StepFailed, plan: Plan, redactor: Redactor) -> StepFailed:
    """Give `failed` with its diagnosis, or with what it may be; message and tail are redacted already.

    A command in which something had to be redacted would do another thing than it shows: then all of them are left out.
    """
    found = diagnose(failed.message, failed.tail, step=failed.step, code=failed.code, plan=plan)
    if found is None:
        guesses = nearest(Output((failed.message, *failed.tail), failed.step, failed.code))
        return replace(
            failed,
            line=telling_line(failed.tail),
            lines=telling_lines(failed.tail),
            guesses=tuple(f"{one.failure.title}. {redactor.text(one.failure.remedy)}" for one in guesses),
        )
    whole = all(redactor.text(one.command) == one.command for one in found.commands)
    return replace(
        failed,
        line=found.line,
        diagnosis=found.id,
        cause=redactor.text(found.cause),
        remedy=redactor.text(found.remedy),
        commands=found.commands if whole else (),
    )
