"""Why a step failed and what helps, and what becomes of a remedy, as lines for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.execution import events as ev
from dfwizard.reports.measures import span
from dfwizard.reports.terminal import plain, wrap, wrap_command

if TYPE_CHECKING:
    from dfwizard.execution.state import StepState


def failure_lines(step: StepState | None) -> list[str]:
    """Give the line that matters, cause, remedy and the remedy's command of a failed step: as far as they are known."""
    if step is None:
        return []
    lines = []
    for name, text in (("line", step.line), ("cause", step.cause), ("remedy", step.remedy)):
        if text:
            lines += wrap(text, indent=" " * 10, first=f"  {name:<8}")
    return lines + (wrap_command(step.remedy_command, indent=" " * 10) if step.remedy_command else [])


def remedy_lines(event: ev.Event) -> list[str]:
    """Say that a remedy begins, or what came of it (its output is shown as it comes); nothing of another event."""
    if isinstance(event, ev.RemedyStarted):
        return [f"==> remedy: {plain(event.command)}"]
    if not isinstance(event, ev.RemedyFinished):
        return []
    if event.code == 0:
        return [f"    the remedy is applied, in {span(event.seconds)}; the step is tried again"]
    return wrap(event.message, indent="    ")
