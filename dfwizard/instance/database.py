"""Which system database an instance uses, by DreamFactory's own rules (config/database.php, SQLiteConnector of df-core)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from dfwizard.errors import UsageError
from dfwizard.hosts.command import Secret
from dfwizard.instance.dotenv import laravel_value

DEFAULT_PORTS = {"mysql": 3306, "pgsql": 5432, "sqlsrv": 1433}
_DRIVERS = ("mysql", "pgsql", "sqlite", "sqlsrv")
_URL_ALIASES = {
    "mssql": "sqlsrv",
    "mysql2": "mysql",
    "mariadb": "mysql",
    "postgres": "pgsql",
    "postgresql": "pgsql",
    "sqlite3": "sqlite",
}
_PHP_BRACKETS = re.compile(
    r"""'(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | //[^\n]* | \#[^\n]* | /\*.*?\*/ | [\[\](){}]""",
    re.VERBOSE | re.DOTALL,
)
"""What must be stepped over, or counted, to find the end of a PHP array: strings, comments, brackets."""


@dataclass(frozen=True)
class DatabaseSettings:
    """How the application reaches its system database.

    `driver` is the PDO driver: mysql (MariaDB too), pgsql, sqlite or sqlsrv. `name` is the database's name; of SQLite, the
    file's. `host` may be a directory on PostgreSQL (its Unix socket); `socket` is a MySQL socket and goes before `host`. `file` is
    SQLite's absolute path. `schema` is PostgreSQL's, `prefix` goes before each table's name. `notes` are peculiarities
    that a person should know.
    """

    driver: str
    name: str
    host: str | None = None
    port: int | None = None
    socket: str | None = None
    user: str | None = None
    password: Secret = field(default_factory=lambda: Secret(b""))
    file: str | None = None
    charset: str | None = None
    collation: str | None = None
    schema: str = "public"
    sslmode: str | None = None
    ssl_ca: str | None = None
    prefix: str = ""
    notes: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Give where the database is, for people: the file, the socket, or host:port."""
        if self.file is not None:
            return self.file
        if self.socket:
            return self.socket
        return f"{self.host}:{self.port}" if self.port else str(self.host)

    def named(self, name: str) -> DatabaseSettings:
        """Give the settings of another database on the same server, such as a scratch database."""
        return replace(self, name=name)


def settings(
    values: Mapping[str, str | None],
    path: str,
    release: tuple[int, ...] | None = None,
    *,
    config: str | None = None,
) -> DatabaseSettings:
    """Work out the system database from what `.env` sets.

    `path` is the instance's directory, `release` its version as numbers: up to 7.0.0 DB_DRIVER stands in for DB_CONNECTION and
    DATABASE_URL is read, from 7.0.1 DB_URL (config/database.php of those releases). `config`, the text of the instance's own
    config/database.php, decides better than the release does: only keys that it mentions are read.

    Raises:
        UsageError: the driver is none that DreamFactory has, or the URL or port cannot be read.
    """
    env = _Env(values)
    known = config if config is not None else _keys_of(release)
    connection = env.text("DB_CONNECTION")
    if connection is None and "DB_DRIVER" in known:
        connection = env.text("DB_DRIVER")
    connection = connection or "sqlite"
    driver = "mysql" if connection == "mariadb" else connection
    if driver not in _DRIVERS:
        raise UsageError(
            f"DB_CONNECTION is {connection!r}, which is none of mysql, mariadb, pgsql, sqlite and sqlsrv",
            where=".env",
            remedy="Set DB_CONNECTION to the connection that the instance really uses.",
        )
    reads = _block(config, connection) if config is not None else _default_block(connection, release)
    found = _server(driver, env, reads) if driver != "sqlite" else _sqlite(env, path)
    for key in ("DB_URL", "DATABASE_URL"):
        url = env.text(key) if key in reads else None
        if url:
            found = _with_url(found, url, key, path, env)
    return found


@dataclass(frozen=True)
class _Env:
    """`.env` through Laravel's env(): a key that is not set gives the default, `null` gives None."""

    values: Mapping[str, str | None]

    def text(self, key: str, default: str | None = None) -> str | None:
        if key not in self.values or self.values[key] is None:
            return default
        value = laravel_value(self.values[key])
        if isinstance(value, bool):
            return "1" if value else ""
        return value


def _keys_of(release: tuple[int, ...] | None) -> str:
    return "DB_DRIVER" if release is None or release < (7, 0, 1) else ""


def _default_block(connection: str, release: tuple[int, ...] | None) -> str:
    """Name the keys that the shipped config/database.php reads for a connection."""
    new = release is not None and release >= (7, 0, 1)
    if connection == "mariadb":  # from Laravel's own base configuration, which 7.0.1 and later merge in
        return "DB_URL DB_SOCKET MYSQL_ATTR_SSL_CA"
    if connection == "mysql":
        return "DB_READ_HOST DB_WRITE_HOST"
    if connection == "pgsql":
        return "DB_URL" if new else "DATABASE_URL"
    return ""


def _block(config: str, connection: str) -> str:
    """Give the text of `'connection' => [ ... ]`; Laravel's own when the file has none of that name."""
    span = connection_span(config, connection)
    return config[span[0] : span[1]] if span else _default_block(connection, (7, 0, 1))


