"""The machine that dfwizard itself runs on, as a `Host`."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from dfwizard.errors import HostError
from dfwizard.hosts import failures, files, procfs
from dfwizard.hosts.base import FileStat, OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result, Secret, run_as
from dfwizard.hosts.process import Launch, Running

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


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
        pipeline = work if isinstance(work, Pipeline) else Pipeline((work,))
        self._refuse_impossible(pipeline)
        launches = tuple(self._launch(command, mark) for command in pipeline.commands)
        limits = [t for t in (pipeline.timeout, *(c.timeout for c in pipeline.commands)) if t is not None]
        with (
            self._input_file(pipeline.stdin_file) as source,
            _OutputFile(pipeline.stdout_file, self.name) as output,
        ):
            began = time.monotonic()
            running = self._start(pipeline, launches, source, output.fd, keep, on_output)
            codes = self._finish(running, pipeline, min(limits, default=None))
            seconds = time.monotonic() - began
            culprit = _culprit(pipeline, codes, running)
            code = 0 if culprit is None else codes[culprit]
            if culprit is None:
                output.settle()
                code = codes[0] if len(codes) == 1 else 0
            else:
                command, recent = pipeline.commands[culprit], running.recent[culprit].value()
                refusal = failures.refused(command, code, recent, me=self.user, host=self.name)
                if refusal is not None:
                    raise refusal
                if check:
                    raise failures.failed(
                        command,
                        code,
                        recent,
                        me=self.user,
                        host=self.name,
                        removed=output.path,
                        free=output.free(),
                    )
            failed = None if culprit is None else pipeline.commands[culprit].argv[0]
            return Result(code, running.stdout.value(), running.stderr.value(), seconds, failed)

    def end_marked(self, mark: str) -> int:
        """See `Host.end_marked`. Processes whose environment this account may not read are not seen."""
        if not mark or "\0" in mark:
            raise HostError("a run's mark must be text that is not empty", where=self.name)
        count, left = procfs.end(lambda: procfs.marked(mark), grace=3.0)
        if left:
            raise self._unending(left)
        return count

    def which(self, program: str, *, user: str | None = None) -> str | None:
        """See `Host.which`."""
        if not program or "\0" in program:
            return None
        if user is None or user == self.user:
            return shutil.which(program, path=_search_path())
        question = Command(("sh", "-c", 'command -v -- "$1"', "sh", program), user=user, expect=(0, 1, 127))
        answer = os.fsdecode(self.run(question).stdout).removesuffix("\n")
        return answer if answer.startswith("/") else None

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        """See `Host.stat`."""
        with self._telling("look at", path):
            return files.describe(path, follow=follow)

    def read(self, path: str, *, limit: int | None = None, offset: int = 0) -> bytes:
        """See `Host.read`. Only regular files can be read."""
        with self._telling("read", path):
            return files.read(path, limit=limit, offset=offset, host=self.name)

    def listdir(self, path: str) -> tuple[str, ...]:
        """See `Host.listdir`."""
        with self._telling("list", path):
            return tuple(sorted(os.listdir(path)))  # noqa: PTH208

    def write(
        self, path: str, data: bytes, *, mode: int = 0o600, owner: str | None = None, group: str | None = None
    ) -> None:
        """See `Host.write`."""
        uid, gid = self._ownership(path, owner, group)
        with self._telling("write", path):
            files.write(path, data, mode=mode, uid=uid, gid=gid, host=self.name)

    def mkdir(
        self, path: str, *, mode: int = 0o700, owner: str | None = None, group: str | None = None
    ) -> None:
        """See `Host.mkdir`."""
        uid, gid = self._ownership(path, owner, group)
        with self._telling("make the directory", path):
            files.make_directory(path, mode=mode, uid=uid, gid=gid)

    def rename(self, source: str, target: str) -> None:
        """See `Host.rename`."""
        with self._telling(f"rename {failures.shown(source)} to", target):
            files.rename(source, target)

    def remove(self, path: str) -> None:
        """See `Host.remove`."""
        with self._telling("remove", path):
            files.remove(path, host=self.name)

    def free_bytes(self, path: str) -> int:
        """See `Host.free_bytes`."""
        with self._telling("measure the free space of", path):
            return files.free_bytes(path)

    def size_of(self, path: str) -> int:
        """See `Host.size_of`."""
        with self._telling("measure", path):
            return files.size_of(path)

    @contextmanager
    def _telling(self, doing: str, path: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise failures.os_failure(
                error, doing=doing, path=path, host=self.name, free=_free(path)
            ) from error

    def _ownership(self, path: str, owner: str | None, group: str | None) -> tuple[int, int]:
        uid = -1 if owner is None else files.user_number(owner, host=self.name)
        gid = -1 if group is None else files.group_number(group, host=self.name)
        me = os.geteuid()
        if me != 0 and (uid not in (-1, me) or gid not in (-1, os.getegid(), *os.getgroups())):
            raise HostError(
                f"only root can give {failures.shown(path)} to {owner or self.user}:{group or ''}".removesuffix(
                    ":"
                ),
                where=self.name,
                remedy=f"Run dfwizard as root, or as {owner or 'a member of that group'}.",
            )
        return (-1 if uid == me else uid), gid

    def _refuse_impossible(self, pipeline: Pipeline) -> None:
        if not pipeline.commands or not all(
            command.argv and command.argv[0] for command in pipeline.commands
        ):
            raise HostError("a command without a program cannot run", where=self.name)
        for command in pipeline.commands:
            if wrong := [key for key in command.env if not key or key[0] == "-" or "=" in key]:
                raise HostError(
                    f"{failures.shown(wrong[0])!r} cannot be the name of an environment variable",
                    where=self.name,
                )
            if "=" in command.argv[0]:
                raise HostError(
                    f"cannot run {failures.shown(command.argv[0])}: env(1) would take it for a variable",
                    where=self.name,
                )
        if any(command.stdin is not None for command in pipeline.commands[pipeline.stdin_file is None :]):
            raise HostError(
                "only the first command of a pipeline has an input of its own, from bytes or from a file",
                where=self.name,
            )

    def _launch(self, command: Command, mark: str | None) -> Launch:
        """Make everything ready to start `command`, refusing now what would only fail obscurely later."""
        added = {"LC_ALL": "C.UTF-8", **command.env}
        if mark is not None:
            added[procfs.MARK] = mark
        env = {**os.environ, "PATH": _search_path(), **added}
        env.pop("LANGUAGE", None)
        other = command.user is not None and command.user != self.user
        argv = run_as(replace(command, env=added), me=self.user)
        cwd = command.cwd
        if other:
            self._refuse_unknown(command.user or "")
            if self.user != "root" and cwd is not None:
                # The directory may be closed to this account and open to that one.
                at = argv.index("--") + 2
                argv, cwd = (*argv[:at], "-C", cwd, *argv[at:]), None
            cwd = cwd or "/"
        if cwd is not None:
            self._refuse_directory(cwd)
        names = [argv[0]] if self.user != "root" and other else [argv[0], command.argv[0]]
        for program in names:
            if "/" not in program and shutil.which(program, path=env["PATH"]) is None:
                raise failures.not_found(program, host=self.name, user=command.user)
        return Launch(argv, env, cwd)

    def _refuse_unknown(self, user: str) -> None:
        try:
            pwd.getpwnam(user)
        except (KeyError, ValueError) as error:
            raise failures.no_account(user, host=self.name) from error

    def _refuse_directory(self, path: str) -> None:
        with self._telling("work in", path):
            found = files.describe(path, follow=True)
        if found is None or found.kind != "directory":
            state = "does not exist" if found is None else "is not a directory"
            raise HostError(
                f"cannot work in {failures.shown(path)}: it {state}",
                where=self.name,
                remedy="Check the path.",
            )
        if not os.access(path, os.X_OK):
            raise HostError(
                f"cannot work in {failures.shown(path)}: permission denied",
                where=self.name,
                remedy=f"Run dfwizard as root or as {found.owner}.",
            )

    @contextmanager
    def _input_file(self, path: str | None) -> Iterator[int | None]:
        if path is None:
            yield None
            return
        with self._telling("read", path):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            yield fd
        finally:
            os.close(fd)

    def _start(
        self,
        pipeline: Pipeline,
        launches: tuple[Launch, ...],
        source: int | None,
        output: int | None,
        keep: int,
        on_output: OnOutput | None,
    ) -> Running:
        given = pipeline.commands[0].stdin
        try:
            return Running(
                launches,
                stdin=given.value if isinstance(given, Secret) else given,
                stdin_fd=source,
                stdout_fd=output,
                keep=keep,
                on_output=on_output,
            )
        except (OSError, ValueError) as error:
            text = " | ".join(failures.short(command, me=self.user) for command in pipeline.commands)
            if isinstance(error, ValueError):
                raise HostError(
                    f"cannot run {text}: {error}",
                    where=self.name,
                    remedy="Arguments and environment must not hold NUL bytes, nor names a `=`.",
                ) from error
            program = error.filename if isinstance(error.filename, str) else text
            raise failures.os_failure(error, doing="run", path=program, host=self.name) from error

    def _finish(self, running: Running, pipeline: Pipeline, timeout: float | None) -> tuple[int, ...]:
        """Let the processes run to their end or to the time limit; whatever happens, nothing of them stays behind."""
        left: tuple[procfs.Process, ...] = ()
        try:
            in_time = running.pump(None if timeout is None else time.monotonic() + timeout)
            if not in_time:
                left = running.end(self._sender(pipeline))
        except BaseException:
            running.mute()
            running.end(self._sender(pipeline))
            running.close()
            raise
        codes = running.close()
        if left:
            raise self._unending(left)
        if not in_time:
            recent = b"\n".join(tail.value() for tail in running.recent)
            raise failures.timed_out(pipeline.commands, timeout or 0, recent, me=self.user, host=self.name)
        return codes

    def _sender(self, pipeline: Pipeline) -> procfs.Send:
        """Give how to signal the processes: sudo's children belong to another account, which has to do it itself."""
        users = {c.user for c in pipeline.commands if c.user is not None and c.user != self.user}
        if self.user == "root" or not users:
            return procfs.send_signal

        def send(target: procfs.Process, number: int) -> None:
            procfs.send_signal(target, number)
            for user in users:
                subprocess.run(
                    ("sudo", "-n", "-u", user, "--", "kill", "-s", str(int(number)), "--", str(target.pid)),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )

        return send

    def _unending(self, left: tuple[procfs.Process, ...]) -> HostError:
        pids = ", ".join(str(process.pid) for process in left)
        return HostError(
            f"could not end the processes {pids}: they are another account's, or wait for a device",
            where=self.name,
            remedy=f"Look at `ps -o pid,user,stat,wchan:20,args -p {pids.replace(' ', '')}`, and end them as root.",
        )


