"""Checks before a migration: that source and target fit, that neither can be taken for the other, and that there is room on both."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from dfwizard.hosts.sizes import size_text
from dfwizard.instance.facts import Facts
from dfwizard.instance.origin import OriginFacts
from dfwizard.planning.checks import data, platform, room, source
from dfwizard.planning.checks.context import Check, Context, Needs
from dfwizard.planning.checks.source import shown
from dfwizard.planning.extras import ExtraFiles
from dfwizard.planning.findings import Finding, Severity, counted
from dfwizard.planning.plan import Plan
from dfwizard.rules import Release, Rules

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

_TARGET: tuple[Check, ...] = (
    source.version,
    platform.tools,
    platform.extensions,
    platform.sapis,
    room.backup_place,
    room.disk_space,
    room.scratch_space,
    platform.accounts,
    platform.services,
    data.dotenv,
    data.app_key,
    data.database,
    data.migrations,
)
_SOURCE: tuple[Check, ...] = (
    source.version,
    platform.tools,
    room.disk_space,
    platform.accounts,
    data.dotenv,
    data.app_key,
    data.database,
)
_NOT_OF_SOURCE = frozenset({"database-writable", "owners-not-restorable", "owner-root", "web-user"})
"""Findings that matter only where something is written."""


@dataclass(frozen=True)
class MigrationContext:
    """What the checks of a migration look at: facts, rules, plan, and what only the controller can find out.

    `same` says how both databases were found to be one ("": they are not, as far as their servers tell). `names` are the values
    of the naming columns in the target's database, `instance_ids` the ids that both databases hold. `zero_dates` are columns of
    the source with dates of zeros, `sql_modes` MySQL's global modes of source and target, `strict` whether the target's
    configuration asks for strict mode. `redirected` says how the chosen `.env` would lead the target to another database. `needs`
    are the bytes needed on the target, `source_needs` on the source. `backup_error` and `scratch_error` are as in `Context`.
    `extras` are the files beside `.env` and database that were seen, `files` those that are carried over.
    """

    source: Facts
    target: Facts
    rules: Rules
    frm: Release
    to: Release
    plan: Plan
    same: str = ""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instance_ids: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    zero_dates: tuple[str, ...] = ()
    sql_modes: tuple[str, str] = ("", "")
    strict: bool = False
    redirected: str = ""
    needs: tuple[Needs, ...] = ()
    source_needs: tuple[Needs, ...] = ()
    backup_error: str | None = None
    scratch_error: str | None = None
    extras: tuple[ExtraFiles, ...] = ()
    files: tuple[str, ...] = ()

    def at_target(self) -> Context:
        """Give the target as the checks of an upgrade see it."""
        return Context(
            self.target,
            OriginFacts(),
            self.rules,
            self.to,
            (self.to,),
            self.plan,
            needs=self.needs,
            backup_error=self.backup_error,
            scratch_error=self.scratch_error,
        )

    def at_source(self) -> Context:
        """Give the source as the checks of an upgrade see it."""
        return Context(
            self.source, OriginFacts(), self.rules, self.frm, (self.to,), self.plan, needs=self.source_needs
        )


def same_database(context: MigrationContext) -> list[Finding]:
    """Source and target must be two instances with two databases."""
    if not context.same:
        return []
    databases = [facts.database for facts in (context.source, context.target)]
    return [
        Finding(
            "same-database",
            Severity.BLOCKER,
            "The target's database is the source's own",
            (
                context.same,
                *(f"{one.driver} {one.name} at {one.address}" for one in databases if one is not None),
            ),
            why="The target's database is emptied: it would be the one that is to be saved.",
            remedy="Give the target a database of its own, and set DB_* in its .env to it.",
        )
    ]


def engines(context: MigrationContext) -> list[Finding]:
    """Both databases must be of one kind, and the target's server not older."""
    theirs, ours = context.source.database, context.target.database
    if theirs is None or ours is None:
        return []
    if theirs.driver != ours.driver:
        return [
            Finding(
                "engine-mismatch",
                Severity.BLOCKER,
                f"The source's database is {theirs.driver}, the target's {ours.driver}",
                (theirs.server or "", ours.server or ""),
                why="A dump of one kind cannot be imported into another; the guide's way needs the same kind on both servers.",
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
            Finding(
                "database-server-older",
                Severity.WARNING,
                "The target's database server is older than the source's",
                (f"source: {theirs.server}", f"target: {ours.server}"),
                why="A dump may hold collations and settings that an older server does not know; the dump is read for them "
                "before the target is touched.",
                remedy="Use a server at least as new, if the import is refused.",
            )
        ]
    return []


def sql_server(context: MigrationContext) -> list[Finding]:
    """SQL Server's backups are made by its own tools: say how the guide's way goes, in the order that loses nothing."""
    theirs, ours = context.source.database, context.target.database
    if theirs is None or ours is None or (theirs.driver, ours.driver) != ("sqlsrv", "sqlsrv"):
        return []
    return [
        Finding(
            "sql-server",
            Severity.BLOCKER,
            "The databases are on SQL Server, which dfwizard can neither save nor restore",
            (theirs.address, ours.address),
            why="The guide leaves this to SQL Server's own tools (Step 2: SSMS), and there is no proven way back without a proven backup.",
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
    return Finding(
        "database-server-make",
        Severity.WARNING,
        "One server is MySQL, the other MariaDB",
        (f"source: {theirs}", f"target: {ours}"),
        why="Their dumps differ in collations and in the settings at their head; the dump is read for them before the target is touched.",
        remedy="Use the same make on both servers, if the import is refused.",
    )


def releases(context: MigrationContext) -> list[Finding]:
    """The target must be at least the source's release: a database does not go back."""
    old, new = context.rules.behaves_as(context.frm), context.rules.behaves_as(context.to)
    if new >= old:
        return [
            Finding(
                "target-release",
                Severity.OK,
                f"The target runs {context.to.tag}, the source {context.frm.tag}",
            )
        ]
    return [
        Finding(
            "target-older",
            Severity.BLOCKER,
            f"The target runs {context.to.tag}, which is older than the source's {context.frm.tag}",
            why="The source's database has been migrated further than the target's code knows, and there is no way back for it.",
            remedy=f"Upgrade the target first: dfwizard upgrade {context.target.path} --to {context.frm.tag}",
        )
    ]


def working(context: MigrationContext) -> list[Finding]:
    """The target must be a DreamFactory that works before anything is put into it."""
    facts = context.target
    reasons = []
    if facts.artisan.error:
        reasons.append(f"artisan: {facts.artisan.error}")
    if facts.status is not None and facts.status.code != 200 and not facts.artisan.maintenance:
        reasons.append(f"GET /status answers {facts.status.code or 'nothing'} at {facts.status.url}")
    if not reasons:
        return []
    return [
        Finding(
            "target-not-working",
            Severity.BLOCKER,
            "The target is no working DreamFactory yet",
            tuple(reasons),
            why="What does not work empty will not work filled, and nobody could tell why (guide: Step 3).",
            remedy="Finish its installation: composer, .env, `php artisan df:setup`, the first administrator.",
            acceptable=not facts.artisan.error,
        )
    ]


def php(context: MigrationContext) -> list[Finding]:
    """The target's PHP must be in the window of its release."""
    outside = [
        f"{runtime.sapi} is {runtime.version} ({runtime.binary})"
        for runtime in context.target.php
        if context.to.php_minors and runtime.minor not in context.to.php_minors
    ]
    if not outside:
        return []
    return [
        Finding(
            "php-window",
            Severity.BLOCKER,
            f"{context.to.tag} is made for PHP {', '.join(context.to.php_minors)}",
            tuple(outside),
            why="Code and PHP must fit together; the migrations run on it.",
            remedy="Install a PHP of that window on the target, and check again. `--accept php-window` overrides this, and is recorded.",
            acceptable=True,
        )
    ]


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
            Finding("target-empty", Severity.OK, "The target holds nothing but what its installation made")
        ]
    return [
        Finding(
            "target-not-empty",
            Severity.BLOCKER,
            "The target is in use: it holds more than a new installation",
            shown(evidence),
            why="All of it is replaced by the source's (it stays in the target's backup).",
            remedy="See that you have named the right target. `--accept target-not-empty` gives it up.",
            acceptable=True,
        )
    ]


def instance_id(context: MigrationContext) -> list[Finding]:
    """Two databases with one instance id are copies: an earlier migration, or a wrong target."""
    theirs, ours = context.instance_ids
    if not theirs or theirs != ours or context.same:
        return []
    return [
        Finding(
            "same-instance-id",
            Severity.WARNING,
            "Source and target hold the same instance id: one is a copy of the other",
            theirs,
            why="So it is after an earlier migration. A marker is written and looked for before anything is emptied, to be certain that "
            "they are two databases.",
            remedy="See that you have not named source and target the wrong way round.",
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
    why = "The import itself writes them, for a dump turns strict mode off; the migrations after it, and users, could not."
    if not context.strict or applied:
        return [
            Finding(
                "strict-mode",
                Severity.WARNING,
                "The source has dates of zeros: strict mode is turned off in the target's config/database.php"
                if applied
                else "The source has dates of zeros; the target's configuration does not ask for strict mode",
                evidence,
                why=why,
                remedy="Replace them by NULL or real dates in the source, if strict mode is to stay on."
                if applied
                else "",
            )
        ]
    return [
        Finding(
            "strict-mode",
            Severity.BLOCKER,
            "The source has dates of zeros, and the target's strict mode cannot be turned off in its config/database.php",
            evidence,
            why=why,
            remedy="Add 'strict' => false to the connection's block in config/database.php (guide: Step 4).",
            acceptable=True,
        )
    ]


def redirected(context: MigrationContext) -> list[Finding]:
    """The chosen `.env` must not lead the target to another database than the one that is filled."""
    if not context.redirected:
        return []
    return [
        Finding(
            "dotenv-database",
            Severity.BLOCKER,
            "With the chosen keys the target would use another database",
            (context.redirected,),
            why="Its migrations would then run there: on the source's own, if the keys are the source's.",
            remedy="Keep the target's DB_* keys: --env-keep KEY.",
        )
    ]


def licences(context: MigrationContext) -> list[Finding]:
    """What is licensed on the source must be on the target, or its services stop working."""
    missing = [
        name
        for name in context.source.tree.licensed_packages
        if name not in context.target.tree.licensed_packages
    ]
    statuses = [facts.status for facts in (context.source, context.target)]
    tiers = [status.license or "" if status is not None else "" for status in statuses]
    if not missing:
        return []
    return [
        Finding(
            "licence-differs",
            Severity.BLOCKER,
            "The source has licensed packages that the target lacks",
            (*shown(missing), *(f"/status says {tier}" for tier in tiers if tier)),
            why="Services of their types stay as rows, and every call of them answers 500 `Unsupported service type`.",
            remedy=f"Install the target with your licence files for {context.to.tag}.",
            acceptable=True,
        )
    ]


def service_types(context: MigrationContext) -> list[Finding]:
    """Services of the source whose types the target's release no longer has."""
    removed = context.rules.removed_service_types(context.frm, context.to)
    facts = context.source.database
    used = {
        name: number for name, number in (facts.service_types if facts else {}).items() if name in removed
    }
    if not used or facts is None:
        return []
    return [
        Finding(
            "removed-connectors",
            Severity.BLOCKER,
            "Services of types that the target does not have",
            tuple(
                f"{name}: {counted(number, 'service')}, {facts.active_types.get(name, 0)} active, gone at {removed[name].tag}"
                for name, number in used.items()
            ),
            why="Their rows come over, and every call of them answers 500 `Unsupported service type`.",
            remedy="Replace them first, or get the commercial package that carries them.",
            acceptable=True,
        )
    ]


def crontabs(context: MigrationContext) -> list[Finding]:
    """Jobs of the source's crontabs do not come over by themselves; those of the target may run into the import."""
    findings = []
    if context.source.tree.crontabs:
        findings.append(
            Finding(
                "crontabs-to-move",
                Severity.WARNING,
                "Crontabs of the source mention the instance",
                shown(context.source.tree.crontabs),
                why="They lie outside of .env and database: on the target nothing runs them (guide: Pre-Upgrade Checklist, 5).",
                remedy="Set them up on the target once it is verified, with its paths; on the source stop them then.",
            )
        )
    if context.target.tree.crontabs:
        findings.append(
            Finding(
                "target-crontabs",
                Severity.WARNING,
                "Crontabs of the target mention the instance",
                shown(context.target.tree.crontabs),
                why="A job that boots the application while its database is empty may fail, or write.",
                remedy="Stop them for the time of the migration.",
            )
        )
    return findings


def local_files(context: MigrationContext) -> list[Finding]:
    """Files of the source's code that were changed by hand do not come over."""
    git = context.source.git
    licensed = context.source.tree.licensed
    changed = [file.path for file in git.dirty if file.path not in licensed] if git else []
    configured = [path for path in changed if path.startswith(("config/", "server/"))]
    if not configured:
        return []
    return [
        Finding(
            "source-local-changes",
            Severity.WARNING,
            f"{counted(len(configured), 'configuration file')} of the source differ from its release",
            shown(configured),
            why="The target keeps its own; what was changed there by hand is not in .env and database.",
            remedy=f"Look at them with `git -C {context.source.path} diff HEAD`, and make those changes on the target that it needs.",
        )
    ]


def other_files(context: MigrationContext) -> list[Finding]:
    """Tell of the files that the guide forgets: which come over, which must be looked after by hand."""
    carried = [
        f"{extra.path}: {counted(extra.files, 'file')}, {size_text(extra.size)}"
        for extra in context.extras
        if extra.path in context.files
    ]
    findings = []
    if context.files:
        listed = {extra.path for extra in context.extras}
        carried += [path for path in context.files if path not in listed]
        findings.append(
            Finding(
                "files-carried",
                Severity.INFO,
                f"{counted(len(context.files), 'path')} beside .env and database come over",
                shown(carried),
                why="The guide forgets them: services and scripts read them.",
                remedy="--without PATH leaves one out, --with PATH takes another one.",
            )
        )
    rest = [
        extra
        for extra in context.extras
        if extra.files and extra.path not in context.files and (not extra.inside or extra.default)
    ]
    if rest:
        findings.append(
            Finding(
                "files-by-hand",
                Severity.WARNING,
                f"{counted(len(rest), 'path')} that the source uses do not come over",
                shown([f"{extra.path}: {extra.why}" for extra in rest]),
                why="They lie outside of the instance, or were left out; what names them will miss them.",
                remedy="Put them on the target yourself where they are needed.",
            )
        )
    return findings


def web_traffic(context: MigrationContext) -> list[Finding]:
    """During the import nobody may reach the target."""
    unit = context.target.web.fpm_service
    if any(step.id == "web-stop" for step in context.plan.steps):
        return [
            Finding(
                "web-stopped",
                Severity.INFO,
                f"{unit} is stopped while the database is replaced",
                why="Every site that it serves answers 502 meanwhile, others than this instance too.",
                remedy="Migrate when that is allowed, if it serves more than this instance.",
            )
        ]
    return [
        Finding(
            "web-open",
            Severity.WARNING,
            "The web server's PHP cannot be stopped for the import: its unit is not known, or it does not run",
            (context.target.web.server or "no web server was found",),
            why="Maintenance mode answers 503; should a request get past it, an empty database is remembered in the cache, which is "
            "cleared before the API opens.",
            remedy="Let no one reach the target meanwhile: it is new, and nothing needs to point at it yet.",
        )
    ]


MigrationCheck = Callable[[MigrationContext], "list[Finding]"]

MIGRATION_CHECKS: tuple[MigrationCheck, ...] = (
    same_database,
    engines,
    sql_server,
    releases,
    working,
    php,
    not_empty,
    instance_id,
    strict_mode,
    redirected,
    licences,
    service_types,
    crontabs,
    local_files,
    other_files,
    web_traffic,
)

_ORDER = {Severity.BLOCKER: 0, Severity.WARNING: 1, Severity.INFO: 2, Severity.OK: 3}


def check_migration(context: MigrationContext) -> tuple[Finding, ...]:
    """Run every check of a migration; the gravest findings come first. Those of the source have ids that begin with `source-`."""
    findings = [finding for check in MIGRATION_CHECKS for finding in check(context)]
    findings += [finding for check in _TARGET for finding in check(context.at_target())]
    for check in _SOURCE:
        for finding in check(context.at_source()):
            if finding.id not in _NOT_OF_SOURCE:
                findings.append(replace(finding, id=f"source-{finding.id}", title=f"Source: {finding.title}"))
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))
