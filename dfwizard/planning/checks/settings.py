"""Checks of what `.env` and the system database say together: keys that change their meaning, queues, engines, other users of the data."""

from __future__ import annotations

import re
import shlex

from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks.context import Check, Context
from dfwizard.planning.checks.source import shown
from dfwizard.planning.findings import Finding, Severity, counted
from dfwizard.planning.plan import EditDotenv
from dfwizard.rules import EnvKind
from dfwizard.rules.model import parse_version

LONG_TRANSACTION = 60
"""Seconds from which on a transaction of somebody else is no short one any more."""

# What the Laravel of each line supports (laravel.com/docs/11.x/database, /13.x/database): make -> lowest version.
_OLDEST = {"MySQL": (5, 7), "MariaDB": (10, 3), "PostgreSQL": (10,), "SQLite": (3, 26)}
_SINCE_LARAVEL_11 = "7.0.1"
_CACHE_IN_DATABASE = "7.7.0"
_LONG_KEYS = "7.7.0"
_URL_READ = "7.0.1"
_WORKERS = ("queue:",)
_MAKES = {"pgsql": "PostgreSQL", "sqlite": "SQLite", "mysql": "MySQL"}


def _reaches(context: Context, tag: str) -> bool:
    """Whether the goal behaves as `tag` or later."""
    return context.rules.behaves_as(context.goal) >= parse_version(tag)


def _crosses(context: Context, tag: str) -> bool:
    return _reaches(context, tag) and context.rules.behaves_as(context.installed) < parse_version(tag)


def _values(context: Context) -> dict[str, str]:
    """Give `.env` as the upgrade leaves it, secrets left out."""
    values = dict(context.facts.dotenv.values) if context.facts.dotenv else {}
    for step in context.plan.steps:
        if isinstance(step.action, EditDotenv):
            values.update({key: value or "" for key, value in step.action.on(values).items()})
    return values


def readable_by_all(context: Context) -> list[Finding]:
    """`.env` holds every secret of the instance."""
    facts = context.facts.dotenv
    if facts is None or not facts.mode & 0o004:
        return []
    return [
        explained(
            "dotenv-readable",
            Severity.WARNING,
            "Every account of the server can read .env",
            (f"{facts.path}: {facts.owner}:{facts.group} {facts.mode & 0o7777:04o}",),
            command=f"chmod o-rwx -- {shlex.quote(facts.path)}",
        )
    ]


def debugging(context: Context) -> list[Finding]:
    """APP_DEBUG shows traces, with arguments, to whoever asks."""
    value = _values(context).get("APP_DEBUG", "")
    if value.strip().lower() not in ("true", "(true)", "1"):
        return []
    return [explained("app-debug", Severity.WARNING, "APP_DEBUG is on", (f"APP_DEBUG={value}",))]


def removed_keys(context: Context) -> list[Finding]:
    """Keys in use that the target does not read under any name."""
    values = _values(context)
    gone = [
        f"{rule.old}={values[rule.old]} is not read from {rule.since} on: {rule.otherwise}"
        for rule in context.rules.env_changes(context.installed, context.goal)
        if rule.kind is EnvKind.REMOVED and values.get(rule.old, "UTC").upper() not in ("", "UTC")
    ]
    if not gone:
        return []
    return [
        explained(
            "dotenv-removed",
            Severity.WARNING,
            f"{counted(len(gone), 'key')} of .env {'means' if len(gone) == 1 else 'mean'} nothing to {context.goal.tag}",
            shown(gone),
        )
    ]


def sleeping_url(context: Context) -> list[Finding]:
    """DB_URL, ignored so far, goes before DB_HOST and the others from 7.0.1 on."""
    facts = context.facts.dotenv
    if facts is None or not _crosses(context, _URL_READ):
        return []
    if "DB_URL" not in facts.secret_keys and not facts.values.get("DB_URL"):
        return []
    return [
        explained(
            "db-url", Severity.BLOCKER, "DB_URL is set, and the target begins to read it", (facts.path,)
        )
    ]


def signing(context: Context) -> list[Finding]:
    """The secret that signs sessions must be as long as the target's library asks for."""
    facts = context.facts.dotenv
    if facts is None or facts.signing_bytes is None:
        return []
    short = [
        rule
        for rule in context.rules.env
        if rule.least_bytes > facts.signing_bytes and _reaches(context, rule.since)
    ]
    return [
        explained(
            "signing-key",
            Severity.BLOCKER,
            f"The secret that signs sessions has {facts.signing_bytes} bytes, {rule.least_bytes} are needed from {rule.since} on",
            (rule.reason,),
        )
        for rule in short
    ]


def cache_table(context: Context) -> list[Finding]:
    """The cache store `database` needs a table that no migration makes."""
    database = context.facts.database
    if database is None or not database.reachable or not _reaches(context, _CACHE_IN_DATABASE):
        return []
    values = _values(context)
    table = values.get("DB_CACHE_TABLE") or "cache"
    if (values.get("CACHE_STORE") or "database") != "database" or values.get(
        "DB_PREFIX", ""
    ) + table in database.tables:
        return []
    return [
        explained(
            "cache-table",
            Severity.BLOCKER,
            f"The cache is to be kept in the table {table}, which is not there",
            (f"CACHE_STORE={values.get('CACHE_STORE') or 'database (the default)'}",),
        )
    ]


