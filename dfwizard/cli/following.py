"""A run as it goes, written line by line to stderr; Ctrl-C ends the watching and nothing else."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dfwizard.cli.questions import Put, put
from dfwizard.cli.writing import Writer, before_lines, finished_lines
from dfwizard.errors import DfwizardError
from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.attach import EventSeen, OutputSeen, RunnerGone, beginning
from dfwizard.execution.state import RunState, reduce
from dfwizard.reports.choices import closed_in_words
from dfwizard.reports.failure import remedy_lines
from dfwizard.reports.outcome import outcome_text
from dfwizard.reports.terminal import WIDTH, plain

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


def attach_run(
    controller: Controller,
    run: Run,
    *,
    plain_mode: bool = False,
    attached: Callable[[], None] = lambda: None,
) -> int:
    """Show a run from the step that is going on, or one that is over as a list, and give the run's exit code.

    `attached` is called once it is settled from where on the run is shown.
    """
    record, state = run.record(), run.state()
    print(f"run {run.id}: {plain(record.place)}, {plain(record.frm)} -> {plain(record.to)}", file=sys.stderr)
    if state.outcome is not None:
        print("\n".join(finished_lines(state)), file=sys.stderr)
        return _ending(controller, run)
    records = journal.read(run.journal).records
    since = beginning(records)
    now = records[since].time if records else None
    for line in before_lines(reduce(records[:since], run.plans()), now):
        print(line, file=sys.stderr)
    attached()
    return follow_run(controller, run, since=since, plain_mode=plain_mode)


def follow_run(controller: Controller, run: Run, *, since: int = 0, plain_mode: bool = False) -> int:
    """Write what happens in `run` (events after number `since`) until its end and give the run's exit code.

    A question of the runner is put to whoever sits at the terminal; without one it is left open, and how to answer it is said.
    With `plain_mode` lines are folded to 80 columns and answers are numbered, as all is there.
    """
    out = Writer(sys.stderr, width=WIDTH if plain_mode else 0)
    try:
        for update in controller.follow(run, seq=since):
            if isinstance(update, OutputSeen):
                out.output(update.data)
            elif isinstance(update, EventSeen):
                out.event(update)
                for line in remedy_lines(update.record.event):
                    out.line(line)
                if isinstance(update.record.event, ev.Asked):
                    what = put(controller, run, update.record.seq, numbered=plain_mode)
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
    print(outcome_text(run, state, controller.backup_of(run)))
    return state.exit_code if state.exit_code is not None else 1
