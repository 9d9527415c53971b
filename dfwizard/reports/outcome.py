"""How a run ended, in a sentence, and what can be done next."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dfwizard.reports.measures import count
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from dfwizard.execution.state import RunState
    from dfwizard.execution.store import Run

_PUTTING_BACK = {"restore-tree", "restore-database"}


def ending(
    outcome: str | None,
    *,
    instance: str,
    frm: str,
    to: str,
    warnings: int,
    rollback_begun: Collection[str],
    compared: bool,
) -> str:
    """Say in one sentence how a run from `frm` to `to` ended; `outcome` None: its runner is gone.

    `warnings` is how many there are, `rollback_begun` the ids of the steps that its rollback has begun, `compared` whether the instance
    was compared with the time before.
    """
    where = plain(instance)
    half_way = "as it was before the rollback, nothing was put back yet"
    if _PUTTING_BACK.intersection(rollback_begun):
        half_way = "neither the old nor the new state"
    back = f"{frm}; neither code nor data had been changed"
    if compared:
        back = f"identical to what it was before, {frm}"
    sentences = {
        "done": f"Done: {where} runs {to}.",
        "done-with-warnings": f"Done with {count(warnings, 'warning')}: {where} runs {to}.",
        "rolled-back": f"Rolled back: {where} is {back}.",
        "rollback-failed": f"The rollback failed: {where} is {half_way}.",
        "failed": f"Failed: {where} was left as it is, in the middle of the upgrade.",
        "stopped": f"Stopped: {where} was left as it is, in the middle of the upgrade.",
        None: f"Not over: the work on {where} was cut off, and nobody goes on with it.",
    }
    return sentences[outcome]


def outcome_text(run: Run, state: RunState, backup: str) -> str:
    """Say in two or three lines how the run ended and what can be done next; `backup` is the directory of its backup.

    Raises:
        DfwizardError: the run's record cannot be read.
    """
    record, phase = run.record(), state.phase
    rollback = phase.steps if phase is not None and phase.name == "rollback" else ()
    sentence = ending(
        state.outcome,
        instance=record.place,
        frm=record.frm,
        to=record.to,
        warnings=len(state.warnings),
        rollback_begun=[step.id for step in rollback if step.attempts],
        compared=run.comparison.exists(),
    )
    back, resume = f"dfwizard rollback {run.id}", f"dfwizard resume {run.id}"
    following = {
        "done": (f"To take it back: {back}",),
        "done-with-warnings": (f"To take it back: {back}",),
        "rolled-back": (),
        "rollback-failed": (f"To try again: {resume}", f"The backup: {plain(backup)}"),
        "failed": (f"To try the step again: {resume}", f"To take it back: {back}"),
        "stopped": (f"To go on: {resume}", f"To take it back: {back}"),
        None: (f"To go on: {resume}", f"To take it back: {back}"),
    }
    warnings = tuple(f"warning: {plain(text)}" for text in state.warnings)
    return "\n".join((*warnings, sentence, *following[state.outcome], f"Report: dfwizard report {run.id}"))
