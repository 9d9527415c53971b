"""A run's events and output as lines of text, and a summary of what was before the watching."""

from __future__ import annotations

import textwrap
from collections import deque
from typing import TYPE_CHECKING, TextIO

from dfwizard.execution import events as ev
from dfwizard.execution.state import StepStatus
from dfwizard.reports.measures import between, count, span
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from dfwizard.execution.attach import EventSeen
    from dfwizard.execution.state import PhaseState, RunState

_LONGEST_LINE = 2000
_REMEMBERED = 200
_TOLD_APART = 40
"""How many characters tell one line of output from another: a failure's tail leaves out values that the output has."""

_WORDS = {
    StepStatus.WAITING: "not begun",
    StepStatus.ALREADY_DONE: "done already",
    StepStatus.FAILED: "FAILED",
    StepStatus.INTERRUPTED: "INTERRUPTED",
}
_DECIDERS = {"request": "as asked for", "policy": "decided by what was chosen for a failure"}


class Writer:
    """Lines to a stream: steps flush left, their output indented, nothing that a terminal obeys; folded to `width` unless that is 0."""

    def __init__(self, stream: TextIO, *, width: int = 0) -> None:
        self._stream = stream
        self._width = width
        self._rest = b""
        self._shown: deque[str] = deque(maxlen=_REMEMBERED)

    def line(self, text: str) -> None:
        """Write `text` as it is, but for the width."""
        lines = text.split("\n")
        if self._width:
            lines = [part for line in lines for part in _folded(line, self._width)]
        self._stream.write("\n".join(lines) + "\n")
        self._stream.flush()

    def output(self, data: bytes) -> None:
        """Write a piece of a step's output; the last line may be unfinished."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        # A progress bar redraws its line with carriage returns: the last state is the one to show.
        texts = (
            line.rstrip(b"\r").rpartition(b"\r")[2][:_LONGEST_LINE].decode("utf-8", "replace")
            for line in lines
        )
        shown = [plain(text) for text in texts if text.strip()]
        if shown:
            self._shown.extend(_mark(text) for text in shown)
            self.line("\n".join(f"    {text}" for text in shown))

    def event(self, update: EventSeen) -> None:
        """Write what happened."""
        event, phase = update.record.event, update.state.phase
        if self._rest:
            self.output(b"\n")
        if isinstance(event, (ev.PhaseStarted, ev.StepStarted, ev.StepFinished)) and phase:
            self._progress(event, phase)
        elif isinstance(event, ev.StepFailed):
            self._failed(event)
        elif isinstance(event, ev.StepInterrupted):
            self.line(f"    interrupted: {plain(event.step)}")
        elif isinstance(event, ev.Note):
            self.line(f"    {'warning' if event.warning else 'note'}: {plain(event.text)}")
        elif isinstance(event, ev.Decided):
            self.line(f"    {event.decision}, {_DECIDERS.get(event.by) or f'decided by {plain(event.by)}'}")
        elif isinstance(event, (ev.Paused, ev.Resumed)):
            self.line(f"    {event.KIND} by {plain(event.by)}")
        elif isinstance(event, ev.RunnerStopped):
            self.line(f"    {plain(event.reason)}")

    def _progress(self, event: ev.PhaseStarted | ev.StepStarted | ev.StepFinished, phase: PhaseState) -> None:
        if isinstance(event, ev.PhaseStarted):
            self.line(f"{event.name}: {count(len(phase.steps), 'step')}")
        elif isinstance(event, ev.StepStarted):
            self._shown.clear()
            again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            self.line(f"{_heading(phase, event.step)}{again}")
        elif event.outcome == "already-done":
            self.line(f"{_heading(phase, event.step)}: done already")
        else:
            took = f" in {span(event.seconds)}" if event.outcome == "done" else ""
            note = f": {plain(event.note)}" if event.note else ""
            self.line(f"    {event.outcome}{took}{note}")

    def _failed(self, event: ev.StepFailed) -> None:
        self.line(f"    FAILED after {span(event.seconds)}")
        for text in event.message.splitlines():
            self.line(f"    {plain(text)}")
        if event.command:
            self.line(f"    command: {plain(event.command)}")
        for text in map(plain, event.tail):
            if _mark(text) not in self._shown:
                self.line(f"    | {text}")


def _folded(line: str, width: int) -> list[str]:
    """Fold a line at blanks, below its own indentation; what has none to fold at is cut."""
    if len(line) <= width:
        return [line]
    indent = " " * min(len(line) - len(line.lstrip(" ")) + 2, width // 2)
    first = line[: len(line) - len(line.lstrip(" "))]
    return textwrap.wrap(line.strip(), width, initial_indent=first, subsequent_indent=indent)


def _mark(text: str) -> str:
    return text.strip()[:_TOLD_APART]


def before_lines(state: RunState, now: str | None) -> list[str]:
    """Sum up the phase of `state`, what was before the watching begins at `now`, in one line; nothing when there was nothing."""
    phase = state.phase
    done = sum(step.status.over for step in phase.steps) if phase else 0
    if phase is None or not (done or state.failed_step):
        return []
    seconds = between(phase.started, phase.ended or now)
    took = f", {span(seconds)}" if seconds is not None else ""
    stuck = (
        f"; {plain(state.failed_step.title)}: {_word(state.failed_step.status)}" if state.failed_step else ""
    )
    return [f"{phase.name}: {count(done, 'step')} of {len(phase.steps)} done before{took}{stuck}"]


def finished_lines(state: RunState) -> list[str]:
    """Give the steps of a run that is over, one line each, by phase; a failed one with what was said of it."""
    lines = []
    for phase in state.phases:
        lines.append(f"{phase.name}: {count(len(phase.steps), 'step')}")
        for number, step in enumerate(phase.steps, 1):
            took = f", {span(step.seconds)}" if step.seconds else ""
            lines.append(f"{number:>4}. {_word(step.status):<12}  {plain(step.title)}{took}")
            if step.status in (StepStatus.FAILED, StepStatus.INTERRUPTED) and step.message:
                lines += [f"        {plain(text)}" for text in step.message.splitlines()]
    return lines


def _word(status: StepStatus) -> str:
    return _WORDS.get(status, status.value)


def _heading(phase: PhaseState, step_id: str) -> str:
    index = next((number for number, step in enumerate(phase.steps, 1) if step.id == step_id), 0)
    return f"==> {index}/{len(phase.steps)}  {plain(phase.step(step_id).title)}"
