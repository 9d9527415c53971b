"""What can be answered to the question after a failed step, and what each answer means."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dfwizard.errors import DfwizardError
from dfwizard.planning.plan import Plan, Undo

if TYPE_CHECKING:
    from dfwizard.execution.state import PhaseState, RunState
    from dfwizard.execution.store import Run

_IN_TRANSACTIONS = ("pgsql", "sqlsrv")
"""The drivers on which Laravel takes back by itself what a failed migration has made (`$transactions` of its schema grammars)."""


@dataclass(frozen=True)
class Choice:
    """One answer: `decision` is what the runner takes, `meaning` what it does, in words."""

    decision: str
    meaning: str


def choice_lines(run: Run, state: RunState) -> tuple[Choice, ...]:
    """Give the answers to the open question of `run`, in the order in which the runner offers them; none without a question.

    Raises:
        DfwizardError: the run's plan cannot be read.
    """
    if state.question is None:
        return ()
    return tuple(Choice(choice, _meaning(run, state, choice)) for choice in state.question.choices)


def is_closed(plan: Plan, phase: PhaseState) -> bool:
    """Tell whether the API is closed where `phase` of the upgrade `plan` is: as far as its steps are about that."""
    known = {step.id for step in plan.steps}
    on = phase.step("maintenance-on")
    closed = on.id not in known or on.attempts > 0 or on.status.over
    return closed and not phase.step("maintenance-off").status.over


def closed_in_words(run: Run, state: RunState) -> str:
    """Say whether the API is closed; "" where that cannot be told."""
    with suppress(DfwizardError):
        if state.phase is not None:
            return (
                "the API stays closed"
                if is_closed(run.plan(state.phase.plan), state.phase)
                else "the API is open"
            )
    return ""


def _meaning(run: Run, state: RunState, choice: str) -> str:
    plan, phase = run.plan(), state.phase
    closed = phase is not None and is_closed(plan, phase)
    if choice == "remedy":
        several = phase is not None and state.question and len(phase.step(state.question.step).commands) > 1
        return f"run the remedy's command{'s' if several else ''}, then try the step again{_before_retry(run, plan, state)}"
    if choice == "retry":
        return f"run the step again{_before_retry(run, plan, state)}"
    if choice == "skip":
        return "leave the step out and go on; the run then ends with a warning"
    if choice == "stop":
        return f"leave it as it is, {'maintenance mode on' if closed else 'the API open'}; resume or roll back later"
    if any(step.id in state.begun and step.undo in (Undo.TREE, Undo.DATABASE) for step in plan.steps):
        if plan.kind == "migration":
            return "the target as it was, from its proven backup; the source was only read"
        return f"back to {plan.frm} from the proven backup"
    return "open the API again; code and data have not been changed"


def _before_retry(run: Run, plan: Plan, state: RunState) -> str:
    failed = next((step for step in plan.steps if state.question and step.id == state.question.step), None)
    if failed is None or failed.undo is not Undo.DATABASE:
        return ""
    with suppress(DfwizardError):
        database = run.facts().database
        if database is not None and database.driver in _IN_TRANSACTIONS:
            return ""
    return "; first remove by hand what the migration has made"
