"""Checks of the data: `.env`, APP_KEY, database, connectors, what runs beside the API."""

from __future__ import annotations

from dfwizard.planning.checks.context import Check, Context
from dfwizard.planning.checks.source import shown
from dfwizard.planning.findings import Finding, Severity, counted
from dfwizard.planning.plan import EditDotenv


def dotenv(context: Context) -> list[Finding]:
    """`.env` must be there and readable by Laravel; keys that the target needs are shown."""
    facts = context.facts.dotenv
    if facts is None or facts.error:
        return [
            Finding(
                "dotenv",
                Severity.BLOCKER,
                ".env cannot be read as Laravel reads it",
                (facts.error if facts and facts.error else f"{context.facts.path}/.env is missing",),
                why="Without it neither the key nor the database is known; every artisan call fails.",
                remedy="Correct the line that is named, or bring .env back from a backup.",
            )
        ]
    findings = []
    if context.dotenv_error:
        findings.append(
            Finding(
                "dotenv",
                Severity.BLOCKER,
                "The keys that the target needs cannot be added to .env",
                tuple(context.dotenv_error.splitlines()),
                why="Laravel would not read them there.",
                remedy="Correct the line that is named; then check again.",
            )
        )
    if facts.odd:
        findings.append(
            Finding(
                "dotenv-odd",
                Severity.WARNING,
                f"{counted(len(facts.odd), 'key')} of .env may be read otherwise than they look",
                shown(facts.odd),
                why="Laravel ends a value at `#` and refuses unquoted spaces; other readers do not.",
                remedy="Put quotes around these values.",
            )
        )
    findings += [
        Finding(
            "dotenv-keys",
            Severity.INFO,
            f".env gets {counted(len(step.action.changes), 'key')} more before the code changes",
            tuple(step.action.diff.splitlines()),
            why="The target ignores the old names or has other defaults (rules: env.toml).",
        )
        for step in context.plan.steps
        if isinstance(step.action, EditDotenv)
    ]
    return findings


def renamed_keys(context: Context) -> list[Finding]:
    """A renamed key that the target cannot work without, and that dfwizard does not add by itself, must be set first."""
    facts = context.facts.dotenv
    values = facts.values if facts else {}
    fatal = [
        rule
        for rule in context.rules.env_changes(context.installed, context.goal)
        if rule.fatal_since
        and not rule.required
        and rule.old in values
        and rule.new
        and rule.new not in values
    ]
    return [
        Finding(
            f"dotenv-{rule.id}",
            Severity.BLOCKER,
            f".env sets {rule.old}, which is called {rule.new} from {rule.since} on",
            (rule.reason,),
            why=rule.otherwise,
            remedy=f"Set {rule.new} to the value of {rule.old} in .env.",
            acceptable=True,
        )
        for rule in fatal
    ]


def app_key(context: Context) -> list[Finding]:
    """APP_KEY must open what the database holds."""
    proof = context.facts.key
    if proof.state == "proven":
        return [
            Finding(
                "app-key",
                Severity.OK,
                "APP_KEY opens what the database holds",
                (counted(proof.tried, "value"),),
            )
        ]
    if proof.state == "nothing-encrypted":
        return [
            Finding(
                "app-key", Severity.INFO, "The database holds nothing encrypted: APP_KEY cannot be proven"
            )
        ]
    missing = proof.state == "no-key"
    return [
        Finding(
            "app-key",
            Severity.BLOCKER,
            "APP_KEY is not set" if missing else "APP_KEY does not open what the database holds",
            (f"{counted(proof.tried, 'encrypted value')} tried", *((proof.where,) if proof.where else ())),
            why="Service credentials are encrypted with it; with another key every login answers `The MAC is invalid`.",
            remedy="Bring back the .env that belongs to this database; never generate a new key.",
            acceptable=not missing,
        )
    ]


