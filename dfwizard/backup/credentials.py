"""Files that carry a database's password to its own client programs, so that no argument and no environment does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dfwizard.errors import BackupError

if TYPE_CHECKING:
    from dfwizard.hosts.base import Host
    from dfwizard.instance.database import DatabaseSettings

MYSQL_FILE = "mysql.cnf"
POSTGRESQL_FILE = "pgpass"
LONGEST = 4000
"""Bytes that a value may have as it is written. MySQL's programs read an option file in pieces of 4096 bytes and take each for a
line (mysys/my_default.c): the rest of a longer password would be options, of which some load code. libpq has had such a limit, too."""


def client_file(private: str, driver: str) -> str:
    """Give the path that the client file of `driver` has in the private directory ("" for SQLite, which has none)."""
    names = {"mysql": MYSQL_FILE, "pgsql": POSTGRESQL_FILE}
    return f"{private.rstrip('/')}/{names[driver]}" if driver in names else ""


@contextmanager
def client_credentials(host: Host, settings: DatabaseSettings, private: str) -> Iterator[str]:
    """Lay the client file into `private` (made 0700 when missing), give its path, and remove it afterwards.

    A file left behind by a killed run is replaced.

    Raises:
        BackupError: the password or the user is none that a client file can carry, or `private` is not ours alone.
    """
    path = client_file(private, settings.driver)
    if not path:
        yield ""
        return
    content = mysql_file(settings) if settings.driver == "mysql" else postgresql_file(settings)
    host.mkdir(private, mode=0o700)
    _require_private(host, private)
    remove_stale(host, private)
    try:
        host.write(path, content, mode=0o600)
        yield path
    finally:
        host.remove(path)


def _require_private(host: Host, private: str) -> None:
    """Refuse a directory in which somebody else could put another file in the place of ours."""
    found = host.stat(private)
    if found is None or found.kind != "directory" or found.owner != host.user or found.mode & 0o022:
        raise BackupError(
            "the directory for files with secrets is not this account's alone: somebody else has made it, or may write into it",
            where=private,
            remedy="Look what it is and remove it; backups belong where no other account may write.",
        )


def remove_stale(host: Host, private: str) -> None:
    """Remove client files that a killed run left in `private`."""
    for name in (MYSQL_FILE, POSTGRESQL_FILE):
        host.remove(f"{private.rstrip('/')}/{name}")


def mysql_file(settings: DatabaseSettings) -> bytes:
    """Write MySQL's `[client]` option file.

    Values stand in double quotes: `#` then begins no comment, and backslash, quote and line ends have escapes
    (MySQL manual, "Using Option Files").
    """
    lines = [b"[client]"]
    values: list[tuple[str, bytes]] = []
    if settings.user:
        values.append(("user", _bytes(settings.user)))
    if settings.password is not None:
        values.append(("password", settings.password.value))
    if settings.socket:
        values += [("protocol", b"socket"), ("socket", _bytes(settings.socket))]
    else:
        values.append(("host", _bytes(settings.host or "localhost")))
        if (settings.host or "localhost") != "localhost":
            values.append(("protocol", b"tcp"))
        if settings.port:
            values.append(("port", str(settings.port).encode()))
    lines += [name.encode() + b'="' + _mysql_escape(name, value) + b'"' for name, value in values]
    return b"\n".join(lines) + b"\n"


def _mysql_escape(name: str, value: bytes) -> bytes:
    if b"\0" in value:
        raise _unusable(name, "a NUL byte")
    for raw, escaped in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t")):
        value = value.replace(raw, escaped)
    return _short_enough(name, value)


def postgresql_file(settings: DatabaseSettings) -> bytes:
    """Write a PGPASSFILE of one line that holds for every server, since only our own commands are given it."""
    password = settings.password.value if settings.password is not None else b""
    for byte, word in ((b"\0", "a NUL byte"), (b"\n", "a line end"), (b"\r", "a carriage return")):
        if byte in password:
            raise _unusable("password", word)
    escaped = password.replace(b"\\", b"\\\\").replace(b":", b"\\:")
    return b"*:*:*:*:" + _short_enough("password", escaped) + b"\n"


def _short_enough(name: str, written: bytes) -> bytes:
    if len(written) > LONGEST:
        raise _unusable(name, f"more than {LONGEST} bytes")
    return written


def _unusable(name: str, what: str) -> BackupError:
    return BackupError(
        f"the database {name} holds {what}, which the database's client programs cannot be given",
        where=".env",
        remedy="Give the database user another password, and put it into .env.",
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
