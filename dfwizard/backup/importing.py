"""The dump of one instance's database put into another instance's: emptied, filled, and compared with what was saved."""

from __future__ import annotations

import posixpath
import time
from dataclasses import replace

from dfwizard.backup.context import BackupContext
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.digests import DatabaseContent, content_of, differences, kinds_of, probe_content
from dfwizard.backup.manifest import Owned, read_manifest
from dfwizard.backup.parts import check_parts
from dfwizard.backup.restore import empty, fill, place_sqlite
from dfwizard.backup.subject import Subject
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Command


def import_database(
    context: BackupContext,
    subject: Subject,
    directory: str,
    *,
    prefix: str,
    owned: Owned | None,
    filters: tuple[Command, ...] = (),
) -> None:
    """Empty the subject's database, fill it from the backup of another instance in `directory`, and compare.

    `prefix` goes before the names of the saved tables, `owned` is how a SQLite file is to be owned, and `filters` change the dump's text
    on its way in. May be ended at any point and run again: it always begins with an empty database.

    Raises:
        BackupError: the backup is damaged or of another kind of database (then nothing was changed), a program failed, or what came
            out is not what was saved.
        HostError: the host could not do what was asked.
    """
    manifest = read_manifest(context.host, directory)
    record, settings = manifest.database, subject.settings
    if record is None or settings is None or settings.driver != record.driver:
        theirs, ours = (one.driver if one else "no database" for one in (record, settings))
        raise BackupError(
            f"the source's database is of the kind {theirs}, the target's {ours}",
            where=directory,
            remedy="Both must be of one kind: dfwizard carries no database from one to another.",
        )
    check_parts(context, directory, manifest, only=(record.file,))
    began = time.monotonic()
    file = posixpath.join(directory, record.file)
    if settings.driver == "sqlite":
        assert settings.file is not None
        place_sqlite(context, file, settings.file, owned)
    else:
        with client_credentials(context.host, settings, context.private) as client_file:
            empty(context, subject, client_file, settings.name)
            fill(context, subject, file, client_file, settings.name, filters=filters, foreign=True)
    now = probe_content(context, subject, replace(settings, prefix=prefix))
    wrong, notes = compare_import(content_of(record), now.fewer_objects(kinds_of(record.left_out)))
    for note in notes:
        context.report(f"note: {note}")
    if wrong:
        raise BackupError(
            f"what was imported is not what was saved: {'; '.join(wrong[:10])}",
            where=f"database {settings.name}",
            remedy="Stop whatever writes to the target's database, then try again.",
        )
    rows = sum(table.rows for table in record.tables.values())
    context.report(
        f"database: {len(record.tables)} tables with {rows} rows imported in {time.monotonic() - began:.1f} s, as they were saved"
    )


def compare_import(
    before: DatabaseContent, after: DatabaseContent
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Compare what was saved with what came out: first what must not be so, then what another server may write otherwise.

    Rows are compared by value. How a server describes a table or a view depends on its version, so that a different description is
    only noted.
    """
    shape = DatabaseContent(
        after.server,
        {
            name: replace(table, schema=before.tables[name].schema) if name in before.tables else table
            for name, table in after.tables.items()
        },
        {name: before.objects.get(name, text) for name, text in after.objects.items()},
    )
    wrong = differences(before, shape)
    return wrong, tuple(line for line in differences(before, after) if line not in wrong)
