"""What the tests of LocalHost share: the host itself, hostile names, other accounts, and looking at processes."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dfwizard.errors import DfwizardError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from dfwizard.hosts.local import LocalHost

HOST: Host = LocalHost()
ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="runs commands as other users: needs root")
NASTY = ("with space", "quo'te\"s", "new\nline", "-rf", "$(touch x)`y`", "bad\udcffbyte", "*", "é中")


def sh(script: str, *arguments: str, **options: object) -> Command:
    return Command(("sh", "-c", script, "sh", *arguments), **options)  # type: ignore[arg-type]


def as_account(account: str, work: Callable[[], object], before: Callable[[], None] | None = None) -> str:
    """Do `work` in a forked child that has become `account`; give its result, or the error, as text."""
    entry = pwd.getpwnam(account)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if before is not None:
                before()
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            text = str(work())
        except DfwizardError as error:
            text = f"{type(error).__name__}: {error}"
        except BaseException as error:
            text = f"UNEXPECTED {error!r}"
        os.write(writing, os.fsencode(text))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        text = os.fsdecode(answers.read())
    os.waitpid(child, 0)
    return text


def living(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def names(place: Path) -> list[str]:
    return sorted(entry.name for entry in place.iterdir())


def open_descriptors() -> set[str]:
    return {link.name for link in Path("/proc/self/fd").iterdir()}


def children() -> list[str]:
    told = subprocess.run(
        ["ps", "-o", "comm=", "--ppid", str(os.getpid())], capture_output=True, check=False, text=True
    )
    return told.stdout.split()
