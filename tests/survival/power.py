"""A power cut: what the runner had written without having it put on the disk is taken away again.

The strictest filesystem that is allowed to exist: content counts from the fsync of its file on, a name from the fsync of its directory.
What programs write is not known here and is kept, as it is when the machine goes down a little later.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_KEPT = 1 << 20
"""Bytes of a replaced file that are remembered, so that it can come back."""


class Ledger:
    """Keeps the account of what is not on the disk."""

    def __init__(self) -> None:
        self._synced: dict[str, int] = {}
        """Files written here: how many bytes of each are on the disk."""
        self._names: list[dict[str, Any]] = []
        """Names made or moved whose directories have not been synced since."""

    def opened(self, path: str, *, new: bool) -> None:
        """Take note that a file was opened to be written."""
        self._synced.setdefault(path, 0 if new else os.stat(path).st_size)  # noqa: PTH116
        if new:
            self._names.append({"made": path})

    def wrote(self, path: str) -> None:
        """Take note that something was written into a file."""
        self._synced.setdefault(path, 0)

    def synced(self, path: str) -> None:
        """Take note of an fsync."""
        if os.path.isdir(path):  # noqa: PTH112
            self._names = [one for one in self._names if path not in _directories(one)]
        elif os.path.exists(path):  # noqa: PTH110
            self._synced[path] = os.stat(path).st_size  # noqa: PTH116

    def renames(self, source: str, target: str) -> None:
        """Take note of a name before it is moved."""
        before = None
        if os.path.isfile(target) and os.stat(target).st_size <= _KEPT:  # noqa: PTH113, PTH116
            before = Path(target).read_bytes().hex()
        self._names.append({"moved": source, "to": target, "before": before})
        if source in self._synced:
            self._synced[target] = self._synced.pop(source)

    def everything(self) -> None:
        """Take note of a sync of the whole filesystem."""
        self._names.clear()
        for path in list(self._synced):
            self.synced(path)

    def close(self, path: str) -> None:
        """Write the account down, for `lose`."""
        text = json.dumps({"synced": self._synced, "names": self._names}, ensure_ascii=True)
        Path(path).write_text(text)


def _directories(name: dict[str, Any]) -> set[str]:
    paths = [name["made"]] if "made" in name else [name["moved"], name["to"]]
    return {os.path.dirname(path) for path in paths}  # noqa: PTH120


def lose(account: Path) -> int:
    """Take away what was not on the disk; give how many files and names that were."""
    data = json.loads(account.read_text())
    lost = 0
    for path, size in data["synced"].items():
        if os.path.isfile(path) and os.stat(path).st_size > size:  # noqa: PTH113, PTH116
            os.truncate(path, size)
            lost += 1
    for name in reversed(data["names"]):
        lost += _undo(name)
    return lost


def _undo(name: dict[str, Any]) -> int:
    if "made" in name:
        made = Path(name["made"])
        there = made.is_file()
        made.unlink(missing_ok=True)
        return there
    source, target = Path(name["moved"]), Path(name["to"])
    if source.exists() or not os.path.lexists(target):
        return 0
    info = target.lstat()
    target.rename(source)
    if name["before"] is not None:
        target.write_bytes(bytes.fromhex(name["before"]))
        os.chown(target, info.st_uid, info.st_gid)
        target.chmod(info.st_mode & 0o7777)
    return 1
