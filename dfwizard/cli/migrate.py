"""`dfwizard migrate`: from one instance to another, planned, shown, asked about and started."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from dfwizard.errors import BlockedError, UsageError

if TYPE_CHECKING:
    from dfwizard.cli.following import Uninterrupted
    from dfwizard.controller import Controller
    from dfwizard.execution.store import Run
    from dfwizard.migrating import MigrationProspect

Options = argparse.Namespace
Started = Callable[["Run", "Uninterrupted"], int]
"""Follows a run that has just been started, and gives the exit code."""


def migrate(controller: Controller, options: Options, started: Started) -> int:
    """Plan the migration that `options` ask for; show it, or ask and start it; give the exit code.

    Raises:
        DfwizardError: it cannot be planned, or must not begin.
    """
    from dfwizard.migrating import MigrationWishes

    if options.format == "sh":
        raise UsageError(
            "a migration has no shell script: it works on two hosts, resumes transfers and compares rows, which a script cannot",
            remedy="Say --format md for a runbook with every command and its host, or --format json.",
        )
    wishes = MigrationWishes(
        carry=tuple(options.env_carry),
        keep=tuple(options.env_keep),
        files=tuple(options.files),
        without=tuple(options.without),
        backup_dir=options.backup_dir,
        source_backup_dir=options.source_backup_dir,
        php=options.php,
    )
    prospect = controller.prepare_migration(
        options.source, options.to, wishes, url=options.url, accepted=frozenset(options.accept)
    )
    accepted = _accepted(options, prospect)
    if options.dry_run:
        return _show(options, prospect, accepted)
    return _begin(controller, options, prospect, accepted, started)


def _accepted(options: Options, prospect: MigrationProspect) -> frozenset[str]:
    known = {finding.id for finding in prospect.findings}
    for name in options.accept:
        if name not in known:
            print(f"dfwizard: --accept {name}: there is no such finding now", file=sys.stderr)
    return frozenset(options.accept)


def _show(options: Options, prospect: MigrationProspect, accepted: frozenset[str]) -> int:
    from dfwizard.planning.findings import Severity
    from dfwizard.reports.findings_text import findings_text
    from dfwizard.reports.migration_text import migration_data, migration_text
    from dfwizard.reports.plan_markdown import plan_markdown

    if options.json or options.format == "json":
        data = migration_data(prospect.plan, prospect.keys, prospect.extras, prospect.findings)
        print(json.dumps(data, indent=2))
    elif options.format == "md":
        print(plan_markdown(prospect.plan, host=prospect.facts.host))
    else:
        print(migration_text(prospect.plan, prospect.keys))
        print(findings_text(prospect.findings, accepted=accepted))
    blocking = prospect.blockers(accepted)
    if blocking:
        names = ", ".join(finding.id for finding in blocking)
        print(f"\nThis migration is blocked by {names}. Nothing was changed.", file=sys.stderr)
        return BlockedError.exit_code
    return 4 if any(finding.severity is Severity.WARNING for finding in prospect.findings) else 0


def _begin(
    controller: Controller,
    options: Options,
    prospect: MigrationProspect,
    accepted: frozenset[str],
    started: Started,
) -> int:
    from dfwizard.cli.following import Uninterrupted
    from dfwizard.execution.on_failure import OnFailure
    from dfwizard.planning.findings import Severity
    from dfwizard.reports.findings_text import findings_text
    from dfwizard.reports.run_report import render

    policy = OnFailure(options.on_failure or ("rollback" if options.yes else "auto"))
    blocking = prospect.blockers(accepted)
    if options.yes or blocking or not sys.stdin.isatty():
        grave = tuple(f for f in prospect.findings if f.severity in (Severity.BLOCKER, Severity.WARNING))
        print(findings_text(grave, accepted=accepted), file=sys.stderr)
    if not options.yes and not blocking:
        _confirm(options, prospect, accepted, policy.value)
    with Uninterrupted() as interrupt:
        run = controller.start_migration(prospect, accepted=accepted, on_failure=policy)
    if not options.json:
        return started(run, interrupt)
    with redirect_stdout(sys.stderr):
        code = started(run, interrupt)
    print(render(controller.report(run), "json"))
    return code


def _confirm(options: Options, prospect: MigrationProspect, accepted: frozenset[str], policy: str) -> None:
    """Have the warnings and what becomes of `.env` read, and go on only when the person types yes.

    Raises:
        UsageError: nobody can be asked.
        BlockedError: the answer is not yes.
    """
    from dfwizard.cli.asking import acknowledge, confirm, require_terminal
    from dfwizard.execution.on_failure import OnFailure
    from dfwizard.planning.findings import Severity
    from dfwizard.reports.migration_text import keys_text
    from dfwizard.reports.outline import upgrade_outline
    from dfwizard.reports.terminal import plain

    require_terminal()
    acknowledge([one for one in prospect.findings if one.severity is Severity.WARNING])
    print(f"\n{keys_text(prospect.keys)}", file=sys.stderr)
    command = shlex.join(("dfwizard", *_again(options), "--dry-run"))
    outline = upgrade_outline(prospect.plan, prospect.findings, accepted, OnFailure(policy), command)
    print(f"\n{outline}", file=sys.stderr)
    confirm(
        f"Replace the database and the keys above of {plain(prospect.facts.place)} by those of {plain(prospect.source.place)}?"
    )


def _again(options: Options) -> list[str]:
    """Give the arguments that ask for the same migration."""
    words = ["migrate", "--from", options.source, "--to", options.to]
    for option, values in (
        ("--env-carry", options.env_carry),
        ("--env-keep", options.env_keep),
        ("--with", options.files),
        ("--without", options.without),
        ("--accept", options.accept),
    ):
        words += [word for value in values for word in (option, value)]
    for option, value in (
        ("--php", options.php),
        ("--url", options.url),
        ("--backup-dir", options.backup_dir),
        ("--source-backup-dir", options.source_backup_dir),
    ):
        words += [option, value] if value else []
    return words
