"""The commands of a remedy, as lines: what each does, whether dfwizard would run it, and the command itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.reports.terminal import WIDTH, wrap, wrap_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dfwizard.diagnosis import RemedyCommand
    from dfwizard.diagnosis.catalogue import Safety

SAFETY: dict[Safety, str] = {
    "look": "changes nothing",
    "cache": "removes only what is made anew by itself",
    "tree": "changes files of the instance; a rollback puts them back",
    "hand": "for you to do: dfwizard does not run it",
}
"""What each safety class of a command means in a run, which can be rolled back."""

ANYWHERE: dict[Safety, str] = {
    **SAFETY,
    "tree": "changes files of the instance: have a backup",
    "hand": "changes more than the instance's files, or needs something of you",
}
"""What it means outside of one."""


def command_lines(
    commands: Sequence[RemedyCommand],
    *,
    width: int = WIDTH,
    indent: str = "",
    safety: Mapping[Safety, str] = SAFETY,
) -> list[str]:
    """Give the commands, numbered where there are several, each with what it does above it; `safety` says what the classes mean."""
    lines: list[str] = []
    for number, one in enumerate(commands, 1):
        first = f"{indent}{number}. " if len(commands) > 1 else indent
        text = f"{one.does}: {safety[one.safety]}" if one.does else safety[one.safety]
        lines += wrap(f"# {text}", width=width, indent=" " * len(first), first=first)
        lines += wrap_command(one.command, width=width, indent=" " * len(first))
    return lines
