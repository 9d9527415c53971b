"""The state of a run: a pure function of its journal and plans. Screens, command line and resume look at nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import reduce as fold
from typing import Any, cast

from dfwizard.diagnosis import RemedyCommand
from dfwizard.execution import events as ev
from dfwizard.execution.journal import Record
from dfwizard.planning.plan import Plan, Undo


class StepStatus(str, Enum):
    """Where a step is. `interrupted`: begun, its end never seen."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    ALREADY_DONE = "already-done"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"

    @property
    def over(self) -> bool:
        """Tell whether the run may go past the step."""
        return self in (StepStatus.DONE, StepStatus.ALREADY_DONE, StepStatus.SKIPPED)


@dataclass(frozen=True)
class StepState:
    """One step's state. Times are ISO 8601 in UTC; `attempts` counts how often its action was begun.

    `message`, `code`, `command`, `tail`, `line` and what the diagnosis said (`diagnosis`, `cause`, `remedy`, `commands`; `lines` and
    `guesses` where it knew nothing) describe the last failure, also when a later attempt succeeded. `remedies` counts how often a
    remedy was begun for it, `remedy_outputs` are the files of what its commands printed, and `remedy_message` says what the last one
    came to, "" when it did what it should.
    """

    id: str
    title: str = ""
    status: StepStatus = StepStatus.WAITING
    attempts: int = 0
    started: str | None = None
    ended: str | None = None
    seconds: float = 0.0
    note: str = ""
    message: str = ""
    code: int | None = None
    command: str = ""
    tail: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    cause: str = ""
    remedy: str = ""
    commands: tuple[RemedyCommand, ...] = ()
    line: str = ""
    lines: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    diagnosis: str = ""
    remedies: int = 0
    remedy_outputs: tuple[str, ...] = ()
    remedy_message: str = ""

    @property
    def can_be_mended(self) -> bool:
        """Tell whether the remedy may be applied from here: it has commands, and none of them is for a person alone."""
        return bool(self.commands) and not any(one.by_hand for one in self.commands)


@dataclass(frozen=True)
class PhaseState:
    """An upgrade or a rollback: the steps of the plan in file `plan`. `outcome` is None while it is not over."""

    index: int
    name: str
    plan: str
    steps: tuple[StepState, ...]
    asked_for: bool = False
    outcome: str | None = None
    started: str | None = None
    ended: str | None = None

    def step(self, step_id: str) -> StepState:
        """Give the state of a step; one that the phase does not know is waiting."""
        return next((step for step in self.steps if step.id == step_id), StepState(step_id))


@dataclass(frozen=True)
class Question:
    """What the runner waits to be told: one of `choices` about `step`. `seq` is the number of the record that asks."""

    text: str
    choices: tuple[str, ...]
    step: str = ""
    seq: int = 0


@dataclass(frozen=True)
class RunState:
    """All that the journal tells. `outcome` and `exit_code` are None while the run is not over.

    `current` is the step being carried out; `begun` the ids of the steps of the first phase whose action was ever begun, in
    order: what a rollback has to take back. `decision` is what was chosen and not yet done; `mending` the step whose remedy is being
    applied. `stopped` is why the runner left the run unfinished, "" when it did not say so.
    """

    runner: ev.RunStarted | None = None
    phases: tuple[PhaseState, ...] = ()
    current: str | None = None
    question: Question | None = None
    decision: str | None = None
    decided_by: str = ""
    mending: str | None = None
    paused: bool = False
    outcome: str | None = None
    exit_code: int | None = None
    begun: tuple[str, ...] = ()
    database_touched: bool = False
    accepted: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    stopped: str = ""
    started: str | None = None
    updated: str | None = None
    seq: int = 0
    problems: tuple[str, ...] = field(default=())

    @property
    def phase(self) -> PhaseState | None:
        """Give the phase that is going on or was last, None before the first."""
        return self.phases[-1] if self.phases else None

    @property
    def failed_step(self) -> StepState | None:
        """Give the last failed or interrupted step of the last phase, None when there is none."""
        stuck = (StepStatus.FAILED, StepStatus.INTERRUPTED)
        steps = self.phases[-1].steps if self.phases else ()
        return next((step for step in reversed(steps) if step.status in stuck), None)


