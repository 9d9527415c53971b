"""Asking the person at the terminal before something is changed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dfwizard.errors import BlockedError, UsageError

if TYPE_CHECKING:
    from dfwizard.controller import Prospect
    from dfwizard.execution.on_failure import OnFailure
    from dfwizard.planning.findings import Finding


def require_terminal() -> None:
    """See that there is somebody to ask.

    Raises:
        UsageError: stdin is not a terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "this changes the instance, and there is no terminal to ask at",
            remedy="Give --yes to go on without being asked.",
        )


def confirm(question: str) -> None:
    """Go on only when the person types yes.

    Raises:
        UsageError: nobody can be asked.
        BlockedError: the answer is another one.
    """
    from dfwizard.reports.terminal import wrap

    require_terminal()
    print("\n".join(("", *wrap(question))), file=sys.stderr)
    if _typed("Type yes to go on: ") != "yes":
        raise BlockedError("not confirmed; nothing was changed")


def confirm_upgrade(
    arguments: Sequence[str], prospect: Prospect, accepted: frozenset[str], policy: OnFailure
) -> None:
    """Have the warnings read, say what will happen, and go on only when the person types yes.

    `arguments` are what makes `dfwizard plan` and `dfwizard check` show the same upgrade in full.

    Raises:
        UsageError: nobody can be asked.
        BlockedError: the answer is not yes.
    """
    from dfwizard.planning.findings import Severity
    from dfwizard.reports.outline import upgrade_outline
    from dfwizard.reports.terminal import plain, wrap_command

    require_terminal()
    warnings = [one for one in prospect.findings if one.severity is Severity.WARNING]
    if warnings:
        more = wrap_command(shlex.join(("dfwizard", "check", *arguments)), indent="  ")
        print("\n".join(("What to know of each warning, and to do about it:", *more)), file=sys.stderr)
        acknowledge(warnings)
    command = shlex.join(("dfwizard", "plan", *arguments))
    plan = prospect.plan
    print(f"\n{upgrade_outline(plan, prospect.findings, accepted, policy, command)}", file=sys.stderr)
    confirm(f"Upgrade {plain(prospect.facts.place)} from {plan.frm} to {plan.to}?")


def acknowledge(warnings: Sequence[Finding]) -> None:
    """Have each warning read, one by one.

    Raises:
        BlockedError: the person left.
    """
    from dfwizard.reports.terminal import wrap

    for number, finding in enumerate(warnings, 1):
        first = f"Warning {number} of {len(warnings)}: "
        text = wrap(f"{finding.title} [{finding.id}]", indent="  ", first=first)
        print("\n".join(("", *text)), file=sys.stderr)
        while (answer := _typed("[Enter] read, next / q: ")) != "":
            if answer in (None, "q"):
                raise BlockedError("not confirmed; nothing was changed")


def _typed(prompt: str) -> str | None:
    """Give the line that was typed, without blanks around it and in small letters; None at the end of the input."""
    print(prompt, end="", file=sys.stderr, flush=True)
    try:
        return input().strip().lower()
    except EOFError:
        print(file=sys.stderr)
        return None
