"""Scratch databases: made beside the live one to restore into, always dropped afterwards."""

from __future__ import annotations

import hashlib
import posixpath
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from dfwizard.backup import commands
from dfwizard.backup.context import BackupContext
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.subject import Subject
from dfwizard.errors import BackupError, HostError
from dfwizard.hosts.command import Command, Result
from dfwizard.hosts.failures import Said

PREFIX = "dfwizard_scratch_"
LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
SEPARATOR = "|"


@dataclass(frozen=True)
class Scratch:
    """A scratch database: its `name`, and in words `how` it was had."""

    name: str
    how: str


@dataclass(frozen=True)
class Asker:
    """One who may ask the server for databases: the application's user, or the server's own administrator.

    `command` begins a client call that takes SQL as its last argument.
    """

    words: str
    command: Command
    admin: bool

    def ask(self, context: BackupContext, sql: str) -> Result:
        """Run one statement and give the result, whatever its code."""
        option = "--execute=" if "psql" not in self.command.argv[0] else "--command="
        command = Command(
            (*self.command.argv, option + sql), env=self.command.env, user=self.command.user, timeout=120
        )
        return context.host.run(command, check=False, mark=context.mark)


def scratch_name(key: str, token: str) -> str:
    """Name a scratch database for `key` (what the proof belongs to, such as the instance): leftovers are known by it."""
    return f"{PREFIX}{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}_{token}"


@contextmanager
def scratch_database(
    context: BackupContext, subject: Subject, client_file: str, key: str
) -> Iterator[Scratch]:
    """Make an empty scratch database on the live one's server, give it, and drop it in the end.

    First as the application's user; else as the server's administrator over its Unix socket, where the server is on this host
    and dfwizard may be root or postgres. What a dead run left for the same `key` is dropped first.

    Raises:
        BackupError: nobody that dfwizard can be may create a database; the message has the statement that allows it.
    """
    settings = subject.settings
    assert settings is not None
    name = scratch_name(key, secrets.token_hex(4))
    app = _application(subject, client_file)
    refusals = []
    for asker in (app, *_administrators(context, subject, app)):
        _drop_leftovers(context, subject, asker, key, app)
        made = _create(context, subject, asker, name, app)
        if made is None:
            try:
                yield Scratch(name, f"as {asker.words}")
            finally:
                _drop(context, subject, asker, name, app)
            return
        refusals.append(f"as {asker.words}: {made}")
    raise BackupError(
        "the backup cannot be proven: no scratch database could be made\n" + "\n".join(refusals),
        where=f"database {settings.name} ({settings.address})",
        remedy=_remedy(subject),
    )


def hindrance(context: BackupContext, subject: Subject) -> str | None:
    """Say why no scratch database could be made, with the statement that allows it; None when one can. Makes nothing.

    Raises:
        HostError: the database's client does not run.
    """
    if subject.settings is None or subject.driver == "sqlite":
        return None
    with client_credentials(context.host, subject.settings, context.private) as client_file:
        app = _application(subject, client_file)
        if _may_create(context, subject, app) or next(_administrators(context, subject, app), None):
            return None
    return f"{app.words} may not create a database\n{_remedy(subject)}"


def _may_create(context: BackupContext, subject: Subject, app: Asker) -> bool:
    if subject.driver == "pgsql":
        sql = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
        return app.ask(context, sql).text.strip() == "t"
    pattern = re.escape(PREFIX.replace("_", "\\_"))
    grants = app.ask(context, "SHOW GRANTS").text
    rights = r"GRANT (?:ALL PRIVILEGES|[A-Z, ]*\bCREATE\b(?! (?:VIEW|USER|ROUTINE|TEMP|TABLESPACE|ROLE))[A-Z, ]*) ON "
    return bool(re.search(rf"^{rights}(?:\*\.\*|`{pattern}%`\.\*) TO ", grants, re.MULTILINE))


