"""A durable command as the script that runs on the server, and the request that starts it."""

from __future__ import annotations

from dataclasses import dataclass

from dfwizard.hosts import failures
from dfwizard.hosts.command import Pipeline, Secret
from dfwizard.hosts.ssh.frames import new_token
from dfwizard.hosts.ssh.launching import Launch
from dfwizard.hosts.ssh.shell import call, functions, place
from dfwizard.hosts.ssh.worker import Server


@dataclass(frozen=True)
class Task:
    """What a job does: a pipeline with its commands written for the server, where `me` is the account of the shell.

    `mark` is what its processes carry (empty: nothing), `users` the accounts whose processes only they can end.
    """

    pipeline: Pipeline
    launches: tuple[Launch, ...]
    me: str
    mark: str = ""
    users: tuple[str, ...] = ()

    @property
    def payload(self) -> bytes | None:
        """Give what the first command reads."""
        given = self.pipeline.commands[0].stdin
        return given.value if isinstance(given, Secret) else given

    def short(self) -> str:
        """Give the commands as one line for a message."""
        return " | ".join(failures.short(command, me=self.me) for command in self.pipeline.commands)


def start_request(task: Task, job: str, server: Server) -> bytes:
    """Write the request that starts `task` as the job of that id and follows it."""
    end = new_token().encode()
    size = "" if task.payload is None else len(task.payload)
    sessions = "yes" if server.sessions else ""
    script = b"dfw_script() { cat <<'" + end + b"'\n" + _script(task) + end + b"\n}\n"
    return script + call("dfw_job_start", job, task.mark, size, sessions)


def _script(task: Task) -> bytes:
    pipeline, launches = task.pipeline, task.launches
    lines = [
        functions("common.sh", "commands.sh", "job.sh"),
        b"dfw_count=%d" % len(launches),
        b"dfw_input_file=" + (place(pipeline.stdin_file) if pipeline.stdin_file else b""),
        b"dfw_output_file=" + (place(pipeline.stdout_file) if pipeline.stdout_file else b""),
        b"dfw_checks() { " + b" && ".join(launch.checks for launch in launches) + b"\n}",
        *(b"dfw_start%d() { " % number + launch.start + b"\n}" for number, launch in enumerate(launches)),
        b"dfw_members() { " + _members(len(launches)) + b"\n}",
        b"dfw_expected() {",
        *(_expected(number, launch.command.expect) for number, launch in enumerate(launches)),
        b"}",
        b'dfw_job "$1"',
        b"exit 0",
        b"",
    ]
    return b"\n".join(lines)


def _members(count: int) -> bytes:
    """Write the commands joined by pipes, each with its own stderr, leaving its exit code in a file."""
    members = []
    for number in range(count):
        source = b" <&3" if number == 0 else b""
        sink = b" >&7" if number == count - 1 else b""
        streams = source + sink + b' 2>"$dfw_dir/e%d" 3<&- 7>&-' % number
        members.append(b'{ (dfw_start%d)%s; echo "$?" >"$dfw_dir/c%d"; }' % (number, streams, number))
    return b" |\n".join(members)


def _expected(number: int, expect: tuple[int, ...]) -> bytes:
    codes = b" | ".join(b"%d" % (code if code >= 0 else 128 - code) for code in expect) or b"none"
    return b'case "$dfw_code%d" in %s) ;; *) return 1 ;; esac' % (number, codes)
