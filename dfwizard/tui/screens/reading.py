"""A text over the whole screen, to be read and left again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from dfwizard.reports.terminal import plain
from dfwizard.tui import signs
from dfwizard.tui.screens.dialogs import AskDialog
from dfwizard.tui.widgets.bars import KeysLine
from dfwizard.tui.widgets.linelog import LineLog, shown

Lines = Callable[[int], Sequence[str | Text]]
"""Gives the text as lines for a width in columns; asked again when the width changes."""


class ReadingScreen(ModalScreen[None]):
    """A text that may be longer and wider than the screen; f finds words in it, Esc goes back to where one was."""

    CSS_PATH = "reading.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,b,q", "close", "Back", key_display="esc"),
        Binding("f,slash", "find", "Find", tooltip="Find words in this text"),
        Binding("n", "again(1)", "Next", tooltip="Go to the next place where the words are"),
        Binding("p", "again(-1)", "Previous", tooltip="Go to the place before"),
    ]

    def __init__(self, title: str, lines: Lines) -> None:
        super().__init__()
        self._heading, self._give = title, lines
        self._lines: Sequence[str | Text] = ()
        self._at = -1

    def compose(self) -> ComposeResult:
        """Put the screen together."""
        title = Text(f" {plain(self._heading)}", "bold", no_wrap=True, overflow="ellipsis")
        yield Static(title, id="reading-title", markup=False)
        yield LineLog(follow=False)
        yield Static("", id="reading-place", markup=False)
        yield KeysLine()

    def on_mount(self) -> None:
        """Be ready to scroll."""
        self.query_one(LineLog).focus()

    def on_resize(self) -> None:
        """Lay the text out for the width there is."""
        log = self.query_one(LineLog)
        self._at = -1
        self._lines = self._give(max(self.size.width - 3, 20))
        log.show(self._lines)
        log.show_line(0, row=0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer further places only while words are looked for."""
        return action != "again" or bool(self.query_one(LineLog).marked)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)

    def action_find(self) -> None:
        """Ask for words, and go to the first place where they are."""
        self.app.push_screen(AskDialog("Find", [], value=self.query_one(LineLog).marked), self._find)

    def _find(self, words: str | None) -> None:
        if words is None:
            return
        self.query_one(LineLog).marked = words
        self._at = -1
        self.query_one(LineLog).refresh()
        self.refresh_bindings()
        if words:
            self.action_again(1)
        else:
            self.query_one("#reading-place", Static).update("")

    def action_again(self, by: int) -> None:
        """Go to the next place where the words are, or the one before; past the end it goes on at the beginning."""
        log = self.query_one(LineLog)
        wanted = log.marked.lower()
        places = [number for number, line in enumerate(self._lines) if wanted in _words(line).lower()]
        place = self.query_one("#reading-place", Static)
        if not places:
            place.update(Text(f" “{plain(log.marked)}” is nowhere in this text."))
            return
        later = [number for number in places if number > self._at]
        earlier = [number for number in places if number < self._at]
        self._at = (later or places)[0] if by > 0 else (earlier or places)[-1]
        log.show_line(self._at)
        place.update(Text(f" line {self._at + 1} {signs.LINE} {places.index(self._at) + 1} of {len(places)}"))


def _words(line: str | Text) -> str:
    return line.plain if isinstance(line, Text) else shown(line)