def _remedy(subject: Subject) -> str:
    settings = subject.settings
    assert settings is not None
    user = (settings.user or "").replace("'", "''")
    if settings.driver == "pgsql":
        quoted = _quoted(subject, settings.user or "")
        return f"Run dfwizard as root on the database's server, or allow it as its administrator: ALTER ROLE {quoted} CREATEDB;"
    pattern = PREFIX.replace("_", "\\_")
    return (
        "Run dfwizard as root on the database's server, or allow it as its administrator: "
        f"GRANT ALL ON `{pattern}%`.* TO '{user}'@'HOST'; (HOST as in: SELECT CURRENT_USER())"
    )


def _application(subject: Subject, client_file: str) -> Asker:
    user = subject.settings.user if subject.settings else ""
    if subject.driver == "pgsql":
        command = commands.psql(subject, client_file, "")
    else:
        command = commands.mysql_client(subject, client_file, sql="")
    return Asker(f"the database user {user}", Command(command.argv[:-1], env=command.env), admin=False)


def _administrators(context: BackupContext, subject: Subject, app: Asker) -> Iterator[Asker]:
    settings = subject.settings
    assert settings is not None
    host = settings.host or ""
    if not (settings.socket or host in LOCAL or host.startswith("/")):
        return
    if subject.me != "root":
        return
    candidates = (
        _postgresql_sockets(context, app) if settings.driver == "pgsql" else _mysql_sockets(context, app)
    )
    same = (
        "SELECT pg_postmaster_start_time()"
        if settings.driver == "pgsql"
        else "SELECT CONCAT_WS('|', @@hostname, @@port, @@datadir, @@pid_file)"
    )
    for asker in (_socket_asker(subject, socket) for socket in candidates):
        with suppress(HostError):
            theirs, ours = asker.ask(context, same), app.ask(context, same)
            if theirs.failed is None and ours.failed is None and theirs.stdout == ours.stdout:
                yield asker


def _socket_asker(subject: Subject, socket: str) -> Asker:
    if subject.driver == "pgsql":
        directory, _, port = socket.rpartition("/.s.PGSQL.")
        argv = (
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password", "--set=ON_ERROR_STOP=1",
            f"--host={directory}", f"--port={port}", "--dbname=postgres",
        )  # fmt: skip
        words = f"postgres over {socket}"
        return Asker(words, Command(argv, env=dict(commands.PLAIN), user="postgres"), admin=True)
    argv_mysql = (
        subject.tools.client, "--no-defaults", "--protocol=socket", f"--socket={socket}", "--user=root",
        "--batch", "--skip-column-names", "--raw",
    )  # fmt: skip
    return Asker(f"root over {socket}", Command(argv_mysql, env=dict(commands.PLAIN)), admin=True)


def _mysql_sockets(context: BackupContext, app: Asker) -> Iterator[str]:
    answer = app.ask(context, "SELECT @@socket")
    path = answer.text.removesuffix("\n")
    if answer.failed is None and path.startswith("/") and context.host.stat(path) is not None:
        yield path


def _postgresql_sockets(context: BackupContext, app: Asker) -> Iterator[str]:
    """Give the sockets of PostgreSQL servers on this host: a plain user may not ask the server for its own."""
    port = app.ask(context, "SHOW port").text.strip()
    text = context.host.read("/proc/net/unix").decode("utf-8", "surrogateescape")
    found = re.findall(rf"(/\S*/\.s\.PGSQL\.{re.escape(port)})$", text, re.MULTILINE)
    yield from sorted(set(found))


def _quoted(subject: Subject, name: str) -> str:
    mark = '"' if subject.driver == "pgsql" else "`"
    return mark + name.replace(mark, mark * 2) + mark


def _literal(subject: Subject, text: str) -> str:
    if subject.driver == "mysql":  # a backslash is an escape there
        text = text.replace("\\", "\\\\")
    return "'" + text.replace("'", "''") + "'"


def _refusal(result: Result) -> str | None:
    if result.failed is None:
        return None
    return Said(b"", result.stderr).lines(1) or "the client said nothing"


