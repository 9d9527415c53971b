"""The other ways in which a planned road can be taken: without the guide's stops, with the run waiting for another PHP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dfwizard.planning.road import Course

if TYPE_CHECKING:
    from dfwizard.planning.choices import Choice
    from dfwizard.prospects import Prospect


@dataclass(frozen=True)
class Way:
    """One other way: `name` as it is chosen by, `words` for it, and why it can be taken."""

    name: str
    words: str
    course: Course
    reasons: tuple[str, ...] = ()


def other_ways(prospect: Prospect, course: Course, releases: Sequence[Choice]) -> tuple[Way, ...]:
    """Give the ways that there are beside the planned one, which takes `course`."""
    found = []
    reasons = next((one.direct for one in releases if one.tag == prospect.plan.to), ())
    if course.direct:
        found.append(Way("direct", "plan it over the guide's stops", replace(course, direct=False)))
    elif reasons:
        words = "plan the direct road, without the guide's stops"
        found.append(Way("direct", words, replace(course, direct=True), reasons))
    if course.gates:
        found.append(Way("gates", "plan it without waiting for another PHP", replace(course, gates=False)))
    elif any(one.id == "php-window" for one in prospect.blockers(frozenset())):
        words = "plan it with the run waiting while you switch PHP"
        found.append(Way("gates", words, replace(course, gates=True)))
    return tuple(found)
