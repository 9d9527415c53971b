"""Gates: where a stop on the road needs another PHP than the one before, the run waits until a person has switched it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

from dfwizard.instance.facts import Facts
from dfwizard.planning.php_switch import switch_lines
from dfwizard.planning.plan import Hop, Step, Undo, WaitForPerson
from dfwizard.planning.road import Road, Wish
from dfwizard.rules import Rules


def gates(windows: Sequence[tuple[str, ...]], now: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    """Give for each leg the PHP minors one of which has to be switched to before it; empty where the PHP of the leg before will do.

    `windows` are the minors that each leg's release runs on, `now` those that are there. There are as few gates as can be, and each
    holds for all the legs up to the next one. Where a release runs on no PHP there is no gate: it cannot be passed.
    """
    found: list[tuple[str, ...]] = [()] * len(windows)
    if not all(windows):
        return tuple(found)
    index = 0
    while index < len(windows) and now and now <= set(windows[index]):
        index += 1
    while index < len(windows):
        first, shared = index, windows[index]
        while index < len(windows) and (both := tuple(one for one in shared if one in windows[index])):
            shared = both
            index += 1
        found[first] = shared
    return tuple(found)


def hindrance(facts: Facts, php: str | None) -> str:
    """Say why no gate can be put on the road; "" where it can."""
    cli, fpm = facts.cli(), facts.fpm()
    if cli is None:
        return "PHP was not found"
    if fpm is not None and fpm.minor != cli.minor:
        return f"command line ({cli.minor}) and web server ({fpm.minor}) run different PHP already: there is no one PHP to go back to"
    if php is not None and re.search(r"\d", posixpath.basename(php)):
        return f"--php {php} names one PHP that cannot be switched: leave it out, so that php on the PATH is used"
    return ""


def with_gates(hops: tuple[Hop, ...], facts: Facts, wish: Wish, rules: Rules) -> tuple[Hop, ...]:
    """Give the legs with the gates that they need, where gates are wished for and can be."""
    cli = facts.cli()
    if not wish.course.gates or cli is None or hindrance(facts, wish.php):
        return hops
    found = gates([_known(rules, hop) for hop in hops], frozenset({cli.minor}))
    return tuple(replace(hop, gate=gate) for hop, gate in zip(hops, found, strict=True))


def _known(rules: Rules, hop: Hop) -> tuple[str, ...]:
    """Give the PHP minors that a release runs on; not those to come, which its constraints merely do not shut out."""
    release = rules.by_tag(hop.to)
    return tuple(one for one in hop.php if release and one in release.php_minors) or hop.php


def gate_steps(road: Road, index: int, rules: Rules) -> list[Step]:
    """Give the step that waits for another PHP before the leg of that index; none where the leg has no gate."""
    hop, cli = road.hops[index], road.facts.cli()
    if not hop.gate or cli is None:
        return []
    old, new = (road.last_gate(index) or (cli.minor,))[0], hop.gate[0]
    action = WaitForPerson(
        php=road.php,
        window=hop.gate,
        web=road.facts.fpm() is not None,
        before=cli.minor,
        shows=switch_lines(rules, road.facts, old, new),
        back=switch_lines(rules, road.facts, new, cli.minor),
        unit=road.facts.web.fpm_service or "",
    )
    names = " or ".join(hop.gate)
    return [
        Step(
            f"php-{hop.to}",
            f"Wait until PHP {names} is there for {hop.to}",
            f"{hop.to} does not run on PHP {old}: command line and web server are switched together, by you.",
            action,
            guide="Prerequisites (PHP)",
            departs="The guide names a lowest PHP; the locked packages of each release say which ones it runs on, up and down.",
            undo=Undo.PHP,
            undo_text=f"The rollback waits until PHP {cli.minor} is back.",
            timeout=300,
            skippable=True,
            hop=index,
        )
    ]
