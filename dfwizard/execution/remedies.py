"""Applies the remedy of a failed step, command by command: intent to the journal, then what was shown, then what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dfwizard.diagnosis import RemedyCommand
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
"""Longest time for one command of a remedy."""

NOT_SEEN = "The remedy was interrupted: how far it came is not known."
"""What is recorded of a remedy whose end was never seen."""

_KEEP = 4 * 1024


def apply_remedy(
    host: Host,
    run: Run,
    plan: Plan,
    step: StepState,
    output: Callable[[int], str],
    *,
    append: Callable[[ev.Event], None],
    redactor: Redactor,
    interruption: Interruption,
    full: Callable[[], bool],
) -> None:
    """Run the remedy's commands of the failed `step` in the instance, in their order, up to the first that fails.

    The journal has each before it is begun and what came of it; the output of the nth goes to file `output(n)`.

    Raises:
        JournalError: the journal cannot be written any more.
        Terminated: the runner was told to stop; the command has been ended.
    """
    applied = _Applied(host, run, plan, redactor, interruption)
    commands = step.commands
    for number, one in enumerate(commands, 1):
        name = output(number)
        append(ev.RemedyStarted(step.id, one.command, name, number, len(commands), one.does))
        if full():
            message = "The remedy was not begun: the disk is full."
            append(ev.RemedyFinished(step.id, None, message=message))
            return
        which = f" {number} of {len(commands)}" if len(commands) > 1 else ""
        finished = applied.run(step.id, one, name, which, last=number == len(commands))
        append(finished)
        if not finished.more:
            return


@dataclass(frozen=True)
class _Applied:
    """What a remedy's commands are run with."""

    host: Host
    of: Run
    plan: Plan
    redactor: Redactor
    interruption: Interruption

    def run(self, step: str, one: RemedyCommand, name: str, which: str, *, last: bool) -> ev.RemedyFinished:
        """Run one command of the remedy of `step` and say what came of it; `which` is "" or says its number."""
        file = OutputFile(self.of.directory / name, self.redactor)
        command = Command(("sh", "-c", one.command), cwd=self.plan.instance, timeout=REMEDY_SECONDS)
        code: int | None = None
        message, begun = "", time.monotonic()
        try:
            with self.interruption.allowed():
                result = self.host.run(
                    command,
                    on_output=lambda stream, chunk: file.write(chunk, stream),
                    keep=_KEEP,
                    check=False,
                    mark=self.of.id,
                )
            code = result.code
            if code:
                message = f"The remedy's command{which} ended {code_in_words(code)}."
        except HostError as error:
            text = self.redactor.text(DfwizardError.__str__(error))
            message = f"The remedy's command{which} could not be run to its end: {without_rows(text)}"
        finally:
            tail = file.close()
        seconds = round(time.monotonic() - begun, 3)
        shown = tuple(left_out(self.redactor.text(line) for line in tail))
        return ev.RemedyFinished(step, code, seconds, message, shown, more=code == 0 and not last)


def remedy_output(first: str, number: int, command: int) -> str:
    """Give the output file of a `command` of the remedy of that number, both from 1, beside that of the step's `first` attempt."""
    which = f"{number}" if command == 1 else f"{number}.{command}"
    return f"{first.removesuffix('.log')}-remedy-{which}.log"


def output_label(name: str) -> str:
    """Say whose output the file `name` of a remedy's command is: `remedy 1`, `remedy 1.2` for the second command of the first."""
    return f"remedy {name.rpartition('-remedy-')[2].removesuffix('.log')}"
