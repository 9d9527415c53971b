"""What the stages have in common that tell of a run from its record: done, verify and rollback."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar

from rich.text import Text
from textual.widgets import Static

from dfwizard.tui import signs
from dfwizard.tui.screens.base import StageScreen
from dfwizard.tui.styles import BAD

if TYPE_CHECKING:
    from dfwizard.errors import DfwizardError
    from dfwizard.execution.store import Run

T = TypeVar("T")


class Headline(Static):
    """The sentence over what is told."""

    DEFAULT_CSS = """
    Headline { height: auto; padding: 0 1; margin: 0 0 1 0; }
    """

    def __init__(self) -> None:
        super().__init__("", id="headline", markup=False)


class RecordedScreen(StageScreen):
    """A stage whose body begins with a `Headline`, and that is filled once the run was read. `NO_RUN` is said where none was chosen."""

    NO_RUN: ClassVar[str] = "No run was chosen; q leaves."

    def say_headline(self, text: str | Text) -> None:
        """Put `text` over what is told."""
        self.query_one(Headline).update(text)

    def read_run(self, look: Callable[[Run], T], take: Callable[[T], None]) -> None:
        """Have `look` read the chosen run in the background, and give `take` what it found; what cannot be read is said."""
        run = self.session.run
        if run is None:
            self.say_headline(self.NO_RUN)
            return
        self.background(lambda: look(run), take, failed=self._say_unreadable, label="Reading the run")

    def _say_unreadable(self, error: DfwizardError) -> None:
        self.say_headline(Text(f"{signs.FAILED} The run cannot be read.", BAD))
        self.say_error(error)
