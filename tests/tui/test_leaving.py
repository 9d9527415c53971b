"""A screen that is left while it is still to lay itself out does not end the wizard."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dfwizard.controller import Controller
from dfwizard.tui.app import SCREENS
from tests.thorough import stride
from tests.tui.driving import NARROW, WIDE, driving

ROUNDS = 3


def test_a_screen_left_right_after_a_new_size_is_not_laid_out_any_more(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What is put off until after a refresh meets a screen whose widgets have gone."""

    async def main() -> None:
        async with driving(Controller(state=tmp_path)) as drive:
            for stage in sorted(SCREENS) * (ROUNDS // stride(request, ROUNDS)):
                drive.wizard.show(stage)
                await drive.until_stage(stage)
                screen = drive.wizard.screen
                for size in (WIDE, NARROW):
                    await drive.pilot.resize_terminal(*size)
                screen.call_after_refresh(screen.query_one, "#body")
                drive.wizard.show("instance")
                screen.call_after_refresh(screen.query_one, "#body")
                await drive.until_stage("instance")
            assert drive.wizard._exception is None

    asyncio.run(main())
