"""What one PostgreSQL does not understand of the dump of another one; dumps are pg_dump's archives, read by pg_restore."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dfwizard.backup.oddities import DumpOddity, Judged, TargetServer, harmless, listed, refused, remedied

LIST_SCAN = r"""
function found(kind, name) { if (distinct[kind] < 200 || (kind, name) in count) { if (!((kind, name) in count)) {
    distinct[kind]++; line[kind, name] = NR } count[kind, name]++ } }
/^; +Dumped from database version: / { sub(/^; +Dumped from database version: /, ""); found("server", $0) }
/^; +Dumped by pg_dump version: / { sub(/^; +Dumped by pg_dump version: /, ""); found("program", $0) }
/^; +Dump Version: / { sub(/^; +Dump Version: /, ""); found("archive", $0) }
/^[0-9]+; [0-9]+ [0-9]+ EXTENSION - / { sub(/^[0-9]+; [0-9]+ [0-9]+ EXTENSION - /, ""); sub(/ *$/, ""); found("extension", $0) }
/^[0-9]+; [0-9]+ [0-9]+ (EVENT TRIGGER|PUBLICATION|SUBSCRIPTION|FOREIGN DATA WRAPPER|SERVER|PROCEDURAL LANGUAGE|CAST) / {
    sub(/^[0-9]+; [0-9]+ [0-9]+ /, ""); sub(/ - .*$/, ""); found("administrators", $0) }
