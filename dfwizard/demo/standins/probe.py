"""What the PHP code that dfwizard runs with `php -r` asks of a SQLite database, answered in the same words.

The questions are those of `instance/probe.php` and of the backup's copy and check; a test holds the two together on a real PHP.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

MARK = "\x1edfwizard "
ENCRYPTED = re.compile(rb"eyJpdiI6[A-Za-z0-9+/=\\]+")
HOLDERS = re.compile(r"lookup|heroku_addon_sso|notification_app_device|.*_config")
FOUND_AT_MOST = 20

Request = dict[str, Any]


def answer() -> int:
    """Read the request from stdin and print the answer."""
    try:
        request = _decoded(json.loads(sys.stdin.buffer.read() or b"null"))
        from . import probe_migration

        modes: dict[str, Callable[[Database, Request], Request]] = {
            "facts": _facts,
            "digest": _digest,
            "identity": _identity,
            "names": _names,
            "rows": _rows,
            **probe_migration.MODES,
        }
        data = modes[request["mode"]](Database(request["db"]), request)
    except sqlite3.Error as error:
        data = {"error": f"SQLSTATE[HY000]: General error: {error}", "sqlstate": "HY000"}
    except (ValueError, KeyError, TypeError, OSError) as error:
        data = {"error": str(error), "sqlstate": ""}
    print(f"\n{MARK}{json.dumps(data, ensure_ascii=False, separators=(',', ':'))}")
    return 0


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return os.fsdecode(base64.b64decode(value)) if isinstance(value, str) else value


class Database:
    """A SQLite database, opened for reading."""

    def __init__(self, db: Request) -> None:
        if db["driver"] != "sqlite":
            raise ValueError("could not find driver")
        self.file = str(db["file"])
        self.prefix = db["prefix"] or ""
        if not os.path.isfile(self.file):
            raise ValueError(f"SQLSTATE[HY000] [14] unable to open database file: {self.file} is not a file")
        self.connection = open_read_only(self.file)
        self.connection.execute("BEGIN")
        self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Give all rows of a question."""
        return self.connection.execute(sql, values).fetchall()

    def tables(self) -> list[str]:
        """Give the tables by name."""
        sql = r"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'"
        return sorted((_text(row[0]) for row in self.rows(sql)), key=os.fsencode)

    def columns(self, table: str) -> list[str]:
        """Give a table's columns by name."""
        return sorted(
            (_text(row[1]) for row in self.rows(f"PRAGMA table_info({quoted(table)})")), key=os.fsencode
        )

    def key(self, table: str) -> list[str]:
        """Give the columns of a table's primary key."""
        rows = self.rows(f"PRAGMA table_info({quoted(table)})")
        return [_text(row[1]) for row in rows if row[5] > 0]

    def select(self, columns: Iterable[str], table: str) -> Iterable[tuple[bytes | None, ...]]:
        """Give the rows of a table, values as bytes."""
        asked = ", ".join(f"CAST({quoted(column)} AS BLOB)" for column in columns) or "CAST(1 AS BLOB)"
        return self.connection.execute(f"SELECT {asked} FROM {quoted(table)}")  # noqa: S608

    def has(self, table: str, *columns: str) -> bool:
        """Tell whether there is a table with these columns; its name is without the prefix."""
        name = self.prefix + table
        return name in self.tables() and set(columns) <= set(self.columns(name))


def open_read_only(file: str) -> sqlite3.Connection:
    """Open a database for reading, text as bytes that are no UTF-8 included."""
    connection = sqlite3.connect(f"file:{quote(file)}?mode=ro", uri=True, isolation_level=None, timeout=60)
    connection.text_factory = os.fsdecode
    return connection


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


SERVER = "3.45.1"
"""The SQLite that this PHP says it has: what a machine's Python has would differ from one to the next."""


def _counted(db: Database, sql: str) -> list[Request]:
    return [{"name": str(name), "count": count} for name, count in db.rows(sql)]


def _facts(db: Database, _request: Request) -> Request:
    service = quoted(f"{db.prefix}service") if db.has("service", "type", "is_active") else ""
    user = quoted(f"{db.prefix}user") if db.has("user", "password") else ""
    migrations = quoted(f"{db.prefix}migrations") if db.has("migrations", "migration") else ""
    by_type = f"SELECT type, count(*) FROM {service}"  # noqa: S608
    return {
        "server": SERVER,
        "directory": None,
        "other_engines": [],
        "row_format": None,
        "oldest_transaction": None,
        "clients": [],
        "size": os.stat(db.file).st_size,
        "writable": os.access(db.file, os.W_OK) and os.access(os.path.dirname(db.file), os.W_OK),
        "tables": [
            {"name": table, "count": db.rows(f"SELECT count(*) FROM {quoted(table)}")[0][0]}  # noqa: S608
            for table in db.tables()
        ],
        "migrations": [row[0] for row in db.rows(f"SELECT migration FROM {migrations} ORDER BY id")]  # noqa: S608
        if migrations
        else [],
        "service_types": _counted(db, f"{by_type} GROUP BY type") if service else [],
        "active_types": _counted(db, f"{by_type} WHERE is_active = 1 GROUP BY type") if service else [],
        "password_costs": _counted(
            db,
            f"SELECT substr(password, 5, 2), count(*) FROM {user} WHERE password LIKE '$2y$%' GROUP BY 1",  # noqa: S608
        )
        if user
        else [],
        "encrypted": _encrypted(db),
    }


