"""Checks over HTTP, after maintenance mode: what the application itself answers."""

from __future__ import annotations

from dfwizard.instance.facts import StatusFacts
from dfwizard.rules import AdminUi
from dfwizard.verification.result import Check, Verdict
from dfwizard.verification.situation import Situation

_SETUP = {
    "/setup": "The application finds no administrator: the database is empty or another one, or a cached answer is kept. "
    "On that page anyone can create an administrator.",
    "/setup_db": "The application cannot query its database: the schema is missing or the server is down.",
}
_TIMES = {1: "once", 2: "twice"}


def answers(situation: Situation) -> tuple[Check, ...]:
    """`/status`, the front page and the admin page answer as the release answers."""
    before, after = situation.before.status, situation.after.status
    if situation.after.artisan.maintenance and situation.before.artisan.maintenance:
        why = "The instance was in maintenance mode before the run and still is: it answers 503."
        return (Check("status", "GET /status", _code(before), _code(after), Verdict.EXPECTED, why),)
    if after is None or (after.code == 0 and after.front_code == 0):
        return (_silent(before, after),)
    checks = [_status(situation, before, after)]
    if after.code == 200:
        checks += [
            _version(situation, before, after),
            _counts(before, after),
            _license(situation, before, after),
        ]
    if after.code == 200:
        checks += _repeated(before, after)
    return (*checks, _front(situation, before, after), _admin(situation, before, after))


def _repeated(before: StatusFacts | None, after: StatusFacts) -> list[Check]:
    """What is asked more than once answers well every time; the API answers where /status alone may say that all is well."""
    old = before.codes if before else {}
    return [_again(path, old.get(path, ()), now) for path, now in after.codes.items()]


def _again(path: str, before: tuple[int, ...], after: tuple[int, ...]) -> Check:
    identity, title = f"answers:{path}", f"GET {path}, {_TIMES.get(len(after), f'{len(after)} times')}"
    was, now = _codes(before), _codes(after)
    bad = next((code for code in after if code != 200), None)
    if bad is None:
        return Check(identity, title, was, now, Verdict.OK)
    if before and set(before) == set(after):
        why = f"It answered {bad} before the run as well."
        return Check(identity, title, was, now, Verdict.WARNING, why)
    if after[0] == 200:
        why = "The first answer is good and a later one is not: what the first put into the cache cannot be read. See the log."
    elif bad == 400:
        why = "The service `system` is not found: its row is missing, or the cache holds the services of another database."
    else:
        why = "/status answers and the API does not: no login and no request works. See the log; look at the cache's settings first."
    return Check(identity, title, was, now, Verdict.FAILED, why)


def _codes(codes: tuple[int, ...]) -> str:
    said = [f"{code}" if code else "no answer" for code in codes]
    return said[0] if len(set(said)) == 1 else ", then ".join(said)


def _code(status: StatusFacts | None) -> str:
    return f"{status.code}" if status and status.code else "no answer"


def _silent(before: StatusFacts | None, after: StatusFacts | None) -> Check:
    answered = before is not None and before.code == 200
    why = (after.error if after else None) or "No address of the instance is known: nothing was asked."
    verdict = Verdict.FAILED if answered else Verdict.WARNING
    return Check("status", "GET /status", _code(before), "no answer", verdict, why)


def _status(situation: Situation, before: StatusFacts | None, after: StatusFacts) -> Check:
    if after.code == 200:
        return Check("status", "GET /status", _code(before), "200", Verdict.OK)
    why = {
        500: "The application fails while it reads its database, cache or schema: see the log.",
        502: "php-fpm does not answer the web server.",
        503: "The instance is still in maintenance mode.",
        504: "php-fpm does not answer the web server in time.",
    }.get(after.code, after.error or "")
    if after.code == 200 or (before and before.code == after.code and after.code not in (500, 502, 503, 504)):
        return Check("status", "GET /status", _code(before), _code(after), Verdict.WARNING, why)
    if after.code == 503 and not situation.after.artisan.maintenance:
        why = "The web server answers 503, and the instance is not in maintenance mode."
    return Check("status", "GET /status", _code(before), _code(after), Verdict.FAILED, why)


