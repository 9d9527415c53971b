"""What every screen of the wizard has: where one is, what stopping would mean, the keys, help, work in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Container
from textual.css.query import NoMatches
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from dfwizard.errors import DfwizardError
from dfwizard.tui.screens.dialogs import HelpDialog, MessageDialog
from dfwizard.tui.widgets.bars import KeysLine, StageBar, StakesLine, TitleBar

if TYPE_CHECKING:
    from textual import events
    from textual.geometry import Size

    from dfwizard.tui.app import Wizard
    from dfwizard.tui.feed import Batch
    from dfwizard.tui.session import Session

T = TypeVar("T")

_LAST = ("help", "leave")
_TEXTUALS_OWN = ("app.", "screen.")

SMALLEST = (60, 18)
"""Columns and rows below which a screen says that it is too small."""

FIRST_FRAME_SECONDS = 0.06
"""What need not be done for the first frame of the wizard is done after this: Textual shows it 0.05 s after it was begun."""

NOTHING_CHANGED = "Esc or q now: nothing has changed."


class Delivered(Message):
    """Work in the background has ended; `take` is to be called in the app's own thread."""

    def __init__(self, take: Callable[[], None]) -> None:
        super().__init__()
        self.take = take


class Called(Message):
    """Work in the background goes on, and wants `take` to be called in the app's own thread."""

    def __init__(self, take: Callable[[], None]) -> None:
        super().__init__()
        self.take = take


