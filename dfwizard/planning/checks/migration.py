"""Checks before a migration: that source and target fit, that neither can be taken for the other, and that there is room on both."""

from __future__ import annotations

from dataclasses import replace

from dfwizard.hosts.sizes import size_text
from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks import data, platform, room, source
from dfwizard.planning.checks.context import Check
from dfwizard.planning.checks.migration_context import MigrationCheck, MigrationContext
from dfwizard.planning.checks.migration_data import MIGRATION_DATA_CHECKS
from dfwizard.planning.checks.source import shown
from dfwizard.planning.findings import Finding, Severity, counted

__all__ = ["MigrationContext", "check_migration"]

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


def releases(context: MigrationContext) -> list[Finding]:
    """The target must be at least the source's release: a database does not go back."""
    old, new = context.rules.behaves_as(context.frm), context.rules.behaves_as(context.to)
    if new >= old:
        return [
            explained(
                "target-release",
                Severity.OK,
                f"The target runs {context.to.tag}, the source {context.frm.tag}",
            )
        ]
    return [
        explained(
            "target-older",
            Severity.BLOCKER,
            f"The target runs {context.to.tag}, which is older than the source's {context.frm.tag}",
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
        explained(
            "target-not-working",
            Severity.BLOCKER,
            "The target is no working DreamFactory yet",
            tuple(reasons),
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
        explained(
            "php-window",
            Severity.BLOCKER,
            f"{context.to.tag} is made for PHP {', '.join(context.to.php_minors)}",
            tuple(outside),
            remedy="Install a PHP of that window on the target, and check again. `--accept php-window` overrides this, and is recorded.",
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
        explained(
            "licence-differs",
            Severity.BLOCKER,
            "The source has licensed packages that the target lacks",
            (*shown(missing), *(f"/status says {tier}" for tier in tiers if tier)),
            remedy=f"Install the target with your licence files for {context.to.tag}.",
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
        explained(
            "removed-connectors",
            Severity.BLOCKER,
            "Services of types that the target does not have",
            tuple(
                f"{name}: {counted(number, 'service')}, {facts.active_types.get(name, 0)} active, gone at {removed[name].tag}"
                for name, number in used.items()
            ),
            remedy="Replace them first, or get the commercial package that carries them.",
        )
    ]


def crontabs(context: MigrationContext) -> list[Finding]:
    """Jobs of the source's crontabs do not come over by themselves; those of the target may run into the import."""
    findings = []
    if context.source.tree.crontabs:
        findings.append(
            explained(
                "crontabs-to-move",
                Severity.WARNING,
                "Crontabs of the source mention the instance",
                shown(context.source.tree.crontabs),
            )
        )
    if context.target.tree.crontabs:
        findings.append(
            explained(
                "target-crontabs",
                Severity.WARNING,
                "Crontabs of the target mention the instance",
                shown(context.target.tree.crontabs),
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
        explained(
            "source-local-changes",
            Severity.WARNING,
            f"{counted(len(configured), 'configuration file')} of the source differ from its release",
            shown(configured),
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
            explained(
                "files-carried",
                Severity.INFO,
                f"{counted(len(context.files), 'path')} beside .env and database come over",
                shown(carried),
            )
        )
    rest = [
        extra
        for extra in context.extras
        if extra.files and extra.path not in context.files and (not extra.inside or extra.default)
    ]
    if rest:
        findings.append(
            explained(
                "files-by-hand",
                Severity.WARNING,
                f"{counted(len(rest), 'path')} that the source uses do not come over",
                shown([f"{extra.path}: {extra.why}" for extra in rest]),
            )
        )
    return findings


def web_traffic(context: MigrationContext) -> list[Finding]:
    """During the import nobody may reach the target."""
    unit = context.target.web.fpm_service
    if any(step.id == "web-stop" for step in context.plan.steps):
        return [
            explained(
                "web-stopped",
                Severity.INFO,
                f"{unit} is stopped while the database is replaced",
            )
        ]
    return [
        explained(
            "web-open",
            Severity.WARNING,
            "The web server's PHP cannot be stopped for the import: its unit is not known, or it does not run",
            (context.target.web.server or "no web server was found",),
        )
    ]


MIGRATION_CHECKS: tuple[MigrationCheck, ...] = (
    *MIGRATION_DATA_CHECKS,
    releases,
    working,
    php,
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
