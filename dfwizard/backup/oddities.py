"""What is odd in a dump for another server: as data, with the target that it is for and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Fate = Literal["remedied", "refused", "harmless"]


@dataclass(frozen=True)
class DumpOddity:
    """One kind of thing found in a dump, that some server does not understand.

    `kind` is stable (`definer`, `collation`, ...); `names` are the accounts, collations, tables, ... it was found with, `count`
    how often and `line` where first (0: no line). What rows hold is in none of them.
    """

    kind: str
    names: tuple[str, ...] = ()
    count: int = 1
    line: int = 0


@dataclass(frozen=True)
class TargetServer:
    """The server that a dump is for.

    `product` is mysql, mariadb, pgsql or sqlite; `version` and `client` (pg_restore's) are numbers. `user` is who imports, as
    `name@host`; `packet` the most bytes that a statement may have (0: not known); `encoding` PostgreSQL's of the database.
    """

    product: str
    version: tuple[int, ...]
    client: tuple[int, ...] = ()
    user: str = ""
    packet: int = 0
    collations: frozenset[str] = frozenset()
    engines: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    encoding: str = ""

    @property
    def called(self) -> str:
        """Name the server for people."""
        names = {"mysql": "MySQL", "mariadb": "MariaDB", "pgsql": "PostgreSQL", "sqlite": "SQLite"}
        return f"{names[self.product]} {'.'.join(map(str, self.version))}".rstrip()


@dataclass(frozen=True)
class Judged:
    """What becomes of an oddity: `edits` are sed's commands for the dump's statements, `code` those for the code inside it as well."""

    oddity: DumpOddity
    fate: Fate
    words: str
    edits: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def harmless(oddity: DumpOddity, words: str) -> Judged:
    """Say that nothing need be done."""
    return Judged(oddity, "harmless", words)


def refused(oddity: DumpOddity, words: str) -> Judged:
    """Say that the dump cannot be imported as it is."""
    return Judged(oddity, "refused", words)


def remedied(oddity: DumpOddity, words: str, *edits: str, code: tuple[str, ...] = ()) -> Judged:
    """Say what is changed on the way."""
    return Judged(oddity, "remedied", words, edits, code)


def listed(names: tuple[str, ...], most: int = 5) -> str:
    """Join names for people."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