def reduce(records: Iterable[Record], plans: Mapping[str, Plan]) -> RunState:
    """Give the state after `records`. `plans` holds the plans by file name; one that is missing shows only steps begun."""
    return fold(lambda state, record: advance(state, record, plans), records, RunState())


def advance(state: RunState, record: Record, plans: Mapping[str, Plan]) -> RunState:
    """Give the state after one more record. Never raises: what does not fit is told in `problems`."""
    event = record.event
    state = replace(state, seq=record.seq, updated=record.time, started=state.started or record.time)
    if isinstance(event, (ev.StepStarted, ev.StepFinished, ev.StepFailed, ev.StepInterrupted)):
        if not state.phases:
            return replace(state, problems=(*state.problems, f"record {record.seq}: a step outside a phase"))
        return _step_event(state, event, record.time, plans)
    if isinstance(event, (ev.RemedyStarted, ev.RemedyFinished)):
        return _remedy_event(state, event)
    if isinstance(event, ev.PhaseStarted):
        return _phase_started(state, event, record.time, plans)
    if isinstance(event, ev.PhaseFinished):
        return _with_phase(state, outcome=event.outcome, ended=record.time)
    if isinstance(event, (ev.RunStarted, ev.RunFinished, ev.RunnerStopped)):
        return _run_event(state, event)
    return _person_event(state, event)


def _run_event(state: RunState, event: ev.RunStarted | ev.RunFinished | ev.RunnerStopped) -> RunState:
    if isinstance(event, ev.RunFinished):
        return replace(
            state,
            outcome=event.outcome,
            exit_code=event.exit_code,
            current=None,
            question=None,
            decision=None,
            paused=False,
        )
    if isinstance(event, ev.RunnerStopped):
        return replace(state, stopped=event.reason, question=None, paused=False)
    before = state.outcome
    state = replace(
        state, runner=event, question=None, paused=False, outcome=None, exit_code=None, stopped=""
    )
    if before is not None and event.request == "run" and state.phases:
        if before == "rollback-failed" and state.phases[-1].name != "rollback":
            return replace(state, decision="rollback")  # there was no plan for it; it is made anew
        # Somebody resumed a run that had ended: the failed step is to be tried again.
        steps = tuple(
            replace(step, status=StepStatus.WAITING) if step.status is StepStatus.FAILED else step
            for step in state.phases[-1].steps
        )
        state = _with_phase(state, steps=steps, outcome=None, ended=None)
    return state


def _phase_started(state: RunState, event: ev.PhaseStarted, time: str, plans: Mapping[str, Plan]) -> RunState:
    plan = plans.get(event.plan)
    steps = tuple(StepState(step.id, step.title) for step in plan.steps) if plan else ()
    phase = PhaseState(event.index, event.name, event.plan, steps, event.asked_for, started=time)
    # Warnings are those of the phase going on: a good rollback is not warned of what the upgrade was.
    return replace(
        state,
        phases=(*state.phases, phase),
        current=None,
        question=None,
        decision=None,
        decided_by="",
        warnings=(),
        notes=(*state.notes, *state.warnings),
    )


def _step_event(
    state: RunState,
    event: ev.StepStarted | ev.StepFinished | ev.StepFailed | ev.StepInterrupted,
    time: str,
    plans: Mapping[str, Plan],
) -> RunState:
    step = state.phases[-1].step(event.step)
    current: str | None = None
    if isinstance(event, ev.StepStarted):
        current = event.step
        state = _begun(replace(state, decision=None, decided_by=""), event.step, plans)
        step = replace(
            step,
            status=StepStatus.RUNNING,
            attempts=max(event.attempt, step.attempts + 1),
            started=time,
            ended=None,
            outputs=(*step.outputs, event.output),
        )
    elif isinstance(event, ev.StepFinished):
        step = replace(
            step,
            status=StepStatus(event.outcome),
            ended=time,
            seconds=step.seconds + event.seconds,
            note=event.note,
        )
        if event.outcome == "skipped":
            state = replace(
                state, warnings=(*state.warnings, f"Step {event.step} was skipped."), decision=None
            )
    elif isinstance(event, ev.StepFailed):
        step = _failed(step, event, time)
    else:
        step = replace(step, status=StepStatus.INTERRUPTED, ended=time)
    return _with_step(replace(state, current=current, question=None), step)