def _version(situation: Situation, before: StatusFacts | None, after: StatusFacts) -> Check:
    expected, now = situation.release.config_version, after.version or ""
    was = (before.version if before else None) or ""
    title = "Version in /status"
    if now == expected:
        return Check("status-version", title, was, now, Verdict.OK)
    why = f"{situation.release.tag} says {expected}."
    if now == was:
        why += " The web server still runs the old code: php-fpm was not restarted, or bootstrap/cache/config.php is kept."
    return Check("status-version", title, was, now, Verdict.FAILED, why)


def _counts(before: StatusFacts | None, after: StatusFacts) -> Check:
    old = before.counts if before else {}
    was, now = _list(old), _list(after.counts)
    title = "Counts in /status"
    lower = [name for name, number in old.items() if after.counts.get(name, 0) < number]
    if lower:
        return Check("status-counts", title, was, now, Verdict.FAILED, f"Lower: {', '.join(sorted(lower))}.")
    higher = [name for name, number in after.counts.items() if name in old and number > old[name]]
    if higher:
        why = f"Higher: {', '.join(sorted(higher))}; see the rows of the tables."
        return Check("status-counts", title, was, now, Verdict.EXPECTED, why)
    return Check("status-counts", title, was, now, Verdict.OK)


def _list(counts: object) -> str:
    return (
        ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
        if isinstance(counts, dict)
        else ""
    )


def _license(situation: Situation, before: StatusFacts | None, after: StatusFacts) -> Check:
    was, now = (before.license if before else None) or "", after.license or ""
    title = "Licence in /status"
    if was == now or not was:
        return Check("license", title, was, now, Verdict.OK)
    if (was, now) == ("OPEN SOURCE", "SILVER") and situation.crosses("7.0.1"):
        # Seen on open-source installs of 7.1.0 and 7.7.0: the tier is derived from the types that are registered.
        why = "From 7.0.1 on the open-source bundle counts as SILVER; nothing was bought or lost."
        return Check("license", title, was, now, Verdict.EXPECTED, why)
    if now == "OPEN SOURCE":
        why = "The licensed packages are no longer installed: the licence files of this release are missing."
        return Check("license", title, was, now, Verdict.FAILED, why)
    return Check("license", title, was, now, Verdict.WARNING, "No release is known to change it so.")


def _front(situation: Situation, before: StatusFacts | None, after: StatusFacts) -> Check:
    was, now = _front_words(before), _front_words(after)
    title = "Front page"
    path = _path(after.front_location)
    if path in _SETUP:
        return Check("front", title, was, now, Verdict.FAILED, _SETUP[path])
    if after.front_code in (200, 301, 302):
        return Check("front", title, was, now, Verdict.OK)
    if after.front_code == 500 and "admin-ui" in situation.accepted:
        why = f"{situation.release.tag} comes without its admin UI, which was accepted."
        return Check("front", title, was, now, Verdict.EXPECTED, why)
    why = "The front page does not come up: see the log."
    if after.front_code == 500:
        why += " View [index] not found means that the admin UI is missing."
    return Check("front", title, was, now, Verdict.FAILED, why)


def _front_words(status: StatusFacts | None) -> str:
    if status is None or not status.front_code:
        return "no answer"
    return f"{status.front_code} {_path(status.front_location)}".rstrip()


def _path(location: str | None) -> str:
    from urllib.parse import urlsplit

    if not location:
        return ""
    try:
        return urlsplit(location).path.rstrip("/") or "/"
    except ValueError:
        return location


def _admin(situation: Situation, before: StatusFacts | None, after: StatusFacts) -> Check:
    was = f"{before.admin_code}" if before and before.admin_code else "no answer"
    now = f"{after.admin_code}" if after.admin_code else "no answer"
    title = "Admin page"
    if after.admin_code == 200:
        return Check("admin", title, was, now, Verdict.OK)
    if situation.release.admin_ui is AdminUi.RELEASE_ZIP and after.front_code == 200:
        why = f"{situation.release.tag} has its admin UI on the front page."
        return Check("admin", title, was, now, Verdict.EXPECTED, why)
    why = "The admin UI is not installed: composer's plugins were disabled, or its files are missing."
    return Check("admin", title, was, now, Verdict.FAILED, why)
