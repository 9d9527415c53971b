"""Who may work on an instance or a run: flock on an open directory or file, freed by the kernel when the holder dies.

The instance's own directory is what is locked, so there is no lock file that could be left behind, and every account and
every path to the directory meets the same lock. A rollback that renames another directory into its place must
hold that one too (`Lock.hold_also`).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from pathlib import Path

from dfwizard.execution import processes
from dfwizard.hosts.holder import RUN_ID, Holder, held, not_opened, unlockable

_BUSY = (errno.EWOULDBLOCK, errno.EACCES)


class Lock:
    """Locks held by this process until `release`, or its death."""

    def __init__(self) -> None:
        self._fds: list[int] = []
        self._by_stand_in = False

    def take(self, path: Path, *, what: str, fallback: Path | None = None) -> None:
        """Lock the directory or file at `path`; `what` names it in messages ("the instance").

        On filesystems that cannot lock a directory (some network ones), `fallback` names a directory in which a file stands for it.

        Raises:
            HeldError: another process holds it; the message says who and since when.
            UsageError: there is no such path, or it cannot be opened.
        """
        without = self._try(path, what)
        if without is None:
            return
        if fallback is None:
            raise unlockable(what, without.strerror or str(without), where=str(path))
        self.take(_stand_in(fallback, path), what=what)
        self._by_stand_in = True

    def hold_also(self, path: str) -> None:
        """Lock one more directory: the one that takes the instance's place.

        Where a file stands for the instance already, a directory that cannot be locked needs no lock: the file stands for
        the path, whichever directory lies there.

        Raises:
            HeldError: another process holds it.
            UsageError: it cannot be locked, though the instance itself could.
        """
        what = f"the directory {path}"
        without = self._try(Path(path), what)
        if without is not None and not self._by_stand_in:
            raise unlockable(what, without.strerror or str(without), where=path)

    def _try(self, path: Path, what: str) -> OSError | None:
        """Lock `path`; give the error where its filesystem has no locks for it."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise not_opened(what, error.strerror or str(error), where=str(path)) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            if error.errno in _BUSY:
                raise held(holder(path), what, where=str(path)) from None
            return error
        self._fds.append(fd)
        return None

    def release(self) -> None:
        """Give everything back."""
        while self._fds:
            os.close(self._fds.pop())
        self._by_stand_in = False


def holder(path: Path) -> Holder | None:
    """Tell who holds the lock on `path`; None when nobody does (or nobody that can be seen). Takes no lock itself."""
    try:
        info = path.stat()
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    candidates: list[tuple[bool, int]] = []
    for line in lines:
        words = line.split()
        # "1: FLOCK ADVISORY WRITE 1234 fd:01:5678 0 EOF"; a waiting one has "->" behind its number.
        if len(words) < 8 or words[1] != "FLOCK":
            continue
        major, minor, inode = words[5].split(":")
        if int(inode) == info.st_ino and int(words[4]) > 0:
            device = os.makedev(int(major, 16), int(minor, 16))
            candidates.append((device == info.st_dev, int(words[4])))
    # Some filesystems (btrfs, overlayfs) show another device there than in stat: then the open files decide.
    for same_device, pid in sorted(candidates, reverse=True):
        if same_device or _has_open(pid, info):
            return _describe(pid)
    return None


def is_held_by(path: Path, pid: int) -> bool:
    """Tell whether process `pid` holds the lock on `path`."""
    found = holder(path)
    return found is not None and found.pid == pid


def _has_open(pid: int, info: os.stat_result) -> bool:
    try:
        return any(
            (entry.st_dev, entry.st_ino) == (info.st_dev, info.st_ino)
            for entry in (path.stat() for path in Path(f"/proc/{pid}/fd").iterdir())
        )
    except OSError:
        return False


def _describe(pid: int) -> Holder:
    words = " ".join(processes.arguments(pid))
    found = RUN_ID.search(words)
    return Holder(
        pid, processes.owner(pid) or "unknown", processes.started_at(pid), found[0] if found else None
    )


def _stand_in(directory: Path, path: Path) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
    file = directory / name
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode=0o600))
    return file
