"""The backups there are: of every run, and those in the state directory; with what each is still needed for."""

from __future__ import annotations

import hashlib
import posixpath
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from dfwizard.backup.delete import is_put_aside, unfinished_of
from dfwizard.backup.manifest import MANIFEST, UNFINISHED, parse_manifest, read_proof
from dfwizard.errors import BackupError, DfwizardError
from dfwizard.execution.attach import alive
from dfwizard.execution.outcomes import WELL
from dfwizard.hosts.naming import LOCAL, is_local, located, same_host
from dfwizard.instance.places import real_path, state_on
from dfwizard.reports.run_summary import Known, ReadRun, read_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from dfwizard.execution.store import Run, Store
    from dfwizard.hosts.base import FileStat, Host


@dataclass(frozen=True)
class BackupSummary:
    """A backup in a list.

    `instance` and `release` are what is in it ("" where that is not known); `taken_at` ISO 8601 UTC; `size` bytes; `finished` whether
    it has its manifest, `proven` whether it was restored and compared as it is. `used_by` are the runs that it belongs to; `needed`
    says why it should be kept, "" when nothing speaks against deleting it. `host` is the name of the host it is on; `seen` false: that
    host is not connected, and only what runs tell of the backup is known.
    """

    directory: str
    instance: str
    release: str
    taken_at: str
    size: int
    finished: bool
    proven: bool
    used_by: tuple[str, ...]
    needed: str
    host: str = LOCAL
    seen: bool = True

    @property
    def place(self) -> str:
        """Give the directory as it is named on the command line, with its host."""
        return located(self.host, self.directory)

    @property
    def holds(self) -> str:
        """Give the instance that is in it, with its host, or where it lies when that is not known."""
        return located(self.host, self.instance or self.directory)


def backup_list(
    opened: Callable[[str], Host | None], store: Store, known: Known | None = None
) -> tuple[BackupSummary, ...]:
    """Give the backups that are there, the newest first. What cannot be read is left out.

    `opened` gives the host of a name when it can be asked without a person (None: it cannot, and what runs tell of it has to do).

    Raises:
        UsageError: the runs cannot be listed.
    """
    uses = _uses(store, {} if known is None else known)
    found = []
    for host_name in dict.fromkeys((LOCAL, *(place[0] for place in uses))):
        of_host = {directory: used for (name, directory), used in uses.items() if name == host_name}
        host = opened(host_name)
        if host is None:
            found += [_untouched(host_name, directory, used) for directory, used in of_host.items()]
            continue
        with suppress(DfwizardError):
            backups = posixpath.join(state_on(host, str(store.directory)), "backups")
            for directory in dict.fromkeys((*of_host, *_in_state(host, backups))):
                with suppress(DfwizardError):
                    summary = _describe(host, directory, of_host.get(directory, []))
                    if summary is not None:
                        found.append(replace(summary, host=host_name))
    return tuple(sorted(found, key=lambda one: (one.taken_at, one.directory), reverse=True))


def living_user(store: Store, host: Host, directory: str) -> Run | None:
    """Give the run at work to which the backup in `directory` of the host belongs.

    Raises:
        UsageError: the runs cannot be listed.
    """
    wanted = real_path(host, directory)
    for run in store.list():
        with suppress(DfwizardError):
            read = read_run(run, {})
            if not same_host(read.record.host, host.name):
                continue
            if read.state.outcome is not None or not alive(run, read.state.runner):
                continue
            if wanted in {real_path(host, one) for one in read.backups}:
                return run
    return None


@dataclass(frozen=True)
class _Use:
    """A run that a backup belongs to, and why it needs it ("" when it does not)."""

    run: Run
    read: ReadRun
    why: str


_Place = tuple[str, str]
"""A host's name and a directory there."""


