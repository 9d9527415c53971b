"""Opening a run from a list: watching it, going on with it, taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.tui.screens.rollback_begin import set_going

if TYPE_CHECKING:
    from dfwizard.execution.store import Run
    from dfwizard.reports.run_summary import RunSummary
    from dfwizard.tui.screens.base import StageScreen


def open_run(screen: StageScreen, summary: RunSummary, how: str = "look") -> None:
    """Show the stage where the run is; `how` is `look`, `resume` (set it going again first) or `rollback` (show what that would do)."""
    controller, wizard = screen.wizard.controller, screen.wizard

    def found() -> tuple[Run, int | None]:
        run = controller.store.find(summary.id)
        if how == "resume":
            return run, set_going(controller, run, controller.resume)
        # One that is over shows its end at once, without the screens on the way there.
        return run, run.state().seq if summary.outcome is not None else None

    def show(found: tuple[Run, int | None]) -> None:
        run, since = found
        if how == "rollback":
            wizard.stop_watching()
            wizard.session.begin_at(summary.instance)
            wizard.session.run = run
            wizard.show("rollback")
        else:
            wizard.watch_run(run, since=since)

    screen.background(found, show, label="Going on with it" if how == "resume" else "Opening the run")
