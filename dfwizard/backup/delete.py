"""Deleting a backup: one directory that is certainly a backup of dfwizard's, renamed aside first, and nothing else ever."""

from __future__ import annotations

import posixpath
import re
import secrets

from dfwizard.backup.manifest import ENV, MANIFEST, PROOF, UNFINISHED, parse_manifest, read_manifest
from dfwizard.backup.take import INDEX
from dfwizard.errors import BackupError, DfwizardError, UsageError
from dfwizard.hosts.base import Host
from dfwizard.instance.paths import shown

_ASIDE = re.compile(r"\.dfwizard-deleted-[0-9a-f]{16}")
_OWN = frozenset({ENV, MANIFEST, PROOF, UNFINISHED, INDEX, "system"})
_PART = re.compile(r"(?:tree\.tar|database\.(?:sql|dump|sqlite))(?:\.zst|\.gz|-wal|-shm|-journal)?")
_FRESH = re.compile(r"\.dfwizard-[0-9a-f]{16}")
"""What is left of a file that was being written when dfwizard was killed."""

_REMEDY = "Look what it is; what is no backup of dfwizard's has to be removed by hand."


def unfinished_of(text: bytes) -> tuple[str, str] | None:
    """Read the file that marks an unfinished backup: the run's mark ("" when no run took it) and the instance."""
    lines = text.decode("utf-8", "surrogateescape").split("\n", 1)
    if len(lines) != 2 or not lines[1].startswith("/") or not lines[1].endswith("\n"):
        return None
    return lines[0], lines[1][:-1]


def instance_of(host: Host, directory: str) -> str:
    """Give the instance that a backup, finished or not, belongs to; "" when that cannot be told."""
    try:
        if host.stat(posixpath.join(directory, MANIFEST)) is not None:
            return read_manifest(host, directory).instance
        if host.stat(posixpath.join(directory, UNFINISHED)) is not None:
            found = unfinished_of(host.read(posixpath.join(directory, UNFINISHED), limit=1 << 16))
            return found[1] if found else ""
    except DfwizardError:
        return ""
    return ""


def is_put_aside(directory: str) -> bool:
    """Tell whether a directory is what an interrupted deletion has left."""
    return _ASIDE.fullmatch(posixpath.basename(directory)) is not None


def delete(host: Host, directory: str) -> None:
    """Remove the backup in `directory`, finished or not.

    It is renamed aside and loses its manifest first, so that half a backup never looks like a whole one.

    Raises:
        UsageError: it is no backup of dfwizard's, or there is more in it than a backup.
        HostError: it could not be removed wholly; what is left is listed as unfinished, and can be deleted again.
    """
    directory = require_deletable(host, directory)
    aside = directory
    if not is_put_aside(directory):
        aside = posixpath.join(posixpath.dirname(directory), f".dfwizard-deleted-{secrets.token_hex(8)}")
        host.rename(directory, aside)
    host.remove(posixpath.join(aside, MANIFEST))
    host.remove(aside)


def require_deletable(host: Host, directory: str) -> str:
    """Give the normal form of the path of a backup that may be deleted.

    Raises:
        UsageError: see `delete`.
    """
    if not directory.startswith("/") or "\0" in directory:
        raise UsageError("the path of a backup is absolute", where=shown(directory), remedy=_REMEDY)
    path = "/" + posixpath.normpath(directory).strip("/")
    found = host.stat(path)
    if found is None:
        raise UsageError("there is no backup: no such directory", where=shown(path), remedy="See the list.")
    if found.kind != "directory":
        kind = "a symlink" if found.kind == "symlink" else "no directory"
        raise UsageError(f"this is {kind}, and no backup", where=shown(path), remedy=_REMEDY)
    if host.user not in ("root", found.owner):
        raise UsageError(
            f"the backup belongs to {found.owner}",
            where=shown(path),
            remedy=f"Run dfwizard as {found.owner} or as root.",
        )
    names = host.listdir(path)
    if not is_put_aside(path):
        _require_ours(host, path, names)
    foreign = [
        name for name in names if not (name in _OWN or _PART.fullmatch(name) or _FRESH.fullmatch(name))
    ]
    if foreign:
        raise UsageError(
            f"it holds {shown(foreign[0])}, which is no part of a backup; nothing was removed",
            where=shown(path),
            remedy="Move that elsewhere first.",
        )
    return path


def _require_ours(host: Host, path: str, names: tuple[str, ...]) -> None:
    reason = "it has no manifest, and is no unfinished backup of dfwizard's"
    try:
        if MANIFEST in names:
            file = posixpath.join(path, MANIFEST)
            parse_manifest(host.read(file, limit=64 << 20), where=file)
            return
        if UNFINISHED in names and unfinished_of(host.read(posixpath.join(path, UNFINISHED), limit=1 << 16)):
            return
    except BackupError as error:
        reason = error.what
    except DfwizardError as error:
        raise UsageError(error.what, where=shown(path), remedy=_REMEDY) from None
    raise UsageError(f"{reason}; nothing was removed", where=shown(path), remedy=_REMEDY)
