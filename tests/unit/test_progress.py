"""The share of a run that is done and the time that is left; the expected seconds of a plan's steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from dfwizard.execution import events as ev
from dfwizard.execution.journal import Record
from dfwizard.execution.progress import Progress, progress
from dfwizard.execution.state import RunState, advance
from dfwizard.planning.plan import Plan
from dfwizard.planning.rollback import plan_rollback
from tests.unit.samples import facts, plan

BEGIN = datetime(2026, 1, 5, 0, 41, tzinfo=timezone.utc)
PLAN = plan(facts(), "7.1.0")


class Telling:
    """A run that is told event by event, with a clock of its own."""

    def __init__(self, of: Plan) -> None:
        self.plan, self.state, self.now = of, RunState(), BEGIN
        self.tell(ev.PhaseStarted(0, "upgrade", "plan.json"))

    def tell(self, event: ev.Event) -> None:
        record = Record(self.state.seq + 1, self.now.isoformat(timespec="milliseconds"), event)
        self.state = advance(self.state, record, {"plan.json": self.plan})

    def look(self) -> Progress:
        return progress(self.plan, self.state, self.now)


def weighted(weights: list[float]) -> Plan:
    step = PLAN.steps[0]
    return replace(
        PLAN, steps=tuple(replace(step, id=f"s{i}", weight=weight) for i, weight in enumerate(weights))
    )


@settings(max_examples=200)
@given(
    weights=st.lists(st.floats(0, 1e6), max_size=12),
    seconds=st.lists(st.floats(0, 1e5), min_size=12, max_size=12),
    outcomes=st.lists(st.sampled_from(["done", "already-done", "skipped"]), min_size=12, max_size=12),
)
def test_the_share_stays_within_bounds_and_never_falls_while_steps_finish(
    weights: list[float], seconds: list[float], outcomes: list[str]
) -> None:
    telling = Telling(weighted(weights))
    seen = [telling.look()]
    for index in range(len(weights)):
        telling.tell(ev.StepStarted(f"s{index}", 1, "output/x"))
        seen.append(telling.look())
        for _ in range(2):
            telling.now += timedelta(seconds=seconds[index] / 2)
            seen.append(telling.look())
        telling.tell(ev.StepFinished(f"s{index}", outcomes[index], seconds[index]))  # type: ignore[arg-type]
        seen.append(telling.look())
    telling.tell(ev.PhaseFinished("done"))
    seen.append(telling.look())
    shares = [one.share for one in seen]
    assert all(0 <= share <= 1 for share in shares)
    assert all(after >= before - 1e-12 for before, after in pairwise(shares))
    assert all(one.left is None or one.left >= 0 for one in seen)
    assert seen[-1] == Progress(len(weights), len(weights), 1.0, 0.0)


def test_a_run_that_has_not_begun() -> None:
    assert progress(PLAN, RunState(), BEGIN) == Progress(0, len(PLAN.steps), 0.0, None)


def test_a_slow_machine_stretches_what_is_left() -> None:
    quick, slow = Telling(weighted([100, 100])), Telling(weighted([100, 100]))
    for telling, seconds in ((quick, 50.0), (slow, 400.0)):
        telling.tell(ev.StepStarted("s0", 1, "output/x"))
        telling.now += timedelta(seconds=seconds)
        telling.tell(ev.StepFinished("s0", "done", seconds))
    assert quick.look().share == slow.look().share == 0.5
    quickly, slowly = quick.look().left, slow.look().left
    assert quickly is not None
    assert slowly is not None
    assert quickly < 100 < slowly


def test_while_a_person_is_waited_for_nothing_is_promised() -> None:
    telling = Telling(weighted([10, 10]))
    telling.tell(ev.StepStarted("s0", 1, "output/x"))
    telling.now += timedelta(seconds=5)
    telling.tell(ev.StepFailed("s0", "it failed", seconds=5.0))
    telling.tell(ev.Asked("What now?", ("retry", "stop"), "s0"))
    assert telling.look() == Progress(0, 2, 0.25, None)


def test_a_clock_that_was_set_back_does_no_harm() -> None:
    telling = Telling(weighted([10]))
    telling.tell(ev.StepStarted("s0", 1, "output/x"))
    telling.now -= timedelta(hours=1)
    assert telling.look().share == 0.0


def test_sizes_decide_how_long_backup_and_proof_are_expected_to_take() -> None:
    small, found = PLAN, facts()
    large = plan(replace(found, tree=replace(found.tree, size=50 << 30)), "7.1.0")
    for step in ("backup", "prove", "fingerprint"):
        assert large.step(step).weight > 10 * small.step(step).weight
    assert large.step("composer-7.1.0").weight == small.step("composer-7.1.0").weight == 60


def test_going_back_is_expected_to_take_about_what_the_backup_took() -> None:
    back = plan_rollback(PLAN, [step.id for step in PLAN.steps], present_backup="/b")
    assert back.step("restore-tree").weight == PLAN.step("backup").weight
    assert back.step("restore-database").weight == PLAN.step("prove").weight


def test_of_a_step_going_on_some_is_done_and_some_is_left() -> None:
    telling = Telling(PLAN)
    telling.tell(ev.StepStarted(PLAN.steps[0].id, 1, "output/x"))
    telling.now += timedelta(seconds=1)
    found = telling.look()
    assert 0 < found.share < 1
    assert found.left is not None
    assert found.left > 0
