"""Which instance: runs still going, the instances found on this machine, earlier runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from dfwizard import __version__
from dfwizard.reports.terminal import plain
from dfwizard.tui.screens import instance_rows
from dfwizard.tui.screens.base import FIRST_FRAME_SECONDS, StageScreen
from dfwizard.tui.screens.history_open import open_run
from dfwizard.tui.screens.history_rows import RUN
from dfwizard.tui.screens.instance_dialogs import PathDialog
from dfwizard.tui.screens.instance_rows import ALL, HERE, INSTANCE, MIGRATE, OTHER, SERVER, Known
from dfwizard.tui.screens.server_dialog import ServerDialog
from dfwizard.tui.styles import QUIET, STRONG
from dfwizard.tui.undertaking import begin_migration
from dfwizard.tui.widgets.bars import TitleBar
from dfwizard.tui.widgets.rowlist import Row, RowList

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from dfwizard.controller import Connected
    from dfwizard.errors import DfwizardError
    from dfwizard.instance.discover import Found
    from dfwizard.reports.run_summary import RunSummary

LOOK_SECONDS = 2.0
"""The pause between two looks at runs that are at work."""


class InstanceList(RowList):
    """The rows of the first screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "choose", "Choose", tooltip="Attach to the run, or look at the instance under the cursor"
        )
    ]


