"""How a run ended, what to do next, and the ways on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dfwizard.execution.outcomes import RESUMABLE, REVERSIBLE, WELL
from dfwizard.reports.terminal import plain
from dfwizard.tui.screens.base import NOTHING_CHANGED
from dfwizard.tui.screens.dialogs import AskDialog, MessageDialog
from dfwizard.tui.screens.done_rows import headline, lines
from dfwizard.tui.screens.recorded import Headline, RecordedScreen
from dfwizard.tui.screens.run_report import report_screen
from dfwizard.tui.screens.set_going import set_going
from dfwizard.tui.widgets.linelog import LineLog

if TYPE_CHECKING:
    from textual import events

    from dfwizard.execution.store import Run
    from dfwizard.reports.run_report import RunReport

_STAKES = {
    "done": "The {kind} is over. x takes it back as long as the backup is kept.",
    "done-with-warnings": "The {kind} is over. x takes it back as long as the backup is kept.",
    "rolled-back": "All is as it was before. q leaves; nothing goes on.",
    "rollback-failed": "The instance is not whole. g tries again: the backup has all it needs.",
    "failed": "The instance is between two states. g goes on, x takes everything back.",
    "stopped": "The instance is between two states. g goes on, x takes everything back.",
    None: "The instance is between two states. g goes on, x takes everything back.",
}


class DoneScreen(RecordedScreen):
    """The last screen of a run."""

    STAGE = "done"
    TITLE_TEXT = "Done"
    NO_RUN = "No run was chosen. h shows all runs, i the instances."
    CSS_PATH = "done.tcss"
    HELP_TEXT = (
        "How the run ended, in figures, and what is left for a person to do.\n"
        "Roll back puts code, .env and database back as they were before the run; it asks before it begins, and saves the "
        "present state first.\n"
        "Go on tries the step again at which the run is stuck; what is behind it is not done again.\n"
        "The report has everything: who asked for what, every step, the backups, the verification. Save writes it as Markdown.\n"
        "Leaving costs nothing: dfwizard shows this run again under History."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "roll_back", "Roll back", tooltip="Take the run back; it is asked again first"),
        Binding("g", "go_on", "Go on", tooltip="Try the step again at which the run is stuck, and go on"),
        Binding("p", "report", "Report", tooltip="Read the run's whole report"),
        Binding("s", "save", "Save report", tooltip="Write the report to a file, as Markdown"),
        Binding("h", "history", "History", tooltip="All runs and backups"),
        Binding("i", "instances", "Instances", tooltip="Take up another instance"),
        Binding("escape,b", "back", "Back", key_display="b", tooltip="Back to what was compared"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._report: RunReport | None = None

    def body(self) -> ComposeResult:
        """Give the headline and the lines below it."""
        yield Headline()
        yield LineLog(follow=False)

    def stakes(self) -> str:
        """Say in one sentence what stopping now would mean."""
        report = self._report
        return _STAKES[report.outcome].format(kind=report.kind) if report else NOTHING_CHANGED

    def opened(self) -> None:
        """Read the run's report."""
        self.query_one(LineLog).focus()
        self.read_run(self.wizard.controller.report, self._take)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the lines anew."""
        self.call_after_refresh(self._fill)

    def _take(self, report: RunReport) -> None:
        self._report = report
        self._fill()
        self.refresh_stakes()
        self.refresh_bindings()

    def _fill(self) -> None:
        width = self.size.width - 5  # the padding, and the scroll bar
        if self._report is None:
            return
        self.say_headline(headline(self._report))
        self.query_one(LineLog).show(lines(self._report, min(width, 110)))

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done after this end of the run."""
        report = self._report
        if action in ("roll_back", "go_on", "report", "save", "back") and report is None:
            return False
        if report is not None and action == "roll_back":
            return report.outcome in REVERSIBLE and report.kind in ("upgrade", "migration")
        if report is not None and action == "go_on":
            return report.outcome in RESUMABLE
        if report is not None and action == "back":
            return report.outcome in WELL or len(report.phases) > 1
        return super().check_action(action, parameters)

    def action_roll_back(self) -> None:
        """Show what a rollback would do."""
        self.wizard.show("rollback")

    def action_go_on(self) -> None:
        """Go on with the run."""
        run = self.session.run
        if run is not None:
            set_going(self, run, self.wizard.controller.resume, label="Going on with the run")

    def action_report(self) -> None:
        """Show the whole report."""
        if self._report is not None:
            self.app.push_screen(report_screen(self._report))

    def action_save(self) -> None:
        """Ask where to, and write the report there."""
        run = self.session.run
        if run is None:
            return
        lines_ = ["The report is written as Markdown. Values of rows and secrets are not in it."]
        dialog = AskDialog(
            "Save the report",
            lines_,
            value=str(run.directory / "report.md"),
            check=lambda typed: "" if typed.strip() else "Type the name of a file.",
            complete=self.wizard.controller.complete,
        )
        self.app.push_screen(dialog, lambda path: self._save(run, path) if path else None)

    def _save(self, run: Run, path: str) -> None:
        def say(saved: str) -> None:
            self.app.push_screen(MessageDialog("Saved", [f"The report is in {plain(saved)}"]))

        controller = self.wizard.controller
        self.background(lambda: controller.save_report(run, path.strip()), say, label="Writing the report")

    def action_history(self) -> None:
        """Show all runs."""
        self.wizard.show("history")

    def action_instances(self) -> None:
        """Take up another instance."""
        self.wizard.stop_watching()
        self.session.begin_at("")
        self.wizard.show("instance")

    def action_back(self) -> None:
        """Go back to the comparison."""
        report = self._report
        if report is not None:
            self.wizard.show("verify" if report.outcome in WELL else "rollback")
