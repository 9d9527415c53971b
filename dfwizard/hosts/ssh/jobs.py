"""Durable commands: they run on the server in a session of their own, whoever watches, and are started exactly once.

A job is a 0700 directory there with its output and its end. This side follows it through a worker; when the link is lost it comes back
and goes on at the byte where it stopped. Whether a job whose start was cut off has begun is decided on the server: whoever makes the
directory `claim` first, the job or the returning client.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts import process
from dfwizard.hosts.procfs import Process
from dfwizard.hosts.ssh.ending import end_tree
from dfwizard.hosts.ssh.frames import Mark
from dfwizard.hosts.ssh.job_script import Task, start_request
from dfwizard.hosts.ssh.messages import refusal as file_refusal
from dfwizard.hosts.ssh.output import Output
from dfwizard.hosts.ssh.shell import call
from dfwizard.hosts.ssh.worker import Server, Worker
from dfwizard.hosts.ssh.workers import Workers

PATIENCE = 1800.0
"""Seconds without a link after which following a job is given up; the job itself goes on."""
_SETTLING = 5.0
"""Seconds that a job has to write down its end once its commands have been ended."""


class Job:
    """One durable command or pipeline, from its start to the removal of its directory."""

    def __init__(self, workers: Workers, task: Task, output: Output, *, patience: float = PATIENCE) -> None:
        self._workers = workers
        self._task = task
        self._output = output
        self._patience = patience
        self._begin_anew()

    def run(self, timeout: float | None) -> bool:
        """Start it and follow it to its end; False when it took longer than `timeout` and was ended.

        Raises:
            ConnectionLost: the link did not come back; the job goes on.
            HostError: it could not be started, was killed from outside, or the server was restarted meanwhile.
        """
        until = None if timeout is None else time.monotonic() + timeout
        lost_at: float | None = None
        while True:
            try:
                wait = None if lost_at is None else max(0.0, lost_at + self._patience - time.monotonic())
                with self._workers.lent(wait=wait) as worker:
                    lost_at = None
                    in_time = self._watch(worker, until)
            except ConnectionLost as error:
                lost_at = time.monotonic() if lost_at is None else lost_at
                if time.monotonic() >= lost_at + self._patience:
                    raise self._given_up(error) from error
                continue
            except HostError as error:
                if lost_at is None:
                    raise
                raise self._given_up(error) from error
            if not self._never:
                break
            self._begin_anew()
        self._forget()
        if self._gone and in_time:
            raise self._vanished()
        return in_time

    def _begin_anew(self) -> None:
        self._id = secrets.token_hex(12)
        self._starter: Server | None = None
        """The shell that was told to start it."""
        self._started = False
        self._never = False
        self._gone = ""
        self._pids: tuple[int, ...] = ()
        self._come = {"stdout": 0, "stderr": 0}
        self._part = ""
        self.parts: dict[str, bytes] = {}
        """What comes behind the output: how it ended, why it was refused, what each command said last."""

    def _watch(self, worker: Worker, until: float | None) -> bool:
        """Start it or come back to it, and follow it to its end; False when time was over and it was ended."""
        if self._starter is None:
            body = start_request(self._task, self._id, worker.server)
            payload = self._task.payload
        else:
            # The shell that may still be starting it must not do so later, once we have looked.
            unsure = not self._started and self._starter.boot == worker.server.boot
            fence = (self._starter.pid, self._starter.started) if unsure else ("", "")
            body = call("dfw_job_attach", self._id, self._come["stdout"], self._come["stderr"], *fence)
            payload = None
        following = _Following(self, worker)
        try:
            self._starter = self._starter or worker.server
            worker.begin(b"(\n" + body + b"\n)\ndfw_end $?", payload=payload)
            if following.pump(following.over, until):
                following.check()
                return True
        except ConnectionLost:
            raise
        except BaseException:
            self._output.mute()
            following.end()
            self._forget()
            raise
        following.end()
        return False

    def note(self, mark: Mark) -> None:
        """Take what the server says about the job."""
        if mark.letter == "F":
            self._started = True
        elif mark.letter == "P":
            self._pids = tuple(int(pid) for pid in mark.argument.split())
        elif mark.letter == "N":
            self._never = True
        elif mark.letter == "G":
            self._gone = mark.argument
        elif mark.letter in ("D", "W", "M"):
            self._part = {"D": "end", "W": "why"}.get(mark.letter, mark.argument)
            self.parts[self._part] = b""

    def take(self, stream: str, data: bytes) -> None:
        """Take what the commands have written, or what comes behind it."""
        if self._part and stream == "stdout":
            self.parts[self._part] += data
            return
        kind = "stdout" if stream == "stdout" else "stderr"
        self._come[kind] += len(data)
        self._output.take("stdout" if stream == "stdout" else "stderr", data)

    def end_processes(self, pause: Callable[[float], None], *, all_of_them: bool) -> None:
        """End the commands; the job's own processes end by themselves once those have, unless `all_of_them` are to go."""
        if not self._pids:
            return
        several = len(self._task.launches) > 1

        def ours(member: Process) -> bool:
            return not all_of_them and (
                member.pid in self._pids or (several and member.parent == self._pids[0])
            )

        end_tree(
            self._workers,
            [self._pids[0]],
            grace=process.TERM_GRACE,
            pause=pause,
            users=self._task.users,
            spare=ours,
        )

    @property
    def has_pids(self) -> bool:
        """Whether its processes are known."""
        return bool(self._pids)

    def _forget(self) -> None:
        self._workers.ask(call("dfw_job_forget", self._id), wait=self._patience)

    def _given_up(self, error: HostError) -> ConnectionLost:
        return ConnectionLost(
            f"the link was lost {self._patience / 60:.0f} minutes ago and did not come back; "
            f"{self._task.short()} goes on there: {error.what}",
            where=self._workers.name,
            remedy="When the host can be reached again, resume the run: what is still running there is found.",
        )

    def _vanished(self) -> HostError:
        if self._gone == "restarted":
            what, remedy = (
                "was ended by a restart of the server",
                "Resume the run once the server is up again.",
            )
        else:
            what = "was killed from outside before it could say how it ended"
            remedy = "If nobody ended it, the memory ran out: look at `dmesg` there."
        return HostError(f"{self._task.short()} {what}", where=self._workers.name, remedy=remedy)


