"""Findings for the terminal: the gravest first, each with evidence, reason and remedy. State is told by words."""

from __future__ import annotations

from dfwizard.planning.findings import Finding, Severity
from dfwizard.reports.measures import count
from dfwizard.reports.terminal import WIDTH, plain, wrap, wrap_command

WORDS = {
    Severity.BLOCKER: "BLOCKER",
    Severity.WARNING: "WARNING",
    Severity.INFO: "INFO",
    Severity.OK: "ok",
}
"""How a severity is written."""

_INDENT = " " * 9


def findings_text(
    findings: tuple[Finding, ...], *, accepted: frozenset[str] = frozenset(), width: int = WIDTH
) -> str:
    """Give the findings as text; `accepted` are the ids that the user overrides."""
    lines: list[str] = []
    for severity in WORDS:
        for finding in findings:
            if finding.severity is severity:
                accepts = finding.acceptable and finding.id in accepted
                lines += finding_lines(finding, accepted=accepts, width=width)
    return "\n".join([*lines, *_summary(findings, accepted)]) + "\n"


def finding_lines(finding: Finding, *, accepted: bool = False, width: int = WIDTH) -> list[str]:
    """Give one finding: title, evidence and, unless it is fine, why it matters and what to do; `accepted`: the user overrides it."""
    title = f"{finding.title} [{finding.id}]" + (" (accepted)" if accepted else "")
    lines = wrap(title, width=width, indent=_INDENT, first=f"{WORDS[finding.severity]:<8} ")
    for item in finding.evidence:
        lines += wrap(item, width=width, indent=_INDENT + "  ", first=f"{_INDENT}- ")
    if finding.severity is Severity.OK:
        return lines
    if finding.why:
        lines += wrap(finding.why, width=width, indent=_INDENT)
    if finding.remedy:
        lines += wrap(finding.remedy, width=width, indent=_INDENT + "  ", first=f"{_INDENT}Remedy: ")
    if finding.command:
        for command in finding.command.splitlines():
            lines += wrap_command(command, width=width, indent=_INDENT + "  ")
    if finding.severity is Severity.BLOCKER and not accepted:
        accept = f"To go on all the same: --accept {plain(finding.id)}"
        lines += wrap(
            accept if finding.acceptable else "This cannot be overridden.", width=width, indent=_INDENT
        )
    return [*lines, ""]


def _summary(findings: tuple[Finding, ...], accepted: frozenset[str]) -> list[str]:
    if not findings:
        return ["Nothing was checked."]
    blocking = [item for item in findings if item.severity is Severity.BLOCKER]
    overridden = [item for item in blocking if item.acceptable and item.id in accepted]
    parts = [
        count(len(blocking), "blocker") + (f" ({len(overridden)} accepted)" if overridden else ""),
        count(sum(item.severity is Severity.WARNING for item in findings), "warning"),
        f"{sum(item.severity is Severity.OK for item in findings)} ok",
    ]
    return [", ".join(parts) + "."]
