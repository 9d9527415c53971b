"""What is installed: the answers as they come, what is odd first once all are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

from dfwizard.errors import DfwizardError
from dfwizard.instance.facts import Facts
from dfwizard.reports.terminal import plain
from dfwizard.tui import signs
from dfwizard.tui.screens.base import NOTHING_CHANGED, StageScreen
from dfwizard.tui.screens.detection_answers import SUBJECTS, heard, values
from dfwizard.tui.screens.detection_rows import details, final_rows, live_rows, summary
from dfwizard.tui.screens.dialogs import AskDialog
from dfwizard.tui.screens.reading import ReadingScreen
from dfwizard.tui.styles import BAD, QUIET
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList


class FactHeard(Message):
    """The inspection has an answer; sent from its thread. `look` is the number of the look that it belongs to."""

    def __init__(self, look: int, name: str, value: object) -> None:
        super().__init__()
        self.look, self.name, self.value = look, name, value


class Answers(RowList):
    """The list of subjects."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Details", tooltip="Show all that was found out about this subject")
    ]


class DetectionScreen(StageScreen):
    """What is installed. Nothing is changed by looking."""

    STAGE = "detection"
    TITLE_TEXT = "Detection"
    CSS_PATH = "detection.tcss"
    HELP_TEXT = (
        "dfwizard looks at the instance and changes nothing. When all is answered, what is odd stands first: ✗ is in the way of an "
        "upgrade, ! should be known before one.\n"
        "Enter shows all that was found out about a subject; for the version that is every sign of it, what it fits, and what "
        "disagrees.\n"
        "r looks again, e gives another PHP or address to ask and looks again, n goes on to the releases.\n"
        "Stopping costs nothing."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Path", tooltip="Go on: choose the release to upgrade to"),
        Binding("r", "again", "Look again", tooltip="Look at the instance again"),
        Binding("e", "edit", "PHP, URL", tooltip="Say which PHP and address to ask, and look again"),
        Binding("b,escape", "back", "Back", tooltip="Go back and choose another instance"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, object] = {}
        self._look = 0
        self._looking = False
        self._error = ""

    def body(self) -> ComposeResult:
        """Give the line on top, the subjects, and beside them (where there is room) the details of one."""
        yield Static("", id="summary", markup=False)
        with Horizontal(id="found"):
            yield Answers()
            yield LineLog(follow=False, id="details")

    def opened(self) -> None:
        """Look, unless that has been done."""
        self.query_one(Answers).focus()
        if self.session.facts is not None:
            self._found(self.session.facts)
        elif self.session.path:
            self._begin()
        else:
            self._failed(DfwizardError("no instance was chosen", remedy="b goes back to choose one."))

    def stakes(self) -> str:
        """Say that nothing has changed, or why it does not go on."""
        facts = self.session.facts
        if facts is not None and facts.version.release is None:
            return "No road without a known release: Enter on Version shows every sign of it."
        return NOTHING_CHANGED

    # Looking -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.session.facts = None
        self.session.forget_findings()
        self._said, self._error, self._looking = {}, "", True
        self._look += 1
        look, session = self._look, self.session
        path, php, url = session.path, session.php, session.url

        def tell(name: str, value: object) -> None:
            self.post_message(FactHeard(look, name, value))

        self._show()
        self.refresh_bindings()
        self.background(
            lambda: self.wizard.controller.inspect(path, php=php, url=url, on_fact=tell),
            self._found,
            failed=self._failed,
            label="Looking",
        )

    def on_fact_heard(self, message: FactHeard) -> None:
        """Show an answer as it comes."""
        message.stop()
        if message.look == self._look and self._looking:
            self._said.update(heard(message.name, message.value))
            self._show()

    def _found(self, facts: Facts) -> None:
        self._looking = False
        self.session.facts = facts
        self._said = values(facts)
        self._show()
        rows = self.query_one(Answers)
        rows.action_end(-1)
        self._show_details(rows.current)
        self.refresh_stakes()
        self.refresh_bindings()

    def _failed(self, error: DfwizardError) -> None:
        self._looking = False
        self._error = str(error)
        self._show()
        self.refresh_bindings()

    # What is shown -------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        rows, top = self.query_one(Answers), self.query_one("#summary", Static)
        width = max(rows.size.width, 40) - 3
        facts = self.session.facts
        if self._error:
            rows.set_rows(())
            first, *rest = self._error.splitlines()
            lines = [Text(f"{signs.FAILED} {plain(first)}", BAD), *(Text(plain(line)) for line in rest)]
            top.update(
                Text("\n").join([*lines, Text(), Text("b: choose another place   r: look again", QUIET)])
            )
        elif facts is not None:
            top.update(summary(facts, self._said))
            rows.set_rows(final_rows(self._said, width))
        else:
            open_ones = len(SUBJECTS) - len(self._said)
            top.update(Text(f"Looking; nothing is changed. Still to be answered: {open_ones}.", QUIET))
            rows.set_rows(live_rows(self._said, width))

    @on(events.Resize)
    def fit(self) -> None:
        """Fit the rows to the width."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self._show()
        self._show_details(self.query_one(Answers).current)

    @on(Answers.Moved)
    def moved(self, message: Answers.Moved) -> None:
        """Show the details beside."""
        self._show_details(message.row_id)

    def _show_details(self, subject: str | None) -> None:
        log, facts = self.query_one("#details", LineLog), self.session.facts
        lines: Sequence[str | Text] = ()
        if facts is not None and subject in self._said and not self._error:
            head = Text(dict(SUBJECTS)[subject], "bold")
            lines = [head, *details(subject, facts, max(log.size.width - 4, 30))]
        log.show(lines)
        log.show_line(0, row=0)

    @on(Answers.Chosen)
    def chosen(self, message: Answers.Chosen) -> None:
        """Show the details over the whole screen."""
        facts, subject = self.session.facts, message.row_id
        if facts is not None:
            title = f"{dict(SUBJECTS)[subject]} of {facts.path}"
            self.app.push_screen(ReadingScreen(title, lambda width: details(subject, facts, width)))

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Go on only with a known release; look again only when no look is going on."""
        facts = self.session.facts
        if action == "next":
            return True if facts is not None and facts.version.release is not None else None
        if action in ("again", "edit"):
            return True if self.session.path and not self._looking else None
        return True

    def action_next(self) -> None:
        """Go on to the releases."""
        self.wizard.show("path")

    def action_back(self) -> None:
        """Go back to the instances."""
        self.wizard.show("instance")

    def action_again(self) -> None:
        """Look again."""
        self._begin()

    def action_edit(self) -> None:
        """Ask which PHP and which address to ask, and look again."""
        lines = ["The PHP that runs artisan and composer. Empty: the one on the owner's PATH."]
        dialog = AskDialog("PHP of the command line", lines, value=self.session.php or "")
        self.app.push_screen(dialog, self._take_php)

    def _take_php(self, php: str | None) -> None:
        if php is None:
            return
        lines = ["Where the instance answers. Empty: as the web server's configuration says."]
        dialog = AskDialog("Address of the instance", lines, value=self.session.url or "", check=_wrong_url)

        def take(url: str | None) -> None:
            if url is not None:
                self.session.php, self.session.url = php.strip() or None, url.strip() or None
                self._begin()

        self.app.push_screen(dialog, take)


def _wrong_url(text: str) -> str:
    url = text.strip()
    if not url or url.startswith(("http://", "https://")):
        return ""
    return "An address begins with http:// or https://, such as http://127.0.0.1:8080"
