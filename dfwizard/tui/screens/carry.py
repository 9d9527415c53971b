"""What goes over: the three-way `.env`, key by key, and the files that can go along."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from dfwizard.errors import DfwizardError
from dfwizard.reports.terminal import plain
from dfwizard.tui import signs, undertaking
from dfwizard.tui.screens.base import StageScreen
from dfwizard.tui.screens.carry_dialogs import ValueDialog
from dfwizard.tui.screens.carry_rows import (
    DATABASE,
    SAME,
    Carried,
    database_question,
    details,
    rows,
    secret_question,
    summary,
    title_of,
)
from dfwizard.tui.screens.dialogs import ConfirmDialog
from dfwizard.tui.styles import QUIET, fitted
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from dfwizard.migrating import MigrationProspect
    from dfwizard.planning.env_carry import CarriedKey
    from dfwizard.tui.carrying import Carrying


class CarryList(RowList):
    """The keys and files."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "screen.carry", "Carry", tooltip="Let the source's value of the key go over"),
        Binding("k", "screen.keep", "Keep", tooltip="Keep the target's own value of the key"),
        Binding("e", "screen.edit", "Edit", tooltip="Type another value for the key"),
        Binding("enter", "choose", "Open", show=False),
    ]


class CarryScreen(StageScreen):
    """The keys by group above or beside all that is to be said of the one under the cursor."""

    STAGE = "carry"
    TITLE_TEXT = "Carry over"
    CSS_PATH = "carry.tcss"
    HELP_TEXT = (
        "What the target's .env will say after the migration, in the guide's groups. carry: the source's value goes over; keep: the "
        "target's own stays; edit: another value; drop: it is not set. A star marks what you have chosen, locked what nobody may choose, "
        "with the reason below. Keys that both servers set alike are folded into one row; o shows them.\n"
        "c carries, k keeps, e asks for another value, x has it not set, r goes back to what is proposed. The target's database "
        "credentials stay its own unless you say otherwise, and then it is asked.\n"
        "Secrets are not shown: only whether both are the same. v shows those of one key, after asking.\n"
        "At the end stand files of the source that .env and database do not hold; Space takes them along or leaves them.\n"
        "Choosing changes nothing on either server. n goes on to the checks."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "drop", "Unset", tooltip="Have the target not set the key"),
        Binding("r", "reset", "Reset", tooltip="Go back to what is proposed for the key"),
        Binding("v", "reveal", "Show", tooltip="Show the secret values of the key, after asking"),
        Binding("space", "tick", "Tick", tooltip="Take the files along, or leave them"),
        Binding("n", "next", "Next", tooltip="Go on to the checks"),
        Binding("escape,b", "back", "Back", tooltip="Back to the two servers"),
        Binding("o", "fold", "Same ones", show=False, tooltip="Show or fold up the keys that agree"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._list = CarryList(id="keys")
        self._detail = LineLog(follow=False, id="detail")
        self._carried = Carried()
        self._unfolded = False
        self._revealed = ""
        self._busy = False

    def body(self) -> ComposeResult:
        """Give the summary, the list, and the details of its row."""
        yield Static("", id="summary", markup=False)
        with Container(id="panes"):
            yield self._list
            with Vertical(id="about"):
                yield Static("", id="rule", markup=False)
                yield self._detail

    def opened(self) -> None:
        """Show what is proposed."""
        self._list.focus()
        if self._carrying is None or not self._carrying.proposed:
            text = "Nothing is proposed yet: Esc goes back to the two servers."
            self.query_one("#summary", Static).update(text)
            return
        self.call_after_refresh(self._choose, lambda _carrying: None)

    def on_resize(self, event: events.Resize) -> None:
        """Lay out again for the new width."""
        self.call_after_refresh(self._show)

    @property
    def _carrying(self) -> Carrying | None:
        return self.session.carrying

    @property
    def _key(self) -> CarriedKey | None:
        return self._carried.key(self._list.current)

    # What is shown -------------------------------------------------------------------------------------------------

    def _choose(self, change: Callable[[Carrying], object]) -> None:
        """Have `change` choose something, and show what comes of it; what cannot be is said, and not chosen."""
        carrying = self._carrying
        if carrying is None:
            return
        before = set(carrying.carry), set(carrying.keep), dict(carrying.edited)
        change(carrying)
        try:
            keys = carrying.as_chosen()
        except DfwizardError as error:
            carrying.carry, carrying.keep, carrying.edited = before
            self.say_error(error)
            return
        ticked = frozenset(one.path for one in carrying.extras if carrying.is_ticked(one))
        self._carried = Carried(keys, carrying.chosen, carrying.extras, ticked)
        self.refresh_stakes()
        self._show()

    def _show(self) -> None:
        if not self._carried.keys:
            return
        text = Text("\n").join(summary(self._carried, max(self.size.width - 4, 40)))
        self.query_one("#summary", Static).update(text)
        width = max(self._list.outer_size.width - 3, 30)  # a scrollbar may come
        self._list.set_rows(rows(self._carried, width=width, unfolded=self._unfolded))
        self._show_detail()

    def _show_detail(self) -> None:
        row = self._list.current
        if self._revealed and self._revealed != row:
            self._revealed = ""
        width = max(self._detail.outer_size.width - 5, 20)
        revealed = bool(self._revealed)
        self._detail.show(details(self._carried, row, revealed=revealed, width=width))
        rule = self.query_one("#rule", Static)
        room = max(rule.size.width, 20)
        title = title_of(self._carried, row)
        lead = fitted(f"{signs.LINE * 2} {plain(title)} " if title else "", room - 2)
        rule.update(Text(lead + signs.LINE * max(room - len(lead), 0), QUIET))
        self.refresh_bindings()

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._detail.scroll_to(y=0, animate=False)
        self.refresh_stakes()
        self._show_detail()

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done with the row under the cursor."""
        key = self._key
        if action in ("carry", "keep", "edit"):
            return key is not None
        if action == "drop":
            return key is not None and not key.locked and (key.value is not None or key.target is not None)
        if action == "reset":
            return key is not None and key.key in self._carried.chosen
        if action == "reveal":
            return key is not None and key.secret
        if action == "tick":
            file = self._carried.file(self._list.current)
            return file is not None and file.inside
        if action == "next":
            return None if self._busy or not self._carried.keys else True
        return super().check_action(action, parameters)

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        if event.row_id.startswith(SAME):
            self.action_fold()
        elif self.check_action("tick", ()):
            self.action_tick()
        else:
            self._detail.focus()

    def _free_key(self) -> CarriedKey | None:
        """Give the key under the cursor; of a locked one say why nothing else can be chosen."""
        key = self._key
        if key is not None and key.locked:
            self.say(f"{plain(key.key)} is locked: {plain(key.reason)}")
            return None
        return key

    def _ask_of_database(self, key: CarriedKey, then: Callable[[], None], *, carried: bool) -> None:
        """Go on with `then`; where the key is one of the database's credentials, only once it was said what that means."""
        if key.group != DATABASE:
            then()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        title = f"Other database credentials for the target: {plain(key.key)}?"
        self.app.push_screen(ConfirmDialog(title, database_question(key, carried=carried)), answered)

    def action_carry(self) -> None:
        """Let the source's value go over."""
        key = self._free_key()
        if key is None:
            return
        if key.source is None:
            self.say(f"The source does not set {plain(key.key)}: there is nothing to carry over.")
            return

        def carry(carrying: Carrying) -> None:
            carrying.reset(key.key)
            carrying.carry.add(key.key)

        self._ask_of_database(key, lambda: self._choose(carry), carried=True)

    def action_keep(self) -> None:
        """Keep the target's own value."""
        key = self._free_key()
        if key is None:
            return

        def keep(carrying: Carrying) -> None:
            carrying.reset(key.key)
            carrying.keep.add(key.key)

        self._choose(keep)

    def action_edit(self) -> None:
        """Ask for another value."""
        key = self._free_key()
        if key is not None:
            self._ask_of_database(key, lambda: self._ask_value(key), carried=False)

    def _ask_value(self, key: CarriedKey) -> None:
        def take(value: str | None) -> None:
            if value is not None:
                self._set(key, value)

        self.app.push_screen(ValueDialog(key), take)

    def _set(self, key: CarriedKey, value: str | None) -> None:
        def change(carrying: Carrying) -> None:
            carrying.reset(key.key)
            carrying.edited[key.key] = value

        self._choose(change)

    def action_drop(self) -> None:
        """Have the target not set the key."""
        key = self._free_key()
        if key is not None:
            self._ask_of_database(key, lambda: self._set(key, None), carried=False)

    def action_reset(self) -> None:
        """Go back to what is proposed."""
        key = self._key
        if key is not None:
            self._choose(lambda carrying: carrying.reset(key.key))

    def action_reveal(self) -> None:
        """Show the secret values of the key under the cursor after asking, or hide them again."""
        key, row = self._key, self._list.current
        if key is None or row is None:
            return
        if self._revealed:
            self._revealed = ""
            self._show_detail()
            return

        def answered(yes: bool | None) -> None:
            if yes and self._list.current == row:
                self._revealed = row
                self._show_detail()

        self.app.push_screen(ConfirmDialog("Show secret values?", secret_question(key.key)), answered)

    def action_tick(self) -> None:
        """Take the files under the cursor along, or leave them."""
        file = self._carried.file(self._list.current)
        if file is not None:
            wanted = file.path not in self._carried.ticked
            self._choose(lambda carrying: carrying.tick(file, wanted=wanted))

    def action_fold(self) -> None:
        """Show the keys that agree each by itself, or fold them up."""
        self._unfolded = not self._unfolded
        self._show()

    def action_back(self) -> None:
        """Go back to the two servers."""
        self.wizard.show("migration")

    # Going on ------------------------------------------------------------------------------------------------------

    def action_next(self) -> None:
        """Plan the migration with what was chosen, then go on to the checks."""
        self._set_busy(True)
        self.background(
            undertaking.plan_migration(self.wizard.controller, self.session),
            self._planned,
            failed=self._not_planned,
            label="Planning the migration and checking it",
        )

    def _planned(self, prospect: MigrationProspect) -> None:
        self._set_busy(False)
        undertaking.take(self.session, prospect)
        self.wizard.show("checks")

    def _not_planned(self, error: DfwizardError) -> None:
        self._set_busy(False)
        self.say_error(error)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.refresh_bindings()
