"""Running commands as other users, and finding and ending the servers of a lab.

A server of a lab is a process of a known program whose working directory lies inside the lab's directory. That holds
after a restart, for orphaned workers, and after the process that started them was killed, and it cannot point at a
process of someone else.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

OWNER = "dfowner"
"""The OS user that owns the trees: without a home directory, as `useradd` makes it on Debian."""

_children: list[subprocess.Popen[bytes]] = []
"""Servers that this process has started: kept, so that their ends are collected."""

_SERVERS = ("nginx", "php-fpm", "mariadbd", "mysqld", "postgres")


class LabError(Exception):
    """The lab could not be built, started or stopped; the message says what to do."""


def ensure_owner() -> pwd.struct_passwd:
    """The owner's account, made on first use."""
    try:
        return pwd.getpwnam(OWNER)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--user-group", "--shell", "/bin/bash", OWNER],
            check=False,
            capture_output=True,
            text=True,
        )
        # Another process may have been quicker: only the account counts.
        try:
            return pwd.getpwnam(OWNER)
        except KeyError:
            raise LabError(
                f"cannot make the user {OWNER}: {made.stderr.strip()}; the lab needs root"
            ) from None


def clean_environment(home: Path) -> dict[str, str]:
    """An environment that nothing of the caller leaks into."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "COMPOSER_HOME": str(home / ".composer"),
        "LC_ALL": "C.UTF-8",
    }


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    home: Path,
    user: str | None = None,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `user` where one is given; LabError with its output when it fails and `check` is set."""
    result = subprocess.run(
        argv,
        cwd=cwd,
        check=False,
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        env={**clean_environment(home), **(environment or {})},
        **identity(user),
    )
    if check and result.returncode != 0:
        output = f"{result.stdout[-2000:]}{result.stderr[-2000:]}"
        raise LabError(f"{' '.join(argv)[:200]} in {cwd} ended with {result.returncode}:\n{output}")
    return result


class Identity(TypedDict, total=False):
    """The arguments that make subprocess run a child as another user."""

    user: int
    group: int
    extra_groups: list[int]


def identity(user: str | None) -> Identity:
    """Who `user` is; empty for the user that we are."""
    if user is None:
        return {}
    account = pwd.getpwnam(user)
    return {
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": os.getgrouplist(user, account.pw_gid),
    }


def start_server(
    argv: Sequence[str],
    *,
    cwd: Path,
    log: Path,
    ready: Callable[[], bool],
    user: str | None = None,
    timeout: float = 30.0,
) -> None:
    """Start a server in a session of its own, with `cwd` inside its lab, and wait until `ready` says so."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=clean_environment(cwd),
            **identity(user),
        )
    _children.append(child)
    deadline = time.monotonic() + timeout
    while not ready():
        if child.poll() is not None:
            raise LabError(f"{argv[0]} ended with {child.returncode} instead of coming up:\n{_tail(log)}")
        if time.monotonic() > deadline:
            child.kill()
            child.wait()
            raise LabError(f"{argv[0]} did not come up within {timeout:g} s:\n{_tail(log)}")
        time.sleep(0.02)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


@dataclass(frozen=True)
class Server:
    """One running server process of a lab."""

    pid: int
    parent: int
    program: str
    title: str
    """The command line as it shows itself, e.g. `nginx: master process ...`."""


def servers_in(directory: Path, programs: Sequence[str] = _SERVERS) -> list[Server]:
    """The server processes that run inside `directory`."""
    return [server for pid in _pids() if (server := _server(pid, directory, programs)) is not None]


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _server(pid: int, directory: Path, programs: Sequence[str]) -> Server | None:
    entry = Path("/proc") / str(pid)
    try:
        cwd = (entry / "cwd").readlink()
        program = (entry / "exe").readlink().name
        if not any(program.startswith(name) for name in programs):
            return None
        if not cwd.is_relative_to(directory):
            return None
        title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None  # it has ended, or it is not ours to look at
    return Server(pid, parent, program, title)


def stop_servers(directory: Path, programs: Sequence[str] = _SERVERS, *, timeout: float = 20.0) -> None:
    """End the servers inside `directory`, politely first, and wait until none is left."""
    running = servers_in(directory, programs)
    mine = {server.pid for server in running}
    for server in running:
        if server.parent not in mine:
            # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client.
            polite = signal.SIGINT if server.program == "postgres" else signal.SIGTERM
            _signal(server.pid, directory, programs, polite, wait=timeout)
    deadline = time.monotonic() + timeout
    while left := servers_in(directory, programs):
        for server in left:
            _signal(server.pid, directory, programs, signal.SIGKILL, wait=1.0)
        if time.monotonic() > deadline:
            raise LabError(f"cannot end {', '.join(f'{s.program} ({s.pid})' for s in left)} of {directory}")
    collect_ended()


def collect_ended() -> None:
    """Collect the ends of servers that this process has started and that have ended by now."""
    for child in _children[:]:
        if child.poll() is not None:
            _children.remove(child)


def _signal(pid: int, directory: Path, programs: Sequence[str], number: int, *, wait: float) -> None:
    """Signal a process that is certainly still the one that was found, and wait for its end."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            if _server(pid, directory, programs) is not None:
                signal.pidfd_send_signal(handle, number)
                select.select([handle], [], [], wait)
        finally:
            os.close(handle)
