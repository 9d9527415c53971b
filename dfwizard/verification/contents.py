"""Services, roles, apps, users, scripts and settings before and after an upgrade: each row by its name, its content by digests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from dfwizard.rules import Release, Rules, TableRules
from dfwizard.verification.migration import compare_migration
from dfwizard.verification.picture import MigrationPicture, Opened, take_picture
from dfwizard.verification.result import Check, Verification

_COUNTED = ("rows", "names")


def take_contents(
    access: Opened, rules: Rules, tables: Collection[str], *, prefix: str = "", mark: str | None = None
) -> MigrationPicture:
    """Take the picture of what DreamFactory itself is made of; of `tables` (as the database names them) the others are only counted.

    Raises:
        DatabaseUnreachable: the database did not answer.
        HostError: PHP did not run.
    """
    names = (table.removeprefix(prefix) for table in tables)
    others = [name for name in names if not rules.tables.point_of(name)]
    return take_picture(access, rules, counted=others, mark=mark)


def compare_contents(
    before: MigrationPicture, after: MigrationPicture, *, came_from: Release, release: Release, rules: Rules
) -> tuple[Check, ...]:
    """Compare two pictures of one instance, taken while nobody else could write; see `compare_migration` for the ids."""
    compared = compare_migration(before, after, source_release=came_from, target_release=release, rules=rules)
    return tuple(
        check for check in compared.checks if check.id != "rest" and not check.id.startswith("rest:")
    )


def with_contents(
    verification: Verification, contents: tuple[Check, ...], tables: TableRules
) -> Verification:
    """Give the verification with the comparison of contents in it, in place of the counts of the same tables."""
    if not contents:
        return verification
    checks: list[Check] = []
    for check in verification.checks:
        kind, _, table = check.id.partition(":")
        if kind in _COUNTED and table and tables.point_of(table):
            continue
        checks.append(check)
        if check.id == "rows":
            checks += contents
    return replace(verification, checks=tuple(checks))
