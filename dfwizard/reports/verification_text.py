"""A verification for a terminal: what differs first, each difference explained or flagged."""

from __future__ import annotations

from dfwizard.reports.terminal import WIDTH, heading, wrap
from dfwizard.verification.result import Check, Verdict, Verification

_WORDS = {
    Verdict.FAILED: "FAILED",
    Verdict.WARNING: "WARNING",
    Verdict.EXPECTED: "expected",
    Verdict.OK: "ok",
}


def verification_text(verification: Verification, *, width: int = WIDTH) -> str:
    """Write the checks, the gravest first: before, after, and what explains the difference."""
    lines = heading(f"Verification against {verification.release}: {_WORDS[verification.verdict]}", line="=")
    for verdict, word in _WORDS.items():
        for check in verification.checks:
            if check.verdict is verdict:
                lines += _check(check, word, width)
    return "\n".join(lines)


def _check(check: Check, word: str, width: int) -> list[str]:
    indent = " " * 10
    lines = wrap(check.title, width=width, indent=indent, first=f"{word:<10}")
    if check.before != check.after:
        lines += wrap(f"before: {check.before or 'nothing'}", width=width, indent=indent)
        lines += wrap(f"after:  {check.after or 'nothing'}", width=width, indent=indent)
    elif check.after:
        lines += wrap(check.after, width=width, indent=indent)
    if check.explanation:
        lines += wrap(check.explanation, width=width, indent=indent)
    return lines
