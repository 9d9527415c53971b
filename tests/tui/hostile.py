"""Keys pressed without thought, and a window that is pulled about: what a wizard has to stand."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from importlib import import_module

from textual import events
from textual.binding import Binding
from textual.dom import DOMNode
from textual.geometry import Size
from textual.screen import ModalScreen

from dfwizard.tui.app import SCREENS
from dfwizard.tui.screens.base import StageScreen
from tests.tui.driving import NARROW, Drive

MODULES = (
    *SCREENS,
    "base",
    "dialogs",
    "detection_answers",
    "instance_dialogs",
    "output",
    "reading",
    "run_panel",
)
OFTEN = ("enter", "escape", "down", "up", "tab", "n", "b", "space", "question_mark", "n")
SELDOM = (
    *("shift+tab", "left", "right", "home", "end", "pageup", "pagedown", "backspace", "delete", "f1", "f5"),
    *(
        "ctrl+c",
        "ctrl+q",
        "ctrl+p",
        "ctrl+z",
        "ctrl+d",
        "ctrl+l",
        "ctrl+u",
        "ctrl+k",
        "ctrl+w",
        "ctrl+home",
        "ctrl+end",
    ),
)
TEXTS = (
    "/",
    "../..",
    "7.1.0",
    "Дом",
    "日本語",
    "a'b\"c; rm -rf \\",
    "[bold]",
    "\x00\x1b[2J",
    " " * 300,
    "e\u0301",
)
SIZES = ((1, 1), (300, 100), (20, 5), (60, 18), (59, 17), *[NARROW] * 4, (120, 40), (100, 3), (2, 90))


def known_keys() -> tuple[str, ...]:
    """Give every key that some screen or widget of the wizard does something on."""
    found: set[str] = set()
    for name in MODULES:
        for value in vars(import_module(f"dfwizard.tui.screens.{name}")).values():
            if isinstance(value, type) and issubclass(value, DOMNode):
                for one in value.BINDINGS:
                    found.update((one.key if isinstance(one, Binding) else one[0]).split(","))
    return tuple(sorted(found))


@dataclass
class Fingers:
    """Hands on a keyboard; `seed` fixes all they do. Those that are not `bold` never say yes."""

    seed: int
    bold: bool
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._keys = tuple(key for key in known_keys() if self.bold or key != "y")

    async def act(self, drive: Drive) -> None:
        """Do one thing, and sometimes give the wizard the time to see to it."""
        wizard, chance = drive.wizard, self._random.random()
        if chance < 0.08:
            size = self._random.choice(SIZES)
            self.done.append(f"{size[0]}x{size[1]}")
            await resize(drive, size)
        elif chance < 0.12:
            text = self._random.choice(TEXTS)
            self.done.append(f"paste {text!r}")
            wizard.post_message(events.Paste(text))
        else:
            kinds, weights = (OFTEN, SELDOM, self._keys, ("y",)), (38, 10, 34, 6 if self.bold else 0)
            key = self._random.choice(self._random.choices(kinds, weights)[0])
            self.done.append(key)
            wizard.simulate_key(key)
        if self._random.random() < 0.2:
            await drive.pilot.pause()
        else:
            await asyncio.sleep(0)


async def resize(drive: Drive, size: tuple[int, int]) -> None:
    """Give the terminal another size without waiting for anything."""
    driver = drive.wizard._driver
    assert driver is not None
    driver._size = Size(*size)
    drive.wizard.post_message(events.Resize(Size(*size), Size(*size)))


async def still_answers(drive: Drive) -> None:
    """Come back from wherever one is to a stage, and have it show its help, unless the last key has ended the wizard."""
    await resize(drive, NARROW)
    await drive.pilot.pause()
    if drive.wizard._exit:
        return
    while isinstance(drive.wizard.screen, ModalScreen) or not _stage(drive):
        depth = len(drive.wizard.screen_stack)
        drive.wizard.simulate_key("escape")
        await drive.until(lambda: len(drive.wizard.screen_stack) < depth, "the window to close")  # noqa: B023
    drive.wizard.simulate_key("f1")
    await drive.until_text("Close")


def _stage(drive: Drive) -> bool:
    screen = drive.wizard.screen
    return isinstance(screen, StageScreen) and bool(screen.STAGE)
