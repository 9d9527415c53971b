"""The content of a database as digests, and what differs between two of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from dfwizard.backup.context import BackupContext
from dfwizard.backup.manifest import DatabaseRecord, TableRecord
from dfwizard.backup.subject import VOLATILE, Subject
from dfwizard.instance.database import DatabaseSettings
from dfwizard.instance.probe import Probe, probe_digest


@dataclass(frozen=True)
class DatabaseContent:
    """A database at one moment: the server's version, its tables, digests of its other objects."""

    server: str
    tables: Mapping[str, TableRecord]
    objects: Mapping[str, str]

    def fewer_objects(self, kinds: tuple[str, ...]) -> DatabaseContent:
        """Give the same content without the objects of some kinds."""
        kept = {name: text for name, text in self.objects.items() if name.split(" ", 1)[0] not in kinds}
        return DatabaseContent(self.server, self.tables, kept)


def content_of(record: DatabaseRecord) -> DatabaseContent:
    """Give the content that a manifest recorded."""
    return DatabaseContent(record.server, record.tables, record.objects)


def kinds_of(left_out: tuple[str, ...]) -> tuple[str, ...]:
    """Give the kinds of objects that a dump lacks, of what a manifest says was left out."""
    kinds = {"routines": ("function", "procedure"), "events": ("event",)}
    return tuple(kind for name in left_out for kind in kinds.get(name, ()))


def short_digest(text: str) -> str:
    """Give 32 hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def differences(before: DatabaseContent, after: DatabaseContent) -> tuple[str, ...]:
    """Name every difference between two contents, one sentence each; empty when they are identical.

    Of volatile tables (their digest is None) only presence and schema are compared.
    """
    found = [f"table {name} is missing" for name in sorted(before.tables.keys() - after.tables.keys())]
    found += [f"table {name} is new" for name in sorted(after.tables.keys() - before.tables.keys())]
    for name in sorted(before.tables.keys() & after.tables.keys()):
        found += _table(name, before.tables[name], after.tables[name])
    found += [f"{name} is missing" for name in sorted(before.objects.keys() - after.objects.keys())]
    found += [f"{name} is new" for name in sorted(after.objects.keys() - before.objects.keys())]
    both = before.objects.keys() & after.objects.keys()
    found += [f"{name} differs" for name in sorted(both) if before.objects[name] != after.objects[name]]
    return tuple(found)


def _table(name: str, before: TableRecord, after: TableRecord) -> list[str]:
    found = []
    if before.schema != after.schema:
        found.append(f"table {name} has another schema")
    if before.digest is None or after.digest is None:
        return found
    if before.rows != after.rows:
        found.append(f"table {name} has {after.rows} rows instead of {before.rows}")
    elif before.digest != after.digest:
        found.append(f"table {name} has other values in its {before.rows} rows")
    return found


def probe_content(
    context: BackupContext, subject: Subject, settings: DatabaseSettings | None = None
) -> DatabaseContent:
    """Digest a database: the subject's own, or another one on the same server (`settings`).

    Raises:
        HostError: the database did not answer, or PHP did not run.
    """
    chosen = settings or subject.settings
    assert chosen is not None
    volatile = [chosen.prefix + name for name in VOLATILE]
    found = probe_digest(Probe(context.host, subject.php, chosen), skip_rows=volatile, mark=context.mark)
    tables = {
        name: TableRecord(table.rows, table.digest, short_digest(table.schema))
        for name, table in found.tables.items()
    }
    objects = {name: short_digest(text) for name, text in found.objects.items()}
    return DatabaseContent(found.server, tables, objects)
