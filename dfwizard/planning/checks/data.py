"""Checks of the data: `.env`, APP_KEY, database, connectors, what runs beside the API."""

from __future__ import annotations

from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks.context import Check, Context
from dfwizard.planning.checks.source import shown
from dfwizard.planning.findings import Finding, Severity, counted
from dfwizard.planning.plan import EditDotenv


def dotenv(context: Context) -> list[Finding]:
    """`.env` must be there and readable by Laravel; keys that the target needs are shown."""
    facts = context.facts.dotenv
    if facts is None or facts.error:
        return [
            explained(
                "dotenv",
                Severity.BLOCKER,
                ".env cannot be read as Laravel reads it",
                (facts.error if facts and facts.error else f"{context.facts.path}/.env is missing",),
                remedy="Correct the line that is named, or bring .env back from a backup.",
            )
        ]
    findings = []
    if context.dotenv_error:
        findings.append(
            explained(
                "dotenv",
                Severity.BLOCKER,
                "The keys that the target needs cannot be added to .env",
                tuple(context.dotenv_error.splitlines()),
                remedy="Correct the line that is named; then check again.",
            )
        )
    if facts.odd:
        findings.append(
            explained(
                "dotenv-odd",
                Severity.WARNING,
                f"{counted(len(facts.odd), 'key')} of .env may be read otherwise than they look",
                shown(facts.odd),
            )
        )
    findings += [
        explained(
            "dotenv-keys",
            Severity.INFO,
            f".env gets {counted(len(step.action.keys), 'key')} more before the code changes",
            tuple(step.action.diff.splitlines()),
        )
        for step in context.plan.steps
        if isinstance(step.action, EditDotenv)
    ]
    return findings


def renamed_keys(context: Context) -> list[Finding]:
    """A renamed key that the target cannot work without must be set first, where the plan cannot set it."""
    facts = context.facts.dotenv
    values = facts.values if facts else {}
    set_by_plan = {
        key for step in context.plan.steps if isinstance(step.action, EditDotenv) for key in step.action.keys
    }
    fatal = [
        rule
        for rule in context.rules.env_changes(context.installed, context.goal)
        if rule.fatal_since
        and not rule.required
        and rule.old in values
        and rule.new
        and rule.new not in values
        and rule.new not in set_by_plan
    ]
    return [
        explained(
            f"dotenv-{rule.id}",
            Severity.BLOCKER,
            f".env sets {rule.old}, which is called {rule.new} from {rule.since} on",
            (rule.reason, rule.otherwise),
            remedy=f"Set {rule.new} to the value of {rule.old} in .env.",
        )
        for rule in fatal
    ]


def app_key(context: Context) -> list[Finding]:
    """APP_KEY must open what the database holds."""
    proof = context.facts.key
    if proof.state == "proven":
        return [
            explained(
                "app-key",
                Severity.OK,
                "APP_KEY opens what the database holds",
                (counted(proof.tried, "value"),),
            )
        ]
    if proof.state == "nothing-encrypted":
        return [
            explained(
                "app-key", Severity.INFO, "The database holds nothing encrypted: APP_KEY cannot be proven"
            )
        ]
    missing = proof.state == "no-key"
    return [
        explained(
            "app-key",
            Severity.BLOCKER,
            "APP_KEY is not set" if missing else "APP_KEY does not open what the database holds",
            (f"{counted(proof.tried, 'encrypted value')} tried", *((proof.where,) if proof.where else ())),
            acceptable=not missing,
        )
    ]


def database(context: Context) -> list[Finding]:
    """The system database must answer, be filled and be writable."""
    facts = context.facts.database
    if facts is None or not facts.reachable:
        return [
            explained(
                "database",
                Severity.BLOCKER,
                "The system database does not answer",
                (facts.address, facts.error or "no answer") if facts else ("its settings are not known",),
            )
        ]
    findings = []
    if facts.writable is False:
        findings.append(
            explained(
                "database-writable",
                Severity.BLOCKER,
                f"{facts.user or 'the application'} may not change {facts.name}",
                (facts.address,),
            )
        )
    if not {"user", "service", "migrations"} <= set(facts.tables):
        findings.append(
            explained(
                "database-empty",
                Severity.BLOCKER,
                "This is not DreamFactory's system database",
                (
                    f"{facts.address}, {facts.name}: {counted(len(facts.tables), 'table')}, not among them user, service and migrations",
                ),
            )
        )
    if context.scratch_error:
        findings.append(
            explained(
                "scratch-database",
                Severity.BLOCKER,
                "There is no place to prove the backup",
                tuple(context.scratch_error.splitlines()),
            )
        )
    return findings


def migrations(context: Context) -> list[Finding]:
    """Migrations that are pending now belong to an earlier, unfinished upgrade."""
    artisan = context.facts.artisan
    findings = []
    if artisan.error:
        findings.append(
            explained(
                "artisan",
                Severity.WARNING,
                "artisan does not start",
                (artisan.error,),
            )
        )
    if artisan.pending:
        findings.append(
            explained(
                "pending-migrations",
                Severity.WARNING,
                f"{counted(len(artisan.pending), 'migration')} of the installed release never ran",
                shown(artisan.pending),
            )
        )
    if artisan.config_cached:
        findings.append(
            explained(
                "config-cached",
                Severity.INFO,
                "The configuration is cached",
                (f"{context.facts.path}/bootstrap/cache/config.php",),
            )
        )
    return findings


def connectors(context: Context) -> list[Finding]:
    """Service types in use that the open-source releases on the road no longer have."""
    removed = context.rules.removed_service_types(context.installed, context.goal)
    used = [service for service in context.services if service.type in removed and service.count]
    if not used:
        return []
    return [
        explained(
            "removed-connectors",
            Severity.BLOCKER,
            "Services of types that the target no longer has",
            tuple(
                f"{service.type}: {counted(service.count, 'service')}, {service.active} active, gone at {removed[service.type].tag}"
                + (
                    f"; now {origin.in_words}"
                    if (origin := context.rules.service_origin(service.type))
                    else ""
                )
                for service in used
            ),
        )
    ]


def beside(context: Context) -> list[Finding]:
    """The guide's manual checklist, filled in: scripts, scheduled tasks, crontabs, staging."""
    findings = [
        explained(
            f"checklist-{table.replace('_', '-')}",
            Severity.INFO,
            f"{counted(len(names), 'row')} in {table}: check after the upgrade that all still works",
            shown(names),
        )
        for table, names in context.lists.items()
        if names
    ]
    if context.facts.tree.crontabs:
        findings.append(
            explained(
                "checklist-cron",
                Severity.INFO,
                "Crontabs mention the instance",
                shown(context.facts.tree.crontabs),
            )
        )
    status = context.facts.status
    if status is not None and status.code != 200 and not context.facts.artisan.maintenance:
        findings.append(
            explained(
                "status-before",
                Severity.WARNING,
                f"GET /status answers {status.code or 'nothing'} before the upgrade",
                tuple(text for text in (status.url, status.error) if text),
            )
        )
    if context.facts.artisan.maintenance:
        findings.append(
            explained(
                "maintenance-already",
                Severity.INFO,
                "Maintenance mode is on already; it is left on at the end",
                (f"{context.facts.path}/storage/framework/down",),
            )
        )
    return findings


DATA_CHECKS: tuple[Check, ...] = (dotenv, renamed_keys, app_key, database, migrations, connectors, beside)
