"""What the road to a release asks for and whether that is there, also before it has been planned. Pure functions of facts and rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from dfwizard.instance.facts import Facts
from dfwizard.planning.choices import Choice
from dfwizard.planning.findings import Finding, Severity
from dfwizard.planning.plan import Hop
from dfwizard.planning.upgrade import hop_between
from dfwizard.rules import AdminUi, Rules

_Key = TypeVar("_Key", str, "tuple[str, ...]")

_EXTENSIONS = ("php-extensions", "php-database-driver")


@dataclass(frozen=True)
class Need:
    """Something that the road needs: `what` with what is there (`found`); `met` is None where it is not known yet."""

    what: str
    found: str
    met: bool | None


def legs(rules: Rules, installed: str, choice: Choice, *, direct: bool = False) -> tuple[Hop, ...]:
    """Give the legs of the road to a release as the rules know them, before git has been asked; none when it is refused.

    `direct`: without the stops between, where they may be left out.
    """
    found = []
    hops = choice.hops[-1:] if direct and choice.direct else choice.hops
    for frm, to in zip((installed, *hops), hops, strict=False):
        here, there = rules.by_tag(frm), rules.by_tag(to)
        if here is None or there is None:
            return ()
        found.append(hop_between(rules, None, here, there))
    return tuple(found)


def breaking(rules: Rules, hop: Hop) -> tuple[str, ...]:
    """Give the guide's breaking changes of a leg."""
    here, there = rules.by_tag(hop.frm), rules.by_tag(hop.to)
    if here is None or there is None:
        return ()
    return tuple(row.breaking for row in rules.hops(here, there) if row.breaking)


def needs(
    facts: Facts, rules: Rules, hops: Sequence[Hop], findings: Sequence[Finding] | None
) -> tuple[Need, ...]:
    """Give what the road needs; which extensions, is known once it has been planned and checked (`findings`)."""
    return (*_php(facts, hops), *_composer(facts, rules, hops), _extensions(findings))


def _php(facts: Facts, hops: Sequence[Hop]) -> list[Need]:
    cli, fpm = facts.cli(), facts.fpm()
    parts = [f"command line {cli.version}" if cli else "command line: not found"]
    if fpm is not None:
        parts.append(f"web server {fpm.version}")
    found = []
    before = next((index for index, hop in enumerate(hops) if hop.gate), len(hops))
    for window, stops in _together([(hop.php, hop.to) for hop in hops[before:]]):
        found.append(Need(f"PHP {in_words(window)} for {stops}", "you switch it while the run waits", None))
    for window, stops in _together([(hop.php, hop.to) for hop in hops[:before]]):
        met = None
        if window:
            met = cli is not None and cli.minor in window and (fpm is None or fpm.minor in window)
        found.append(Need(f"PHP {in_words(window)} for {stops}", ", ".join(parts), met))
    return found


def _composer(facts: Facts, rules: Rules, hops: Sequence[Hop]) -> list[Need]:
    asked = []
    for hop in hops:
        release = rules.by_tag(hop.to)
        if release is not None and release.composer:
            asked.append((release, hop.to))
    found = []
    for constraint, stops in _together([(release.composer, to) for release, to in asked]):
        there = facts.composer
        allowed = there is not None and all(
            rules.composer_allows(release, there) for release, _ in asked if release.composer == constraint
        )
        found.append(Need(f"Composer {constraint} for {stops}", there or "not found", allowed))
    return found


def _extensions(findings: Sequence[Finding] | None) -> Need:
    if findings is None:
        return Need("PHP extensions", "compared when the road is planned", None)
    missing = [one for one in findings if one.id in _EXTENSIONS and one.severity is not Severity.OK]
    return Need("PHP extensions", "; ".join(one.title for one in missing) or "all there", not missing)


def _together(pairs: Sequence[tuple[_Key, str]]) -> list[tuple[_Key, str]]:
    """Put the stops that ask for the same together, in the order of the road."""
    groups: dict[_Key, list[str]] = {}
    for key, stop in pairs:
        groups.setdefault(key, []).append(stop)
    return [(key, " and ".join(stops)) for key, stops in groups.items()]


def in_words(minors: Sequence[str], *, to: str = " to ") -> str:
    """Give PHP minors in few words: `8.1`, `8.3 to 8.5`."""
    if not minors:
        return "not known"
    return minors[0] if len(minors) == 1 else f"{minors[0]}{to}{minors[-1]}"


def takes_release_zip(rules: Rules, tag: str) -> bool:
    """Tell whether a release has its admin UI from a release.zip beside composer."""
    release = rules.by_tag(tag)
    return release is not None and release.admin_ui is AdminUi.RELEASE_ZIP