class StageScreen(Screen[None]):
    """One place of the wizard. Screens call the controller, in the background where it takes time, and never run a command.

    A subclass sets `STAGE` (its name, as in `Wizard.show`), `TITLE_TEXT`, `HELP_TEXT` and `body`, and begins in `opened`. One without a
    stage is pushed over another, and stays until it is closed, wherever the run goes.
    """

    STAGE: ClassVar[str] = ""
    TITLE_TEXT: ClassVar[str] = ""
    HELP_TEXT: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "Help", key_display="?"),
        Binding("q", "leave", "Quit"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._label = ""
        self._since = 0.0

    @property
    def wizard(self) -> Wizard:
        """Give the app, by its own type."""
        return cast("Wizard", self.app)

    @property
    def session(self) -> Session:
        """Give what was chosen and found out so far."""
        return self.wizard.session

    def compose(self) -> ComposeResult:
        """Put the screen together; what differs is in `body`."""
        self._lay_out_for(self.app.size)  # the first frame is one for this size already
        yield TitleBar(self.TITLE_TEXT, self.title_instance(), self.wizard.demo is not None)
        if self.STAGE:
            feed = self.wizard.feed
            yield StageBar(self.STAGE, feed.state if feed else None, work=self.session.work)
        with Container(id="body"):
            yield from self.body()
        yield StakesLine(self.stakes())
        yield KeysLine()
        yield Static("", id="too-small", markup=False)

    def body(self) -> ComposeResult:
        """Give the widgets between the bars."""
        yield from ()

    def opened(self) -> None:
        """Begin with what the screen is for, once its widgets are there."""

    def title_instance(self) -> str:
        """Give what the title names on its right side."""
        return self.session.path

    def stakes(self) -> str:
        """Say in one sentence what stopping now would mean."""
        return NOTHING_CHANGED

    def run_changed(self, batch: Batch) -> None:
        """Hear that the watched run has moved on (in the app's thread, at most ten times a second)."""

    # Work in the background ----------------------------------------------------------------------------------------

    def background(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        *,
        failed: Callable[[DfwizardError], None] | None = None,
        label: str = "",
    ) -> None:
        """Do `work` in a thread, then call `then` with what it gives, or `failed` (by default a message) with its error.

        Neither is called when the screen has gone meanwhile. `label` is shown above the keys until then.
        """
        if label:
            self._label, self._since = label, time.monotonic()
            self._show_label()
        wizard = self.wizard  # a screen that has gone knows its app no more
        wizard.working += 1

        def carry_out() -> None:
            try:
                value = work()
            except DfwizardError as error:
                problem = error
                self._deliver(wizard, lambda: (failed or self.say_error)(problem), label)
            except Exception as error:
                fault = wizard.fault(error)
                self._deliver(wizard, lambda: (failed or self.say_error)(fault), label)
            else:
                self._deliver(wizard, lambda: then(value), label)

        threading.Thread(target=carry_out, name=label or "background", daemon=True).start()

    def _deliver(self, wizard: Wizard, take: Callable[[], None], label: str) -> None:
        def taken() -> None:
            if label and self._label == label:
                self._label = ""
            if self.is_attached and self.is_running:
                self.say(self.stakes())
                try:
                    take()
                except DfwizardError as error:  # such as a run that cannot be watched
                    self.say_error(error)

        wizard.deliver(taken)

    def _show_label(self) -> None:
        if self._label:
            seconds = int(time.monotonic() - self._since)
            self.say(f"{self._label} ... {f'{seconds} s' if seconds > 1 else ''}")

    def call_after_refresh(self, callback: Callable[..., object], *args: Any, **kwargs: Any) -> bool:
        """See Textual's own. A screen that is being taken apart by then is not called any more: its widgets have gone."""

        def while_whole() -> object:
            return callback(*args, **kwargs) if self.query(StakesLine) else None

        return super().call_after_refresh(while_whole)

    # What is said --------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Show `text` in the line above the keys."""
        if self.is_attached:
            self.query_one(StakesLine).say(text)

    def refresh_stakes(self) -> None:
        """Say again what stopping would mean."""
        if not self._label:
            self.say(self.stakes())

    def say_error(self, error: DfwizardError) -> None:
        """Show an error: what happened, to what, what to do next."""
        self.app.push_screen(MessageDialog("That did not work", str(error).splitlines()))

    # Keys ----------------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """Show what this screen is for, and its keys."""
        self.app.push_screen(HelpDialog(self.TITLE_TEXT, self.help_text(), self.keys()))

    def help_text(self) -> str:
        """Give the help's text."""
        demo = self.wizard.demo
        return f"{self.HELP_TEXT}\n\nDEMO: {demo.title}. {demo.story}" if demo else self.HELP_TEXT

    def keys(self) -> Iterable[tuple[str, str]]:
        """Give the keys of this screen and what they do."""
        seen = set()
        own = sorted(self.active_bindings.values(), key=lambda active: active.node is not self)
        for active in own:
            binding = active.binding
            if binding.action.startswith(_TEXTUALS_OWN):
                continue
            what = active.tooltip or binding.description
            if what and active.enabled and (binding.action, what) not in seen and not binding.system:
                seen.add((binding.action, what))
                yield self.app.get_key_display(binding), what

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """Give the keys that do something now, the screen's own first: so do the keys' line, the help and the palette."""
        return dict(sorted(super().active_bindings.items(), key=lambda one: one[1].binding.action in _LAST))

    def action_leave(self) -> None:
        """Leave the wizard; a run goes on."""
        self.wizard.leave()

    # Size ----------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin, unless the screen is being left at this very moment: its widgets have gone then."""
        if self.query(StakesLine):
            self.set_interval(0.5, self._show_label)  # says how long something has been worked on
            try:
                self.opened()
            except NoMatches:
                if self.is_attached and self.app.is_running:
                    raise
                return  # the wizard is being left, and its widgets have gone one by one
            # The run may have moved on while the screen was put together.
            self.call_after_refresh(self.refresh_stakes)

    def on_resize(self, event: events.Resize) -> None:
        """Say so instead of breaking when the terminal is too small."""
        columns, rows = event.size
        if self._lay_out_for(event.size):
            text = f"Too small: {columns}x{rows}.\nEnlarge it to {SMALLEST[0]}x{SMALLEST[1]} or more.\nNothing is lost."
            self.query_one("#too-small", Static).update(text)

    def _lay_out_for(self, size: Size) -> bool:
        """Choose the layout for a terminal of that size; tell whether it is too small for any."""
        tiny = size.width < SMALLEST[0] or size.height < SMALLEST[1]
        self.set_class(tiny, "-tiny")
        self.set_class(size.width >= 100, "-wide")
        return tiny
