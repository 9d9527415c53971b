"""Driving the wizard by keys in a test: no sleeps, only waiting for what is expected to be on the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from textual.pilot import Pilot
from textual.widget import Widget

from dfwizard.controller import Controller
from dfwizard.tui.app import Wizard
from dfwizard.tui.session import Demo, Session

NARROW = (80, 24)
WIDE = (120, 40)
PATIENCE = 60.0
"""Seconds after which something awaited is taken not to come."""

T = TypeVar("T", bound=Widget)


class Drive:
    """The running wizard of a test: `press` keys, wait for what they bring, read the screen."""

    def __init__(self, wizard: Wizard, pilot: Pilot[int]) -> None:
        self.wizard = wizard
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            await self.pilot.press(key)

    async def type(self, text: str) -> None:
        """Type text into the field that has the focus, and Enter."""
        from textual.keys import _character_to_key

        for character in text:
            await self.pilot.press(_character_to_key(character))
        await self.pilot.press("enter")

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        """Wait until `holds`, letting the app work."""
        limit = time.monotonic() + PATIENCE
        while not holds():
            if self.wizard._exception is not None:
                raise self.wizard._exception
            if time.monotonic() > limit:
                raise AssertionError(f"waited in vain for {what or holds}; the screen:\n{self.text()}")
            await self.pilot.pause()
            await asyncio.sleep(0.01)

    async def until_stage(self, stage: str) -> None:
        """Wait for the screen of a stage, with nothing going on in the background."""
        await self.until(lambda: self.wizard.stage == stage and self.idle(), f"stage {stage}")
        await self.pilot.pause()

    async def until_text(self, text: str) -> None:
        """Wait until `text` can be read on the screen."""
        await self.until(lambda: text in self.text(), f"the text {text!r}")

    def idle(self) -> bool:
        """Tell whether the wizard waits for the person."""
        return self.wizard.working == 0 and self.wizard.screen.is_mounted

    def messages(self) -> int:
        """Count what the app, the screen and its widgets have been told and not taken up yet."""
        screen = self.wizard.screen
        return sum(one.message_queue_size for one in (self.wizard, *screen.walk_children(with_self=True)))

    def text(self) -> str:
        """Give what the screen shows, line by line, without colours."""
        screen = self.wizard.screen
        return "\n".join(
            "".join(segment.text for segment in strip).rstrip()
            for strip in screen._compositor.render_strips()
        )


@asynccontextmanager
async def driving(
    controller: Controller,
    session: Session | None = None,
    *,
    start: str = "instance",
    size: tuple[int, int] = NARROW,
    demo: Demo | None = None,
) -> AsyncIterator[Drive]:
    """Run the wizard without a terminal, of the given size."""
    wizard = Wizard(controller, session or Session(), start=start, demo=demo)
    async with wizard.run_test(size=size) as pilot:
        try:
            yield Drive(wizard, pilot)
        finally:
            wizard.stop_watching()  # as it does when it is left: else news of the run come to screens that are being closed
