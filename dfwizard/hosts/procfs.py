"""The processes of this machine as /proc shows them, and ending some of them for certain.

A process is known by pid and start time together, so that a pid given to another process meanwhile is never hit.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "DFWIZARD_RUN"
"""The environment variable that says which run a process belongs to."""

_PAUSE = 0.03
_WRAPPERS = ("runuser", "su", "sudo")
_KILL_PATIENCE = 10.0


@dataclass(frozen=True)
class Process:
    """One living process: `started` is in clock ticks since boot; pid and `started` together are unique.

    `name` is the program's, of at most 15 bytes.
    """

    pid: int
    started: int
    parent: int
    group: int
    session: int
    name: str


Send = Callable[[Process, int], None]
"""How a signal reaches a process."""


def process(pid: int) -> Process | None:
    """Give the process with this pid; None when there is none or it is a zombie. See proc(5), /proc/pid/stat."""
    try:
        return described(Path(f"/proc/{pid}/stat").read_bytes())
    except OSError:
        return None


def described(text: bytes) -> Process | None:
    """Read one process's line of /proc/pid/stat; None for a zombie."""
    before, _, after = text.rpartition(b")")
    pid, _, name = before.partition(b"(")
    fields = after.split()
    if fields[0] in (b"Z", b"X", b"x"):
        return None
    parent, group, session = (int(field) for field in fields[1:4])
    return Process(int(pid), int(fields[19]), parent, group, session, os.fsdecode(name))


def processes() -> dict[int, Process]:
    """Give all living processes by pid."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208
    return {found.pid: found for pid in pids if (found := process(pid))}


def tree(leaders: Iterable[int], known: Mapping[int, Process] | None = None) -> set[Process]:
    """Give the living members of the sessions and groups that `leaders` began, and all their descendants.

    `known` are all living processes, where they are not this machine's.
    """
    known = processes() if known is None else known
    roots = set(leaders)
    members = {p.pid for p in known.values() if p.pid in roots or p.session in roots or p.group in roots}
    grown = True
    while grown:
        more = {p.pid for p in known.values() if p.parent in members and p.pid not in members}
        members |= more
        grown = bool(more)
    return {known[pid] for pid in members}


def marked(mark: str) -> set[Process]:
    """Give the living processes that carry `mark`, and the whole groups whose leader carries it.

    Never among them: this process, its ancestors, and the unmarked members of their groups. Processes whose
    environment this account may not read are not seen.
    """
    known = processes()
    sheltered = _lineage(known)
    entry = os.fsencode(f"{MARK}={mark}")
    bearers = {p for p in known.values() if p.pid not in sheltered and entry in _environment(p.pid)}
    return with_groups(bearers, (p for p in known.values() if p.pid not in sheltered))


def with_groups(bearers: set[Process], known: Iterable[Process]) -> set[Process]:
    """Give `bearers` and the whole groups that they lead."""
    groups = {p.group for p in bearers if p.pid == p.group}
    return bearers | {p for p in known if p.group in groups}


def send_signal(target: Process, number: int) -> None:
    """Send a signal to exactly this process; one that is gone already, or is another's, is left alone."""
    opener = getattr(os, "pidfd_open", None)
    with suppress(ProcessLookupError, PermissionError):
        try:
            handle = opener(target.pid) if opener else None
        except PermissionError:  # a container may forbid the call itself
            handle = None
        except OSError as error:
            if isinstance(error, ProcessLookupError):
                raise
            handle = None
        try:
            found = process(target.pid)
            if found is None or found.started != target.started:
                return
            if handle is None:
                os.kill(target.pid, number)
            else:
                signal.pidfd_send_signal(handle, number)
        finally:
            if handle is not None:
                os.close(handle)


def end(
    find: Callable[[], set[Process]],
    *,
    grace: float,
    pause: Callable[[float], None] = time.sleep,
    send: Send = send_signal,
    lives: Callable[[Process], bool] | None = None,
) -> tuple[int, tuple[Process, ...]]:
    """End what `find` gives, now and while it ends: TERM, after `grace` seconds KILL; wait until all are gone.

    `send` and `lives` (whether a process is still there) are this machine's unless others are given. `pause` is called while
    waiting. An exception from it (a second Ctrl-C) makes KILL immediate.

    Returns:
        how many processes were found, and those that outlived even KILL (uninterruptible, or another account's).
    """
    seen: set[Process] = set()

    def living() -> set[Process]:
        fresh = find() - seen
        seen.update(fresh)
        return {p for p in seen if (lives or _lives)(p)}

    def sweep(number: int, patience: float) -> set[Process]:
        until = time.monotonic() + patience
        told: set[Process] = set()
        while left := living():
            due = left - told
            if number == signal.SIGTERM:
                due -= _spared(due, told & left, seen)
            # Parents first: they start nothing more.
            for target in sorted(due, key=lambda p: (p.started, p.pid)):
                send(target, number)
            told |= due
            if time.monotonic() >= until:
                return left
            pause(_PAUSE)
        return set()

    try:
        left = sweep(signal.SIGTERM, grace)
    except BaseException:
        for target in living():
            send(target, signal.SIGKILL)
        raise
    if left:
        left = sweep(signal.SIGKILL, _KILL_PATIENCE)
    return len(seen), tuple(sorted(left, key=lambda p: p.pid))


def _spared(due: set[Process], told: set[Process], seen: set[Process]) -> set[Process]:
    """Give those of `due` that get no TERM as yet.

    What a living process starts after its own TERM is its cleaning up. runuser and su end with their child; given a
    TERM, they KILL that child two seconds later.
    """
    cleaning = {p.pid for p in told}
    parents = {p.parent for p in seen}
    return {p for p in due if p.parent in cleaning or (p.name in _WRAPPERS and p.pid in parents)}


def _lives(known: Process) -> bool:
    found = process(known.pid)
    return found is not None and found.started == known.started


def _lineage(known: dict[int, Process]) -> set[int]:
    """Give the pids of this process and its ancestors."""
    line: set[int] = set()
    pid = os.getpid()
    while pid and pid not in line:
        line.add(pid)
        found = known.get(pid)
        pid = found.parent if found else 0
    return line


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
