"""Checks of both databases before a migration: two of one kind, the target's to be given up, nothing that leads back to the source's."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks.migration_context import MigrationCheck, MigrationContext
from dfwizard.planning.checks.source import shown
from dfwizard.planning.findings import Finding, Severity, counted

DEFAULTS: Mapping[str, frozenset[str]] = {
    "service": frozenset(
        {"system", "api_docs", "files", "logs", "db", "email", "user", "api_builder", "mcp", "df_mcp"}
    ),
    "app": frozenset({"admin", "api_docs", "file_manager"}),
    "role": frozenset(),
    "event_script": frozenset(),
    "lookup": frozenset(),
    "limits": frozenset(),
    "scheduler_tasks": frozenset(),
}
"""What the installation itself puts into each table, by name (df-core's and df-system's seeders); anything else is somebody's work."""

_FIRST_USER = 1


def same_database(context: MigrationContext) -> list[Finding]:
    """Source and target must be two instances with two databases."""
    if not context.same:
        return []
    databases = [facts.database for facts in (context.source, context.target)]
    return [
        explained(
            "same-database",
            Severity.BLOCKER,
            "The target's database is the source's own",
            (
                context.same,
                *(f"{one.driver} {one.name} at {one.address}" for one in databases if one is not None),
            ),
        )
    ]


def engines(context: MigrationContext) -> list[Finding]:
    """Both databases must be of one kind, and the target's server not older."""
    theirs, ours = context.source.database, context.target.database
    if theirs is None or ours is None:
        return []
    if theirs.driver != ours.driver:
        return [
            explained(
                "engine-mismatch",
                Severity.BLOCKER,
                f"The source's database is {theirs.driver}, the target's {ours.driver}",
                (theirs.server or "", ours.server or ""),
                remedy=f"Install the target with a {theirs.driver} database, or move the data with tools made for that.",
            )
        ]
    if theirs.driver == "sqlsrv":
        return []  # the check of the tools says what to do
    old, new = _server(theirs.server), _server(ours.server)
    if old is None or new is None or old[0] != new[0]:
        return [] if not (old and new) else [_other_make(theirs.server or "", ours.server or "")]
    if new[1] < old[1] and theirs.driver != "sqlite":
        return [
            explained(
                "database-server-older",
                Severity.WARNING,
                "The target's database server is older than the source's",
                (f"source: {theirs.server}", f"target: {ours.server}"),
            )
        ]
    return []


def sql_server(context: MigrationContext) -> list[Finding]:
    """SQL Server's backups are made by its own tools: say how the guide's way goes, in the order that loses nothing."""
    theirs, ours = context.source.database, context.target.database
    if theirs is None or ours is None or (theirs.driver, ours.driver) != ("sqlsrv", "sqlsrv"):
        return []
    return [
        explained(
            "sql-server",
            Severity.BLOCKER,
            "The databases are on SQL Server, which dfwizard can neither save nor restore",
            (theirs.address, ours.address),
            remedy=f"By hand, in this order: 1. `php artisan down` on the target. 2. BACKUP DATABASE {ours.name} there, and try it with "
            f"RESTORE VERIFYONLY. 3. BACKUP DATABASE {theirs.name} WITH COPY_ONLY on the source; copy the file. 4. RESTORE DATABASE "
            f"{ours.name} WITH REPLACE, MOVE on the target, and give its login to the database (ALTER USER ... WITH LOGIN). 5. Put the "
            "source's APP_KEY into the target's .env. 6. `php artisan migrate --seed --force`, config:clear, cache:clear. 7. Restart "
            "PHP-FPM, then `php artisan up`.",
        )
    ]


def _server(text: str | None) -> tuple[str, tuple[int, ...]] | None:
    """Give make and version of a database server from its own words."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text or "")
    if found is None:
        return None
    make = "MariaDB" if "mariadb" in (text or "").lower() else ""
    return make, tuple(int(part) for part in found.groups() if part)


def _other_make(theirs: str, ours: str) -> Finding:
    return explained(
        "database-server-make",
        Severity.WARNING,
        "One server is MySQL, the other MariaDB",
        (f"source: {theirs}", f"target: {ours}"),
    )


def not_empty(context: MigrationContext) -> list[Finding]:
    """What the target holds beyond a new installation is lost to the migration, and must be given up knowingly."""
    facts = context.target.database
    if facts is None or not facts.reachable:
        return []
    own = {}
    for table, defaults in DEFAULTS.items():
        names = [name for name in context.names.get(table, ()) if name not in defaults]
        if names:
            own[table] = names
    users = facts.tables.get("user", 0)
    evidence = [
        f"{table}: {counted(len(names), 'row')} ({', '.join(names[:5])})" for table, names in own.items()
    ]
    if users > _FIRST_USER:
        evidence.append(f"user: {counted(users, 'row')}")
    if not evidence:
        return [
            explained("target-empty", Severity.OK, "The target holds nothing but what its installation made")
        ]
    return [
        explained(
            "target-not-empty",
            Severity.BLOCKER,
            "The target is in use: it holds more than a new installation",
            shown(evidence),
        )
    ]


def instance_id(context: MigrationContext) -> list[Finding]:
    """Two databases with one instance id are copies: an earlier migration, or a wrong target."""
    theirs, ours = context.instance_ids
    if not theirs or theirs != ours or context.same:
        return []
    return [
        explained(
            "same-instance-id",
            Severity.WARNING,
            "Source and target hold the same instance id: one is a copy of the other",
            theirs,
        )
    ]


def strict_mode(context: MigrationContext) -> list[Finding]:
    """Dates of zeros cannot be written in MySQL's strict mode, which the target's configuration turns on."""
    if not context.zero_dates:
        return []
    modes = tuple(
        f"sql_mode of the {side}: {mode or 'empty'}"
        for side, mode in zip(("source", "target"), context.sql_modes, strict=True)
    )
    applied = any(step.id == "strict-mode" for step in context.plan.steps)
    evidence = (*shown(context.zero_dates), *modes)
    if not context.strict or applied:
        return [
            explained(
                "strict-mode",
                Severity.WARNING,
                "The source has dates of zeros: strict mode is turned off in the target's config/database.php"
                if applied
                else "The source has dates of zeros; the target's configuration does not ask for strict mode",
                evidence,
                remedy="Replace them by NULL or real dates in the source, if strict mode is to stay on."
                if applied
                else "",
            )
        ]
    return [
        explained(
            "strict-mode",
            Severity.BLOCKER,
            "The source has dates of zeros, and the target's strict mode cannot be turned off in its config/database.php",
            evidence,
            remedy="Add 'strict' => false to the connection's block in config/database.php (guide: Step 4).",
        )
    ]


def redirected(context: MigrationContext) -> list[Finding]:
    """The chosen `.env` must not lead the target to another database than the one that is filled."""
    if not context.redirected:
        return []
    return [
        explained(
            "dotenv-database",
            Severity.BLOCKER,
            "With the chosen keys the target would use another database",
            (context.redirected,),
        )
    ]


MIGRATION_DATA_CHECKS: tuple[MigrationCheck, ...] = (
    same_database,
    engines,
    sql_server,
    not_empty,
    instance_id,
    strict_mode,
    redirected,
)
