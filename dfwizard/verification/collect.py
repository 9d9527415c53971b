"""What a verification looks at besides facts: the application's log, and who owns the tree."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host, Stream
from dfwizard.hosts.command import Command
from dfwizard.verification.situation import TreeOwners

MOST_LINES = 20
LONGEST_LINE = 500
MOST_STRANGERS = 50

_CHUNK = 1 << 20
_MOST_READ = 64 << 20
# Laravel's line format.
_ERROR = re.compile(rb"^\[\d{4}-\d\d-\d\d[T ][\d:.+-]+\] \w+\.(?:ERROR|CRITICAL|ALERT|EMERGENCY): ")
# What artisan logs when it is asked for its version as the guide asks; no release knows the command.
_OWN_QUESTION = b'Command "df:version" is not defined'
# Where Laravel's formatter begins the stack of an exception.
_STACK = b' {"exception":'
# Directories that the application writes to; below storage two levels are enough to see a wrong mode.
_PLACES = re.compile(r"(?:|\.env|bootstrap/cache|storage(?:/[^/]+){0,2})")


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
) -> tuple[str, ...]:
    """Give the error lines that were logged since `before`: at most 20, each at most 500 characters, `redact` applied.

    Of a file that was there only the new bytes are read; one that was rotated away is known by its inode, one that was cut
    short is read from its beginning. At most 64 MiB are read. Stacks are left out, and so is what dfwizard's own question
    for `df:version` logs. Log lines may hold credentials: `redact` has to know them.
    """
    known = {item.inode: item for item in before.files}
    lines: list[str] = []
    left = _MOST_READ
    for item in log_state(host, instance).files:
        old = known.get(item.inode)
        if old is None and not item.name.endswith(".log"):
            continue  # compressed, or of another program
        offset = old.size if old is not None and old.size <= item.size else 0
        if offset == item.size or len(lines) >= MOST_LINES or left <= 0:
            continue
        path = posixpath.join(instance, "storage/logs", item.name)
        found, read = _errors_in(host, path, offset, min(item.size, offset + left), MOST_LINES - len(lines))
        left -= read
        lines += found
    return tuple(redact(line) for line in lines)


def _errors_in(host: Host, path: str, offset: int, end: int, most: int) -> tuple[list[str], int]:
    lines: list[str] = []
    rest = b""
    start = offset
    while offset < end and len(lines) < most:
        try:
            chunk = host.read(path, limit=min(_CHUNK, end - offset), offset=offset)
        except HostError:
            break
        if not chunk:
            break
        offset += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        lines += [_cut(line) for line in whole if _is_error(line)]
        rest = rest[: LONGEST_LINE * 8]  # a line is told by its beginning, and only that is shown
    if len(lines) < most and _is_error(rest):
        lines.append(_cut(rest))
    return lines[:most], offset - start


def _is_error(line: bytes) -> bool:
    return _ERROR.match(line) is not None and _OWN_QUESTION not in line[:200]


def _cut(line: bytes) -> str:
    text = line.partition(_STACK)[0].decode("utf-8", "replace").rstrip("\r")
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"


class _Owners:
    """Counts find's records as they come, so that a tree of any size takes little memory."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.by_owner: dict[str, list[str]] = {}
        self.owner_counts: Counter[str] = Counter()
        self.places: dict[str, str] = {}
        self.root = ("", "")
        self._rest = b""

    def feed(self, stream: Stream, data: bytes) -> None:
        if stream != "stdout":
            return
        *records, self._rest = (self._rest + data).split(b"\0")
        for record in records:
            self._add(record.decode("utf-8", "surrogateescape"))

    def _add(self, record: str) -> None:
        owner, group, mode, kind, path = record.split("\t", 4)
        if not path:
            self.root = (owner, group)
        self.counts[f"{owner}:{group}"] += 1
        self.owner_counts[owner] += 1
        of_owner = self.by_owner.setdefault(owner, [])
        if len(of_owner) < MOST_STRANGERS:
            of_owner.append(path)
        if _PLACES.fullmatch(path) and (kind == "d" or path == ".env"):
            self.places[path or "."] = f"{owner}:{group} {mode}"

    def summary(self) -> TreeOwners:
        owner, group = self.root
        strangers = sorted(path for name, paths in self.by_owner.items() if name != owner for path in paths)
        counts: Mapping[str, int] = dict(sorted(self.counts.items()))
        return TreeOwners(
            owner=owner,
            group=group,
            counts=counts,
            strangers=tuple(strangers[:MOST_STRANGERS]),
            stranger_count=sum(self.owner_counts.values()) - self.owner_counts[owner],
            places=dict(sorted(self.places.items())),
        )


def tree_owners(host: Host, instance: str, *, user: str | None = None) -> TreeOwners:
    """Tell who owns the files of the instance, with one find run as `user` (None: dfwizard's own account).

    Raises:
        HostError: find cannot be run, or cannot read the tree.
    """
    owners = _Owners()
    command = Command(
        # The trailing slash makes find look into a directory behind a symlink; a path never begins with a dash: it is absolute.
        ("find", f"{instance.rstrip('/')}/", "-printf", r"%u\t%g\t%m\t%y\t%P\0"),
        user=user,
        timeout=120.0,
        # Files that vanish while find walks make it end with 1; what it saw is what counts.
        expect=(0, 1),
    )
    host.run(command, on_output=owners.feed, keep=4096)
    if owners.root == ("", ""):
        raise HostError(
            "its files cannot be listed",
            where=instance,
            remedy="Run dfwizard as root or as the owner of the tree.",
        )
    return owners.summary()
