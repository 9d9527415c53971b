"""What a backup directory holds and how that is proven: the manifest, written last, and the proof beside it."""

from __future__ import annotations

import hashlib
import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dfwizard import codec
from dfwizard.errors import BackupError, CodecError
from dfwizard.instance.facts import KeyProof

if TYPE_CHECKING:
    from dfwizard.hosts.base import Host

SCHEMA = 1
"""Version of the manifest's JSON form; a reader refuses a higher one."""

MANIFEST = "manifest.json"
UNFINISHED = "unfinished"
"""A file that is in a backup directory from its first moment until the manifest is written; it names instance and run."""

PROOF = "proof.json"
ENV = "env"

SUMS = "SHA256SUMS"
"""What a backup made by an exported script has instead of a manifest: the sums of its parts, written last."""


@dataclass(frozen=True)
class Part:
    """One file of a backup: `name` relative to its directory, `size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Owned:
    """Owner, group and permission bits of a file as they were."""

    owner: str
    group: str
    mode: int


@dataclass(frozen=True)
class TreeRecord:
    """The archived tree.

    `file` is the part's name; `members` how many names it holds and `names_sha256` the digest of their list, one a line, as tar
    prints them; `size` the bytes of the tree; `mounts` directories inside it that were filesystems of their own, relative;
    `changed` files that were written while they were read (logs and caches only).
    """

    file: str
    members: int
    names_sha256: str
    size: int
    mounts: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnvRecord:
    """The `.env`: `owned` is None when the instance had none; `link` where it pointed when it was a symlink."""

    sha256: str
    owned: Owned
    link: bool = False


@dataclass(frozen=True)
class TableRecord:
    """A table: rows, an order-independent digest of all of them (None: volatile, not compared), digest of its schema."""

    rows: int
    digest: str | None
    schema: str


@dataclass(frozen=True)
class DatabaseRecord:
    """The saved database.

    `file` is the part's name; `server` the server's version; `tables` by name; `objects` digests of views, triggers, routines, events
    and sequences by kind and name; `sqlite` how the file was owned; `left_out` what privileges did not allow to dump.
    """

    file: str
    driver: str
    name: str
    server: str
    tables: Mapping[str, TableRecord]
    objects: Mapping[str, str]
    sqlite: Owned | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """Everything known of a backup. It is written last: a directory without it is an unfinished backup.

    `created_at` is ISO 8601 UTC; `release` and `commit` what was installed; `versions` of the programs used; `commands` the
    shell lines that made it; `key_fingerprint` a one-way mark of APP_KEY; `run` the mark of
    the run that took it. A backup made to be carried to another server has no `tree`, but the archive `files` of those
    files of the tree that were chosen (None: none were).
    """

    created_at: str
    host: str
    instance: str
    dfwizard: str
    release: str | None
    commit: str | None
    parts: tuple[Part, ...]
    tree: TreeRecord | None
    env: EnvRecord | None
    database: DatabaseRecord | None
    versions: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    key_fingerprint: str = ""
    run: str = ""
    files: TreeRecord | None = None
    schema: int = SCHEMA

    @property
    def size(self) -> int:
        """Give the bytes of all parts."""
        return sum(part.size for part in self.parts)

    @property
    def code(self) -> TreeRecord:
        """Give the record of the archived tree.

        Raises:
            BackupError: the backup has none.
        """
        if self.tree is None:
            raise BackupError(
                "the backup holds no code: it was made to be carried to another server",
                where=self.instance,
                remedy="Use a backup of the whole instance.",
            )
        return self.tree


@dataclass(frozen=True)
class Proof:
    """That a backup was restored and compared, and when.

    `manifest_sha256` ties it to the manifest; `proven` are the things shown, one sentence each; `scratch` how the scratch database
    was had; `key` whether the backup's APP_KEY opens what its database holds; `notes` what could not be shown and why.
    """

    proven_at: str
    manifest_sha256: str
    proven: tuple[str, ...]
    scratch: str
    key: KeyProof | None = None
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA


def read_manifest(host: Host, directory: str) -> Manifest:
    """Read the manifest of a backup directory.

    Raises:
        BackupError: there is no directory, no manifest, it is not one this dfwizard can read, or not the one that was proven.
    """
    found = host.stat(directory, follow=True)
    if found is None or found.kind != "directory":
        raise BackupError(
            "there is no backup: no such directory", where=directory, remedy="Check the path of the backup."
        )
    path = posixpath.join(directory, MANIFEST)
    if host.stat(path) is None:
        raise _without_manifest(host, directory)
    text = host.read(path, limit=64 << 20)
    manifest = parse_manifest(text, where=path)
    proof = read_proof(host, directory)
    # The sums of the parts are in the manifest; what it says beside them (owners, modes, digests) is tied by the proof alone.
    if proof is not None and proof.manifest_sha256 != hashlib.sha256(text).hexdigest():
        raise BackupError(
            "the manifest is not the one with which the backup was proven: it, or the proof, has changed since",
            where=path,
            remedy="The backup is damaged, or was changed by hand. Use another backup.",
        )
    return manifest


def _without_manifest(host: Host, directory: str) -> BackupError:
    """Say what a directory without a manifest is: nobody may be led to remove what is the only way back."""
    if host.stat(posixpath.join(directory, SUMS)) is not None:
        check = f"cd -- {shlex.quote(directory)} && sha256sum -c {SUMS}"
        return BackupError(
            f"made by an exported script: it has {SUMS} instead of a manifest, and dfwizard can neither check nor restore it",
            where=directory,
            remedy=f"Check it with `{check}`, put it back with `sh SCRIPT --restore`; SCRIPT is the script that made it.",
        )
    return BackupError(
        "the backup was never finished: it has no manifest.json, which is written last",
        where=directory,
        remedy="Take another backup. Keep this directory until you have looked whether a run still needs it: "
        "`dfwizard runs` lists them, `dfwizard report RUN` names their backups.",
    )


def parse_manifest(text: bytes, *, where: str) -> Manifest:
    """Read a manifest's JSON.

    Raises:
        BackupError: it is not a manifest, was written by a newer dfwizard, or names files outside its directory.
    """
    try:
        manifest = codec.loads(Manifest, text)
    except CodecError as error:
        raise BackupError(
            f"the manifest cannot be read: {error}",
            where=where,
            remedy="It may be damaged, or written by a newer dfwizard: try that one, or take another backup.",
        ) from error
    names = [part.name for part in manifest.parts]
    odd = [name for name in names if not _stays_inside(name)]
    needed = {archive.file for archive in (manifest.tree, manifest.files) if archive is not None}
    if manifest.database is not None:
        needed.add(manifest.database.file)
    if manifest.env is not None:
        needed.add(ENV)
    if odd or not needed <= set(names):
        wrong = repr(odd[0]) if odd else ", ".join(sorted(needed - set(names))) + " is not listed"
        raise BackupError(
            f"the manifest does not describe a backup: {wrong}",
            where=where,
            remedy="It was changed, or belongs to something else. Use another backup.",
        )
    return manifest


def _stays_inside(name: str) -> bool:
    return bool(name) and "\0" not in name and not name.startswith("/") and ".." not in name.split("/")


def read_proof(host: Host, directory: str) -> Proof | None:
    """Read the proof beside a manifest; None when there is none, or when it cannot be read."""
    path = posixpath.join(directory, PROOF)
    if host.stat(path) is None:
        return None
    try:
        return codec.loads(Proof, host.read(path, limit=16 << 20))
    except CodecError:
        return None
