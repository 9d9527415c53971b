"""Checks of the database: migrated, nothing lost, readable with the key."""

from __future__ import annotations

from collections.abc import Mapping

from dfwizard.verification.result import Check, Verdict
from dfwizard.verification.situation import Situation

_SEEDED = frozenset({"service", "app", "email_template", "system_config"})
# Reading of `state` in KeyProof, for people.
_PROOF = {
    "proven": "opens the stored values",
    "wrong": "does not open the stored values",
    "nothing-encrypted": "nothing is encrypted",
    "no-key": "no key",
}


def connection(situation: Situation) -> Check:
    """The application still uses the same database (DB_DRIVER is no longer read from 7.0.1 on)."""
    title = "System database"
    before, after = situation.before.database, situation.after.database
    was = f"{before.driver} {before.name}" if before else ""
    now = f"{after.driver} {after.name}" if after else ""
    if after is None or not after.reachable:
        why = (after.error if after else None) or "It cannot be reached."
        return Check("database", title, was, now, Verdict.FAILED, why)
    if before is not None and (before.driver, before.address, before.name) != (
        after.driver,
        after.address,
        after.name,
    ):
        why = "The application uses another database than before."
        if situation.crosses("7.0.1") and situation.setting("DB_CONNECTION") is None:
            why += " DB_CONNECTION is not set, and DB_DRIVER is no longer read: it falls back to an empty SQLite file."
        return Check("database", title, was, now, Verdict.FAILED, why)
    if situation.reaches("7.0.1") and situation.setting("DB_CONNECTION") is None:
        why = "DB_CONNECTION is not set: from 7.0.1 on the application falls back to SQLite. Set it in .env."
        verdict = Verdict.OK if after.driver == "sqlite" else Verdict.FAILED
        return Check("database", title, was, now, verdict, why if verdict is Verdict.FAILED else "")
    return Check("database", title, was, now, Verdict.OK)


def migrations(situation: Situation) -> Check:
    """No migration waits, and none that had run is unknown now."""
    title = "Migrations"
    before, after = situation.before.artisan, situation.after.artisan
    was = f"{len(before.migrations)} run"
    now = f"{len(after.migrations)} run" + (f", {len(after.pending)} waiting" if after.pending else "")
    if after.error and not after.migrations:
        return Check("migrations", title, was, "", Verdict.FAILED, after.error)
    if after.pending:
        why = "Not run: " + ", ".join(after.pending[:5]) + (" …" if len(after.pending) > 5 else "")
        return Check("migrations", title, was, now, Verdict.FAILED, why)
    lost = sorted(set(before.migrations) - set(before.pending) - set(after.migrations))
    if lost:
        if "licence-files" in situation.accepted:
            why = f"{len(lost)} belong to licensed packages that were given up, which was accepted."
            return Check("migrations", title, was, now, Verdict.EXPECTED, why)
        why = "No longer recorded as run: " + ", ".join(lost[:5]) + (" …" if len(lost) > 5 else "")
        return Check("migrations", title, was, now, Verdict.FAILED, why)
    new = len(set(after.migrations) - set(before.migrations))
    return Check("migrations", title, was, now, Verdict.OK, f"{new} new." if new else "")


def rows(situation: Situation) -> tuple[Check, ...]:
    """No table has lost rows, none is gone (counts may grow, never fall)."""
    before = situation.before.database.tables if situation.before.database else {}
    after = situation.after.database.tables if situation.after.database else {}
    different = tuple(
        _table(situation, table, before, after)
        for table in sorted(set(before) | set(after))
        if before.get(table) != after.get(table) and not _comes_and_goes(situation, table)
    )
    new = sorted(set(after) - set(before))
    summary = Check(
        "rows",
        "Tables and rows",
        _size(before),
        _size(after),
        Verdict.OK if before else Verdict.WARNING,
        (f"New tables: {', '.join(new)}." if new else "")
        if before
        else "Nothing was counted before the run.",
    )
    return (summary, *(check for check in different if check is not None))


def _comes_and_goes(situation: Situation, table: str) -> bool:
    return situation.tables.of(table).volatile


def _table(
    situation: Situation, table: str, before: Mapping[str, int], after: Mapping[str, int]
) -> Check | None:
    identity, title = f"rows:{table}", f"Rows of {table}"
    if table not in after:
        return Check(identity, title, f"{before[table]}", "no table", Verdict.FAILED, "The table is gone.")
    if table not in before:
        if not after[table]:
            return None  # named in the summary
        why = "The release brought this table and filled it."
        return Check(identity, title, "no table", f"{after[table]}", Verdict.EXPECTED, why)
    was, now = before[table], after[table]
    if now < was:
        return Check(identity, title, f"{was}", f"{now}", Verdict.FAILED, f"{was - now} rows are missing.")
    reason = _growth(situation, table)
    verdict = Verdict.EXPECTED if reason else Verdict.WARNING
    return Check(
        identity,
        title,
        f"{was}",
        f"{now}",
        verdict,
        reason or "Nothing known of this release adds rows here.",
    )


def _growth(situation: Situation, table: str) -> str:
    """Give the reason why a table may grow over an upgrade, "" when there is none."""
    if table == "migrations":
        return "One row for each migration that ran."
    if table == "service" and situation.crosses("7.7.0"):
        return (
            "7.7.0 brings the service api_builder; --seed brings back default services that had been deleted."
        )
    if table in _SEEDED:
        return "--seed brings back defaults that had been deleted."
    if table.endswith("_config"):
        return "Settings of services that the migrations or --seed have added."
    return ""


def _size(tables: Mapping[str, int]) -> str:
    return f"{len(tables)} tables, {sum(tables.values())} rows"


def names(situation: Situation) -> tuple[Check, ...]:
    """Every service, role, app, user … is still there by its name."""
    checks = []
    for table, before in sorted(situation.names_before.items()):
        after = set(situation.names_after.get(table, ()))
        lost = [name for name in before if name not in after]
        if lost:
            why = "Lost: " + ", ".join(lost[:10]) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
            checks.append(
                Check(
                    f"names:{table}",
                    f"Names in {table}",
                    f"{len(before)}",
                    f"{len(before) - len(lost)} of them",
                    Verdict.FAILED,
                    why,
                )
            )
    kept = sum(len(before) for before in situation.names_before.values())
    if not checks and kept:
        checks.append(Check("names", "Names (services, roles, users …)", f"{kept}", "all there", Verdict.OK))
    return tuple(checks)


def key(situation: Situation) -> Check:
    """APP_KEY is the same and still opens what the database holds."""
    title = "APP_KEY"
    before, after = situation.before.key, situation.after.key
    was, now = _PROOF.get(before.state, before.state), _PROOF.get(after.state, after.state)
    if before.fingerprint and before.fingerprint != after.fingerprint:
        why = "The key has changed. Put the one of the backup's .env back before anyone uses the instance."
        return Check("app-key", title, was, now, Verdict.FAILED, why)
    if after.state in ("wrong", "no-key"):
        why = "Stored passwords and keys cannot be read with it."
        return Check("app-key", title, was, now, Verdict.FAILED, why)
    if before.state == "proven" and after.state != "proven":
        why = "Before the run there were encrypted values; now none is found."
        return Check("app-key", title, was, now, Verdict.FAILED, why)
    if after.state == "nothing-encrypted":
        why = "The key is the same; there is no encrypted value to prove it with."
        return Check("app-key", title, was, now, Verdict.OK, why)
    return Check("app-key", title, was, now, Verdict.OK)
