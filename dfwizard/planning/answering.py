"""The step that asks the API before the first change, put before an upgrade's plan where somebody wishes it."""

from __future__ import annotations

from dataclasses import replace

from dfwizard.instance.facts import Facts
from dfwizard.planning.answers import RecordAnswers, require_answering
from dfwizard.planning.plan import Plan, Step


def with_answers(plan: Plan, facts: Facts, wish: RecordAnswers | None) -> Plan:
    """Give the plan that asks what `wish` says first, and nothing where it is None, whatever the plan asked before.

    Raises:
        UsageError: the instance cannot be asked.
    """
    require_answering(facts, wish)
    others = tuple(step for step in plan.steps if not isinstance(step.action, RecordAnswers))
    return replace(plan, steps=(*_step(wish), *others))


def _step(wish: RecordAnswers | None) -> tuple[Step, ...]:
    if wish is None:
        return ()
    count = f"{len(wish.paths)} {'path' if len(wish.paths) == 1 else 'paths'}"
    session = f", also in a session of {wish.login}" if wish.login else ""
    return (
        Step(
            "answers",
            f"Record what the API answers ({count})",
            f"They are asked again after the upgrade, twice each{session}: status and shape have to be the same.",
            wish,
            undo_text="Nothing to undo: the session is closed at once." if wish.login else "Nothing to undo.",
            timeout=600,
        ),
    )
