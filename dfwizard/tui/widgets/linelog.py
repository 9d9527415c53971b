"""Lines of output: any number of them, drawn only where they are in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip

from dfwizard.reports.terminal import plain
from dfwizard.tui.widgets.scrolling import Scrolling

WIDEST = 4000
"""Columns that can be scrolled to sideways."""


def shown(line: bytes | str) -> str:
    """Give a line of output as it is to be shown: what a terminal would obey is dropped, a redrawn line is its last state."""
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    return plain(text.rstrip("\r").rpartition("\r")[2].expandtabs(4))


class LineLog(Scrolling, can_focus=True):
    """A view on lines that somebody else keeps (bytes, strings or texts).

    `marked` are words that stand out wherever they are, `found` is the line of them that one is at. With `follow` it stays at the
    end; scrolling up holds it: what is read then stays as it is, whatever comes, until one scrolls down to its end again.
    """

    DEFAULT_CSS = """
    LineLog { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "sideways(8)", "Right", show=False),
        Binding("left", "sideways(-8)", "Left", show=False),
    ]

    following = reactive(default=True)
    """Whether the end is kept in sight."""

    def __init__(self, *, follow: bool = True, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[bytes | str | Text] = ()
        self._rest: bytes = b""
        self._newest: tuple[Sequence[bytes | str | Text], bytes] | None = None
        self._column = 0
        self._follow = follow
        self.marked: str = ""
        self.found: int | None = None
        self.set_reactive(LineLog.following, follow)

    def show(self, lines: Sequence[bytes | str | Text], rest: bytes = b"") -> None:
        """Show `lines` (kept by reference: say so again when they have changed) and the line that has not ended yet."""
        if self._follow and not self.following:
            self._newest = lines, rest
        else:
            self._set(lines, rest)

    def _set(self, lines: Sequence[bytes | str | Text], rest: bytes) -> None:
        self._lines, self._rest, self._newest = lines, rest, None
        self.virtual_size = Size(0, len(lines) + bool(rest))
        if self.following:
            self.scroll_end(animate=False, immediate=True, force=True)
        self.refresh()

    def watch_following(self, following: bool) -> None:
        """Hold what is in sight while it is read, and take up the newest at the end."""
        if not following:
            self._newest = self._lines, self._rest
            self._lines = tuple(self._lines)
        elif self._newest is not None:
            self._set(*self._newest)

    def show_line(self, number: int, *, row: int | None = None, column: int = 0) -> None:
        """Bring line `number` (from 0) into sight, in `row` of it or in the middle, and `column` of that line."""
        if self._follow:
            self.following = False
        width = self.size.width
        self._column = 0 if column < width - 8 else min(column - width // 2, WIDEST)
        above = self.size.height // 2 if row is None else row
        self.scroll_to(y=max(number - above, 0), animate=False, immediate=True, force=True)

    def _scroll_to(self, x: float | None = None, y: float | None = None, **how: Any) -> bool:
        """Scroll at once: an animation that is overtaken by new lines would end the app, and helps nobody."""
        return super()._scroll_to(x, y, **{**how, "animate": False})

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Leave the end when somebody scrolls up, and keep to it when they come back."""
        super().watch_scroll_y(old_value, new_value)
        if not self._follow:
            return
        if new_value < old_value and new_value < self.max_scroll_y:
            self.following = False
        elif new_value >= self.max_scroll_y:
            self.following = True

    def on_resize(self) -> None:
        """Stay at the end."""
        if self.following:
            self.scroll_end(animate=False, immediate=True, force=True)

    def action_sideways(self, by: int) -> None:
        """Show what is further right or left."""
        self._column = max(0, min(self._column + by, WIDEST))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Give line `y` of what is in sight."""
        number = y + round(self.scroll_y)
        width, style = self.size.width, self.rich_style
        if number < len(self._lines):
            line: bytes | str | Text = self._lines[number]
        elif number == len(self._lines) and self._rest:
            line = self._rest
        else:
            return Strip.blank(width, style)
        if isinstance(line, (bytes, str)):
            strip = Strip(self._marked(shown(line)))
        else:
            # Put together anew: rich leaves the style of a whole text out when no part of it has its own.
            strip = Strip(Text.assemble(line).render(self.app.console, end=""))
        if number == self.found:
            strip = strip.apply_style(Style(bold=True))
        return strip.crop(self._column, self._column + width).adjust_cell_length(width).apply_style(style)

    def _marked(self, text: str) -> list[Segment]:
        """Cut `text` where the words looked for are, so that they stand out."""
        wanted = self.marked.lower()
        if not wanted:
            return [Segment(text)]
        segments, at, lower = [], 0, text.lower()
        while len(lower) == len(text) and (found := lower.find(wanted, at)) >= 0:
            segments += [
                Segment(text[at:found]),
                Segment(text[found : found + len(wanted)], Style(reverse=True)),
            ]
            at = found + len(wanted)
        return [*segments, Segment(text[at:])]
