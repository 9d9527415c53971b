"""Checks of what surrounds the application: owners and modes, maintenance flag, services, crontabs, log."""

from __future__ import annotations

from dfwizard.verification.result import Check, Verdict
from dfwizard.verification.situation import Situation, TreeOwners

_WRITTEN = ("storage", "bootstrap/cache")
_MOST_LOGGED = 20


def owners(situation: Situation) -> tuple[Check, ...]:
    """Nothing in the tree has got another owner, and the places that matter keep owner and mode."""
    before, after = situation.owners_before, situation.owners_after
    if before is None or after is None:
        return ()
    new = [path for path in after.strangers if path not in set(before.strangers)]
    more = after.stranger_count > before.stranger_count
    was, now = _owned(before), _owned(after)
    title = "Owners of the files"
    if (before.owner, before.group) != (after.owner, after.group):
        why = f"The tree belongs to {after.owner}:{after.group} now."
        first = Check("owners", title, was, now, Verdict.FAILED, why)
    elif more:
        verdict = Verdict.FAILED if any(_is_written(path) for path in new) else Verdict.WARNING
        why = f"Not owned by {after.owner} any more: " + ", ".join(new[:5]) + (" …" if len(new) > 5 else "")
        first = Check("owners", title, was, now, verdict, why)
    else:
        first = Check("owners", title, was, now, Verdict.OK)
    return (first, *_places(before, after))


def _is_written(path: str) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in _WRITTEN)


def _owned(owners_: TreeOwners) -> str:
    return f"{owners_.owner}:{owners_.group}, {owners_.stranger_count} of others"


def _places(before: TreeOwners, after: TreeOwners) -> tuple[Check, ...]:
    """Compare the recorded places; a place that is gone and was not the release's own is the tree's affair, not the owner's."""
    return tuple(
        Check(
            f"mode:{place}",
            f"Owner and mode of {place}",
            was,
            now,
            Verdict.FAILED if place == ".env" else Verdict.WARNING,
            "The run should have left it as it was.",
        )
        for place, was in sorted(before.places.items())
        if (now := after.places.get(place, was)) != was
    )


def maintenance(situation: Situation) -> Check:
    """Maintenance mode is as it was before the run; at a gate it is on."""
    was, now = ("on" if facts.artisan.maintenance else "off" for facts in (situation.before, situation.after))
    title = "Maintenance mode"
    if not situation.final:
        why = "It stays on until the last hop is done."
        return Check("maintenance", title, was, now, Verdict.EXPECTED if now != was else Verdict.OK, why)
    if was == now:
        return Check("maintenance", title, was, now, Verdict.OK)
    return Check("maintenance", title, was, now, Verdict.FAILED, f"It was {was} before the run.")


def services(situation: Situation) -> tuple[Check, ...]:
    """The web server and php-fpm run if they ran before."""
    before, after = situation.before.web, situation.after.web
    pairs = (
        (before.server_service, before.server_active, after.server_active),
        (before.fpm_service, before.fpm_active, after.fpm_active),
    )
    checks = []
    for service, was_active, is_active in pairs:
        if service is None or was_active is None or is_active is None:
            continue
        was, now = ("runs" if active else "stopped" for active in (was_active, is_active))
        verdict = Verdict.OK if was == now else Verdict.FAILED if was_active else Verdict.WARNING
        why = "" if was == now else f"It {'ran' if was_active else 'was stopped'} before the run."
        checks.append(Check(f"service:{service}", f"Service {service}", was, now, verdict, why))
    return tuple(checks)


def crontabs(situation: Situation) -> Check:
    """Crontabs are as before: booting the application as the wrong user adds a line to that user's."""
    before, after = set(situation.before.tree.crontabs), set(situation.after.tree.crontabs)
    was, now = f"{len(before)} lines", f"{len(after)} lines"
    if before == after:
        return Check("crontabs", "Crontabs", was, now, Verdict.OK)
    changes = [f"added: {line}" for line in sorted(after - before)]
    changes += [f"gone: {line}" for line in sorted(before - after)]
    return Check("crontabs", "Crontabs", was, now, Verdict.WARNING, "; ".join(changes))


def log(situation: Situation) -> Check:
    """The application has logged no error since the code was exchanged."""
    found, title = situation.logged, "New errors in the log"
    if not found:
        return Check("log", title, "", "none", Verdict.OK)
    number = sum(error.times for error in found)
    kinds = f", {len(found)} different" if 1 < len(found) < number else ""
    lines = [error.text for error in found[:_MOST_LOGGED]]
    lines += [f"and {len(found) - _MOST_LOGGED} other messages"] if len(found) > _MOST_LOGGED else []
    return Check("log", title, "", f"{number}{kinds}", Verdict.WARNING, "\n".join(lines))
