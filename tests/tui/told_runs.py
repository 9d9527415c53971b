"""Runs whose journals tell a story, for screens that list and open them; no runner is started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dfwizard.execution import events as ev
from dfwizard.execution import processes
from dfwizard.execution.journal import open_journal
from dfwizard.execution.lock import Lock
from dfwizard.execution.store import Run, Store
from tests.unit import samples


def told(
    store: Store,
    *,
    done: int = 0,
    frm: str = "6.3.0",
    to: str = "7.1.0",
    outcome: ev.RunOutcome | None = None,
    asks: bool = False,
    living: bool = False,
    path: str = samples.PATH,
    host: str = "localhost",
) -> Run:
    """Make a run of which the first `done` steps are over and the next one is in hand, unless it has an `outcome`.

    It `asks` whether to try again where that step failed; a `living` one is this process's, which has to hold its lock (see `held`).
    """
    facts = samples.facts(frm, path=path, host=host)
    plan = samples.plan(facts, to)
    run = store.create(plan, facts, host=host)
    pid = os.getpid() if living else 999_999_999
    journal = open_journal(run.journal)
    ticks = processes.start_ticks(os.getpid()) or 0
    journal.append(ev.RunStarted(pid, processes.boot_id(), ticks, "0"))
    journal.append(ev.PhaseStarted(0, "upgrade", "plan.json"))
    for number, step in enumerate(plan.steps[: len(plan.steps) if outcome == "done" else done], 1):
        journal.append(ev.StepStarted(step.id, 1, f"output/{number:02}-{step.id}.1"))
        journal.append(ev.StepFinished(step.id, "done", 1.5))
    if outcome is None or outcome == "failed":
        step = plan.steps[done]
        name = f"output/{done + 1:02}-{step.id}.1"
        (run.directory / name).write_text("a line of output\n", encoding="utf-8")
        journal.append(ev.StepStarted(step.id, 1, name))
        if asks or outcome:
            journal.append(ev.StepFailed(step.id, "it did not work", 1, "false", ("no",), 2.0))
    if asks:
        choices = ("retry", "rollback", "stop")
        journal.append(ev.Asked("What now?", choices, plan.steps[done].id))
    if outcome is not None:
        journal.append(ev.PhaseFinished("done" if outcome == "done" else "failed"))
        journal.append(ev.RunFinished(outcome, 0 if outcome == "done" else 1))
    journal.close()
    return run


@contextmanager
def held(run: Run) -> Iterator[None]:
    """Hold the run's lock, as its runner does."""
    lock = Lock()
    lock.take(run.lock, what="the run")
    try:
        yield
    finally:
        lock.release()
