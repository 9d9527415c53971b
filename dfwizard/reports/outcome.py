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
    kind: str = "upgrade",
) -> str:
    """Say in one sentence how a run from `frm` to `to` ended; `outcome` None: its runner is gone.

    `warnings` is how many there are, `rollback_begun` the ids of the steps that its rollback has begun, `compared` whether the instance
    was compared with the time before.
    """
    where = plain(instance)
    half_way = "as it was before the rollback, nothing was put back yet"
    if _PUTTING_BACK.intersection(rollback_begun):
        half_way = "neither the old nor the new state"
    # The releases of a migration are those of two instances: what comes back is the target, which had its own all along.
    does = f"has what the source had, on {to}" if kind == "migration" else f"runs {to}"
    was = "as it was" if kind == "migration" else frm
    back = f"{was}; neither code nor data had been changed"
    if compared:
        back = "identical to what it was before" + ("" if kind == "migration" else f", {frm}")
    sentences = {
        "done": f"Done: {where} {does}.",
        "done-with-warnings": f"Done with {count(warnings, 'warning')}: {where} {does}.",
        "rolled-back": f"Rolled back: {where} is {back}.",
        "rollback-failed": f"The rollback failed: {where} is {half_way}.",
        "failed": f"Failed: {where} was left as it is, in the middle of the {kind}.",
        "stopped": f"Stopped: {where} was left as it is, in the middle of the {kind}.",
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
        frm=plain(record.frm),
        to=plain(record.to),
        warnings=len(state.warnings),
        rollback_begun=[step.id for step in rollback if step.attempts],
        compared=run.comparison.exists(),
        kind=record.kind,
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
