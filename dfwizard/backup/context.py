"""How the work of a backup is run on a host: reporting, progress, and failures told in words."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from dfwizard.errors import BackupError, HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command, Pipeline, Result
from dfwizard.hosts.failures import FULL, Said, ending
from dfwizard.hosts.sizes import size_text

Report = Callable[[str], None]
"""Takes one line of a step's output, without its newline."""

LINES = 6
"""How many of a failed program's own last lines are repeated."""


def _silent(_line: str) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class BackupContext:
    """Where the work is done: the host, the run's mark, who is told of progress.

    `private` is a 0700 directory of dfwizard's own on the host for files that hold secrets; it is made when missing. `timeout` is the
    most seconds that one program or pipeline may take (None: no limit).
    """

    host: Host
    private: str
    mark: str | None = None
    report: Report = _silent
    timeout: float | None = None

    def run(
        self,
        work: Command | Pipeline,
        doing: str,
        *,
        where: str,
        remedy: str | None = None,
        growing: tuple[str, str] | None = None,
        keep: int = 1 << 20,
    ) -> Result:
        """Run `work`, or say in words why it failed.

        `growing` names a file (label, path) whose size is reported while it grows.

        Raises:
            BackupError: a program failed; the message holds the last lines of what it said.
            HostError: the host could not run it.
        """
        result = self.attempt(work, growing=growing, keep=keep)
        if result.failed is not None:
            raise failure(self.host, work, result, doing, where=where, remedy=remedy)
        return result

    def attempt(
        self, work: Command | Pipeline, *, growing: tuple[str, str] | None = None, keep: int = 1 << 20
    ) -> Result:
        """Run `work` and give its result, whatever the exit code."""
        if work.timeout is None:
            work = replace(work, timeout=self.timeout)
        if growing is None:
            return self.host.run(work, keep=keep, check=False, mark=self.mark)
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(*growing, done), daemon=True)
        watcher.start()
        try:
            return self.host.run(work, keep=keep, check=False, mark=self.mark)
        finally:
            done.set()
            watcher.join()

    def _watch(self, label: str, path: str, done: threading.Event) -> None:
        told = 0
        while not done.wait(1.0):
            try:
                found = self.host.stat(path)
            except HostError:
                return
            if found is not None and found.size > told:
                told = found.size
                self.report(f"{label}: {size_text(told)} written")


def failure(
    host: Host,
    work: Command | Pipeline,
    result: Result,
    doing: str,
    *,
    where: str,
    remedy: str | None = None,
) -> BackupError:
    """Make the error of a failed program: what it was doing, its own last words, what to do next."""
    words = Said(b"", without_statements(result.stderr)).lines(LINES)
    target = work.stdout_file if isinstance(work, Pipeline) and work.stdout_file else where
    free = host.free_bytes(target) if target.startswith("/") else None
    if FULL.search(words) or (free is not None and free < 1 << 16):
        left = f" ({size_text(free)} free)" if free is not None else ""
        return BackupError(
            f"{doing} failed: the disk is full{left}",
            where=target,
            remedy="Free some space there, or choose another place for backups, and try again.",
        )
    return BackupError(
        f"{doing} failed: {result.failed} {ending(result.code)}" + (f"\n{words}" if words else ""),
        where=where,
        remedy=remedy or "The program's own words above say why; mend that and try again.",
    )


def without_statements(said: bytes) -> bytes:
    """Leave out the statement, data and all, that MySQL's clients repeat between two lines of dashes before an error."""
    return re.split(rb"^-{14}$", said, flags=re.MULTILINE)[-1]
