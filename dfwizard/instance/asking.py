"""How questions are put to a host while inspecting: as the owner of the tree, with a time limit, without leaving a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command, Result

NOWHERE = "/nonexistent"
"""HOME while inspecting an instance whose owner has no home: programs find no configuration there and write none."""

ANY_CODE = tuple(range(256))


@dataclass(frozen=True)
class Asker:
    """Runs read-only commands about the instance at `path`; `owner` is the account that the tree belongs to.

    `home` is the owner's own home, or `/nonexistent` where there is none: nothing is created while inspecting.
    """

    host: Host
    path: str
    owner: str
    home: str = NOWHERE

    def as_owner(
        self, *argv: str, env: Mapping[str, str] | None = None, timeout: float = 20.0, keep: int = 8 << 20
    ) -> Result:
        """Run `argv` in the tree as its owner; every exit code is an answer.

        Raises:
            HostError: the command is missing, took too long, or cannot be run as the owner.
        """
        command = Command(
            argv,
            cwd=self.path,
            env={"HOME": self.home, **(env or {})},
            user=self.owner,
            timeout=timeout,
            expect=ANY_CODE,
        )
        return self.host.run(command, keep=keep, check=False)

    def as_me(self, *argv: str, timeout: float = 10.0, keep: int = 8 << 20) -> Result:
        """Run `argv` as dfwizard's own account; every exit code is an answer.

        Raises:
            HostError: the command is missing or took too long.
        """
        return self.host.run(Command(argv, cwd="/", timeout=timeout, expect=ANY_CODE), keep=keep, check=False)


def is_running(ask: Asker, pid: int) -> bool:
    """Tell whether a process of that number is there."""
    return ask.host.stat(f"/proc/{pid}") is not None


def program_of(ask: Asker, pid: int) -> str:
    """Give the program that a process runs; "" when it has ended or is another account's."""
    return ask.as_me("readlink", f"/proc/{pid}/exe").text.strip().removesuffix(" (deleted)")


@dataclass
class Problems:
    """What could not be found out, in words; a question that fails spoils none of the others."""

    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Note one thing that could not be found out, once."""
        text = " ".join(line.split())
        if text not in self.lines:
            self.lines.append(text)
