"""The upgrade's plan: the official guide's steps in the guide's order, made safe where its letter is not.

Every departure from the letter is named in the step that departs. A pure function of facts, rules and wishes.
"""

from __future__ import annotations

from collections.abc import Collection

from dfwizard.errors import BlockedError
from dfwizard.instance.facts import Facts
from dfwizard.instance.origin import OriginFacts, TargetFacts
from dfwizard.planning.constraint import php_minors
from dfwizard.planning.env_moves import said_by
from dfwizard.planning.frame import dotenv_step, fetch_step, steps_after, steps_before
from dfwizard.planning.gates import gate_steps, with_gates
from dfwizard.planning.hop import hop_steps
from dfwizard.planning.plan import EditDotenv, Hop, Plan
from dfwizard.planning.road import USUAL, Course, Road, Wish
from dfwizard.planning.weights import pace, weighed
from dfwizard.rules import Release, Rules, direct_reasons, stops

_HIDDEN = "***"
"""Stands for a secret value: what matters of it here is that there is one."""


def road(
    facts: Facts, rules: Rules, target: str, course: Course = USUAL
) -> tuple[Release, tuple[Release, ...]]:
    """Give the release installed and the stops on the way to `target` (a tag, a version or `latest`).

    Raises:
        BlockedError: the installed release is not known, there is nothing to do, or the rules refuse the way, or the direct one.
        UsageError: the target is no known release.
    """
    goal = rules.resolve(target)
    installed = rules.by_tag(facts.version.release) if facts.version.release else None
    if installed is None:
        raise BlockedError(
            "the installed release could not be told, so no road can be planned",
            where=facts.path,
            remedy=f"`dfwizard inspect {facts.path}` shows what was found and what disagrees.",
        )
    way = stops(rules, installed, goal, direct=course.direct)
    if not way:
        raise BlockedError(
            f"{goal.tag} is what is installed already: nothing to do",
            where=facts.path,
            remedy=_newer(rules, installed),
        )
    return installed, way


def _newer(rules: Rules, installed: Release) -> str:
    newest = rules.newest()
    if newest.commit == installed.commit:
        return "It is the newest release known."
    return f"The newest release known is {newest.tag}."


def dotenv_changes(facts: Facts, rules: Rules, installed: Release, goal: Release) -> dict[str, str | None]:
    """Give the keys that `.env` needs before the code changes, with their values."""
    present = dict(facts.dotenv.values) if facts.dotenv else {}
    return {item.key: item.value for item in rules.required_env(installed, goal, present)}


def dotenv_renames(
    facts: Facts, rules: Rules, installed: Release, goal: Release, changes: Collection[str] = ()
) -> dict[str, str]:
    """Give the keys that `.env` sets by a name that the goal does not read: the new name by the old one.

    Keys that have the new name already, and those of `changes`, are left out; the old line stays, for the old code reads it.
    """
    if facts.dotenv is None:
        return {}
    values = {**dict.fromkeys(facts.dotenv.secret_keys, _HIDDEN), **facts.dotenv.values}
    meant = said_by(values, rules, installed, goal)
    return {new: said.old for new, said in meant.items() if said.old and new not in changes}


def php_window(target: TargetFacts) -> tuple[str, ...]:
    """Give the PHP minors that composer.json and every locked production package of a release allow."""
    return php_minors(target.php.values())


def plan_upgrade(
    facts: Facts,
    origin: OriginFacts,
    rules: Rules,
    installed: Release,
    way: tuple[Release, ...],
    wish: Wish,
    edit: EditDotenv | None,
    shows: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
) -> Plan:
    """Make the plan from `installed` over the stops in `way`.

    `edit` is the change of `.env` with its diff (None: nothing to change); `shows` the shell lines of taking and of proving the backup.
    """
    legs = tuple(zip((installed, *way), way, strict=False))
    hops = with_gates(tuple(hop_between(rules, origin, frm, to) for frm, to in legs), facts, wish, rules)
    the_road = Road(facts, wish, origin, hops)
    steps = [*steps_before(the_road, shows), *dotenv_step(edit), fetch_step(the_road)]
    for index, hop in enumerate(hops):
        steps += [*gate_steps(the_road, index, rules), *hop_steps(the_road, index, hop)]
    steps += steps_after(the_road, hops[-1].to)
    return Plan(
        kind="upgrade",
        instance=facts.path,
        frm=installed.tag,
        to=way[-1].tag,
        backup=wish.backup,
        owner=facts.tree.owner,
        me=facts.me,
        hops=hops,
        steps=weighed(steps, pace(facts)),
    )


def hop_between(rules: Rules, origin: OriginFacts | None, frm: Release, to: Release) -> Hop:
    """Give the leg between two releases; without `origin` (git has not been asked) as the rules alone know it."""
    rows = rules.hops(frm, to)
    target = origin.target(to.tag) if origin else None
    direct = len(rows) > 1
    notes = [note for row in rows for note in (row.notes, *(fact.text for fact in row.facts)) if note]
    if direct:
        notes = [*_direct_notes(rules, frm, to), *notes]
    return Hop(
        frm=frm.tag,
        to=to.tag,
        commit=(origin.commit(to.tag) if origin else None) or to.commit,
        php=php_window(target) if target else to.php_minors,
        method=_direct_method(rules, frm, to) if direct else rows[0].method if rows else "In-place",
        notes=tuple(notes),
        warnings=tuple(warning.text for warning in to.warnings),
    )


def left_out(rules: Rules, frm: Release, to: Release) -> tuple[Release, ...]:
    """Give the stops of the guide that a leg from `frm` to `to` leaves out; none where it names no way over them."""
    try:
        return stops(rules, frm, to)[:-1]
    except BlockedError:
        return ()


def _direct_method(rules: Rules, frm: Release, to: Release) -> str:
    names = " and at ".join(release.tag for release in left_out(rules, frm, to))
    return f"Direct, without the guide's stop at {names}" if names else "Direct"


def _direct_notes(rules: Rules, frm: Release, to: Release) -> list[str]:
    """Say why the stops between may be left out."""
    reasons = direct_reasons(rules, frm, to)
    return [f"Why the database can do without the stops: {one.text} ({one.source})." for one in reasons]
