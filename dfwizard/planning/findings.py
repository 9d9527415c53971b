"""Findings: what a check saw, why it matters and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How much a finding matters. A blocker stops the run; a warning is acknowledged one by one."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    BLOCKER = "blocker"


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    `id` is stable over versions (`php-window`); `evidence` what was seen, `why` why it matters with its source, `remedy` what to do in
    words, `command` the remedy as shell where there is one. `acceptable` tells whether the user may override a blocker
    with `--accept ID` (some, such as an unreachable database, cannot be).
    """

    id: str
    severity: Severity
    title: str
    evidence: tuple[str, ...] = ()
    why: str = ""
    remedy: str = ""
    command: str = ""
    acceptable: bool = False


def blockers(findings: tuple[Finding, ...], accepted: frozenset[str]) -> tuple[Finding, ...]:
    """Give the findings that forbid to begin: blockers that are not accepted, or cannot be."""
    return tuple(
        finding
        for finding in findings
        if finding.severity is Severity.BLOCKER and not (finding.acceptable and finding.id in accepted)
    )


def counted(number: int, noun: str) -> str:
    """Give `1 package`, `2 packages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
