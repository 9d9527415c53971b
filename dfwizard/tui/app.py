"""The wizard's app: it shows one screen for each stage, follows the run, and says good-bye properly."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType

from dfwizard.errors import DfwizardError
from dfwizard.execution.outcomes import WELL
from dfwizard.tui import driver, signs, theme
from dfwizard.tui.screens.base import FIRST_FRAME_SECONDS, Called, Delivered, StageScreen
from dfwizard.tui.screens.dialogs import ConfirmDialog, MessageDialog

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.filter import LineFilter
    from textual.screen import Screen

    from dfwizard.controller import Controller
    from dfwizard.execution.state import RunState
    from dfwizard.execution.store import Run
    from dfwizard.tui.feed import Feed
    from dfwizard.tui.prompting import ScreenPrompts
    from dfwizard.tui.session import Demo, Session

LOOK_SECONDS = 0.1
"""The pause between two looks at what the run has done."""

SCREENS = {
    "instance": "InstanceScreen",
    "detection": "DetectionScreen",
    "path": "PathScreen",
    "migration": "MigrationScreen",
    "carry": "CarryScreen",
    "checks": "ChecksScreen",
    "backup": "BackupScreen",
    "run": "RunScreen",
    "failure": "FailureScreen",
    "verify": "VerifyScreen",
    "rollback": "RollbackScreen",
    "done": "DoneScreen",
    "history": "HistoryScreen",
}
"""The class of each stage, in the module of the stage's name; imported when it is first shown."""


def stage_of(state: RunState) -> str:
    """Give the stage that belongs to the state of a run."""
    phase = state.phase
    if state.question is not None:
        return "failure"
    if phase is not None and phase.name == "rollback":
        return "rollback"
    if state.outcome in WELL:
        return "verify"
    if state.outcome is not None:
        return "done"
    return "backup" if _is_backing_up(state) else "run"


def _is_backing_up(state: RunState) -> bool:
    """Tell whether the backup is taken or proven now, or waits between the two."""
    if state.current is not None or state.phase is None:
        return state.current in ("backup", "prove")
    taken, proven = state.phase.step("backup").status, state.phase.step("prove").status
    return taken.over and proven == "waiting"


