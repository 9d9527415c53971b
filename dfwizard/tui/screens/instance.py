"""Which instance: those found on this machine, earlier runs, runs still going."""

from __future__ import annotations

from textual.app import ComposeResult

from dfwizard.tui.screens.base import StageScreen
from dfwizard.tui.widgets.rowlist import Row, RowList


class InstanceScreen(StageScreen):
    """The first screen."""

    STAGE = "instance"
    TITLE_TEXT = "Instance"
    HELP_TEXT = "Choose the instance to upgrade."

    def body(self) -> ComposeResult:
        """Give the list."""
        yield RowList([Row.of(str(number), f"row {number}", "  second line") for number in range(30)])
