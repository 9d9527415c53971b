"""What the first screen asks: the directory of an instance, and what becomes of a run that was cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from dfwizard.reports.terminal import plain_lines, wrap
from dfwizard.tui.screens.dialogs import WIDTH, AskDialog, Dialog
from dfwizard.tui.screens.history_words import road_of, work_of

if TYPE_CHECKING:
    from dfwizard.errors import DfwizardError
    from dfwizard.reports.run_summary import RunSummary

Look = Callable[[str, Callable[[], None], Callable[["DfwizardError"], None]], None]
"""Looks at a path, then calls the one (there is a DreamFactory) or the other (why not)."""


class PathDialog(AskDialog):
    """The directory of an instance, typed; it is looked at before the dialog closes."""

    def __init__(self, value: str, complete: Callable[[str], Sequence[str]], look: Look) -> None:
        super().__init__(
            "Another instance",
            ["The directory that holds artisan, composer.json and .env. Tab completes."],
            value=value,
            complete=complete,
        )
        self._look = look
        self._looking = ""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look at what was typed."""
        event.prevent_default().stop()
        path = event.value.strip()
        if not path or self._looking:
            return
        self._looking = path
        self._say(f"Looking at {path} ...")
        self._look(path, self._found, self._refused)

    def on_input_changed(self) -> None:
        """Take back what was said of another path."""
        if not self._looking:
            self._say("")

    def _found(self) -> None:
        if self.is_attached:
            self.dismiss(self._looking)

    def _refused(self, error: DfwizardError) -> None:
        self._looking = ""
        if self.is_attached:
            self._say(str(error))

    def _say(self, text: str) -> None:
        lines = [one for line in plain_lines(text) for one in wrap(line, width=WIDTH)]
        self.query_one("#typed-hint", Static).update("\n".join(lines))


class InterruptedDialog(Dialog[str]):
    """What becomes of a run that was cut off: `resume`, `rollback` or `look`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "answer('resume')", "Go on"),
        Binding("t", "answer('rollback')", "Take it back"),
        Binding("l", "answer('look')", "Look at it"),
    ]

    def __init__(self, run: RunSummary) -> None:
        at = f" at step {run.step} of {run.steps} ({run.step_title})" if run.step_title else ""
        back = (
            "What was begun is undone, the rest put back from the backup; it is shown and asked again first."
        )
        if run.phase == "rollback":
            back = "Its rollback has begun already: go on with that one."
        self._way_back = run.phase != "rollback"
        super().__init__(
            "A run that was cut off",
            [
                (
                    f"The {work_of(run)} of {run.place} ({road_of(run)}) was cut off{at}. "
                    "Nobody works on it; the instance may be between two states."
                ),
                "",
                "g  Go on: steps that are done are not done again, the one that was cut off is looked at and done anew.",
                f"t  Take it back: {back}",
                "l  Look at it: what was done, and the output so far. Nothing is changed.",
            ],
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the way back unless it has been begun."""
        return self._way_back if (action, parameters) == ("answer", ("rollback",)) else True

    def action_answer(self, answer: str) -> None:
        """Give what was chosen."""
        self.dismiss(answer)
