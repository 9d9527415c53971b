"""Following a run from outside: its events and output as they come, whether its runner lives or is dead.

Watchers read the run's files only; any number of them may come and go, and none is noticed by the runner.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dfwizard.execution import events as ev
from dfwizard.execution import lock, processes
from dfwizard.execution.journal import JournalReader, Record
from dfwizard.execution.state import RunState, advance
from dfwizard.execution.store import Run
from dfwizard.planning.plan import Plan

POLL_SECONDS = 0.05
SLOWEST_POLL_SECONDS = 0.25
"""The pause between two looks grows to this while nothing happens: a question may stand open for hours."""

_SLOWER = 1.05
CHUNK = 256 * 1024


@dataclass(frozen=True)
class EventSeen:
    """An event, and the state of the run after it."""

    record: Record
    state: RunState


@dataclass(frozen=True)
class OutputSeen:
    """Output of a step: `data` stands at `offset` of `file` (relative to the run's directory). Pieces need not end at line ends."""

    step: str
    attempt: int
    file: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class RunnerGone:
    """The run is not over and no runner works on it: it was killed, stopped, or has not been started."""

    state: RunState
    message: str


Update = EventSeen | OutputSeen | RunnerGone


def beginning(records: tuple[Record, ...]) -> int:
    """Give the number of the event before the step that is going on, or before the last phase; of a run that is over the last.

    From there on a run is followed by somebody who comes to it.
    """
    if records and isinstance(records[-1].event, ev.RunFinished):
        return records[-1].seq
    begins = (ev.PhaseStarted, ev.StepStarted)
    return next((one.seq - 1 for one in reversed(records) if isinstance(one.event, begins)), 0)


def alive(run: Run, runner: ev.RunStarted | None) -> bool:
    """Tell whether the process that recorded `runner` lives and holds the run's lock."""
    if runner is None or runner.boot_id != processes.boot_id():
        return False
    if processes.start_ticks(runner.pid) != runner.start_ticks:
        return False
    return lock.is_held_by(run.lock, runner.pid)


def follow(
    run: Run,
    *,
    seq: int = 0,
    offset: int = 0,
    stop: threading.Event | None = None,
    poll: float = POLL_SECONDS,
) -> Iterator[Update]:
    """Give what happens in `run`, and end when it is over, when no runner works on it, or when `stop` is set.

    Events up to `seq` are not given again, nor output of steps that ended before; of the step that was going on
    at `seq`, output from `offset` on. `poll` is the pause in seconds between two looks;
    it grows while nothing happens.

    Raises:
        DfwizardError: the journal or a plan cannot be read.
    """
    waiting, pause = stop or threading.Event(), poll
    watch = _Watch(run, seq, offset)
    while not waiting.is_set():
        # Asked before reading: what a runner wrote before its end is read after it, so nothing is missed.
        living = alive(run, watch.state.runner)
        fresh = False
        for update in watch.look():
            fresh = True
            yield update
        if watch.state.outcome is not None:
            return
        if not fresh and not living and not alive(run, watch.state.runner):
            yield RunnerGone(watch.state, _why(watch.state))
            return
        pause = poll if fresh else min(pause * _SLOWER, max(poll, SLOWEST_POLL_SECONDS))
        if not fresh:
            waiting.wait(pause)


class _Watch:
    """How far a watcher has read."""

    def __init__(self, run: Run, seq: int, offset: int) -> None:
        self.state = RunState()
        self._run = run
        self._reader = JournalReader(run.journal)
        self._plans: dict[str, Plan] = {}
        self._skip_until = seq
        self._first_offset = offset
        self._going: tuple[str, int, str] | None = None  # step, attempt, file of its output
        self._offset = 0

    def look(self) -> Iterator[Update]:
        """Give what is new: output that belongs before an event comes before it."""
        for record in self._reader.read_new():
            seen = record.seq <= self._skip_until
            event = record.event
            if isinstance(event, ev.PhaseStarted):
                self._plans[event.plan] = self._run.plan(event.plan)
            if isinstance(event, (ev.StepFinished, ev.StepFailed, ev.StepInterrupted, ev.RemedyFinished)):
                if not seen:
                    yield from self._output()
                self._going = None
            if isinstance(event, ev.StepStarted):
                self._going = (event.step, event.attempt, event.output)
                self._offset = self._first_offset if seen else 0
            elif isinstance(event, ev.RemedyStarted):
                phase = self.state.phase
                self._going = (event.step, phase.step(event.step).attempts if phase else 1, event.output)
                self._offset = self._first_offset if seen else 0
            self.state = advance(self.state, record, self._plans)
            if not seen:
                yield EventSeen(record, self.state)
        yield from self._output()

    def _output(self) -> Iterator[OutputSeen]:
        if self._going is None:
            return
        step, attempt, file_name = self._going
        path = _inside(self._run, file_name)
        while path is not None:
            try:
                with path.open("rb") as file:
                    file.seek(self._offset)
                    data = file.read(CHUNK)
            except OSError:  # not made yet, or the disk was too full to make it
                return
            if not data:
                return
            yield OutputSeen(step, attempt, file_name, self._offset, data)
            self._offset += len(data)


def _inside(run: Run, name: str) -> Path | None:
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        return None
    return run.directory / path


def _why(state: RunState) -> str:
    if state.runner is None:
        return "No runner has been started yet."
    if state.stopped:
        return f"{state.stopped} The run is unfinished; `dfwizard resume` goes on with it."
    return (
        f"The runner (pid {state.runner.pid}) is gone without a word: killed, or the machine went down. "
        "`dfwizard resume` goes on with the run; nothing needs to be deleted."
    )
