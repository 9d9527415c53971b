"""Proving a backup: read back whole, restored into a scratch database, compared; only then does it count."""

from __future__ import annotations

import posixpath
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from dfwizard import codec
from dfwizard.backup import commands
from dfwizard.backup.appkey import environment_key
from dfwizard.backup.context import BackupContext
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.digests import DatabaseContent, content_of, differences, kinds_of, probe_content
from dfwizard.backup.manifest import (
    ENV,
    MANIFEST,
    PROOF,
    DatabaseRecord,
    Manifest,
    Proof,
    TreeRecord,
    read_manifest,
)
from dfwizard.backup.parts import DAMAGED, check_parts, checksums
from dfwizard.backup.restore import fill
from dfwizard.backup.scratch import scratch_database, scratch_file
from dfwizard.backup.subject import Subject
from dfwizard.errors import BackupError
from dfwizard.instance.database import DatabaseSettings
from dfwizard.instance.facts import KeyProof
from dfwizard.instance.probe import Probe, probe_facts

TRAILER = b"-- Dump completed"
"""The last line of a MySQL dump that ran to its end (mysqldump --skip-comments would leave it out)."""


@dataclass(frozen=True)
class BackupCheck:
    """What could be shown of a backup: the manifest, sentences proven, sentences on what could not be shown and why."""

    manifest: Manifest
    proven: tuple[str, ...]
    notes: tuple[str, ...]
    scratch: str = ""
    key: KeyProof | None = None


def prove(context: BackupContext, subject: Subject, directory: str) -> Proof:
    """Prove the backup in `directory` and write the proof beside its manifest.

    Every part has its recorded SHA-256, the archive reads to its end with the recorded names, and the database, restored into a
    scratch database on the live server, holds exactly what was recorded when it was dumped; the backup's APP_KEY
    opens what it holds.

    Raises:
        BackupError: something is not so, or no scratch database could be made.
        HostError: the host could not do what was asked.
    """
    began = time.monotonic()
    manifest = read_manifest(context.host, directory)
    if manifest.instance != subject.path:
        raise BackupError(
            f"this is a backup of {manifest.instance}, not of {subject.path}",
            where=directory,
            remedy="Give the backup of this instance.",
        )
    check = verify(context, directory, subject, key=subject.path)
    notes = check.notes
    if manifest.database is not None:
        now = probe_content(context, subject).fewer_objects(kinds_of(manifest.database.left_out))
        moved = differences(content_of(manifest.database), now)
        if moved:
            notes += (f"the live database has changed since the backup: {'; '.join(moved[:10])}",)
    proof = Proof(
        proven_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        manifest_sha256=checksums(context, directory, (MANIFEST,))[MANIFEST],
        proven=check.proven,
        scratch=check.scratch,
        key=check.key,
        notes=notes,
    )
    context.host.write(
        posixpath.join(directory, PROOF), codec.dumps(proof, indent=1).encode() + b"\n", mode=0o600
    )
    for note in notes:
        context.report(f"note: {note}")
    context.report(f"backup proven in {time.monotonic() - began:.1f} s")
    return proof


def verify(
    context: BackupContext, directory: str, subject: Subject | None = None, *, key: str | None = None
) -> BackupCheck:
    """Show everything that can be shown of a backup without changing it; without `subject` (no access to its database) less.

    `key` is what scratch databases are known by (see `scratch_database`).

    Raises:
        BackupError: the backup is unfinished, damaged, or does not restore to what was recorded.
        HostError: the host could not do what was asked.
    """
    manifest = read_manifest(context.host, directory)
    proven: list[str] = []

    def shown(sentence: str) -> None:
        proven.append(sentence)
        context.report(f"proven: {sentence}")

    check_parts(context, directory, manifest)
    shown(f"all {len(manifest.parts)} files have the recorded SHA-256")
    for archive in (manifest.tree, manifest.files):
        if archive is not None:
            _check_archive(context, directory, archive)
            shown(f"{archive.file} reads to its end and holds the recorded {archive.members} names")
    record = manifest.database
    check = BackupCheck(manifest, (), ())
    if record is None:
        return replace(check, proven=tuple(proven), notes=("the backup holds no database",))
    _check_dump(context, directory, record)
    shown("the dump reads to its end")
    if subject is None or subject.driver != record.driver:
        note = "not restored into a scratch database: there is no access to the database server"
        return replace(check, proven=tuple(proven), notes=(note,))
    check = _restore_to_scratch(context, subject, directory, record, key or f"verify:{directory}")
    shown(f"restored {check.scratch}: {len(record.tables)} tables with the recorded rows and values")
    notes: tuple[str, ...] = ()
    if check.key is not None and check.key.state == "proven":
        shown(f"APP_KEY opens the {check.key.tried} encrypted values tried")
    elif check.key is not None and check.key.state == "nothing-encrypted":
        notes = ("the database holds nothing encrypted that could prove APP_KEY",)
    return replace(check, manifest=manifest, proven=tuple(proven), notes=notes)


