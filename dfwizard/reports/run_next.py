"""What a run leaves to do: the remarks and the commands at the end of its report."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from dfwizard.execution.outcomes import WELL
from dfwizard.execution.state import RunState
from dfwizard.execution.store import RunRecord
from dfwizard.instance.facts import Facts
from dfwizard.planning.plan import Plan
from dfwizard.reports.migration_next import migrate_again, migrated
from dfwizard.reports.run_backups import BackupReport


def remains(
    record: RunRecord, plan: Plan, state: RunState, facts: Facts | None, backups: tuple[BackupReport, ...]
) -> Iterable[str]:
    """Say what a person has still to do after the run."""
    if state.outcome in WELL and record.kind == "upgrade":
        yield from _upgraded(plan, state, facts)
    if state.outcome in WELL and record.kind == "migration":
        yield from migrated(plan)
    if state.outcome == "rolled-back":
        yield from _taken_back(record.kind, state, backups)
    if state.outcome in ("failed", "stopped", "rollback-failed"):
        yield "The instance is in the middle of the work, and in maintenance mode unless that step was not reached."
    if state.outcome in ("failed", "stopped"):
        yield "Mend what the step failed on and go on from there, or take everything back."
    if state.outcome == "rollback-failed":
        yield f"Mend what the step failed on and try the rollback again. {plan.backup} holds all that it needs: keep it."


def _upgraded(plan: Plan, state: RunState, facts: Facts | None) -> Iterable[str]:
    done = {
        step.id for phase in state.phases[:1] for step in phase.steps if step.status.over and step.attempts
    }
    if "stash" in done:
        yield (
            f"Local changes of tracked files wait in git's stash: `git -C {shlex.quote(plan.instance)} stash show -p` shows them, "
            "`git stash pop` as the tree's owner brings them back. Look first whether the new release still wants them."
        )
    if facts is not None:
        yield from _services(facts)
        if facts.artisan.config_cached:
            yield "The configuration was cached before and is not now; `php artisan config:cache` caches it again."
        if facts.artisan.maintenance:
            yield "The instance was in maintenance mode before and was left so: `php artisan up` opens it."
        if facts.tree.licensed:
            yield f"Licence files are version-specific: see that {', '.join(facts.tree.licensed)} are those of {plan.to}."
    yield f"Keep the backup {plan.backup} until the new release has proven itself; without it there is no way back."


def _services(facts: Facts) -> Iterable[str]:
    if facts.web.fpm_service is None:
        yield "php-fpm's service is not known: restart it yourself, or the web server goes on with the old code."
    if facts.web.server_service is None:
        yield "The web server's service is not known: restart it yourself."
    queue = facts.dotenv.values.get("QUEUE_CONNECTION") if facts.dotenv else None
    if queue not in (None, "", "sync", "null"):
        yield f"Work is queued ({queue}): restart the queue workers, they still run the old code (`php artisan queue:restart`)."


def _taken_back(kind: str, state: RunState, backups: tuple[BackupReport, ...]) -> Iterable[str]:
    if state.phases and not state.phases[-1].asked_for:
        yield f"Mend what the step failed on before you {'migrate' if kind == 'migration' else 'upgrade'} again."
    for backup in backups[1:]:
        if not backup.error:
            yield (
                f"{backup.directory} holds the state that the rollback took away, with what users had written by then: "
                "fetch from it what is missed, and remove it when nothing is."
            )


def way_on(record: RunRecord, state: RunState, plan: Plan | None = None) -> tuple[str, ...]:
    """Give the commands that go on with the run, take it back, or begin anew."""
    if state.question is not None:
        return tuple(f"dfwizard decide {record.id} {choice}" for choice in state.question.choices)
    back, resume = f"dfwizard rollback {record.id}", f"dfwizard resume {record.id}"
    accepted = " ".join(f"--accept {shlex.quote(name)}" for name in record.accepted)
    again = f"dfwizard upgrade {shlex.quote(record.place)} --to {shlex.quote(record.to)} {accepted}"
    if record.kind == "migration" and plan is not None:
        again = migrate_again(record, plan)
    commands = {
        "done": (back,),
        "done-with-warnings": (back,),
        "failed": (resume, back),
        "stopped": (resume, back),
        "rollback-failed": (resume,),
        "rolled-back": (again.rstrip(),),
        None: (f"dfwizard attach {record.id}", resume),
    }
    return commands[state.outcome]
