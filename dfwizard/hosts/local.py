"""The machine that dfwizard itself runs on, as a `Host`."""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass

from dfwizard.errors import HostError
from dfwizard.hosts import failures, files, local_run, local_streams, procfs
from dfwizard.hosts.base import ByteSink, ByteSource, FileSink, FileStat, OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result


@dataclass(frozen=True)
class LocalHost:
    """This machine. Commands run as the account that dfwizard has, or as another through runuser or sudo."""

    name: str = "localhost"

    @property
    def user(self) -> str:
        """Give the account that dfwizard runs as; uid 0 is always `root`."""
        uid = os.geteuid()
        return "root" if uid == 0 else files.user_name(uid)

    def run(
        self,
        work: Command | Pipeline,
        *,
        on_output: OnOutput | None = None,
        keep: int = 1 << 20,
        check: bool = True,
        mark: str | None = None,
    ) -> Result:
        """See `Host.run`."""
        return local_run.run(
            work if isinstance(work, Pipeline) else Pipeline((work,)),
            me=self.user,
            host=self.name,
            on_output=on_output,
            keep=keep,
            check=check,
            mark=mark,
        )

    def end_marked(self, mark: str) -> int:
        """See `Host.end_marked`. Processes whose environment this account may not read are not seen."""
        if not mark or "\0" in mark:
            raise HostError("a run's mark must be text that is not empty", where=self.name)
        count, left = procfs.end(lambda: procfs.marked(mark), grace=3.0)
        if left:
            raise local_run.unending(tuple(process.pid for process in left), self.name)
        return count

    def which(self, program: str, *, user: str | None = None) -> str | None:
        """See `Host.which`."""
        if not program or "\0" in program:
            return None
        if user is None or user == self.user:
            return shutil.which(program, path=local_run.search_path())
        question = Command(("sh", "-c", 'command -v -- "$1"', "sh", program), user=user, expect=(0, 1, 127))
        answer = os.fsdecode(self.run(question).stdout).removesuffix("\n")
        return answer if answer.startswith("/") else None

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        """See `Host.stat`."""
        with files.telling("look at", path, self.name):
            return files.describe(path, follow=follow)

    def read(self, path: str, *, limit: int | None = None, offset: int = 0) -> bytes:
        """See `Host.read`. Only regular files can be read."""
        with files.telling("read", path, self.name):
            return files.read(path, limit=limit, offset=offset, host=self.name)

    def listdir(self, path: str) -> tuple[str, ...]:
        """See `Host.listdir`."""
        with files.telling("list", path, self.name):
            return tuple(sorted(os.listdir(path)))  # noqa: PTH208

    def write(
        self, path: str, data: bytes, *, mode: int = 0o600, owner: str | None = None, group: str | None = None
    ) -> None:
        """See `Host.write`."""
        uid, gid = self._ownership(path, owner, group)
        with files.telling("write", path, self.name):
            files.write(path, data, mode=mode, uid=uid, gid=gid, host=self.name)

    def mkdir(
        self, path: str, *, mode: int = 0o700, owner: str | None = None, group: str | None = None
    ) -> None:
        """See `Host.mkdir`."""
        uid, gid = self._ownership(path, owner, group)
        with files.telling("make the directory", path, self.name):
            files.make_directory(path, mode=mode, uid=uid, gid=gid)

    def rename(self, source: str, target: str) -> None:
        """See `Host.rename`."""
        with files.telling(f"rename {failures.shown(source)} to", target, self.name):
            files.rename(source, target)

    def remove(self, path: str) -> None:
        """See `Host.remove`."""
        with files.telling("remove", path, self.name):
            files.remove(path, host=self.name)

    def free_bytes(self, path: str) -> int:
        """See `Host.free_bytes`."""
        with files.telling("measure the free space of", path, self.name):
            return files.free_bytes(path)

    def size_of(self, path: str) -> int:
        """See `Host.size_of`."""
        with files.telling("measure", path, self.name):
            return files.size_of(path)

    def reading(self, path: str, *, offset: int = 0) -> AbstractContextManager[ByteSource]:
        """See `Host.reading`."""
        return local_streams.reading(path, offset=offset, host=self.name)

    def appending(
        self, path: str, *, mode: int = 0o600, offset: int | None = None, mark: str | None = None
    ) -> AbstractContextManager[FileSink]:
        """See `Host.appending`. No process writes here, so that `mark` has nothing to be given to."""
        del mark
        return local_streams.appending(path, mode=mode, offset=offset, host=self.name)

    def outflow(self, pipeline: Pipeline, *, mark: str | None = None) -> AbstractContextManager[ByteSource]:
        """See `Host.outflow`."""
        return local_streams.outflow(pipeline, me=self.user, host=self.name, mark=mark)

    def inflow(self, pipeline: Pipeline, *, mark: str | None = None) -> AbstractContextManager[ByteSink]:
        """See `Host.inflow`."""
        return local_streams.inflow(pipeline, me=self.user, host=self.name, mark=mark)

    def sha256(
        self, path: str, *, offset: int = 0, length: int | None = None, block: int | None = None
    ) -> tuple[str, ...]:
        """See `Host.sha256`."""
        return local_streams.sha256(path, offset=offset, length=length, block=block, host=self.name)

    def _ownership(self, path: str, owner: str | None, group: str | None) -> tuple[int, int]:
        uid = -1 if owner is None else files.user_number(owner, host=self.name)
        gid = -1 if group is None else files.group_number(group, host=self.name)
        me = os.geteuid()
        if me != 0 and (uid not in (-1, me) or gid not in (-1, os.getegid(), *os.getgroups())):
            raise failures.not_given(path, owner, group, me=self.user, host=self.name)
        return (-1 if uid == me else uid), gid
