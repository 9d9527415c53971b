"""What a rollback's comparison with the time before came to, by what was compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dfwizard.errors import DfwizardError
from dfwizard.execution.store import Run
from dfwizard.reports.measures import count


@dataclass(frozen=True)
class Compared:
    """One side of an instance: `extent` says what was looked at, `differences` are sentences (none: identical)."""

    what: str
    extent: str
    differences: tuple[str, ...] = ()


MAINTENANCE = "Maintenance mode"
_SIDES = ("Commit", "Code", "Packages (vendor)", ".env", "Owners and modes", "Tables and rows", MAINTENANCE)


def comparison(run: Run) -> tuple[Compared, ...] | None:
    """Give what the last comparison of `run` found, side by side; None when nothing was compared.

    Raises:
        DfwizardError: what the run recorded is damaged.
    """
    path = run.comparison
    if not path.exists():
        return None
    try:
        differences = json.loads(path.read_bytes())
        # Read as it is: typed, the files of a large tree would take seconds.
        before = json.loads(run.fingerprint("before").read_bytes())
        return _sides(differences, before)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DfwizardError(
            "the comparison that the run recorded cannot be read",
            where=str(path),
            remedy="The output of the step `compare` has the same.",
        ) from None


def _sides(differences: list[dict[str, str]], before: dict[str, Any]) -> tuple[Compared, ...]:
    found: dict[str, list[str]] = {side: [] for side in _SIDES}
    for difference in differences:
        for side in _sides_of(difference):
            found[side].append(str(difference["sentence"]))
    extents = _extents(before)
    return tuple(
        Compared(side, extents[side], tuple(found[side])) for side in _SIDES if extents[side] or found[side]
    )


def _sides_of(difference: Mapping[str, str]) -> tuple[str, ...]:
    kinds = {
        "git": "Commit",
        "env": ".env",
        "database": "Tables and rows",
        "maintenance": MAINTENANCE,
    }
    if difference["kind"] in kinds:
        return (kinds[difference["kind"]],)
    name = difference["name"]
    said = difference["sentence"].removeprefix(f"{name}: ")
    place = ".env" if name == ".env" else "Packages (vendor)" if _in_vendor(name) else "Code"
    access = ("Owners and modes",) if any(f"; {word} " in f"; {said}" for word in ("mode", "owner")) else ()
    return access if access and said.startswith(("mode ", "owner ")) else (place, *access)


def _in_vendor(name: str) -> bool:
    return name == "vendor" or name.startswith("vendor/")


def _extents(before: dict[str, Any]) -> dict[str, str]:
    names = before["files"]
    packages = sum(map(_in_vendor, names))
    tables = (before["database"] or {}).get("tables", {})
    rows = sum(table["rows"] or 0 for table in tables.values())
    commit = (before["git"] or {}).get("commit", "")
    sides = (
        commit[:10],
        count(len(names) - packages, "path"),
        count(packages, "path") if packages else "",
        "byte for byte" if ".env" in names else "",
        count(len(names), "path"),
        f"{count(len(tables), 'table')}, {count(rows, 'row')}" if tables else "",
        "on while it was compared" if before["maintenance"] else "off",
    )
    return dict(zip(_SIDES, sides, strict=True))
