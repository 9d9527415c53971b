"""Putting the database back: emptied, filled from the backup, and compared with what was recorded when it was saved."""

from __future__ import annotations

import posixpath
import time

from dfwizard.backup import commands
from dfwizard.backup.context import BackupContext
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.digests import content_of, differences, kinds_of, probe_content
from dfwizard.backup.manifest import Manifest, Owned, read_manifest
from dfwizard.backup.parts import check_parts
from dfwizard.backup.subject import Subject
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Command

ENTRIES = "restore.list"


def restore_database(context: BackupContext, subject: Subject, directory: str) -> None:
    """Empty the live database, fill it from the backup in `directory` and compare it with the manifest's digests.

    May be ended at any point and run again: it always begins with an empty database.

    Raises:
        BackupError: the backup is damaged (then nothing was changed), a program failed, or the result differs.
        HostError: the host could not do what was asked.
    """
    manifest = read_manifest(context.host, directory)
    record = manifest.database
    if record is None:
        context.report("database: the backup holds none")
        return
    settings = subject.settings
    if settings is None or settings.driver != record.driver:
        kind = settings.driver if settings else "no database"
        raise BackupError(
            f"the backup holds a database of the kind {record.driver}, the instance's is {kind}",
            where=directory,
            remedy="Put back the .env of the backup, then restore the database.",
        )
    check_parts(context, directory, manifest, only=(record.file,))
    began = time.monotonic()
    file = posixpath.join(directory, record.file)
    if settings.driver == "sqlite":
        target = settings.file
        assert target is not None
        place_sqlite(context, file, target, record.sqlite)
    else:
        with client_credentials(context.host, settings, context.private) as client_file:
            empty(context, subject, client_file, settings.name)
            fill(context, subject, file, client_file, settings.name)
    compare(context, subject, manifest)
    context.report(
        f"database: {len(record.tables)} tables restored in {time.monotonic() - began:.1f} s, identical"
    )


def empty(context: BackupContext, subject: Subject, client_file: str, database: str) -> None:
    """Drop everything in a MySQL or PostgreSQL database."""
    context.run(
        commands.empty_database(subject, client_file, database),
        "emptying the database",
        where=f"database {database}",
        remedy="The database user must own everything in it; let its administrator drop what the words above name.",
    )


def fill(
    context: BackupContext,
    subject: Subject,
    file: str,
    client_file: str,
    database: str,
    *,
    filters: tuple[Command, ...] = (),
    foreign: bool = False,
) -> None:
    """Import a dump into an empty MySQL or PostgreSQL database; `filters` and `foreign` as in `commands.import_database`."""
    entries = ""
    if subject.driver == "pgsql":
        entries = posixpath.join(context.private, ENTRIES)
        context.host.remove(entries)
        context.run(commands.list_dump(file, entries), "reading the dump's list", where=file)
    try:
        context.run(
            commands.import_database(
                subject, file, client_file, database, entries, filters=filters, foreign=foreign
            ),
            "importing the dump",
            where=f"database {database}",
        )
    finally:
        if entries:
            context.host.remove(entries)


def place_sqlite(context: BackupContext, file: str, target: str, owned: Owned | None) -> None:
    """Put a saved SQLite database in the place of `target`: new file beside it, owned as before, then renamed.

    The old database's log and journal go first: SQLite would apply them to the new file.
    """
    host = context.host
    found = host.stat(target)
    if found is not None and found.kind == "symlink":
        resolved = context.run(commands.resolve(target), "following the link", where=target)
        target = resolved.stdout.decode("utf-8", "surrogateescape").removesuffix("\0")
    parent, name = posixpath.split(target)
    new = posixpath.join(parent, f".{name}.dfwizard-restore")
    host.remove(new)
    context.run(commands.unpack_file(file, new), "unpacking the database", where=target)
    for command in commands.own(new, owned, context.host.user):
        context.run(command, "giving the database its owner", where=new)
    for companion in commands.sqlite_companions(target):
        host.remove(companion)
    host.rename(new, target)


def compare(context: BackupContext, subject: Subject, manifest: Manifest) -> None:
    """Compare the live database with what the manifest recorded.

    Raises:
        BackupError: they differ; the message names the tables.
    """
    record = manifest.database
    assert record is not None
    now = probe_content(context, subject).fewer_objects(kinds_of(record.left_out))
    found = differences(content_of(record), now)
    if found:
        raise BackupError(
            f"the restored database is not what was saved: {'; '.join(found[:10])}",
            where=f"database {record.name}",
            remedy="Stop whatever writes to the database, then restore it again.",
        )
