"""What is asked on the way to a server: a password, a passphrase, whether its key is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ScreenResultType
from textual.widgets import Input, Static

from dfwizard.reports.terminal import plain
from dfwizard.tui.screens.dialogs import Dialog
from dfwizard.tui.styles import ODD, STRONG

if TYPE_CHECKING:
    from dfwizard.hosts.prompts import Question, UnknownKey

_TITLES = {
    "password": "Password",
    "passphrase": "Passphrase of a key",
    "keyboard": "The server asks",
    "sudo": "Password for sudo",
}


class Awaited(Dialog[ScreenResultType]):
    """A dialog for whose answer work in the background waits: `when_closed` is called once it has gone, however that came."""

    answer: ScreenResultType | None = None
    when_closed: Callable[[], object] = staticmethod(lambda: None)

    def give(self, answer: ScreenResultType) -> None:
        """Close with an answer."""
        self.answer = answer
        self.dismiss(answer)

    def on_unmount(self) -> None:
        """Let the work go on."""
        self.when_closed()


class SecretDialog(Awaited[str]):
    """A secret to be typed: the field shows how many characters were typed and none of them. Esc gives up."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Give up")]

    def __init__(self, question: Question) -> None:
        again: list[str | Text] = [Text("The last answer was not accepted.", ODD), ""]
        kept = "It is kept in memory until dfwizard ends, and handed to the run's own process; it is never written down."
        super().__init__(
            _TITLES.get(question.kind, "The server asks"),
            [
                *(again if question.again else []),
                Text(plain(question.what).strip(), STRONG),
                f"for {question.host}",
                "",
                kept,
            ],
        )
        self._echo = question.echo

    def more(self) -> ComposeResult:
        """Give the field."""
        yield Input(password=not self._echo, id="typed", compact=True)
        yield Static("", id="typed-hint", markup=False)

    def on_mount(self) -> None:
        """Be ready to type."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer; nothing typed is no answer, unless the server asks for what may be seen."""
        event.stop()
        if event.value or self._echo:
            self.give(event.value)
        else:
            self.query_one("#typed-hint", Static).update("Nothing was typed. Esc gives up.")


class HostKeyDialog(Awaited[bool]):
    """A server that is not known here yet: y trusts its key, and nothing else does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Trust it"),
        Binding("n,escape", "close", "Do not connect"),
    ]

    def __init__(self, key: UnknownKey) -> None:
        super().__init__(
            "A server that is not known here yet",
            [
                f"{key.host} ({key.address}) shows this key ({key.kind}):",
                "",
                Text(f"  {plain(key.sha256)}", STRONG),
                "",
                "Compare it with what the server's owner tells you, or with what its console shows:",
                "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
                "",
                "Trusted, it is kept in known_hosts, and a different one is refused from then on.",
            ],
        )

    def action_yes(self) -> None:
        """Trust it."""
        self.give(True)
