"""Whether one server's dump fits another server: what in it is odd, found before the import, remedied on the way or refused.

    scan_dump(context, file, driver)           one pass over the dump, on the host that holds it: DumpOddity, ...
    ask_target(context, subject, client_file)  the server that it is for: TargetServer
    judge(oddities, target)                    what becomes of each, in words: Judged, ...
    import_filters(oddities, target)           the commands for the import's pipeline, or BackupError

The pass answers kinds, counts and names (of accounts, collations, tables): what rows hold never leaves the host.
"""

from __future__ import annotations

import importlib.resources
import re
from functools import cache

from dfwizard.backup.commands import PLAIN, decompress, mysql_client, psql
from dfwizard.backup.context import BackupContext, failure
from dfwizard.backup.dialect_mysql import CODE, ROWS, judge_mysql
from dfwizard.backup.dialect_pgsql import LIST_SCAN, SCHEMA_SCAN, judge_pgsql
from dfwizard.backup.oddities import DumpOddity, Fate, Judged, TargetServer, harmless, refused
from dfwizard.backup.subject import Subject
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Command, Pipeline

__all__ = [
    "DumpOddity",
    "Fate",
    "Judged",
    "TargetServer",
    "ask_target",
    "import_filters",
    "judge",
    "scan_dump",
    "server_version",
]

EARLY = (0, 1, 2, 141, -13)
"""How a decompressor ends whose reader has read enough."""

_MYSQL_QUESTIONS = """
SELECT 'version', VERSION();
SELECT 'user', CURRENT_USER();
SELECT 'packet', @@max_allowed_packet;
SELECT 'collation', COLLATION_NAME FROM information_schema.COLLATIONS;
SELECT 'collation', CONCAT(CHARACTER_SET_NAME, '_', COLLATION_NAME)
FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE COLLATION_NAME LIKE 'uca1400%';
SELECT 'engine', ENGINE FROM information_schema.ENGINES WHERE SUPPORT IN ('YES', 'DEFAULT');
"""
_POSTGRESQL_QUESTIONS = """
SELECT 'version' || chr(9) || current_setting('server_version')
UNION ALL SELECT 'user' || chr(9) || current_user
UNION ALL SELECT 'encoding' || chr(9) || pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()
UNION ALL SELECT 'extension' || chr(9) || extname FROM pg_extension
"""


def scan_dump(context: BackupContext, file: str, driver: str) -> tuple[DumpOddity, ...]:
    """Find what is odd in a dump (compressed or not) on the context's host; nothing is changed, nothing held in memory.

    `driver` is mysql (SQL of mysqldump or mariadb-dump), pgsql (an archive of pg_dump) or sqlite (a database file).

    Raises:
        BackupError: the file is damaged, or is none of these.
        HostError: the host could not do what was asked.
    """
    if driver == "mysql":
        return _collected(context, _reading(file, Command(("awk", _mysql_scan()), env=PLAIN)), file)
    if driver == "pgsql":
        return _scan_archive(context, file)
    return _scan_sqlite(context, file)


@cache
def _mysql_scan() -> str:
    return importlib.resources.files(__package__).joinpath("scan_mysql.awk").read_text(encoding="utf-8")


def _reading(file: str, *then: Command, early: bool = False) -> Pipeline:
    """Read a dump, compressed or not, into commands; `early`: they need not read it to its end."""
    if not file.endswith((".zst", ".gz")):
        return Pipeline(then, stdin_file=file)
    unpack = decompress(file)
    if early:
        unpack = Command(unpack.argv, env=PLAIN, expect=EARLY)
    return Pipeline((unpack, *then), stdin_file=file)


def _collected(context: BackupContext, work: Pipeline, file: str) -> tuple[DumpOddity, ...]:
    result = context.run(work, "looking through the dump", where=file)
    found: dict[str, DumpOddity] = {}
    rows = [line.split("\t") for line in result.text.splitlines()]
    for kind, count, line, name in sorted(rows, key=lambda row: (row[0], int(row[2]))):
        known = found.get(kind, DumpOddity(kind, count=0))
        first = min(filter(None, (known.line, int(line))), default=0)
        names = (*known.names, name) if name else known.names
        found[kind] = DumpOddity(kind, names, known.count + int(count), first)
    return tuple(found.values())


def _scan_archive(context: BackupContext, file: str) -> tuple[DumpOddity, ...]:
    listing = Command(("pg_restore", "--list"), env=PLAIN)
    tried = context.attempt(_reading(file, listing, early=True))
    if tried.failed == "pg_restore":
        said = tried.error_text.strip().splitlines()
        if "unsupported version" in tried.error_text:
            return (DumpOddity("unreadable", (said[-1][-200:],)),)
    if tried.failed is not None:
        raise failure(
            context.host,
            listing,
            tried,
            "reading the dump's list",
            where=file,
            remedy="It must be an archive of pg_dump --format=custom. Make another one.",
        )
    listed = _reading(file, listing, Command(("awk", LIST_SCAN), env=PLAIN), early=True)
    schema = Command(("pg_restore", "--schema-only", "--no-owner", "--no-privileges", "--file=-"), env=PLAIN)
    described = _reading(file, schema, Command(("awk", SCHEMA_SCAN), env=PLAIN), early=True)
    return (*_collected(context, listed, file), *_collected(context, described, file))


