"""Applies the remedy of a failed step: intent to the journal, then the command that was shown, then what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from dfwizard.errors import DfwizardError, HostError
from dfwizard.execution import events as ev
from dfwizard.execution.executor import Interruption, code_in_words
from dfwizard.execution.output import OutputFile
from dfwizard.execution.redaction import Redactor
from dfwizard.execution.rowdata import left_out, without_rows
from dfwizard.execution.state import StepState
from dfwizard.execution.store import Run
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from dfwizard.planning.plan import Plan

REMEDY_SECONDS = 1800.0
"""Longest time for a remedy's command."""

NOT_SEEN = "The remedy was interrupted: how far it came is not known."
"""What is recorded of a remedy whose end was never seen."""

_KEEP = 4 * 1024


def apply_remedy(
    host: Host,
    run: Run,
    plan: Plan,
    step: StepState,
    output: str,
    *,
    append: Callable[[ev.Event], None],
    redactor: Redactor,
    interruption: Interruption,
    full: Callable[[], bool],
) -> None:
    """Run the remedy's command of the failed `step` in the instance; the journal has the result, its output goes to file `output`.

    Raises:
        JournalError: the journal cannot be written any more.
        Terminated: the runner was told to stop; the command has been ended.
    """
    append(ev.RemedyStarted(step.id, step.remedy_command, output))
    if full():
        append(ev.RemedyFinished(step.id, None, message="The remedy was not begun: the disk is full."))
        return
    file = OutputFile(run.directory / output, redactor)
    command = Command(("sh", "-c", step.remedy_command), cwd=plan.instance, timeout=REMEDY_SECONDS)
    code: int | None = None
    message, begun = "", time.monotonic()
    try:
        with interruption.allowed():
            result = host.run(
                command,
                on_output=lambda stream, chunk: file.write(chunk, stream),
                keep=_KEEP,
                check=False,
                mark=run.id,
            )
        code = result.code
        if code:
            message = f"The remedy's command ended {code_in_words(code)}."
    except HostError as error:
        text = redactor.text(DfwizardError.__str__(error))
        message = f"The remedy's command could not be run to its end: {without_rows(text)}"
    finally:
        tail = file.close()
    seconds = round(time.monotonic() - begun, 3)
    shown = tuple(left_out(redactor.text(line) for line in tail))
    append(ev.RemedyFinished(step.id, code, seconds, message, shown))


def remedy_output(first: str, number: int) -> str:
    """Give the output file of the remedy of that number, counted from 1, beside that of the step's `first` attempt."""
    return f"{first.removesuffix('.log')}-remedy-{number}.log"
