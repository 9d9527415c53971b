"""How far a phase of a run is, and how long it may still take. A pure function of plan, state and the time of day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dfwizard.execution.state import PhaseState, RunState, StepState, StepStatus
from dfwizard.planning.plan import Plan

_ALMOST = 0.95
"""The most that a step counts before its end was seen."""

_PRIOR = 30.0
"""Seconds for which the plan's own expectation counts against what was measured: the first quick steps tell little."""

_FASTEST, _SLOWEST = 0.1, 10.0


@dataclass(frozen=True)
class Progress:
    """Of the phase going on: steps `done` of `total`, their `share` by expected time (0 to 1), and the seconds `left`.

    `left` is None before the first step, and while a person is waited for.
    """

    done: int
    total: int
    share: float
    left: float | None


def progress(plan: Plan, state: RunState, now: datetime) -> Progress:
    """Give the progress of the last phase of `state`, whose plan is `plan`, at the moment `now` (with its time zone).

    Steps count by their `weight`; one going on by the time it has taken, yet never wholly. The share does not fall while
    steps finish; what is left is the rest by the plan, stretched by what the steps so far took longer than expected.
    """
    phase = state.phase
    total = len(plan.steps)
    if phase is None:
        return Progress(0, total, 0.0, None)
    done = 0
    whole = counted = expected = taken = 0.0
    for step in plan.steps:
        weight = max(step.weight, 0.01)
        found = phase.step(step.id)
        spent = _spent(found, state, now)
        whole += weight
        if found.status.over:
            done += 1
            counted += weight
        else:
            counted += min(spent, _ALMOST * weight)
        if found.status is StepStatus.DONE:
            expected, taken = expected + weight, taken + found.seconds
    share = min(1.0, counted / whole) if whole else 0.0
    if phase.outcome == "done":
        return Progress(done, total, 1.0, 0.0)
    if not _goes(phase, state):
        return Progress(done, total, share, None)
    pace = min(_SLOWEST, max(_FASTEST, (taken + _PRIOR) / (expected + _PRIOR)))
    return Progress(done, total, share, max(0.0, whole - counted) * pace)


def _goes(phase: PhaseState, state: RunState) -> bool:
    return phase.outcome is None and state.outcome is None and state.question is None and not state.paused


def _spent(step: StepState, state: RunState, now: datetime) -> float:
    """Give the seconds that a step has taken, earlier attempts too."""
    if step.status is not StepStatus.RUNNING or state.current != step.id or step.started is None:
        return max(0.0, step.seconds)
    try:
        elapsed = (now - datetime.fromisoformat(step.started.replace("Z", "+00:00"))).total_seconds()
    except (ValueError, TypeError):
        elapsed = 0.0
    return max(0.0, step.seconds) + max(0.0, elapsed)
