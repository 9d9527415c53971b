"""Asking the person at the terminal before something is changed."""

from __future__ import annotations

import sys

from dfwizard.errors import BlockedError, UsageError


def confirm(question: str, cost: str) -> None:
    """Go on only when the person types yes.

    Raises:
        UsageError: nobody can be asked.
        BlockedError: the answer is another one.
    """
    from dfwizard.reports.terminal import plain

    if not sys.stdin.isatty():
        raise UsageError(
            "this changes the instance, and there is no terminal to ask at",
            remedy="Give --yes to go on without being asked.",
        )
    print(f"\n{plain(cost)}", file=sys.stderr)
    print(f"{plain(question)} Type yes to go on: ", end="", file=sys.stderr, flush=True)
    try:
        answer = input().strip().lower()
    except EOFError:
        answer = ""
    if answer != "yes":
        raise BlockedError("not confirmed; nothing was changed")
