"""What stopping now would mean: one sentence for the foot of a screen, exact for the steps that were begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.execution.outcomes import WHOLE
from dfwizard.planning.plan import Plan, Undo
from dfwizard.planning.rollback import undone
from dfwizard.reports.choices import is_closed

if TYPE_CHECKING:
    from dfwizard.execution.state import PhaseState, RunState

WIDTH = 78
"""No sentence is longer."""

_NOTHING = "Stopped now: nothing has changed."
_CLOSED = "Stopped now: the API stays closed; nothing else has changed."
_RESTORING = ("restore-tree", "restore-database")


def stakes(plan: Plan, state: RunState | None) -> str:
    """Say in at most 78 characters what stopping now would leave behind; `plan` is the run's upgrade, `state` None before a run."""
    if state is None or state.phase is None:
        return _NOTHING
    if state.outcome in WHOLE:
        return "The run is over; nothing is left to stop."
    if state.phase.name == "rollback":
        return _rollback(state.phase)
    needs = undone(plan, state.begun)
    if needs & {Undo.TREE, Undo.DATABASE} and _opened(state.phase):
        return "Stopped now: the new release is in place and open, but not verified."
    if Undo.DATABASE in needs:
        return "Stopped now: the database has changed; rollback restores the proven backup."
    if Undo.TREE in needs:
        return "Stopped now: code is half changed; rollback takes it back."
    if Undo.SERVICES in needs:
        return "Stopped now: services were restarted; code and data have not changed."
    if Undo.MAINTENANCE in needs and is_closed(plan, state.phase):
        return _CLOSED
    return _NOTHING


def _opened(phase: PhaseState) -> bool:
    return phase.step("maintenance-off").status.over


def _rollback(phase: PhaseState) -> str:
    restoring = [step for step in phase.steps if step.id in _RESTORING]
    if not restoring:
        return "Stopped now: the API may stay closed; code and data have not changed."
    if phase.step("maintenance-off").status.over:
        return "Stopped now: the old state is back, and the API open."
    if phase.step("compare").status.over:
        return "Stopped now: the old state is back and compared; the API stays closed."
    if all(step.status.over for step in restoring):
        return "Stopped now: the old state is back, but not compared; resume goes on."
    if any(step.attempts for step in restoring):
        return "Stopped now: neither the old nor the new state is whole; resume goes on."
    return "Stopped now: nothing has been put back yet; resume goes on."
