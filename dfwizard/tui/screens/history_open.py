"""Opening a run from a list: watching it, going on with it, taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.tui.screens.instance_dialogs import InterruptedDialog

if TYPE_CHECKING:
    from dfwizard.execution.store import Run
    from dfwizard.reports.run_summary import RunSummary
    from dfwizard.tui.screens.base import StageScreen


def open_run(screen: StageScreen, summary: RunSummary) -> None:
    """Show the stage where the run is; of one that was cut off ask first what becomes of it."""

    def answered(answer: str | None) -> None:
        if answer == "resume":
            _go_on(screen, summary)
        elif answer == "rollback":
            show_rollback(screen, summary)
        elif answer == "look":
            _watch(screen, summary)

    if summary.word == "interrupted":
        screen.app.push_screen(InterruptedDialog(summary), answered)
    else:
        _watch(screen, summary)


def show_rollback(screen: StageScreen, summary: RunSummary) -> None:
    """Show what taking the run back would do; it is asked again there."""
    wizard = screen.wizard

    def show(run: Run) -> None:
        wizard.stop_watching()
        wizard.session.begin_at(summary.place)
        wizard.session.run, wizard.session.work = run, summary.kind
        wizard.show("rollback")

    screen.background(lambda: wizard.controller.store.find(summary.id), show, label="Opening the run")


def _watch(screen: StageScreen, summary: RunSummary) -> None:
    wizard = screen.wizard

    def find() -> tuple[Run, int | None]:
        run = wizard.controller.store.find(summary.id)
        # One that is over shows its end at once, without the screens on the way there.
        return run, run.state().seq if summary.outcome is not None else None

    screen.background(find, lambda found: wizard.watch_run(found[0], since=found[1]), label="Opening the run")


def _go_on(screen: StageScreen, summary: RunSummary) -> None:
    wizard = screen.wizard

    def begin() -> tuple[Run, int]:
        from dfwizard.tui.screens.set_going import begin as begin_again

        run = wizard.controller.store.find(summary.id)
        return run, begin_again(wizard.controller, run, wizard.controller.resume)

    screen.background(
        begin, lambda begun: wizard.watch_run(begun[0], since=begun[1]), label="Going on with it"
    )
