"""The commands of a backup: archive, dump, read back, empty, import. Pure functions from plain settings.

What takes, proves and restores a backup runs these, and what shows a plan renders these.
Where a password is needed, a client file's path stands (see credentials.py): the password itself never does.
"""

from __future__ import annotations

from dataclasses import replace

from dfwizard.backup.manifest import Owned
from dfwizard.backup.sql import MYSQL_DROPS, POSTGRESQL_EMPTY, POSTGRESQL_KEPT, SQLITE_CHECK, SQLITE_COPY
from dfwizard.backup.subject import OWN_PREFIX, Subject, Tools
from dfwizard.hosts.command import Command, Pipeline

PLAIN = {"LC_ALL": "C"}
"""For programs whose messages are read."""

PSQL = ("psql", "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1")
"""psql without a person's own settings; an error ends it."""

DUMP_NAMES = {"mysql": "database.sql", "pgsql": "database.dump", "sqlite": "database.sqlite"}
TREE_NAME = "tree.tar"
FILES_NAME = "files.tar"


def tree_file(directory: str, tools: Tools) -> str:
    """Give the path of the archived tree in a backup directory."""
    return f"{directory}/{TREE_NAME}{tools.suffix}"


def files_file(directory: str, tools: Tools) -> str:
    """Give the path of the archive of chosen files in a backup directory."""
    return f"{directory}/{FILES_NAME}{tools.suffix}"


def dump_file(directory: str, driver: str, tools: Tools) -> str:
    """Give the path of the saved database in a backup directory."""
    return f"{directory}/{DUMP_NAMES[driver]}{tools.suffix}"


def sqlite_companions(file: str) -> tuple[str, ...]:
    """Give the files that SQLite keeps beside a database."""
    return (f"{file}-wal", f"{file}-shm", f"{file}-journal")


def decompress(file: str) -> Command:
    """Read a compressed file from stdin; which program is told by the file's ending."""
    argv = ("zstd", "-q", "-d", "-c") if file.endswith(".zst") else ("gzip", "-d", "-c")
    return Command(argv, env=PLAIN)


def archive_tree(subject: Subject, target: str, index: str) -> Pipeline:
    """Archive the whole tree, mounted directories inside it too; the names archived go into the file `index`.

    A SQLite system database inside the tree is left out: it is saved by SQLite itself.
    """
    left_out: tuple[str, ...] = ()
    if subject.sqlite_inside:
        inside = "./" + subject.sqlite_inside
        left_out = tuple(f"--exclude={name}" for name in (inside, *sqlite_companions(inside)))
    argv = (
        "tar",
        "--create",
        "--file=-",
        "--format=posix",
        "--pax-option=delete=atime,delete=ctime",
        "--numeric-owner",
        *subject.tools.tar_extras,
        f"--exclude={OWN_PREFIX}*",
        "--anchored",
        "--no-wildcards",
        *left_out,
        "--verbose",
        f"--index-file={index}",
        f"--directory={subject.path}",
        ".",
    )
    tar = Command(argv, env=PLAIN, expect=(0, 1))
    return Pipeline((tar, Command(subject.tools.compressor, env=PLAIN)), stdout_file=target)


def archive_files(subject: Subject, target: str, index: str, paths: tuple[str, ...]) -> Pipeline:
    """Archive chosen `paths` of the tree, relative to it; the names archived go into the file `index`.

    The system database is left out, as `archive_tree` does.
    """
    whole = archive_tree(subject, target, index)
    tar, compress = whole.commands
    members = tuple(f"./{path}" for path in paths)
    return Pipeline((replace(tar, argv=(*tar.argv[:-1], "--", *members)), compress), stdout_file=target)


def extract_files(subject: Subject, file: str) -> Pipeline:
    """Unpack an archive of chosen files into the live tree, as its owner: accounts have other numbers on another server."""
    argv = (
        "tar",
        "--extract",
        "--file=-",
        "--preserve-permissions",
        "--no-same-owner",
        "--no-overwrite-dir",
        "--delay-directory-restore",
        f"--directory={subject.path}",
    )
    return Pipeline((decompress(file), Command(argv, env=PLAIN, user=subject.owner)), stdin_file=file)


def list_archive(file: str, *then: str) -> Pipeline:
    """Read a whole archive and give its names to the program `then`."""
    return Pipeline(
        (decompress(file), Command(("tar", "--list", "--file=-"), env=PLAIN), Command(then)), stdin_file=file
    )


