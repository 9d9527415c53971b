"""Why a step failed and what helps, and what becomes of a remedy, as lines for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.execution import events as ev
from dfwizard.reports.measures import span
from dfwizard.reports.remedy import command_lines
from dfwizard.reports.terminal import plain, wrap

if TYPE_CHECKING:
    from dfwizard.execution.state import StepState


def failure_lines(step: StepState | None) -> list[str]:
    """Give the line that matters, cause, remedy and its commands of a failed step, or what it may be: as far as they are known."""
    if step is None:
        return []
    lines = []
    for name, text in (("line", step.line), ("cause", step.cause), ("remedy", step.remedy)):
        if text:
            lines += wrap(text, indent=" " * 10, first=f"  {name:<8}")
    for text in step.lines:
        if text != step.line:
            lines += wrap(text, indent=" " * 10)
    for guess in step.guesses:
        lines += wrap(guess, indent=" " * 10, first="  guess   ")
    return lines + command_lines(step.commands, indent=" " * 10)


def remedy_lines(event: ev.Event) -> list[str]:
    """Say that a remedy begins, or what came of it (its output is shown as it comes); nothing of another event."""
    if isinstance(event, ev.RemedyStarted):
        which = f" {event.number} of {event.of}" if event.of > 1 else ""
        return [f"==> remedy{which}: {plain(event.command)}"]
    if not isinstance(event, ev.RemedyFinished):
        return []
    if event.more:
        return []
    if event.code == 0:
        return [f"    the remedy is applied, in {span(event.seconds)}; the step is tried again"]
    return wrap(event.message, indent="    ")
