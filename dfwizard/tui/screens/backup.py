"""The backup: before the run what will be saved and where, with the last question before anything changes; then how far it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from dfwizard.execution.state import StepState
from dfwizard.reports.outline import ON_FAILURE
from dfwizard.reports.stakes import stakes
from dfwizard.reports.terminal import wrap
from dfwizard.tui import undertaking
from dfwizard.tui.screens.backup_rows import Source, Speed, going_on, proposal, question, steps
from dfwizard.tui.screens.base import NOTHING_CHANGED, StageScreen
from dfwizard.tui.screens.checks_rows import Checked, Said, carried, still_missing
from dfwizard.tui.screens.dialogs import AskDialog, ConfirmDialog, MessageDialog
from dfwizard.tui.styles import ODD
from dfwizard.tui.widgets.linelog import LineLog

if TYPE_CHECKING:
    from textual import events

    from dfwizard.backup.outlook import BackupOutlook, BackupProgress
    from dfwizard.errors import DfwizardError
    from dfwizard.execution.store import Run
    from dfwizard.planning.plan import Plan
    from dfwizard.tui.feed import Batch, Feed
    from dfwizard.tui.undertaking import Undertaken

BEFORE = ("start", "place", "policy", "back")
"""What can be done before the run; the other keys belong to a run that goes on."""

DURING = ("watch", "pause")


class BackupScreen(StageScreen):
    """What will be saved, or, while a run is at it, how far it is."""

    STAGE = "backup"
    TITLE_TEXT = "Backup"
    CSS_PATH = "backup.tcss"
    HELP_TEXT = (
        "No upgrade without a proven way back: code, .env and database are saved first, restored into a scratch place and compared. Only "
        "then does anything change.\n"
        "Before the run: d chooses another directory for the backup, best on another disk; f says what is done when a step fails. Enter "
        "shows once more what will happen and starts it after y.\n"
        "While it goes on: Space pauses after the present step and goes on again, w shows the steps. The run is a process of its own: it "
        "goes on when you quit or the terminal is closed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter,s", "start('upgrade')", "Start the upgrade", key_display="Enter", tooltip="Ask, then start"
        ),
        Binding(
            "enter,s",
            "start('migration')",
            "Start the migration",
            key_display="Enter",
            tooltip="Ask, then start",
        ),
        Binding("d", "place", "Directory", tooltip="Put the backup somewhere else"),
        Binding("f", "policy", "On failure", tooltip="What is done when a step fails"),
        Binding("escape,b", "back", "Back", tooltip="Back to the checks"),
        Binding("w", "watch", "Steps", tooltip="Watch the steps and their output"),
        Binding("space", "pause", "Pause", tooltip="Pause after this step, or go on"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._facts = LineLog(follow=False, id="facts")
        self._more = LineLog(follow=False, id="more")
        self._live = False
        self._busy = False
        self._pausing = False
        self._deciding = False
        self._outlook: BackupOutlook | None = None
        self._progress: BackupProgress | None = None
        self._speed = Speed()
        self._asking = False
        self._whole = False
        self._plan: Plan | None = None

    def body(self) -> ComposeResult:
        """Give the two panes; on 80 columns the steps stand below the rest in one of them."""
        with Container(id="panes"):
            yield self._facts
            yield self._more

    @property
    def _feed(self) -> Feed | None:
        return self.wizard.feed

    def stakes(self) -> str:
        """Say what stopping now would mean."""
        feed = self._feed
        if self._live and feed is not None and self._plan is not None:
            return stakes(self._plan, feed.state)
        return NOTHING_CHANGED

    def opened(self) -> None:
        """Find out what there is to show."""
        feed = self._feed
        if feed is not None and feed.state.outcome is None:
            self._live = True
            self.add_class("-live")
            self._plan = feed.run.plan()
            self._more.following = True
            self.set_interval(1.0, self._poll)
            self._poll()
            self.refresh_stakes()
        elif self.session.prospect is not None:
            self._estimate(self.session.prospect)
        self._facts.focus()
        self.call_after_refresh(self._show)

    def on_resize(self, event: events.Resize) -> None:
        """Lay out again for the new width."""
        self.call_after_refresh(self._show)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the keys of what is shown, and the start only when nothing stands in the way."""
        if (action in BEFORE and self._live) or (
            action == "start" and parameters not in ((), (self.session.work,))
        ):
            return False
        if action in DURING:
            gone = self._feed is None or self._feed.ended is not None
            return None if self._live and gone and action == "pause" else self._live
        if action in BEFORE and self._busy:
            return None
        if action in ("start", "place"):
            prospect = self.session.prospect
            ready = prospect is not None and not (action == "start" and self._missing(prospect))
            return True if ready else None
        return True

    def _show(self) -> None:
        if self._live:
            self._show_progress()
        else:
            self._show_proposal()
        self.refresh_bindings()

    # Before the run ------------------------------------------------------------------------------------------------

    def _show_proposal(self) -> None:
        prospect = self.session.prospect
        if prospect is None:
            chosen = (
                "what goes over is chosen"
                if self.session.work == "migration"
                else "a release is chosen under Path"
            )
            self._facts.show([f"Nothing is planned yet: Esc goes back, and {chosen}."])
            return
        width = max(self._facts.outer_size.width - 3, 40)
        lines = proposal(
            self._outlook,
            prospect.plan,
            self.session.on_failure,
            missing=self._missing(prospect),
            width=width,
            source=self._source(prospect),
        )
        if self.has_class("-wide"):
            self._facts.show(lines)
            self._more.show(steps(prospect.plan, max(self._more.outer_size.width - 3, 20)))
        else:
            self._facts.show([*lines, *steps(prospect.plan, width)])

    def _source(self, prospect: Undertaken) -> Source | None:
        """Give what is saved of a migration's source; None where it is an upgrade."""
        source, carrying = undertaking.source_of(prospect), self.session.carrying
        if source is None or carrying is None:
            return None
        database = source.database.size if source.database else None
        files = tuple((one.path, one.size) for one in carrying.extras if carrying.is_ticked(one))
        return Source(database, files)

    def _missing(self, prospect: Undertaken) -> str:
        """Say what keeps it from beginning, "" when nothing does."""
        said = Said(frozenset(self.session.acknowledged), frozenset(self.session.accepted))
        missing = still_missing(Checked.of(prospect.findings), said)
        return f"Before it can begin: {missing}. Esc goes back to the checks." if missing else ""

    def _estimate(self, prospect: Undertaken) -> None:
        controller = self.wizard.controller

        def take(outlook: BackupOutlook) -> None:
            self._outlook = outlook
            self._show()

        self.background(lambda: controller.backup_estimate(prospect), take)

    def action_policy(self) -> None:
        """Choose the next of what can be done when a step fails."""
        policies = list(ON_FAILURE)
        index = policies.index(self.session.on_failure)
        self.session.on_failure = policies[(index + 1) % len(policies)]
        self._show()

    def action_back(self) -> None:
        """Go back to the checks."""
        self.wizard.show("checks")

    def action_place(self) -> None:
        """Ask for another directory."""
        prospect = self.session.prospect
        if prospect is None:
            return
        parent = prospect.plan.backup.rpartition("/")[0]
        lines = [
            "In which directory is the backup to be made?",
            "",
            "It gets a directory of its own in there; what does not exist yet is made. Best is another disk.",
        ]
        dialog = AskDialog(
            "Where the backup goes",
            lines,
            value=f"{self.session.backup_dir or parent}",
            check=_wrong_with,
            complete=self.wizard.controller.complete,
        )

        def answered(typed: str | None) -> None:
            if typed is not None:
                self._propose(typed.strip())

        self.app.push_screen(dialog, answered)

    def _propose(self, place: str) -> None:
        session, prospect = self.session, self.session.prospect
        if prospect is None:
            return
        look = undertaking.with_backup_in(self.wizard.controller, session, prospect, place)
        self._set_busy(True)
        self.background(
            look,
            lambda found: self._proposed(place, prospect, found),
            failed=self._failed,
            label="Looking at that place",
        )

    def _proposed(self, place: str, before: Undertaken, found: Undertaken) -> None:
        self._set_busy(False)
        session = self.session
        said = carried(
            before.findings,
            found.findings,
            Said(frozenset(session.acknowledged), frozenset(session.accepted)),
        )
        known = set(before.findings)
        new = [one for one in found.blockers(said.accepted) if one not in known]
        if new:
            lines = [
                line
                for one in new
                for line in (one.title, *(f"  {item}" for item in one.evidence), one.why, "")
            ]
            self.app.push_screen(
                MessageDialog(
                    "That place cannot be used", [*lines, "The backup goes where it was to go before."]
                )
            )
            return
        session.backup_dir = place
        undertaking.take(session, found)
        self._outlook = None
        self._show()
        self._estimate(found)

    def action_start(self, _work: str = "") -> None:
        """Ask once more, then start it."""
        prospect = self.session.prospect
        if prospect is None:
            return
        names = {one.id for one in prospect.findings if one.acceptable} & self.session.accepted
        lines = question(prospect.facts.place, prospect.plan, names, self.session.on_failure)

        def answered(yes: bool | None) -> None:
            if yes and not self._busy:
                self._start(prospect)

        self.app.push_screen(ConfirmDialog(f"Start the {self.session.work}?", lines), answered)

    def _start(self, prospect: Undertaken) -> None:
        start = undertaking.start(self.wizard.controller, self.session, prospect)
        self._set_busy(True)
        self.background(start, self._started, failed=self._failed, label="Starting the run")

    def _started(self, run: Run) -> None:
        self.wizard.watch_run(run)

    def _failed(self, error: DfwizardError) -> None:
        self._set_busy(False)
        self.say_error(error)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.refresh_bindings()

    # While it is written and proven --------------------------------------------------------------------------------

    def run_changed(self, batch: Batch) -> None:
        """Show what is new."""
        if self._live:
            if batch.ended:
                self.refresh_bindings()
            if batch.events:
                self._poll()
                self._pausing = self._pausing and not (self._feed is not None and self._feed.state.paused)
                self.refresh_stakes()
            self._show_progress()

    def _show_progress(self) -> None:
        feed = self._feed
        if feed is None or self._plan is None:
            return
        phase = feed.state.phase
        found = [phase.step(name) if phase else StepState(name) for name in ("backup", "prove")]
        width = max(self._facts.outer_size.width - 3, 40)
        lines = going_on(found[0], found[1], self._progress, self._speed.rate, self._plan.backup, width=width)
        notice = self._notice(feed)
        above = [Text(line, ODD) for line in wrap(notice, width=width)] if notice else []
        self._facts.show([*above, *lines])
        self._more.show(feed.lines, feed.rest)

    def _notice(self, feed: Feed) -> str:
        """Say what is out of the ordinary with the run, "" when nothing is."""
        if feed.ended is not None and (feed.ended.message or feed.ended.error):
            return f"{feed.ended.message or feed.ended.error}\nw shows the steps, and how to go on."
        if feed.state.paused:
            return "Paused: nothing is done until Space goes on."
        return "It will pause after this step; Space takes that back." if self._pausing else ""

    def _poll(self) -> None:
        feed = self._feed
        if feed is None or feed.state.phase is None or self._asking or self._whole:
            return
        self._asking = True
        over = feed.state.phase.step("backup").status.over
        run, controller = feed.run, self.wizard.controller
        self.background(
            lambda: controller.backup_progress(run),
            lambda progress: self._polled(progress, whole=over),
            failed=self._not_polled,
        )

    def _polled(self, progress: BackupProgress, *, whole: bool) -> None:
        self._asking, self._whole = False, whole
        self._progress = progress
        self._speed.add(time.monotonic(), progress.written)
        self._show_progress()

    def _not_polled(self, _error: DfwizardError) -> None:
        self._asking = False  # sizes are a courtesy: what goes wrong is said by the run itself

    def action_watch(self) -> None:
        """Show the steps."""
        self.wizard.show("run")

    def action_pause(self) -> None:
        """Pause after this step, or go on."""
        feed = self._feed
        if feed is None or self._deciding:
            return  # a key that repeats itself would say the same word twice
        run, controller = feed.run, self.wizard.controller
        stop = not (feed.state.paused or self._pausing)
        self._deciding = True

        def taken(_nothing: None) -> None:
            self._deciding, self._pausing = False, stop
            self._show_progress()

        def refused(error: DfwizardError) -> None:
            self._deciding = False
            self.say_error(error)

        self.background(
            lambda: controller.decide(run, "pause" if stop else "continue"), taken, failed=refused
        )


def _wrong_with(typed: str) -> str:
    """Say what is wrong with a directory that was typed, "" when nothing is."""
    if not typed.strip():
        return "Type a directory."
    if not typed.strip().startswith(("/", "~")):
        return "Begin with / or ~."
    return "It holds a character that no path may have." if "\0" in typed else ""
