"""The checks: what speaks against an upgrade or a migration, read one by one, mended from here where a command does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from dfwizard.planning.findings import Finding, Severity
from dfwizard.reports.terminal import plain, wrap_command
from dfwizard.tui import signs, undertaking
from dfwizard.tui.screens.base import NOTHING_CHANGED, StageScreen
from dfwizard.tui.screens.checks_remedy import Remedy
from dfwizard.tui.screens.checks_rows import (
    PASSED,
    REMEDY,
    Checked,
    Said,
    acceptance,
    finding_lines,
    item_key,
    item_lines,
    passed_lines,
    rows,
    still_missing,
    summary,
)
from dfwizard.tui.screens.dialogs import WIDTH, ConfirmDialog
from dfwizard.tui.styles import QUIET, fitted
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList

if TYPE_CHECKING:
    from textual import events

    from dfwizard.errors import DfwizardError
    from dfwizard.tui.undertaking import Undertaken


class ChecksScreen(StageScreen):
    """Findings by severity above or beside the details of the one under the cursor."""

    STAGE = "checks"
    TITLE_TEXT = "Checks"
    CSS_PATH = "checks.tcss"
    HELP_TEXT = (
        "What dfwizard looked at before anything begins, the gravest first. Blockers forbid to begin: mend them and look again (r); some "
        "can be accepted by name (a), upon your own responsibility.\n"
        "Each warning is to be read: Space ticks it off and goes to the next one.\n"
        "Where the remedy is a command, m runs it after showing exactly what is run, by whom and where, and then checks again.\n"
        "Before an upgrade the guide's checklist stands at the end, filled in with what was found; what only you can know is ticked "
        "off with Space.\n"
        "Looking and ticking changes nothing. n goes on once no blocker stands and every warning was read."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Read", tooltip="Tick off the warning or the point of the checklist"),
        Binding("a", "accept", "Accept", tooltip="Go on in spite of this blocker, or take that back"),
        Binding("m", "mend", "Remedy", tooltip="Run the remedy's command, after asking"),
        Binding("r", "look_again", "Again", tooltip="Look at everything again"),
        Binding("n", "next", "Next", tooltip="Go on to the backup"),
        Binding("escape,b", "back", "Back", tooltip="Back to what was chosen"),
        Binding("o", "fold", "Passed", show=False, tooltip="Show or fold up the checks that passed"),
        Binding("c", "copy", "Copy", show=False, tooltip="Copy the remedy's command"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._list = RowList(id="findings")
        self._detail = LineLog(follow=False, id="detail")
        self._summary = Static("", id="summary", markup=False)
        self._rule = Static("", id="rule", markup=False)
        self._checked = Checked({})
        self._unfolded = False
        self._remedy: Remedy | None = None
        self._mended = 0
        self._busy = False
        self._mending = False

    def body(self) -> ComposeResult:
        """Give the summary, the list and the detail."""
        yield self._summary
        with Container(id="panes"):
            yield self._list
            with Vertical(id="about"):
                yield self._rule
                yield self._detail

    def stakes(self) -> str:
        """Say what stopping now would mean."""
        if self._remedy is not None and self._remedy.running:
            return "A remedy is running: leaving now may cut it off."
        if self._mended:
            return "Esc or q now: nothing has changed but by the remedies that you ran."
        return NOTHING_CHANGED

    def opened(self) -> None:
        """Show what was found; look when nothing was looked at yet."""
        self.set_interval(0.1, self._drain)
        self._list.focus()
        if self.session.prospect is not None:
            self._take(self.session.prospect)
        elif undertaking.look_again(self.wizard.controller, self.session) is not None:
            self.action_look_again()
        elif self.session.work == "migration":
            self._summary.update("There is nothing to check yet: Esc goes back to choose what goes over.")
        else:
            self._summary.update(
                "There is nothing to check yet: Esc goes back to choose a release to upgrade to."
            )

    def on_resize(self, event: events.Resize) -> None:
        """Lay out again for the new width."""
        self.call_after_refresh(self._show)

    # What was found ------------------------------------------------------------------------------------------------

    @property
    def _said(self) -> Said:
        return Said(frozenset(self.session.acknowledged), frozenset(self.session.accepted))

    def _take(self, prospect: Undertaken) -> None:
        """Take over what was found; what was said of the same findings before still holds."""
        undertaking.take(self.session, prospect)
        items = undertaking.checklist(self.wizard.controller, prospect)
        self._checked = Checked.of(prospect.findings, items)
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        if self.session.prospect is not None:
            self._summary.update(summary(self._checked, self._said))
        title = self._remedy.title() if self._remedy else None
        width = max(self._list.outer_size.width - 3, 20)  # a scrollbar may come
        self._list.set_rows(
            rows(self._checked, self._said, width=width, unfolded=self._unfolded, remedy=title)
        )
        self._show_detail()

    @property
    def _finding(self) -> Finding | None:
        return self._checked.findings.get(self._list.current or "")

    def _show_detail(self) -> None:
        key, width = self._list.current, max(self._detail.outer_size.width - 5, 20)
        item = self._checked.item(key)
        remedy = self._remedy
        self._detail.following = False
        if key == REMEDY and remedy is not None:
            self._rule_says(f"$ {' '.join(remedy.command.split())}")
            self._show_output(remedy)
        elif self._finding is not None and key is not None:
            self._rule_says(self._finding.id)
            self._detail.show(finding_lines(key, self._finding, self._said, width=width))
        elif item is not None:
            self._rule_says("checklist")
            self._detail.show(item_lines(item, self._said, width=width))
        else:
            self._rule_says("")
            self._detail.show(passed_lines(self._checked, width=width) if key == PASSED else ())
        self.refresh_bindings()

    def _rule_says(self, text: str) -> None:
        width = max(self._rule.size.width, 20)
        lead = fitted(f"{signs.LINE * 2} {plain(text)} " if text else "", width - 2)
        self._rule.update(Text(lead + signs.LINE * max(width - len(lead), 0), QUIET))

    def _show_output(self, remedy: Remedy) -> None:
        self._detail.following = True
        ending = remedy.ending()
        if ending:
            last = (remedy.rest, ending) if remedy.rest else (ending,)
            self._detail.show([*remedy.lines, *last])
        else:
            self._detail.show(remedy.lines, remedy.rest)

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._detail.scroll_to(y=0, animate=False)
        self._show_detail()

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done with the row under the cursor: a key that does nothing there is not shown at all."""
        finding = self._finding
        if action in ("accept", "mend", "look_again", "next") and self._busy:
            return None
        if action == "back" and self._mending:
            return None  # the command that runs must be seen to its end
        if action == "mark":
            item = self._checked.item(self._list.current)
            warning = finding is not None and finding.severity is Severity.WARNING
            return warning or (item is not None and item.by_hand)
        if action == "accept":
            return finding is not None and finding.severity is Severity.BLOCKER and finding.acceptable
        if action == "mend" and finding is not None and undertaking.is_of_source(self.session, finding):
            return False  # the source is only read
        if action in ("mend", "copy"):
            return finding is not None and bool(finding.command)
        return True

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        if event.row_id == PASSED:
            self.action_fold()
        elif self.check_action("mark", ()):
            self.action_mark()
        else:
            self._detail.focus()

    def action_mark(self) -> None:
        """Tick off the warning or point under the cursor and go to the next one that is open, or take it back."""
        key, done = self._list.current or "", self.session.acknowledged
        if key in done:
            done.remove(key)
            self._show()
            return
        done.add(key)
        self._show()
        still = [*self._checked.unread(self._said), *self._checked.unticked(self._said)]
        order = list(self._checked.findings) + [item_key(one) for one in self._checked.checklist]
        after = [one for one in still if order.index(one) > order.index(key)]
        if still:
            self._list.move_to((after or still)[0])

    def action_accept(self) -> None:
        """Override the blocker under the cursor after asking, or take that back."""
        finding = self._finding
        if finding is None:
            return
        if finding.id in self.session.accepted:
            self.session.accepted.remove(finding.id)
            self._show()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.session.accepted.add(finding.id)
                self._show()

        self.app.push_screen(ConfirmDialog("Go on in spite of this?", acceptance(finding)), answered)

    def action_fold(self) -> None:
        """Show the checks that passed, or fold them up."""
        self._unfolded = not self._unfolded
        self._show()

    def action_copy(self) -> None:
        """Put the remedy's command on the clipboard, where the terminal allows that."""
        if self._finding is not None:
            self.app.copy_to_clipboard(self._finding.command)
            self.say("The command was sent to the terminal's clipboard (not every terminal takes it).")

    def action_next(self) -> None:
        """Go on to the backup, or say what keeps one from it."""
        if self.session.prospect is None:
            self.say("Nothing was checked yet: there is nothing to go on with.")
        elif missing := still_missing(self._checked, self._said):
            self.say(f"Before it goes on: {missing}.")
        else:
            self.wizard.show("backup")

    def action_back(self) -> None:
        """Go back to the path, or to what goes over."""
        self.wizard.show("carry" if self.session.work == "migration" else "path")

    # Looking again, mending ----------------------------------------------------------------------------------------

    def action_look_again(self) -> None:
        """Inspect and check again, with the same wishes."""
        look = undertaking.look_again(self.wizard.controller, self.session)
        if look is None:
            return
        self._set_busy(True)
        self.background(look, self._looked, failed=self._not_looked, label="Looking at everything again")

    def _looked(self, prospect: Undertaken) -> None:
        self._set_busy(False)
        self._take(prospect)
        if self._remedy is None:
            self.say("Everything was checked again.")

    def _not_looked(self, error: DfwizardError) -> None:
        self._set_busy(False)
        self.say_error(error)

    def action_mend(self) -> None:
        """Run the remedy's command under the cursor after showing exactly what is run."""
        prospect, finding = self.session.prospect, self._finding
        if prospect is None or finding is None:
            return

        def answered(yes: bool | None) -> None:
            if yes and not self._busy:
                self._run_remedy(prospect, finding)

        lines: list[str | Text] = [
            *(
                Text(line, "bold")
                for part in finding.command.splitlines()
                for line in wrap_command(part, width=WIDTH)
            ),
            "",
            f"as account   {prospect.facts.me}",
            f"directory    {prospect.facts.place}",
            "",
            "Afterwards everything is checked again. It is ended after 10 minutes.",
        ]
        self.app.push_screen(ConfirmDialog("Run this command now?", lines), answered)

    def _run_remedy(self, prospect: Undertaken, finding: Finding) -> None:
        remedy = self._remedy = Remedy(finding.command)
        controller = self.wizard.controller
        self._mended += 1
        self._mending = True
        self._set_busy(True)
        self._show()
        self._list.move_to(REMEDY)
        self._show_detail()
        self.background(
            lambda: controller.apply_remedy(prospect.facts, finding, on_output=remedy.arrived.put),
            lambda code: self._mended_with(remedy, code=code),
            failed=lambda error: self._mended_with(remedy, problem=str(error)),
            label="Running the remedy",
        )

    def _mended_with(self, remedy: Remedy, *, code: int | None = None, problem: str = "") -> None:
        remedy.drain()
        remedy.code, remedy.problem = code, " ".join(problem.split())
        self._mending = False
        self._set_busy(False)
        self._show()
        self.action_look_again()

    def _drain(self) -> None:
        remedy = self._remedy
        if remedy is not None and remedy.drain() and self._list.current == REMEDY:
            self._show_output(remedy)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.refresh_bindings()
        if not busy:
            self.refresh_stakes()