def _check_archive(context: BackupContext, directory: str, archive: TreeRecord) -> None:
    file = posixpath.join(directory, archive.file)
    result = context.run(
        commands.list_archive(file, "sha256sum"), "reading the archive", where=file, remedy=DAMAGED
    )
    if result.text.split()[:1] != [archive.names_sha256]:
        raise BackupError("the archive holds other names than were archived", where=file, remedy=DAMAGED)


def _check_dump(context: BackupContext, directory: str, record: DatabaseRecord) -> None:
    file = posixpath.join(directory, record.file)
    end = context.run(commands.read_end(file), "reading the dump", where=file, remedy=DAMAGED).stdout
    if record.driver == "mysql" and TRAILER not in end:
        raise BackupError(
            "the dump has no end: its last line is not '-- Dump completed'", where=file, remedy=DAMAGED
        )


def _restore_to_scratch(
    context: BackupContext, subject: Subject, directory: str, record: DatabaseRecord, key: str
) -> BackupCheck:
    settings = subject.settings
    assert settings is not None
    manifest = read_manifest(context.host, directory)
    file = posixpath.join(directory, record.file)
    context.host.mkdir(context.private, mode=0o700)
    if settings.driver == "sqlite":
        scratch = scratch_file(context)
        try:
            context.run(commands.unpack_file(file, scratch), "unpacking the database", where=file)
            context.run(
                commands.check_sqlite(subject, scratch),
                "SQLite's integrity check",
                where=file,
                remedy=DAMAGED,
            )
            proof = _examine(context, subject, directory, manifest, replace(settings, file=scratch))
        finally:
            scratch_file(context)
        return BackupCheck(manifest, (), (), "into a scratch file", proof)
    with (
        client_credentials(context.host, settings, context.private) as client_file,
        scratch_database(context, subject, client_file, key) as made,
    ):
        fill(context, subject, file, client_file, made.name)
        proof = _examine(context, subject, directory, manifest, settings.named(made.name))
        return BackupCheck(manifest, (), (), f"into a scratch database made {made.how}", proof)


def _examine(
    context: BackupContext, subject: Subject, directory: str, manifest: Manifest, scratch: DatabaseSettings
) -> KeyProof | None:
    """Compare a scratch database with what was recorded, and try the backup's APP_KEY on it."""
    record = manifest.database
    assert record is not None
    found = differences(content_of(record), _comparable(probe_content(context, subject, scratch), record))
    if found:
        raise BackupError(
            f"the dump does not restore to what was saved: {'; '.join(found[:10])}",
            where=posixpath.join(directory, record.file),
            remedy="Take another backup; if this happens again, the server's dump program loses data here: use another version of it.",
        )
    if manifest.env is None:
        return None
    values = probe_facts(Probe(context.host, subject.php, scratch), mark=context.mark, timeout=600).encrypted
    proof = environment_key(context.host.read(posixpath.join(directory, ENV)), values)
    if proof.state == "wrong" or (proof.state == "no-key" and values):
        state = "does not open" if proof.state == "wrong" else "is missing, and something encrypted is in"
        raise BackupError(
            f"the APP_KEY of the saved .env {state} the saved database ({proof.where or values[0].table})",
            where=directory,
            remedy="Put the APP_KEY into .env with which the instance was set up; without it, stored passwords are lost.",
        )
    return proof


def _comparable(content: DatabaseContent, record: DatabaseRecord) -> DatabaseContent:
    return content.fewer_objects(kinds_of(record.left_out))