def database(context: Context) -> list[Finding]:
    """The system database must answer, be filled and be writable."""
    facts = context.facts.database
    if facts is None or not facts.reachable:
        return [
            Finding(
                "database",
                Severity.BLOCKER,
                "The system database does not answer",
                (facts.address, facts.error or "no answer") if facts else ("its settings are not known",),
                why="It can be neither backed up nor migrated.",
                remedy="Start it, or correct DB_* in .env.",
            )
        ]
    findings = []
    if facts.writable is False:
        findings.append(
            Finding(
                "database-writable",
                Severity.BLOCKER,
                f"{facts.user or 'the application'} may not change {facts.name}",
                (facts.address,),
                why="Migrations create and alter tables.",
                remedy="Give the account all rights on its own database.",
            )
        )
    if not {"user", "service", "migrations"} <= set(facts.tables):
        findings.append(
            Finding(
                "database-empty",
                Severity.BLOCKER,
                "This is not DreamFactory's system database",
                (
                    f"{facts.address}, {facts.name}: {counted(len(facts.tables), 'table')}, not among them user, service and migrations",
                ),
                why="A wrong DB_DATABASE makes DreamFactory install an empty system there.",
                remedy="Correct DB_* in .env.",
            )
        )
    if context.scratch_error:
        findings.append(
            Finding(
                "scratch-database",
                Severity.BLOCKER,
                "There is no place to prove the backup",
                tuple(context.scratch_error.splitlines()),
                why="A backup counts only once it has been restored into a scratch database and compared.",
                remedy="Let the application's account, or root on this server, create a database whose name begins with dfwizard_scratch_.",
            )
        )
    return findings


def migrations(context: Context) -> list[Finding]:
    """Migrations that are pending now belong to an earlier, unfinished upgrade."""
    artisan = context.facts.artisan
    findings = []
    if artisan.error:
        findings.append(
            Finding(
                "artisan",
                Severity.WARNING,
                "artisan does not start",
                (artisan.error,),
                why="The instance is half installed already, or PHP does not fit its code.",
                remedy="Mend it first when it should work; the upgrade replaces code and vendor.",
            )
        )
    if artisan.pending:
        findings.append(
            Finding(
                "pending-migrations",
                Severity.WARNING,
                f"{counted(len(artisan.pending), 'migration')} of the installed release never ran",
                shown(artisan.pending),
                why="An earlier upgrade was not finished; they run with those of the target.",
                remedy="Look whether that was meant; a half-applied migration fails with `already exists`.",
            )
        )
    if artisan.config_cached:
        findings.append(
            Finding(
                "config-cached",
                Severity.INFO,
                "The configuration is cached",
                (f"{context.facts.path}/bootstrap/cache/config.php",),
                why="It is removed for the upgrade, for it hides .env, and not made again.",
                remedy="Cache it again afterwards if you must: php artisan config:cache",
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
        Finding(
            "removed-connectors",
            Severity.BLOCKER,
            "Services of types that the target no longer has",
            tuple(
                f"{service.type}: {counted(service.count, 'service')}, {service.active} active, gone at {removed[service.type].tag}"
                for service in used
            ),
            why="Their rows stay, and every call of them answers 500 `Unsupported service type` (guide: verify your active services).",
            remedy="Replace them, or get the commercial package that carries them.",
            acceptable=True,
        )
    ]


def beside(context: Context) -> list[Finding]:
    """The guide's manual checklist, filled in: scripts, scheduled tasks, crontabs, staging."""
    findings = [
        Finding(
            f"checklist-{table.replace('_', '-')}",
            Severity.INFO,
            f"{counted(len(names), 'row')} in {table}: check after the upgrade that all still works",
            shown(names),
            why="Pre-Upgrade Checklist, 4 and 5: note custom scripts and scheduled jobs.",
        )
        for table, names in context.lists.items()
        if names
    ]
    if context.facts.tree.crontabs:
        findings.append(
            Finding(
                "checklist-cron",
                Severity.INFO,
                "Crontabs mention the instance",
                shown(context.facts.tree.crontabs),
                why="Pre-Upgrade Checklist, 5. A job that writes during the upgrade makes the backup's proof fail.",
                remedy="Stop them for the time of the upgrade when they write.",
            )
        )
    status = context.facts.status
    if status is not None and status.code != 200 and not context.facts.artisan.maintenance:
        findings.append(
            Finding(
                "status-before",
                Severity.WARNING,
                f"GET /status answers {status.code or 'nothing'} before the upgrade",
                tuple(text for text in (status.url, status.error) if text),
                why="What does not work before cannot be compared with after.",
                remedy="Mend it first, or give --url when the instance is served elsewhere.",
            )
        )
    if context.facts.artisan.maintenance:
        findings.append(
            Finding(
                "maintenance-already",
                Severity.INFO,
                "Maintenance mode is on already; it is left on at the end",
                (f"{context.facts.path}/storage/framework/down",),
            )
        )
    return findings


DATA_CHECKS: tuple[Check, ...] = (dotenv, renamed_keys, app_key, database, migrations, connectors, beside)
