"""The shape of a JSON answer: its keys and the types of their values, never the values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

MOST_PLACES = 5000
"""Places that a shape holds; an answer with more is told by its first ones."""

Shape = Mapping[str, tuple[str, ...]]
"""The types found at each place, sorted; `resource[].id` is the key `id` of each member of the array at `resource`."""

_TYPES = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    dict: "object",
    list: "array",
    type(None): "null",
}


def shape_of(body: bytes) -> Shape | None:
    """Give the shape of a JSON text; None when it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found: dict[str, set[str]] = {}
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting and len(found) < MOST_PLACES:
        place, item = waiting.pop()
        found.setdefault(place, set()).add(_TYPES[type(item)])
        if isinstance(item, dict):
            waiting += [(f"{place}.{key}" if place else str(key), each) for key, each in item.items()]
        elif isinstance(item, list):
            waiting += [(f"{place}[]", each) for each in item]
    return {place: tuple(sorted(types)) for place, types in sorted(found.items())}


@dataclass(frozen=True)
class ShapeChange:
    """What differs between two shapes: places that are gone, that are new, and that hold values of another type."""

    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    other: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return bool(self.gone or self.new or self.other)


def shape_change(before: Shape, after: Shape) -> ShapeChange:
    """Compare two shapes as a client of the API would feel it.

    What holds nothing (null, an empty array) may hold anything the next time: it is another type of nothing, and what was inside
    of it is not missed.
    """
    gone = [place for place in before if place not in after and not _is_hollow(place, after)]
    new = [place for place in after if place not in before]
    other = [
        place
        for place in before
        if place in after and not _fits(frozenset(before[place]), frozenset(after[place]))
    ]
    return ShapeChange(tuple(_outermost(gone)), tuple(_outermost(new)), tuple(other))


def _fits(before: frozenset[str], after: frozenset[str]) -> bool:
    old, new = before - {"null"}, after - {"null"}
    return not old or not new or bool(old & new)


def _is_hollow(place: str, shape: Shape) -> bool:
    """Tell whether a place is missing only because what it stood in holds nothing now."""
    for end in range(len(place) - 1, -1, -1):
        outer = place[:end]
        inside = place.startswith("[]", end) or place.startswith(".", end) or end == 0
        if not inside or outer not in shape:
            continue
        types = frozenset(shape[outer])
        empty_array = place.startswith("[]", end) and "array" in types
        return empty_array or types == {"null"}
    return False


def _outermost(places: list[str]) -> list[str]:
    """Leave out what stands inside of another place of the list."""
    kept: list[str] = []
    for place in sorted(places):
        if not any(place.startswith((f"{outer}.", f"{outer}[")) for outer in kept if outer):
            kept.append(place)
    return kept
