"""Taking an upgrade or a migration back: what it would do and cost, the rollback as it goes, and the proof that all is as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from dfwizard.execution.outcomes import REVERSIBLE, WELL
from dfwizard.reports.stakes import stakes
from dfwizard.tui import signs
from dfwizard.tui.screens import rollback_rows
from dfwizard.tui.screens.base import NOTHING_CHANGED
from dfwizard.tui.screens.dialogs import TypedDialog
from dfwizard.tui.screens.done_rows import headline
from dfwizard.tui.screens.recorded import Headline, RecordedScreen
from dfwizard.tui.screens.rollback_rows import Told
from dfwizard.tui.screens.run_panel import RunPanel
from dfwizard.tui.screens.set_going import set_going
from dfwizard.tui.styles import BAD
from dfwizard.tui.widgets.linelog import LineLog

if TYPE_CHECKING:
    from textual import events

    from dfwizard.execution.state import RunState
    from dfwizard.execution.store import Run
    from dfwizard.tui.feed import Batch


class RollbackScreen(RecordedScreen):
    """Three faces of one place: the question, the rollback going on, its end."""

    STAGE = "rollback"
    TITLE_TEXT = "Rollback"
    CSS_PATH = "rollback.tcss"
    HELP_TEXT = (
        "A rollback puts code, packages, .env and database back as they were before the run, from the backup that was proven "
        "then; no network is needed. The present state is saved first, so that nothing is gone for good.\n"
        "It begins only after the instance's name was typed. Until then Esc costs nothing.\n"
        "Once it goes it is a process of its own: leaving this screen or losing the connection does not end it.\n"
        "At its end everything is compared with the fingerprint taken before the run: commit, every file with owner and mode, "
        ".env, tables and rows. If it fails, Go on tries the failed step again; the backup stays as it is."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "roll_back", "Roll back", tooltip="Type the instance's name, then the rollback begins"
        ),
        Binding("n,enter", "next", "Next", tooltip="Go to the summary of the run"),
        Binding("g", "go_on", "Try again", tooltip="Try the failed step of the rollback again, and go on"),
        Binding("escape,b", "back", "Back", key_display="Esc", tooltip="Leave all as it is"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._told: Told | None = None
        self._losses: tuple[str, ...] | None = None
        self._live = False

    @property
    def _going(self) -> RunState | None:
        """Give the state of the watched run while its rollback goes on."""
        feed, run = self.wizard.feed, self.session.run
        if (
            feed is None
            or run is None
            or feed.run.directory != run.directory
            or feed.state.outcome is not None
        ):
            return None
        return feed.state if feed.state.phase is not None and feed.state.phase.name == "rollback" else None

    def body(self) -> ComposeResult:
        """Give the panel of a rollback going on, and what is told before and after it."""
        self._live = self._going is not None
        if self._live:
            yield RunPanel()
        with Vertical(id="told"):
            yield Headline()
            with Horizontal():
                yield LineLog(follow=False, id="main")
                yield LineLog(follow=False, id="side")

    def stakes(self) -> str:
        """Say in one sentence what stopping now would mean."""
        feed, told = self.wizard.feed, self._told
        if self._live and feed is not None and feed.plan is not None:
            return stakes(feed.plan, feed.state)
        if told is None:
            return NOTHING_CHANGED
        if told.plan is not None:
            return "Nothing begins before the instance's name is typed. Esc leaves all as it is."
        if told.report.outcome == "rolled-back":
            return "All is as it was before. Nothing goes on; leaving costs nothing."
        return "The instance is not whole. g tries again: the backup has all it needs."

    def opened(self) -> None:
        """Show the face that belongs to the run."""
        self.set_class(self._live, "-live")
        if not self._live:
            self.query_one("#main").focus()
            self._read()

    def on_resize(self, event: events.Resize) -> None:
        """Lay the lines out anew."""
        self.call_after_refresh(self._fill)

    def run_changed(self, batch: Batch) -> None:
        """Show how the rollback goes, and its end."""
        if not self._live:
            return
        self.query_one(RunPanel).update_run()
        if self._going is None:
            self._live = False
            self.set_class(False, "-live")
            self.query_one("#main").focus()
            self._read()
        elif batch.events or batch.ended:
            self.refresh_stakes()
            self.refresh_bindings()

    # What is told ----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self.read_run(self._look_at, self._take)

    def _look_at(self, run: Run) -> Told:
        controller = self.wizard.controller
        report = controller.report(run)
        if report.outcome in REVERSIBLE and not (report.phases and report.phases[-1].name == "rollback"):
            return Told(report, plan=controller.rollback_plan(run), alive=controller.is_alive(run))
        return Told(report, compared=controller.comparison(run))

    def _take(self, told: Told) -> None:
        run = self.session.run
        if run is not None and told.plan is None and told.report.outcome is None:
            self.wizard.watch_run(run)  # somebody else has begun it
            return
        self._told = told
        self._fill()
        self.refresh_stakes()
        self.refresh_bindings()
        if run is not None and told.plan is not None and not told.hindrance:
            self.background(lambda: self.wizard.controller.losses(run), self._take_losses)

    def _take_losses(self, losses: tuple[str, ...]) -> None:
        self._losses = losses
        self._fill()

    def _fill(self) -> None:
        told = self._told
        if told is None:
            return
        main, side = self.query_one("#main", LineLog), self.query_one("#side", LineLog)
        wide = self.has_class("-wide") and told.plan is not None
        side.display = wide
        width = min((self.size.width // 2 if wide else self.size.width) - 6, 100)
        if told.plan is None:
            self.say_headline(headline(told.report))
            main.show(rollback_rows.end_lines(told, width))
            return
        self.say_headline(self._question(told))
        lines = rollback_rows.question_lines(told, self._losses, width)
        steps = rollback_rows.step_lines(told.plan, width)
        main.show(lines if wide else [*lines, Text(""), *steps])
        side.show(steps)

    def _question(self, told: Told) -> Text:
        if told.hindrance:
            return Text.assemble((f"{signs.WARNING} {told.hindrance}", BAD))
        report = told.report
        return Text.assemble((f"Take {rollback_rows.taken_back(report)}?", "bold"))

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what the face allows."""
        told = None if self._live else self._told
        asking = told is not None and told.plan is not None
        if action == "roll_back":
            return asking and told is not None and not told.hindrance
        if action == "next":
            return told is not None and not asking
        if action == "go_on":
            return told is not None and told.report.outcome == "rollback-failed"
        if action == "back":
            return not self._live and (told is None or asking)
        return super().check_action(action, parameters)

    def action_roll_back(self) -> None:
        """Ask for the instance's name, then begin."""
        told, run = self._told, self.session.run
        if told is None or run is None:
            return
        dialog = TypedDialog(
            f"Take the {told.report.kind} back?",
            rollback_rows.dialog_lines(told, self._losses),
            rollback_rows.name_to_type(told.report.instance, told.report.id),
        )
        self.app.push_screen(dialog, lambda yes: self._begin(run) if yes else None)

    def _begin(self, run: Run) -> None:
        set_going(self, run, self.wizard.controller.start_rollback, label="Starting the rollback")

    def action_go_on(self) -> None:
        """Try the rollback again."""
        run = self.session.run
        if run is not None:
            set_going(self, run, self.wizard.controller.resume, label="Trying the rollback again")

    def action_next(self) -> None:
        """Go to the summary of the run."""
        self.wizard.show("done")

    def action_back(self) -> None:
        """Leave all as it is."""
        told = self._told
        if told is not None and told.plan is not None and told.report.outcome is None:
            run = self.session.run
            if run is not None:
                self.wizard.watch_run(run)
            return
        self.wizard.show("verify" if told is not None and told.report.outcome in WELL else "done")
