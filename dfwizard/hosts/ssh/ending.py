"""Ending what runs on a server: the processes of one command, or all those of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from dfwizard.hosts.local_run import unending
from dfwizard.hosts.procfs import Process
from dfwizard.hosts.ssh.processes import ServerProcesses
from dfwizard.hosts.ssh.workers import Workers


def end_tree(
    workers: Workers,
    leaders: list[int],
    *,
    grace: float,
    pause: Callable[[float], None] = time.sleep,
    users: Iterable[str] = (),
    spare: Callable[[Process], bool] | None = None,
) -> None:
    """End the sessions and descendants of `leaders`: TERM, after `grace` seconds KILL.

    `spare` tells which of them end by themselves once the others have.

    Raises:
        HostError: some outlived even KILL, or the server cannot be asked.
    """
    there = ServerProcesses(workers, users=users)

    def find() -> set[Process]:
        return {p for p in there.tree(leaders) if spare is None or not spare(p)}

    _, left = there.end(find, grace=grace, pause=pause)
    if left:
        raise unending(tuple(process.pid for process in left), workers.name)


def end_marked(workers: Workers, mark: str) -> int:
    """End every process that carries `mark`, with the groups they lead; give how many.

    Raises:
        HostError: some outlived even KILL, or the server cannot be asked.
    """
    there = ServerProcesses(workers, mark=mark)
    count, left = there.end(there.marked, grace=3.0)
    if left:
        raise unending(tuple(process.pid for process in left), workers.name)
    return count