def extract_tree(
    subject: Subject, file: str, target: str, *, below: str = "", left_out: tuple[str, ...] = ()
) -> Pipeline:
    """Unpack an archived tree into the empty directory `target`.

    `below` takes only that directory of the archive, `left_out` leaves the contents of those directories out.
    """
    chosen = [f"--exclude=./{_literal_pattern(name)}/*" for name in left_out]
    members = ["."]
    if below:
        members = [f"./{below}"]
        chosen.append(f"--strip-components={below.count('/') + 2}")
    argv = (
        "tar",
        "--extract",
        "--file=-",
        "--preserve-permissions",
        "--numeric-owner",
        *(("--same-owner",) if subject.me == "root" else ()),
        *subject.tools.tar_extras,
        "--delay-directory-restore",
        "--anchored",
        *chosen,
        f"--directory={target}",
        *members,
    )
    return Pipeline((decompress(file), Command(argv, env=PLAIN)), stdin_file=file)


def _literal_pattern(name: str) -> str:
    return "".join(f"\\{char}" if char in "*?[\\" else char for char in name)


def dump_database(
    subject: Subject, target: str, client_file: str, *, extras: tuple[str, ...] = ("--routines", "--events")
) -> Pipeline:
    """Dump a MySQL or PostgreSQL database; `extras` are the MySQL options that need privileges of their own."""
    settings = subject.settings
    assert settings is not None
    compress = Command(subject.tools.compressor, env=PLAIN)
    if settings.driver == "pgsql":
        argv = (
            "pg_dump",
            "--format=custom",
            "--compress=0",
            "--no-password",
            f"--dbname={postgresql_address(subject)}",
        )
        return Pipeline(
            (Command(argv, env=postgresql_environment(client_file)), compress), stdout_file=target
        )
    foreign = ("--set-gtid-purged=OFF", "--loose-column-statistics=0") if subject.tools.foreign else ()
    argv = (
        subject.tools.dump,
        f"--defaults-file={client_file}",
        "--single-transaction",
        "--quick",
        "--no-tablespaces",
        "--triggers",
        *extras,
        "--hex-blob",
        "--default-character-set=utf8mb4",
        *foreign,
        "--",
        settings.name,
    )
    return Pipeline((Command(argv, env=PLAIN), compress), stdout_file=target)


def copy_sqlite(subject: Subject, target: str) -> Command:
    """Copy a SQLite database to the new file `target` while it may be in use."""
    assert subject.sqlite_file is not None
    argv = (subject.php, "-d", "display_errors=stderr", "-r", SQLITE_COPY, "--", subject.sqlite_file, target)
    return Command(argv)


def check_sqlite(subject: Subject, file: str) -> Command:
    """Let SQLite check every page of a database file."""
    return Command((subject.php, "-d", "display_errors=stderr", "-r", SQLITE_CHECK, "--", file))


def compress_file(subject: Subject, source: str, target: str) -> Pipeline:
    """Compress a file."""
    return Pipeline((Command(subject.tools.compressor, env=PLAIN),), stdin_file=source, stdout_file=target)


def unpack_file(source: str, target: str) -> Pipeline:
    """Decompress a file into the new file `target`."""
    return Pipeline((decompress(source),), stdin_file=source, stdout_file=target)


def read_end(file: str, size: int = 4096) -> Pipeline:
    """Decompress a whole file and give its last bytes; a damaged file fails."""
    return Pipeline((decompress(file), Command(("tail", "-c", str(size)))), stdin_file=file)


def mysql_client(
    subject: Subject, client_file: str, *, database: str | None = None, sql: str | None = None
) -> Command:
    """Make a call of MySQL's client: `sql` is executed, or statements are read from stdin; the first error ends it.

    In binary mode it takes no commands of its own out of data; comments within code stay in it.
    """
    execute = (
        ("--skip-column-names", "--raw", f"--execute={sql}")
        if sql is not None
        else ("--binary-mode", "--comments")
    )
    argv = (
        subject.tools.client,
        f"--defaults-file={client_file}",
        "--batch",
        "--default-character-set=utf8mb4",
        *execute,
        *((f"--database={database}",) if database is not None else ()),
    )
    return Command(argv, env=PLAIN)