def queues(context: Context) -> list[Finding]:
    """Jobs wait where nobody works them off."""
    values, facts = _values(context), context.facts
    connection = values.get("QUEUE_CONNECTION", "")
    findings = []
    working = any(word in line for line in facts.server.processes for word in _WORKERS) or facts.server.units
    if connection not in ("", "sync", "null") and not working:
        findings.append(
            explained(
                "queue-no-worker",
                Severity.WARNING,
                "Jobs are queued, and no worker of this instance runs here",
                (f"QUEUE_CONNECTION={connection}",),
            )
        )
    waiting = facts.database.tables.get(values.get("DB_PREFIX", "") + "jobs", 0) if facts.database else 0
    if waiting:
        findings.append(
            explained(
                "jobs-waiting",
                Severity.WARNING,
                f"{counted(waiting, 'job')} of the queue wait to be done",
                ("table jobs",),
            )
        )
    return findings


def server_version(context: Context) -> list[Finding]:
    """The database server must be one that the target's Laravel supports."""
    database = context.facts.database
    if database is None or not database.server or not _reaches(context, _SINCE_LARAVEL_11):
        return []
    make = "MariaDB" if "mariadb" in database.server.lower() else _MAKES.get(database.driver, "")
    # Older clients' view of MariaDB begins with 5.5.5-.
    match = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", database.server)
    least = _OLDEST.get(make)
    if match is None or least is None or (int(match[1]), int(match[2])) >= least:
        return []
    return [
        explained(
            "database-too-old",
            Severity.BLOCKER,
            f"{make} {match[1]}.{match[2]} is older than Laravel of {context.goal.tag} supports",
            (
                f"the server says {database.server}",
                f"at least {make} {'.'.join(str(part) for part in least)} is needed",
            ),
        )
    ]


def database_settings(context: Context) -> list[Finding]:
    """Peculiarities of how the database is named."""
    database = context.facts.database
    if database is None or not database.notes:
        return []
    return [
        explained(
            "database-settings",
            Severity.WARNING,
            "The settings of the system database are peculiar",
            database.notes,
        )
    ]


def engines(context: Context) -> list[Finding]:
    """Tables that no transaction protects."""
    database = context.facts.database
    if database is None or not database.other_engines:
        return []
    return [
        explained(
            "database-engines",
            Severity.WARNING,
            f"{counted(len(database.other_engines), 'table')} of the system database {'is' if len(database.other_engines) == 1 else 'are'} "
            "not InnoDB's",
            shown(database.other_engines),
        )
    ]


def row_format(context: Context) -> list[Finding]:
    """New tables of an old row format cannot have the long keys of 7.7.0."""
    database = context.facts.database
    if (
        database is None
        or database.row_format not in ("compact", "redundant")
        or not _crosses(context, _LONG_KEYS)
    ):
        return []
    return [
        explained(
            "database-row-format",
            Severity.BLOCKER,
            f"New tables get the row format {database.row_format.upper()}, whose keys are too short for {context.goal.tag}",
            (f"innodb_default_row_format={database.row_format}",),
        )
    ]


def others_at_work(context: Context) -> list[Finding]:
    """Whoever else works on the database: another node, a transaction that is left open."""
    database = context.facts.database
    if database is None:
        return []
    findings = []
    if database.clients:
        findings.append(
            explained(
                "database-clients",
                Severity.WARNING,
                f"{counted(len(database.clients), 'other host')} {'is' if len(database.clients) == 1 else 'are'} connected to the system "
                "database",
                shown(database.clients),
            )
        )
    age = database.oldest_transaction
    if age is not None and age >= LONG_TRANSACTION:
        findings.append(
            explained(
                "database-transaction",
                Severity.WARNING,
                f"A transaction in the system database has been open for {age} s",
                (database.address,),
            )
        )
    return findings


def answers(context: Context) -> list[Finding]:
    """What /status says well, and the front page does not."""
    status = context.facts.status
    if status is None or status.code != 200 or context.facts.artisan.maintenance:
        return []
    if status.counts.get("admin") == 0:
        return [
            explained(
                "no-administrator",
                Severity.WARNING,
                "There is no administrator in the database",
                (status.url,),
            )
        ]
    wrong = []
    if status.front_code >= 500:
        wrong.append(f"GET / answers {status.front_code}")
    if (status.front_location or "").startswith(("/setup", "/setup_db")):
        wrong.append(f"GET / leads to {status.front_location}")
    if status.front_code in (200, 302) and not wrong and status.admin_code != 200:
        wrong.append(f"the admin UI answers {status.admin_code or 'nothing'}")
    if not wrong:
        return []
    return [
        explained(
            "front-before",
            Severity.WARNING,
            "/status is fine, and the front page is not",
            (*wrong, status.url),
        )
    ]


def service_types(context: Context) -> list[Finding]:
    """Services whose types the target's open-source set does not carry, and never lost on this way either."""
    known = context.rules.service_types(context.goal)
    lost = context.rules.removed_service_types(context.installed, context.goal)
    lines, missing = [], False
    for service in sorted(context.services, key=lambda one: one.type):
        if not service.count or service.type in known or service.type in lost:
            continue
        origin = context.rules.service_origin(service.type)
        if origin is not None and origin.becomes:
            continue
        missing = missing or origin is None or origin.package not in context.facts.tree.licensed_packages
        told = origin.in_words if origin else "no package that carries it is known"
        lines.append(f"{service.type}: {counted(service.count, 'service')}, {service.active} active; {told}")
    if not lines:
        return []
    return [
        explained(
            "commercial-services",
            Severity.WARNING if missing else Severity.INFO,
            f"Services of {counted(len(lines), 'type')} that the open source {context.goal.tag} does not carry",
            shown(lines),
        )
    ]


SETTINGS_CHECKS: tuple[Check, ...] = (
    readable_by_all,
    debugging,
    removed_keys,
    sleeping_url,
    signing,
    cache_table,
    queues,
    server_version,
    database_settings,
    engines,
    row_format,
    others_at_work,
    answers,
    service_types,
)
