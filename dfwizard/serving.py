"""The process that owns a run: what it is given to work with, and how it plans the way back."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard.access import open_instance
from dfwizard.actions import make_actions, private_directory
from dfwizard.backup import shows
from dfwizard.backup.manifest import ENV
from dfwizard.errors import DfwizardError
from dfwizard.execution.runner import serve
from dfwizard.execution.store import Run
from dfwizard.guards import require_beginning
from dfwizard.hosts.local import LocalHost
from dfwizard.planning.plan import Plan, RestoreTree
from dfwizard.planning.rollback import plan_rollback
from dfwizard.rules import load

if TYPE_CHECKING:
    from dfwizard.execution.events import Request
    from dfwizard.hosts.base import Host


def serve_run(directory: Path, *, request: Request, rules_file: Path | None = None) -> int:
    """Be the process that owns a run, and give its exit code; see `runner.serve`."""
    host, run = LocalHost(), Run(directory.absolute())
    backup = run.plan().backup
    secrets: tuple[bytes, ...] = ()
    with suppress(DfwizardError):
        secrets = open_instance(host, run.facts(), env_from=posixpath.join(backup, ENV)).secrets
    return serve(
        run.directory,
        host,
        make_actions(load(rules_file)),
        lambda plan, begun: plan_back(host, run, plan, begun),
        request=request,
        secrets=secrets,
        guard=lambda state, asked: require_beginning(host, run, state, asked),
        private=private_directory(backup),
    )


def plan_back(host: Host, run: Run, plan: Plan, begun: tuple[str, ...]) -> Plan:
    """Plan the way back from the steps `begun` of the run's `plan`, with names that no earlier rollback has used."""
    token = f"{run.id}-{len(run.plans())}"
    present = f"{plan.backup}-before-rollback-{len(run.plans())}"
    lines: tuple[tuple[str, ...], ...] = ((), (), ())
    with suppress(DfwizardError):
        access = open_instance(host, run.facts(), env_from=posixpath.join(plan.backup, ENV))
        subject, private = access.subject(), private_directory(plan.backup)
        lines = (
            shows.shows_take(subject, present, private),
            shows.shows_restore_tree(subject, plan.backup, token),
            shows.shows_restore_database(subject, plan.backup, private),
        )
    return plan_rollback(
        plan,
        begun,
        present_backup=present,
        token=token,
        earlier=_tokens(run),
        shows=(lines[0], lines[1], lines[2]),
    )


def _tokens(run: Run) -> tuple[str, ...]:
    """Give the names under which earlier rollbacks of the run have put trees aside."""
    steps = (step for plan in run.plans().values() for step in plan.steps)
    return tuple(step.action.token for step in steps if isinstance(step.action, RestoreTree))
