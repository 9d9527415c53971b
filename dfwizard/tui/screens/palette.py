"""The command palette, which takes one choice."""

from __future__ import annotations

from textual.command import CommandPalette
from textual.widgets import Button, Input


class Palette(CommandPalette):
    """Textual's palette, but a second Enter that comes before it has closed does nothing (it would close the screen below, too)."""

    def _select_or_command(self, event: Input.Submitted | Button.Pressed | None = None) -> None:
        """Choose what is highlighted, or carry out what was chosen, while this window is the one on top."""
        if self.is_active:
            super()._select_or_command(event)
