"""Commands as shell text: what is checked before one starts, and how its process becomes the program. Quoting happens in `shell`."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from dfwizard.errors import HostError
from dfwizard.hosts import failures, procfs
from dfwizard.hosts.command import Command, run_as
from dfwizard.hosts.local_run import SIZE
from dfwizard.hosts.ssh.shell import LARGEST_WORD, call, place, word

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BASH_OWN = frozenset(
    ("BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID", "IFS", "PS4", "BASH_ENV", "ENV")
)
"""Variables that bash does not let anyone set, or that would change how the lines after them are read."""


@dataclass(frozen=True)
class Launch:
    """One command: `checks` is a shell list that is true when it can start, `start` makes a subshell become the program.

    `programs` are the programs that `checks` looks for by name.
    """

    command: Command
    checks: bytes
    start: bytes
    programs: tuple[str, ...]


def launch(
    command: Command, number: int, *, me: str, host: str, mark: str | None, leader: bytes = b""
) -> Launch:
    """Write the `number`th command of a pipeline for the server, where `me` is the account of the shell.

    `leader` is put before the program: how it gets a session of its own.

    Raises:
        HostError: no system could run it.
    """
    added = {"LC_ALL": "C.UTF-8", **SIZE, **command.env}
    if mark is not None:
        added[procfs.MARK] = mark
    argv = run_as(replace(command, env=added), me=me)
    _refuse_large(argv, command, host)
    cwd = command.cwd
    programs: tuple[str, ...] = (argv[0], command.argv[0])
    checks: list[bytes] = []
    other = command.user is not None and command.user != me
    if other:
        assert command.user is not None
        if not command.user or command.user.isdecimal():
            raise failures.no_account(command.user, host=host)
        checks.append(call("dfw_account", command.user, number))
        if me != "root":
            programs = (argv[0],)  # sudo has a PATH of its own
            if cwd is not None:
                # The directory may be closed to this account and open to that one.
                at = argv.index("--") + 2
                argv, cwd = (*argv[:at], "-C", cwd, *argv[at:]), None
        cwd = cwd or "/"
    if cwd is not None:
        checks.append(call("dfw_enterable", place(cwd), number))
    path = word(command.env["PATH"]) if "PATH" in command.env else b'"$PATH"'
    checks += [
        call("dfw_findable", program, number, path, which)
        for which, program in enumerate(programs)
        if "/" not in program
    ]
    if not other and "/" in argv[0]:
        checks.append(call("dfw_startable", place(argv[0]), number))
    return Launch(command, b" && ".join(checks) or b":", _start(argv, cwd, added, leader), programs)


def _start(argv: tuple[str, ...], cwd: str | None, env: dict[str, str], leader: bytes) -> bytes:
    plain = {name: value for name, value in env.items() if _NAME.fullmatch(name) and name not in _BASH_OWN}
    odd = [word(f"{name}={value}") for name, value in env.items() if name not in plain]
    # The programs are found before PATH changes.
    before = b"dfw_env=$(command -v env) && " if odd else b""
    enter = b"cd -- " + place(cwd) + b" && " if cwd is not None else b""
    export = b"export " + b" ".join(name.encode() + b"=" + word(value) for name, value in plain.items())
    words = [b"exec", leader, *([b'"$dfw_env"', *odd] if odd else []), *map(word, argv)]
    return before + enter + export + b" && " + b" ".join(item for item in words if item)


def _refuse_large(argv: tuple[str, ...], command: Command, host: str) -> None:
    if any(len(os.fsencode(item)) > LARGEST_WORD for item in argv):
        error = OSError(errno.E2BIG, os.strerror(errno.E2BIG))
        raise failures.os_failure(error, doing="run", path=command.argv[0], host=host)


def refusal(launch: Launch, kind: str, detail: str, *, host: str) -> HostError:
    """Turn a check's refusal into the words that this machine has for it."""
    command = launch.command
    program = command.argv[0]
    cwd = command.cwd or "/"
    refusals: dict[str, Callable[[], HostError]] = {
        "account": lambda: failures.no_account(command.user or "", host=host),
        "nowhere": lambda: failures.no_directory(cwd, "it does not exist", "Check the path.", host=host),
        "file": lambda: failures.no_directory(cwd, "it is not a directory", "Check the path.", host=host),
        "barred": lambda: failures.os_failure(
            PermissionError(errno.EACCES, ""), doing="work in", path=cwd, host=host
        ),
        "closed": lambda: failures.no_directory(
            cwd, "permission denied", f"Run dfwizard as root or as {detail}.", host=host
        ),
        "program": lambda: failures.not_found(launch.programs[int(detail)], host=host, user=command.user),
        "absent": lambda: failures.not_found(program, host=host),
        "interpreter": lambda: failures.not_found(program, host=host, exists=True),
        "forbidden": lambda: failures.os_failure(
            PermissionError(errno.EACCES, ""), doing="run", path=program, host=host
        ),
        "format": lambda: failures.os_failure(
            OSError(errno.ENOEXEC, ""), doing="run", path=program, host=host
        ),
    }
    return refusals[kind]()


def code_of(status: int, expect: tuple[int, ...]) -> int:
    """Give minus the signal's number for what a shell reports as 128 and more, unless the caller expects that very code."""
    return status if status in expect or not 128 < status <= 192 else 128 - status
