"""A run as it goes, written line by line to stderr; Ctrl-C ends the watching and nothing else."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any, TextIO

from dfwizard.execution import events as ev
from dfwizard.execution.attach import EventSeen, OutputSeen, RunnerGone
from dfwizard.reports.measures import count, span
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from types import FrameType

    from dfwizard.controller import Controller
    from dfwizard.execution.state import PhaseState, RunState
    from dfwizard.execution.store import Run

DETACHED = 130
"""The exit code of a watcher that Ctrl-C ended."""

_LONGEST_LINE = 2000
_WORDS = {"done": "done", "already-done": "done already", "skipped": "skipped"}


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
    """Tell how to watch the run again, and give the exit code of a watcher that was interrupted."""
    print(f"\nDetached. The run goes on; watch it again with: dfwizard attach {run.id}", file=sys.stderr)
    return DETACHED


def follow_run(controller: Controller, run: Run, *, since: int = 0) -> int:
    """Write what happens in `run` (events after number `since`) until its end and give the run's exit code.

    A question of the runner is put to whoever sits at the terminal; without one it is left open, and how to answer it is said.
    """
    out = _Writer(sys.stderr)
    try:
        for update in controller.follow(run, seq=since):
            if isinstance(update, OutputSeen):
                out.output(update.data)
            elif isinstance(update, EventSeen):
                out.event(update)
                if isinstance(update.record.event, ev.Asked) and not _answer(
                    controller, run, update.record.event
                ):
                    return 1
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


def outcome_text(controller: Controller, run: Run, state: RunState) -> str:
    """Say in two or three lines how the run ended and what can be done next."""
    record = run.record()
    where = f"{plain(record.instance)}"
    words = {
        "done": f"Done: {where} runs {record.to}.",
        "done-with-warnings": f"Done with {count(len(state.warnings), 'warning')}: {where} runs {record.to}.",
        "rolled-back": f"Rolled back: {where} is identical to what it was before, {record.frm}.",
        "rollback-failed": f"The rollback failed: {where} is neither the old nor the new state.",
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


def _answer(controller: Controller, run: Run, question: ev.Asked) -> bool:
    """Ask the person at the terminal; False when there is none."""
    if not sys.stdin.isatty():
        print(f"{plain(question.question)}", file=sys.stderr)
        for choice in question.choices:
            print(f"  dfwizard decide {run.id} {choice}", file=sys.stderr)
        print("The run waits for one of these.", file=sys.stderr)
        return False
    while True:
        print(
            f"{plain(question.question)} [{'/'.join(question.choices)}] ", end="", file=sys.stderr, flush=True
        )
        try:
            answer = input().strip()
        except EOFError:
            return False
        if answer in question.choices:
            controller.decide(run, answer)
            return True


class _Writer:
    """Lines to a stream: steps flush left, their output indented, nothing that a terminal obeys."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = b""

    def line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def output(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        # A progress bar redraws its line with carriage returns: the last state is the one to show.
        texts = (
            line.rstrip(b"\r").rpartition(b"\r")[2][:_LONGEST_LINE].decode("utf-8", "replace")
            for line in lines
        )
        shown = [f"    {plain(text)}" for text in texts if text.strip()]
        if shown:
            self.line("\n".join(shown))

    def event(self, update: EventSeen) -> None:
        event, phase = update.record.event, update.state.phase
        if self._rest:
            self.output(b"\n")
        if isinstance(event, ev.PhaseStarted):
            self.line(f"{event.name}: {len(phase.steps) if phase else 0} steps")
        elif isinstance(event, ev.StepStarted) and phase:
            again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            self.line(f"==> {_number(phase, event.step)}  {plain(phase.step(event.step).title)}{again}")
        elif isinstance(event, ev.StepFinished) and phase:
            note = f": {plain(event.note)}" if event.note else ""
            self.line(f"    {_WORDS[event.outcome]} in {span(event.seconds)}{note}")
        elif isinstance(event, ev.StepFailed):
            self._failed(event)
        elif isinstance(event, ev.StepInterrupted):
            self.line(f"    interrupted: {plain(event.step)}")
        elif isinstance(event, ev.Note):
            self.line(f"    {'warning' if event.warning else 'note'}: {plain(event.text)}")
        elif isinstance(event, ev.Decided):
            self.line(f"    {event.decision}, decided by {plain(event.by)}")
        elif isinstance(event, (ev.Paused, ev.Resumed)):
            self.line(f"    {event.KIND} by {plain(event.by)}")
        elif isinstance(event, ev.RunnerStopped):
            self.line(f"    {plain(event.reason)}")

    def _failed(self, event: ev.StepFailed) -> None:
        self.line(f"    FAILED after {span(event.seconds)}")
        for text in event.message.splitlines():
            self.line(f"    {plain(text)}")
        if event.command:
            self.line(f"    command: {plain(event.command)}")
        for text in event.tail:
            self.line(f"    | {plain(text)}")


def _number(phase: PhaseState, step_id: str) -> str:
    index = next((number for number, step in enumerate(phase.steps, 1) if step.id == step_id), 0)
    return f"{index}/{len(phase.steps)}"
