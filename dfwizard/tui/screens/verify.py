"""Before and after side by side, once an upgrade or a migration has ended well: every difference explained or flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from dfwizard.reports.terminal import plain
from dfwizard.reports.verification_text import summary
from dfwizard.tui import signs
from dfwizard.tui.screens.dialogs import MessageDialog
from dfwizard.tui.screens.recorded import Headline, RecordedScreen
from dfwizard.tui.screens.verify_rows import SUMMARY, check_of, check_rows, detail
from dfwizard.tui.styles import BAD, ODD, OK
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList

if TYPE_CHECKING:
    from textual import events

    from dfwizard.reports.run_report import RunReport
    from dfwizard.verification.result import Verification

DETAIL_WIDTH = 42
"""Columns of text beside the list on a wide terminal."""


class VerifyScreen(RecordedScreen):
    """What was compared after the run."""

    STAGE = "verify"
    TITLE_TEXT = "Verify"
    CSS_PATH = "verify.tcss"
    HELP_TEXT = (
        "What was before the upgrade, or on the source of a migration, and what is after it. Flagged is what nothing known explains; "
        "explained is what the release, a migration or the plan brings; as planned is what had to change; the rest is the same.\n"
        "Enter on a row says all of it. Verify again compares the instance as it is now; it changes nothing, and in what users "
        "have done since, rows that come and go are no failure.\n"
        "Roll back takes all of it back; it is asked again first.\n"
        "Stopping here costs nothing: the run is over."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Next", tooltip="Go to the summary of the run"),
        Binding(
            "v", "again", "Verify again", tooltip="Compare the instance as it is now; nothing is changed"
        ),
        Binding("u", "differences", "Only differences", tooltip="Show only what differs, or everything"),
        Binding("x", "roll_back", "Roll back", tooltip="Take the run back; it is asked again first"),
        Binding("enter", "choose", "Detail", show=False, tooltip="All that is known of the row"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._report: RunReport | None = None
        self._verification: Verification | None = None
        self._now = False
        self._only_differences = False

    def body(self) -> ComposeResult:
        """Give the headline, the list, and on a wide terminal the detail of its row."""
        yield Headline()
        with Horizontal():
            yield RowList()
            yield LineLog(follow=False, id="detail")

    def stakes(self) -> str:
        """Say in one sentence what stopping now would mean."""
        return f"The {self.session.work} is over; leaving changes nothing. x takes it back."

    def opened(self) -> None:
        """Read what the run recorded."""
        self.query_one(RowList).focus()
        self.read_run(self.wizard.controller.report, self._take)

    def on_resize(self, event: events.Resize) -> None:
        """Lay the rows out anew."""
        self.call_after_refresh(self._fill)

    def _take(self, report: RunReport) -> None:
        self._report, self._verification = report, report.verification
        self._fill()
        self.refresh_bindings()

    def _take_now(self, verification: Verification) -> None:
        self._verification, self._now = verification, True
        self._fill()
        self.refresh_bindings()

    def _fill(self) -> None:
        report, verification = self._report, self._verification
        if report is None:
            return
        self.say_headline(self._headline(report))
        if verification is None:
            return
        rows = self.query_one(RowList)
        width = rows.size.width - 3
        rows.set_rows(check_rows(verification, width, only_differences=self._only_differences))
        self._fill_detail()

    def _headline(self, report: RunReport) -> Text:
        verification = self._verification
        if verification is None:
            return Text("This run recorded no verification. v compares the instance now.", ODD)
        style = BAD if verification.failed else ODD if verification.warnings else OK
        way = f" {report.frm} {signs.ARROW} {verification.release}{', now' if self._now else ''}"
        return Text.assemble((summary(verification), f"bold {style}"), plain(way))

    def _fill_detail(self) -> None:
        if self._verification is not None and self.has_class("-wide"):
            current = self.query_one(RowList).current
            self.query_one("#detail", LineLog).show(detail(self._verification, current, DETAIL_WIDTH))

    def on_row_list_moved(self, message: RowList.Moved) -> None:
        """Show the detail of the row under the cursor."""
        message.stop()
        self._fill_detail()

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        """Open the row's detail, or go on from the summary."""
        message.stop()
        if message.row_id == SUMMARY:
            self.action_next()
        elif self._verification is not None and check_of(self._verification, message.row_id):
            lines = detail(self._verification, message.row_id, 70)
            self.app.push_screen(MessageDialog("Before and after", lines))

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done with what is known."""
        if action == "differences":
            return True if self._verification else None
        if action in ("again", "roll_back"):
            return True if self._report else None
        return super().check_action(action, parameters)

    def action_next(self) -> None:
        """Go to the summary of the run."""
        self.wizard.show("done")

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        self.query_one(RowList).action_choose()

    def action_again(self) -> None:
        """Compare the instance as it is now."""
        report = self._report
        if report is not None:
            controller, path = self.wizard.controller, report.place
            self.background(
                lambda: controller.verify(path), self._take_now, label="Comparing the instance as it is now"
            )

    def action_differences(self) -> None:
        """Show only what differs, or everything."""
        self._only_differences = not self._only_differences
        self._fill()

    def action_roll_back(self) -> None:
        """Show what a rollback would do."""
        self.wizard.show("rollback")
