"""The Host interface: where commands run and files live. Everything that touches an instance goes through it."""

from __future__ import annotations

from collections.abc import Callable
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