def _collect_garbage() -> None:
    """Begin to collect garbage, where `run_wizard` has put it off; what is there by now stays to the end."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


class Wizard(App[int]):
    """The screens' app. It holds the session and the feed of the run being watched; what is done is the controller's business."""

    TITLE = "dfwizard"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["wizard.tcss", "screens/instance.tcss"]
    """With the first screen's own: else all is parsed twice before it is shown."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q,ctrl+c", "leave", "Quit", show=False, priority=True, system=True)
    ]

    def __init__(
        self,
        controller: Controller | Callable[[], Controller],
        session: Session,
        *,
        start: str = "instance",
        demo: Demo | None = None,
    ) -> None:
        self._ascii = signs.AsciiFilter(enabled=signs.ascii_only())
        chosen = theme.choose()
        super().__init__(ansi_color=True if chosen == theme.SIXTEEN else None)
        self.register_theme(theme.NIGHT)
        self.ansi_theme_dark = theme.PALETTE
        self.theme = chosen
        self._controller = controller
        self._making = threading.Lock()
        self._asked_here = False
        self.session = session
        self.demo = demo
        self.feed: Feed | None = None
        self.working = 0
        self.farewell: list[str] = []
        self._start = start
        self._shown_for = ""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Give the filters of every line on its way to the terminal."""
        filters = super().get_line_filters()
        return [*filters, self._ascii] if self._ascii.enabled else filters

    def on_mount(self) -> None:
        """Show the first screen."""
        if not self.is_headless:
            driver.end_on_signals(self.hang_up)
        self.set_timer(FIRST_FRAME_SECONDS, _collect_garbage)
        self.set_interval(LOOK_SECONDS, self._look)
        run = self.session.run
        if run is None:
            self.show(self._start)
            return
        try:
            self.watch_run(run)
        except DfwizardError as error:
            self.session.run = None
            self.show("instance")
            self.push_screen(MessageDialog(f"Run {run.id} cannot be read", str(error).splitlines()))

    @property
    def controller(self) -> Controller:
        """Give the controller, made when it is first asked for: the first screen is there before all that it knows is read in."""
        with self._making:
            if callable(self._controller):
                self._controller = self._controller()
            if not self._asked_here:
                self._asked_here = True
                self._controller.ask_with(self.prompts)
            return self._controller

    @cached_property
    def prompts(self) -> ScreenPrompts:
        """Give who asks, in dialogs, what only a person can answer on the way to a server."""
        from dfwizard.tui.prompting import ScreenPrompts

        return ScreenPrompts(self, accept_new=self.session.accept_new_host_key)

    # Screens -------------------------------------------------------------------------------------------------------

    @property
    def stage(self) -> str:
        """Give the name of the stage that is shown, also while a dialog is over it."""
        stages = (one.STAGE for one in reversed(self.screen_stack) if isinstance(one, StageScreen))
        return next(filter(None, stages), "")

    def show(self, stage: str) -> None:
        """Show the screen of a stage, in the place of the present one and of what is over it."""
        module = import_module(f"dfwizard.tui.screens.{stage}")
        screen: StageScreen = getattr(module, SCREENS[stage])()
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if len(self.screen_stack) == 2:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def action_command_palette(self) -> None:
        """Show every action of the screen, to be looked for by its name."""
        from dfwizard.tui.screens.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action of the screen in the command palette."""
        seen = set()
        for active in screen.active_bindings.values():
            binding = active.binding
            moves = not (binding.show or active.tooltip)  # the cursor, the focus: keys and nothing else
            if not active.enabled or active.node is self or moves or binding.action in seen:
                continue
            seen.add(binding.action)
            what = active.tooltip or f"Key: {self.get_key_display(binding)}"
            yield SystemCommand(binding.description, what, self._caller(active.node, binding.action))

    def _caller(self, node: DOMNode, action: str) -> Callable[[], object]:
        """Carry an action out where its key is bound: a list or a panel has actions that the screen does not know."""
        return lambda: self.call_later(self.run_action, action, node)

    # The run being watched -----------------------------------------------------------------------------------------

    def watch_run(self, run: Run, *, since: int | None = None) -> None:
        """Follow `run` from now on and show where it is; see `Feed` for `since`.

        Raises:
            DfwizardError: the run cannot be read.
        """
        from dfwizard.tui.feed import Feed

        feed = Feed(self.controller, run, since=since)
        self.stop_watching()
        self.session.run = run
        record = run.record()
        self.session.path, self.session.work = record.place, record.kind
        self.feed, self._shown_for = feed, ""
        self._look()
        if not self._shown_for:
            self._route(feed.state)

    def stop_watching(self) -> None:
        """Follow no run any more; it goes on."""
        if self.feed is not None:
            self.feed.close()
        self.feed = None

    def _look(self) -> None:
        if self.feed is None:
            return
        batch = self.feed.drain() if self.feed.ended is None else None
        top = self.screen
        if batch:
            for screen in self.screen_stack:
                if isinstance(screen, StageScreen) and screen.is_mounted:
                    screen.run_changed(batch)
        if (isinstance(top, StageScreen) and top.STAGE) or not self._shown_for:
            self._route(self.feed.state)

    def _route(self, state: RunState) -> None:
        """Show the stage where the run is, once for each time that it gets there: a person may look elsewhere meanwhile."""
        wanted = stage_of(state)
        key = f"{wanted}:{len(state.phases)}:{state.question.seq if state.question else 0}"
        if key != self._shown_for:
            self._shown_for = key
            self.show(wanted)

    # The end -------------------------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """Leave, from wherever one is."""
        self.leave()

    async def action_quit(self) -> None:
        """Leave, as every other key for it does."""
        self.leave()

    def leave(self) -> None:
        """End the wizard; while a run goes on ask first, and say how to come back."""
        run, state = self.session.run, self.feed.state if self.feed else None
        if run is None or state is None or state.outcome is not None or not self.controller.is_alive(run):
            self._end()
            return
        if isinstance(self.screen, ConfirmDialog):
            return
        waits = "It waits for an answer." if state.question else "It goes on without this terminal."
        lines = [
            f"Run {run.id} is not over. {waits}",
            "",
            "Watch it again with:",
            f"  {self._way_back_to(run)}",
            *(() if self.demo else ("or start dfwizard again.",)),
        ]
        self.push_screen(
            ConfirmDialog("Leave the run going?", lines), lambda yes: self._end() if yes else None
        )

    def _end(self, code: int | None = None) -> None:
        run, state = self.session.run, self.feed.state if self.feed else None
        ended = 0
        if run is not None and state is not None:
            ended = 130 if state.outcome is None else state.exit_code or 0
            if state.outcome is None:
                self.farewell = [f"Run {run.id} is not over. Watch it again with: {self._way_back_to(run)}"]
        self.stop_watching()
        self.exit(ended if code is None else code)

    def _way_back_to(self, run: Run) -> str:
        """Give the command that watches the run again."""
        return self.demo.attach if self.demo and self.demo.attach else f"dfwizard attach {run.id}"

    def hang_up(self, number: int) -> None:
        """End because of signal `number`: the terminal has gone, or somebody said so; a run goes on."""
        self._end(128 + number)

    def fault(self, error: Exception) -> DfwizardError:
        """Keep where dfwizard itself failed in a file, and give what is to be said of it."""
        from dfwizard.execution.faults import keep_fault

        return DfwizardError(
            f"this is a fault of dfwizard itself ({type(error).__name__}){keep_fault(error)}",
            remedy="A run that was started goes on: `dfwizard runs` shows it.",
        )

    def deliver(self, take: Callable[[], None]) -> None:
        """Have `take` called in the app's thread; called in the thread of work in the background."""
        with suppress(RuntimeError):  # the app has ended meanwhile, and its loop with it
            self.post_message(Delivered(take))

    def on_delivered(self, message: Delivered) -> None:
        """Take over what was done in the background."""
        self.working -= 1
        message.take()

    def call(self, take: Callable[[], None]) -> None:
        """Have `take` called in the app's thread; called in the thread of work that goes on in the background."""
        with suppress(RuntimeError):  # as above
            self.post_message(Called(take))

    def on_called(self, message: Called) -> None:
        """Do what work in the background wants done."""
        message.take()

    def _fatal_error(self) -> None:
        """End on a fault of our own without spilling it over the terminal."""
        error = self._exception
        if error is None or self.is_headless:
            super()._fatal_error()
            return
        self.farewell = str(self.fault(error)).splitlines()
        self._close_messages_no_wait()
