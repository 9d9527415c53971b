"""How long each step of a plan is expected to take: rough seconds, for the progress that is shown, never for a decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dfwizard.instance.facts import Facts
from dfwizard.planning.moves import (
    CompareSource,
    ImportDatabase,
    RecordSource,
    SaveSource,
    Transfer,
    UnpackFiles,
    VerifyMigration,
)
from dfwizard.planning.plan import (
    CompareFingerprint,
    Plan,
    ProveBackup,
    RestoreDatabase,
    RestoreTree,
    Step,
    TakeBackup,
    TakeFingerprint,
    Verify,
)

_MB = 1_000_000
_FILES = 5000
"""Files that are looked at in a second."""

_BY_ID = {
    "fetch": 5.0,
    "composer-": 60.0,
    "migrate-": 10.0,
    "config-clear-": 5.0,
    "cache-clear": 5.0,
    "restart-": 5.0,
}


@dataclass(frozen=True)
class Pace:
    """Seconds that the steps are expected to take whose length the instance's size decides."""

    fingerprint: float
    backup: float
    proof: float


def pace(facts: Facts) -> Pace:
    """Guess from the sizes: an archive is written at 40 MB/s and read back at 150, a database dumped at 20 and filled at 10."""
    tree, files = facts.tree.size / _MB, facts.tree.files / _FILES
    database = ((facts.database.size or 0) if facts.database else 0) / _MB
    return Pace(
        fingerprint=round(1 + files + tree / 200 + database / 40, 1),
        backup=round(2 + files + tree / 40 + database / 20, 1),
        proof=round(2 + tree / 150 + database / 10, 1),
    )


def pace_of(plan: Plan) -> Pace:
    """Give the pace that an upgrade's plan was made with: going back takes about what the backup took."""
    weights = {step.id: step.weight for step in plan.steps}
    return Pace(weights.get("fingerprint", 1.0), weights.get("backup", 1.0), weights.get("prove", 1.0))


def weighed(steps: Iterable[Step], expected: Pace) -> tuple[Step, ...]:
    """Give the steps with their weights."""
    return tuple(replace(step, weight=_weight(step, expected)) for step in steps)


def _weight(step: Step, expected: Pace) -> float:
    if isinstance(step.action, (TakeBackup, RestoreTree)):
        return expected.backup
    if isinstance(
        step.action, (ProveBackup, RestoreDatabase, SaveSource, ImportDatabase, Transfer, UnpackFiles)
    ):
        return expected.proof
    if isinstance(step.action, (TakeFingerprint, CompareFingerprint, RecordSource, CompareSource)):
        return expected.fingerprint
    if isinstance(step.action, (Verify, VerifyMigration)):
        return 10.0
    return next((weight for begin, weight in _BY_ID.items() if step.id.startswith(begin)), 1.0)