def _uses(store: Store, known: Known) -> dict[_Place, list[_Use]]:
    found: dict[_Place, list[_Use]] = {}
    later: set[_Place] = set()
    """Instances on which a newer run has done something that stands."""
    for run in store.list():
        with suppress(DfwizardError):
            read = read_run(run, known)
            host = LOCAL if is_local(read.record.host) else read.record.host
            instance = (host, read.record.instance)
            for number, directory in enumerate(read.backups):
                why = _why_present(run, read) if number else _why(run, read, instance in later)
                place = (host, posixpath.normpath(directory))
                found.setdefault(place, []).append(_Use(run, read, why))
            if read.state.begun and read.state.outcome != "rolled-back":
                later.add(instance)
    return found


def _untouched(host: str, directory: str, uses: list[_Use]) -> BackupSummary:
    """Describe a backup on a host that is not connected by what the newest of its runs tells."""
    record = uses[0].read.record
    return BackupSummary(
        directory=directory,
        instance=record.instance,
        release=record.frm,
        taken_at=record.created_at,
        size=0,
        finished=False,
        proven=False,
        used_by=tuple(use.run.id for use in uses),
        needed="; ".join(use.why for use in uses if use.why),
        host=host,
        seen=False,
    )


def _why(run: Run, read: ReadRun, superseded: bool) -> str:
    """Say why the state before a run should be kept."""
    state = read.state
    if state.outcome is None and alive(run, state.runner):
        return f"run {run.id} is at work with it"
    if state.outcome == "rolled-back" or not state.phases or superseded:
        return ""
    if state.outcome in WELL:
        return f"run {run.id} may still be rolled back with it"
    return f"run {run.id} has not come to a good end: only this takes it back"


def _why_present(run: Run, read: ReadRun) -> str:
    """Say why the state before a rollback should be kept."""
    if read.state.outcome is None and alive(run, read.state.runner):
        return f"run {run.id} is at work with it"
    return f"it holds what was there before run {run.id} was rolled back"


def _in_state(host: Host, place: str) -> tuple[str, ...]:
    try:
        names = host.listdir(place) if host.stat(place) is not None else ()
    except DfwizardError:
        return ()
    return tuple(posixpath.join(place, name) for name in names)


def _describe(host: Host, directory: str, uses: list[_Use]) -> BackupSummary | None:
    """Describe a directory; None when it is not there, or no backup of dfwizard's."""
    stat = host.stat(directory)
    if stat is None or stat.kind != "directory":
        return None
    runs = tuple(use.run.id for use in uses)
    needed = "; ".join(use.why for use in uses if use.why)
    names = host.listdir(directory)
    if MANIFEST not in names:
        return _unfinished(host, directory, stat, names, runs, needed)
    text = host.read(posixpath.join(directory, MANIFEST), limit=64 << 20)
    try:
        manifest = parse_manifest(text, where=directory)
    except BackupError as error:
        why = f"{error.what}; its parts may still be good"
        return BackupSummary(
            directory, "", "", _moment(stat), host.size_of(directory), False, False, runs, needed or why
        )
    proof = read_proof(host, directory)
    return BackupSummary(
        directory=directory,
        instance=manifest.instance,
        release=manifest.release or "",
        taken_at=manifest.created_at,
        size=manifest.size,
        finished=True,
        proven=proof is not None and proof.manifest_sha256 == hashlib.sha256(text).hexdigest(),
        used_by=runs,
        needed=needed,
    )


def _unfinished(
    host: Host, directory: str, stat: FileStat, names: tuple[str, ...], runs: tuple[str, ...], needed: str
) -> BackupSummary | None:
    instance = ""
    if UNFINISHED in names:
        marked = unfinished_of(host.read(posixpath.join(directory, UNFINISHED), limit=1 << 16))
        instance = marked[1] if marked else ""
    if not instance and not is_put_aside(directory):
        return None
    going = needed if "is at work with it" in needed else ""
    return BackupSummary(
        directory, instance, "", _moment(stat), host.size_of(directory), False, False, runs, going
    )


def _moment(stat: FileStat) -> str:
    return datetime.fromtimestamp(stat.mtime, timezone.utc).isoformat(timespec="seconds")
