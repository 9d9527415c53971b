"""Throw-away accounts of the machine for logging in over SSH, with sudo or without; they need root, and are removed again.

Their names carry the pid of the process that made them, so that what a killed test run has left is found and removed by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lab.processes import LabError

PASSWORD = "S3cret pa$$'\"#\\ü"
"""The password of every account here."""

_SUDOERS = Path("/etc/sudoers.d")
_LOCK = Path("/run/lock/dfwizard-lab-accounts")
_NAME = re.compile(r"dfw([0-9]+)-[0-9]+-[a-z]+")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Accounts:
    """The accounts of one lab; their homes lie in `directory`."""

    directory: Path
    admin: str
    """May do everything through sudo, without a password."""
    asked: str
    """May do everything through sudo, which asks for the password."""
    plain: str
    """Has no sudo."""

    @classmethod
    def made(cls, directory: Path) -> Accounts:
        """Make the three accounts."""
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        prefix = f"dfw{os.getpid()}-{next(_numbers)}"
        accounts = cls(directory, f"{prefix}-admin", f"{prefix}-asked", f"{prefix}-plain")
        with _locked():
            _sweep()
            for name in accounts.names:
                _run("useradd", "--create-home", "--base-dir", str(directory), "--shell", "/bin/sh", name)
            # Few rounds: each login pays for them.
            passwords = "".join(f"{name}:{PASSWORD}\n" for name in accounts.names)
            _run("chpasswd", "--crypt-method", "SHA512", "--sha-rounds", "1000", stdin=passwords)
            sudoers = _SUDOERS / prefix
            sudoers.write_text(
                f"{accounts.admin} ALL=(ALL:ALL) NOPASSWD: ALL\n{accounts.asked} ALL=(ALL:ALL) ALL\n"
            )
            sudoers.chmod(0o440)
        return accounts

    @property
    def names(self) -> tuple[str, str, str]:
        """All three names."""
        return (self.admin, self.asked, self.plain)

    def home(self, name: str) -> Path:
        """The home directory of an account."""
        return Path(pwd.getpwnam(name).pw_dir)

    def remove(self) -> None:
        """End their processes and remove them with their homes and their sudo rules."""
        with _locked():
            for name in self.names:
                _remove(name)


@contextlib.contextmanager
def made_accounts(directory: Path) -> Iterator[Accounts]:
    """Make accounts that are removed at the end."""
    accounts = Accounts.made(directory)
    try:
        yield accounts
    finally:
        accounts.remove()


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """One process at a time: useradd and userdel fail at once when another holds /etc/passwd."""
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep() -> None:
    """Remove the accounts and sudo rules of processes that are gone."""
    for account in pwd.getpwall():
        made = _NAME.fullmatch(account.pw_name)
        if made and not Path("/proc", made[1]).exists():
            _remove(account.pw_name)


def _remove(name: str) -> None:
    with contextlib.suppress(KeyError):
        account = pwd.getpwnam(name)
        _end_processes(account.pw_uid)
        _run("userdel", name)
        shutil.rmtree(account.pw_dir, ignore_errors=True)
    (_SUDOERS / name.rpartition("-")[0]).unlink(missing_ok=True)


def _end_processes(uid: int, timeout: float = 10.0) -> None:
    """Kill what runs as `uid`, and wait until nothing does: userdel would refuse."""
    deadline = time.monotonic() + timeout
    while left := [int(entry.name) for entry in Path("/proc").iterdir() if _runs_as(entry, uid)]:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise LabError(f"cannot end the processes {left} of uid {uid}")
        time.sleep(0.02)


def _runs_as(process: Path, uid: int) -> bool:
    if not process.name.isdigit():
        return False
    try:
        status = (process / "status").read_text()
    except OSError:
        return False
    uids = re.search(r"^Uid:\t(.*)$", status, re.MULTILINE)
    zombie = re.search(r"^State:\tZ", status, re.MULTILINE)
    return uids is not None and zombie is None and str(uid) in uids[1].split()


def _run(*argv: str, stdin: str = "") -> None:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{argv[0]} ended with {done.returncode}: {done.stderr.strip()}; the lab needs root")
