"""Composer's version constraints, as far as PHP and extension requirements use them.

Source: https://getcomposer.org/doc/articles/versions.md. Stability flags and branch names do not occur in requirements on the platform;
a constraint that cannot be read is an error, never a silent yes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dfwizard.errors import DfwizardError

Version = tuple[int, ...]

PHP_MINORS = ("7.0", "7.1", "7.2", "7.3", "7.4", "8.0", "8.1", "8.2", "8.3", "8.4", "8.5", "8.6")
"""The PHP releases a window is computed over; 8.6 stands for whatever comes next."""

_PART = re.compile(
    r"(\^|~|>=|<=|!=|<>|>|<|==|=)?\s*v?(\d+(?:\.(?:\d+|[x*]))*|\*)(?:[-@+][\w.]+)?\Z", re.IGNORECASE
)
_HYPHEN = re.compile(r"(\d[\w.]*)\s+-\s+(\d[\w.]*)")


class ConstraintError(DfwizardError):
    """A version constraint cannot be read."""


def allows(constraint: str, version: str) -> bool:
    """Tell whether `version` (such as 8.2.36) satisfies a composer `constraint` (such as `^7.4 || ~8.1.0`).

    Raises:
        ConstraintError: the constraint is not one that composer knows.
    """
    numbers = _numbers(version)
    return any(
        all(_holds(part, numbers, constraint) for part in _split_and(alternative))
        for alternative in re.split(r"\s*\|\|?\s*", constraint.strip())
    )


def php_minors(constraints: Iterable[str]) -> tuple[str, ...]:
    """Give the PHP minors of which some patch release satisfies every one of `constraints`."""
    wanted = tuple(constraints)
    return tuple(
        minor
        for minor in PHP_MINORS
        if any(all(allows(constraint, f"{minor}.{patch}") for constraint in wanted) for patch in (0, 10, 99))
    )


def _numbers(version: str) -> Version:
    found = re.match(r"v?(\d+(?:\.\d+)*)", version.strip())
    if not found:
        raise ConstraintError(f"{version!r} is not a version")
    return _pad(tuple(int(part) for part in found.group(1).split(".")))


def _pad(numbers: Version) -> Version:
    return (*numbers, 0, 0, 0, 0)[:4]


def _split_and(alternative: str) -> list[str]:
    spaced = _HYPHEN.sub(lambda found: f">={found.group(1)} {_below_hyphen(found.group(2))}", alternative)
    tight = re.sub(r"(\^|~|>=|<=|!=|<>|>|<|==|=)\s+", r"\1", spaced)
    return [part for part in re.split(r"[\s,]+", tight.strip()) if part]


def _below_hyphen(upper: str) -> str:
    given = upper.split(".")
    if len(given) >= 3:
        return f"<={upper}"
    raised = [*given[:-1], str(int(given[-1]) + 1)]
    return f"<{'.'.join(raised)}"


def _holds(part: str, version: Version, whole: str) -> bool:
    found = _PART.match(part)
    if not found:
        raise ConstraintError(f"the version constraint {whole!r} cannot be read (at {part!r})")
    operator, text = found.group(1) or "", found.group(2).lower()
    fixed = [int(number) for number in text.replace("*", "x").split(".") if number != "x"]
    wild = "x" in text or "*" in text
    if not fixed:
        return True
    lower = _pad(tuple(fixed))
    if operator == "^":
        return lower <= version < _caret_end(fixed)
    if operator == "~":
        return lower <= version < _raise(fixed[:-1] if len(fixed) > 1 else fixed)
    if operator in ("", "=", "==", "!=", "<>"):
        inside = lower <= version < _raise(fixed) if wild else version == lower
        return inside if operator in ("", "=", "==") else not inside
    return {">=": version >= lower, "<=": version <= lower, ">": version > lower, "<": version < lower}[
        operator
    ]


def _raise(fixed: list[int]) -> Version:
    return _pad((*fixed[:-1], fixed[-1] + 1))


def _caret_end(fixed: list[int]) -> Version:
    for index, number in enumerate(fixed):
        if number or index == len(fixed) - 1:
            return _pad((*fixed[:index], number + 1))
    return _pad((1,))
