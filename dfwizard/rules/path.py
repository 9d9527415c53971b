"""The way from one release to another by the guide's table: which releases are installed in turn."""

from __future__ import annotations

from dfwizard.errors import BlockedError
from dfwizard.rules.knowledge import Rules, UnknownRelease
from dfwizard.rules.model import Hop, HopFact, HopKind, Release


class PathRefused(BlockedError):
    """There is no upgrade in place from the one release to the other."""


def stops(rules: Rules, frm: Release, to: Release, *, direct: bool = False) -> tuple[Release, ...]:
    """Give the releases to install, in order, to get from `frm` to `to`; the last one is `to`.

    Between two lines that are not neighbours the newest usable release of each line between is a stop (guide:
    Upgrade Path by Version); on the `direct` road there is none but `to`. Empty when `frm` has the code of `to` already.

    Raises:
        PathRefused: `to` is older, is no release to install, or a line is to be crossed that cannot be crossed
            in place, or not without a stop.
    """
    if frm.commit == to.commit:
        return ()
    start, end = rules.behaves_as(frm), rules.behaves_as(to)
    if end < start:
        raise PathRefused(
            f"{to.tag} is older than {frm.tag}: an instance is never downgraded in place",
            remedy="To go back, roll back the run that upgraded it.",
        )
    if not to.usable_as_stop:
        reasons = " ".join(warning.text for warning in to.warnings)
        raise PathRefused(f"{to.tag} is never installed. {reasons}".strip(), remedy=_instead(rules, frm, to))
    for major in range(start.major, end.major):
        _cross(rules, major)
    if direct and end.major > start.major + 1:
        direct_reasons(rules, frm, to)
        return (to,)
    between = range(start.major + 1, end.major)
    try:
        return (*(rules.newest_of_major(major) for major in between), to)
    except UnknownRelease as error:
        raise PathRefused(
            f"{error.what} on the way from {frm.tag} to {to.tag}", remedy=error.remedy
        ) from None


def direct_reasons(rules: Rules, frm: Release, to: Release) -> tuple[HopFact, ...]:
    """Say why the database may go from `frm` to `to` without a stop, one reason for each line that is left.

    Raises:
        PathRefused: of some line it is not known.
    """
    rows = [_cross(rules, major) for major in range(rules.behaves_as(frm).major, rules.behaves_as(to).major)]
    unknown = [row for row in rows if row.additive is None]
    if unknown:
        row = unknown[0]
        raise PathRefused(
            f"there is no direct road from {frm.tag} to {to.tag}: it is not known that the migrations from {row.from_line} to "
            f"{row.to_line} only add to the database",
            remedy="Take the road over the stops.",
        )
    return tuple(row.additive for row in rows if row.additive is not None)


def describe(rules: Rules, frm: Release, to: Release) -> str:
    """Give the way in one line, "5.4.1 -> 6.3.0 -> 7.1.0", or say that there is nothing to do.

    Raises:
        PathRefused: as `stops` does.
    """
    way = stops(rules, frm, to)
    if way:
        return " -> ".join(release.tag for release in (frm, *way))
    if frm.tag == to.tag:
        return f"{to.tag} is installed already: nothing to do"
    return f"{to.tag} is the same commit as {frm.tag}: nothing to do"


def _cross(rules: Rules, major: int) -> Hop:
    """Give the guide's row from line `major` to the next, if it can be crossed in place."""
    row = next((hop for hop in rules.hops_table if hop.crosses(major)), None)
    if row is None:
        raise PathRefused(
            f"the guide has no upgrade from {major}.x to {major + 1}.x",
            remedy=f"Stay within {major}.x, or migrate to a new server.",
        )
    if row.kind in {HopKind.FRESH, HopKind.MIGRATION}:
        facts = " ".join(fact.text for fact in row.facts)
        raise PathRefused(
            f"the guide has no upgrade in place from {major}.x to {major + 1}.x: {row.method} ({row.source})."
            + (f" The releases themselves say otherwise: {facts}" if facts else ""),
            remedy=(
                f"Stay within {major}.x, migrate to a new server, or pass a rules file whose hop {row.id!r} has "
                f"kind = {HopKind.IN_PLACE.value!r}."
            ),
        )
    return row


def _instead(rules: Rules, frm: Release, to: Release) -> str:
    """Name the usable releases on either side of `to`, newer than `frm`."""
    start, wanted = rules.behaves_as(frm), rules.behaves_as(to)
    usable = [each for each in rules.releases if each.usable_as_stop and rules.behaves_as(each) > start]
    before = [each.tag for each in usable if rules.behaves_as(each) <= wanted][-1:]
    after = [each.tag for each in usable if rules.behaves_as(each) > wanted][:1]
    return f"Choose {' or '.join(before + after)}." if before or after else "Choose another release."
