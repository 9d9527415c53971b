"""What a backup will be: its parts with their expected sizes, the room it takes, how it is proven; and how far one is."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Literal

from dfwizard.backup.commands import DUMP_NAMES, TREE_NAME
from dfwizard.backup.estimate import DUMP_RATIO, estimate
from dfwizard.backup.manifest import ENV, MANIFEST
from dfwizard.errors import DfwizardError
from dfwizard.hosts.base import Host
from dfwizard.instance.facts import Facts, Space
from dfwizard.planning.weights import pace

_SQLITE_COPY = DUMP_NAMES["sqlite"]


@dataclass(frozen=True)
class PartOutlook:
    """A part of a backup: `name` (env, database, tree), `what` is saved, in words, and the bytes expected in the backup."""

    name: str
    what: str
    size: int


@dataclass(frozen=True)
class BackupOutlook:
    """What a backup will be. Sizes in bytes; `seconds` to take and to prove it, roughly.

    `free_before` and `free_after` are of the filesystem mounted at `mount` (None: not known); `free_after` is negative where the room
    does not suffice. `proof` says in a sentence how the backup will be proven.
    """

    directory: str
    parts: tuple[PartOutlook, ...]
    size: int
    seconds: float
    mount: str
    free_before: int | None
    free_after: int | None
    proof: str


@dataclass(frozen=True)
class PartProgress:
    """How far a part of a backup is: bytes `written` of those `expected`, which are known exactly once it is done."""

    name: str
    state: Literal["waiting", "writing", "done"]
    written: int
    expected: int


@dataclass(frozen=True)
class BackupProgress:
    """How far a backup is: its parts in the order in which they are written."""

    parts: tuple[PartProgress, ...] = ()
    written: int = 0
    expected: int = 0


def outlook(host: Host, facts: Facts, directory: str) -> BackupOutlook:
    """Say what a backup of the instance into `directory` will be. Only `.env` and free space are looked at; never raises."""
    parts = _parts(facts, _size(host, posixpath.join(facts.path, ".env")) or 0)
    size = sum(part.size for part in parts)
    expected = pace(facts)
    space = _space(facts.space, directory)
    free = space.free if space is not None and "backups" in space.purpose else _free(host, directory)
    if free is None and space is not None:
        free = space.free
    return BackupOutlook(
        directory=directory,
        parts=parts,
        size=size,
        seconds=expected.backup + expected.proof,
        mount=space.mount if space else "",
        free_before=free,
        free_after=None if free is None else free - size,
        proof=_proof(facts),
    )


def _parts(facts: Facts, env: int) -> tuple[PartOutlook, ...]:
    """Give the parts in the order in which they are written."""
    found = estimate(facts)
    database = facts.database
    parts = [PartOutlook("env", ".env, byte for byte", env)] if facts.dotenv is not None else []
    if database is not None:
        where = database.name if database.driver != "sqlite" else database.address
        rows = f"{len(database.tables)} tables of {where}" if database.tables else where
        parts.append(
            PartOutlook("database", f"the system database: {rows}", int((database.size or 0) * DUMP_RATIO))
        )
    what = f"{facts.tree.files} files of {facts.path}, with vendor, .git and storage"
    return (*parts, PartOutlook("tree", what, found.tree))


def _proof(facts: Facts) -> str:
    database = facts.database
    if database is None:
        return "Every file of the backup is read back whole and compared with its checksum."
    scratch = "file" if database.driver == "sqlite" else "database on the same server"
    key = " APP_KEY must open what it holds." if facts.key.state == "proven" else ""
    return (
        f"The archive is read back whole, and the database is restored into a scratch {scratch} and compared with the live one, "
        f"table by table and row by row; then it is removed again.{key}"
    )


def _space(spaces: tuple[Space, ...], directory: str) -> Space | None:
    under = [
        one
        for one in spaces
        if one.mount in ("/", directory) or directory.startswith(one.mount.rstrip("/") + "/")
    ]
    return max(under, key=lambda one: len(one.mount), default=None)


def backup_progress(host: Host, directory: str, parts: tuple[PartOutlook, ...]) -> BackupProgress:
    """Say how far the backup in `directory` is, by the sizes of its files, against the outlook's `parts`; never raises."""
    try:
        names = host.listdir(directory) if host.stat(directory) is not None else ()
    except DfwizardError:
        names = ()
    whole = MANIFEST in names
    files = {part.name: _files(part.name, names) for part in parts}
    found = []
    for index, part in enumerate(parts):
        later = any(files[other.name] for other in parts[index + 1 :]) or "system" in names
        copy = files[part.name] == [_SQLITE_COPY]
        written = sum(_size(host, posixpath.join(directory, name)) or 0 for name in files[part.name])
        if copy:
            written = 0  # SQLite's own copy, which is compressed next and does not stay
        if whole or (later and files[part.name]):
            found.append(PartProgress(part.name, "done", written, written))
        elif files[part.name]:
            found.append(PartProgress(part.name, "writing", written, max(part.size, written)))
        else:
            found.append(PartProgress(part.name, "waiting", 0, part.size))
    return BackupProgress(tuple(found), sum(one.written for one in found), sum(one.expected for one in found))


def _files(part: str, names: tuple[str, ...]) -> list[str]:
    """Give the files of a part: compressed, or, of SQLite, the copy that is compressed next."""
    if part == "env":
        return [ENV] if ENV in names else []
    begins = tuple(DUMP_NAMES.values()) if part == "database" else (TREE_NAME,)
    packed = [name for name in names if name.startswith(tuple(f"{begin}." for begin in begins))]
    return packed or [name for name in names if name == _SQLITE_COPY and part == "database"]


def _size(host: Host, path: str) -> int | None:
    try:
        found = host.stat(path, follow=True)
    except DfwizardError:
        return None
    return found.size if found is not None and found.kind == "file" else None


def _free(host: Host, directory: str) -> int | None:
    try:
        return host.free_bytes(directory)
    except DfwizardError:
        return None
