"""What every finding is about: its explanation stands once, in data, for the checks and for `check --list`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

from dfwizard.planning.findings import Finding, Severity

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]


@dataclass(frozen=True)
class Entry:
    """One finding that the checks can come to.

    In `id` a `*` stands for what a check fills in. `looks_at` is what is read, `why` why it matters and `source` where that is known
    from, `remedy` what to do where that is always the same. `acceptable` tells of its blockers: True, False, or None where that
    depends on the case. `of` names what is checked: an upgrade, a migration, or both.
    """

    id: str
    title: str
    looks_at: str
    severities: tuple[Severity, ...]
    of: tuple[str, ...]
    why: str = ""
    source: str = ""
    remedy: str = ""
    acceptable: bool | None = False

    @property
    def reason(self) -> str:
        """Give why it matters, with the source."""
        return f"{self.why.removesuffix('.')} ({self.source})." if self.source else self.why


@cache
def catalogue() -> tuple[Entry, ...]:
    """Give every finding that there can be, in the order of the file."""
    text = (resources.files("dfwizard.planning") / "data" / "findings.toml").read_text("utf-8")
    return tuple(_entry(values) for values in tomllib.loads(text)["finding"])


def _entry(values: Mapping[str, Any]) -> Entry:
    acceptable = values.get("acceptable", False)
    changed = {
        "severities": tuple(Severity(one) for one in values["severities"]),
        "of": tuple(values["of"]),
        "acceptable": None if acceptable == "sometimes" else acceptable,
    }
    return Entry(**{**values, **changed})


@cache
def entry(finding_id: str) -> Entry:
    """Give what a finding of this id is about; a whole id goes before a pattern.

    Raises:
        KeyError: there is no such finding.
    """
    for one in catalogue():
        if one.id == finding_id:
            return one
    fitting = [one for one in catalogue() if "*" in one.id and fnmatchcase(finding_id, one.id)]
    if not fitting:
        raise KeyError(finding_id)
    return max(fitting, key=lambda one: len(one.id))


def explained(
    finding_id: str,
    severity: Severity,
    title: str,
    evidence: Iterable[str] = (),
    *,
    remedy: str | None = None,
    command: str = "",
    acceptable: bool | None = None,
) -> Finding:
    """Make a finding; why it matters, and what is not given here, comes from the data.

    `remedy` says what to do in this case where that differs. `acceptable` is given where it depends on the case, and counts for blockers.
    """
    known = entry(finding_id)
    if severity is Severity.OK:
        return Finding(finding_id, severity, title, tuple(evidence))
    allowed = known.acceptable if acceptable is None else acceptable
    return Finding(
        finding_id,
        severity,
        title,
        tuple(evidence),
        why=known.reason,
        remedy=known.remedy if remedy is None else remedy,
        command=command,
        acceptable=severity is Severity.BLOCKER and bool(allowed),
    )
