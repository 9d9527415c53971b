"""The application's log: how far it had come, and what it has logged since then, the same message once with its number."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host

MOST_MESSAGES = 200
LONGEST_LINE = 500

_CHUNK = 1 << 20
_MOST_READ = 64 << 20
# Laravel's line format.
_ERROR = re.compile(rb"^\[\d{4}-\d\d-\d\d[T ][\d:.+-]+\] \w+\.(?:ERROR|CRITICAL|ALERT|EMERGENCY): ")
# What artisan logs when it is asked for its version as the guide asks; no release knows the command.
_OWN_QUESTION = b'Command "df:version" is not defined'
# Where Laravel's formatter begins the stack of an exception.
_STACK = b' {"exception":'


@dataclass(frozen=True)
class LogFile:
    """A file of the log directory: `inode` tells it again when it has been renamed, `size` where its new bytes begin."""

    name: str
    inode: int
    size: int


@dataclass(frozen=True)
class LogState:
    """The files in `storage/logs` at one moment."""

    files: tuple[LogFile, ...] = ()


@dataclass(frozen=True)
class LoggedError:
    """One message and how often it came: `line` is the first that said it, with its time."""

    line: str
    times: int = 1

    @property
    def text(self) -> str:
        """Give the line, with the number where there is more than one."""
        return self.line if self.times == 1 else f"{self.line} ({self.times} times)"


def log_state(host: Host, instance: str) -> LogState:
    """Record how far the application's log has come; a missing or unreadable directory is an empty state."""
    directory = posixpath.join(instance, "storage/logs")
    files = []
    try:
        names = host.listdir(directory) if host.stat(directory) else ()
        for name in names:
            stat = host.stat(posixpath.join(directory, name))
            if stat is not None and stat.kind == "file":
                files.append(LogFile(name, stat.inode, stat.size))
    except HostError:
        return LogState(tuple(files))
    return LogState(tuple(files))


def new_errors(
    host: Host,
    instance: str,
    before: LogState,
    *,
    redact: Callable[[str], str] = str,
) -> tuple[LoggedError, ...]:
    """Give the errors that were logged since `before`, in the order in which each message came first, `redact` applied.

    At most 200 different messages, each at most 500 characters. Of a file that was there only the new bytes are read; one that
    was rotated away is known by its inode, one that was cut short is read from its beginning. At most 64 MiB are read. Stacks are
    left out, and so is what dfwizard's own question for `df:version` logs. Log lines may hold credentials: `redact` has to know
    them.
    """
    known = {item.inode: item for item in before.files}
    found = _Errors()
    left = _MOST_READ
    for item in log_state(host, instance).files:
        old = known.get(item.inode)
        if old is None and not item.name.endswith(".log"):
            continue  # compressed, or of another program
        offset = old.size if old is not None and old.size <= item.size else 0
        if offset == item.size or left <= 0:
            continue
        path = posixpath.join(instance, "storage/logs", item.name)
        left -= found.read(host, path, offset, min(item.size, offset + left))
    return tuple(LoggedError(redact(line), times) for line, times in found.messages.values())


class _Errors:
    """Collects messages by what they say without their time: the first line that said it, and how often it was said."""

    def __init__(self) -> None:
        self.messages: dict[str, tuple[str, int]] = {}

    def read(self, host: Host, path: str, offset: int, end: int) -> int:
        """Take the errors of a file between two offsets; give how many bytes were read."""
        rest = b""
        start = offset
        while offset < end:
            try:
                chunk = host.read(path, limit=min(_CHUNK, end - offset), offset=offset)
            except HostError:
                break
            if not chunk:
                break
            offset += len(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                self._take(line)
            rest = rest[: LONGEST_LINE * 8]  # a line is told by its beginning, and only that is shown
        self._take(rest)
        return offset - start

    def _take(self, line: bytes) -> None:
        if _ERROR.match(line) is None or _OWN_QUESTION in line[:200]:
            return
        text = _cut(line)
        message = text.partition("] ")[2]
        first, times = self.messages.get(message, (text, 0))
        if times or len(self.messages) < MOST_MESSAGES:
            self.messages[message] = (first, times + 1)


def _cut(line: bytes) -> str:
    text = line.partition(_STACK)[0].decode("utf-8", "replace").rstrip("\r")
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"
