"""The picture of an instance's configuration before and after a run: row by row, without any of its values."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Protocol

from dfwizard.backup.subject import VOLATILE
from dfwizard.instance.dotenv import DotenvFile
from dfwizard.instance.key import key_fingerprint, prove_key
from dfwizard.instance.probe import Probe, ProbedPicture, probe_picture
from dfwizard.rules import Rules

SCHEMA = 1
"""Version of the picture's JSON form."""

WIDTH = 12
"""Hex digits of a column's digest: enough to tell two values of one column apart, too few to be a value."""


class Opened(Protocol):
    """An instance that can be asked (`access.Access` is one)."""

    @property
    def file(self) -> DotenvFile:
        """Give `.env` as Laravel reads it."""
        ...

    def probe(self) -> Probe:
        """Give who asks the system database."""
        ...


@dataclass(frozen=True)
class TablePicture:
    """One table, named without DB_PREFIX.

    `columns` are sorted; `digest` is of all rows in any order (None: they come and go, and are only counted); `named` has each row by
    its primary key: what it is called, and 12 hex digits for each column (None: the table is not looked at row by row).
    """

    rows: int
    columns: tuple[str, ...]
    digest: str | None
    named: Mapping[str, tuple[str, ...]] | None


@dataclass(frozen=True)
class Credential:
    """One encrypted value: where it stands, and whether the key opens it (`proven`, `wrong`; `no-mac` where that cannot be told)."""

    table: str
    column: str
    row: str
    state: str


@dataclass(frozen=True)
class MigrationPicture:
    """A system database at one moment. `key` is a one-way mark of the APP_KEY in force."""

    taken_at: str
    server: str
    key: str
    tables: Mapping[str, TablePicture]
    credentials: tuple[Credential, ...] = field(default=())
    schema: int = SCHEMA


def take_picture(
    access: Opened, rules: Rules, *, counted: Collection[str] = (), mark: str | None = None
) -> MigrationPicture:
    """Take the picture of an instance's database, and prove each encrypted value with the APP_KEY of its `.env`; read-only.

    Of the tables in `counted` only the rows are counted.

    Raises:
        DatabaseUnreachable: the database did not answer.
        HostError: PHP did not run.
    """
    tables = rules.tables
    found = probe_picture(
        access.probe(),
        by_row=sorted({pattern for point in tables.points for pattern in point.tables}),
        naming=tables.name_columns,
        skip=sorted({*VOLATILE, *tables.volatile, *map(_literally, counted)}),
        leave_out={rule.name: rule.left_out for rule in tables.tables if rule.left_out},
        mark=mark,
    )
    values = access.file.values
    key = values.get("APP_KEY") or ""
    previous = tuple(filter(None, (values.get("APP_PREVIOUS_KEYS") or "").split(",")))
    return MigrationPicture(
        taken_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        server=found.server,
        key=key_fingerprint(key),
        tables={
            name: TablePicture(table.rows, table.columns, table.digest, table.rows_by_key)
            for name, table in found.tables.items()
        },
        credentials=_credentials(found, key, previous),
    )


def _literally(name: str) -> str:
    """Give the pattern that fits this name alone, in PHP's fnmatch."""
    return re.sub(r"([][*?\\])", r"\\\1", name)


_STATES = {"proven": "proven", "nothing-encrypted": "no-mac"}


def _credentials(found: ProbedPicture, key: str, previous: tuple[str, ...]) -> tuple[Credential, ...]:
    return tuple(
        Credential(
            item.table,
            item.column,
            row,
            _STATES.get(prove_key(key, (item,), previous=previous).state, "wrong"),
        )
        for row, item in found.encrypted
    )
