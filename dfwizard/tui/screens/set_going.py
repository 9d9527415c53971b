"""Setting a run going again, and watching it from the moment that it works at something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dfwizard.execution import events as ev
from dfwizard.execution.attach import EventSeen

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.execution.store import Run
    from dfwizard.tui.screens.base import StageScreen

_AT_WORK = (ev.StepStarted, ev.StepFinished, ev.StepFailed, ev.Asked)


def set_going(screen: StageScreen, run: Run, start: Callable[[Run], None], *, label: str) -> None:
    """Have `start` (a rollback, going on) begin in the background, then watch the run; `label` is shown meanwhile."""
    wizard = screen.wizard
    screen.background(
        lambda: begin(wizard.controller, run, start),
        lambda since: wizard.watch_run(run, since=since),
        label=label,
    )


def begin(controller: Controller, run: Run, start: Callable[[Run], None]) -> int:
    """Have `start` begin, wait until the run works at something, and give the `since` for `Wizard.watch_run`.

    Watched from the moment of the start a run that had ended would show its old end first.

    Raises:
        DfwizardError: it cannot begin.
    """
    before = run.state().seq
    start(run)
    for update in controller.follow(run, seq=before):
        if not isinstance(update, EventSeen):
            continue
        if isinstance(update.record.event, (ev.PhaseStarted, ev.RunFinished)):
            return update.record.seq
        if isinstance(update.record.event, _AT_WORK):
            return update.record.seq - 1
    return before
