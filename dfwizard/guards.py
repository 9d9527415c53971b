"""What must hold, under the lock, before a runner begins: what a person saw is still so, and the way back is whole.

Everything here refuses before the first step; the instance is then as it was.
"""

from __future__ import annotations

import hashlib
import posixpath
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dfwizard.actions import private_directory
from dfwizard.backup.context import BackupContext
from dfwizard.backup.estimate import estimate
from dfwizard.backup.manifest import read_manifest
from dfwizard.backup.parts import check_parts
from dfwizard.errors import BlockedError, DfwizardError, HostError
from dfwizard.execution.outcomes import WHOLE
from dfwizard.execution.store import Run, Store
from dfwizard.hosts.command import Command
from dfwizard.hosts.naming import same_host
from dfwizard.hosts.sizes import size_text
from dfwizard.planning.plan import Undo
from dfwizard.planning.rollback import undone

if TYPE_CHECKING:
    from dfwizard.execution.events import Request
    from dfwizard.execution.state import RunState
    from dfwizard.execution.store import RunRecord
    from dfwizard.hosts.base import Host
    from dfwizard.instance.facts import Facts

UNFINISHED = "unfinished-run"
"""The id under which going on from a half-done run can be accepted."""


def require_beginning(host: Host, run: Run, state: RunState, request: Request) -> None:
    """Refuse to begin `request` on `run`.

    Raises:
        BlockedError: the instance has changed since the plan was made, a later run has been at work on it, or the backup that
            a rollback needs is not whole, or there is no room for it.
    """
    if request == "run" and not state.phases:
        require_unchanged(host, run.facts())
        return
    later = later_run(run)
    if later is not None:
        raise BlockedError(
            f"run {later.id} has been at work on this instance since ({_words(later)}); taking up {run.id} would undo it",
            where=run.record().instance,
            remedy=f"Take that one back first: dfwizard rollback {later.id}",
        )
    if request == "rollback":
        _require_way_back(host, run, state)


def require_unchanged(host: Host, facts: Facts) -> None:
    """Refuse when commit, `.env` or maintenance mode are not what they were when the plan was made.

    Raises:
        BlockedError: naming what has changed.
    """
    changed = []
    with suppress(HostError):
        head = host.run(
            Command(
                ("git", "-C", facts.path, "rev-parse", "HEAD"),
                user=facts.tree.owner,
                env={"HOME": facts.owner_home},
                timeout=30,
            )
        ).text.strip()
        if facts.git is not None and head != facts.git.commit:
            changed.append(f"the code is at {head[:10]}, was {facts.git.commit[:10]}")
    try:
        env = hashlib.sha256(host.read(f"{facts.path}/.env")).hexdigest()
        if facts.dotenv is not None and env != facts.dotenv.sha256:
            changed.append(".env is another one")
    except HostError:
        changed.append(".env cannot be read any more")
    closed = host.stat(f"{facts.path}/storage/framework/down") is not None
    if closed != facts.artisan.maintenance:
        changed.append(f"maintenance mode is {'on' if closed else 'off'} now")
    if changed:
        raise BlockedError(
            f"the instance has changed since the plan was made: {'; '.join(changed)}. Nothing was changed",
            where=facts.path,
            remedy="Run the command again: it looks anew.",
        )


def unfinished_run(store: Store, host: str, instance: str) -> Run | None:
    """Give the newest run of the instance on the host of that name when it left it between two states."""
    for run in store.list():
        with suppress(DfwizardError):
            if not is_on(run.record(), host, instance):
                continue
            state = run.state()
            if not state.phases:
                continue
            touched = undone(run.plan(), state.begun) - {Undo.NOTHING}
            return None if state.outcome in WHOLE or not touched else run
    return None


def is_on(record: RunRecord, host: str, instance: str) -> bool:
    """Tell whether a run is one of the instance at this path on this host: others have the same path."""
    return record.instance == instance and same_host(record.host, host)


def later_run(run: Run) -> Run | None:
    """Give a run on the same instance that began after `run` and was not taken back."""
    record = run.record()
    for other in Store(run.directory.parent.parent).list():
        if other.id <= run.id:
            return None
        with suppress(DfwizardError):
            state = other.state()
            same = is_on(other.record(), record.host, record.instance)
            if same and state.begun and state.outcome != "rolled-back":
                return other
    return None


def _words(run: Run) -> str:
    state = run.state()
    return f"{run.record().frm} -> {run.record().to}, {state.outcome or 'not finished'}"


def _require_way_back(host: Host, run: Run, state: RunState) -> None:
    plan = run.plan()
    if not undone(plan, state.begun) & {Undo.TREE, Undo.DATABASE}:
        return
    context = BackupContext(host, private_directory(plan.backup))
    try:
        manifest = read_manifest(host, plan.backup)
        check_parts(context, plan.backup, manifest)
    except DfwizardError as error:
        raise BlockedError(
            f"{error.what}; the rollback has not begun, and nothing was changed",
            where=error.where,
            remedy=f"Bring the backup back to {plan.backup}, then try again.",
        ) from None
    facts = run.facts()
    size = host.size_of(plan.instance) if host.stat(plan.instance) is not None else 0
    present = estimate(replace(facts, tree=replace(facts.tree, size=size)))
    for path, amount, what in (
        (posixpath.dirname(plan.backup), present.backup, "the backup of the present state"),
        (unpacking_place(host, plan.instance), manifest.code.size, "the old tree beside the present one"),
    ):
        free = host.free_bytes(path)
        if free < amount:
            raise BlockedError(
                f"{size_text(free)} are free, {size_text(amount)} are needed for {what}; the rollback has not begun",
                where=path,
                remedy="Make room there, then try again.",
            )


def unpacking_place(host: Host, instance: str) -> str:
    """Give where a rollback unpacks the old tree: beside the present one, or in it where that is a disk of its own."""
    beside = posixpath.dirname(instance)
    there, around = host.stat(instance, follow=True), host.stat(beside, follow=True)
    apart = there is not None and around is not None and there.device != around.device
    return instance if apart else beside
