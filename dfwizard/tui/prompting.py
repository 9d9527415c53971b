"""Passwords and host keys, asked in dialogs: the question comes in the thread of some work, the answer in the app's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dfwizard.tui.screens.prompt_dialogs import HostKeyDialog, SecretDialog

if TYPE_CHECKING:
    from dfwizard.hosts.prompts import Question, UnknownKey
    from dfwizard.tui.app import Wizard
    from dfwizard.tui.screens.prompt_dialogs import Awaited

_LOOK_SECONDS = 0.5
"""The pause between two looks whether the app, and with it the dialog, has gone."""


class ScreenPrompts:
    """Puts each question into a dialog over whatever is shown, one after the other, and waits for its answer."""

    def __init__(self, wizard: Wizard, *, accept_new: bool = False) -> None:
        self._wizard = wizard
        self._accept_new = accept_new
        self._one_at_a_time = threading.Lock()
        self._wanted: Callable[[], bool] = lambda: True

    @contextmanager
    def while_wanted(self, wanted: Callable[[], bool]) -> Iterator[None]:
        """Ask nothing any more inside once `wanted` says no: the person has given up what the answers are for."""
        before, self._wanted = self._wanted, wanted
        try:
            yield
        finally:
            self._wanted = before

    def secret(self, question: Question) -> str | None:
        """See `Prompts.secret`."""
        answer: str | None = self._put(lambda: SecretDialog(question))
        return answer

    def accept_key(self, key: UnknownKey) -> bool:
        """See `Prompts.accept_key`."""
        return self._accept_new or bool(self._put(lambda: HostKeyDialog(key)))

    def _put(self, make: Callable[[], Awaited[Any]]) -> Any:
        """Show a dialog and give what it was closed with; None when it, or the app, goes away without an answer."""
        wizard = self._wizard
        with self._one_at_a_time:
            if not self._wanted():
                return None
            closed = threading.Event()
            shown: list[Awaited[Any]] = []

            def show() -> None:
                dialog = make()
                dialog.when_closed = closed.set
                shown.append(dialog)
                wizard.push_screen(dialog)

            wizard.call(show)
            while not closed.wait(_LOOK_SECONDS):
                if not wizard.is_running:
                    return None
            return shown[0].answer
