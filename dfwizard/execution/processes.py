"""What Linux tells of a process: when it began, whose it is, and whether it is still the same one."""

from __future__ import annotations

import os
import pwd
from datetime import datetime, timezone
from pathlib import Path

from dfwizard.hosts import procfs


def boot_id() -> str:
    """Give the id of this boot of the machine; "" where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def start_ticks(pid: int) -> int | None:
    """Give when a process began, in clock ticks since boot; None when none of that pid is alive."""
    found = procfs.process(pid)
    return found.started if found else None


def started_at(pid: int) -> datetime | None:
    """Give when a process began, in local time; None when it is gone or the kernel does not tell."""
    ticks = start_ticks(pid)
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
        boot = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
    except (OSError, ValueError, StopIteration):
        return None
    if ticks is None:
        return None
    return datetime.fromtimestamp(boot + ticks / os.sysconf("SC_CLK_TCK"), timezone.utc).astimezone()


def owner(pid: int) -> str | None:
    """Give the account of a process, None when it is gone."""
    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None
    return account_name(uid)


def account_name(uid: int) -> str:
    """Give the name of an account, its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def arguments(pid: int) -> tuple[str, ...]:
    """Give the command line of a process; empty when it is gone or hidden."""
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(os.fsdecode(word) for word in data.split(b"\0") if word)
