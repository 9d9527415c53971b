"""How artisan writes: bare sentences up to Laravel 8, marked ones with dotted columns from 9 on."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from . import world


class Failed(NamedTuple):
    """A migration that broke, as Laravel tells of it: the database's words and the statement."""

    sqlstate: str
    sql: str


def is_old() -> bool:
    """Tell whether this is a Laravel that writes bare sentences."""
    return world.numbers(world.laravel()) < (9,)


def width() -> int:
    """Give the terminal's width."""
    wanted = os.environ.get("COLUMNS", "")
    return int(wanted) if wanted.isdigit() and int(wanted) > 0 else 80


def told(level: str, text: str, old: str = "") -> None:
    """Write one sentence; `old` is what Laravel before 9 says, where that differs."""
    if is_old():
        print(old or text)
    else:
        print(f"\n   {level}  {text}\n")


def two_columns(left: str, right: str) -> str:
    """Write a name and a result with dots between, as wide as Laravel makes it: the terminal, at most 150."""
    dots = min(width(), 150) - len(left) - len(right) - 6
    return f"  {left} {'.' * max(dots, 1)} {right}"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Write a table as Symfony's console does."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    rule = "+" + "+".join("-" * (one + 2) for one in widths) + "+"

    def line(row: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.ljust(one) for cell, one in zip(row, widths, strict=True)) + " |"

    return "\n".join((rule, line(head), rule, *map(line, rows), rule))


def took(name: str) -> str:
    """Give a time that is the same on every machine, as this Laravel writes it."""
    number = sum(ord(char) * (index + 7) for index, char in enumerate(name)) % 2900 + 300
    if is_old():
        return f"{number / 100_000:.2f} seconds"
    return f"{number / 100:.2f}ms" if world.numbers(world.laravel()) >= (11,) else f"{number // 100}ms"


def began(name: str) -> None:
    """Say that a migration or seeder begins, where this Laravel says so beforehand."""
    if is_old():
        print(f"Migrating: {name}", flush=True)


def ended(name: str, *, well: bool) -> None:
    """Say how a migration ended."""
    if not is_old():
        print(two_columns(name, f"{took(name)} {'DONE' if well else 'FAIL'}"), flush=True)
    elif well:
        print(f"Migrated:  {name} ({took(name)})", flush=True)


def exception(failed: Failed) -> None:
    """Tell of a failed statement as Symfony's console does: the query's exception, then the database's own."""
    new = world.numbers(world.laravel()) >= (11,)
    where = "Connection: sqlite, SQL" if new else "SQL"
    sql = f" ({where}: {failed.sql})" if failed.sql else ""
    for line, text in (
        (825 if new else 760, f"{failed.sqlstate}{sql}"),
        (571 if new else 545, failed.sqlstate),
    ):
        print(f"\nIn Connection.php line {line}:\n")
        for part in textwrap.wrap(text, width() - 4, break_long_words=True, drop_whitespace=False):
            print(f"  {part}")
        print("\n")
