"""What can be done after a run has ended or was left to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.cli.plain.menus import ask_word, choose, say, say_text
from dfwizard.execution.outcomes import RESUMABLE, REVERSIBLE
from dfwizard.reports.run_report import render
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.execution.store import Run


def after_run(controller: Controller, run: Run) -> str:
    """Ask what now; give `rollback`, `resume`, `instance` or `quit`."""
    while True:
        state = run.state()
        alive = controller.is_alive(run)
        choices = []
        if not alive and state.outcome in RESUMABLE:
            choices.append(("resume", "go on with the run"))
        if not alive and state.outcome in REVERSIBLE:
            choices.append(("rollback", "take it back"))
        choices += [("report", "show the report"), ("instance", "another instance")]
        chosen = choose("What now?", [*choices, ("quit", "quit; the run goes on" if alive else "quit")])
        if chosen != "report":
            return chosen
        say("")
        say_text(render(controller.report(run), "text"))


def ask_rollback(controller: Controller, run: Run) -> bool:
    """Say what a rollback does and costs, and have it confirmed by the instance's name."""
    from dfwizard.reports.outline import rollback_outline, rollback_question

    record = run.record()
    say("")
    say_text(rollback_outline(record, run.plan(), controller.losses(run)))
    name = plain(record.instance.rstrip("/").rpartition("/")[2])
    return ask_word(rollback_question(record), name)