def _create(context: BackupContext, subject: Subject, asker: Asker, name: str, app: Asker) -> str | None:
    """Make the database; give the refusal in the server's words, None when it was made."""
    if subject.driver == "pgsql":
        return _create_postgresql(context, subject, asker, name, app)
    refused = _refusal(asker.ask(context, f"CREATE DATABASE {_quoted(subject, name)} CHARACTER SET utf8mb4"))
    if refused is not None or not asker.admin:
        return refused
    grant = f"GRANT ALL ON {_pattern(name)}.* TO {_account(context, subject, app)}"
    refused = _refusal(asker.ask(context, grant))
    if refused is not None:
        _drop(context, subject, asker, name, app)
    return refused


def _create_postgresql(
    context: BackupContext, subject: Subject, asker: Asker, name: str, app: Asker
) -> str | None:
    settings = subject.settings
    assert settings is not None
    answer = app.ask(
        context,
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = current_database()",
    )
    encoding, collate, ctype = answer.text.removesuffix("\n").split(SEPARATOR)
    sql = (
        f"CREATE DATABASE {_quoted(subject, name)} OWNER {_quoted(subject, settings.user or '')} TEMPLATE template0 "
        f"ENCODING {_literal(subject, encoding)} LC_COLLATE {_literal(subject, collate)} LC_CTYPE {_literal(subject, ctype)}"
    )
    refused = _refusal(asker.ask(context, sql))
    if refused is not None:
        return refused
    wanted = app.ask(context, "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'").text.splitlines()
    inside = Asker(asker.words, _in_database(asker, subject, name), asker.admin)
    for extension in wanted:
        refused = _refusal(inside.ask(context, f"CREATE EXTENSION {_quoted(subject, extension)} CASCADE"))
        if refused is not None:
            _drop(context, subject, asker, name, app)
            return refused
    return None


def _in_database(asker: Asker, subject: Subject, name: str) -> Command:
    address = f"--dbname={name}" if asker.admin else f"--dbname={commands.postgresql_address(subject, name)}"
    argv = tuple(word for word in asker.command.argv if not word.startswith("--dbname="))
    return Command((*argv, address), env=asker.command.env, user=asker.command.user)


def _drop(context: BackupContext, subject: Subject, asker: Asker, name: str, app: Asker) -> None:
    if not name.startswith(PREFIX):
        raise BackupError("this is not a scratch database, and is not dropped", where=name)
    refused = _refusal(asker.ask(context, f"DROP DATABASE IF EXISTS {_quoted(subject, name)}"))
    if refused is not None:
        context.report(f"note: the scratch database {name} could not be dropped: {refused}")
    if subject.driver == "mysql" and asker.admin:
        # a right on a database outlives the database; without one there is nothing to take back
        asker.ask(
            context, f"REVOKE ALL PRIVILEGES ON {_pattern(name)}.* FROM {_account(context, subject, app)}"
        )


def _account(context: BackupContext, subject: Subject, app: Asker) -> str:
    """Give the application's account on a MySQL server, quoted: the user and the host it is known by."""
    user, _, host = app.ask(context, "SELECT CURRENT_USER()").text.removesuffix("\n").rpartition("@")
    return f"{_literal(subject, user)}@{_literal(subject, host)}"


def _pattern(name: str) -> str:
    """Quote a database's name for GRANT, where `_` is a wildcard."""
    return "`" + name.replace("_", "\\_") + "`"


def _drop_leftovers(context: BackupContext, subject: Subject, asker: Asker, key: str, app: Asker) -> None:
    """Drop scratch databases that a killed run left behind for the same key."""
    start = scratch_name(key, "")
    sql = "SHOW DATABASES" if subject.driver == "mysql" else "SELECT datname FROM pg_database"
    answer = asker.ask(context, sql)
    for name in answer.text.splitlines():
        if name.startswith(start) and re.fullmatch(r"[a-z0-9_]+", name):
            context.report(f"database: dropping {name}, left behind by an earlier run")
            _drop(context, subject, asker, name, app)


def scratch_file(context: BackupContext) -> str:
    """Give the path for a SQLite scratch database in the private directory; what an earlier run left is removed."""
    path = posixpath.join(context.private, f"{PREFIX}database.sqlite")
    for name in (path, *commands.sqlite_companions(path)):
        context.host.remove(name)
    return path
