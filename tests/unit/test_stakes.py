"""What stopping would mean is said exactly, at every step of an upgrade and of its rollback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dfwizard.execution import events as ev
from dfwizard.execution.journal import Record
from dfwizard.execution.state import RunState, reduce
from dfwizard.planning.plan import Plan, Undo
from dfwizard.planning.rollback import plan_rollback
from dfwizard.reports.stakes import stakes
from tests.unit import samples

PLAN = samples.plan(samples.facts(), "7.1.0")
BACK = plan_rollback(PLAN, [step.id for step in PLAN.steps], present_backup="/var/backups/present")
PLANS = {"plan.json": PLAN, "rollback-1.json": BACK}


def told(*events: ev.Event, plans: dict[str, Plan] | None = None) -> RunState:
    time = "2026-01-05T00:41:00.000+00:00"
    return reduce((Record(number, time, event) for number, event in enumerate(events, 1)), plans or PLANS)


def walk(plan: Plan, *before: ev.Event) -> Iterator[tuple[str, RunState]]:
    """Give the state while each step of `plan` runs, in order."""
    events = list(before)
    for step in plan.steps:
        events.append(ev.StepStarted(step.id, 1, "output/x.log"))
        yield step.id, told(*events)
        events.append(ev.StepFinished(step.id, "done"))


UPGRADE = ev.PhaseStarted(0, "upgrade", "plan.json")
ROLLBACK = ev.PhaseStarted(1, "rollback", "rollback-1.json")


def test_before_a_run_and_after_it() -> None:
    assert stakes(PLAN, None) == "Stopped now: nothing has changed."
    assert stakes(PLAN, told()) == "Stopped now: nothing has changed."
    assert stakes(PLAN, told(UPGRADE)) == "Stopped now: nothing has changed."
    assert "over" in stakes(PLAN, told(UPGRADE, ev.RunFinished("done", 0)))


def test_each_step_of_an_upgrade() -> None:
    said = {step: stakes(PLAN, state) for step, state in walk(PLAN, UPGRADE)}
    for step in ("maintenance-on", "fingerprint", "backup", "prove"):
        assert said[step] == "Stopped now: the API stays closed; nothing else has changed.", step
    for step in ("fetch", "checkout-7.1.0", "composer-7.1.0"):
        assert said[step] == "Stopped now: code is half changed; rollback takes it back.", step
    for step in ("migrate-7.1.0", "config-clear-7.1.0", "restart-php-fpm", "gate-7.1.0", "maintenance-off"):
        assert said[step] == "Stopped now: the database has changed; rollback restores the proven backup.", (
            step
        )
    assert said["verify"] == "Stopped now: the new release is in place and open, but not verified."


def test_what_was_begun_counts_and_not_what_succeeded() -> None:
    begun = (
        UPGRADE,
        ev.StepStarted("migrate-7.1.0", 1, "output/x.log"),
        ev.StepFailed("migrate-7.1.0", "m", 1),
    )
    assert "the database has changed" in stakes(PLAN, told(*begun))
    decided = (*begun, ev.Decided("retry", "somebody"))
    assert "the database has changed" in stakes(PLAN, told(*decided))


def test_an_instance_that_was_closed_before_is_not_said_to_have_been_closed() -> None:
    plan = replace(PLAN, steps=tuple(step for step in PLAN.steps if step.undo is not Undo.MAINTENANCE))
    state = told(UPGRADE, ev.StepStarted("backup", 1, "output/x.log"), plans={"plan.json": plan})
    assert stakes(plan, state) == "Stopped now: nothing has changed."


def test_each_step_of_a_rollback() -> None:
    begun = (
        UPGRADE,
        ev.StepStarted("migrate-7.1.0", 1, "output/x.log"),
        ev.PhaseFinished("failed"),
        ROLLBACK,
    )
    said = {step: stakes(PLAN, state) for step, state in walk(BACK, *begun)}
    assert "nothing has been put back yet" in said["backup-present"]
    for step in ("restore-tree", "restore-database"):
        assert "neither the old nor the new state" in said[step], step
    assert "not compared" in said["compare"]
    assert "back and compared" in said["maintenance-off"]


def test_a_rollback_that_only_opens_the_api() -> None:
    back = plan_rollback(PLAN, ["maintenance-on", "fingerprint"], present_backup="/var/backups/present")
    plans = {"plan.json": PLAN, "rollback-1.json": back}
    begun = (UPGRADE, ev.StepStarted("maintenance-on", 1, "output/x.log"), ROLLBACK)
    assert "code and data have not changed" in stakes(PLAN, told(*begun, plans=plans))


@pytest.mark.parametrize("plan", [PLAN, BACK], ids=["upgrade", "rollback"])
def test_no_sentence_is_too_long(plan: Plan) -> None:
    before = (UPGRADE,) if plan is PLAN else (UPGRADE, ROLLBACK)
    for _, state in walk(plan, *before):
        assert len(stakes(PLAN, state)) <= 78
