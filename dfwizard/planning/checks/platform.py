"""Checks of the server: extensions, composer, tools, accounts, services."""

from __future__ import annotations

from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks.context import Check, Context
from dfwizard.planning.checks.room import backup_place, disk_space, scratch_space
from dfwizard.planning.checks.source import shown
from dfwizard.planning.findings import Finding, Severity, counted

_PDO = {"mysql": "pdo_mysql", "pgsql": "pdo_pgsql", "sqlite": "pdo_sqlite", "sqlsrv": "pdo_sqlsrv"}


def extensions(context: Context) -> list[Finding]:
    """Name the PHP extensions that the locked packages ask for and the command line's PHP does not have."""
    runtime = context.facts.cli()
    if runtime is None:
        return []
    missing: dict[str, list[str]] = {}
    for target in context.targets:
        for name, users in target.extensions.items():
            if name.removeprefix("ext-").lower() not in runtime.extensions:
                missing.setdefault(name, []).append(f"{target.tag} ({', '.join(users[:3])})")
    findings = []
    if missing:
        findings.append(
            explained(
                "php-extensions",
                Severity.WARNING,
                f"{counted(len(missing), 'PHP extension')} that the releases ask for {'is' if len(missing) == 1 else 'are'} missing",
                shown([f"{name}: {', '.join(users)}" for name, users in sorted(missing.items())]),
            )
        )
    driver = context.facts.database.driver if context.facts.database else None
    if driver in _PDO and _PDO[driver] not in runtime.extensions:
        findings.append(
            explained(
                "php-database-driver",
                Severity.BLOCKER,
                f"PHP {runtime.version} has no {_PDO[driver]}",
                (runtime.binary, f"the system database is {driver}"),
                remedy=f"Install the extension (Debian, Ubuntu: php{runtime.minor}-{driver}).",
            )
        )
    return findings


def sapis(context: Context) -> list[Finding]:
    """Command line and FPM should run the same PHP."""
    cli, fpm = context.facts.cli(), context.facts.fpm()
    if cli is None or fpm is None or cli.minor == fpm.minor:
        return []
    return [
        explained(
            "php-differs",
            Severity.WARNING,
            "Command line and web server run different PHP",
            (f"cli: {cli.version} ({cli.binary})", f"fpm: {fpm.version} ({fpm.binary})"),
        )
    ]


def composer(context: Context) -> list[Finding]:
    """Composer must be there, and new enough for every release on the road."""
    found = context.facts.composer
    if found is None and context.facts.composer_path and context.facts.cli() is None:
        return []  # it is there, and cannot be asked without PHP: the check of PHP says so
    if found is None:
        return [
            explained(
                "composer",
                Severity.BLOCKER,
                "composer was not found",
                (f"not on the PATH of {context.facts.tree.owner}",),
                remedy="Install composer 2.2 or newer (https://getcomposer.org/download/).",
            )
        ]
    old = [
        f"{release.tag} needs composer {release.composer}"
        for release in context.way
        if release.composer and not context.rules.composer_allows(release, found)
    ]
    if not old:
        return [explained("composer", Severity.OK, f"composer {found} can install every release on the road")]
    return [
        explained(
            "composer",
            Severity.BLOCKER,
            f"composer {found} cannot install a release on the road",
            tuple(old),
            remedy="Update composer.",
            command="composer self-update",
            acceptable=True,
        )
    ]


def tools(context: Context) -> list[Finding]:
    """The programs that backup and restore call must be there."""
    facts = context.facts
    driver = facts.database.driver if facts.database else "sqlite"
    wanted: list[tuple[str, ...]] = [("tar",), ("zstd", "pigz", "gzip"), ("git",), ("find",), ("sha256sum",)]
    if driver == "mysql":
        wanted += [("mariadb-dump", "mysqldump"), ("mariadb", "mysql")]
    if driver == "pgsql":
        wanted += [("pg_dump",), ("pg_restore",), ("psql",)]
    known = set(facts.tools)
    checked = {name for names in wanted for name in names if name in _INSPECTED}
    missing = [names for names in wanted if checked.intersection(names) and not known.intersection(names)]
    if driver == "sqlsrv":
        return [
            explained(
                "database-driver",
                Severity.BLOCKER,
                "The system database is SQL Server",
                (facts.database.address if facts.database else "",),
            )
        ]
    if not missing:
        return []
    return [
        explained(
            "tools",
            Severity.BLOCKER,
            "Programs that the backup needs are missing",
            tuple(" or ".join(names) for names in missing),
        )
    ]


_INSPECTED = frozenset(
    {
        "tar",
        "zstd",
        "pigz",
        "gzip",
        "git",
        "mariadb-dump",
        "mysqldump",
        "mariadb",
        "mysql",
        "pg_dump",
        "pg_restore",
        "psql",
    }
)


def accounts(context: Context) -> list[Finding]:
    """Owner and web user must be known; a tree owned by root is odd."""
    facts = context.facts
    findings = []
    if facts.me not in ("root", facts.tree.owner):
        findings.append(
            explained(
                "account",
                Severity.BLOCKER,
                f"dfwizard runs as {facts.me}; the tree belongs to {facts.tree.owner}",
                (facts.path,),
                remedy=f"Run it as root, or as {facts.tree.owner}.",
            )
        )
    if facts.me != "root" and facts.tree.foreign:
        findings.append(
            explained(
                "owners-not-restorable",
                Severity.BLOCKER,
                f"{facts.me} could not give every file back to its owner in a rollback",
                (
                    f"of other accounts than {facts.tree.owner}, or of other groups than its own:",
                    *shown(facts.tree.foreign),
                ),
            )
        )
    if facts.tree.owner == "root":
        findings.append(
            explained(
                "owner-root",
                Severity.WARNING,
                "The tree belongs to root",
                (facts.path,),
            )
        )
    if facts.web.user is None:
        findings.append(
            explained(
                "web-user",
                Severity.WARNING,
                "It could not be told which account PHP runs as in the web server",
                shown(facts.problems),
            )
        )
    return findings


def services(context: Context) -> list[Finding]:
    """PHP and web server are restarted by their units; unknown ones must be restarted by hand."""
    web = context.facts.web
    missing = [
        name
        for name, unit in (("PHP-FPM", web.fpm_service), ("the web server", web.server_service))
        if unit is None
    ]
    if not missing:
        return []
    return [
        explained(
            "services",
            Severity.WARNING,
            f"The unit of {' and of '.join(missing)} is not known",
            shown(context.facts.problems),
        )
    ]


PLATFORM_CHECKS: tuple[Check, ...] = (
    extensions,
    sapis,
    composer,
    tools,
    backup_place,
    disk_space,
    scratch_space,
    accounts,
    services,
)
