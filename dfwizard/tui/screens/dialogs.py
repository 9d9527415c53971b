"""Small windows over a screen: a message, a question, a word or a path to be typed, the help."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Input, Static

from dfwizard.errors import DfwizardError
from dfwizard.reports.terminal import plain, wrap
from dfwizard.tui import signs
from dfwizard.tui.widgets.bars import KeysLine

if TYPE_CHECKING:
    from dfwizard.tui.app import Wizard

WIDTH = 71
"""Columns of text in a dialog: it fits an 80-column terminal with its frame and a scroll bar."""


class Dialog(ModalScreen[ScreenResultType]):
    """A window over a screen; Esc closes it without an answer."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    def __init__(self, title: str, lines: Iterable[str | Text]) -> None:
        super().__init__()
        self._heading = title
        self._text = Text("\n", end="").join(_shown(line) for line in lines)

    def compose(self) -> ComposeResult:
        """Put the window together."""
        with Vertical(id="dialog"):
            yield Static(Text(f"{signs.LINE * 2} {plain(self._heading)} ", "bold"), id="dialog-title")
            with VerticalScroll(id="dialog-text"):
                yield Static(self._text, markup=False)
            yield from self.more()
            yield KeysLine()

    def more(self) -> ComposeResult:
        """Give what stands below the text."""
        yield from ()

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close once: a second Enter that comes before it has closed would close the screen below, too."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


def _shown(line: str | Text) -> Text:
    if isinstance(line, Text):
        return line
    words = line.lstrip(" ")
    first = " " * (len(line) - len(words))
    indent = f"{first}  " if words.startswith("- ") else first
    return Text("\n").join(Text(one) for one in wrap(words, width=WIDTH, indent=indent, first=first))


class MessageDialog(Dialog[None]):
    """Something to be read."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "close", "OK")]


class ConfirmDialog(Dialog[bool]):
    """A question that y answers with yes; Enter does not, for a key pressed too often must change nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes"),
        Binding("n", "no", "No"),
    ]

    def action_yes(self) -> None:
        """Answer yes."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Answer no."""
        self.dismiss(False)

    def action_close(self) -> None:
        """Answer no."""
        self.dismiss(False)


class TypedDialog(Dialog[bool]):
    """A question that is answered by typing `word`."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, title: str, lines: Sequence[str | Text], word: str) -> None:
        super().__init__(
            title, [*lines, "", f"Type {plain(word)} and press Enter to go on; Esc leaves all as it is."]
        )
        self._word = word

    def more(self) -> ComposeResult:
        """Give the field."""
        yield Input(id="typed", compact=True)
        yield Static("", id="typed-hint", markup=False)

    def on_mount(self) -> None:
        """Be ready to type."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on only with the right word."""
        event.stop()
        if event.value.strip() == self._word.strip():
            self.dismiss(True)
        else:
            self.query_one("#typed-hint", Static).update(f"That is not {plain(self._word)}.")

    def action_close(self) -> None:
        """Leave all as it is."""
        self.dismiss(False)


class AskDialog(Dialog[str]):
    """A line to be typed, such as a path; `check` says what is wrong with it ("" when nothing is), `complete` continues it on Tab."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", priority=True)]

    def __init__(
        self,
        title: str,
        lines: Sequence[str | Text],
        *,
        value: str = "",
        check: Callable[[str], str] | None = None,
        complete: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        super().__init__(title, lines)
        self._value, self._check, self._complete = value, check, complete

    def more(self) -> ComposeResult:
        """Give the field."""
        yield Input(self._value, id="typed", compact=True)
        yield Static("", id="typed-hint", markup=False)

    def on_mount(self) -> None:
        """Be ready to type."""
        self.query_one(Input).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer completion only where there is some."""
        return action != "complete" or self._complete is not None

    def action_complete(self) -> None:
        """Continue what was typed as far as there is one way, and show the ways from there."""
        complete, typed = self._complete, self.query_one(Input).value
        if complete is None:
            return
        wizard = cast("Wizard", self.app)

        def look() -> None:
            # A directory on a server that does not answer must not hold the screen.
            found: Sequence[str] = ()
            with suppress(DfwizardError):
                found = complete(typed)
            wizard.deliver(lambda: self._take_completions(typed, found))

        wizard.working += 1
        threading.Thread(target=look, name="completion", daemon=True).start()

    def _take_completions(self, typed: str, found: Sequence[str]) -> None:
        if not self.is_attached or self.query_one(Input).value != typed:
            return
        field = self.query_one(Input)
        common = _common(found)
        if len(common) > len(field.value) or (found and common != field.value):
            field.value = common
            field.cursor_position = len(common)
        names = "  ".join(plain(one.rstrip("/").rpartition("/")[2]) for one in found[:8])
        more = f"  {signs.MORE} {len(found) - 8} more" if len(found) > 8 else ""
        self.query_one("#typed-hint", Static).update(
            f"{names}{more}" if len(found) > 1 else "" if found else "Nothing begins so."
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give what was typed unless something is wrong with it."""
        event.stop()
        wrong = self._check(event.value) if self._check else ""
        if wrong:
            self.query_one("#typed-hint", Static).update(wrong)
        else:
            self.dismiss(event.value)


def _common(words: Sequence[str]) -> str:
    if not words:
        return ""
    first, last = min(words), max(words)
    length = next(
        (index for index, character in enumerate(first) if index >= len(last) or last[index] != character),
        len(first),
    )
    return first[:length]


class HelpDialog(Dialog[None]):
    """What a screen is for, and its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,question_mark", "close", "Close", show=False)]

    def __init__(self, title: str, text: str, keys: Iterable[tuple[str, str]]) -> None:
        rows = [Text.assemble((f"{key:>10}  ", "bold"), what) for key, what in keys]
        super().__init__(f"Help: {title}", [*text.splitlines(), "", Text("Keys", "bold"), *rows])
