"""The whole output of a step, however large: paged from its file, searched where it lies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from dfwizard.reports.measures import size as size_in_words
from dfwizard.reports.terminal import plain
from dfwizard.tui import signs
from dfwizard.tui.screens.base import StageScreen
from dfwizard.tui.screens.dialogs import AskDialog
from dfwizard.tui.screens.output_window import Window, read_window
from dfwizard.tui.styles import ODD, QUIET
from dfwizard.tui.widgets.linelog import LineLog

if TYPE_CHECKING:
    from dfwizard.errors import DfwizardError
    from dfwizard.execution.store import Run

_MARGIN = 5
"""Lines from the edge of what was read at which more is read."""

_GROWTH_SECONDS = 1.0


class OutputScreen(StageScreen):
    """Lies over the screen of a run: `outputs` are names and files of a step's outputs, of which the last attempt is shown first."""

    TITLE_TEXT = "Output"
    HELP_TEXT = (
        "The whole output of one step, as it stands in the run's directory. Files of any size are read piece by piece.\n"
        "/ searches the whole file, upper or lower case; n and N go to the next and the previous place.\n"
        "A step that was tried several times has an output for each attempt, and one for each remedy: a goes through them.\n"
        "The run goes on meanwhile; Esc goes back to it."
    )
    CSS_PATH = "output.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,b", "back", "Back", key_display="esc"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Search the whole output."),
        Binding("n", "again(False)", "Next", tooltip="Go to the next place where the words are."),
        Binding("N", "again(True)", "Previous", key_display="N", tooltip="Go to the previous place."),
        Binding("a", "attempt", "Attempt", tooltip="Show the output of the next attempt or remedy."),
        Binding(
            "home",
            "first",
            "Beginning",
            show=False,
            priority=True,
            tooltip="Go to the beginning of the output.",
        ),
        Binding("end", "last", "End", show=False, priority=True, tooltip="Go to the end of the output."),
    ]

    def __init__(self, run: Run, title: str, outputs: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self._run, self._step_title, self._outputs = run, title, outputs
        attempts = [index for index, (name, _) in enumerate(outputs) if name.startswith("attempt")]
        self._which = attempts[-1] if attempts else 0
        self._window = Window(0, (), (), 0)
        self._loading = False
        self._asked: int | None = None
        self._words = ""
        self._match: int | None = None
        self._told = ""

    def body(self) -> ComposeResult:
        """Give the place and the lines."""
        yield Static(id="output-place", markup=False)
        yield LineLog(follow=False, id="output-log")

    def title_instance(self) -> str:
        """Name the step."""
        return self._step_title

    def stakes(self) -> str:
        """Say that the run is not touched by reading."""
        feed = self.wizard.feed
        if feed is not None and feed.state.question is not None:
            return "Esc: back. The run waits for an answer."
        over = feed is None or feed.state.outcome is not None or feed.ended is not None
        return "Esc: back." if over else "Esc: back. The run goes on meanwhile."

    def opened(self) -> None:
        """Show the end of the last attempt's output."""
        log = self.query_one(LineLog)
        log.focus()
        self.watch(log, "scroll_y", self._moved, init=False)
        self.set_interval(_GROWTH_SECONDS, self._look_for_more)
        self.call_after_refresh(self.action_last)

    # Reading -------------------------------------------------------------------------------------------------------

    @property
    def _file(self) -> str:
        return self._outputs[self._which][1]

    def _read(self, file: str, around: int | None) -> Window:
        controller = self.wizard.controller
        size = controller.output_size(self._run, file)
        return read_window(
            lambda offset, count: controller.output(self._run, file, offset=offset, size=count),
            size,
            size if around is None else around,
        )

    def _load(self, around: int | None, row: int | None = 0) -> None:
        """Read what is around an offset (None: the end), and put its line into `row` (None: the last one in sight)."""
        if self._loading:
            return
        self._loading, file = True, self._file
        self.background(
            partial(self._read, file, around),
            lambda window: self._show(file, window, around, row),
            failed=self._unread,
        )

    def _unread(self, error: DfwizardError) -> None:
        self._loading = False
        self.say_error(error)

    def _show(self, file: str, window: Window, around: int | None, row: int | None) -> None:
        self._loading = False
        if file != self._file:
            self._load(None, None)
            return
        log = self.query_one(LineLog)
        self._window = window
        log.found = None if self._match is None else window.line_at(self._match)
        log.show(window.lines or (b"",))
        if around is None:
            log.show_line(len(window.lines), row=log.size.height)
        else:
            column = around - window.starts[window.line_at(around)] if row is None and window.starts else 0
            log.show_line(window.line_at(around), row=row, column=column)
        self._show_place()

    def _top(self) -> int:
        """Give the offset of the first line in sight."""
        line = round(self.query_one(LineLog).scroll_y)
        starts = self._window.starts
        return starts[min(line, len(starts) - 1)] if starts else 0

    def _at_end(self) -> bool:
        log, window = self.query_one(LineLog), self._window
        return window.end >= window.size and round(log.scroll_y) + log.size.height >= len(window.lines)

    def _moved(self) -> None:
        """Read on when what was read comes to its edge."""
        log, window = self.query_one(LineLog), self._window
        top = round(log.scroll_y)
        below = len(window.lines) - top - log.size.height
        more = (top < _MARGIN and window.start > 0) or (below < _MARGIN and window.end < window.size)
        around = self._top()
        if more and not self._loading and around != self._asked:
            self._asked = around
            self._load(around)
        self._show_place()

    def _look_for_more(self) -> None:
        """At the end of an output that still grows, stay there."""
        feed = self.wizard.feed
        if feed is None or feed.ended is not None or feed.file != self._file:
            return
        if self._loading or not self._at_end():
            return
        file = self._file
        known = self._window.size

        def then(size: int) -> None:
            if size > known and file == self._file and self._at_end():
                self._load(None, None)

        self.background(lambda: self.wizard.controller.output_size(self._run, file), then)

    def _show_place(self) -> None:
        window = self._window
        name, _ = self._outputs[self._which]
        at = window.size if self._at_end() else self._top()
        share = round(100 * at / window.size) if window.size else 100
        which = f"{name} ({self._which + 1} of {len(self._outputs)})" if len(self._outputs) > 1 else name
        text = Text(f"{signs.LINE * 2} {which}   ", QUIET)
        if window.size:
            text.append(f"{share:>3} % of {size_in_words(window.size)}   ", QUIET)
            text.append(self._told, ODD) if self._told else text.append(f"byte {at}", QUIET)
        else:
            text.append("It has printed nothing.", QUIET)
        self.query_one("#output-place", Static).update(text)

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer further places only where words are looked for, and other outputs only where there are some."""
        if action == "again":
            return bool(self._words)
        if action == "attempt":
            return len(self._outputs) > 1
        return True

    def action_back(self) -> None:
        """Go back to the run."""
        self.dismiss(None)

    def action_first(self) -> None:
        """Go to the beginning."""
        self._load(0)

    def action_last(self) -> None:
        """Go to the end."""
        self._load(None, None)

    def action_attempt(self) -> None:
        """Show the next of the outputs."""
        self._which = (self._which + 1) % len(self._outputs)
        self._match, self._told = None, ""
        self._load(None, None)

    def action_search(self) -> None:
        """Ask for words, and go to the first place after what is in sight."""
        self.app.push_screen(AskDialog("Search the output", [], value=self._words), self._search)

    def _search(self, words: str | None) -> None:
        if words is None:
            return
        self._words, self._match, self._told = words, None, ""
        log = self.query_one(LineLog)
        log.marked, log.found = words, None
        log.refresh()
        self.refresh_bindings()
        self._show_place()
        if words:
            self._find(self._top(), backwards=False)

    def action_again(self, backwards: bool) -> None:
        """Go to the next place where the words are, or to the previous one."""
        if self._match is None:
            self._find(self._top(), backwards=backwards)
        else:
            self._find(self._match if backwards else self._match + 1, backwards=backwards)

    def _find(self, start: int, *, backwards: bool) -> None:
        file, words = self._file, self._words
        search = partial(self.wizard.controller.search_output, self._run, file, words, backwards=backwards)

        def work() -> tuple[int | None, bool]:
            found = search(start=start)
            if found is None and (backwards or start > 0):
                return search(start=-1 if backwards else 0), True
            return found, False

        def then(result: tuple[int | None, bool]) -> None:
            if (file, words) == (self._file, self._words):
                self._go_to(*result, backwards=backwards)

        self.background(work, then, label=f"Searching for {plain(words)}")

    def _go_to(self, found: int | None, wrapped: bool, *, backwards: bool) -> None:
        self._match = found
        if found is None:
            self._told = f"{plain(self._words)!r} is nowhere in it"
            self._show_place()
            return
        self._told = f"from the {'end' if backwards else 'beginning'} again" if wrapped else ""
        self._loading = False
        self._load(found, None)
