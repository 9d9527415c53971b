"""A list of rows with a cursor: by keys alone, its place shown by a sign and by the terminal's own cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.strip import Strip

from dfwizard.tui import signs
from dfwizard.tui.widgets.scrolling import Scrolling

if TYPE_CHECKING:
    from textual import events


@dataclass(frozen=True)
class Row:
    """One row: its lines as they are to be shown. A row that cannot be chosen (`enabled` false: a heading, a gap) is stepped over."""

    id: str
    lines: tuple[Text, ...]
    enabled: bool = True

    @classmethod
    def of(cls, row_id: str, *lines: Text | str, enabled: bool = True) -> Row:
        """Make a row of texts or plain strings (never read as markup)."""
        return cls(row_id, tuple(Text(line) if isinstance(line, str) else line for line in lines), enabled)


def heading(text: str) -> Row:
    """Give a row that only heads those after it."""
    return Row.of(f"heading:{text}", Text(text, "bold"), enabled=False)


class RowList(Scrolling, can_focus=True):
    """Rows, one of them under the cursor. Posts `Moved` when the cursor is on another row and `Chosen` on Enter."""

    DEFAULT_CSS = """
    RowList { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "end(-1)", "First", show=False),
        Binding("end", "end(1)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on row `row_id` now."""

        rows: RowList
        row_id: str

        @property
        def control(self) -> RowList:
            """Give the list, for `@on` with a selector."""
            return self.rows

    @dataclass
    class Chosen(Message):
        """Enter was pressed on row `row_id`."""

        rows: RowList
        row_id: str

        @property
        def control(self) -> RowList:
            """Give the list, for `@on` with a selector."""
            return self.rows

    def __init__(
        self,
        rows: Sequence[Row] = (),
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.rows: tuple[Row, ...] = ()
        self.cursor = -1
        self._lines: list[tuple[int, int]] = []  # (row, line of the row) of every line shown
        self._tops: list[int] = []
        self.set_rows(rows)

    @property
    def current(self) -> str | None:
        """Give the id of the row under the cursor."""
        return self.rows[self.cursor].id if 0 <= self.cursor < len(self.rows) else None

    def set_rows(self, rows: Sequence[Row], *, current: str | None = None) -> None:
        """Show other rows; the cursor goes to row `current`, else stays on the row of the same id, else on the nearest one."""
        if tuple(rows) == self.rows and current is None:
            return
        before, wanted = self.current, current or self.current
        self.rows = tuple(rows)
        self._lines, self._tops = [], []
        for index, row in enumerate(self.rows):
            self._tops.append(len(self._lines))
            self._lines += [(index, line) for line in range(len(row.lines))]
        enabled = [index for index, row in enumerate(self.rows) if row.enabled]
        found = next((index for index in enabled if self.rows[index].id == wanted), None)
        if found is None and enabled:
            found = min(enabled, key=lambda index: abs(index - max(self.cursor, 0)))
        self.cursor = -1 if found is None else found
        self.virtual_size = Size(0, len(self._lines))
        self.refresh()
        if self.is_attached:
            self.call_after_refresh(self._show_cursor)
            if self.current is not None and self.current != before:
                self.post_message(self.Moved(self, self.current))

    def move_to(self, row_id: str) -> None:
        """Put the cursor on the row of that id, if it is there and can be chosen."""
        index = next((i for i, row in enumerate(self.rows) if row.id == row_id and row.enabled), None)
        if index is not None:
            self._go(index)

    def action_move(self, by: int) -> None:
        """Go to the next row that can be chosen; past the last one scroll what is left into sight."""
        index = self.cursor + by
        while 0 <= index < len(self.rows) and not self.rows[index].enabled:
            index += by
        if 0 <= index < len(self.rows):
            self._go(index)
        else:
            self.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """Go about a screenful further."""
        if not self.rows:
            return
        line = self._tops[max(self.cursor, 0)] + by * max(self.size.height - 1, 1)
        index = self._lines[max(0, min(line, len(self._lines) - 1))][0]
        while 0 <= index < len(self.rows) and not self.rows[index].enabled:
            index += by
        if 0 <= index < len(self.rows):
            self._go(index)
        else:
            self.action_end(by)

    def action_end(self, by: int) -> None:
        """Go to the first or last row."""
        enabled = [index for index, row in enumerate(self.rows) if row.enabled]
        if enabled:
            self._go(enabled[0] if by < 0 else enabled[-1])
        if by < 0:
            self.scroll_to(y=0, animate=False)
        else:
            self.scroll_end(animate=False)

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        if self.current is not None:
            self.post_message(self.Chosen(self, self.current))

    def _go(self, index: int) -> None:
        if index == self.cursor:
            self._show_cursor()
            return
        self.cursor = index
        self.refresh()
        self._show_cursor()
        self.post_message(self.Moved(self, self.rows[index].id))

    def _show_cursor(self) -> None:
        if not 0 <= self.cursor < len(self.rows):
            return
        top = self._tops[self.cursor]
        height = len(self.rows[self.cursor].lines)
        self.scroll_to_region(Region(0, top, max(self.size.width, 1), height), animate=False, force=True)
        if self.has_focus:
            # Screen readers and braille displays follow the terminal's cursor.
            offset = self.content_region.offset + Offset(0, top - round(self.scroll_y))
            self.app.cursor_position = offset

    def on_focus(self) -> None:
        """Show where the cursor is."""
        self.refresh()
        self._show_cursor()

    def on_blur(self) -> None:
        """Show that the cursor is not here."""
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._show_cursor()

    def on_click(self, event: events.Click) -> None:
        """Choose with the mouse, where it was asked for."""
        line = event.y + round(self.scroll_y)
        if 0 <= line < len(self._lines):
            index = self._lines[line][0]
            if self.rows[index].enabled:
                again = index == self.cursor
                self._go(index)
                if again:
                    self.action_choose()

    def render_line(self, y: int) -> Strip:
        """Give line `y` of what is in sight."""
        line = y + round(self.scroll_y)
        width, style = self.size.width, self.rich_style
        if not 0 <= line < len(self._lines):
            return Strip.blank(width, style)
        index, number = self._lines[line]
        row = self.rows[index]
        here = index == self.cursor
        lead = f"{signs.POINTER} " if here and number == 0 else "  "
        text = Text.assemble((lead, "bold" if here else ""), row.lines[number], no_wrap=True, end="")
        strip = Strip(text.render(self.app.console)).adjust_cell_length(width)
        if here and self.has_focus and number == 0:
            # Colours of parts would be blocks of colour in reverse.
            parts = [
                Segment(one.text, Style(reverse=True, bold=bool(one.style and one.style.bold)))
                for one in strip
            ]
            strip = Strip(parts, strip.cell_length)
        return strip.apply_style(style)
