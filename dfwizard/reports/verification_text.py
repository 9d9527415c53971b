"""A verification for the terminal: what is wrong first, then a table of all that was compared."""

from __future__ import annotations

from dfwizard.reports.measures import count
from dfwizard.reports.terminal import WIDTH, Table, heading, wrap
from dfwizard.verification.result import Verdict, Verification

WORDS = {
    Verdict.FAILED: "FAILED",
    Verdict.WARNING: "WARNING",
    Verdict.EXPECTED: "expected",
    Verdict.OK: "ok",
}
"""How a verdict is written."""


def verification_text(verification: Verification, *, width: int = WIDTH) -> str:
    """Give the verification as text, `width` columns wide."""
    gate = "" if verification.final else " (gate between two hops)"
    lines = [*heading(f"Verification against {verification.release}{gate}"), ""]
    for verdict in (Verdict.FAILED, Verdict.WARNING, Verdict.EXPECTED):
        for check in verification.checks:
            if check.verdict is verdict and check.explanation:
                first = f"{WORDS[verdict]:<8}  {check.title}: "
                lines += wrap(check.explanation, width=width, indent=" " * 10, first=first)
    rows = tuple(
        (WORDS[check.verdict], check.title, check.before, check.after) for check in verification.checks
    )
    lines += ["", *Table(("", "What", "Before", "After"), rows).lines(width=width), "", summary(verification)]
    return "\n".join(lines) + "\n"


def summary(verification: Verification) -> str:
    """Give the outcome in one sentence."""
    failed, warnings = len(verification.failed), len(verification.warnings)
    if failed:
        return f"Not verified: {count(failed, 'check')} failed, {count(warnings, 'warning')}."
    if warnings:
        return f"Verified with {count(warnings, 'warning')}."
    return f"Verified: {count(len(verification.checks), 'check')}, every difference explained."
