"""Running commands and pipelines on this machine: from a `Command` as data to a `Result` or an error in words."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from dfwizard.errors import HostError
from dfwizard.hosts import failures, files, procfs
from dfwizard.hosts.base import OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result, Secret, run_as
from dfwizard.hosts.process import Launch, Running, Stopped
from dfwizard.hosts.verdict import Ended, refuse_impossible

_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass
class Joint:
    """Pipes to a pipeline that runs: its ends for the first command's input and the last one's output, where there are such.

    Whoever runs it closes these once the processes have them. It is ended when `stop` becomes readable.
    """

    stop: int
    stdin: int | None = None
    stdout: int | None = None

    def close(self) -> None:
        """Close the processes' ends, if that has not been done."""
        for fd in (self.stdin, self.stdout):
            if fd is not None:
                os.close(fd)
        self.stdin = self.stdout = None


def run(
    pipeline: Pipeline,
    *,
    me: str,
    host: str,
    on_output: OnOutput | None,
    keep: int,
    check: bool,
    mark: str | None,
    joint: Joint | None = None,
) -> Result:
    """Run `pipeline` (or a single command as one) as `Host.run` promises; `me` is the account that dfwizard has.

    With a `joint` it may raise `Stopped` as well.
    """
    refuse_impossible(pipeline, host)
    launches = tuple(_launch(command, mark, me, host) for command in pipeline.commands)
    limits = [
        limit for limit in (pipeline.timeout, *(c.timeout for c in pipeline.commands)) if limit is not None
    ]
    with _input_file(pipeline.stdin_file, host) as source, _OutputFile(pipeline.stdout_file, host) as output:
        ends = (source, output.fd) if joint is None else (joint.stdin or source, joint.stdout or output.fd)
        began = time.monotonic()
        running = _start(pipeline, launches, ends, keep, on_output, me, host)
        if joint is not None:
            joint.close()
            running.stop_at(joint.stop)
        codes = _finish(running, pipeline, min(limits, default=None), me, host)
        seconds = time.monotonic() - began
        ended = Ended(codes, running.said, output.free)
        culprit = ended.culprit(pipeline)
        if culprit is None:
            output.settle()
            code = codes[0] if len(codes) == 1 else 0
            return Result(code, running.stdout.value(), running.stderr.value(), seconds)
        complaint = ended.complaint(pipeline, culprit, me=me, host=host, check=check)
        if complaint is not None:
            raise complaint
        failed = pipeline.commands[culprit].argv[0]
        return Result(codes[culprit], running.stdout.value(), running.stderr.value(), seconds, failed)


def search_path() -> str:
    """Give the PATH, with the system's sbin directories (runuser is there) that a plain `su` leaves out."""
    path = os.environ.get("PATH") or os.defpath
    known = path.split(os.pathsep)
    return os.pathsep.join([path, *(place for place in _SBIN if place not in known)])


