"""Running commands and pipelines on a server: from a `Command` as data to a `Result` or an error in the words of this machine's."""

from __future__ import annotations

import time

from dfwizard.errors import HostError
from dfwizard.hosts import failures
from dfwizard.hosts.base import OnOutput
from dfwizard.hosts.command import Pipeline, Result, Secret
from dfwizard.hosts.ssh.job_script import Task
from dfwizard.hosts.ssh.jobs import PATIENCE, Job
from dfwizard.hosts.ssh.launching import Launch, code_of, launch, refusal
from dfwizard.hosts.ssh.messages import refusal as file_refusal
from dfwizard.hosts.ssh.output import Output
from dfwizard.hosts.ssh.plain import run_plain
from dfwizard.hosts.ssh.worker import INLINE
from dfwizard.hosts.ssh.workers import Workers
from dfwizard.hosts.verdict import Ended, refuse_impossible


def run(
    workers: Workers,
    pipeline: Pipeline,
    *,
    on_output: OnOutput | None,
    keep: int,
    check: bool,
    mark: str | None,
    patience: float = PATIENCE,
) -> Result:
    """Run `pipeline` (or a single command as one) as `Host.run` promises.

    With `mark` it survives lost connections; so does all that needs files on the server: a pipeline, and a large input.
    `patience` is how many seconds without a link are waited for it.
    """
    host = workers.name
    refuse_impossible(pipeline, host)
    server = workers.server
    me = server.user
    limits = [
        limit for limit in (pipeline.timeout, *(c.timeout for c in pipeline.commands)) if limit is not None
    ]
    timeout = min(limits, default=None)
    plain = mark is None and _is_plain(pipeline)
    leader = b'"$dfw_setsid"' if plain and server.sessions else b""
    launches = tuple(
        launch(command, number, me=me, host=host, mark=mark, leader=leader)
        for number, command in enumerate(pipeline.commands)
    )
    users = () if me == "root" else tuple({c.user for c in pipeline.commands if c.user not in (None, me)})
    output = Output(keep, on_output)
    began = time.monotonic()
    if plain:
        ended = _plainly(workers, launches[0], output, timeout, users)
    else:
        ended = _durably(workers, Task(pipeline, launches, me, mark or "", users), output, timeout, patience)
    seconds = time.monotonic() - began
    if ended is None:
        raise failures.timed_out(pipeline.commands, timeout or 0, output.said(), me=me, host=host)
    stdout, stderr = output.stdout.value(), output.stderr.value()
    culprit = ended.culprit(pipeline)
    if culprit is None:
        return Result(ended.codes[0] if len(ended.codes) == 1 else 0, stdout, stderr, seconds)
    complaint = ended.complaint(pipeline, culprit, me=me, host=host, check=check)
    if complaint is not None:
        raise complaint
    return Result(ended.codes[culprit], stdout, stderr, seconds, pipeline.commands[culprit].argv[0])


def _is_plain(pipeline: Pipeline) -> bool:
    """Tell whether a worker alone can run it: one command, no files, and an input that fits into the request."""
    if len(pipeline.commands) > 1 or pipeline.stdin_file is not None or pipeline.stdout_file is not None:
        return False
    given = pipeline.commands[0].stdin
    return given is None or len(given.value if isinstance(given, Secret) else given) <= INLINE


def _plainly(
    workers: Workers, only: Launch, output: Output, timeout: float | None, users: tuple[str, ...]
) -> Ended | None:
    """Run one command in a worker; None when it took too long."""
    status = run_plain(workers, only, output, timeout, users)
    if status is None:
        return None
    return Ended((code_of(status, only.command.expect),), lambda _: output.said())


def _durably(
    workers: Workers, task: Task, output: Output, timeout: float | None, patience: float
) -> Ended | None:
    """Run it as a job; None when it took too long."""
    job = Job(workers, task, output, patience=patience)
    if not job.run(timeout):
        return None
    kind, *words = job.parts.get("end", b"").decode("utf-8", "surrogateescape").split()
    if kind == "refused":
        raise _refused(task, words, job.parts.get("why", b""), workers.name)
    codes, _, free = job.parts["end"].partition(b"\n")
    last = len(task.launches) - 1

    def said(index: int) -> failures.Said:
        whole = output.said()
        errors = job.parts.get(str(index), b"") if last else whole.stderr
        return failures.Said(whole.stdout if index == last else b"", errors)

    def left() -> int | None:
        numbers = [int(number) for number in free.split()[1:]]
        return numbers[0] * numbers[1] if len(numbers) == 2 else None

    statuses = [int(code) for code in codes.split()[1:]]
    expected = [launch.command.expect for launch in task.launches]
    return Ended(tuple(map(code_of, statuses, expected)), said, left)


def _refused(task: Task, words: list[str], why: bytes, host: str) -> HostError:
    """Say why the job did not start its commands, or could not keep what they wrote."""
    kind, pipeline = words[0], task.pipeline
    files = {
        "input": ("read", pipeline.stdin_file),
        "output": ("create", pipeline.stdout_file),
        "unsettled": ("write", pipeline.stdout_file),
    }
    if kind in files:
        doing, path = files[kind]
        return file_refusal(why, doing=doing, path=path or "", host=host)
    return refusal(task.launches[int(words[1])], kind, " ".join(words[2:]), host=host)
