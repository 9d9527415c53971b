"""Copying files from host to host: to a temporary name, resumed by offset, compared by SHA-256, then renamed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dfwizard.errors import HostError
from dfwizard.hosts.base import FileStat, Host
from dfwizard.hosts.failures import no_regular_file, no_room, shown
from dfwizard.hosts.transfer.pouring import BLOCK, persistently, pour
from dfwizard.hosts.transfer.progress import Gauge, OnProgress
from dfwizard.hosts.transfer.together import Later, both

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

PATIENCE = 600.0
"""Seconds without progress after which a transfer is given up."""

_COMPARED = 1 << 24
"""Bytes of which the two ends are compared at a time before a copy goes on."""
_ALIGNED = 1 << 22
"""A copy goes on at a multiple of this many bytes: several channels can write at once there (see hosts/ssh)."""
_PREFIX = ".dfwizard-part-"


def unfinished(to: str) -> str:
    """Give the path of what a copy to `to` leaves while it is not finished; `discard` removes it."""
    directory, _, name = to.rstrip("/").rpartition("/")
    part = _PREFIX + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f"{directory}/{part}" if directory or to.startswith("/") else part


def discard(target: Host, to: str) -> None:
    """Remove what a copy to `to` that is given up for good has left beside it."""
    for path in (unfinished(to), staging(to)):
        target.remove(path)


def staging(to: str) -> str:
    """Give the path of the directory in which a tree comes into being before it is put to `to`."""
    return f"{unfinished(to)}.d"


def copy_file(
    source: Host,
    path: str,
    target: Host,
    to: str,
    *,
    progress: OnProgress | None = None,
    mode: int = 0o600,
    patience: float = PATIENCE,
) -> str:
    """Copy the regular file at `path` of `source` to `to` of `target`, replacing a file there; give its SHA-256.

    What an earlier attempt has left beside `to` is compared with the source and used. The file is on the disk when this
    returns. A lost link is taken up again until nothing has moved for `patience` seconds.

    Raises:
        ConnectionLost: the link was lost and did not come back in time.
        HostError: it cannot be read or written, there is no room for it, or it has changed meanwhile.
    """
    original = _original(source, path)
    gauge = Gauge(original.size, progress)
    digest = _Copy(source, path, target, to, original, gauge, mode, patience).run()
    gauge.finish()
    return digest


def copy_directory(
    source: Host,
    path: str,
    target: Host,
    to: str,
    *,
    progress: OnProgress | None = None,
    mode: int = 0o600,
    patience: float = PATIENCE,
) -> Mapping[str, str]:
    """Copy the files of the flat directory at `path` into the directory `to` (made with 0700), as `copy_file` does; give their SHA-256.

    Files that are there already with the same content are left alone. Progress is that of all of them together.

    Raises:
        ConnectionLost, HostError: as `copy_file`; also when the directory holds anything but files.
    """
    names = [name for name in source.listdir(path) if not name.startswith(_PREFIX)]
    originals = {name: _original(source, f"{path}/{name}") for name in names}
    gauge = Gauge(sum(one.size for one in originals.values()), progress)
    target.mkdir(to, mode=0o700)
    found: dict[str, str] = {}
    before = 0
    for name, original in originals.items():
        one = _Copy(source, f"{path}/{name}", target, f"{to}/{name}", original, gauge, mode, patience, before)
        found[name] = one.present() or one.run()
        before += original.size
        gauge.set(before)
    gauge.finish()
    return found


def _original(source: Host, path: str) -> FileStat:
    found = source.stat(path, follow=True)
    if found is None:
        raise HostError(
            f"cannot copy {shown(path)}: no such file or directory",
            where=source.name,
            remedy="Check the path.",
        )
    if found.kind != "file":
        raise no_regular_file("copy", path, host=source.name)
    return found


@dataclass
class _Copy:
    """One file on its way; `before` is what the gauge stood at when it began."""

    source: Host
    path: str
    target: Host
    to: str
    original: FileStat
    gauge: Gauge
    mode: int
    patience: float
    before: int = 0
    part: str = field(init=False)
    mark: str = field(init=False)
    _agreed: int = 0
    """Bytes of the part that are known to be the source's, a multiple of what is compared at a time."""
    _digest: str = ""
    """The SHA-256 of both ends, once they have been found to be the same."""
    _mismatches: int = 0
    _theirs: Later[str] | None = None

    def __post_init__(self) -> None:
        self.part = unfinished(self.to)
        self.mark = f"copy-{hashlib.sha256(self.part.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"

    def run(self) -> str:
        persistently(self._attempt, patience=self.patience, gauge=self.gauge)
        return self._digest

    def present(self) -> str:
        """Give the SHA-256 when the target holds the file already, else nothing."""
        there = self.target.stat(self.to)
        if there is None or there.kind != "file" or there.size != self.original.size:
            return ""
        ours, theirs = both(lambda: self.source.sha256(self.path), lambda: self.target.sha256(self.to))
        return ours[0] if ours == theirs else ""

    def _attempt(self) -> None:
        if not self._digest:
            self._refuse_in_the_way()
            start = self._resume()
            self._digest = self._move(start)
            while not self._digest:
                self._digest = self._move(0)
        elif self.target.stat(self.part) is None and self._in_place():
            return  # the answer to the renaming was all that was lost
        self.target.rename(self.part, self.to)

    def _refuse_in_the_way(self) -> None:
        there = self.target.stat(self.to)
        if there is not None and there.kind != "file":
            raise no_regular_file("replace", self.to, host=self.target.name)

    def _in_place(self) -> bool:
        return self.target.sha256(self.to) == (self._digest,)

    def _resume(self) -> int:
        """Give how many bytes of the part, which nobody writes any more, can be kept."""
        there = self.target.stat(self.part)
        if there is None:
            self._agreed = 0
            self._refuse_without_room(self.original.size)
            return 0
        if there.kind != "file":
            raise no_regular_file("write", self.part, host=self.target.name)
        self.target.end_marked(self.mark)
        if there.owner != self.target.user:
            # Whoever made it could go on changing it.
            self.target.remove(self.part)
            return self._resume()
        there = self.target.stat(self.part) or there
        self._refuse_without_room(self.original.size - there.size)
        size = min(there.size, self.original.size)
        if size <= self._agreed:
            self._agreed = start = 0 if size < self._agreed else size
        else:
            start = self._compare(size)
        return start if start == self.original.size else start - start % _ALIGNED

    def _compare(self, size: int) -> int:
        begin = self._agreed

        def blocks(host: Host, path: str) -> tuple[str, ...]:
            return host.sha256(path, offset=begin, length=size - begin, block=_COMPARED)

        ours, theirs = both(lambda: blocks(self.source, self.path), lambda: blocks(self.target, self.part))
        same = 0
        for one, other in zip(ours, theirs, strict=False):
            if one != other:
                break
            same += 1
        start = min(size, begin + same * _COMPARED)
        self._agreed = start - start % _COMPARED
        return start

    def _refuse_without_room(self, needed: int) -> None:
        free = self.target.free_bytes(self.part)
        if needed > free:
            raise no_room(self.to, needed, free, host=self.target.name)

    def _move(self, start: int) -> str:
        """Move what lies behind `start`; give the SHA-256 of both ends, nothing when they differ for the first time."""
        self.gauge.set(self.before + start)
        read, wrote = hashlib.sha256(), hashlib.sha256()
        with (
            self.source.reading(self.path, offset=start) as stream,
            self.target.appending(self.part, mode=self.mode, offset=start, mark=self.mark) as sink,
        ):
            if stream.exact:
                self._seed(read, self.source, self.path, start)
            elif self._theirs is None:
                self._theirs = Later(lambda: self.source.sha256(self.path)[0])
            if sink.exact:
                self._seed(wrote, self.target, self.part, start)

            def written(block: bytes) -> None:
                if sink.exact:
                    wrote.update(block)
                self.gauge.add(len(block))

            count = pour(
                stream,
                sink,
                patience=self.patience,
                taken=read.update if stream.exact else None,
                written=written,
            )
            sink.sync()
        return self._verdict(
            start + count,
            read.hexdigest() if stream.exact else "",
            wrote.hexdigest() if sink.exact else "",
        )

    def _seed(self, digest: Hash, host: Host, path: str, size: int) -> None:
        """Begin a digest with the bytes of a file that lie before those to be moved."""
        with host.reading(path) as stream:
            while size and (block := stream.read(min(size, BLOCK))):
                digest.update(block)
                size -= len(block)

    def _verdict(self, size: int, read: str, wrote: str) -> str:
        if not read and self._theirs is not None:
            theirs, self._theirs = self._theirs, None
            read = theirs.result()
        now = self.source.stat(self.path, follow=True)
        if now is None or _identity(now) != _identity(self.original) or size != self.original.size:
            raise HostError(
                f"{shown(self.path)} has changed while it was copied",
                where=self.source.name,
                remedy="See what writes it, and copy it again when that has come to rest.",
            )
        wrote = wrote or self.target.sha256(self.part)[0]
        if read == wrote:
            return read
        self._mismatches += 1
        self._agreed = 0
        self.target.remove(self.part)
        if self._mismatches < 2:
            return ""
        raise HostError(
            f"{shown(self.path)} arrives on {self.target.name} with other bytes, twice: SHA-256 {read} there, {wrote} here",
            where=self.source.name,
            remedy="A disk or the memory of one of the two may be failing: look at `dmesg` on both.",
        )


def _identity(file: FileStat) -> tuple[int, int, int, float]:
    return (file.device, file.inode, file.size, file.mtime)
