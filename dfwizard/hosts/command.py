"""Commands as data: what is run, as whom, with what on stdin; and how they are written for a person.

A command is an argv list; no shell reads it. Quoting happens here alone, in `render` and `render_pipeline`, which
give exactly the shell text that does the same when typed by hand. Secrets never stand in argv or environment: they travel on
stdin, wrapped in `Secret`, or in 0600 files.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(
    "case|coproc|do|done|elif|else|esac|fi|for|function|if|in|select|then|time|until|while"
)
"""Words that a shell reads as its own grammar unless they are quoted."""
_BUILTIN = re.compile(
    r"\[|alias|bg|break|cd|command|continue|echo|eval|exec|exit|export|fg|getopts|hash|jobs|kill|printf|pwd|read"
    "|readonly|return|set|shift|test|times|trap|type|ulimit|umask|unalias|unset|wait"
)
"""Names that a shell runs itself, not always as the program of that name does (dash's echo); env(1) runs the program."""


@dataclass(frozen=True, repr=False)
class Secret:
    """Bytes that must never be shown; `repr` and `str` give asterisks."""

    value: bytes

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


@dataclass(frozen=True)
class Command:
    """One program to run on a host.

    `user` is the account to run as (None: the account dfwizard itself has there). `env` is added to the environment.
    `stdin` is what the program reads (None: /dev/null). `timeout` is in seconds (None: no limit). `expect` holds the exit
    codes that count as success.
    """

    argv: tuple[str, ...]
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stdin: bytes | Secret | None = None
    timeout: float | None = None
    expect: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Pipeline:
    """Commands joined by pipes. It fails when any of them fails, not only the last.

    `stdin_file` feeds the first; `stdout_file` takes the output of the last: it is created anew with mode 0600, an existing file
    is an error, and what was written is on the disk (fsync) when the pipeline has succeeded.
    """

    commands: tuple[Command, ...]
    stdin_file: str | None = None
    stdout_file: str | None = None
    timeout: float | None = None


@dataclass(frozen=True)
class Result:
    """What a finished command left behind.

    `code` is the exit code, or minus the signal's number; of a pipeline the first failed command's, else 0. `stdout` and
    `stderr` hold at most the last bytes that the caller asked to keep. `seconds` is wall time. `failed` is the argv[0] of the
    command that failed, None on success.
    """

    code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    failed: str | None = None

    @property
    def text(self) -> str:
        """Give stdout as text; bytes that are not UTF-8 become U+FFFD."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Give stderr as text; bytes that are not UTF-8 become U+FFFD."""
        return self.stderr.decode("utf-8", "replace")


def run_as(command: Command, *, me: str) -> tuple[str, ...]:
    """Give the argv that runs `command` as its user when dfwizard itself runs as `me`.

    Root uses runuser (util-linux, on every server); anyone else needs sudo without a password. The environment is passed by
    env(1) so that what is shown is what runs on both ways.
    """
    if command.user is None or command.user == me:
        return command.argv
    assignments = tuple(f"{key}={value}" for key, value in command.env.items())
    env = ("env", *assignments) if assignments else ()
    if me == "root":
        return ("runuser", "-u", command.user, "--", *env, *command.argv)
    return ("sudo", "-n", "-u", command.user, "--", *env, *command.argv)


def render(command: Command, *, me: str = "root") -> str:
    """Write `command` as one line of POSIX shell (without its cwd)."""
    argv = run_as(command, me=me)
    words = [shlex.quote(word) for word in argv]
    if argv is not command.argv:
        return " ".join(words)
    if _RESERVED.fullmatch(argv[0]) or "=" in argv[0]:
        words[0] = f"'{argv[0]}'" if words[0] == argv[0] else words[0]
    pairs = [(key, shlex.quote(value)) for key, value in command.env.items()]
    by_env = bool(_BUILTIN.fullmatch(argv[0])) or not all(_NAME.fullmatch(key) for key, _ in pairs)
    before = ["env"] if by_env else []
    return " ".join([*before, *(f"{shlex.quote(key)}={value}" for key, value in pairs), *words])


def render_pipeline(pipeline: Pipeline, *, me: str = "root") -> str:
    """Write `pipeline` as one line of shell, as a person would type it."""
    text = " | ".join(render(command, me=me) for command in pipeline.commands)
    if pipeline.stdin_file:
        first, *rest = (render(command, me=me) for command in pipeline.commands)
        text = " | ".join([f"{first} < {shlex.quote(pipeline.stdin_file)}", *rest])
    if pipeline.stdout_file:
        text += f" > {shlex.quote(pipeline.stdout_file)}"
    return text
