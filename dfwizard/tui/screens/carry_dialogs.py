"""A value of one's own for a key of the target's `.env`; that of a secret is not shown while it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Input, Static

from dfwizard.reports.terminal import plain
from dfwizard.tui.screens.dialogs import AskDialog

if TYPE_CHECKING:
    from dfwizard.planning.env_carry import CarriedKey


class ValueDialog(AskDialog):
    """Asks for the value of a key; Esc leaves it as it is."""

    def __init__(self, key: CarriedKey) -> None:
        value = key.value or ""
        begins = value if not key.secret and plain(value) == value else ""
        lines = [
            "Typed as it is to be read, without quotes: dfwizard quotes it for .env where that is needed.",
            "Esc leaves the key as it is.",
        ]
        if key.secret:
            lines.append("It is secret: what you type is not shown.")
        super().__init__(f"{plain(key.key)} on the target", lines, value=begins)
        self._secret = key.secret

    def more(self) -> ComposeResult:
        """Give the field."""
        yield Input(self._value, password=self._secret, id="typed", compact=True)
        yield Static("", id="typed-hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give what was typed; an empty secret is more likely a key pressed too early."""
        event.prevent_default().stop()
        if self._secret and not event.value:
            self.query_one("#typed-hint", Static).update(
                "Nothing was typed. Esc, then x: the key is not set."
            )
            return
        self.dismiss(event.value)