def connection_span(config: str, connection: str) -> tuple[int, int] | None:
    """Give where the block `'connection' => [ ... ]` of a config/database.php begins and ends; None when it has none."""
    start = re.search(rf"['\"]{re.escape(connection)}['\"]\s*=>\s*(\[|array\s*\()", config)
    if start is None:
        return None
    depth = 0
    for match in _PHP_BRACKETS.finditer(config, start.end() - 1):
        sign = match.group()
        depth += (sign in {"[", "("}) - (sign in {"]", ")"})
        if depth == 0:
            return start.end(), match.end()
    return start.end(), len(config)


def _port(text: str | None, driver: str, where: str) -> int | None:
    if not text:
        return DEFAULT_PORTS.get(driver)
    if not text.strip().isascii() or not text.strip().isdigit() or not 0 < int(text) < 65536:
        raise UsageError(
            f"the database port {text!r} is not a number from 1 to 65535", where=where, remedy="Correct it."
        )
    return int(text)


def _server(driver: str, env: _Env, reads: str) -> DatabaseSettings:
    notes = []
    host = env.text("DB_HOST", "127.0.0.1")
    writer = env.text("DB_WRITE_HOST") if "DB_WRITE_HOST" in reads else None
    if writer:
        host = writer
        notes.append(
            f"reads and writes go to different hosts; {writer} (DB_WRITE_HOST) is the one that counts"
        )
    mysql = driver == "mysql"
    return DatabaseSettings(
        driver=driver,
        name=env.text("DB_DATABASE", "dreamfactory") or "",
        host=host or "localhost",
        port=_port(env.text("DB_PORT"), driver, ".env, DB_PORT"),
        socket=(env.text("DB_SOCKET") or None) if mysql and "DB_SOCKET" in reads else None,
        user=env.text("DB_USERNAME", ""),
        password=_secret(env.text("DB_PASSWORD", "")),
        charset=env.text("DB_CHARSET", "utf8mb4" if mysql else "utf8"),
        collation=env.text("DB_COLLATION", "utf8mb4_unicode_ci") if mysql else None,
        sslmode="prefer" if driver == "pgsql" else None,
        ssl_ca=(env.text("MYSQL_ATTR_SSL_CA") or None) if mysql and "MYSQL_ATTR_SSL_CA" in reads else None,
        prefix=env.text("DB_PREFIX", "") or "",
        notes=tuple(notes),
    )


def _sqlite(env: _Env, path: str, database: str | None = None) -> DatabaseSettings:
    if database is None:
        database = env.text("DB_DATABASE", f"{path}/database/database.sqlite") or ""
    notes = []
    where = PurePosixPath(database)
    if "/" not in database:
        storage = env.text("DF_SQLITE_STORAGE") or f"{path}/storage/databases"
        where = PurePosixPath(path, storage, database)
    elif not where.is_absolute():
        where = PurePosixPath(path, database)
        notes.append(
            f"DB_DATABASE={database} is relative: the command line means {where}, the web server "
            f"{PurePosixPath(path, 'public', database)}; give the absolute path"
        )
    return DatabaseSettings(
        driver="sqlite",
        name=where.name,
        file=str(where),
        prefix=env.text("DB_PREFIX", "") or "",
        notes=tuple(notes),
    )


def _with_url(found: DatabaseSettings, url: str, key: str, path: str, env: _Env) -> DatabaseSettings:
    """Let a URL go before the single keys, as Laravel's ConfigurationUrlParser does."""
    try:
        parts = urlsplit(re.sub(r"^(sqlite3?):///", r"\1://null/", url))
        port, host = parts.port, parts.hostname
    except ValueError:
        raise UsageError(
            "the database URL is malformed",
            where=f".env, {key}",
            remedy="Correct the URL; its password may need %-escapes.",
        ) from None
    driver = _URL_ALIASES.get(parts.scheme, parts.scheme) or found.driver
    if driver not in _DRIVERS:
        raise UsageError(
            f"the database URL's scheme {parts.scheme!r} is unknown",
            where=f".env, {key}",
            remedy="Correct it.",
        )
    database = unquote(parts.path[1:]) if parts.path not in {"", "/"} else None
    if driver == "sqlite":
        return _sqlite(env, path, database)
    options = dict(parse_qsl(parts.query))
    return replace(
        found,
        driver=driver,
        name=database if database is not None else found.name,
        host=_host(parts, host) or found.host,
        port=port or (found.port if driver == found.driver else DEFAULT_PORTS.get(driver)),
        user=unquote(parts.username) if parts.username is not None else found.user,
        password=_secret(unquote(parts.password)) if parts.password is not None else found.password,
        charset=options.get("charset", found.charset),
        sslmode=options.get("sslmode", found.sslmode),
        schema=options.get("search_path", options.get("schema", found.schema)),
        notes=(*found.notes, f"{key} goes before DB_HOST, DB_DATABASE and the like"),
    )


def _host(parts: SplitResult, lowered: str | None) -> str | None:
    """Give the host as written: urlsplit lowers it, which a socket directory (%2Frun%2FPg) would not survive."""
    if lowered is None:
        return None
    at = parts.netloc.rpartition("@")[2]
    start = at.lower().find(lowered)
    return unquote(at[start : start + len(lowered)]) if start >= 0 else lowered


def _secret(text: str | None) -> Secret:
    return Secret((text or "").encode("utf-8", "surrogateescape"))
