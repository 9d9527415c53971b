"""The named actions that only a migration has: from one instance, the source, to another one, the target.

They are part of the plan's `Action`. Paths are on the host that the step names; none of them holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar


class Side(str, Enum):
    """On which host a step works: the instance's own (the target's), the source's, or between both."""

    TARGET = "target"
    SOURCE = "source"
    BOTH = "both"


@dataclass(frozen=True)
class RecordSource:
    """Record the source's fingerprint under `name`, and what its database holds; the source is only read."""

    KIND: ClassVar[str] = "record-source"
    name: str


@dataclass(frozen=True)
class SaveSource:
    """Save the source's `.env`, database and chosen files (`paths`, relative to its tree) into `directory` on its host."""

    KIND: ClassVar[str] = "save-source"
    directory: str
    paths: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadDump:
    """Read the source's dump in `directory` on its host, and refuse what the target's server cannot take in."""

    KIND: ClassVar[str] = "read-dump"
    directory: str


@dataclass(frozen=True)
class Transfer:
    """Copy the directory `source` of the source's host to `directory` on the target's, and check every file there."""

    KIND: ClassVar[str] = "transfer"
    source: str
    directory: str
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProveApart:
    """Prove that the target's database is not the source's: a marker named by `token` is written and looked for."""

    KIND: ClassVar[str] = "prove-apart"
    token: str


@dataclass(frozen=True)
class RemoveMarker:
    """Remove the marker that a killed `ProveApart` with this `token` may have left in the target's database."""

    KIND: ClassVar[str] = "remove-marker"
    token: str


@dataclass(frozen=True)
class ImportDatabase:
    """Empty the target's database, and fill it from the source's dump in `directory`."""

    KIND: ClassVar[str] = "import-database"
    directory: str
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class CarryDotenv:
    """Carry keys of the source's `.env` (saved in `directory`) over into the target's.

    What becomes of each key the rules propose; `chosen` says of which keys a person chose otherwise, and what (carry, keep, edit).
    What was edited lies in the run's own directory, for it may be secret. `result` is the SHA-256 of the file that comes out,
    `diff` what is shown, secrets masked.
    """

    KIND: ClassVar[str] = "carry-dotenv"
    directory: str
    result: str
    chosen: Mapping[str, str] = field(default_factory=dict)
    diff: str = ""


@dataclass(frozen=True)
class ProveKey:
    """Prove that the APP_KEY of the target's `.env` opens what its database holds."""

    KIND: ClassVar[str] = "prove-key"


@dataclass(frozen=True)
class UnpackFiles:
    """Put the chosen files of the source, saved in `directory`, into the target's tree, as its owner."""

    KIND: ClassVar[str] = "unpack-files"
    directory: str
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerifyMigration:
    """Compare the target with the source as recorded, and with its own code as it was before.

    `release` is the target's tag; `final` false while maintenance mode is on, when HTTP is not asked.
    """

    KIND: ClassVar[str] = "verify-migration"
    release: str
    final: bool = True


@dataclass(frozen=True)
class CompareSource:
    """Compare the source with the fingerprint `name` of the run: what was written there meanwhile is not in the target."""

    KIND: ClassVar[str] = "compare-source"
    name: str


Move = (
    RecordSource
    | SaveSource
    | ReadDump
    | Transfer
    | ProveApart
    | RemoveMarker
    | ImportDatabase
    | CarryDotenv
    | ProveKey
    | UnpackFiles
    | VerifyMigration
    | CompareSource
)