def unending(left: tuple[int, ...], host: str) -> HostError:
    """Say that processes (pids) are still there after KILL."""
    pids = [str(pid) for pid in left]
    return HostError(
        f"could not end the processes {', '.join(pids)}: they are another account's, or wait for a device",
        where=host,
        remedy=f"Look at `ps -o pid,user,stat,wchan:20,args -p {','.join(pids)}`, and end them as root.",
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
            with files.telling("create", self.path, self._host):
                self.fd = os.open(self.path, flags, 0o600)
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
        with files.telling("write", self.path, self._host):
            os.fchmod(self.fd, 0o600)
            os.fsync(self.fd)
            files.sync_directory(files.parent_of(self.path))
        self._settled = True

    def free(self) -> int | None:
        """Give the bytes free on the file's disk, None when there is no file."""
        return None if self.path is None else files.free_or_none(self.path)


@contextmanager
def _input_file(path: str | None, host: str) -> Iterator[int | None]:
    if path is None:
        yield None
        return
    with files.telling("read", path, host):
        fd = files.open_to_read(path, host)
    try:
        os.set_blocking(fd, True)
        yield fd
    finally:
        os.close(fd)


SIZE = {"COLUMNS": "250", "LINES": "50"}
"""Said rather than found out: artisan asks stty for what is missing, and hands it all of `.env` in its environment."""


def _launch(command: Command, mark: str | None, me: str, host: str) -> Launch:
    """Make everything ready to start `command`, refusing now what would only fail obscurely later."""
    added = {"LC_ALL": "C.UTF-8", **SIZE, **command.env}
    if mark is not None:
        added[procfs.MARK] = mark
    env = {**os.environ, "PATH": search_path(), **added}
    env.pop("LANGUAGE", None)
    argv = run_as(replace(command, env=added), me=me)
    cwd = command.cwd
    programs = [argv[0], command.argv[0]]
    if command.user is not None and command.user != me:
        _refuse_unknown(command.user, host)
        if me != "root":
            programs = [argv[0]]  # sudo has a PATH of its own
            if cwd is not None:
                # The directory may be closed to this account and open to that one.
                at = argv.index("--") + 2
                argv, cwd = (*argv[:at], "-C", cwd, *argv[at:]), None
        cwd = cwd or "/"  # where dfwizard stands may be closed to that account
    if cwd is not None:
        _refuse_directory(cwd, host)
    for program in programs:
        if "/" not in program and shutil.which(program, path=env["PATH"]) is None:
            raise failures.not_found(program, host=host, user=command.user)
    return Launch(argv, env, cwd)


def _refuse_unknown(user: str, host: str) -> None:
    try:
        pwd.getpwnam(user)
    except (KeyError, ValueError) as error:
        raise failures.no_account(user, host=host) from error


def _refuse_directory(path: str, host: str) -> None:
    with files.telling("work in", path, host):
        found = files.describe(path, follow=True)
    if found is None or found.kind != "directory":
        state = "does not exist" if found is None else "is not a directory"
        raise failures.no_directory(path, f"it {state}", "Check the path.", host=host)
    if not os.access(path, os.X_OK):
        remedy = f"Run dfwizard as root or as {found.owner}."
        raise failures.no_directory(path, "permission denied", remedy, host=host)


def _start(
    pipeline: Pipeline,
    launches: tuple[Launch, ...],
    ends: tuple[int | None, int | None],
    keep: int,
    on_output: OnOutput | None,
    me: str,
    host: str,
) -> Running:
    given = pipeline.commands[0].stdin
    try:
        return Running(
            launches,
            stdin=given.value if isinstance(given, Secret) else given,
            stdin_fd=ends[0],
            stdout_fd=ends[1],
            keep=keep,
            on_output=on_output,
        )
    except OSError as error:
        named = isinstance(error.filename, str)
        program = error.filename if named else " | ".join(failures.short(c, me=me) for c in pipeline.commands)
        if isinstance(error, FileNotFoundError) and named:
            raise failures.not_found(program, host=host, exists=os.path.lexists(program)) from error
        raise failures.os_failure(error, doing="run", path=program, host=host) from error


def _finish(
    running: Running, pipeline: Pipeline, timeout: float | None, me: str, host: str
) -> tuple[int, ...]:
    """Let the processes run to their end or to the time limit; whatever happens, nothing of them stays behind."""
    left: tuple[int, ...] = ()
    send = _sender(pipeline, me)
    try:
        in_time = running.pump(None if timeout is None else time.monotonic() + timeout)
        if not in_time:
            left = running.end(send)
    except BaseException as error:
        running.mute()
        if isinstance(error, Stopped):
            running.kill(send)
        running.end(send)
        running.close()
        raise
    codes = running.close()
    if left:
        raise unending(left, host)
    if not in_time:
        each = [running.said(index) for index in range(len(pipeline.commands))]
        said = failures.Said(each[-1].stdout, b"\n".join(one.stderr for one in each))
        raise failures.timed_out(pipeline.commands, timeout or 0, said, me=me, host=host)
    return codes


def _sender(pipeline: Pipeline, me: str) -> procfs.Send:
    """Give how to signal the processes: what sudo started is another account's, which has to do it itself."""
    users = {c.user for c in pipeline.commands if c.user is not None and c.user != me}
    if me == "root" or not users:
        return procfs.send_signal

    def send(target: procfs.Process, number: int) -> None:
        procfs.send_signal(target, number)
        name = signal.Signals(number).name.removeprefix("SIG")
        for user in users:
            subprocess.run(
                ("sudo", "-n", "-u", user, "--", "kill", "-s", name, str(target.pid)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )

    return send
