"""The two ends of a migration: which instance is the source and which the target, what each is, and whether they are a pair."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widgets import Static

from dfwizard.reports.terminal import plain
from dfwizard.tui import signs, undertaking
from dfwizard.tui.screens.base import NOTHING_CHANGED, StageScreen
from dfwizard.tui.screens.instance_dialogs import PathDialog
from dfwizard.tui.screens.migration_dialogs import EndDialog
from dfwizard.tui.screens.migration_rows import (
    HERE,
    INSTANCE,
    OTHER,
    SERVER,
    End,
    Verdict,
    end_lines,
    verdict_lines,
)
from dfwizard.tui.screens.server_dialog import ServerDialog
from dfwizard.tui.styles import QUIET, fitted
from dfwizard.tui.widgets.linelog import LineLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from dfwizard.controller import Connected
    from dfwizard.errors import DfwizardError
    from dfwizard.instance.discover import Found
    from dfwizard.instance.facts import Facts
    from dfwizard.migrating import MigrationProspect
    from dfwizard.tui.carrying import Carrying

SOURCE, TARGET = "source", "target"
_TITLES = {
    SOURCE: "From: the source, which is only read",
    TARGET: "To: the target, whose database is replaced",
}
_KEYS = {SOURCE: "s", TARGET: "t"}
_ASKED = {SOURCE: "Where from? The source is only read", TARGET: "Where to? The new server's instance"}


class Heard(Message):
    """The inspection of an end has an answer; sent from its thread. `look` is the number of the look that it belongs to."""

    def __init__(self, side: str, look: int, name: str) -> None:
        super().__init__()
        self.side, self.look, self.name = side, look, name


class MigrationScreen(StageScreen):
    """Source and target, beside each other where there is room."""

    STAGE = "migration"
    TITLE_TEXT = "From server to server"
    CSS_PATH = "migration.tcss"
    HELP_TEXT = (
        "A migration takes .env and system database of one DreamFactory, the source, into another one, the target: the guide's Major "
        "Version Migration. The source is only read. The target must be a working DreamFactory with a database of its own, of the "
        "source's release or a newer one; it is backed up and proven first, and can be had back identical.\n"
        "s chooses the source and t the target: an instance found on this machine, another path, or one on another server over SSH. "
        "Enter chooses the end that has the focus, Tab goes to the other one.\n"
        "Whether the two are a pair is said as soon as both are known. Nothing is changed by looking. n goes on to what goes over."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "source", "Source", tooltip="Choose where the migration comes from"),
        Binding("t", "target", "Target", tooltip="Choose where it goes to"),
        Binding("enter", "choose", "Choose", show=False, tooltip="Choose the end that has the focus"),
        Binding("w", "swap", "Swap", tooltip="Take source and target the other way round"),
        Binding("r", "again", "Look again", tooltip="Look at both again"),
        Binding("n", "next", "Next", tooltip="Go on: what of .env goes over"),
        Binding("escape,b", "back", "Back", tooltip="Back to the instances"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._ends = {SOURCE: End(), TARGET: End()}
        self._looks = {SOURCE: 0, TARGET: 0}
        self._verdict = Verdict()

    def body(self) -> ComposeResult:
        """Give the two ends, and what is said of the pair."""
        with Container(id="ends"):
            for side in (SOURCE, TARGET):
                with Vertical(classes="end"):
                    yield Static("", id=f"{side}-title", classes="end-title", markup=False)
                    yield LineLog(follow=False, id=side)
        yield Static("", id="verdict", markup=False)

    def title_instance(self) -> str:
        """Name no instance: there are two."""
        return ""

    @property
    def _carrying(self) -> Carrying:
        if self.session.carrying is None:
            undertaking.begin_migration(self.session, "")
        assert self.session.carrying is not None
        return self.session.carrying

    def stakes(self) -> str:
        """Say what stopping now would mean."""
        return f"The source is only read. {NOTHING_CHANGED}"

    def opened(self) -> None:
        """Look at what was chosen and is not known yet."""
        session, carrying = self.session, self._carrying
        self._ends = {SOURCE: End(carrying.source, carrying.facts), TARGET: End(session.path, session.facts)}
        self.query_one(f"#{TARGET if carrying.source and not session.path else SOURCE}").focus()
        for side, end in self._ends.items():
            if end.place and end.facts is None:
                self._look_at(side, end.place)
        self._compare()
        self.call_after_refresh(self._show)

    def on_resize(self, event: events.Resize) -> None:
        """Lay out again for the new width."""
        self.call_after_refresh(self._show)

    # What is shown -------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        for side, end in self._ends.items():
            log = self.query_one(f"#{side}", LineLog)
            width = max(log.size.width - 1, 30)  # a scrollbar may come
            log.show(end_lines(end, key=_KEYS[side], width=width))
            self._show_title(side, log.outer_size.width - 2)
        lines = verdict_lines(self._verdict, width=max(self.size.width - 3, 40))
        self.query_one("#verdict", Static).update(Text("\n").join(lines))
        self.refresh_bindings()

    def _show_title(self, side: str, width: int) -> None:
        lead = fitted(f"{signs.LINE * 2} {_TITLES[side]} ", max(width - 4, 10))
        line = Text(lead, "bold")
        line.append(signs.LINE * max(width - line.cell_len, 0), QUIET)
        self.query_one(f"#{side}-title", Static).update(line)

    # Looking -------------------------------------------------------------------------------------------------------

    def _set(self, side: str, place: str, facts: Facts | None = None) -> None:
        """Take an end over, with what hangs on it."""
        session, carrying = self.session, self._carrying
        known = self._ends[side].place == place
        self._ends[side] = End(place, facts)
        if side == SOURCE and not known:
            carrying.begin_from(place)
        elif not known:
            carrying.forget_choices()
            session.backup_dir = None
        if side == SOURCE:
            carrying.source, carrying.facts = place, facts
        else:
            session.path, session.facts = place, facts

    def _look_at(self, side: str, place: str) -> None:
        self._set(side, place)
        self.session.forget_findings()
        self._verdict = Verdict()
        self._looks[side] += 1
        look, controller = self._looks[side], self.wizard.controller
        php, url = (self.session.php, self.session.url) if side == TARGET else (None, None)

        def tell(name: str, _value: object) -> None:
            self.post_message(Heard(side, look, name))

        self._show()
        self.background(
            lambda: controller.inspect(place, php=php, url=url, on_fact=tell),
            lambda facts: self._found(side, look, facts),
            failed=lambda error: self._not_found(side, look, error),
            label=f"Looking at the {side}",
        )

    def on_heard(self, message: Heard) -> None:
        """Show how far the look is."""
        message.stop()
        end = self._ends[message.side]
        if message.look == self._looks[message.side] and end.facts is None and not end.problem:
            self._ends[message.side] = replace(end, heard=(*end.heard, message.name))
            self._show()

    def _found(self, side: str, look: int, facts: Facts) -> None:
        if look != self._looks[side]:
            return  # another one was chosen meanwhile
        self._set(side, self._ends[side].place, facts)
        self._compare()
        self._show()

    def _not_found(self, side: str, look: int, error: DfwizardError) -> None:
        if look == self._looks[side]:
            self._ends[side] = replace(self._ends[side], problem=str(error))
            self._show()

    def _compare(self) -> None:
        """Have the migration planned once both ends are known; what is no pair is said at once."""
        carrying, session = self._carrying, self.session
        if carrying.facts is None or session.facts is None:
            return
        self._verdict = Verdict(comparing=True)
        looks = dict(self._looks)
        self.background(
            undertaking.plan_migration(self.wizard.controller, session),
            lambda prospect: self._compared(looks, prospect),
            failed=lambda error: self._no_pair(looks, error),
            label="Comparing the two",
        )

    def _compared(self, looks: dict[str, int], prospect: MigrationProspect) -> None:
        if looks != self._looks:
            return
        undertaking.take(self.session, prospect)
        self._verdict = Verdict(prospect=prospect)
        self._show()

    def _no_pair(self, looks: dict[str, int], error: DfwizardError) -> None:
        if looks == self._looks:
            self._verdict = Verdict(problem=f"{error.what}. {error.remedy}".rstrip())
            self._show()

    # Choosing ------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Go on only with a pair; the other keys where there is something for them to do."""
        if action == "next":
            return True if self._verdict.prospect is not None else None
        if action in ("again", "swap"):
            return all(end.place for end in self._ends.values()) or (
                action == "again" and any(end.place for end in self._ends.values())
            )
        return super().check_action(action, parameters)

    def action_choose(self) -> None:
        """Choose the end that has the focus."""
        self._ask(TARGET if self.focused is self.query_one(f"#{TARGET}") else SOURCE)

    def action_source(self) -> None:
        """Choose where the migration comes from."""
        self._ask(SOURCE)

    def action_target(self) -> None:
        """Choose where it goes to."""
        self._ask(TARGET)

    def _ask(self, side: str, host: str | None = None) -> None:
        """Ask for an end among what a machine has; `host` "" is this machine, None the one that is looked at."""
        controller = self.wizard.controller
        machine = self.session.host if host is None else host

        def search(
            found: Callable[[tuple[Found, ...]], None], refused: Callable[[DfwizardError], None]
        ) -> None:
            self.background(lambda: controller.discover(machine), found, failed=refused)

        others = [end.facts for name, end in self._ends.items() if name != side and end.facts is not None]
        taken = tuple(one.path for one in others if one.place == controller.place(one.path, machine))
        dialog = EndDialog(_ASKED[side], machine, search, taken=taken)
        self.app.push_screen(dialog, lambda chosen: self._take_choice(side, machine, chosen))

    def _take_choice(self, side: str, machine: str, chosen: str | None) -> None:
        if chosen is None:
            return
        if chosen == SERVER:
            self._ask_server(side)
        elif chosen == HERE:
            self._ask(side, "")
        elif chosen == OTHER:
            self._ask_path(side, machine)
        else:
            path = chosen.removeprefix(INSTANCE)
            self._take_place(side, self.wizard.controller.place(path, machine))

    def _take_place(self, side: str, place: str | None) -> None:
        if place:
            self.query_one(f"#{side}").focus()
            self._look_at(side, place)

    def _ask_path(self, side: str, machine: str) -> None:
        controller = self.wizard.controller

        def look(path: str, found: Callable[[], None], refused: Callable[[DfwizardError], None]) -> None:
            self.background(
                lambda: controller.locate(controller.place(path, machine)),
                lambda _place: found(),
                failed=refused,
            )

        dialog = PathDialog("", lambda typed: controller.complete(typed, machine), look)
        self.app.push_screen(
            dialog, lambda path: self._take_place(side, controller.place(path, machine) if path else None)
        )

    def _ask_server(self, side: str) -> None:
        wizard = self.wizard

        def ask(known: tuple[str, ...]) -> None:
            dialog = ServerDialog(known, self, self._greet)
            self.app.push_screen(dialog, lambda host: self._ask(side, host) if host else None)

        self.background(wizard.controller.known_hosts, ask)

    def _greet(self, there: Connected) -> None:
        self.say(f"Connected; commands run there as {plain(there.user)}.")

    # Keys ----------------------------------------------------------------------------------------------------------

    def action_swap(self) -> None:
        """Take source and target the other way round."""
        source, target = self._ends[SOURCE].place, self._ends[TARGET].place
        for side, place in ((SOURCE, target), (TARGET, source)):
            self._look_at(side, place)

    def action_again(self) -> None:
        """Look at both again."""
        for side, end in list(self._ends.items()):
            if end.place:
                self._look_at(side, end.place)

    def action_next(self) -> None:
        """Go on to what goes over, or say why there is nothing to go on with."""
        if self._verdict.may_go_on:
            self.wizard.show("carry")
        elif self._verdict.refused:
            self.say(f"These two are no pair: {plain(self._verdict.refused[0].title)}.")

    def action_back(self) -> None:
        """Go back to the instances."""
        self.session.begin_at("")
        self.wizard.show("instance")
