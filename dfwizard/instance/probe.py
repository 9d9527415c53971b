"""Questions to the system database, asked by `probe.php` through the application's own PHP and PDO driver; read-only."""

from __future__ import annotations

import base64
import importlib.resources
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command, Secret
from dfwizard.instance.database import DatabaseSettings

T = TypeVar("T")

_MARK = b"\x1edfwizard "
_ANSWER_LIMIT = 256 << 20
_PHP_OPTIONS = (
    "-d", "display_errors=stderr", "-d", "html_errors=0", "-d", "log_errors=0", "-d", "memory_limit=-1",
    "-d", "auto_prepend_file=", "-d", "auto_append_file=", "-d", "opcache.enable_cli=0", "-d", "xdebug.mode=off",
)  # fmt: skip


class DatabaseUnreachable(HostError):
    """The database did not answer, or refused; `sqlstate` is the driver's code, such as `HY000` or `08006`."""

    def __init__(
        self, what: str, *, sqlstate: str = "", where: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.sqlstate = sqlstate


@dataclass(frozen=True)
class Probe:
    """How a database is asked: `php` is the program, `user` the account it runs as (None: dfwizard's own).

    For SQLite `user` is best the owner of the tree, so that `writable` means what it should. `connect_timeout` is in seconds.
    """

    host: Host
    php: str
    settings: DatabaseSettings
    user: str | None = None
    connect_timeout: int = 5


@dataclass(frozen=True)
class EncryptedValue:
    """A value that looks encrypted by Laravel (base64 of a JSON payload), and where it stands."""

    table: str
    column: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class ProbedFacts:
    """What there is to know of a database without changing it.

    `size` in bytes; `tables` row counts; `writable` what the privileges say (None: not known, as when they come through
    roles); `migrations` in the order they ran; `service_types` services by type and `active_types` the active ones;
    `password_costs` users by bcrypt cost; `encrypted` at most 20 values; `directory` where the server says that it keeps its data.
    The others are as in `DatabaseFacts`.
    """

    server: str
    size: int
    writable: bool | None
    tables: Mapping[str, int]
    migrations: tuple[str, ...]
    service_types: Mapping[str, int]
    active_types: Mapping[str, int]
    password_costs: Mapping[str, int]
    encrypted: tuple[EncryptedValue, ...]
    directory: str | None = None
    other_engines: tuple[str, ...] = ()
    row_format: str | None = None
    oldest_transaction: int | None = None
    clients: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableDigest:
    """One table: how many rows, a 128-bit digest (32 hex digits) of them in any order, and the schema as text.

    `digest` is None where the rows were left out (volatile tables).
    """

    rows: int
    digest: str | None
    schema: str


@dataclass(frozen=True)
class DatabaseDigest:
    """A whole database, taken in one consistent read: `tables`, and `objects` (`view x`, `trigger y`, `sequence z`, ...) as text."""

    server: str
    tables: Mapping[str, TableDigest]
    objects: Mapping[str, str]


@dataclass(frozen=True)
class ProbedTable:
    """One table: `columns` sorted, `digest` of all rows (None: only counted), and its rows, where they were asked for one by one.

    `rows_by_key` gives by primary key what a row is called and 12 hex digits for each of `columns`, in their order.
    """

    rows: int
    columns: tuple[str, ...]
    digest: str | None
    rows_by_key: Mapping[str, tuple[str, str]] | None


@dataclass(frozen=True)
class ProbedPicture:
    """A database row by row; `encrypted` holds what a row is called with every encrypted value in it."""

    server: str
    tables: Mapping[str, ProbedTable]
    encrypted: tuple[tuple[str, EncryptedValue], ...]


@dataclass(frozen=True)
class ServiceConnection:
    """Whether the database of a service answered: `state` is `ok`, `failed` or `untried`, with the `reason`."""

    name: str
    type: str
    state: str
    reason: str


def probe_facts(probe: Probe, *, timeout: float = 60.0, mark: str | None = None) -> ProbedFacts:
    """Ask for server, size, row counts, migrations and encrypted values.

    Raises:
        DatabaseUnreachable: the database did not answer or the driver is missing.
        HostError: PHP did not run.
    """
    data = _ask(probe, {"mode": "facts"}, timeout=timeout, mark=mark)
    return ProbedFacts(
        server=data["server"],
        size=data["size"] or 0,
        writable=data["writable"],
        tables=_counts(data["tables"]),
        migrations=tuple(data["migrations"]),
        service_types=_counts(data["service_types"]),
        active_types=_counts(data["active_types"]),
        password_costs=_counts(data["password_costs"]),
        encrypted=tuple(EncryptedValue(**item) for item in data["encrypted"]),
        directory=data["directory"],
        other_engines=tuple(data["other_engines"]),
        row_format=data["row_format"],
        oldest_transaction=data["oldest_transaction"],
        clients=tuple(data["clients"]),
    )


def probe_digest(
    probe: Probe,
    *,
    skip_rows: Collection[str] = (),
    leave_out: Mapping[str, Collection[str]] | None = None,
    timeout: float | None = 3600.0,
    mark: str | None = None,
) -> DatabaseDigest:
    """Digest every table, and everything else that the schema has.

    `skip_rows` names tables whose rows are only counted (their counters, such as AUTO_INCREMENT, are left out as well), `leave_out` columns
    by table that play no part. Equal digests mean equal rows, whatever their order; the same holds across PHP versions.

    Raises:
        DatabaseUnreachable, HostError
    """
    request = {
        "mode": "digest",
        "skip_rows": sorted(skip_rows),
        "leave_out": [[table, sorted(columns)] for table, columns in (leave_out or {}).items()],
    }
    data = _ask(probe, request, timeout=timeout, mark=mark)
    tables = {
        item["name"]: TableDigest(item["rows"], item["digest"], item["schema"]) for item in data["tables"]
    }
    return DatabaseDigest(
        data["server"], tables, {item["name"]: item["text"] or "" for item in data["objects"]}
    )


def probe_names(
    probe: Probe, columns: Iterable[tuple[str, str]], *, timeout: float = 60.0, mark: str | None = None
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Give the values of naming columns, sorted; `columns` are pairs of table and column (without DB_PREFIX).

    A table or column that the database does not have is left out.

    Raises:
        DatabaseUnreachable, HostError
    """
    request = {"mode": "names", "columns": [list(pair) for pair in columns]}
    data = _ask(probe, request, timeout=timeout, mark=mark)
    return {(item["table"], item["column"]): tuple(sorted(item["values"])) for item in data["names"]}


def probe_identity(
    probe: Probe, *, zero_dates: bool = False, timeout: float = 60.0, mark: str | None = None
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Give what tells the database from another one, and (asked for with `zero_dates`) columns with dates of zeros.

    `database` is its name; keys that begin with `server` are the server's own names for itself, `began` the moment at which it
    began (seconds since the epoch by its own clock); `sql_mode` is MySQL's global one.

    Raises:
        DatabaseUnreachable, HostError
    """
    data = _ask(probe, {"mode": "identity", "zero_dates": zero_dates}, timeout=timeout, mark=mark)
    return data["identity"], tuple(data["zero_dates"])


def probe_rows(
    probe: Probe,
    table: str,
    columns: Collection[str],
    *,
    limit: int = 10_000,
    timeout: float = 60.0,
    mark: str | None = None,
) -> tuple[tuple[bytes | None, ...], ...]:
    """Give at most `limit` rows of a table as bytes, NULL as None, in no particular order.

    Raises:
        DatabaseUnreachable, HostError
    """
    request = {"mode": "rows", "table": table, "columns": list(columns), "limit": limit}
    data = _ask(probe, request, timeout=timeout, mark=mark)
    return tuple(
        tuple(None if value is None else base64.b64decode(value) for value in row) for row in data["rows"]
    )


def probe_picture(
    probe: Probe,
    by_row: Collection[str],
    *,
    naming: Mapping[str, str],
    skip: Collection[str] = (),
    leave_out: Mapping[str, Collection[str]] | None = None,
    limit: int = 20_000,
    timeout: float | None = 3600.0,
    mark: str | None = None,
) -> ProbedPicture:
    """Give every table, and every row of those that `by_row` names (patterns) and that have a key and at most `limit` rows.

    Tables go by their names without DB_PREFIX. `naming` names the column that names a row to its owner; of tables that `skip`
    names (patterns) the rows are only counted; `leave_out` are columns by table that play no part.

    Raises:
        DatabaseUnreachable, HostError
    """
    request = {
        "mode": "picture",
        "by_row": sorted(by_row),
        "skip": sorted(skip),
        "naming": [[table, column] for table, column in naming.items()],
        "leave_out": [[table, sorted(columns)] for table, columns in (leave_out or {}).items()],
        "limit": limit,
    }
    data = _ask(probe, request, timeout=timeout, mark=mark)
    tables = {
        item["name"]: ProbedTable(
            item["rows"],
            tuple(item["columns"]),
            item["digest"],
            None if item["named"] is None else {key: (name, digests) for key, name, digests in item["named"]},
        )
        for item in data["tables"]
    }
    encrypted = tuple(
        (item["row"], EncryptedValue(item["table"], item["column"], item["value"]))
        for item in data["encrypted"]
    )
    return ProbedPicture(data["server"], tables, encrypted)


def probe_paths(
    probe: Probe, tables: Collection[str], *, limit: int = 500, timeout: float = 60.0, mark: str | None = None
) -> Mapping[str, str]:
    """Give at most `limit` absolute paths in the tables that `tables` names (patterns), each with the `table.column` it stands in.

    What looks like a path need not be one: a URL's path looks the same.

    Raises:
        DatabaseUnreachable, HostError
    """
    request = {"mode": "paths", "tables": sorted(tables), "limit": limit}
    data = _ask(probe, request, timeout=timeout, mark=mark)
    return {item["path"]: f"{item['table']}.{item['column']}" for item in data["paths"]}


def probe_connections(
    probe: Probe,
    drivers: Mapping[str, str],
    *,
    keys: Iterable[bytes],
    sqlite_directory: str,
    seconds: int = 5,
    most: float = 60.0,
    mark: str | None = None,
) -> tuple[ServiceConnection, ...]:
    """Connect to the databases of the active services, from where the application runs, and ask each for nothing but `SELECT 1`.

    `drivers` gives PDO's driver by service type; `keys` open the stored credentials, which never leave the host. Each may take
    `seconds`; after `most` seconds the rest is left untried.

    Raises:
        DatabaseUnreachable, HostError
    """
    request = {
        "mode": "connections",
        "drivers": [list(pair) for pair in drivers.items()],
        "keys": list(keys),
        "sqlite_directory": sqlite_directory,
        "seconds": seconds,
        "most": most,
    }
    data = _ask(probe, request, timeout=most + seconds + 60, mark=mark)
    return tuple(ServiceConnection(**item) for item in data["connections"])


def _counts(items: list[dict[str, Any]]) -> dict[str, int]:
    return {item["name"]: item["count"] for item in items}


_MIGRATION = frozenset({"picture", "paths", "connections"})
"""Modes that probe_migration.php answers; it is sent with these alone, for every other question would carry it in vain."""


@cache
def _code(*names: str) -> str:
    files = importlib.resources.files(__package__)
    return "".join(files.joinpath(name).read_text(encoding="utf-8").removeprefix("<?php") for name in names)


def _encoded(value: object) -> object:
    """Put every text into base64: JSON holds no bytes that are not UTF-8, a password or a file name may."""
    if isinstance(value, str):
        value = os.fsencode(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {key: _encoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encoded(item) for item in value]
    return value


def _request(probe: Probe, request: dict[str, Any]) -> Secret:
    found = probe.settings
    database = {
        "driver": found.driver,
        "name": found.name,
        "host": found.host,
        "port": found.port,
        "socket": found.socket,
        "user": found.user,
        "password": found.password.value,
        "file": found.file,
        "schema": found.schema,
        "sslmode": found.sslmode,
        "ssl_ca": found.ssl_ca,
        "prefix": found.prefix,
        "timeout": probe.connect_timeout,
    }
    return Secret(json.dumps(_encoded({**request, "db": database})).encode("ascii"))


def _ask(probe: Probe, request: dict[str, Any], *, timeout: float | None, mark: str | None) -> dict[str, Any]:
    where = f"database {probe.settings.name} ({probe.settings.address})"
    if probe.settings.driver == "sqlsrv":
        raise DatabaseUnreachable(
            "SQL Server cannot be inspected",
            where=where,
            remedy="Back it up and compare it with its own tools.",
        )
    if re.search(r"[\0-\x1f;]", f"{probe.settings.host or ''}{probe.settings.socket or ''}"):
        raise DatabaseUnreachable(
            "the host's name holds a character that none can have", where=where, remedy="Correct DB_HOST."
        )
    code = _code("probe.php", *(("probe_migration.php",) if request["mode"] in _MIGRATION else ()))
    command = Command(
        (probe.php, *_PHP_OPTIONS, "-r", code),
        user=probe.user,
        cwd="/",
        env={"HOME": "/nonexistent"},  # libpq would read certificates and passwords there, or fail on root's
        stdin=_request(probe, request),
        timeout=timeout,
        expect=tuple(range(256)),
    )
    result = probe.host.run(command, keep=_ANSWER_LIMIT, check=False, mark=mark)
    _, found, text = result.stdout.rpartition(_MARK)
    if not found:
        said = result.error_text.strip() or result.text.strip() or "nothing"
        raise HostError(
            f"PHP gave no answer about the database (exit code {result.code}); it said: {_clean(said, probe.settings)[-400:]}",
            where=where,
            remedy=f"Run `{probe.php} -v` as {probe.user or probe.host.user} and look into PHP's configuration.",
        )
    data: dict[str, Any] = json.loads(text)
    if "error" in data:
        raise _unreachable(data["error"], data["sqlstate"], probe, where)
    return data


def _unreachable(message: str, sqlstate: str, probe: Probe, where: str) -> DatabaseUnreachable:
    text = _clean(message, probe.settings)
    if "could not find driver" in text:
        extension = f"pdo_{probe.settings.driver}"
        return DatabaseUnreachable(
            f"{probe.php} could not find driver {extension}",
            where=where,
            remedy=f"Install PHP's extension {extension}.",
        )
    return DatabaseUnreachable(
        text,
        sqlstate=sqlstate,
        where=where,
        remedy="Check the DB_* keys in .env, and that the server runs and lets the user in.",
    )


def _clean(message: str, settings: DatabaseSettings) -> str:
    """One line, without the password should a driver ever repeat it."""
    text = " ".join(message.split())
    password = settings.password.value.decode("utf-8", "replace")
    return text.replace(password, "***") if len(password) > 3 else text
