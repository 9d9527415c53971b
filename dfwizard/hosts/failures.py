"""What a host's refusals mean to a person: system errors, missing programs and failed commands as `HostError`s.

Nothing here touches a host, so that every kind of host gives the same words.
"""

from __future__ import annotations

import errno
import re
import shlex
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from dfwizard.errors import CommandFailed, CommandNotFound, CommandTimeout, HostError
from dfwizard.hosts.command import Command, render
from dfwizard.hosts.sizes import size_text

PACKAGES = {
    "apache2ctl": "apache2",
    "composer": "composer",
    "crontab": "cron",
    "curl": "curl",
    "env": "coreutils",
    "git": "git",
    "gzip": "gzip",
    "mariadb": "mariadb-client",
    "mariadb-dump": "mariadb-client",
    "mysql": "default-mysql-client",
    "mysqldump": "default-mysql-client",
    "nginx": "nginx",
    "pg_dump": "postgresql-client",
    "pg_restore": "postgresql-client",
    "php": "php-cli",
    "pigz": "pigz",
    "psql": "postgresql-client",
    "rm": "coreutils",
    "rsync": "rsync",
    "runuser": "util-linux",
    "setfacl": "acl",
    "sqlite3": "sqlite3",
    "sudo": "sudo",
    "systemctl": "systemd",
    "tar": "tar",
    "tmux": "tmux",
    "zstd": "zstd",
}
"""Debian's and Ubuntu's package for each program that dfwizard runs."""

FULL = re.compile(r"no space left on device|disk quota exceeded|errno: 28\b|\(28\)", re.IGNORECASE)
_BROKEN_PIPE = re.compile(r"broken pipe|errno:? 32\b|\bEPIPE\b", re.IGNORECASE)
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_NOT_STARTED = re.compile(
    r"^(?:runuser|env|sudo): .*(?:No such file or directory|Permission denied|command not found)",
    re.MULTILINE,
)
_SUDO_REFUSALS = (
    ("a password is required", "sudo asks for a password"),
    ("a terminal is required", "sudo asks for a password"),
    ("must have a tty", "sudo wants a terminal (requiretty)"),
    ("is not in the sudoers file", "sudo does not know this account"),
    ("not allowed to execute", "sudo does not allow it"),
    ("may not run sudo", "sudo does not allow it"),
    ("no new privileges", "sudo cannot gain privileges in this container"),
    ("unknown user", "there is no such account"),
)

