"""A run as it goes, for every screen that shows one: how far it is, its steps, the output of the one going on."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from dfwizard.execution.progress import progress
from dfwizard.reports.terminal import one_line
from dfwizard.tui.screens import run_actions
from dfwizard.tui.screens.run_rows import elapsed_of, headline, number_of, output_heading, progress_line
from dfwizard.tui.styles import BAD, ODD
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList
from dfwizard.tui.widgets.steplist import StepList

if TYPE_CHECKING:
    from dfwizard.tui.feed import Feed
    from dfwizard.tui.screens.base import StageScreen

_PARTS = ("#run-head", "#run-banner", "#run-steps", "#run-output-head", "#run-log")
TICK_SECONDS = 1.0
"""The pause between two looks at the clock."""


class RunPanel(Container):
    """The run that the wizard watches, with the keys that belong to it. A screen that holds one calls `update_run` on `run_changed`."""

    DEFAULT_CSS = """
    RunPanel { height: 1fr; }
    RunPanel #run-head { height: 2; padding: 0 1; }
    RunPanel #run-banner { height: auto; max-height: 6; padding: 0 1; display: none; }
    RunPanel #run-columns { height: 1fr; }
    RunPanel StepList { height: 7; }
    RunPanel #run-output { height: 1fr; }
    RunPanel #run-output-head { height: 1; padding: 0 1; }
    RunPanel LineLog { padding: 0 1; }
    RunPanel.-beside #run-columns { layout: horizontal; }
    RunPanel.-beside StepList { width: 45%; max-width: 70; height: 1fr; }
    RunPanel.-beside #run-output { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space",
            "pause",
            "Pause/go on",
            tooltip="Pause after the step that is going on; or go on after a pause.",
        ),
        Binding(
            "g",
            "go_on",
            "Go on",
            tooltip="Start a new runner for the run: it goes on where the last one ended.",
        ),
        Binding("r", "look_again", "Look again", tooltip="Try again to read the run."),
        Binding(
            "o",
            "output",
            "Output",
            tooltip="Show the whole output of the step under the cursor, and search it.",
        ),
        Binding("c", "copy", "Copy", tooltip="Copy the command of the step under the cursor."),
        Binding(
            "i",
            "details",
            "Step",
            tooltip="Say all about the step under the cursor: why, how, what undoes it.",
        ),
        Binding(
            "end",
            "end",
            "To the end",
            show=False,
            tooltip="Show the end of the output again, and stay there.",
        ),
    ]

    def __init__(self) -> None:
        super().__init__(id="run-panel")
        self._pausing = False
        self._continued_at = -1
        self._ready = False
        self._banner: list[Text] = []
        self._possible: tuple[bool | None, ...] = ()

    def compose(self) -> ComposeResult:
        """Put the panel together."""
        yield Static(id="run-head", markup=False)
        yield Static(id="run-banner", markup=False)
        with Container(id="run-columns"):
            yield StepList(id="run-steps")
            with Vertical(id="run-output"):
                yield Static(id="run-output-head", markup=False)
                yield LineLog(id="run-log")

    @property
    def feed(self) -> Feed | None:
        """Give the run as it goes; None once the panel has gone, of which one part goes after the other."""
        whole = self.is_attached and all(self.query(part) for part in _PARTS)
        return self._screen.wizard.feed if whole else None

    @property
    def _screen(self) -> StageScreen:
        return cast("StageScreen", self.screen)

    def on_mount(self) -> None:
        """Show the run, and go with the clock."""
        if not self.query(StepList) or not self.query(LineLog):
            return  # the wizard is being left at this very moment
        self.query_one(StepList).focus()
        self.watch(self.query_one(LineLog), "following", self._show_output_head, init=False)
        self.set_interval(TICK_SECONDS, self._show_times)

    def on_resize(self) -> None:
        """Lay steps and output side by side where there is room."""
        self._ready = True
        self.set_class(self.size.width >= 100, "-beside")
        self.call_after_refresh(self.update_run)

    # What is shown -------------------------------------------------------------------------------------------------

    def update_run(self) -> None:
        """Show what has come of the run."""
        feed = self.feed
        if not self._ready or feed is None:
            return  # not laid out yet: what fits is not known
        if feed.state.paused or feed.state.question is not None or feed.ended is not None:
            self._pausing = False
        self.query_one(LineLog).show(feed.lines, feed.rest)
        self._show_times()
        self._show_banner(feed)
        possible = tuple(self.check_action(action, ()) for action in ("go_on", "look_again", "pause"))
        if possible != self._possible:
            self._possible = possible
            self.refresh_bindings()

    def _show_times(self) -> None:
        feed = self.feed
        plan = feed.plan if feed else None
        if not self._ready or feed is None or plan is None:
            return
        now = datetime.now(timezone.utc)
        state, width = feed.state, max(self.size.width - 2, 20)
        head = headline(plan, state)
        head.truncate(width, overflow="ellipsis")
        line = progress_line(progress(plan, state, now), elapsed_of(state, now), width)
        self.query_one("#run-head", Static).update(Text.assemble(head, "\n", line), layout=False)
        self.query_one(StepList).show_steps(plan, state, now.isoformat())
        self._show_output_head()

    def _show_banner(self, feed: Feed) -> None:
        lines = banner_lines(feed, pausing=self._pausing)
        if lines == self._banner:
            return
        self._banner = lines
        banner = self.query_one("#run-banner", Static)
        banner.display = bool(lines)
        banner.update(Text("\n").join(lines))

    def _show_output_head(self) -> None:
        feed = self.feed
        plan = feed.plan if feed else None
        if feed is None:
            return
        number = number_of(plan, feed.step) if plan else 0
        where = f"step {number}" if number else ""
        heading = output_heading(
            where,
            feed.total_lines,
            len(feed.lines),
            following=self.query_one(LineLog).following,
            width=max(self.query_one(LineLog).size.width, 20),
        )
        self.query_one("#run-output-head", Static).update(heading, layout=False)

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done where the run is."""
        feed = self.feed
        if action == "go_on":
            return feed is not None and feed.ended is not None and bool(feed.ended.message)
        if action == "look_again":
            return feed is not None and feed.ended is not None and bool(feed.ended.error)
        if action == "pause":
            return feed is not None and feed.ended is None and feed.state.question is None
        return feed is not None

    @on(RowList.Chosen, "#run-steps")
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self.action_output()

    def action_pause(self) -> None:
        """Ask the runner to wait after the step that is going on, or to go on."""
        feed = self.feed
        if feed is None:
            return
        if feed.state.paused and feed.state.seq == self._continued_at:
            return  # the runner has been told to go on, and the journal will say so
        wanted = "continue" if feed.state.paused or self._pausing else "pause"
        run, controller = feed.run, self._screen.wizard.controller
        self._continued_at = feed.state.seq if wanted == "continue" else -1

        def then(_: None) -> None:
            self._pausing = wanted == "pause"
            self.update_run()

        self._screen.background(lambda: controller.decide(run, wanted), then)

    def action_go_on(self) -> None:
        """Start a new runner for the run."""
        run_actions.go_on(self._screen)

    def action_look_again(self) -> None:
        """Try again to read the run."""
        run_actions.look_again(self._screen)

    def action_output(self) -> None:
        """Show the whole output of the step under the cursor."""
        run_actions.open_output(self._screen, self.query_one(StepList).current)

    def action_copy(self) -> None:
        """Copy the command of the step under the cursor."""
        run_actions.copy_command(self._screen, self.query_one(StepList).current)

    def action_details(self) -> None:
        """Say all about the step under the cursor."""
        run_actions.show_details(self._screen, self.query_one(StepList).current)

    def action_end(self) -> None:
        """Go back to the end of the output."""
        self.query_one(LineLog).scroll_end(animate=False)


def banner_lines(feed: Feed, *, pausing: bool) -> list[Text]:
    """Say what stands in the way of the run, and what can be done about it; nothing while it goes."""
    ended, state = feed.ended, feed.state
    lines = [Text(f"! {one_line(problem)}", ODD) for problem in state.problems[-2:]]
    if ended is not None and ended.error:
        lines += [
            Text(f"The run cannot be read: {one_line(ended.error)}", BAD),
            Text("It may go on all the same. r looks again."),
        ]
    elif ended is not None and ended.message:
        back = state.phase is not None and state.phase.name == "rollback"
        way = "g goes on with the rollback." if back else "g goes on with it, x rolls it back."
        lines += [Text(one_line(ended.message), BAD), Text(way, ODD)]
    elif state.paused:
        by = f" by {one_line(feed.paused_by)}" if feed.paused_by else ""
        lines.append(Text(f"! PAUSED{by}: nothing is done until somebody presses space.", ODD))
    elif pausing:
        lines.append(Text("! It will pause after this step; space takes that back.", ODD))
    elif state.mending is not None:
        lines.append(Text("The remedy is being applied; then the step is tried again.", ODD))
    return lines
