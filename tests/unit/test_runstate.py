"""RunState is a pure function of the journal: total, monotone, and the same however the journal is read."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.journal import Record
from dfwizard.execution.state import RunState, StepStatus, advance, reduce
from dfwizard.planning.plan import Execute, Plan, Step, Undo

STEPS = tuple(
    Step(name, name.upper(), "test", Execute(("true",)), undo=Undo.DATABASE if name == "db" else Undo.TREE)
    for name in ("code", "db", "up")
)
PLANS = {
    "plan.json": Plan("upgrade", "/i", "1", "2", "/b", "o", "root", (), STEPS),
    "rollback-1.json": Plan("rollback", "/i", "2", "1", "/b", "o", "root", (), STEPS[:2]),
}

ids = st.sampled_from(("code", "db", "up", "unknown"))
text = st.text(max_size=5)
anything = st.one_of(
    st.builds(
        ev.RunStarted, st.integers(1, 9), text, st.integers(0, 9), text, st.sampled_from(("run", "rollback"))
    ),
    st.builds(
        ev.PhaseStarted,
        st.integers(0, 3),
        st.sampled_from(("upgrade", "rollback")),
        st.sampled_from((*PLANS, "lost.json")),
    ),
    st.builds(ev.StepStarted, ids, st.integers(1, 4), text),
    st.builds(
        ev.StepFinished, ids, st.sampled_from(("done", "already-done", "skipped")), st.floats(0, 9), text
    ),
    st.builds(ev.StepFailed, ids, text),
    st.builds(ev.RemedyStarted, ids, text, text, st.integers(1, 3), st.integers(1, 3)),
    st.builds(ev.RemedyFinished, ids, st.sampled_from((0, 1, None)), more=st.booleans()),
    st.builds(ev.StepInterrupted, ids),
    st.builds(ev.Asked, text, st.just(("retry", "stop")), ids),
    st.builds(ev.Decided, st.sampled_from(("retry", "skip", "rollback", "stop")), text),
    st.builds(ev.Accepted, text),
    st.builds(ev.Paused, text),
    st.builds(ev.Resumed, text),
    st.builds(ev.PhaseFinished, st.sampled_from(("done", "failed"))),
    st.builds(ev.RunnerStopped, text),
    st.builds(ev.RunFinished, st.sampled_from(("done", "failed", "rollback-failed")), st.integers(0, 6)),
    st.builds(ev.Note, text, text, st.booleans()),
)


def records(events: list[ev.Event]) -> list[Record]:
    return [
        Record(number, f"2026-01-01T00:00:{number:02d}+00:00", event)
        for number, event in enumerate(events, 1)
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(anything, max_size=25))
def test_every_sequence_reduces_and_what_is_counted_only_grows(events: list[ev.Event]) -> None:
    before = RunState()
    for record in records(events):
        after = advance(before, record, PLANS)
        assert len(after.phases) >= len(before.phases)
        assert after.begun[: len(before.begun)] == before.begun
        assert after.database_touched >= before.database_touched
        assert set(before.warnings) <= {*after.warnings, *after.notes}  # a new phase makes notes of them
        assert after.seq == record.seq
        for old, new in zip(before.phases, after.phases, strict=False):
            for step in old.steps:
                assert new.step(step.id).attempts >= step.attempts
                assert new.step(step.id).outputs[: len(step.outputs)] == step.outputs
        before = after
    assert reduce(records(events), PLANS) == before


@settings(max_examples=100, deadline=None)
@given(st.lists(anything, max_size=15), st.data())
def test_a_torn_journal_gives_the_state_of_a_prefix(events: list[ev.Event], data: st.DataObject) -> None:
    made = records(events)
    whole = b"".join(journal.encode(record.seq, record.time, record.event) for record in made)
    cut = data.draw(st.integers(0, len(whole)))
    state = reduce(journal.parse(whole[:cut]).records, PLANS)
    assert state == reduce(made[: whole[:cut].count(b"\n")], PLANS)


def play(*events: ev.Event) -> RunState:
    start = (ev.RunStarted(1, "b", 1, "v"), ev.PhaseStarted(0, "upgrade", "plan.json"))
    return reduce(records([*start, *events]), PLANS)


def test_a_step_through_its_life() -> None:
    state = play()
    assert state.phase is not None
    assert [(step.id, step.title, step.status) for step in state.phase.steps] == [
        ("code", "CODE", StepStatus.WAITING),
        ("db", "DB", StepStatus.WAITING),
        ("up", "UP", StepStatus.WAITING),
    ]
    state = play(ev.StepStarted("code", 1, "o1"))
    assert (state.current, state.begun, state.database_touched) == ("code", ("code",), False)
    failed = (ev.StepStarted("db", 1, "o1"), ev.StepFailed("db", "broke", code=3, tail=("x",)))
    state = play(*failed)
    assert state.failed_step is not None
    assert (state.failed_step.id, state.failed_step.code, state.failed_step.tail) == ("db", 3, ("x",))
    assert state.database_touched
    state = play(*failed, ev.Asked("?", ("retry", "stop"), "db"))
    assert state.question is not None
    assert state.question.choices == ("retry", "stop")
    state = play(*failed, ev.Asked("?", ("retry",), "db"), ev.Decided("retry", "me"))
    assert (state.question, state.failed_step) == (None, None)
    state = play(
        *failed, ev.Decided("retry", "me"), ev.StepStarted("db", 2, "o2"), ev.StepFinished("db", "done")
    )
    assert state.phase is not None
    done = state.phase.step("db")
    assert (done.status, done.attempts, done.outputs, done.message) == (
        StepStatus.DONE,
        2,
        ("o1", "o2"),
        "broke",
    )


def test_an_already_done_step_was_not_begun() -> None:
    assert play(ev.StepFinished("db", "already-done")).begun == ()


def test_the_rollbacks_steps_are_not_what_a_rollback_takes_back() -> None:
    state = play(
        ev.StepStarted("code", 1, "o"),
        ev.PhaseFinished("failed"),
        ev.PhaseStarted(1, "rollback", "rollback-1.json"),
    )
    state = advance(state, Record(9, "t", ev.StepStarted("db", 1, "o")), PLANS)
    assert (state.begun, state.database_touched) == (("code",), False)


def test_resuming_an_ended_run_opens_the_failed_step_again_but_a_rollback_request_does_not() -> None:
    end = (
        ev.StepStarted("db", 1, "o"),
        ev.StepFailed("db", "x"),
        ev.PhaseFinished("failed"),
        ev.RunFinished("failed", 1),
    )
    resumed = play(*end, ev.RunStarted(2, "b", 2, "v"))
    assert (resumed.outcome, resumed.failed_step) == (None, None)
    rolling = play(*end, ev.RunStarted(2, "b", 2, "v", "rollback"))
    assert rolling.failed_step is not None


def test_skipping_counts_as_a_warning() -> None:
    assert play(ev.StepFinished("up", "skipped")).warnings == ("Step up was skipped.",)
