"""A scenario without a presenter: the run is started, watched, and its questions answered as the scenario says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dfwizard.execution import events as ev
from dfwizard.execution.attach import EventSeen, Update
from dfwizard.execution.on_failure import OnFailure

if TYPE_CHECKING:
    from dfwizard.controller import Controller, Prospect
    from dfwizard.demo.sandbox import Sandbox
    from dfwizard.execution.store import Run

LAST_ANSWER = "stop"
"""What a question is answered with when the scenario has no more decisions: it ends the run where it is."""


def start(sandbox: Sandbox, controller: Controller, prospect: Prospect) -> Run:
    """Start the scenario's upgrade; its warnings count as read.

    Raises:
        BlockedError: a finding forbids it that the scenario does not accept.
    """
    wanted = sandbox.scenario
    return controller.start_upgrade(
        prospect, accepted=frozenset(wanted.accept), on_failure=OnFailure(wanted.on_failure)
    )


def drive(sandbox: Sandbox, controller: Controller, run: Run, see: Callable[[Update], None]) -> None:
    """Show `see` everything that happens in `run` until it is over, and answer its questions as the scenario says."""
    decisions = list(sandbox.scenario.decisions)
    for update in controller.follow(run):
        see(update)
        if isinstance(update, EventSeen) and isinstance(update.record.event, ev.Asked):
            answer = decisions.pop(0) if decisions else LAST_ANSWER
            controller.decide(run, answer, question=update.record.seq)