class InstanceScreen(StageScreen):
    """The first screen."""

    STAGE = "instance"
    TITLE_TEXT = "Instance"
    CSS_PATH = "instance.tcss"
    HELP_TEXT = (
        "Everything begins here. A run that still goes on, waits for an answer or was cut off stands first: Enter attaches to it; "
        "any number of terminals can watch the same run.\n"
        "Below are the DreamFactory installations found in the usual places and in the configuration of nginx and Apache. "
        "Enter looks at one of them; looking changes nothing. One that is not listed can be typed with o; Tab completes.\n"
        "s looks at another server over SSH: as an account of it, with the keys and settings of ~/.ssh/config; what is shown, planned and "
        "run from there on concerns that server, and its name stands in the title. l comes back to this machine.\n"
        "m takes an instance over to another server: .env and system database of the one under the cursor go into another one.\n"
        "Earlier runs open as they ended, with their reports. h lists all of them, and all backups.\n"
        "Leaving here costs nothing: a run goes on without this terminal."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "other", "Other path", tooltip="Type the directory of an instance"),
        Binding("s", "server", "Server", tooltip="Look at another server, over SSH"),
        Binding(
            "l", "here", "This machine", show=False, tooltip="Come back to the instances of this machine"
        ),
        Binding(
            "m", "migrate", "Migrate", tooltip="Take the instance under the cursor over to another server"
        ),
        Binding("h", "history", "History", tooltip="All runs and all backups"),
        Binding("r", "again", "Look again", tooltip="Look for runs and instances again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._known = Known()
        self._greeting = ""
        self._placed: str | None = None
        self._moved = False

    def body(self) -> ComposeResult:
        """Give the story of a demonstration, the list, the version."""
        yield Static(self._story(), id="story", markup=False, classes="-told" if self.wizard.demo else "")
        yield InstanceList(self._rows())
        yield Static(Text(f"dfwizard {__version__}", QUIET), id="version", markup=False)

    def title_instance(self) -> str:
        """Name no instance: it is chosen here. Another server is named."""
        return instance_rows.host_in_words(self.session.host)

    def stakes(self) -> str:
        """Say in one sentence what stopping now would mean."""
        if any(run.alive for run in self._known.runs or ()):
            return "q now: what is going on goes on without this terminal."
        return f"{self._greeting}q now: nothing has changed."

    def opened(self) -> None:
        """Look for runs and instances; the runs come first."""
        self.query_one(InstanceList).focus()
        self._known = replace(self._known, host=self.session.host)
        # All that the looking imports would hold the first frame up.
        self.set_timer(FIRST_FRAME_SECONDS, self.action_again)
        self.set_interval(LOOK_SECONDS, self._look_at_living)

    def on_resize(self, event: events.Resize) -> None:
        """Lay the rows out for the new width."""
        self._fill()

    # What is known -------------------------------------------------------------------------------------------------

    def _look_for_runs(self) -> None:
        wizard = self.wizard

        def look() -> tuple[RunSummary, ...]:
            return wizard.controller.runs()  # the controller may have to be made first

        self.background(look, self._take_runs, failed=self._take_problem)

    def _look_at_living(self) -> None:
        if any(run.alive for run in self._known.runs or ()):
            self._look_for_runs()

    def _look_for_instances(self) -> None:
        wizard, host = self.wizard, self.session.host

        def look() -> tuple[Found, ...]:
            return wizard.controller.discover(host)

        self.background(
            look,
            lambda found: self._take_found(host, found),
            failed=lambda error: self._take_unreached(host, error),
            label="Looking for instances",
        )

    def _take_runs(self, runs: tuple[RunSummary, ...]) -> None:
        if runs == self._known.runs and not self._known.problem:
            return
        self._known = replace(self._known, runs=runs, problem="")
        self._fill()
        self.refresh_stakes()

    def _take_problem(self, error: DfwizardError) -> None:
        self._known = replace(self._known, runs=(), problem=str(error))
        self._fill()

    def _take_found(self, host: str, found: tuple[Found, ...]) -> None:
        if host == self.session.host:
            self._known = replace(self._known, found=(*found, *self._visited(found)), host=host, unreached="")
            self._fill()

    def _take_unreached(self, host: str, error: DfwizardError) -> None:
        if host == self.session.host:
            self._known = replace(self._known, found=(), host=host, unreached=str(error))
            self._fill()

    def _visited(self, found: tuple[Found, ...]) -> tuple[Found, ...]:
        """Give the instance of this visit where it is in none of the places looked at."""
        facts, path = self.session.facts, self.session.path
        if facts is not None:
            path = facts.path if facts.place == self._place(facts.path) else ""
        if not path or (facts is None and self.wizard.demo is None) or path in {one.path for one in found}:
            return ()
        from dfwizard.instance.discover import Found

        return (Found(path, "where you have just been", facts.version.release if facts else None),)

    def _rows(self) -> list[Row]:
        return instance_rows.rows(self._known, max(self.size.width, 60) - 4, datetime.now(timezone.utc))

    def _fill(self) -> None:
        rows = self.query_one(InstanceList)
        if not self._moved:
            self._placed = instance_rows.begins_at(self._known) or self._placed
        rows.set_rows(self._rows(), current=None if self._moved else self._placed)

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        """Note that somebody moves the cursor: from then on it stays where it is put."""
        if event.row_id != self._placed:
            self._moved = True

    def _story(self) -> Text:
        demo = self.wizard.demo
        if demo is None:
            return Text()
        return Text.assemble((f"DEMO: {plain(demo.title)}\n", STRONG), plain(demo.story))

    # Choosing ------------------------------------------------------------------------------------------------------

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Take up what is under the cursor."""
        if event.row_id == OTHER:
            self.action_other()
        elif event.row_id == SERVER:
            self.action_server()
        elif event.row_id == HERE:
            self.action_here()
        elif event.row_id == MIGRATE:
            self.action_migrate()
        elif event.row_id == ALL:
            self.action_history()
        elif event.row_id.startswith(INSTANCE):
            self._begin_at(self._place(event.row_id.removeprefix(INSTANCE)))
        else:
            run_id = event.row_id.removeprefix(RUN)
            run = next((run for run in self._known.runs or () if run.id == run_id), None)
            if run is not None:
                open_run(self, run)

    def _begin_at(self, path: str | None) -> None:
        if path:
            self.wizard.stop_watching()
            self.session.begin_at(path)
            self.wizard.show("detection")

    def _place(self, path: str) -> str:
        """Give a path on the machine that is looked at as a place, with that machine's name."""
        return self.wizard.controller.place(path, self.session.host)

    # Keys ----------------------------------------------------------------------------------------------------------

    def action_other(self) -> None:
        """Ask for a path on the machine that is looked at."""
        controller, host = self.wizard.controller, self.session.host
        dialog = PathDialog(
            "" if host else self.session.path, lambda typed: controller.complete(typed, host), self._look_at
        )
        self.app.push_screen(dialog, lambda path: self._begin_at(self._place(path) if path else None))

    def _look_at(
        self, path: str, found: Callable[[], None], refused: Callable[[DfwizardError], None]
    ) -> None:
        controller = self.wizard.controller
        place = self._place(path)
        self.background(lambda: controller.locate(place), lambda _place: found(), failed=refused)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the way back to this machine from another one."""
        return bool(self.session.host) if action == "here" else super().check_action(action, parameters)

    def action_server(self) -> None:
        """Ask for another server, and connect to it."""
        wizard = self.wizard

        def known_hosts() -> tuple[str, ...]:
            return wizard.controller.known_hosts()  # the controller may have to be made first

        def ask(known: tuple[str, ...]) -> None:
            dialog = ServerDialog(known, self, self._greet)
            self.app.push_screen(dialog, self._take_server)

        self.background(known_hosts, ask)

    def _greet(self, there: Connected) -> None:
        self._greeting = f"Connected; commands run there as {plain(there.user)}. "

    def _take_server(self, host: str | None) -> None:
        if host:
            self._look_on(host)

    def action_here(self) -> None:
        """Come back to this machine."""
        self._greeting = ""
        self._look_on("")

    def _look_on(self, host: str) -> None:
        self.wizard.stop_watching()
        self.session.begin_on(host)
        self.query_one(TitleBar).name_instance(instance_rows.host_in_words(host))
        self._known = replace(self._known, found=None, host=host, unreached="")
        self._moved = False
        self._fill()
        self.refresh_bindings()
        self.refresh_stakes()
        self._look_for_instances()

    def action_migrate(self) -> None:
        """Begin a migration from the instance under the cursor, or from one that is chosen next."""
        row = self.query_one(InstanceList).current or ""
        source = self._place(row.removeprefix(INSTANCE)) if row.startswith(INSTANCE) else ""
        self.wizard.stop_watching()
        begin_migration(self.session, source)
        self.wizard.show("migration")

    def action_history(self) -> None:
        """Show all runs and backups."""
        self.wizard.show("history")

    def action_again(self) -> None:
        """Look again."""
        self._look_for_runs()
        self._look_for_instances()
