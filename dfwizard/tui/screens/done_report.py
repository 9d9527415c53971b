"""The report of a run, to be read from top to bottom."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer

from dfwizard.tui.widgets.bars import TitleBar
from dfwizard.tui.widgets.linelog import LineLog


class ReportScreen(Screen[None]):
    """Text over the screen that asked for it; Esc goes back there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,b,p,q", "close", "Back", key_display="Esc"),
        Binding("pagedown,space", "page(1)", "Page down", key_display="PgDn"),
        Binding("pageup", "page(-1)", "Page up", key_display="PgUp"),
    ]

    def __init__(self, title: str, text: str, *, demo: bool) -> None:
        super().__init__()
        self._heading, self._lines, self._demo = title, text.splitlines(), demo

    def compose(self) -> ComposeResult:
        """Put the screen together."""
        yield TitleBar(self._heading, "", self._demo)
        yield LineLog(follow=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Show the beginning."""
        log = self.query_one(LineLog)
        log.show(self._lines)
        log.focus()

    def action_page(self, by: int) -> None:
        """Go a screenful further."""
        log = self.query_one(LineLog)
        log.scroll_relative(y=by * max(log.size.height - 1, 1), animate=False)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)
