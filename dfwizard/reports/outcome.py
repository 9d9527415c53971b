"""How a run ended, in a few words, and what can be done next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.reports.measures import count
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from dfwizard.execution.state import RunState
    from dfwizard.execution.store import Run


def _half_way(state: RunState) -> str:
    begun = [step.id for step in state.phase.steps if step.attempts] if state.phase else []
    if {"restore-tree", "restore-database"} & set(begun):
        return "is neither the old nor the new state"
    return "is as it was before the rollback, nothing was put back yet"


def outcome_text(run: Run, state: RunState, backup: str) -> str:
    """Say in two or three lines how the run ended and what can be done next; `backup` is the directory of its backup.

    Raises:
        DfwizardError: the run's record cannot be read.
    """
    record = run.record()
    where = f"{plain(record.instance)}"
    words = {
        "done": f"Done: {where} runs {record.to}.",
        "done-with-warnings": f"Done with {count(len(state.warnings), 'warning')}: {where} runs {record.to}.",
        "rolled-back": f"Rolled back: {where} is identical to what it was before, {record.frm}.",
        "rollback-failed": f"The rollback failed: {where} {_half_way(state)}.",
        "failed": f"Failed: {where} was left as it is, in the middle of the upgrade.",
        "stopped": f"Stopped: {where} was left as it is, in the middle of the upgrade.",
    }
    following = {
        "done": (f"To take it back: dfwizard rollback {run.id}",),
        "done-with-warnings": (f"To take it back: dfwizard rollback {run.id}",),
        "rolled-back": (),
        "rollback-failed": (
            f"To try again: dfwizard resume {run.id}",
            f"The backup: {plain(backup)}",
        ),
        "failed": (
            f"To try the step again: dfwizard resume {run.id}",
            f"To take it back: dfwizard rollback {run.id}",
        ),
        "stopped": (f"To go on: dfwizard resume {run.id}", f"To take it back: dfwizard rollback {run.id}"),
    }
    outcome = state.outcome or "failed"
    warnings = tuple(f"warning: {plain(text)}" for text in state.warnings)
    return "\n".join((*warnings, words[outcome], *following[outcome], f"Report: dfwizard report {run.id}"))