/^[0-9]+; [0-9]+ [0-9]+ SCHEMA - / { sub(/^[0-9]+; [0-9]+ [0-9]+ SCHEMA - /, ""); sub(/ [^ ]*$/, ""); found("schema", $0) }
/^[0-9]+; [0-9]+ [0-9]+ (DEFAULT )?ACL / { found("privileges", "") }
/^[0-9]+; [0-9]+ [0-9]+ BLOBS? / { found("large-object", "") }
END { for (key in count) { split(key, part, SUBSEP); printf "%s\t%d\t%d\t%s\n", part[1], count[key], line[key], part[2] } }
"""
"""awk: reads what `pg_restore --list` writes; of comments, owners and privileges only the kind is told."""

SCHEMA_SCAN = r"""
function found(kind, name) { if (!((kind, name) in count)) line[kind, name] = NR; count[kind, name]++ }
/^SET client_encoding = '[A-Za-z0-9_]+';$/ { sub(/^SET client_encoding = '/, ""); sub(/';$/, ""); found("encoding", $0) }
/^    / {
    if (/ GENERATED ALWAYS AS \(.*\) STORED/) found("feature", "generated columns")
    if (/ GENERATED ALWAYS AS \(.*\)( VIRTUAL)?,?$/) found("feature", "virtual columns")
    if (/ WITHOUT OVERLAPS/) found("feature", "keys without overlaps")
}
/^(CREATE UNIQUE INDEX|    ADD CONSTRAINT) .*NULLS NOT DISTINCT/ { found("feature", "NULLS NOT DISTINCT") }
/^(CREATE( UNIQUE)? INDEX|    ADD CONSTRAINT) .* INCLUDE \(/ { found("feature", "INCLUDE in indexes") }
/^ALTER TABLE .* SET COMPRESSION / { found("feature", "compression of columns") }
/^ALTER TABLE .* ADD GENERATED (ALWAYS|BY DEFAULT) AS IDENTITY \(/ { found("feature", "identity columns") }
/^CREATE PROCEDURE / { found("feature", "procedures") }
/^PARTITION BY / { found("feature", "partitions") }
END { for (key in count) { split(key, part, SUBSEP); printf "%s\t%d\t%d\t%s\n", part[1], count[key], line[key], part[2] } }
"""
"""awk: reads the schema as pg_restore writes it (no rows)."""

_SINCE: Mapping[str, int] = {
    "identity columns": 10,
    "partitions": 10,
    "INCLUDE in indexes": 11,
    "procedures": 11,
    "generated columns": 12,
    "compression of columns": 14,
    "NULLS NOT DISTINCT": 15,
    "virtual columns": 18,
    "keys without overlaps": 18,
}
"""The first PostgreSQL that has it (release notes)."""

_ARCHIVES = ((17, (1, 16)), (16, (1, 15)), (12, (1, 14)), (11, (1, 13)), (0, (1, 12)))
"""The newest archive that each pg_restore reads (pg_backup_archiver.h)."""

COPIED = r"/^COPY .* FROM stdin;$/,/^\\\.$/b"
"""sed: rows go through as they are; a row that is `\\.` is written with two backslashes."""

_SETTINGS = (
    (
        "transaction_timeout",
        17,
        ("1,/^-- (Name|TOC entry|Data for Name)/{", "/^SET transaction_timeout = 0;$/d", "}"),
    ),
    (
        "default_table_access_method",
        12,
        (COPIED, "/^SET default_table_access_method = heap;$/d"),
    ),
)
"""Settings by the first PostgreSQL that knows them, with sed's commands that take their lines out."""


def judge_pgsql(oddities: tuple[DumpOddity, ...], target: TargetServer) -> tuple[Judged, ...]:
    """Say what becomes of each oddity of an archive that is for `target`."""
    judged = [_JUDGES[oddity.kind](oddity, target) for oddity in oddities if oddity.kind in _JUDGES]
    client, server = (version[0] if version else 0 for version in (target.client, target.version))
    # Newer programs of pg_restore set these whatever the server is.
    for name, since, edits in _SETTINGS:
        if server < since <= client:
            words = f"pg_restore {client} sets {name}, which {target.called} does not know: the line is taken out."
            judged.append(remedied(DumpOddity("setting", (name,)), words, *edits))
    return tuple(judged)


def _archive(oddity: DumpOddity, target: TargetServer) -> Judged:
    written = tuple(int(part) for part in oddity.names[0].split("-")[0].split(".") if part.isdigit())
    client = target.client[0] if target.client else 0
    newest = next(archive for major, archive in _ARCHIVES if client >= major)
    if not target.client or written <= newest:
        return harmless(oddity, "The target's pg_restore reads it.")
    words = (
        f"The target's pg_restore {client} does not read an archive of version {oddity.names[0]}. "
        "Install the client programs of the source's PostgreSQL there."
    )
    return refused(oddity, words)


def _unreadable(oddity: DumpOddity, _target: TargetServer) -> Judged:
    words = f"pg_restore does not read it: {listed(oddity.names)}. Install the client programs of the source's PostgreSQL."
    return refused(oddity, words)


def _extension(oddity: DumpOddity, target: TargetServer) -> Judged:
    lacking = tuple(name for name in oddity.names if name not in target.extensions)
    if not lacking:
        return harmless(oddity, "The target has every extension.")
    made = " ".join(f'CREATE EXTENSION "{name}";' for name in lacking)
    return refused(
        oddity, f"The target's database lacks {listed(lacking)}. As its administrator, there: {made}"
    )


def _administrators(oddity: DumpOddity, _target: TargetServer) -> Judged:
    words = f"It holds what only an administrator may create ({listed(oddity.names)}). Drop it on the source, or create it by hand."
    return refused(oddity, words)


def _schema(oddity: DumpOddity, _target: TargetServer) -> Judged:
    words = f"It creates the schema {listed(oddity.names)}: who imports it needs CREATE on the database."
    return harmless(oddity, words)


def _privileges(oddity: DumpOddity, _target: TargetServer) -> Judged:
    words = "Owners and privileges are left out: everything belongs to who imports it, as the target's application needs it."
    return harmless(oddity, words)


def _large_object(oddity: DumpOddity, _target: TargetServer) -> Judged:
    return harmless(oddity, "Large objects are imported as well.")


def _feature(oddity: DumpOddity, target: TargetServer) -> Judged:
    server = target.version[0] if target.version else 0
    lacking = tuple(name for name in oddity.names if _SINCE[name] > server)
    if lacking:
        return refused(oddity, f"{target.called} has no {listed(lacking)}. Use a newer PostgreSQL.")
    return harmless(oddity, f"The target has {listed(oddity.names)}.")


def _encoding(oddity: DumpOddity, target: TargetServer) -> Judged:
    written = oddity.names[0].upper().replace("-", "")
    if not target.encoding or written == target.encoding.upper():
        return harmless(oddity, "Both databases have the same encoding.")
    if target.encoding.upper() == "UTF8" and written != "SQL_ASCII":
        return harmless(oddity, f"The server turns {written} into UTF8 on the way.")
    words = (
        f"The source's database is encoded in {written}, the target's in {target.encoding}: texts would be lost. "
        f"Create the target's database with ENCODING 'UTF8', or with '{written}'."
    )
    return refused(oddity, words)


_JUDGES: Mapping[str, Callable[[DumpOddity, TargetServer], Judged]] = {
    "unreadable": _unreadable,
    "archive": _archive,
    "extension": _extension,
    "administrators": _administrators,
    "schema": _schema,
    "privileges": _privileges,
    "large-object": _large_object,
    "feature": _feature,
    "encoding": _encoding,
}
