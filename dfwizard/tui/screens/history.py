"""All runs and all backups: to open, report, roll back, verify and delete."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dfwizard.reports.terminal import plain
from dfwizard.tui import signs
from dfwizard.tui.app import stage_of
from dfwizard.tui.screens import history_rows
from dfwizard.tui.screens.base import StageScreen
from dfwizard.tui.screens.dialogs import ConfirmDialog, TypedDialog
from dfwizard.tui.screens.history_open import open_run, show_rollback
from dfwizard.tui.screens.history_rows import Shelf
from dfwizard.tui.screens.history_words import no_way_back
from dfwizard.tui.screens.run_report import report_screen
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList

if TYPE_CHECKING:
    from textual import events

    from dfwizard.backup.prove import BackupCheck
    from dfwizard.errors import DfwizardError
    from dfwizard.reports.backup_list import BackupSummary
    from dfwizard.reports.run_report import RunReport
    from dfwizard.reports.run_summary import RunSummary

LOOK_SECONDS = 2.0
"""The pause between two looks at runs that are at work."""

TELL_SECONDS = 0.2
"""The pause between two looks at what a verification says."""


class HistoryList(RowList):
    """The runs and backups; Enter opens runs alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open", tooltip="Open the run: its end, or where it is")
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open runs."""
        return action != "choose" or (self.current or "").startswith(history_rows.RUN)


class HistoryScreen(StageScreen):
    """Runs and backups of this account."""

    STAGE = "history"
    TITLE_TEXT = "History"
    CSS_PATH = "history.tcss"
    HELP_TEXT = (
        "All runs and all backups that dfwizard keeps on this machine for this account, the newest first.\n"
        "Enter opens a run: one at work where it is, one that is over at its end. The report tells everything of it.\n"
        "Roll back shows what taking the run back would do, and asks again there.\n"
        "Verify reads a backup back whole and, where the database can be reached, restores it into a scratch database. "
        "The instance is not touched. Wait for its end before you quit, else the scratch database stays behind.\n"
        "A backup marked keep is still needed: without it the run named below cannot be taken back. "
        "Delete asks for the backup's name, and removes that backup alone."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "report", "Report", tooltip="Read the run's report"),
        Binding("x", "roll_back", "Roll back", tooltip="Show what taking the run back would do"),
        Binding("v", "verify", "Verify", tooltip="Show that the backup can be restored"),
        Binding("d", "delete", "Delete", tooltip="Delete the backup, after its name was typed"),
        Binding("r", "again", "Look again", tooltip="Read runs and backups again"),
        Binding("escape,b", "back", "Back", key_display="esc", tooltip="Back to where you were"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shelf = Shelf()
        self._verifying = ""
        self._said: dict[str, list[str]] = {}
        self._shown = 0
        self._news = ""

    def body(self) -> ComposeResult:
        """Give the list, and the details of the row under the cursor."""
        yield HistoryList()
        yield LineLog(follow=False, id="detail")

    def title_instance(self) -> str:
        """Name no instance: the runs are those of all."""
        return ""

    def stakes(self) -> str:
        """Say in one sentence what stopping now would mean."""
        if self._verifying:
            return "A backup is being verified: wait for its end before you quit."
        return self._news or "Looking changes nothing; what would is asked first."

    def opened(self) -> None:
        """Read runs and backups; the runs come first."""
        self.query_one(HistoryList).focus()
        self._read()
        self.set_interval(LOOK_SECONDS, self._look_at_living)
        self.set_interval(TELL_SECONDS, self._tell)

    def on_resize(self, event: events.Resize) -> None:
        """Lay everything out for the new width."""
        self.call_after_refresh(self._fill)

    # What there is -------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self.background(
            self.wizard.controller.runs, self._take_runs, failed=self._take_problem, label="Reading the runs"
        )

    def _take_runs(self, runs: tuple[RunSummary, ...]) -> None:
        self._shelf = replace(self._shelf, runs=runs, problem="")
        self._fill()
        self.background(
            self.wizard.controller.backups,
            self._take_backups,
            failed=self._take_problem,
            label="Reading the backups",
        )

    def _take_backups(self, backups: tuple[BackupSummary, ...]) -> None:
        self._shelf = replace(self._shelf, backups=backups)
        self._fill()

    def _take_problem(self, error: DfwizardError) -> None:
        self._shelf = replace(self._shelf, problem=str(error))
        self._fill()

    def _look_at_living(self) -> None:
        if any(run.alive for run in self._shelf.runs or ()):
            self.background(self.wizard.controller.runs, self._take_living)

    def _take_living(self, runs: tuple[RunSummary, ...]) -> None:
        if runs != self._shelf.runs:
            self._take_runs(runs)

    def _fill(self) -> None:
        rows = self.query_one(HistoryList)
        width = max((rows.size.width or self.size.width) - 3, 40)
        rows.set_rows(history_rows.rows(self._shelf, width, datetime.now(timezone.utc)))
        self._tell_details()

    def _tell_details(self) -> None:
        """Tell all of the row under the cursor, a verification's words included."""
        log, row = self.query_one("#detail", LineLog), self.query_one(HistoryList).current
        width = max((log.size.width or self.size.width) - 3, 30)
        lines: list[Text] = []
        run, backup = self._shelf.run(row), self._shelf.backup(row)
        if run is not None:
            lines = history_rows.run_details(run, self._shelf, width)
        elif backup is not None:
            lines = history_rows.backup_details(backup, width, datetime.now(timezone.utc))
            told = self._said.get(backup.place, [])
            self._shown = len(told)
            lines += [Text(), *history_rows.said(told, width)] if told else []
        log.following = backup is not None and bool(self._said.get(backup.place))
        log.show(lines)
        if not log.following:
            log.scroll_home(animate=False)
        self.refresh_bindings()

    def on_row_list_moved(self) -> None:
        """Tell of the row that the cursor is on now."""
        self._tell_details()

    # Runs ----------------------------------------------------------------------------------------------------------

    def _run(self) -> RunSummary | None:
        return self._shelf.run(self.query_one(HistoryList).current)

    def _backup(self) -> BackupSummary | None:
        return self._shelf.backup(self.query_one(HistoryList).current)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what goes with the row under the cursor."""
        if action in ("report", "roll_back"):
            run = self._run()
            if run is None:
                return False
            if action == "report":
                return True if not run.error else None
            return None if no_way_back(run, self._shelf.runs or ()) else True
        if action in ("verify", "delete"):
            backup = self._backup()
            if backup is None:
                return False
            if action == "verify":
                return True if (backup.finished or not backup.seen) and not self._verifying else None
            return True if backup.place != self._verifying else None
        return super().check_action(action, parameters)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Open a run."""
        run = self._shelf.run(event.row_id)
        if run is not None:
            open_run(self, run)

    def action_report(self) -> None:
        """Show the run's report."""
        run = self._run()
        if run is None:
            return
        controller, run_id = self.wizard.controller, run.id

        def show(report: RunReport) -> None:
            self.app.push_screen(report_screen(report))

        self.background(
            lambda: controller.report(controller.store.find(run_id)), show, label="Reading the run"
        )

    def action_roll_back(self) -> None:
        """Show what taking the run back would do."""
        run = self._run()
        if run is not None:
            show_rollback(self, run)

    # Backups -------------------------------------------------------------------------------------------------------

    def action_verify(self) -> None:
        """Show that the backup under the cursor can be restored."""
        backup = self._backup()
        if backup is None:
            return
        directory, told = backup.place, ["reading ..."]
        self._verifying, self._said[directory], self._news = directory, told, ""
        self.refresh_stakes()
        self._tell_details()
        self.background(
            lambda: self.wizard.controller.verify_backup(directory, on_output=told.append),
            lambda check: self._verified(directory, check),
            failed=lambda error: self._unverified(directory, error),
            label="Verifying the backup",
        )

    def _verified(self, directory: str, check: BackupCheck) -> None:
        self._said[directory].clear()  # the check has all of it again
        self._end_of_verification(directory, history_rows.verified(check))

    def _unverified(self, directory: str, error: DfwizardError) -> None:
        first, *rest = str(error).splitlines()
        self._end_of_verification(
            directory, [f"{signs.FAILED} it could not be shown that the backup is good: {first}", *rest]
        )

    def _end_of_verification(self, directory: str, lines: list[str]) -> None:
        self._verifying = ""
        self._said[directory] += lines
        self.refresh_stakes()
        self._tell_details()

    def _tell(self) -> None:
        """Show what a verification has said since the last look, if it is its backup that is looked at."""
        backup = self._backup()
        if backup is None or not self._verifying or backup.place != self._verifying:
            return
        if len(self._said[self._verifying]) != self._shown:
            self._tell_details()

    def action_delete(self) -> None:
        """Delete the backup under the cursor once its name was typed."""
        backup = self._backup()
        if backup is None:
            return
        word = plain(posixpath.basename(backup.directory)).strip() or "delete"
        title = "Delete a backup that is needed?" if backup.needed else "Delete this backup?"
        self.app.push_screen(
            TypedDialog(title, history_rows.deletion(backup, datetime.now(timezone.utc)), word),
            lambda yes: self._delete(backup.place) if yes else None,
        )

    def _delete(self, directory: str) -> None:
        self._news = ""
        self.background(
            lambda: self.wizard.controller.delete_backup(directory),
            lambda _nothing: self._deleted(directory),
            failed=self._not_deleted,
            label="Deleting the backup",
        )

    def _deleted(self, directory: str) -> None:
        self._news = f"Deleted: {plain(directory)}"
        self._read()

    def _not_deleted(self, error: DfwizardError) -> None:
        self.say_error(error)
        self._read()

    # Leaving -------------------------------------------------------------------------------------------------------

    def action_again(self) -> None:
        """Read everything again."""
        self._news = ""
        self._read()

    def action_back(self) -> None:
        """Go back to the run that is watched, or to the choice of an instance."""
        feed = self.wizard.feed
        if feed is None:
            self.wizard.show("instance")
        else:
            self.wizard.show("done" if feed.state.outcome is not None else stage_of(feed.state))

    def action_leave(self) -> None:
        """Leave the wizard; ask first while a backup is being verified."""
        if not self._verifying:
            super().action_leave()
            return
        text = (
            "A backup is being verified. When dfwizard ends now, the scratch database it is restored into stays on the server "
            "and nothing is shown of the backup. The backup and the instance are not touched."
        )
        self.app.push_screen(
            ConfirmDialog("Leave before the end?", [text]),
            lambda yes: super(HistoryScreen, self).action_leave() if yes else None,
        )