def _scan_sqlite(context: BackupContext, file: str) -> tuple[DumpOddity, ...]:
    """Look at the header of a database file (sqlite.org/fileformat.html) and at its length."""
    head = (Command(("head", "-c", "100")), Command(("od", "-An", "-v", "-tu1"), env=PLAIN))
    said = context.run(_reading(file, *head, early=True), "reading the database's header", where=file)
    header = bytes(int(number) for number in said.text.split())
    size = int(context.run(_reading(file, Command(("wc", "-c"))), "reading the database", where=file).text)
    if size == 0:
        return ()  # an empty file is an empty database
    if not header.startswith(b"SQLite format 3\0") or len(header) < 100:
        return (DumpOddity("not-sqlite"),)
    page = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    number = int.from_bytes(header[96:100], "big")
    version = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
    found = [DumpOddity("server", (version,))]
    # The page count holds only while both counters agree: older SQLites do not keep it.
    if header[24:28] == header[92:96] and size != (65536 if page == 1 else page) * pages:
        found.append(DumpOddity("incomplete"))
    return tuple(found)


def ask_target(context: BackupContext, subject: Subject, client_file: str) -> TargetServer:
    """Ask the target's server what it understands; `subject` and `client_file` as for an import.

    Raises:
        BackupError: it did not answer.
    """
    settings = subject.settings
    assert settings is not None
    if settings.driver == "sqlite":
        return TargetServer("sqlite", ())
    where = f"database {settings.name}"
    if settings.driver == "mysql":
        command = mysql_client(subject, client_file, database=settings.name, sql=_MYSQL_QUESTIONS)
    else:
        command = psql(subject, client_file, _POSTGRESQL_QUESTIONS)
    said = context.run(command, "asking the target's server", where=where)
    answers: dict[str, list[str]] = {}
    for line in said.text.splitlines():
        kind, _, value = line.partition("\t")
        answers.setdefault(kind, []).append(value)
    version = answers["version"][0]
    product = settings.driver
    client = ""
    if product == "mysql":
        product = "mariadb" if "mariadb" in version.lower() else "mysql"
    else:
        client = context.run(
            Command(("pg_restore", "--version"), env=PLAIN), "asking pg_restore", where=where
        ).text
    return TargetServer(
        product,
        server_version(version),
        client=server_version(client),
        user=answers["user"][0],
        packet=int(answers.get("packet", ["0"])[0]),
        collations=frozenset(name.lower() for name in answers.get("collation", ())),
        engines=frozenset(answers.get("engine", ())),
        extensions=frozenset(answers.get("extension", ())),
        encoding=answers.get("encoding", [""])[0],
    )


def server_version(text: str) -> tuple[int, ...]:
    """Give the numbers of a server's version: (10, 11, 19) for `5.5.5-10.11.19-MariaDB`, (15, 18) for `15.18 (Debian ...)`."""
    match = re.search(r"\d+(?:\.\d+)+|\d+", text.removeprefix("5.5.5-"))
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def judge(oddities: tuple[DumpOddity, ...], target: TargetServer) -> tuple[Judged, ...]:
    """Say of each oddity what becomes of it on the way into `target`."""
    if target.product == "pgsql":
        return judge_pgsql(oddities, target)
    if target.product == "sqlite":
        return tuple(_judge_sqlite(oddity) for oddity in oddities)
    return judge_mysql(oddities, target)


def _judge_sqlite(oddity: DumpOddity) -> Judged:
    if oddity.kind == "server":
        return harmless(oddity, f"It was last written by SQLite {oddity.names[0]}.")
    if oddity.kind == "incomplete":
        return refused(oddity, "It is not as long as its header says: it was cut off. Make another copy.")
    return refused(oddity, "It is no SQLite database.")


def import_filters(oddities: tuple[DumpOddity, ...], target: TargetServer) -> tuple[Command, ...]:
    """Give the commands that change the dump's text on its way into `target`; none when it can stay as it is.

    For MySQL they stand between the decompressor and the client, for PostgreSQL between `pg_restore --file=-` and psql.

    Raises:
        BackupError: something cannot be remedied; the message names all of it.
    """
    judged = judge(oddities, target)
    wrong = [item.words for item in judged if item.fate == "refused"]
    if wrong:
        raise BackupError(
            f"the dump does not fit {target.called}: {' '.join(wrong)}",
            where="the source's dump",
            remedy="Nothing has been changed. Mend what is named, then try again.",
        )
    everywhere = [edit for item in judged for edit in item.code]
    plain = [edit for item in judged for edit in item.edits]
    if not everywhere and not plain:
        return ()
    words = plain
    if target.product != "pgsql":
        inside = [f"{CODE}{{", *everywhere, "b", "}"]
        words = [ROWS, *inside, *everywhere, *plain]
    argv = ("sed", "-E", *(part for word in words for part in ("-e", word)))
    return (Command(argv, env=PLAIN),)
