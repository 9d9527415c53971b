"""One run from its beginning to its end, with cuts at random moments."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dfwizard.execution.store import Run
from tests.cuts.kinds import Cut, make
from tests.cuts.roads import Road
from tests.cuts.servers import Server

_LONGEST = 900.0
"""Seconds after which a run that has not ended counts as one that never does."""
_BEGINNING = 300.0
"""Seconds for a run's beginning: the instances are looked at and the plan is made."""
_RESUMPTIONS = 4


@dataclass
class Made:
    """A cut that was made: on which server, while which step of which phase was at work, how many seconds after the run's beginning."""

    cut: Cut
    server: str
    phase: str
    step: str
    after: float
    recovered: bool = True
    """False when the run was left unfinished behind it, and had to be resumed by hand."""


@dataclass(frozen=True)
class Journey:
    """One run that is over, or was given up: `code` is what the last call ended with, `said` what all of them said."""

    road: str
    run: Run
    code: int
    said: str
    made: tuple[Made, ...]
    resumed: int
    seconds: float
    """From the first step's beginning to the end."""
    outcome: str
    """How the run ended by its journal; empty when it did not."""


def travel(road: Road, cuts: list[Cut], chance: random.Random, *, pause: float = 1.0) -> Journey:
    """Make the run, with as many of the `cuts` as fit into it (they are taken off the list), on average `pause` seconds between them."""
    made: list[Made] = []
    said = ""
    arguments = road.arguments
    begun: tuple[Run, float] | None = None
    resumed = 0
    while True:
        with Call(road, arguments, resumed) as call:
            if begun is None:
                begun = _begun(road, call), time.monotonic()
            run, since = begun
            _cut_while_it_runs(road, run, call, cuts, chance, pause, made, since)
            code = call.wait()
        said += call.said()
        outcome = run.state().outcome
        if outcome is not None or resumed == _RESUMPTIONS:
            seconds = time.monotonic() - since
            return Journey(road.name, run, code, said, tuple(made), resumed, seconds, outcome or "")
        for one in made[-1:]:
            one.recovered = False
        arguments = ("resume", "latest")
        resumed += 1


class Call:
    """A call of dfwizard's command line that is at work; what it says goes to a file, so that nobody has to read it meanwhile."""

    def __init__(self, road: Road, arguments: tuple[str, ...], number: int) -> None:
        road.cli.state.mkdir(parents=True, exist_ok=True)
        self._path: Path = road.cli.state.parent / f"said-{road.cli.state.name}-{number}"
        with self._path.open("wb") as file:
            self._process = subprocess.Popen(
                road.cli.command(*arguments),
                env=road.cli.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def going(self) -> bool:
        """Whether it is still at work."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Wait for its end and give its exit code; -1 when it does not end."""
        try:
            return self._process.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            return -1

    def said(self) -> str:
        """Give what it has said so far."""
        return self._path.read_text(errors="replace")


def _begun(road: Road, call: Call) -> Run:
    """Wait until the first step has begun."""
    deadline = time.monotonic() + _BEGINNING
    while time.monotonic() < deadline:
        for path in (road.cli.state / "runs").glob("*"):
            if (path / "journal.jsonl").exists() and Run(path).state().current:
                return Run(path)
        if not call.going():
            break
        time.sleep(0.05)
    raise AssertionError(f"the {road.name} never began:\n{call.said()}")


def _cut_while_it_runs(
    road: Road,
    run: Run,
    call: Call,
    cuts: list[Cut],
    chance: random.Random,
    pause: float,
    made: list[Made],
    begun: float,
) -> None:
    def going() -> bool:
        return call.going() and run.state().outcome is None

    while going() and not run.state().current:
        time.sleep(0.05)  # until what was left unfinished has been taken up again
    while cuts and going():
        _rest(chance.uniform(0, 2 * pause), going)
        server = _connected(road.servers, chance, going)
        if server is None:
            return
        state = run.state()
        phase = state.phase.name if state.phase else ""
        one = Made(cuts[0], server.name, phase, state.current or "", round(time.monotonic() - begun, 1))
        if make(cuts[0], server, going):
            made.append(one)
            cuts.pop(0)


def _rest(seconds: float, going: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while going() and time.monotonic() < end:
        time.sleep(min(0.1, max(0.0, end - time.monotonic())))


def _connected(
    servers: tuple[Server, ...], chance: random.Random, going: Callable[[], bool]
) -> Server | None:
    """Wait until one of the servers is connected to, and give it; None when the run ends before."""
    while going():
        there = [server for server in servers if server.link.connections()]
        if there:
            return chance.choice(there)
        time.sleep(0.05)
    return None
