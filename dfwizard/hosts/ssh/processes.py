"""The processes of a server, and ending some of them for certain: `procfs.end` with the server's /proc and kill."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterable

from dfwizard.hosts import procfs
from dfwizard.hosts.procfs import MARK, Process
from dfwizard.hosts.ssh.shell import call, word
from dfwizard.hosts.ssh.workers import Workers

_STAT = re.compile(rb"^\d+ \(.{0,64}?\) [A-Za-z](?: -?\d+){40,}$", re.MULTILINE | re.DOTALL)
"""One process in what cat(1) gives of all /proc/*/stat; a program's name may hold anything, but has at most 64 bytes."""
_MARKED = b"\0"


class ServerProcesses:
    """Finds processes of a server again and again, and signals those that are due in the same round trip."""

    def __init__(self, workers: Workers, *, users: Iterable[str] = (), mark: str = "") -> None:
        self._workers = workers
        self._users = tuple(users)
        self._mark = mark
        self._due: list[bytes] = []
        self._bearers: set[int] = set()
        self.known: dict[int, Process] = {}

    def look(self) -> None:
        """Send the signals that are due, and see what is there."""
        due, self._due = self._due, []
        body = b"\n".join([*due, call("dfw_processes", word(f"{MARK}={self._mark}" if self._mark else ""))])
        stats, _, pids = self._workers.ask(body, urgent=True).out.partition(_MARKED)
        found = (procfs.described(text) for text in _STAT.findall(stats))
        self.known = {process.pid: process for process in found if process is not None}
        self._bearers = {int(pid) for pid in pids.split()}

    def marked(self) -> set[Process]:
        """Look, and give the processes that carry the mark, and the whole groups whose leader carries it."""
        self.look()
        bearers = {self.known[pid] for pid in self._bearers & self.known.keys()}
        return procfs.with_groups(bearers, self.known.values())

    def tree(self, leaders: Iterable[int]) -> set[Process]:
        """Look, and give the members of the sessions and groups that `leaders` began, and all their descendants."""
        self.look()
        return procfs.tree(leaders, self.known)

    def send(self, target: Process, number: int) -> None:
        """Have exactly this process signalled with the next look."""
        name = signal.Signals(number).name.removeprefix("SIG")
        self._due.append(call("dfw_signal", name, target.pid, target.started, *self._users))

    def lives(self, target: Process) -> bool:
        """Tell whether the last look has seen this very process."""
        found = self.known.get(target.pid)
        return found is not None and found.started == target.started

    def end(
        self,
        find: Callable[[], set[Process]],
        *,
        grace: float,
        pause: Callable[[float], None] = time.sleep,
    ) -> tuple[int, tuple[Process, ...]]:
        """End what `find` gives. See `procfs.end`."""
        return procfs.end(find, grace=grace, pause=pause, send=self.send, lives=self.lives)
