"""Another server: its address typed or chosen, and the connection to it tried before the dialog closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from dfwizard.reports.terminal import plain
from dfwizard.tui import signs
from dfwizard.tui.screens.dialogs import AskDialog, MessageDialog
from dfwizard.tui.screens.instance_rows import host_in_words
from dfwizard.tui.widgets.rowlist import Row, RowList

if TYPE_CHECKING:
    from dfwizard.controller import Connected
    from dfwizard.errors import DfwizardError
    from dfwizard.tui.screens.base import StageScreen

_TEXT = (
    "user@host, user@host:port, or a Host of ~/.ssh/config, whose settings, keys and jumps hold here as they do for ssh. "
    "Tab completes, Enter connects. Connecting changes nothing there."
)


class ServerList(RowList):
    """The servers that are known: by ~/.ssh/config, and from earlier runs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "Connect")]


class ServerDialog(AskDialog):
    """Asks for a server, and closes with its name once it is connected.

    `screen` is the one that asks; `greet` is told of the connection before the dialog closes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "down", "Known ones", priority=True),
        Binding("up", "up", "Type one", priority=True),
    ]

    def __init__(self, known: Sequence[str], screen: StageScreen, greet: Callable[[Connected], None]) -> None:
        super().__init__("Another server, over SSH", [_TEXT], complete=self._begin_with)
        self._known = tuple(host_in_words(one) for one in known)
        self._asking = screen
        self._greet = greet
        self._reaching = ""

    def more(self) -> ComposeResult:
        """Give the field, what becomes of the connection, and the servers that are known."""
        yield from super().more()
        yield ServerList([Row.of(f"server:{one}", plain(one)) for one in self._known], id="servers")

    def on_mount(self) -> None:
        """Be ready to type; without known servers there is no list."""
        self.query_one(ServerList).display = bool(self._known)
        self.query_one(Input).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Move into the list from the field, and back into the field from its first row."""
        if not self.is_mounted:
            return super().check_action(action, parameters)
        rows = self.query_one(ServerList)
        if action == "down":
            return bool(self._known) and not rows.has_focus
        if action == "up":
            return rows.has_focus and rows.cursor <= 0
        return super().check_action(action, parameters)

    def action_down(self) -> None:
        """Go to the servers that are known."""
        self.query_one(ServerList).focus()
        self.refresh_bindings()

    def action_up(self) -> None:
        """Go back to the field."""
        self.query_one(Input).focus()
        self.refresh_bindings()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Connect to the server under the cursor."""
        event.stop()
        self.query_one(Input).value = event.row_id.removeprefix("server:")
        self._connect()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Connect to what was typed."""
        event.prevent_default().stop()
        self._connect()

    def _begin_with(self, typed: str) -> Sequence[str]:
        return [one for one in self._known if one.startswith(typed)]

    def _connect(self) -> None:
        server = self.query_one(Input).value.strip()
        if not server or self._reaching:
            return
        self._reaching = server
        self._say(f"{signs.RUNNING} Connecting to {plain(server)} {signs.MORE}")
        wizard = self._asking.wizard

        def connect() -> Connected:
            with wizard.prompts.while_wanted(lambda: self.is_attached):
                return wizard.controller.connect(server)

        self._asking.background(connect, self._reached, failed=self._refused)

    def _reached(self, there: Connected) -> None:
        self._greet(there)
        if self.is_attached:
            self.dismiss(there.name)

    def _refused(self, error: DfwizardError) -> None:
        self._reaching = ""
        if self.is_attached:
            self._say("")
            self.app.push_screen(MessageDialog("That server was not reached", str(error).splitlines()))

    def _say(self, text: str) -> None:
        self.query_one("#typed-hint", Static).update(text)
