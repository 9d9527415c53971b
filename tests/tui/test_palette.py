"""The command palette: it has every action of a screen, and does what the key does."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dfwizard.controller import Controller
from dfwizard.tui.screens.instance_dialogs import PathDialog
from tests.tui.driving import driving


def test_the_palette_has_the_actions_and_no_movements(tmp_path: Path) -> None:
    """Keys that only move the cursor or the focus are not offered as actions."""

    async def main() -> None:
        async with driving(Controller(state=tmp_path)) as drive:
            await drive.until_text("Another path")
            titles = [one.title for one in drive.wizard.get_system_commands(drive.wizard.screen)]
            assert titles == [
                *("Choose", "Other path", "Server", "Migrate", "History", "Look again", "Help", "Quit")
            ]

    asyncio.run(main())


def test_an_action_of_a_list_is_carried_out_from_the_palette(tmp_path: Path) -> None:
    """`Choose` belongs to the list and not to the screen: chosen in the palette it opens what Enter opens."""

    async def main() -> None:
        async with driving(Controller(state=tmp_path)) as drive:
            await drive.until_text("Another path")
            await drive.press("end", "up", "up", "ctrl+p", *"choose")
            await drive.until_text("or look at the instance under the cursor")
            await drive.press("enter")
            await drive.until(lambda: isinstance(drive.wizard.screen, PathDialog))

    asyncio.run(main())
