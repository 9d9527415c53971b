"""Row 5: who watches goes away: the terminal closed, the client killed or stopped, at every step. The runner does not notice."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.attach import EventSeen, follow
from tests.survival.kills import ROLLBACK, UPGRADE, Scenes
from tests.survival.report import Line
from tests.survival.trial import Scene, Workshop
from tests.tui.terminal import Terminal

ATTACHED = 1.0
"""Most seconds from the start of a client to its having shown where the run is, those left out in which it had no processor."""

_SHOWN = re.compile(rb"==> |Report: ")
"""What a client shows: the step that is going on, or how the run has ended meanwhile."""


@dataclass(frozen=True)
class _Leaving:
    """A way to leave."""

    words: str
    leave: Callable[[Terminal], None]


_LEAVINGS = (
    _Leaving("the terminal closed", lambda client: client.hang_up()),
    _Leaving("the client killed", lambda client: os.kill(client.pid, signal.SIGKILL)),
    _Leaving("the client stopped (SIGSTOP)", lambda client: os.kill(client.pid, signal.SIGSTOP)),
)


def try_leaving(
    scenes: Scenes, chance: random.Random, points: int, say: Callable[[str], None]
) -> Iterator[Line]:
    """At every step of an upgrade and of its rollback, attach a client and have it leave, each of the ways in turn."""
    engine = scenes.shop.world.lab.database.engine
    longest = 0.0
    lines = {leaving: Line(5, f"{engine}: {leaving.words} at every step") for leaving in _LEAVINGS}
    ways = list(_LEAVINGS)
    chance.shuffle(ways)
    rounds = 1 if points else len(ways)
    for name in (UPGRADE, ROLLBACK):
        for shift in range(rounds):
            seconds = _one_run(scenes.shop, scenes.scene(name), [*ways[shift:], *ways[:shift]], lines)
            longest = max(longest, *seconds)
            say(f"{name}: {len(seconds)} clients, attached in at most {max(seconds):.2f} s")
    yield from lines.values()
    attached = Line(5, f"{engine}: attached within a second (the longest: {longest:.2f} s)", 1)
    attached.count("" if longest <= ATTACHED else f"it has taken {longest:.2f} s")
    yield attached


def _one_run(shop: Workshop, scene: Scene, ways: list[_Leaving], lines: dict[_Leaving, Line]) -> list[float]:
    """Let a run go from its beginning to its end; give the seconds that each client took to attach."""
    shop.world.put_back(scene.kept)
    run = shop.world.run
    since = run.state().seq
    words = ("rollback", "latest", "--yes") if scene.request == "rollback" else ("resume", "latest")
    seconds: list[float] = []
    with ExitStack() as stack:
        _client(shop, stack, *words)
        begun = time.monotonic()
        while run.state().seq <= since:
            assert time.monotonic() < begun + 60, "the run never began"
            time.sleep(0.01)
        place = 0
        made: list[Line] = []
        for update in follow(run, seq=since, poll=0.01):
            if isinstance(update, EventSeen) and isinstance(update.record.event, ev.StepStarted):
                way = ways[place % len(ways)]
                place += 1
                seconds.append(_attach_and_leave(shop, stack, way))
                made.append(lines[way])
    problem = _noticed(shop, scene, since)
    for line in made:
        line.points += 1
        line.count(problem, back=scene.name == ROLLBACK)
    return seconds


def _client(shop: Workshop, stack: ExitStack, *words: str) -> Terminal:
    argv = [sys.executable, "-m", "dfwizard", *words]
    return stack.enter_context(Terminal(argv, shop.world.environment()))


def _attach_and_leave(shop: Workshop, stack: ExitStack, way: _Leaving) -> float:
    begun = time.perf_counter()
    client = _client(shop, stack, "attach", "latest")
    seen = client.until(_SHOWN) - _waited(client.pid)
    way.leave(client)
    return seen - begun


def _waited(pid: int) -> float:
    """Give how long a process has waited for a processor that was busy with others: the trials themselves, for a start."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def _noticed(shop: Workshop, scene: Scene, since: int) -> str:
    """Say what the runner has noticed of it, or where else the run has ended."""
    run = shop.world.run
    fresh = [record.event for record in journal.read(run.journal).records if record.seq > since]
    runners = sum(isinstance(event, ev.RunStarted) for event in fresh)
    hurt = [
        event.KIND
        for event in fresh
        if isinstance(event, (ev.StepFailed, ev.StepInterrupted, ev.RunnerStopped))
    ]
    if runners != 1 or hurt:
        return f"{runners} runners, {hurt}"
    return shop.settle(scene, scene.name, tries=0).problem
