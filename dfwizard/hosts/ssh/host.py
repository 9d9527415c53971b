"""A machine reached over SSH, as a `Host`: only a POSIX sh and coreutils (or busybox) are needed there."""

from __future__ import annotations

from contextlib import AbstractContextManager

from dfwizard.errors import HostError
from dfwizard.hosts.base import ByteSink, ByteSource, FileSink, FileStat, Host, OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result
from dfwizard.hosts.foresight import Look
from dfwizard.hosts.ssh import digests
from dfwizard.hosts.ssh.connection import Connection
from dfwizard.hosts.ssh.ending import end_marked
from dfwizard.hosts.ssh.files import Files
from dfwizard.hosts.ssh.flows import Flows
from dfwizard.hosts.ssh.hold import Lease, ServerHold
from dfwizard.hosts.ssh.jobs import PATIENCE
from dfwizard.hosts.ssh.run import run
from dfwizard.hosts.ssh.shell import call
from dfwizard.hosts.ssh.streams import Streams
from dfwizard.hosts.ssh.workers import Workers


class SshHost:
    """A server over SSH. Commands run as root where the login is root's or sudo makes it root, else as the login.

    Safe for several threads. `patience` is how many seconds without a link a durable command is waited for. `mark` is what commands
    without a mark of their own carry: those of a run are all durable, the questions that its steps ask included. `lease` says how
    long the lock on an instance lasts without a link.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        patience: float = PATIENCE,
        mark: str | None = None,
        lease: Lease | None = None,
    ) -> None:
        self._connection = connection
        self._patience = patience
        self._lease = lease or Lease()
        self._mark = mark
        self._workers = Workers(connection)
        self._files = Files(self._workers)
        self._streams = Streams(self._workers.entrance, self._files.free_bytes, host=connection.name)
        self._flows = Flows(self._workers, self._streams)

    @property
    def name(self) -> str:
        """Give the address that the host was opened with."""
        return self._connection.name

    @property
    def user(self) -> str:
        """Give the account that commands have there; connects, and asks for what sudo wants, when that is not known yet."""
        return self._workers.server.user

    def run(
        self,
        work: Command | Pipeline,
        *,
        on_output: OnOutput | None = None,
        keep: int = 1 << 20,
        check: bool = True,
        mark: str | None = None,
    ) -> Result:
        """See `Host.run`. With `mark` a command survives lost connections: it goes on there, and is followed again."""
        return run(
            self._workers,
            work if isinstance(work, Pipeline) else Pipeline((work,)),
            on_output=on_output,
            keep=keep,
            check=check,
            mark=self._mark if mark is None else mark,
            patience=self._patience,
        )

    def end_marked(self, mark: str) -> int:
        """See `Host.end_marked`. Processes whose environment this account may not read are not seen."""
        if not mark or "\0" in mark:
            raise HostError("a run's mark must be text that is not empty", where=self.name)
        count = end_marked(self._workers, mark)
        self._workers.ask(call("dfw_jobs_forget", mark))
        return count

    def hold(self, path: str, *, run: str, what: str) -> ServerHold:
        """Lock the directory at `path` for `run` ("" outside of a run). See `HoldingHost.hold`.

        Raises:
            HeldError: another process holds it; the message says who and since when.
            UsageError: there is no such path, or it cannot be opened or locked.
            HostError: the server cannot be asked, or has no flock(1).
        """
        hold = ServerHold(self._workers, run=run, lease=self._lease)
        hold.take(path, what)
        return hold

    def which(self, program: str, *, user: str | None = None) -> str | None:
        """See `Host.which`."""
        if not program or "\0" in program:
            return None
        if user is None or user == self.user:
            return self._files.which(program)
        question = Command(("sh", "-c", 'command -v -- "$1"', "sh", program), user=user, expect=(0, 1, 127))
        answer = self.run(question).stdout.decode("utf-8", "surrogateescape").removesuffix("\n")
        return answer if answer.startswith("/") else None

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        """See `Host.stat`."""
        return self._files.stat(path, follow=follow)

    def read(self, path: str, *, limit: int | None = None, offset: int = 0) -> bytes:
        """See `Host.read`. Only regular files can be read."""
        return self._files.read(path, limit=limit, offset=offset)

    def listdir(self, path: str) -> tuple[str, ...]:
        """See `Host.listdir`."""
        return self._files.listdir(path)

    def write(
        self, path: str, data: bytes, *, mode: int = 0o600, owner: str | None = None, group: str | None = None
    ) -> None:
        """See `Host.write`."""
        self._files.write(path, data, mode=mode, owner=owner, group=group)

    def mkdir(
        self, path: str, *, mode: int = 0o700, owner: str | None = None, group: str | None = None
    ) -> None:
        """See `Host.mkdir`."""
        self._files.mkdir(path, mode=mode, owner=owner, group=group)

    def rename(self, source: str, target: str) -> None:
        """See `Host.rename`."""
        self._files.rename(source, target)

    def remove(self, path: str) -> None:
        """See `Host.remove`."""
        self._files.remove(path)

    def free_bytes(self, path: str) -> int:
        """See `Host.free_bytes`."""
        return self._files.free_bytes(path)

    def size_of(self, path: str) -> int:
        """See `Host.size_of`."""
        return self._files.size_of(path)

    def reading(self, path: str, *, offset: int = 0) -> AbstractContextManager[ByteSource]:
        """See `Host.reading`."""
        return self._streams.reading(path, offset=offset)

    def appending(
        self, path: str, *, mode: int = 0o600, offset: int | None = None, mark: str | None = None
    ) -> AbstractContextManager[FileSink]:
        """See `Host.appending`. From an `offset` of whole 2 MiB on, a long way is used by several channels at once."""
        return self._streams.appending(path, mode=mode, offset=offset, mark=mark)

    def outflow(self, pipeline: Pipeline, *, mark: str | None = None) -> AbstractContextManager[ByteSource]:
        """See `Host.outflow`."""
        return self._flows.outflow(pipeline, mark=mark)

    def inflow(self, pipeline: Pipeline, *, mark: str | None = None) -> AbstractContextManager[ByteSink]:
        """See `Host.inflow`."""
        return self._flows.inflow(pipeline, mark=mark)

    def sha256(
        self, path: str, *, offset: int = 0, length: int | None = None, block: int | None = None
    ) -> tuple[str, ...]:
        """See `Host.sha256`."""
        return digests.sha256(self._workers, path, offset=offset, length=length, block=block)

    def expect_many(self) -> None:
        """See `Foreseeing.expect_many`."""
        self._workers.expect_many()

    def foreseeing(self, look: Look) -> Host:
        """See `Foreseeing.foreseeing`."""
        from dfwizard.hosts.ssh.foreseen import foresee

        return foresee(self, self._workers, look)

    def close(self) -> None:
        """End the workers. The connection is its owner's to close; commands with a mark go on there."""
        self._streams.close()
        self._workers.close()
