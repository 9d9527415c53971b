"""The gallery: every screen of the wizard in the states worth a picture, on the data of the demo's scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.widgets import Input

from dfwizard.execution.store import Run
from dfwizard.instance.facts import Facts
from dfwizard.tui.session import Demo, Session
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.tui.gallery_recording import PATH, Recording, recording
from tests.tui.gallery_world import World
from tests.tui.pictures import svg_of

_SETTLED = 3
"""How many looks in a row must show the same."""

CLOCKS = (
    "dfwizard.tui.screens.instance",
    "dfwizard.tui.screens.history",
    "dfwizard.tui.screens.run_panel",
    "dfwizard.controller",
)
STEADY_CLOCKS = ("dfwizard.tui.screens.base", "dfwizard.tui.screens.backup")

Pose = Callable[["Sitting"], Coroutine[Any, Any, None]]
POSES: dict[str, Pose] = {}
"""What has a screen take a state and be shot, by the picture's name and size (`run-paused-80x24`)."""


def pose(function: Pose, *sizes: tuple[int, int]) -> Pose:
    """Put a pose into the gallery, under its own name; without `sizes` it is shot narrow and wide."""
    for columns, rows in sizes or (NARROW, WIDE):
        POSES[f"{function.__name__.replace('_', '-')}-{columns}x{rows}"] = function
    return function


@dataclass
class Sitting:
    """One picture being taken: `shot` is the picture in the end."""

    size: tuple[int, int]
    directory: Path
    shared: Path
    patch: pytest.MonkeyPatch
    shot: str = ""
    worlds: list[World] = field(default_factory=list)

    def recording(self, scenario: str) -> Recording:
        """Give what a scenario of the demo produced."""
        return recording(scenario, self.shared)

    def world(self, scenario: str = "smooth") -> World:
        """Make the world of a scenario, and have every clock show its time."""
        place = self.directory / f"world-{len(self.worlds)}"
        place.mkdir()
        world = World(place, self.recording(scenario))
        self.worlds.append(world)

        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return world.now.astimezone(tz)

        for module in CLOCKS:
            self.patch.setattr(f"{module}.datetime", Clock)
        for module in STEADY_CLOCKS:
            self.patch.setattr(f"{module}.time", SimpleNamespace(monotonic=lambda: world.tick))
        return world

    @asynccontextmanager
    async def open(
        self,
        world: World,
        session: Session | None = None,
        *,
        start: str = "instance",
        demo: Demo | None = None,
    ) -> AsyncIterator[Drive]:
        """Open the wizard in a world, and close it once it was shot."""
        async with driving(world.controller, session, start=start, size=self.size, demo=demo) as drive:
            drive.wizard.animation_level = "none"
            try:
                yield drive
            finally:
                world.close()

    async def watch(self, drive: Drive, run: Run, *, stage: str = "") -> None:
        """Wait until all that the run has told is on the screen, of the given stage."""
        wanted = run.state()
        if drive.wizard.feed is None:
            await drive.until(lambda: drive.wizard.feed is not None, "the run")
        feed = drive.wizard.feed
        assert feed is not None
        going = wanted.current is not None and wanted.phase is not None
        file = wanted.phase.step(wanted.current or "").outputs[-1] if going and wanted.phase else ""
        lines = (run.directory / file).read_bytes().count(b"\n") if file else 0
        await drive.until(lambda: feed.state.seq == wanted.seq, "all events")
        await drive.until(lambda: feed.total_lines >= lines, "all output")
        if stage:
            await drive.until_stage(stage)

    async def shoot(self, drive: Drive, *, busy: bool = False) -> None:
        """Take the picture once nothing moves any more; `busy`: something goes on in the background and is to."""
        still, last = 0, ""
        while still < _SETTLED:
            await drive.pilot._wait_for_screen()
            if not busy:
                await drive.until(drive.idle, "the end of what goes on in the background")
            for one in drive.wizard.screen.query(Input):
                one.cursor_blink = False
            await asyncio.sleep(0.02)
            now = svg_of(drive.wizard)
            still = still + 1 if now == last else 0
            last = now
        self.shot = last


def met(facts: Facts, *, target: str = "7.1.0") -> Session:
    """Give a visit that has looked at the instance; `target` is the release that was asked for."""
    return Session(path=PATH, facts=facts, target=target)


def planned(world: World, *, read: bool = False) -> Session:
    """Give a visit whose road is planned; with `read` every warning is ticked off and all that can be is accepted."""
    prospect = world.recording.prospect
    session = Session(path=PATH, facts=prospect.facts, target=prospect.plan.to, prospect=prospect)
    if read:
        session.acknowledged.update(ids_of(world, "warning"))
        session.accepted.update(one.id for one in prospect.findings if one.acceptable)
    return session


def ids_of(world: World, severity: str) -> list[str]:
    """Give the keys under which the findings of a severity are ticked off."""
    from dfwizard.tui.screens.checks_rows import Checked

    checked = Checked.of(world.recording.prospect.findings)
    return [key for key, one in checked.findings.items() if one.severity.value == severity]
