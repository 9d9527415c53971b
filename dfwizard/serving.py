"""The process that owns a run: what it is given to work with, and how it plans the way back."""

from __future__ import annotations

import os
import posixpath
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard.access import open_instance
from dfwizard.actions import make_actions, private_directory
from dfwizard.answer_actions import login_question
from dfwizard.backup import shows
from dfwizard.backup.manifest import ENV
from dfwizard.errors import DfwizardError
from dfwizard.execution.launch import StartReport, handed_over
from dfwizard.execution.runner import serve
from dfwizard.execution.store import Run
from dfwizard.guards import require_beginning
from dfwizard.hosts.naming import is_local
from dfwizard.hosts.opening import Hosts
from dfwizard.hosts.prompts import Headless, Keeper
from dfwizard.instance.tokens import stored_tokens
from dfwizard.migrating import guard_migration, migration_secrets
from dfwizard.migration_actions import migration_actions
from dfwizard.planning.plan import Execute, Plan, RestoreTree
from dfwizard.planning.rollback import plan_rollback
from dfwizard.rules import load

if TYPE_CHECKING:
    from dfwizard.execution.events import Request
    from dfwizard.execution.state import RunState
    from dfwizard.hosts.base import Host
    from dfwizard.hosts.prompts import Question


def serve_run(directory: Path, *, request: Request, rules_file: Path | None = None) -> int:
    """Be the process that owns a run, and give its exit code; see `runner.serve`."""
    run = Run(directory.absolute())
    host, source, password = _reach(run, request)
    backup, rules = run.plan().backup, load(rules_file)
    secrets: tuple[bytes, ...] = ()
    with suppress(DfwizardError):
        secrets = open_instance(host, run.facts(), env_from=posixpath.join(backup, ENV)).secrets
    secrets += _tokens_of(host, run)
    if source is not None:
        secrets += migration_secrets(source, run)
    if password:
        secrets += (password.encode("utf-8", "surrogateescape"),)
    code = serve(
        run.directory,
        host,
        {**make_actions(rules, password), **migration_actions(rules)},
        lambda plan, begun: plan_back(host, run, plan, begun),
        request=request,
        secrets=secrets,
        guard=lambda state, asked: _guard(host, source, run, state, asked),
        private=private_directory(backup),
        source=source,
    )
    for each in (host, source):
        close = getattr(each, "close", None)
        if close is not None:
            close()
    return code


def _tokens_of(host: Host, run: Run) -> tuple[bytes, ...]:
    """Give what git and composer log in with, as the steps run them: both repeat URLs in what they say."""
    plan = run.plan()
    actions = (step.action for step in plan.steps)
    homes = (one.env["HOME"] for one in actions if isinstance(one, Execute) and "HOME" in one.env)
    return stored_tokens(host, plan.instance, next(homes, ""), os.environ.get("COMPOSER_AUTH", ""))


def _guard(host: Host, source: Host | None, run: Run, state: RunState, request: Request) -> None:
    if source is None:
        require_beginning(host, run, state, request)
    else:
        guard_migration(host, source, run, state, request)


def _reach(run: Run, request: Request) -> tuple[Host, Host | None, str | None]:
    """Give the run's host and a migration's source, reached with what its launcher was answered: nobody can be asked here.

    The password of the login that the plan wishes comes with them.

    Raises:
        DfwizardError: one cannot be reached; whoever launched the process is told why.
    """
    try:
        names = hosts_of(run, request)
        nobody = Headless()
        login = login_of(run, request)
        answers = b"" if all(is_local(name) for name in names) and login is None else handed_over(run)
        keeper = Keeper.imported(answers, nobody) if answers else Keeper(nobody)
        # A cut that comes while a step only asks something must not leave the run unfinished either.
        hosts = Hosts(keeper, mark=run.id)
        reached = [hosts.at(name) for name in names]
        assert all(host.user for host in reached)  # asked now: where a host cannot be reached nothing begins
    except DfwizardError as error:
        StartReport.expected(run).refused(error)
        raise
    password = keeper.secret(login) if login else None
    return reached[0], reached[1] if len(reached) > 1 else None, password


def hosts_of(run: Run, request: Request) -> tuple[str, ...]:
    """Give the names of the hosts that going on with a run needs: its instance's, and a migration's source as long as it goes forward.

    Raises:
        DfwizardError: the run cannot be read.
    """
    name, plan, phase = run.record().host, run.plan(), run.state().phase
    back = request == "rollback" or (phase is not None and phase.name == "rollback")
    return (name,) if back or not plan.source else (name, plan.source_host)


def login_of(run: Run, request: Request) -> Question | None:
    """Give the question for the password of the login that going on with a run needs; None for none.

    Raises:
        DfwizardError: the run cannot be read.
    """
    phase, wish = run.state().phase, run.plan().answers
    back = request == "rollback" or (phase is not None and phase.name == "rollback")
    return None if back or wish is None or not wish.login else login_question(wish.login, run.record().place)


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
