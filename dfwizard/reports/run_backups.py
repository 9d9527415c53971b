"""The backups of a run as they are reported: the run's own, and one of the present state before each rollback."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dfwizard import codec
from dfwizard.backup.manifest import MANIFEST, PROOF, Proof, parse_manifest
from dfwizard.errors import BackupError, DfwizardError
from dfwizard.execution.state import PhaseState
from dfwizard.execution.store import Run, RunRecord
from dfwizard.hosts.naming import is_local
from dfwizard.planning.plan import Plan, TakeBackup


@dataclass(frozen=True)
class PartReport:
    """A file of a backup and its bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class BackupReport:
    """A backup: `holds` says which state is in it; `size` in bytes of all `parts`; `error` says why it cannot be described.

    `proven_at` is ISO 8601, "" when it was not restored and compared: that of the present state before a rollback never is.
    """

    directory: str
    holds: str
    created_at: str = ""
    size: int | None = None
    parts: tuple[PartReport, ...] = ()
    proven_at: str = ""
    error: str = ""


def kept_name(directory: str, name: str) -> str:
    """Give the file of a run that keeps what `name` in a backup's directory says, of a backup on another host."""
    return f"{posixpath.basename(directory)}.{name}"


def backups_of(
    run: Run, record: RunRecord, plans: Mapping[str, Plan], phases: tuple[PhaseState, ...]
) -> tuple[BackupReport, ...]:
    """Describe every backup that the run has taken or begun; its own comes first, even when it was not reached.

    Of those on another host the run has kept what they say of themselves: a report needs no connection.
    """
    plan = plans["plan.json"]

    def described(directory: str, holds: str) -> BackupReport:
        if is_local(record.host):
            place = Path(directory)
            return _described(directory, holds, place / MANIFEST, place / PROOF)
        kept = (run.directory / kept_name(directory, name) for name in (MANIFEST, PROOF))
        return _described(directory, holds, *kept)

    found = [
        described(
            plan.backup,
            f"the state before the run ({'of the target' if plan.kind == 'migration' else plan.frm})",
        )
    ]
    for phase in phases:
        rollback = plans.get(phase.plan)
        if phase.name != "rollback" or rollback is None:
            continue
        for step in rollback.steps:
            if isinstance(step.action, TakeBackup) and phase.step(step.id).attempts:
                holds = "the state before the rollback, with what users had written by then"
                found.append(described(step.action.directory, holds))
    return tuple(found)


def _described(directory: str, holds: str, path: Path, proof: Path) -> BackupReport:
    """Describe a backup from its manifest at `path`, where it can be read."""
    try:
        manifest = parse_manifest(path.read_bytes(), where=str(path))
    except FileNotFoundError:
        return BackupReport(directory, holds, error="no finished backup is there")
    except OSError as error:
        return BackupReport(directory, holds, error=f"it cannot be read: {error.strerror}")
    except BackupError as error:
        return BackupReport(directory, holds, error=error.what)
    parts = tuple(PartReport(part.name, part.size) for part in manifest.parts)
    proven = _proven_at(proof)
    return BackupReport(directory, holds, manifest.created_at, manifest.size, parts, proven)


def _proven_at(proof: Path) -> str:
    try:
        return codec.loads(Proof, proof.read_bytes()).proven_at
    except (OSError, DfwizardError):
        return ""
