"""The run: its steps, the output of the one going on, how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from dfwizard.reports.stakes import stakes
from dfwizard.tui.screens.base import NOTHING_CHANGED, StageScreen
from dfwizard.tui.screens.run_panel import RunPanel

if TYPE_CHECKING:
    from dfwizard.tui.feed import Batch


class RunScreen(StageScreen):
    """Shows a run as it goes; the run is a process of its own and does not notice."""

    STAGE = "run"
    TITLE_TEXT = "Run"
    HELP_TEXT = (
        "The steps of the run, each with its state and time, and the output of the one that is going on. "
        "The run is a process of its own: leaving this screen, closing the terminal or losing the connection does not end it.\n"
        "Space lets it wait after the step that is going on, so that you can look at something; space again goes on.\n"
        "The output stays at its end. Tab goes to it; scrolling up holds it, End goes back to the end.\n"
        "Enter shows the whole output of the step under the cursor, with search.\n"
        "If a step fails the run waits and asks; nothing is undone without your word."
    )
    CSS_PATH = "run.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "question", "Answer", tooltip="Go back to the question that the run waits with."),
        Binding("x", "roll_back", "Roll back", tooltip="Take back what the run has done so far."),
        Binding("q,d,escape", "leave", "Detach", tooltip="Leave; the run goes on without this terminal."),
    ]

    def body(self) -> ComposeResult:
        """Give the panel, or say that there is nothing to watch."""
        if self.wizard.feed is None:
            yield Static("No run is being watched.", id="run-none", markup=False)
        else:
            yield RunPanel()

    def stakes(self) -> str:
        """Say what it would mean to stop the run now."""
        feed = self.wizard.feed
        plan = feed.plan if feed else None
        return stakes(plan, feed.state) if feed and plan else NOTHING_CHANGED

    def run_changed(self, batch: Batch) -> None:
        """Show what has come."""
        for panel in self.query(RunPanel):
            panel.update_run()
        if batch.events or batch.ended:
            self.refresh_stakes()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the rollback only where no runner is at work, and the question only where there is one."""
        feed = self.wizard.feed
        if action == "question":
            return feed is not None and feed.state.question is not None
        if action == "roll_back":
            return feed is not None and feed.ended is not None and bool(feed.ended.message)
        return True

    def action_roll_back(self) -> None:
        """Show what a rollback would do."""
        self.wizard.show("rollback")

    def action_question(self) -> None:
        """Show the question that the run waits with."""
        self.wizard.show("failure")
