"""A run as it goes, written line by line to stderr; Ctrl-C ends the watching and nothing else."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dfwizard.cli.questions import Put, closed_in_words, put
from dfwizard.cli.writing import Writer, before_lines, finished_lines
from dfwizard.errors import DfwizardError
from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.attach import EventSeen, OutputSeen, RunnerGone
from dfwizard.execution.state import RunState, reduce
from dfwizard.reports.measures import count
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from types import FrameType

    from dfwizard.controller import Controller
    from dfwizard.execution.store import Run

DETACHED = 130
"""The exit code of a watcher that Ctrl-C ended."""


class Uninterrupted:
    """While it is open Ctrl-C is only noted (`noted`): a run that has just been started must be told of before the client ends."""

    def __init__(self) -> None:
        self.noted = False
        self._before: Any = None

    def __enter__(self) -> Uninterrupted:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.noted = True


def say_detached(run: Run) -> int:
    """Tell how to watch the run again or to answer it, and give the exit code of a watcher that was interrupted."""
    state = RunState()
    with suppress(DfwizardError):
        state = run.state()
    if state.question is None:
        print(f"\nDetached. The run goes on; watch it again with: dfwizard attach {run.id}", file=sys.stderr)
        return DETACHED
    closed = closed_in_words(run, state)
    print(
        f"\nDetached. The run waits for your answer{closed and f'; {closed}'}. Answer with:\n"
        f"  dfwizard decide {run.id} {'|'.join(state.question.choices)}\n"
        f"  dfwizard attach {run.id}",
        file=sys.stderr,
    )
    return DETACHED


def attach_run(controller: Controller, run: Run) -> int:
    """Show a run from the step that is going on, or one that is over as a list, and give the run's exit code."""
    record, state = run.record(), run.state()
    print(f"run {run.id}: {plain(record.instance)}, {record.frm} -> {record.to}", file=sys.stderr)
    if state.outcome is not None:
        print("\n".join(finished_lines(state)), file=sys.stderr)
        return _ending(controller, run)
    records = journal.read(run.journal).records
    beginnings = (ev.PhaseStarted, ev.StepStarted)
    since = next((one.seq - 1 for one in reversed(records) if isinstance(one.event, beginnings)), 0)
    now = records[since].time if records else None
    for line in before_lines(reduce(records[:since], run.plans()), now):
        print(line, file=sys.stderr)
    return follow_run(controller, run, since=since)


def follow_run(controller: Controller, run: Run, *, since: int = 0) -> int:
    """Write what happens in `run` (events after number `since`) until its end and give the run's exit code.

    A question of the runner is put to whoever sits at the terminal; without one it is left open, and how to answer it is said.
    """
    out = Writer(sys.stderr)
    try:
        for update in controller.follow(run, seq=since):
            if isinstance(update, OutputSeen):
                out.output(update.data)
            elif isinstance(update, EventSeen):
                out.event(update)
                if isinstance(update.record.event, ev.Asked):
                    what = put(controller, run, update.record.seq)
                    if what is Put.NOBODY:
                        return 1
                    if what is Put.UNANSWERED:
                        return say_detached(run)
            elif isinstance(update, RunnerGone):
                out.line(update.message)
                return 1
    except KeyboardInterrupt:
        return say_detached(run)
    return _ending(controller, run)


def _ending(controller: Controller, run: Run) -> int:
    state = run.state()
    print(outcome_text(controller, run, state))
    return state.exit_code if state.exit_code is not None else 1


def _half_way(state: RunState) -> str:
    begun = [step.id for step in state.phase.steps if step.attempts] if state.phase else []
    if {"restore-tree", "restore-database"} & set(begun):
        return "is neither the old nor the new state"
    return "is as it was before the rollback, nothing was put back yet"


def outcome_text(controller: Controller, run: Run, state: RunState) -> str:
    """Say in two or three lines how the run ended and what can be done next."""
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
            f"The backup: {plain(controller.backup_of(run))}",
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
