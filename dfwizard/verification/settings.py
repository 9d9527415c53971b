"""Checks of the settings that a release reads in another way than the one before."""

from __future__ import annotations

from dfwizard.verification.result import Check, Verdict
from dfwizard.verification.situation import Situation

# What Laravel's env() makes no value of.
_BLANK = frozenset({"", "null", "(null)", "empty", "(empty)"})


def _value(situation: Situation, key: str) -> str | None:
    value = situation.setting(key)
    return None if value is None or value.lower() in _BLANK else value


def _before(situation: Situation, key: str) -> str:
    dotenv = situation.before.dotenv
    return dotenv.values.get(key, "not set") if dotenv else ""


def traps(situation: Situation) -> tuple[Check, ...]:
    """Every setting that the release cannot do without is explicit, and none is ignored unnoticed."""
    if situation.after.dotenv is None:
        return (
            Check(
                "dotenv", ".env", "", "cannot be read", Verdict.FAILED, "Without it nothing is configured."
            ),
        )
    if situation.after.dotenv.error:
        return (Check("dotenv", ".env", "", "not valid", Verdict.FAILED, situation.after.dotenv.error),)
    checks = []
    if situation.reaches("7.0.1"):
        checks += [_bcrypt(situation), _queue(situation)]
    if situation.reaches("7.0.2"):
        checks.append(_cache(situation))
    if situation.reaches("7.7.0"):
        checks += _timezone(situation)
    return (*checks, _config_cached(situation), *_jobs(situation))


def _bcrypt(situation: Situation) -> Check:
    """Cost-10 hashes are hashed twice at login unless BCRYPT_ROUNDS is 10 (recorded on 7.1.0 and 7.7.0)."""
    now = _value(situation, "BCRYPT_ROUNDS")
    costs = situation.hash_costs
    title, was = "BCRYPT_ROUNDS", _before(situation, "BCRYPT_ROUNDS")
    if now == "10" or (costs is not None and costs <= {int(now) if now and now.isdigit() else 12}):
        return Check("bcrypt-rounds", title, was, now or "not set", Verdict.OK)
    why = (
        "Passwords are stored with cost 10; with another cost the first login of each user destroys that user's password. "
        "Set BCRYPT_ROUNDS=10 in .env before anyone logs in."
    )
    return Check("bcrypt-rounds", title, was, now or "not set", Verdict.FAILED, why)


def _queue(situation: Situation) -> Check:
    now = _value(situation, "QUEUE_CONNECTION")
    title, was = "QUEUE_CONNECTION", _before(situation, "QUEUE_CONNECTION")
    if now is not None:
        return Check("queue-connection", title, was, now, Verdict.OK)
    why = "Not set, it means database from 7.0.1 on: queued work piles up in the table jobs. Set QUEUE_CONNECTION=sync."
    return Check("queue-connection", title, was, "not set", Verdict.WARNING, why)


def _cache(situation: Situation) -> Check:
    now = _value(situation, "CACHE_STORE")
    title, was = "CACHE_STORE", _before(situation, "CACHE_STORE")
    if situation.reaches("7.7.0") and now in (None, "database"):
        tables = situation.after.database.tables if situation.after.database else {}
        if "cache" in tables:
            why = "The cache is kept in the table cache, which is there."
            return Check("cache-store", title, was, now or "not set", Verdict.OK, why)
        why = "7.7.0 then keeps the cache in a table that no migration creates: requests answer 500. Set CACHE_STORE=file."
        return Check("cache-store", title, was, now or "not set", Verdict.FAILED, why)
    if now is not None:
        return Check("cache-store", title, was, now, Verdict.OK)
    driver = _value(situation, "CACHE_DRIVER")
    if driver in (None, "file"):
        return Check(
            "cache-store", title, was, "not set", Verdict.OK, "The release then uses files, as before."
        )
    why = f"CACHE_DRIVER={driver} is no longer read: the cache is kept in files. Set CACHE_STORE={driver}."
    return Check("cache-store", title, was, "not set", Verdict.WARNING, why)


def _timezone(situation: Situation) -> tuple[Check, ...]:
    zone = _value(situation, "APP_TIMEZONE")
    if zone in (None, "UTC"):
        return ()
    why = (
        "7.7.0 no longer reads it: the scheduler and time stamps are in UTC. "
        "Add 'timezone' => env('APP_TIMEZONE', 'UTC') to config/app.php if it has to stay."
    )
    return (Check("app-timezone", "APP_TIMEZONE", zone or "", "ignored", Verdict.WARNING, why),)


def _config_cached(situation: Situation) -> Check:
    was, now = (
        "cached" if facts.artisan.config_cached else "not cached"
        for facts in (situation.before, situation.after)
    )
    title = "Cached configuration"
    if not situation.after.artisan.config_cached:
        why = (
            "It was cached before; run php artisan config:cache again if you want that." if was != now else ""
        )
        return Check("config-cached", title, was, now, Verdict.EXPECTED if why else Verdict.OK, why)
    why = "bootstrap/cache/config.php is there: what .env says takes no effect. Run php artisan config:clear."
    return Check("config-cached", title, was, now, Verdict.WARNING, why)


def _jobs(situation: Situation) -> tuple[Check, ...]:
    before = situation.before.database.tables.get("jobs") if situation.before.database else None
    after = situation.after.database.tables.get("jobs") if situation.after.database else None
    if after is None or before is None or after <= before:
        return ()
    why = "Queued work waits and nobody takes it: start a queue worker, or set QUEUE_CONNECTION=sync."
    return (Check("jobs", "Jobs that wait", f"{before}", f"{after}", Verdict.WARNING, why),)
