"""A run followed in a thread of its own; the screens take what has come ten times a second and never wait for it."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dfwizard.errors import DfwizardError
from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.attach import EventSeen, OutputSeen, RunnerGone, beginning
from dfwizard.execution.state import RunState, reduce

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.execution.store import Run
    from dfwizard.planning.plan import Plan

KEPT_LINES = 10_000
"""Lines of the current step's output that are kept for the screen; all of it is in the step's file."""

_WAITING = 64
_DRAIN_SECONDS = 0.02
_LONGEST_LINE = 4000


@dataclass(frozen=True)
class Piece:
    """Lines of a step's output as raw bytes, without their ends (the last of `count`); `rest` is the line not ended yet."""

    step: str
    file: str
    lines: tuple[bytes, ...]
    count: int
    rest: bytes


@dataclass(frozen=True)
class Planned:
    """The plan in file `name` of the run, read before the phase that carries it out is told of."""

    name: str
    plan: Plan


@dataclass(frozen=True)
class Ended:
    """Nothing more comes: the run is over, its runner is gone (`message` says why), or it could not be read (`error`)."""

    message: str = ""
    error: str = ""


@dataclass(frozen=True)
class Batch:
    """What came since the last look: `events` in order, whether there is new output, and the end."""

    events: tuple[EventSeen, ...] = ()
    output: bool = False
    ended: Ended | None = None

    def __bool__(self) -> bool:
        return bool(self.events or self.output or self.ended)


class Feed:
    """One run as it goes: `state` and the last lines of the step going on, brought up to date by `drain`.

    It begins at the step that is going on; `since` (the number of an event) leaves out what came before, where the caller has just
    started something in a run that had ended. `lines` and `rest` are of output `file` of `step`, `total_lines` counts also those
    no longer kept; `paused_by` is who asked for the pause that holds.
    """

    def __init__(self, controller: Controller, run: Run, *, since: int | None = None) -> None:
        self.run = run
        self.lines: deque[bytes] = deque(maxlen=KEPT_LINES)
        self.rest = b""
        self.total_lines = 0
        self.step = ""
        self.file = ""
        self.paused_by = ""
        self.ended: Ended | None = None
        self._controller = controller
        records = journal.read(run.journal).records
        if since is None:
            since = beginning(records)
        self.plans: dict[str, Plan] = run.plans()
        self.state: RunState = reduce([record for record in records if record.seq <= since], self.plans)
        self._stop = threading.Event()
        self._queue: queue.Queue[EventSeen | Piece | Planned | Ended] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._follow, args=(since,), name="feed", daemon=True)
        self._thread.start()

    @property
    def plan(self) -> Plan | None:
        """Give the plan of the phase that is going on or was last; before the first phase the one that the run was made for."""
        return self.plans.get(self.state.phase.plan if self.state.phase else "plan.json")

    def close(self) -> None:
        """Stop following; the run does not notice."""
        self._stop.set()

    def drain(self) -> Batch:
        """Take over what has come, for at most some hundredths of a second."""
        until = time.monotonic() + _DRAIN_SECONDS
        events: list[EventSeen] = []
        output = False
        while time.monotonic() < until:
            try:
                update = self._queue.get_nowait()
            except queue.Empty:
                break
            if isinstance(update, EventSeen):
                self._take_event(update)
                events.append(update)
            elif isinstance(update, Piece):
                self._take_piece(update)
                output = True
            elif isinstance(update, Planned):
                self.plans[update.name] = update.plan
            else:
                self.ended = update
                return Batch(tuple(events), output, update)
        return Batch(tuple(events), output)

    def _take_event(self, update: EventSeen) -> None:
        self.state = update.state
        event = update.record.event
        if isinstance(event, (ev.StepStarted, ev.RemedyStarted)):
            self.lines.clear()
            self.rest, self.total_lines = b"", 0
            self.step, self.file = event.step, event.output
        elif isinstance(event, ev.Paused):
            self.paused_by = event.by

    def _take_piece(self, piece: Piece) -> None:
        self.lines.extend(piece.lines)
        self.total_lines += piece.count
        self.rest = piece.rest
        self.step, self.file = piece.step, piece.file

    def _follow(self, since: int) -> None:
        try:
            rest, of = b"", ""
            for update in self._controller.follow(self.run, seq=since, stop=self._stop):
                if isinstance(update, OutputSeen):
                    if update.file != of:
                        rest, of = b"", update.file
                    *lines, rest = (rest + update.data).split(b"\n")
                    rest = _last_state(rest)
                    if len(rest) > _LONGEST_LINE:
                        lines, rest = [*lines, rest], b""
                    kept = tuple(map(_short, lines[-KEPT_LINES:]))
                    self._put(Piece(update.step, update.file, kept, len(lines), rest))
                elif isinstance(update, RunnerGone):
                    self._put(Ended(update.message))
                    return
                else:
                    self._take_plan(update)
                    self._put(update)
            self._put(Ended())
        except (DfwizardError, OSError) as error:
            self._put(Ended(error=str(error)))

    def _take_plan(self, update: EventSeen) -> None:
        event = update.record.event
        if isinstance(event, ev.PhaseStarted):
            self._put(Planned(event.plan, self.run.plan(event.plan)))

    def _put(self, update: EventSeen | Piece | Planned | Ended) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(update, timeout=0.2)
            except queue.Full:
                continue  # nobody looks: the reading of files can wait
            return


def _last_state(line: bytes) -> bytes:
    """Drop what a long line has drawn over by itself: a progress bar ends with a carriage return, not with a line's end."""
    return line.rstrip(b"\r").rpartition(b"\r")[2] if len(line) > _LONGEST_LINE else line


def _short(line: bytes) -> bytes:
    return _last_state(line)[:_LONGEST_LINE]
