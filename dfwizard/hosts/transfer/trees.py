"""Copying whole trees from host to host as one compressed stream.

A small tree is unpacked while it comes. The stream of a large one lies beside the target until it is complete and compared, so that
a cut costs what was on its way; then it is unpacked. Nothing stands at the target before all of it is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from dfwizard.errors import CommandFailed, ConnectionLost, HostError
from dfwizard.hosts.base import ByteSource, FileStat, Host
from dfwizard.hosts.command import Command, Pipeline
from dfwizard.hosts.failures import FULL, full_disk, no_regular_file, no_room, shown
from dfwizard.hosts.transfer.archives import SKIPPED, Archive, archive_between
from dfwizard.hosts.transfer.files import PATIENCE, staging, unfinished
from dfwizard.hosts.transfer.pouring import BLOCK, persistently, pour
from dfwizard.hosts.transfer.progress import Gauge, OnProgress
from dfwizard.hosts.transfer.together import both

_SMALL = 1 << 26
"""Bytes of a tree up to which it is sent again after a cut rather than kept as a stream."""
_TRIES = 2
"""How often a small tree is begun before its stream is kept."""


def copy_tree(
    source: Host,
    path: str,
    target: Host,
    to: str,
    *,
    progress: OnProgress | None = None,
    leave_out: Sequence[str] = (),
    live: bool = False,
    patience: float = PATIENCE,
) -> None:
    """Copy the directory at `path` of `source` to `to` of `target`, which must not be there, or be an empty directory.

    Owners (by name, by number where a name is unknown there; only when the target's account is root), modes, times, links, ACLs and
    extended attributes are kept. `leave_out` names paths below `path` that are not copied. Files that change while they are read are
    an error unless the tree is `live`. Progress counts the bytes of the compressed stream; how many they will be is not known. A lost
    link is taken up again until nothing has moved for `patience` seconds.

    Raises:
        ConnectionLost: the link was lost and did not come back in time.
        CommandNotFound: tar, or a program to compress, is missing.
        HostError: it cannot be read, packed, written or unpacked, or it has changed meanwhile.
    """
    found = source.stat(path, follow=True)
    if found is None or found.kind != "directory":
        raise HostError(
            f"cannot copy the tree {shown(path)}: there is no such directory",
            where=source.name,
            remedy="Check the path.",
        )
    gauge = Gauge(None, progress)
    _TreeCopy(source, path, target, to, gauge, tuple(leave_out), live, patience).run()
    gauge.finish()


@dataclass
class _TreeCopy:
    """One tree on its way."""

    source: Host
    path: str
    target: Host
    to: str
    gauge: Gauge
    leave_out: tuple[str, ...]
    live: bool
    patience: float
    spool: str = field(init=False)
    mark: str = field(init=False)
    _archive: Archive | None = None
    _size: int | None = None
    """Bytes that it will occupy, as far as files tell."""
    _tries: int = 0
    _spooled: bool = False
    _unpacked: bool = False

    def __post_init__(self) -> None:
        self.spool = unfinished(self.to)
        self.mark = f"copy-{hashlib.sha256(self.spool.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"

    @property
    def staging(self) -> str:
        """Give the directory, closed to others, in which the tree comes into being."""
        return staging(self.to)

    @property
    def fresh(self) -> str:
        """Give the path of the tree before it is put in its place."""
        return f"{self.staging}/tree"

    def run(self) -> None:
        """Copy, however often that takes."""
        persistently(self._attempt, patience=self.patience, gauge=self.gauge)

    def _attempt(self) -> None:
        if not self._unpacked:
            spool = self._prepare()
            assert self._archive is not None
            if spool is None and self._size is not None and self._size <= _SMALL and self._tries < _TRIES:
                self._tries += 1
                self._stream(self._archive)
            else:
                if not self._spooled:
                    self._fill_spool(self._archive, spool)
                    self._spooled = True
                self._unpack(self._archive)
            self.target.run(Command(("sync", "-f", self.fresh)), check=False)
            self._unpacked = True
        if self.target.stat(self.fresh) is not None:
            self.target.rename(self.fresh, self.to)
        self.target.remove(self.staging)
        if self._spooled:
            self.target.remove(self.spool)

    def _prepare(self) -> FileStat | None:
        """Refuse what cannot be, clear away what an earlier attempt has unpacked, and give what it has kept of the stream."""
        if self._archive is None:
            self._archive = archive_between(
                self.source,
                self.path,
                self.target,
                self.fresh,
                leave_out=self.leave_out,
                live=self.live,
                mark=self.mark,
            )
        there = self.target.stat(self.to)
        if there is not None and (there.kind != "directory" or self.target.listdir(self.to)):
            raise HostError(
                f"cannot copy a tree to {shown(self.to)}: it exists already",
                where=self.target.name,
                remedy="Move it out of the way, or choose another place.",
            )
        begun, spool = both(lambda: self.target.stat(self.staging), lambda: self.target.stat(self.spool))
        if begun is not None or spool is not None:
            self.target.end_marked(self.mark)
            self.target.remove(self.staging)
            spool = self._usable(self.target.stat(self.spool))
        self._refuse_without_room()
        self._make_staging()
        return spool

    def _usable(self, spool: FileStat | None) -> FileStat | None:
        if spool is not None and spool.kind != "file":
            raise no_regular_file("write", self.spool, host=self.target.name)
        if spool is not None and spool.owner != self.target.user:
            self.target.remove(self.spool)  # whoever made it could go on changing it
            return None
        return spool

    def _refuse_without_room(self) -> None:
        free = self.target.free_bytes(self.to)
        if self._size is None:
            left_out = (f"{self.path}/{name}" for name in self.leave_out)
            self._size = self.source.size_of(self.path) - sum(
                self.source.size_of(path) for path in left_out if self.source.stat(path) is not None
            )
        if self._size > free:
            raise no_room(self.to, self._size, free, host=self.target.name)

    def _make_staging(self) -> None:
        self.target.mkdir(self.fresh, mode=0o700)
        made = self.target.stat(self.staging)
        if made is None or made.kind != "directory" or made.owner != self.target.user or made.mode & 0o077:
            raise HostError(
                f"{shown(self.staging)} was made by somebody else",
                where=self.target.name,
                remedy="See who did (`ls -ld`), and remove it.",
            )

    def _stream(self, archive: Archive) -> None:
        """Unpack while it comes."""
        self.gauge.set(0)
        read = hashlib.sha256()
        note = f"{self.staging}/sha256"
        with (
            self.source.outflow(Pipeline(archive.pack), mark=self.mark) as stream,
            self._telling_of_room(),
            self.target.inflow(Pipeline((archive.tally(note), *archive.unpack)), mark=self.mark) as sink,
        ):
            pour(
                stream,
                sink,
                patience=self.patience,
                taken=read.update,
                written=lambda block: self.gauge.add(len(block)),
            )
        if self.target.read(note, limit=64) != read.hexdigest().encode():
            raise self._other_bytes()

    def _fill_spool(self, archive: Archive, there: FileStat | None) -> None:
        start = there.size // BLOCK * BLOCK if there is not None else 0
        if (start and self._go_on(archive, start)) or self._go_on(archive, 0) or self._go_on(archive, 0):
            return
        self.target.remove(self.spool)
        raise self._other_bytes()

    def _go_on(self, archive: Archive, start: int) -> bool:
        """Have the spool hold what the stream holds from `start` on; False when it begins otherwise, or differs in the end."""
        skip = (archive.skip(start // BLOCK),) if start else ()
        read = hashlib.sha256()
        with self.source.outflow(Pipeline((*archive.pack, *skip)), mark=self.mark) as stream:
            if start and not self._begins_alike(stream, start):
                return False
            self.gauge.set(start)
            with self.target.appending(self.spool, offset=start, mark=self.mark) as sink:
                pour(
                    stream,
                    sink,
                    patience=self.patience,
                    taken=read.update,
                    written=lambda block: self.gauge.add(len(block)),
                )
                sink.sync()
        (wrote,) = self.target.sha256(self.spool, offset=start)
        return wrote == read.hexdigest()

    def _begins_alike(self, stream: ByteSource, size: int) -> bool:
        line = b""
        while len(line) < SKIPPED and (data := stream.read(SKIPPED - len(line))):
            line += data
        (there,) = self.target.sha256(self.spool, length=size)
        return line.split(b" ")[0].decode("ascii", "replace") == there

    def _unpack(self, archive: Archive) -> None:
        with self._telling_of_room():
            self.target.run(Pipeline(archive.unpack, stdin_file=self.spool), mark=self.mark)

    @contextmanager
    def _telling_of_room(self) -> Iterator[None]:
        """Leave nothing unpacked behind when that fails, and say so when it was for want of room."""
        try:
            yield
        except ConnectionLost:
            raise
        except HostError as error:
            free = self.target.free_bytes(self.staging)
            self.target.remove(self.staging)  # it may be what has filled the disk
            tail = error.tail if isinstance(error, CommandFailed) else ""
            if free < 1 << 16 or FULL.search(tail):
                raise full_disk("unpack", self.to, free, host=self.target.name) from error
            raise

    def _other_bytes(self) -> HostError:
        return HostError(
            f"the stream of {shown(self.path)} arrives on {self.target.name} with other bytes than were sent",
            where=self.source.name,
            remedy="A disk or the memory of one of the two may be failing: look at `dmesg` on both, then try again.",
        )
