"""Runs as they lie in the state directory after their end, for the screens that show them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dfwizard import codec
from dfwizard.execution import events as ev
from dfwizard.execution.journal import open_journal
from dfwizard.execution.store import Run, Store
from dfwizard.planning.plan import EditDotenv, Execute, Plan, Step
from dfwizard.planning.rollback import plan_rollback
from dfwizard.verification.result import Check, Verdict, Verification
from tests.unit import samples

CHECKS = (
    Check(
        "commit", "Code (git commit)", "0a1b2c3d4e", "9f8e7d6c5b", Verdict.OK, "This is the commit of 7.1.0."
    ),
    Check("php", "PHP", "8.1.27", "8.1.27", Verdict.OK),
    Check(
        "rows",
        "Tables and rows",
        "82 tables, 1240 rows",
        "86 tables, 1297 rows",
        Verdict.OK,
        "New tables: a.",
    ),
    Check(
        "rows:migrations",
        "Rows of migrations",
        "63",
        "71",
        Verdict.EXPECTED,
        "One row for each migration that ran.",
    ),
    Check(
        "log",
        "Errors in the log",
        "",
        "3 new",
        Verdict.WARNING,
        "[2026-01-05 00:50:00] production.ERROR: \x1b[31mConnection refused\x1b[0m to the mail server",
    ),
)


def made(state: Path, *happened: ev.Event, backup: Path | None = None) -> Run:
    """Make a run of the upgrade 6.3.0 to 7.1.0 in which `happened` went on."""
    plan = samples.plan(samples.facts(), "7.1.0", EditDotenv({"CACHE_STORE": "file"}, ""))
    plan = replace(plan, backup=str(backup or state / "backup"))
    run = Store(state).create(plan, samples.facts(), host="localhost")
    append(run, ev.RunStarted(1, "b", 1, "v"), ev.PhaseStarted(0, "upgrade", "plan.json"), *happened)
    return run


def harmless(state: Path, script: str) -> Run:
    """Make a run that has failed at its second step and may really go on: all it does is `script`, in its own directory."""
    instance = state / "opt" / "my-api"
    instance.mkdir(parents=True)
    steps = tuple(
        Step(name, f"Step {name}", "A test.", Execute(("sh", "-c", text), cwd=str(instance)))
        for name, text in (("one", "true"), ("two", script))
    )
    backup = str(state / "backup")
    plan = Plan("upgrade", str(instance), "6.3.0", "7.1.0", backup, "nobody", "root", (), steps)
    run = Store(state).create(plan, samples.facts(path=str(instance)), host="localhost")
    append(
        run,
        ev.RunStarted(1, "b", 1, "v"),
        ev.PhaseStarted(0, "upgrade", "plan.json"),
        *steps_done(plan, before="two"),
        ev.StepStarted("two", 1, "output/two.log"),
        ev.StepFailed("two", "sh ended with exit code 1", 1, "sh -c false"),
        ev.PhaseFinished("failed"),
        ev.RunFinished("failed", 1),
    )
    return run


def append(run: Run, *happened: ev.Event) -> None:
    """Write events into the run's journal."""
    journal = open_journal(run.journal)
    for event in happened:
        journal.append(event)
    journal.close()


def steps_done(plan: Plan, *, before: str = "") -> Iterable[ev.Event]:
    """Give the events of the plan's steps up to the one named `before`."""
    for step in plan.steps:
        if step.id == before:
            return
        output = f"output/{step.id}.log"
        yield from (ev.StepStarted(step.id, 1, output), ev.StepFinished(step.id, "done", 1.5))


def upgraded(state: Path, *, warning: str = "") -> Run:
    """Make a run that has ended well."""
    run = made(state)
    notes = (ev.Note(warning, warning=True),) if warning else ()
    outcome: ev.RunOutcome = "done-with-warnings" if warning else "done"
    append(
        run,
        *steps_done(run.plan()),
        *notes,
        ev.PhaseFinished("done"),
        ev.RunFinished(outcome, 4 if warning else 0),
    )
    checks = CHECKS if warning else CHECKS[:-1]
    run.write("verification.json", codec.dumps(Verification("7.1.0", True, checks)))
    return run


