"""Files of a server: the questions and changes of `Host`, each asked of a shell there in one or two round trips.

Everything here may be asked again after a lost connection: reading changes nothing, writing and removing twice is the same as
once, and a rename knows by the inode whether it has been done.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from dfwizard.errors import HostError
from dfwizard.hosts.base import FileStat
from dfwizard.hosts.failures import no_account, no_group, not_given, os_failure, shown
from dfwizard.hosts.files import not_all_removed, refuse_unmeant
from dfwizard.hosts.ssh.messages import number_of, refusal
from dfwizard.hosts.ssh.shell import call, place, word
from dfwizard.hosts.ssh.worker import Answer
from dfwizard.hosts.ssh.workers import Workers

_KINDS: dict[int, Literal["file", "directory", "symlink"]] = {
    0o100000: "file",
    0o040000: "directory",
    0o120000: "symlink",
}
_NAMELESS = "UNKNOWN"
"""What stat(1) gives for the name of a number that has none."""
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


class Files:
    """The files of one server, as `Host` has them."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._host = workers.name

    def stat(self, path: str, *, follow: bool) -> FileStat | None:
        """See `Host.stat`."""
        with self._telling("look at", path):
            answer = self._ask(call("dfw_stat", place(path), "-L" if follow else ""))
            if answer.code == 0:
                return _described(answer.out)
            if number_of(answer.err) in _ABSENT:
                return None
            raise self._refusal(answer, "look at", path)

    def read(self, path: str, *, limit: int | None, offset: int) -> bytes:
        """See `Host.read`."""
        with self._telling("read", path):
            seeks = "yes" if self._workers.server.seeks else ""
            count = "" if limit is None else max(0, limit)
            return self._told(call("dfw_read", place(path), offset, count, seeks), "read", path).out

    def listdir(self, path: str) -> tuple[str, ...]:
        """See `Host.listdir`."""
        with self._telling("list", path):
            entries = self._told(call("dfw_list", place(path)), "list", path).out.split(b"\0")[:-1]
            return tuple(sorted(os.fsdecode(entry.rpartition(b"/")[2]) for entry in entries))

    def write(self, path: str, data: bytes, *, mode: int, owner: str | None, group: str | None) -> None:
        """See `Host.write`."""
        given = self._ownership(path, owner, group)
        with self._telling("write", path):
            fresh = f".dfwizard-{secrets.token_hex(8)}"
            body = call("dfw_write", place(path), f"{mode:04o}", given, len(data), fresh)
            self._told(body, "write", path, payload=data)

    def mkdir(self, path: str, *, mode: int, owner: str | None, group: str | None) -> None:
        """See `Host.mkdir`."""
        given = self._ownership(path, owner, group)
        with self._telling("make the directory", path):
            body = call("dfw_mkdir", place(path), f"{mode:04o}", f"{mode | 0o2000:04o}", given)
            self._told(body, "make the directory", path)

    def rename(self, source: str, target: str) -> None:
        """See `Host.rename`."""
        doing = f"rename {shown(source)} to"
        with self._telling(doing, target):
            found = self._told(b"stat -c '%d %i' -- " + place(source), doing, target)
            inode = found.out.decode("ascii").strip()
            self._told(call("dfw_rename", place(source), place(target), inode), doing, target)

    def remove(self, path: str) -> None:
        """See `Host.remove`."""
        with self._telling("remove", path):
            answer = self._ask(call("dfw_removal", place(path)))
            if answer.code and number_of(answer.err) not in _ABSENT:
                raise self._refusal(answer, "remove", path)
            if answer.code or not answer.out:
                return
            real, _, mounts = answer.out.partition(b"\0")
            tree = os.fsdecode(real)
            refuse_unmeant(tree, mounts, path=path, host=self._host)
            ours = "" if self._workers.server.uid == 0 else "yes"
            done = self._ask(call("dfw_remove", place(tree), ours))
        if done.code:
            raise not_all_removed(path, done.err, host=self._host)

    def free_bytes(self, path: str) -> int:
        """See `Host.free_bytes`."""
        with self._telling("measure the free space of", path):
            answer = self._told(call("dfw_free", place(path)), "measure the free space of", path, free=False)
            blocks, size = answer.out.split()
            return int(blocks) * int(size)

    def size_of(self, path: str) -> int:
        """See `Host.size_of`."""
        with self._telling("measure", path):
            answer = self._ask(call("dfw_size", place(path)))
            lines = answer.out.splitlines()
            vanished = all(number_of(line) == errno.ENOENT for line in answer.err.splitlines())
            if not lines or (answer.code and not vanished):
                raise self._refusal(answer, "measure", path)
            return _sum(lines)

    def which(self, program: str) -> str | None:
        """Give the path of `program` on the PATH, or None."""
        with suppress(ValueError):
            answer = self._ask(call("dfw_which", word(program)))
            return os.fsdecode(answer.out).removesuffix("\n") or None
        return None

    def _ask(self, body: bytes, payload: bytes | None = None) -> Answer:
        return self._workers.ask(body, payload=payload)

    def _told(
        self, body: bytes, doing: str, path: str, *, payload: bytes | None = None, free: bool = True
    ) -> Answer:
        """Ask, and turn a failure into words."""
        answer = self._ask(body, payload)
        if answer.code:
            raise self._refusal(answer, doing, path, free=free)
        return answer

    def _refusal(self, answer: Answer, doing: str, path: str, *, free: bool = True) -> HostError:
        left: int | None = None
        if free and number_of(answer.err) == errno.ENOSPC:
            with suppress(HostError):
                left = self.free_bytes(path)
        return refusal(answer.err, doing=doing, path=path, host=self._host, free=left)

    @contextmanager
    def _telling(self, doing: str, path: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise os_failure(error, doing=doing, path=path, host=self._host) from error

    def _ownership(self, path: str, owner: str | None, group: str | None) -> str:
        """Give `owner:group` as numbers for chown, "" where nothing is asked for."""
        if owner is None and group is None:
            return ""
        try:
            body = call("dfw_numbers", owner or "", group or "")
        except ValueError:
            body = call("dfw_numbers", "", "")
        user, team, *mine = os.fsdecode(self._ask(body).out).split()
        uid = None if owner is None else _number(user, owner)
        gid = None if group is None else _number(team, group)
        if owner is not None and uid is None:
            raise no_account(owner, host=self._host)
        if group is not None and gid is None:
            raise no_group(group, host=self._host)
        me = self._workers.server
        if me.uid != 0 and (uid not in (None, me.uid) or (gid is not None and str(gid) not in mine)):
            raise not_given(path, owner, group, me=me.user, host=self._host)
        return f"{'' if uid in (None, me.uid) else uid}{'' if gid is None else f':{gid}'}"


def _number(found: str, name: str) -> int | None:
    """Give what the server knows `name` as, or the number that `name` is itself."""
    if found.isdecimal():
        return int(found)
    return int(name) if name.isdecimal() else None


def _described(out: bytes) -> FileStat:
    """Read what `dfw_stat` prints. Neither program gives the fraction of a second in a number of its own."""
    numbers, moment, owner, group = os.fsdecode(out).split("\n")[:4]
    bits, uid, gid, size, seconds, device, inode = numbers.split()
    mode = int(bits, 16)
    fraction = re.search(r"\.(\d+)", moment)
    nanoseconds = int(fraction[1].ljust(9, "0")) if fraction else 0
    return FileStat(
        kind=_KINDS.get(mode & 0o170000, "other"),
        mode=mode & 0o7777,
        uid=int(uid),
        gid=int(gid),
        owner=uid if owner == _NAMELESS else owner,
        group=gid if group == _NAMELESS else group,
        size=int(size),
        mtime=int(seconds) + 1e-9 * nanoseconds,
        device=int(device),
        inode=int(inode),
    )


def _sum(lines: list[bytes]) -> int:
    """Add up what `dfw_size` prints; files with several links count once."""
    if b"\t" in lines[-1]:
        return int(lines[-1].split(b"\t")[0])
    total = 0
    linked: set[bytes] = set()
    home = lines[0].split(b" ")[3]
    for line in lines:
        size, links, inode, device, kind = line.split(b" ", 4)
        if device != home or (kind != b"directory" and links != b"1" and inode in linked):
            continue
        linked.add(inode)
        total += int(size)
    return total