_REASONS = {
    errno.EACCES: ("permission denied", "Run dfwizard as root or as the owner, or give this account access."),
    errno.EPERM: (
        "not permitted",
        "Run dfwizard as root; if it already is, look for an immutable flag (`lsattr -d`) or a read-only container.",
    ),
    errno.ENOENT: ("no such file or directory", "Check the path."),
    errno.ENOTDIR: ("a part of the path is not a directory", "Check the path."),
    errno.EISDIR: ("it is a directory", "Check the path."),
    errno.EEXIST: ("it exists already", "Choose another name, or move what is there out of the way."),
    errno.ENOTEMPTY: ("the target is a directory that is not empty", "Move what is there out of the way."),
    errno.EXDEV: (
        "source and target are on different filesystems",
        "Choose a target on the same filesystem.",
    ),
    errno.EROFS: ("the filesystem is mounted read-only", "Remount it read-write, then try again."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space or raise the quota, then try again."),
    errno.EFBIG: (
        "the file would be larger than allowed here",
        "Look at `ulimit -f` and at the filesystem's limits.",
    ),
    errno.ELOOP: (
        "a symlink leads back to itself, or is not followed here",
        "Look at the links with `namei -l`.",
    ),
    errno.ENAMETOOLONG: ("the name is too long", "Use a shorter path."),
    errno.EBUSY: ("it is in use or a mount point", "Unmount it or stop what uses it, then try again."),
    errno.EIO: ("the disk reports an error", "Look at `dmesg`; the disk may be failing."),
    errno.EMFILE: ("too many files are open", "Raise `ulimit -n`, then try again."),
    errno.E2BIG: ("the argument list is too long", "Pass fewer or shorter arguments."),
    errno.EAGAIN: ("the limit of processes is reached", "Look at `ulimit -u` and at what is running."),
    errno.ENOMEM: ("there is not enough memory", "Free some memory or add swap, then try again."),
    errno.ENOEXEC: ("it is not a program", "It lacks a `#!` line, or is made for another machine."),
}


def shown(text: str) -> str:
    """Give `text` fit for a message: what cannot be printed, and bytes that are not UTF-8, are escaped."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # how os.fsdecode gives a byte that is not UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def os_failure(
    error: OSError | ValueError, *, doing: str, path: str, host: str, free: int | None = None
) -> HostError:
    """Turn what the system said while `doing` something with `path` into a `HostError`.

    `free` is what is left on the filesystem of `path`, for the message about a full disk.
    """
    if not isinstance(error, OSError):
        return HostError(
            f"cannot {doing} {shown(path)}: it is not a possible path ({error})",
            where=host,
            remedy="Check the path: it must not hold a NUL byte.",
        )
    if error.errno == errno.ENOSPC:
        return full_disk(doing, path, free, host=host)
    reason, remedy = _REASONS.get(
        error.errno or 0, (error.strerror or str(error), "Mend that, then try again.")
    )
    return HostError(f"cannot {doing} {shown(path)}: {reason}", where=host, remedy=remedy)


def full_disk(doing: str, path: str, free: int | None, *, host: str) -> HostError:
    """Say that the filesystem of `path`, on which `free` bytes are left, is full."""
    left = "" if free is None else f", {size_text(free)} free"
    return HostError(
        f"cannot {doing} {shown(path)}: the disk of {shown(path)} is full{left}",
        where=host,
        remedy="Free some space there (or inodes: `df -i`), then try again.",
    )


def no_room(to: str, needed: int, free: int, *, host: str) -> HostError:
    """Say that what is to be copied to `to` needs so many more bytes there than are free."""
    return HostError(
        f"cannot copy to {shown(to)}: {size_text(needed)} more are needed there, {size_text(free)} are free",
        where=host,
        remedy="Free some space there, then try again; what has been copied already is kept.",
    )


def no_regular_file(doing: str, path: str, *, host: str) -> HostError:
    """Say that `path` is a symlink, a directory or a device where a file's bytes are wanted."""
    return HostError(
        f"cannot {doing} {shown(path)}: it is not a regular file",
        where=host,
        remedy="See what it is (`ls -ld`), and move it out of the way if nobody needs it.",
    )


def too_short(path: str, size: int, wanted: int, *, host: str) -> HostError:
    """Say that a file that was to be continued holds fewer bytes than were there before."""
    return HostError(
        f"cannot go on writing {shown(path)} at byte {wanted}: it holds {size} bytes",
        where=host,
        remedy="Something else changes that file; see what, then try again.",
    )


def given_up(doing: str, *, host: str) -> HostError:
    """Say that a stream was closed while somebody was still at it."""
    return HostError(f"cannot {doing} any more: this was given up", where=host)


def stopped_reading(program: str, *, host: str) -> HostError:
    """Say that a command took less than all that it was to read, and saw nothing wrong in that."""
    return HostError(f"{shown(program)} ended before it had read all of its input", where=host)


def not_found(program: str, *, host: str, user: str | None = None, exists: bool = False) -> CommandNotFound:
    """Say that `program` is not installed, and how to get it. When it `exists`, its interpreter is what is missing."""
    if exists:
        return CommandNotFound(
            f"{shown(program)} is there, but not the interpreter that it names",
            where=host,
            remedy=f"Look at its first line: head -1 {shlex.quote(shown(program))}",
        )
    if "/" in program:
        return CommandNotFound(
            f"there is no program {shown(program)}", where=host, remedy="Check its path, or install it."
        )
    whose = f" of {user}, or {user} may not execute it" if user else ""
    if program in PACKAGES:
        remedy = f"Install it, on Debian or Ubuntu with: apt-get install {PACKAGES[program]}"
    else:
        remedy = "Install it, or check its name and path."
    return CommandNotFound(f"{shown(program)} is not on the PATH{whose}", where=host, remedy=remedy)


def no_account(user: str, *, host: str) -> HostError:
    """Say that there is no such account to run as or to own a file."""
    return HostError(
        f"there is no account {shown(user)!r} here",
        where=host,
        remedy="Name an account that exists (`getent passwd`), or create it.",
    )


def no_group(group: str, *, host: str) -> HostError:
    """Say that there is no such group to own a file."""
    return HostError(
        f"there is no group {shown(group)!r} here",
        where=host,
        remedy="Name a group that exists (`getent group`), or create it.",
    )


def not_given(path: str, owner: str | None, group: str | None, *, me: str, host: str) -> HostError:
    """Say that `me`, who is not root, cannot give a file to that owner and group."""
    whom = f"{owner or me}:{group or ''}".removesuffix(":")
    return HostError(
        f"only root can give {shown(path)} to {whom}",
        where=host,
        remedy=f"Run dfwizard as root, or as {owner or 'a member of that group'}.",
    )


def no_directory(path: str, reason: str, remedy: str, *, host: str) -> HostError:
    """Say that a command cannot work in `path`."""
    return HostError(f"cannot work in {shown(path)}: {reason}", where=host, remedy=remedy)


@dataclass(frozen=True)
class Said:
    """The last that a command wrote: bytes of its stdout (empty where a pipe took them) and of its stderr."""

    stdout: bytes
    stderr: bytes

    @property
    def errors(self) -> str:
        """Give the end of stderr as text."""
        return self.stderr[-4096:].decode("utf-8", "replace")

    def lines(self, count: int = 20) -> str:
        """Give the last `count` lines that say something; those of stderr come last and first in importance."""
        errors = _useful(self.stderr)[-count:]
        room = count - len(errors)
        return "\n".join([*_useful(self.stdout)[-room:], *errors] if room else errors)


def _useful(output: bytes, width: int = 400) -> list[str]:
    """Give the lines of `output` without blank ones, colours, overwritten progress and control characters."""
    lines: list[str] = []
    for raw in output.decode("utf-8", "replace").split("\n"):
        line = _TERMINAL.sub("", raw).rstrip().rsplit("\r", 1)[-1].rstrip()
        line = "".join(
            char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line
        )
        if line.strip():
            lines.append(line if len(line) <= width else f"…{line[-width:]}")
    return lines


def broken_pipe(code: int, said: Said) -> bool:
    """Tell whether a command failed only because its reader was gone (SIGPIPE, or what mysqldump and tar make of it)."""
    return code in (-signal.SIGPIPE, 128 + signal.SIGPIPE) or bool(_BROKEN_PIPE.search(said.errors))


def ending(code: int) -> str:
    """Say how a command ended: `ended with code 3`, or `was ended by SIGKILL`."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def short(command: Command, *, me: str, width: int = 200) -> str:
    """Give the command as one line for a message, cut in the middle where it is long."""
    text = shown(render(command, me=me))
    return text if len(text) <= width else f"{text[: width - 60]} … {text[-50:]}"


def timed_out(
    commands: Sequence[Command], seconds: float, said: Said, *, me: str, host: str
) -> CommandTimeout:
    """Say that a command, or a pipeline, took longer than `seconds`, with the last it said."""
    text = " | ".join(short(command, me=me) for command in commands)
    lines = said.lines(5)
    after = f" The last it said:\n{lines}" if lines else " It had said nothing."
    return CommandTimeout(
        f"{text} took longer than {seconds:g} s and has been stopped",
        where=host,
        remedy=f"See what it was waiting for, or give it more time.{after}",
    )


def refused(command: Command, code: int, said: Said, *, me: str, host: str) -> HostError | None:
    """Tell what sudo, runuser or env made of a command that never started; None when it did start.

    Only a command that runs as another user passes through these; texts are those of LC_ALL=C.
    """
    if command.user is None or command.user == me:
        return None
    text = said.errors
    program = command.argv[0]
    unstarted = code in (126, 127) or (code == 1 and f"sudo: {program}: command not found" in text)
    if unstarted and _NOT_STARTED.search(text):
        return not_found(program, host=host, user=command.user)
    if (
        me != "root"
        and code == 1
        and re.search(r"^(?:sudo: |sorry, )|sudoers", text, re.IGNORECASE | re.MULTILINE)
    ):
        for phrase, meaning in _SUDO_REFUSALS:
            if phrase in text:
                return HostError(
                    f"{me} may not run {shown(program)} as {command.user}: {meaning}",
                    where=host,
                    remedy=f"Run dfwizard as root or as {command.user}, or allow it with a NOPASSWD line in sudoers.",
                )
    if code == 125 and (found := re.search(r"^env: cannot change directory to .*$", text, re.MULTILINE)):
        return HostError(found[0].removeprefix("env: "), where=host, remedy="Check the path and its owner.")
    return None


def failed(
    command: Command,
    code: int,
    said: Said,
    *,
    me: str,
    host: str,
    removed: str | None = None,
    free: int | None = None,
) -> CommandFailed:
    """Say that `command` ended with a code it should not, with its last lines.

    `removed` is the unfinished output file that has been taken away again, `free` what was left on its disk before that.
    """
    tail = said.lines()
    what = f"{short(command, me=me)} {ending(code)}"
    remedy = "Its last lines follow." if tail else "It said nothing."
    if removed is not None:
        full = FULL.search(tail) or (free is not None and free < 1 << 16)
        if full:
            left = "" if free is None else f", {size_text(free)} free"
            what += f": the disk of {shown(removed)} is full{left}"
            remedy = f"Free some space there, then try again. {remedy}"
        remedy = f"The unfinished {shown(removed)} has been removed. {remedy}"
    elif code == -signal.SIGKILL:
        remedy = f"If nobody ended it, the memory ran out: look at `dmesg`. {remedy}"
    return CommandFailed(what, code=code, tail=tail, where=host, remedy=remedy)
