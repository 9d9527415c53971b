"""Copying whole trees from host to host as one compressed stream.

The stream lies beside the target until it is complete and compared; only then it is unpacked. A cut costs what was on its way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dfwizard.errors import CommandFailed, CommandNotFound, HostError
from dfwizard.hosts.base import ByteSource, Host
from dfwizard.hosts.command import Command, Pipeline
from dfwizard.hosts.failures import FULL, full_disk, no_regular_file, no_room, not_found, shown
from dfwizard.hosts.procfs import MARK
from dfwizard.hosts.transfer.files import PATIENCE, unfinished
from dfwizard.hosts.transfer.pouring import BLOCK, persistently, pour
from dfwizard.hosts.transfer.progress import Gauge, OnProgress
from dfwizard.hosts.transfer.together import both

_PLAIN = {"LC_ALL": "C"}
_FIND = """for program in tar zstd gzip; do command -v "$program" >/dev/null && echo "$program"; done
for extra in --acls --selinux '--xattrs --xattrs-include=*'; do
    set -f
    said=$(tar $extra --create --file=/dev/null --no-recursion --directory=/ etc 2>&1) && [ -z "$said" ] && echo "$extra"
done
exit 0"""
"""Says which programs are there, and what this tar can keep beside owners and modes, each tried by itself."""
_SKIP = f'dd bs={BLOCK} count="$1" iflag=fullblock 2>/dev/null | sha256sum && exec cat'
"""Tells of the first blocks of a stream only their digest, on a line of 68 bytes, and passes the rest on."""
_LINE = 68
_LASTING = 1 << 26
"""Bytes of the stream from which unpacking counts as taking long."""


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


@dataclass(frozen=True)
class _Tools:
    """What a host has: whether zstd, and the options of its tar for what else is to be kept."""

    zstd: bool
    extras: tuple[str, ...]


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
    _size: int | None = None
    """Bytes that it will occupy, as far as files tell."""
    _spooled: bool = False
    _unpacking: bool = False
    _unpacked: bool = False
    _packer: tuple[Command, Command] | None = None
    _unpacker: tuple[Command, Command] | None = None

    def __post_init__(self) -> None:
        self.spool = unfinished(self.to)
        self.mark = f"copy-{hashlib.sha256(self.spool.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"

    @property
    def staging(self) -> str:
        return f"{self.spool}.tree"

    def run(self) -> None:
        persistently(self._attempt, patience=self.patience, moved_at=lambda: self.gauge.moved_at)

    def _attempt(self) -> None:
        if self._packer is None or self._unpacker is None:
            self._packer, self._unpacker = self._commands()
        if not self._unpacked:
            self._refuse_in_the_way()
        if not self._spooled:
            self._refuse_without_room()
            self._fill_spool(self._packer)
            self._spooled = True
        if not self._unpacked:
            self._unpack(self._unpacker)
            self._unpacked = True
        if self.target.stat(self.staging) is not None:
            self.target.rename(self.staging, self.to)
        self.target.remove(self.spool)

    def _refuse_in_the_way(self) -> None:
        there = self.target.stat(self.to)
        if there is not None and (there.kind != "directory" or self.target.listdir(self.to)):
            raise HostError(
                f"cannot copy a tree to {shown(self.to)}: it exists already",
                where=self.target.name,
                remedy="Move it out of the way, or choose another place.",
            )

    def _refuse_without_room(self) -> None:
        if self._size is None:
            left_out = (f"{self.path}/{name}" for name in self.leave_out)
            self._size = self.source.size_of(self.path) - sum(
                self.source.size_of(path) for path in left_out if self.source.stat(path) is not None
            )
        free = self.target.free_bytes(self.to)
        if self._size > free:
            raise no_room(self.to, self._size, free, host=self.target.name)

    def _commands(self) -> tuple[tuple[Command, Command], tuple[Command, Command]]:
        here, there = both(lambda: _tools(self.source), lambda: _tools(self.target))
        pack, unpack = _compression(here, there)
        out = [f"--exclude=./{_literal(name)}" for name in self.leave_out]
        tar = Command(
            (
                "tar",
                "--create",
                "--file=-",
                "--format=posix",
                # The same tree gives the same bytes: no times of access, no process number in the names of headers.
                "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
                "--sort=name",
                *here.extras,
                "--anchored",
                *out,
                f"--directory={self.path}",
                ".",
            ),
            env=_PLAIN,
            expect=(0, 1) if self.live else (0,),
        )
        untar = Command(
            (
                "tar",
                "--extract",
                "--file=-",
                "--preserve-permissions",
                *(("--same-owner",) if self.target.user == "root" else ("--no-same-owner",)),
                *there.extras,
                "--delay-directory-restore",
                f"--directory={self.staging}",
            ),
            env=_PLAIN,
        )
        marked = {**_PLAIN, MARK: self.mark}
        return (tar, Command(pack, env=_PLAIN)), (Command(unpack, env=marked), replace(untar, env=marked))

    def _fill_spool(self, packer: tuple[Command, Command]) -> None:
        there = self.target.stat(self.spool)
        if there is not None:
            self.target.end_marked(self.mark)  # what an earlier attempt has left running
            there = self.target.stat(self.spool)
        if there is not None and there.kind != "file":
            raise no_regular_file("write", self.spool, host=self.target.name)
        if there is not None and there.owner != self.target.user:
            self.target.remove(self.spool)  # whoever made it could go on changing it
            there = None
        start = there.size // BLOCK * BLOCK if there is not None else 0
        if (start and self._go_on(packer, start)) or self._go_on(packer, 0) or self._go_on(packer, 0):
            return
        self.target.remove(self.spool)
        raise HostError(
            f"the stream of {shown(self.path)} arrives on {self.target.name} with other bytes than were sent, twice",
            where=self.source.name,
            remedy="A disk or the memory of one of the two may be failing: look at `dmesg` on both.",
        )

    def _go_on(self, packer: tuple[Command, Command], start: int) -> bool:
        """Have the spool hold what the stream holds from `start` on; False when it begins otherwise, or differs in the end."""
        skip = (Command(("sh", "-c", _SKIP, "sh", str(start // BLOCK)), env=_PLAIN),) if start else ()
        read = hashlib.sha256()
        with self.source.outflow(Pipeline((*packer, *skip)), mark=self.mark) as stream:
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
        while len(line) < _LINE and (data := stream.read(_LINE - len(line))):
            line += data
        (there,) = self.target.sha256(self.spool, length=size)
        return line.split(b" ")[0].decode("ascii", "replace") == there

    def _unpack(self, unpacker: tuple[Command, Command]) -> None:
        if self._unpacking:
            self.target.end_marked(self.mark)
        self._unpacking = True
        self.target.remove(self.staging)
        self.target.mkdir(self.staging, mode=0o700)
        # What takes long outlives a cut; the rest is begun again. Both can be found by the mark.
        lasting = self.gauge.done >= _LASTING
        try:
            self.target.run(Pipeline(unpacker, stdin_file=self.spool), mark=self.mark if lasting else None)
        except CommandFailed as error:
            free = self.target.free_bytes(self.staging)
            self.target.remove(self.staging)  # it may be what has filled the disk
            if free < 1 << 16 or FULL.search(error.tail):
                raise full_disk("unpack", self.to, free, host=self.target.name) from error
            raise
        self.target.run(Command(("sync", "-f", self.staging)), check=False)


def _tools(host: Host) -> _Tools:
    """Find out, in one question, which programs there are, and what else its tar can keep."""
    said = host.run(Command(("sh", "-c", _FIND), env=_PLAIN, timeout=60)).text.splitlines()
    if "tar" not in said:
        raise not_found("tar", host=host.name)
    if "zstd" not in said and "gzip" not in said:
        raise CommandNotFound(
            "neither zstd nor gzip is on the PATH",
            where=host.name,
            remedy="Install one, on Debian or Ubuntu with: apt-get install zstd",
        )
    extras = tuple(word for line in said if line.startswith("--") for word in line.split())
    return _Tools("zstd" in said, extras)


def _compression(source: _Tools, target: _Tools) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the commands that compress on the one host and decompress on the other."""
    if source.zstd and target.zstd:
        return ("zstd", "-q", "-T0", "-3", "-c"), ("zstd", "-q", "-d", "-c")
    return ("gzip", "-1", "-n", "-c"), ("gzip", "-d", "-c")


def _literal(name: str) -> str:
    return "".join(f"\\{char}" if char in "*?[\\" else char for char in name)