def psql(subject: Subject, client_file: str, sql: str, *, database: str | None = None) -> Command:
    """Make a call of psql for one statement; no startup file is read, an error ends it."""
    argv = (
        *PSQL,
        "--tuples-only",
        "--no-align",
        f"--dbname={postgresql_address(subject, database)}",
        f"--command={sql}",
    )
    return Command(argv, env=postgresql_environment(client_file))


def empty_database(subject: Subject, client_file: str, database: str) -> Command | Pipeline:
    """Drop everything inside a MySQL or PostgreSQL database, not the database itself."""
    if subject.driver == "pgsql":
        return psql(subject, client_file, POSTGRESQL_EMPTY, database=database)
    return Pipeline(
        (
            mysql_client(subject, client_file, database=database, sql=MYSQL_DROPS),
            mysql_client(subject, client_file, database=database),
        )
    )


def list_dump(file: str, target: str) -> Pipeline:
    """Write the list of what a PostgreSQL dump holds to the new file `target`, without what emptying leaves in place.

    pg_restore stops reading after the list, which ends the decompressor early.
    """
    unpack = decompress(file)
    early = Command(unpack.argv, env=PLAIN, expect=(0, 1, 2, 141, -13))
    return Pipeline(
        (
            early,
            Command(("pg_restore", "--list"), env=PLAIN),
            Command(("grep", "-v", "-E", "-e", POSTGRESQL_KEPT), env=PLAIN),
        ),
        stdin_file=file,
        stdout_file=target,
    )


def import_database(
    subject: Subject,
    file: str,
    client_file: str,
    database: str,
    entries: str = "",
    *,
    filters: tuple[Command, ...] = (),
    foreign: bool = False,
) -> Pipeline:
    """Fill an emptied database from a dump; the first error ends it. `entries` is PostgreSQL's list of what to restore.

    `filters` change the dump's text on its way. A `foreign` dump is of another server, whose roles this one does not have.
    """
    if subject.driver != "pgsql":
        client = mysql_client(subject, client_file, database=database)
        return Pipeline((decompress(file), *filters, client), stdin_file=file)
    where = postgresql_address(subject, database)
    # An archive has no text to change: with filters pg_restore writes it out, and psql takes it in.
    into = ("--file=-",) if filters else ("--exit-on-error", "--single-transaction", f"--dbname={where}")
    argv = (
        "pg_restore",
        "--no-owner",
        *(("--no-privileges",) if foreign else ()),
        "--no-password",
        f"--use-list={entries}",
        *into,
    )
    env = postgresql_environment(client_file)
    reader = (*PSQL, "--single-transaction", f"--dbname={where}")
    script = (*filters, Command(reader, env=env)) if filters else ()
    return Pipeline((decompress(file), Command(argv, env=env), *script), stdin_file=file)


def postgresql_address(subject: Subject, database: str | None = None) -> str:
    """Write where a PostgreSQL database is reached as a connection string, without the password."""
    settings = subject.settings
    assert settings is not None
    host = settings.socket or settings.host
    words = {
        "host": host or "",
        "port": str(settings.port or ""),
        "dbname": settings.name if database is None else database,
        "user": settings.user or "",
    }
    return " ".join(f"{word}={_conninfo(value)}" for word, value in words.items() if value)


def postgresql_environment(client_file: str) -> dict[str, str]:
    """Give the environment of PostgreSQL's programs: where the password lies, and English messages."""
    return {**PLAIN, "PGPASSFILE": client_file}


def _conninfo(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def checksum(directory: str, names: tuple[str, ...]) -> Command:
    """Give the SHA-256 of files of a directory, each record ended by a NUL byte."""
    return Command(("sha256sum", "--zero", "--", *names), cwd=directory, env=PLAIN)


def resolve(path: str) -> Command:
    """Give the file that a symlink leads to, ended by a NUL byte."""
    return Command(("realpath", "--canonicalize-missing", "--zero", "--", path))


def own(path: str, owned: Owned | None, me: str) -> tuple[Command, ...]:
    """Give a file the owner, group and mode that were recorded; only root can give a file away."""
    if owned is None:
        return ()
    mode = Command(("chmod", f"{owned.mode:o}", "--", path))
    if me != "root":
        return (mode,)
    return (Command(("chown", "--", f"{owned.owner}:{owned.group}", path)), mode)
