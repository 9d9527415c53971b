"""What stopping now would mean: one sentence for the foot of a screen, exact for the steps that were begun."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Words:
    """What is said of each kind of change, the deepest first."""

    opened: str
    database: str
    tree: str
    services: str


_UPGRADE = _Words(
    "Stopped now: the new release is in place and open, but not verified.",
    "Stopped now: the database has changed; rollback restores the proven backup.",
    "Stopped now: code is half changed; rollback takes it back.",
    "Stopped now: services were restarted; code and data have not changed.",
)
_WORDS = {
    "migration": _Words(
        "Stopped now: the target has the source's data and is open, but not verified.",
        "Stopped now: the target's database has changed; rollback brings it back.",
        "Stopped now: files of the target have changed; rollback brings them back.",
        "Stopped now: the target's PHP may be stopped; its data has not changed.",
    )
}
_RESTORING = ("restore-tree", "restore-database")


def stakes(plan: Plan, state: RunState | None) -> str:
    """Say in at most 78 characters what stopping now would leave behind; `state` is None before a run.

    `plan` is the run's upgrade or migration; of the latter all is said of the target, for the source is only read.
    """
    if state is None or state.phase is None:
        return _NOTHING
    if state.outcome in WHOLE:
        return "The run is over; nothing is left to stop."
    if state.phase.name == "rollback":
        return _rollback(state.phase)
    needs, words = undone(plan, state.begun), _WORDS.get(plan.kind, _UPGRADE)
    if needs & {Undo.TREE, Undo.DATABASE} and _opened(state.phase):
        return words.opened
    if Undo.DATABASE in needs:
        return words.database
    if Undo.TREE in needs:
        return words.tree
    if Undo.SERVICES in needs:
        return words.services
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