def _encrypted(db: Database) -> list[Request]:
    found: list[Request] = []
    for table in db.tables():
        if not HOLDERS.fullmatch(table.removeprefix(db.prefix)):
            continue
        columns = db.columns(table)
        here = 0
        for row in db.select(columns, table):
            for column, value in zip(columns, row, strict=True):
                match = ENCRYPTED.search(value) if value else None
                if match and here < 5:
                    text = match[0].decode("ascii").replace("\\/", "/")
                    found.append({"table": table, "column": column, "value": text})
                    here += 1
    return found[:FOUND_AT_MOST]


def _names(db: Database, request: Request) -> Request:
    found = []
    for table, column in request["columns"]:
        if db.has(table, column):
            rows = db.select((column,), db.prefix + table)
            values = [row[0].decode("utf-8", "replace") for row in rows if row[0] is not None]
            found.append({"table": table, "column": column, "values": values})
    return {"names": found}


def _rows(db: Database, request: Request) -> Request:
    table = request["table"]
    if table not in db.tables():
        raise ValueError(f"there is no table {table}")
    rows = [
        [None if value is None else base64.b64encode(value).decode("ascii") for value in row]
        for row in db.select(request["columns"], table)
    ]
    return {"rows": rows[: request["limit"]]}


def _digest(db: Database, request: Request) -> Request:
    volatile = set(request["skip_rows"])
    left_out = {table: set(columns) for table, columns in request["leave_out"]}
    tables = []
    for table in db.tables():
        if table in volatile:
            count, digest = db.rows(f"SELECT count(*) FROM {quoted(table)}")[0][0], None  # noqa: S608
        else:
            columns = [one for one in db.columns(table) if one not in left_out.get(table, ())]
            count, digest = row_digest(db.select(columns, table))
        tables.append({"name": table, "rows": count, "digest": digest, "schema": _schema(db, table)})
    return {"server": SERVER, "tables": tables, "objects": _objects(db, volatile)}


def row_digest(rows: Iterable[tuple[bytes | None, ...]]) -> tuple[int, str]:
    """Count rows, and digest them in any order."""
    lanes = [0, 0, 0, 0]
    count = 0
    for row in rows:
        parts = (b"N" if value is None else b"V" + struct.pack(">Q", len(value)) + value for value in row)
        four = struct.unpack(">8I", hashlib.sha256(b"".join(parts)).digest())[:4]
        lanes = [(lane + part) & 0xFFFFFFFF for lane, part in zip(lanes, four, strict=True)]
        count += 1
    return count, "".join(f"{lane:08x}" for lane in lanes)


def _schema(db: Database, table: str) -> str:
    sql = (
        "SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL AND tbl_name = ? "
        "ORDER BY type DESC, name"
    )
    return ";\n".join(row[0] for row in db.rows(sql, table))


def _objects(db: Database, volatile: set[str]) -> list[Request]:
    found = [
        {"name": f"{kind} {name}", "text": sql}
        for kind, name, sql in db.rows(
            "SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
        )
    ]
    if db.rows("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"):
        found += [
            {"name": f"sequence {name}", "text": str(number)}
            for name, number in db.rows("SELECT name, seq FROM sqlite_sequence")
            if name not in volatile
        ]
    return found


BOOT = "/proc/sys/kernel/random/boot_id"


def _identity(db: Database, _request: Request) -> Request:
    stat = os.stat(db.file)
    with open(BOOT, encoding="ascii") as file:
        boot = file.read().strip()
    said = {"server device": f"{stat.st_dev}:{stat.st_ino}", "server boot": boot}
    return {"identity": {**said, "database": os.path.realpath(db.file)}, "zero_dates": []}


def execute(file: str, sql: str) -> int:
    """Carry out a statement that makes or removes dfwizard's marker."""
    try:
        connection = sqlite3.connect(
            f"file:{quote(file)}?mode=rw", uri=True, isolation_level=None, timeout=60
        )
        connection.execute(sql)
        connection.close()
    except sqlite3.Error as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def copy(source: str, target: str) -> int:
    """Copy a database with SQLite's own online backup, and check the copy."""
    try:
        old, new = open_read_only(source), sqlite3.connect(target)
        with old, new:
            old.backup(new)
        old.close()
        new.close()
    except sqlite3.Error as error:
        print(error, file=sys.stderr)
        return 1
    return check(target)


def check(file: str) -> int:
    """Let SQLite check every page."""
    try:
        connection = open_read_only(file)
        said = str(connection.execute("PRAGMA integrity_check").fetchone()[0])
        connection.close()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        print(said if said.startswith("unable") else f"integrity check: {said}", file=sys.stderr)
        return 1
    return 0
