"""What is refused before a run is prepared or started, or a backup deleted, because of a finding or of another run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard.backup.delete import instance_of
from dfwizard.errors import BlockedError, HeldError
from dfwizard.execution.attach import alive
from dfwizard.execution.lock import holder
from dfwizard.guards import UNFINISHED, unfinished_run
from dfwizard.hosts.base import HoldingHost
from dfwizard.hosts.naming import located
from dfwizard.instance.places import real_path
from dfwizard.reports.backup_list import living_user

if TYPE_CHECKING:
    from dfwizard.execution.store import Store
    from dfwizard.hosts.base import Host
    from dfwizard.planning.findings import Finding


def refuse_unfinished(store: Store, host: Host, path: str, accepted: frozenset[str]) -> None:
    """Refuse to plan for an instance that a run has left between two states, unless `accepted` holds `unfinished-run`.

    Raises:
        HeldError: the run is at work.
        BlockedError: it is not, and is neither finished nor taken back.
    """
    run = unfinished_run(store, host.name, real_path(host, path))
    if run is None or UNFINISHED in accepted:
        return
    if alive(run, run.state().runner):
        raise HeldError(
            f"run {run.id} is at work on it",
            where=located(host.name, path),
            remedy=f"Watch it with: dfwizard attach {run.id}",
        )
    state = run.state()
    failed = f", at {state.failed_step.title!r}" if state.failed_step else ""
    record = run.record()
    half = (
        "in the middle of a migration"
        if record.kind == "migration"
        else f"between {record.frm} and {record.to}"
    )
    raise BlockedError(
        f"run {run.id} has left this instance {half} ({state.outcome or 'interrupted'}{failed})",
        where=located(host.name, path),
        remedy=f"Go on with it: dfwizard resume {run.id}\nOr take it back: dfwizard rollback {run.id}\n"
        f"When you have mended all by hand: --accept {UNFINISHED}",
    )


def refuse_blocked(path: str, blocking: tuple[Finding, ...], *, what: str = "upgrade") -> None:
    """Refuse to begin `what` while findings forbid it.

    Raises:
        BlockedError: naming each finding, and how those that can be are accepted.
    """
    if not blocking:
        return
    names = ", ".join(finding.id for finding in blocking)
    can = [finding.id for finding in blocking if finding.acceptable]
    override = f" What you take upon yourself: {' '.join(f'--accept {name}' for name in can)}" if can else ""
    raise BlockedError(
        f"nothing was changed; the {what} is blocked by {names}",
        where=path,
        remedy=f"Do what each finding says, then try again.{override}",
    )


def refuse_held(host: Host, instance: str) -> None:
    """Refuse while another process holds the instance.

    Raises:
        HeldError: naming who, and since when.
        HostError: the host cannot be asked.
    """
    if isinstance(host, HoldingHost):
        host.hold(instance, run="", what="the instance").release()
        return
    found = holder(Path(instance))
    if found is not None:
        raise HeldError(
            f"the instance is held by {found}",
            where=instance,
            remedy="Watch it with `dfwizard attach`, or wait for its end.",
        )


def refuse_used(host: Host, store: Store, directory: str) -> None:
    """Refuse to delete a backup that is at work: a run may need it, or it is being taken or proven right now.

    Raises:
        HeldError: naming the run or the process.
    """
    run = living_user(store, host, directory)
    if run is not None:
        raise HeldError(
            f"run {run.id} is at work with this backup",
            where=directory,
            remedy=f"Wait for its end: dfwizard attach {run.id}",
        )
    instance = instance_of(host, directory)
    if isinstance(host, HoldingHost):
        if not instance or host.stat(instance, follow=True) is None:
            return
        host.hold(instance, run="", what=f"the instance {instance}, maybe with this backup,").release()
        return
    found = holder(Path(instance)) if instance else None
    if found is not None and found.run is None:
        raise HeldError(
            f"{found} is at work on {instance}, maybe with this backup",
            where=directory,
            remedy="Wait for its end, then try again.",
        )