class _OutputFile:
    """The new file that a pipeline writes, gone again unless `settle` was reached."""

    def __init__(self, path: str | None, host: str) -> None:
        self.path = path
        self.fd: int | None = None
        self._host = host
        self._settled = False

    def __enter__(self) -> _OutputFile:
        if self.path is not None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                self.fd = os.open(self.path, flags, 0o600)
            except (OSError, ValueError) as error:
                raise failures.os_failure(error, doing="create", path=self.path, host=self._host) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self.path is None or self.fd is None:
            return
        os.close(self.fd)
        if not self._settled:
            with suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108

    def settle(self) -> None:
        """Put the file and its name on the disk, and keep it."""
        if self.path is None or self.fd is None:
            return
        try:
            os.fchmod(self.fd, 0o600)
            os.fsync(self.fd)
            files.sync_directory(files.parent_of(self.path))
        except OSError as error:
            raise failures.os_failure(
                error, doing="write", path=self.path, host=self._host, free=self.free()
            ) from error
        self._settled = True

    def free(self) -> int | None:
        """Give the bytes free on the file's disk."""
        return None if self.path is None else _free(self.path)


def _culprit(pipeline: Pipeline, codes: tuple[int, ...], running: Running) -> int | None:
    """Give the index of the command that made the pipeline fail; None when all ended as expected.

    That is the first that failed, unless it failed only because a later one, which failed as well, no longer read.
    """
    wrong = [i for i, command in enumerate(pipeline.commands) if codes[i] not in command.expect]
    for position, index in enumerate(wrong):
        later = position + 1 < len(wrong)
        if not (later and failures.broken_pipe(codes[index], running.recent[index].value())):
            return index
    return None


def _search_path() -> str:
    """Give the PATH, with the system's sbin directories (runuser is there) that a plain `su` leaves out."""
    path = os.environ.get("PATH") or os.defpath
    known = path.split(os.pathsep)
    return os.pathsep.join([path, *(place for place in _SBIN if place not in known)])


def _free(path: str) -> int | None:
    try:
        return files.free_bytes(path)
    except (OSError, ValueError):
        return None