class _Following:
    """One worker's part in following a job."""

    def __init__(self, job: Job, worker: Worker) -> None:
        self._job = job
        self._worker = worker
        self._ends: list[int] = []
        self._begun: set[str] = set()
        self._said = b""

    def over(self) -> bool:
        """Whether the server has said its last word."""
        return len(self._ends) == 2

    def pump(self, done: Callable[[], bool], until: float | None) -> bool:
        """Take what comes until `done` (True) or the monotonic clock passes `until` (False)."""
        while not done():
            if until is not None and time.monotonic() >= until:
                return False
            for stream, event in self._worker.events(until):
                if isinstance(event, bytes):
                    if stream in self._begun:
                        self._job.take(stream, event)
                    else:
                        self._said += event
                    continue
                if event.letter == "F":
                    self._begun.add(stream)
                if event.letter == "E":
                    self._ends.append(int(event.argument))
                self._job.note(event)
        return True

    def check(self) -> None:
        """See that it was started.

        Raises:
            HostError: the server could not keep a job at all.
        """
        if self._ends[0]:
            raise file_refusal(
                self._said,
                doing="keep a command's output in",
                path="the jobs directory",
                host=self._worker.host,
            )

    def end(self) -> None:
        """End the commands on the server, hearing meanwhile what they say, and wait for the job's own end."""
        self.pump(lambda: self._job.has_pids or self.over(), time.monotonic() + 2 * process.TERM_GRACE)

        def pause(seconds: float) -> None:
            until = time.monotonic() + seconds
            self.pump(self.over, until)
            time.sleep(max(0.0, until - time.monotonic()))

        self._job.end_processes(pause, all_of_them=False)
        if not self.pump(self.over, time.monotonic() + _SETTLING):
            self._job.end_processes(pause, all_of_them=True)
            self.pump(self.over, time.monotonic() + _SETTLING)
