"""The Host interface: where commands run and files live. Everything that touches an instance goes through it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from dfwizard.hosts.command import Command, Pipeline, Result

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, bytes], None]
"""Called with each chunk as it comes, from the thread that called `run`; chunks need not end at line ends."""


@dataclass(frozen=True)
class FileStat:
    """What `Host.stat` tells of a path: lstat, or stat when `follow` was asked.

    `mode` is the permission bits only (0o7777), `uid`/`gid` numbers, `owner`/`group` their names (the number as text where there is none),
    `size` bytes, `mtime` seconds since the epoch, `device` the filesystem's number, `inode` the file's.
    """

    kind: Literal["file", "directory", "symlink", "other"]
    mode: int
    uid: int
    gid: int
    owner: str
    group: str
    size: int
    mtime: float
    device: int
    inode: int


class Hold(Protocol):
    """The lock on an instance, held until `release` or the end of whoever holds it."""

    def hold_also(self, path: str) -> None:
        """Lock one more directory: the one that takes the instance's place.

        Raises:
            HeldError: another process holds it.
        """
        ...

    def release(self) -> None:
        """Give everything back."""
        ...


@runtime_checkable
class HoldingHost(Protocol):
    """A host that locks for whoever works on it from elsewhere; on this machine a process locks for itself."""

    def hold(self, path: str, *, run: str, what: str) -> Hold:
        """Lock the directory at `path` for `run`; `what` names it in messages ("the instance").

        Raises:
            HeldError: another process holds it; the message says who and since when.
        """
        ...


class ByteSource(Protocol):
    """Bytes that a host gives one after the other. One thread reads."""

    @property
    def exact(self) -> bool:
        """Whether what is read here is certainly what the file holds, so that its digest needs no second look."""
        ...

    def read(self, size: int, /) -> bytes:
        """Give the next bytes: at least one and at most `size`; none at the end.

        Raises:
            HostError: what gives them has failed, the link was lost (`ConnectionLost`), or `close` was called.
        """
        ...

    def close(self) -> None:
        """Give up, from any thread: a `read` that waits ends with an error or as at the end."""
        ...


class ByteSink(Protocol):
    """What takes bytes on a host one after the other. One thread writes."""

    def write(self, data: bytes, /) -> None:
        """Take all of `data`; some of it may still be on its way when this returns.

        Raises:
            HostError: as `ByteSource.read`.
        """
        ...

    def close(self) -> None:
        """Give up, from any thread: a `write` that waits ends with an error."""
        ...


class FileSink(ByteSink, Protocol):
    """A file that grows."""

    @property
    def exact(self) -> bool:
        """Whether the file certainly holds what was written here, so that its digest needs no second look."""
        ...

    def sync(self) -> None:
        """See all that was written into the file and onto the disk (fsync). Nothing can be written afterwards."""
        ...


class Host(Protocol):
    """A machine on which an instance lives. `LocalHost` and `SshHost` behave alike.

    Every method raises `HostError` (or a subclass) with the host's name, what was being done and what to try.
    Paths are text in which bytes that are not UTF-8 stand as surrogate escapes, as in `os.fsdecode`.
    """

    @property
    def name(self) -> str:
        """Give the name shown to people: `localhost` or `user@host`."""
        ...

    @property
    def user(self) -> str:
        """Give the account that dfwizard has on this host."""
        ...

    def run(
        self,
        work: Command | Pipeline,
        *,
        on_output: OnOutput | None = None,
        keep: int = 1 << 20,
        check: bool = True,
        mark: str | None = None,
    ) -> Result:
        """Run `work` to its end and give what it left behind.

        At most the last `keep` bytes of each stream are kept in the result; `on_output` sees everything. With `check` an
        exit code outside `Command.expect` raises `CommandFailed`. A single command and its children run in a session of
        their own; on timeout or KeyboardInterrupt they are ended (TERM, then KILL). A grandchild that keeps the
        output open does not hold up `run` once the command itself has ended. `mark` is put into the environment as DFWIZARD_RUN so
        that `end_marked` finds whatever an earlier, killed dfwizard has left running.

        Raises:
            CommandNotFound, CommandTimeout, CommandFailed, HostError
        """
        ...

    def end_marked(self, mark: str) -> int:
        """End every process on the host that carries `mark` in its environment (TERM, then KILL); give how many."""
        ...

    def which(self, program: str, *, user: str | None = None) -> str | None:
        """Give the path of `program` on the PATH, or None."""
        ...

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        """Describe `path`; None when it does not exist."""
        ...

    def read(self, path: str, *, limit: int | None = None, offset: int = 0) -> bytes:
        """Give the content of a file: at most `limit` bytes from `offset` (negative: from the end)."""
        ...

    def listdir(self, path: str) -> tuple[str, ...]:
        """Give the names in a directory, sorted."""
        ...

    def write(
        self, path: str, data: bytes, *, mode: int = 0o600, owner: str | None = None, group: str | None = None
    ) -> None:
        """Put `data` at `path` atomically and durably: new file beside it, owner and mode set, fsync, rename, fsync.

        A symlink at `path` is followed once resolved (the link stays); the new file is never written through one.
        """
        ...

    def mkdir(
        self, path: str, *, mode: int = 0o700, owner: str | None = None, group: str | None = None
    ) -> None:
        """Make a directory and its missing parents; an existing directory is fine and keeps its mode."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Rename durably (both directories fsynced); `target` must not exist as a non-empty directory."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file or a whole tree, not following symlinks nor crossing mount points; a missing path is fine."""
        ...

    def free_bytes(self, path: str) -> int:
        """Give the bytes free to this account on the filesystem of `path` (or of its nearest existing parent)."""
        ...

    def size_of(self, path: str) -> int:
        """Give the bytes that a tree occupies (apparent size), not crossing mount points."""
        ...

    def reading(self, path: str, *, offset: int = 0) -> AbstractContextManager[ByteSource]:
        """Read a regular file from `offset` (bytes from its begin) to its end, however large it is.

        That all of it came is known once `read` has given nothing and the context has ended without an error.
        """
        ...

    def appending(
        self, path: str, *, mode: int = 0o600, offset: int | None = None, mark: str | None = None
    ) -> AbstractContextManager[FileSink]:
        """Write on at the end of a file, which is made when it is missing; it has `mode` then, whoever made it.

        With `offset` what the file holds behind that many bytes is cut off first; it must hold as many. A symlink at `path`, or
        anything else that is no regular file, is refused. `mark` is as for `run`. When the context ends, all that was written is in
        the file. After an error the file may hold less, or have gaps behind `offset`.
        """
        ...

    def outflow(self, pipeline: Pipeline, *, mark: str | None = None) -> AbstractContextManager[ByteSource]:
        """Run a pipeline and read what its last command writes, as it comes.

        When its output has been read to the end, the context's end waits for the commands and raises what `run` raises; left
        earlier, it ends them. `Pipeline.stdout_file` must be None.
        """
        ...

    def inflow(self, pipeline: Pipeline, *, mark: str | None = None) -> AbstractContextManager[ByteSink]:
        """Run a pipeline and write what its first command reads; the context's end is the end of that input.

        It then waits for the commands and raises what `run` raises. When the context is left by an exception, or `close` was
        called, they are ended. The first command's `stdin`, `Pipeline.stdin_file` and `Pipeline.stdout_file` must be None.
        """
        ...

    def sha256(
        self, path: str, *, offset: int = 0, length: int | None = None, block: int | None = None
    ) -> tuple[str, ...]:
        """Give the SHA-256 (hexadecimal) of a regular file, of at most `length` bytes from `offset`.

        One digest, or with `block` one for every `block` bytes, the last of which may be fewer (none when there are no bytes).
        """
        ...
