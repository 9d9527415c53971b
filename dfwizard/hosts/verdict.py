"""What the exit codes of a command or pipeline mean, and which ones no host can run: the same for every kind of host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dfwizard.errors import HostError
from dfwizard.hosts import failures
from dfwizard.hosts.command import Pipeline


def refuse_impossible(pipeline: Pipeline, host: str) -> None:
    """Refuse what no system can run, and what env(1) in `run_as` would understand otherwise than meant."""
    if not pipeline.commands or not all(command.argv and command.argv[0] for command in pipeline.commands):
        raise HostError("a command without a program cannot run", where=host)
    for command in pipeline.commands:
        if wrong := [key for key in command.env if not key or key[0] == "-" or "=" in key]:
            raise HostError(
                f"{failures.shown(wrong[0])!r} cannot be the name of an environment variable", where=host
            )
        if "=" in command.argv[0]:
            raise HostError(
                f"cannot run {failures.shown(command.argv[0])}: env(1) would take it for a variable",
                where=host,
            )
        text = (*command.argv, *command.env, *command.env.values(), command.cwd or "")
        if any("\0" in word for word in text):
            raise HostError(
                f"cannot run {failures.shown(command.argv[0])}: an argument, variable or directory holds a NUL byte",
                where=host,
            )
    if any(command.stdin is not None for command in pipeline.commands[pipeline.stdin_file is None :]):
        raise HostError(
            "only the first command of a pipeline has an input of its own, from bytes or from a file",
            where=host,
        )


@dataclass(frozen=True)
class Ended:
    """How the commands of a pipeline ended: their exit codes (minus the signal's number), and what each said last.

    `free` gives what was left on the output file's disk before the unfinished file was removed.
    """

    codes: Sequence[int]
    said: Callable[[int], failures.Said]
    free: Callable[[], int | None] = lambda: None

    def culprit(self, pipeline: Pipeline) -> int | None:
        """Give the index of the command that made the pipeline fail; None when all ended as expected.

        That is the first that failed, unless it failed only because a later one, which failed as well, no longer read.
        """
        wrong = [
            index
            for index, command in enumerate(pipeline.commands)
            if self.codes[index] not in command.expect
        ]
        for index in wrong[:-1]:
            if not failures.broken_pipe(self.codes[index], self.said(index)):
                return index
        return wrong[-1] if wrong else None

    def complaint(
        self, pipeline: Pipeline, culprit: int, *, me: str, host: str, check: bool
    ) -> HostError | None:
        """Say why the pipeline failed; None where that is no error: the command ran, and `check` was not asked for."""
        command, code, said = pipeline.commands[culprit], self.codes[culprit], self.said(culprit)
        refusal = failures.refused(command, code, said, me=me, host=host)
        if refusal is not None or not check:
            return refusal
        return failures.failed(
            command, code, said, me=me, host=host, removed=pipeline.stdout_file, free=self.free()
        )