def _failed(step: StepState, event: ev.StepFailed, time: str) -> StepState:
    return replace(
        step,
        status=StepStatus.FAILED,
        ended=time,
        seconds=step.seconds + event.seconds,
        message=event.message,
        code=event.code,
        command=event.command,
        tail=event.tail,
        cause=event.cause,
        remedy=event.remedy,
        commands=event.commands or _only(event.remedy_command),
        line=event.line,
        lines=event.lines,
        guesses=event.guesses,
        diagnosis=event.diagnosis,
        remedy_message="",
    )


def _only(command: str) -> tuple[RemedyCommand, ...]:
    """Give the one command that a remedy had in older journals."""
    return (RemedyCommand(command),) if command else ()


def _remedy_event(state: RunState, event: ev.RemedyStarted | ev.RemedyFinished) -> RunState:
    if not state.phases:
        return replace(state, problems=(*state.problems, f"record {state.seq}: a remedy outside a phase"))
    step = state.phases[-1].step(event.step)
    if isinstance(event, ev.RemedyStarted):
        begun = step.remedies + (event.number == 1)
        outputs = (*step.remedy_outputs, event.output)
        step = replace(step, remedies=begun, remedy_outputs=outputs, remedy_message="")
        return _with_step(replace(state, mending=event.step, decision=None, question=None), step)
    step = replace(step, remedy_message=event.message)
    if event.more:
        return _with_step(state, step)
    if event.code == 0 and step.status is StepStatus.FAILED:
        step = replace(step, status=StepStatus.WAITING)
    return _with_step(replace(state, mending=None), step)


def _begun(state: RunState, step_id: str, plans: Mapping[str, Plan]) -> RunState:
    if len(state.phases) > 1:
        return state
    plan = plans.get(state.phases[0].plan)
    undo = next((step.undo for step in plan.steps if step.id == step_id), None) if plan else None
    begun = state.begun if step_id in state.begun else (*state.begun, step_id)
    return replace(state, begun=begun, database_touched=state.database_touched or undo is Undo.DATABASE)


def _person_event(state: RunState, event: ev.Event) -> RunState:
    if isinstance(event, ev.Asked):
        question = Question(event.question, event.choices, event.step, state.seq)
        return replace(state, question=question, decision=None)
    if isinstance(event, ev.Decided):
        return _decided(state, event)
    if isinstance(event, (ev.Paused, ev.Resumed)):
        return replace(state, paused=isinstance(event, ev.Paused))
    if isinstance(event, ev.Accepted):
        return replace(state, accepted=(*state.accepted, event.finding))
    if isinstance(event, ev.Note) and event.warning:
        return replace(state, warnings=(*state.warnings, event.text))
    if isinstance(event, ev.Note):
        return replace(state, notes=(*state.notes, event.text))
    return state


def _decided(state: RunState, event: ev.Decided) -> RunState:
    state = replace(state, question=None, decision=event.decision, decided_by=event.by)
    stuck = state.failed_step
    if event.decision == "retry" and stuck is not None:
        return _with_step(replace(state, decision=None), replace(stuck, status=StepStatus.WAITING))
    return state


def _with_step(state: RunState, step: StepState) -> RunState:
    steps = state.phases[-1].steps
    if any(known.id == step.id for known in steps):
        return _with_phase(state, steps=tuple(step if known.id == step.id else known for known in steps))
    return _with_phase(state, steps=(*steps, step))


def _with_phase(state: RunState, **changes: object) -> RunState:
    if not state.phases:
        return replace(state, problems=(*state.problems, "a phase ended that never began"))
    phase = replace(state.phases[-1], **cast("dict[str, Any]", changes))
    return replace(state, phases=(*state.phases[:-1], phase))
