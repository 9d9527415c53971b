"""What the PHP code of a migration asks beside that of `probe`: each row's digests, paths in settings, whether services' databases answer.

The questions are those of `instance/probe_migration.php`; a test holds the two together on a real PHP.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from . import world
from .probe import ENCRYPTED, SERVER, Database, Request, open_read_only, quoted, row_digest

_PATH = re.compile(r"(?<![^\s\"'=:,\[])/(?:[\w.@+-]+/)*[\w.@+-]+", re.ASCII)


def _picture(db: Database, request: Request) -> Request:
    """Give every row of the tables asked for by row: its key, what it is called, and a short digest of each column."""
    left_out = {table: set(columns) for table, columns in request["leave_out"]}
    naming = dict(request["naming"])
    tables: list[Request] = []
    encrypted: list[Request] = []
    for table in db.tables():
        name = table.removeprefix(db.prefix)
        count = db.rows(f"SELECT count(*) FROM {quoted(table)}")[0][0]  # noqa: S608
        columns = [one for one in db.columns(table) if one not in left_out.get(name, ())]
        made: Request = {"name": name, "rows": count, "columns": columns, "digest": None, "named": None}
        if not _fits(name, request["skip"]):
            keyed = db.key(table)
            key = [columns.index(one) for one in columns if one in keyed]
            label = columns.index(naming[name]) if naming.get(name) in columns else None
            rows = list(db.select(columns, table))
            made["digest"] = row_digest(rows)[1]
            called = [_row_name(row, columns, key, label) for row in rows]
            for row, title in zip(rows, called, strict=True):
                encrypted += _encrypted_in(row, columns, name, title)
            if key and count <= request["limit"] and _fits(name, request["by_row"]):
                made["named"] = [
                    [",".join(_shown(row[i]) for i in key), title, _column_digests(row)]
                    for row, title in zip(rows, called, strict=True)
                ]
        tables.append(made)
    return {"server": SERVER, "tables": tables, "encrypted": encrypted}


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _shown(value: bytes | None, most: int | None = None) -> str:
    return (value or b"")[:most].decode("utf-8", "replace")


def _row_name(row: Sequence[bytes | None], columns: list[str], key: list[int], label: int | None) -> str:
    if label is not None and row[label]:
        return _shown(row[label], 80)
    return ", ".join(f"{columns[i]} {_shown(row[i], 40)}" for i in key)


def _column_digests(row: Iterable[bytes | None]) -> str:
    return "".join(hashlib.sha256(b"N" if value is None else b"V" + value).hexdigest()[:12] for value in row)


def _encrypted_in(
    row: Iterable[bytes | None], columns: list[str], table: str, called: str
) -> Iterable[Request]:
    for column, value in zip(columns, row, strict=True):
        for match in ENCRYPTED.findall(value or b""):
            text = match.decode("ascii").replace("\\/", "/")
            yield {"table": table, "column": column, "row": called, "value": text}


def _paths(db: Database, request: Request) -> Request:
    """Give the absolute paths in the settings of services."""
    found: dict[str, Request] = {}
    for table in db.tables():
        name = table.removeprefix(db.prefix)
        columns = db.columns(table)
        for row in db.select(columns, table) if _fits(name, request["tables"]) else ():
            for column, value in zip(columns, row, strict=True):
                for path in _PATH.findall(_shown(value).replace("\\/", "/")):
                    found[path] = {"path": path, "table": name, "column": column}
    return {"paths": list(found.values())[: request["limit"]]}


def _connections(db: Database, request: Request) -> Request:
    """Try the databases of the active services; those on other machines answer, unless the scenario's faults say what they say."""
    if not db.has("service", "id") or not db.has("sql_db_config", "connection"):
        return {"connections": []}
    service, config = (quoted(db.prefix + name) for name in ("service", "sql_db_config"))
    sql = (
        f"SELECT s.name, s.type, c.connection FROM {service} s JOIN {config} c ON c.service_id = s.id "  # noqa: S608
        "WHERE s.is_active = 1 ORDER BY s.name"
    )
    drivers = dict(request["drivers"])
    found = []
    for name, kind, connection in db.rows(sql):
        if kind in drivers:
            state, reason = _tried(drivers[kind], json.loads(connection), request)
        else:
            state, reason = "untried", f"dfwizard cannot try connections of the type {kind}"
        found.append({"name": name, "type": kind, "state": state, "reason": reason})
    return {"connections": found}


def _tried(driver: str, made: Request, request: Request) -> tuple[str, str]:
    keys = [os.fsencode(key) for key in request["keys"]]
    for name in ("username", "password"):
        value = str(made.get(name) or "")
        if value.startswith("eyJpdiI6") and not any(_opens(key, value) for key in keys):
            return "failed", f"APP_KEY does not open its {name}"
    if driver == "sqlite":
        file = os.path.join(request["sqlite_directory"], str(made.get("database")))
        if not os.path.isfile(file):
            return "failed", f"{file} is not there"
        open_read_only(file).execute("SELECT count(*) FROM sqlite_master")
        return "ok", ""
    asked = world.document(world.FAULTS).get("php")
    silent = asked.get("unreachable", {}) if isinstance(asked, dict) else {}
    said = silent.get(made.get("host")) if isinstance(silent, dict) else None
    return ("failed", str(said)) if said else ("ok", "")


def _opens(key: bytes, value: str) -> bool:
    data = json.loads(base64.b64decode(value))
    mac = hmac.new(key, f"{data['iv']}{data['value']}".encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(mac, str(data["mac"]))


MODES: dict[str, Callable[[Database, Request], Request]] = {
    "connections": _connections,
    "paths": _paths,
    "picture": _picture,
}