def failed(state: Path, outcome: ev.RunOutcome = "failed") -> Run:
    """Make a run that has ended at the migration."""
    run = made(state)
    append(
        run,
        *steps_done(run.plan(), before="migrate-7.1.0"),
        ev.StepStarted("migrate-7.1.0", 1, "output/migrate.log"),
        ev.StepFailed(
            "migrate-7.1.0",
            "php ended with exit code 1",
            1,
            "php artisan migrate --force",
            ("SQLSTATE[42S01]: Base table or view already exists: 1050 Table 'role_lookup' already exists",),
            12.0,
            cause="The table is there already, and no migration knows of it.",
            remedy="Look whether the table is in use; if it is not, drop it and try again.",
        ),
        ev.PhaseFinished("failed"),
        ev.RunFinished(outcome, 1),
    )
    return run


def begin_rollback(run: Run) -> Plan:
    """Have the rollback of a run begin, and give its plan."""
    state = run.state()
    plan = plan_rollback(run.plan(), state.begun, present_backup=f"{run.plan().backup}-before-rollback-1")
    run.write("rollback-1.json", codec.dumps(plan))
    append(
        run,
        ev.RunStarted(1, "b", 1, "v", "rollback"),
        ev.Decided("rollback", "a person"),
        ev.PhaseStarted(1, "rollback", "rollback-1.json", asked_for=True),
    )
    return plan


def rolled_back(run: Run) -> Run:
    """Have the rollback of a run end well."""
    plan = begin_rollback(run)
    append(run, *steps_done(plan), ev.PhaseFinished("done"), ev.RunFinished("rolled-back", 0))
    compared(run, [])
    return run


def compared(run: Run, differences: list[dict[str, str]]) -> None:
    """Record what a comparison found, and the fingerprint that it was made with."""
    entry = {"type": "f", "mode": "644", "owner": "df:df"}
    files = dict.fromkeys((".", ".env", "artisan", "vendor", "vendor/autoload.php"), entry)
    tables = {name: {"rows": 3, "digest": "d", "schema": "s"} for name in ("user", "role", "app")}
    fingerprint = {
        "files": files,
        "git": {"commit": "0a1b2c3d4e5f", "head": "", "refs": {}},
        "maintenance": [],
        "database": {"server": "10.11", "tables": tables, "objects": {}},
    }
    run.write("fingerprint-before.json", json.dumps(fingerprint))
    run.write("comparison.json", json.dumps(differences))


def rolling_back(state: Path) -> Run:
    """Make a run whose rollback was cut off while the tree was being put back."""
    run = failed(state)
    plan = begin_rollback(run)
    append(
        run, *steps_done(plan, before="restore-tree"), ev.StepStarted("restore-tree", 1, "output/tree.log")
    )
    return run


def rollback_failed(state: Path) -> Run:
    """Make a run whose rollback has ended at the comparison."""
    run = upgraded(state)
    plan = begin_rollback(run)
    said = (
        "The instance differs from what it was (2 differences), the first: table user has 4 rows instead of 3"
    )
    append(
        run,
        *steps_done(plan, before="compare"),
        ev.StepStarted("compare", 1, "output/compare.log"),
        ev.StepFailed("compare", said),
        ev.PhaseFinished("failed"),
        ev.RunFinished("rollback-failed", 6),
    )
    differences = (
        ("database", "user", "table user has 4 rows instead of 3"),
        ("file", "storage/app/x", "storage/app/x: mode 644, now 600; owner df:df, now root:root"),
    )
    compared(run, [{"kind": kind, "name": name, "sentence": text} for kind, name, text in differences])
    return run
