"""The API's answers before and after: the same status, every time, and a shape that its clients can go on with."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dfwizard.instance.answers import Answer, Answers, Login
from dfwizard.instance.shape import MOST_PLACES, shape_change
from dfwizard.rules import Release
from dfwizard.rules.model import parse_version
from dfwizard.verification.result import Check, Verdict

MOST = 6
"""How many places of a shape are named."""

REHASHING_SINCE = "7.0.1"
"""First release whose login hashes a password of another cost again (Laravel 11), and destroys it: recorded on 7.1.0 and 7.7.0."""

DEFAULT_ROUNDS = 12
"""The cost in force from then on where BCRYPT_ROUNDS is not set."""

_NOTED = "DreamFactory notes the moment of the login with the account; a rollback names that as a change."


def login_hindrance(
    release: Release | None, settings: Mapping[str, str], costs: Collection[str], *, config_cached: bool
) -> str:
    """Say why no login may be tried, "" where one does no harm.

    A login destroys the password where the cost in force is not the one it was hashed with. `settings` is `.env`, `costs` are
    those of all stored passwords.
    """
    if release is None:
        return "the release is not known, and a login on some of them destroys the password"
    if parse_version(release.behaves_as) < parse_version(REHASHING_SINCE):
        return ""
    if config_cached:
        return "the configuration is cached: the BCRYPT_ROUNDS in force is not known, and another one than before destroys the password"
    rounds = (settings.get("BCRYPT_ROUNDS") or str(DEFAULT_ROUNDS)).strip()
    others = sorted(set(costs) - {rounds})
    if others or not costs:
        stored = ", ".join(others) or "an unknown cost"
        return f"passwords are stored with cost {stored} and BCRYPT_ROUNDS is {rounds}: the login would destroy the password"
    return ""


def answer_checks(before: Answers | None, after: Answers) -> tuple[Check, ...]:
    """Compare the answers; one check for each path in or out of a session, and one for the login."""
    known = {(one.path, one.session): one for one in before.answers} if before else {}
    login = (_login(before.login if before else None, after.login),) if after.login else ()
    return (*login, *(_answer(known.get((one.path, one.session)), one) for one in after.answers))


def _login(before: Login | None, after: Login) -> Check:
    words = {"done": "session opened and closed", "refused": "refused", "untried": "not tried"}
    was, now = words[before.state] if before else "", words[after.state]
    identity, title = "login", f"Login of {after.email}"
    if after.state == "done":
        verdict = Verdict.WARNING if after.said else Verdict.OK
        return Check(identity, title, was, now, verdict, after.said or _NOTED)
    if after.state == "untried":
        return Check(identity, title, was, now, Verdict.WARNING, f"Not tried: {after.said}.")
    why = f"It answers {after.said}."
    if before is not None and before.state == "done":
        why += " Before the run the same password was accepted."
    return Check(identity, title, was, f"{now}", Verdict.FAILED, why)


def _answer(before: Answer | None, after: Answer) -> Check:
    identity = f"answer:{after.path}{':session' if after.session else ''}"
    title = f"GET {after.path}{', logged in' if after.session else ''}"
    was, now = _words(before) if before else "", _words(after)
    first = after.codes[0]
    if len(set(after.codes)) > 1:
        why = "The same question was answered in another way the second time: what the first put into the cache cannot be read."
        return Check(identity, title, was, now, Verdict.FAILED, why)
    if before is None:
        verdict = Verdict.OK if 200 <= first < 300 else Verdict.WARNING
        return Check(identity, title, was, now, verdict, "It was not asked before the run.")
    if first != before.codes[0]:
        good = 200 <= before.codes[0] < 300 or first >= 500 or not first
        return Check(
            identity,
            title,
            was,
            now,
            Verdict.FAILED if good else Verdict.WARNING,
            "The status is another one.",
        )
    return _shapes(Check(identity, title, was, now, Verdict.OK), before, after)


def _words(answer: Answer) -> str:
    codes = [f"{code}" if code else "no answer" for code in answer.codes]
    said = codes[0] if len(set(codes)) == 1 else ", then ".join(codes)
    return said if answer.shape is None else f"{said}, {len(answer.shape)} places"


def _shapes(same: Check, before: Answer, after: Answer) -> Check:
    def changed(verdict: Verdict, why: str) -> Check:
        return Check(same.id, same.title, same.before, same.after, verdict, why)

    if not 200 <= after.codes[0] < 300:
        return same
    if before.shape is None or after.shape is None:
        if before.shape is after.shape:
            return same
        return changed(
            Verdict.FAILED, "It was JSON and is none now." if after.shape is None else "It is JSON now."
        )
    if max(len(before.shape), len(after.shape)) >= MOST_PLACES:
        return changed(Verdict.OK, "The answers are too large for their shapes to be compared.")
    change = shape_change(before.shape, after.shape)
    notes = []
    if change.gone:
        notes.append(f"Gone: {_some(change.gone)}.")
    if change.other:
        types = [f"{place} ({_types(before, place)}, now {_types(after, place)})" for place in change.other]
        notes.append(f"Of another type: {_some(types)}.")
    if change.new:
        notes.append(f"New: {_some(change.new)}.")
    if change.gone or change.other:
        return changed(Verdict.WARNING, " ".join(("Clients may rely on it.", *notes)))
    return changed(Verdict.EXPECTED, f"The release says more. {notes[0]}") if notes else same


def _types(answer: Answer, place: str) -> str:
    return "/".join((answer.shape or {})[place])


def _some(places: Collection[str]) -> str:
    shown = [place or "the whole" for place in list(places)[:MOST]]
    return ", ".join(shown) + (f" and {len(places) - MOST} more" if len(places) > MOST else "")
