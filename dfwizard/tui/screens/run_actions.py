"""What the keys of a run do, on whichever screen it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.execution.state import StepState
from dfwizard.tui.screens.dialogs import MessageDialog
from dfwizard.tui.screens.run_rows import command_of, detail_lines, outputs_of
from dfwizard.tui.screens.set_going import set_going

if TYPE_CHECKING:
    from dfwizard.planning.plan import Plan, Step
    from dfwizard.tui.feed import Feed
    from dfwizard.tui.screens.base import StageScreen


def go_on(screen: StageScreen) -> None:
    """Start a new runner for the watched run, and watch it again."""
    feed = screen.wizard.feed
    if feed is not None:
        set_going(screen, feed.run, screen.wizard.controller.resume, label="Starting a new runner")


def look_again(screen: StageScreen) -> None:
    """Try to read the watched run once more."""
    feed = screen.wizard.feed
    if feed is not None:
        run = feed.run
        screen.background(lambda: None, lambda _: screen.wizard.watch_run(run))


def open_output(screen: StageScreen, step_id: str | None) -> None:
    """Show the whole output of a step over the screen."""
    from dfwizard.tui.screens.output import OutputScreen

    feed = screen.wizard.feed
    found = _step(feed, step_id)
    if feed is None or found is None:
        return
    _, step, known = found
    if known.outputs:
        screen.app.push_screen(OutputScreen(feed.run, step.title, outputs_of(known)))
    else:
        screen.app.notify("This step has not run yet: it has no output.", markup=False)


def copy_command(screen: StageScreen, step_id: str | None) -> None:
    """Put the command of a step on the terminal's clipboard."""
    found = _step(screen.wizard.feed, step_id)
    if found is None:
        return
    plan, step, known = found
    copy(screen, known.command or command_of(step, me=plan.me))


def copy(screen: StageScreen, command: str) -> None:
    """Put `command` on the terminal's clipboard, and say so."""
    if not command:
        screen.app.notify("This step runs no command of its own; i says what it does.", markup=False)
        return
    screen.app.copy_to_clipboard(command)
    screen.app.notify("Copied, where the terminal allows it (OSC 52).", markup=False)


def show_details(screen: StageScreen, step_id: str | None) -> None:
    """Say all about a step."""
    found = _step(screen.wizard.feed, step_id)
    if found is not None:
        plan, step, known = found
        lines = detail_lines(step, known, me=plan.me)
        screen.app.push_screen(MessageDialog(step.title, lines))


def _step(feed: Feed | None, step_id: str | None) -> tuple[Plan, Step, StepState] | None:
    plan = feed.plan if feed else None
    if feed is None or plan is None:
        return None
    step = next((one for one in plan.steps if one.id == step_id), None)
    if step is None:
        return None
    phase = feed.state.phase
    return plan, step, phase.step(step.id) if phase else StepState(step.id)
