"""What a migration needs beside `.env` and database, which the guide forgets: files in the tree and elsewhere on the server."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from dfwizard.errors import DfwizardError, HostError
from dfwizard.hosts.base import Host, Stream
from dfwizard.hosts.command import Command
from dfwizard.instance.database import DatabaseSettings, settings
from dfwizard.instance.dotenv import DotenvFile
from dfwizard.instance.facts import Facts
from dfwizard.instance.probe import Probe, probe_paths

PLACES: Mapping[str, str] = {
    "storage/app": "files that the stock service files serves and users have uploaded",
    "storage/databases": "SQLite databases of services, such as the stock service db",
    "storage/scripting": "files that scripts keep",
    "storage/wsdl": "WSDL files of SOAP services",
}
"""Directories of the instance's own data, with what lies there."""

SERVICES = ("*_config", "event_script", "script_config")
"""Tables in which a service names files of its server."""

MOST_OTHERS = 40
"""How many single files are listed."""

_PROGRAMS = ("/usr/", "/bin/", "/sbin/", "/opt/", "/dev/", "/proc/", "/sys/", "/run/")
"""Where programs and what comes with the system lie: not files of the instance."""


@dataclass(frozen=True)
class ExtraFiles:
    """A file or directory to carry over, or to look after by hand.

    `path` is relative to the instance, or absolute where it lies elsewhere; `why` a sentence; `size` bytes in `files` files;
    `default` whether it is carried over unless somebody says otherwise. Nothing outside of the instance is ever carried over.
    """

    path: str
    why: str
    size: int
    files: int
    default: bool

    @property
    def inside(self) -> bool:
        """Whether it lies in the instance, and can be carried over."""
        return not self.path.startswith("/")


@dataclass(frozen=True)
class _Wanted:
    path: str
    why: str
    default: bool = False


def extra_files(host: Host, facts: Facts, file: DotenvFile) -> tuple[ExtraFiles, ...]:
    """List what lies beside `.env` and the system database on the source; read-only, with two commands.

    `facts` and `file` are the source's. What is missing on the disk is not listed; a database that does not answer leaves out what
    its services name.

    Raises:
        HostError: the files cannot be listed.
    """
    database = _database(host, facts, file)
    wanted = [*_places(facts), *_named(host, facts, file, database), *_changed(facts)]
    first = {item.path: item for item in reversed(wanted)}
    kept = [item for item in wanted if first[item.path] is item and not _covered(item, wanted)]
    sizes = _measure(host, facts.path, [item.path for item in kept], _left_out(facts, database))
    found = [
        ExtraFiles(item.path, item.why, *sizes[item.path], item.default)
        for item in kept
        if item.path in sizes
    ]
    return (*found, *_listed(facts))


def _places(facts: Facts) -> list[_Wanted]:
    changed = _differing(facts)
    found = []
    for path, what in PLACES.items():
        # The WSDL files come with the release; only others than these are the instance's own.
        own = path != "storage/wsdl" or facts.git is None or any(name.startswith(path) for name in changed)
        note = "" if own else ", all of them as the release has them"
        found.append(_Wanted(path, f"It holds {what}{note}.", default=own))
    return found


def _differing(facts: Facts) -> list[str]:
    """Give the paths that are not as the release has them: changed (not removed) and unknown to git."""
    if facts.git is None:
        return []
    changed = [item.path for item in facts.git.dirty if "D" not in item.state]
    return [path.rstrip("/") for path in (*changed, *facts.git.untracked)]


def _changed(facts: Facts) -> list[_Wanted]:
    """Give what was changed in the tree. None of it is carried by default: it was written for the source's release."""
    licensed = set(facts.tree.licensed)
    found = []
    for path in _differing(facts):
        if path in licensed:
            why = "It is a licence file of the source's release; the target needs those of its own release."
        elif path.startswith("config/"):
            why = "It differs from the release's configuration; compare it with the target's, which may be of another release."
        elif path == "public/.htaccess":
            why = "It differs from the release's; compare it with the target's."
        elif any(path == place or path.startswith(f"{place}/") for place in PLACES):
            continue
        elif path in _known_to_git(facts):
            why = "It was changed by hand; a change of one release need not fit another."
        else:
            why = "No release has it: somebody put it there."
        found.append(_Wanted(path, why))
    return found[:MOST_OTHERS]


def _known_to_git(facts: Facts) -> frozenset[str]:
    return frozenset(item.path for item in facts.git.dirty) if facts.git else frozenset()


def _named(host: Host, facts: Facts, file: DotenvFile, database: DatabaseSettings | None) -> list[_Wanted]:
    """Give the files that `.env` and services name by absolute path."""
    by_path = {
        value: f"{key} in .env"
        for key, value in file.values.items()
        if value and value.startswith("/") and len(value) > 1
    }
    cli = facts.cli()
    if database is not None and cli is not None:
        user = facts.tree.owner if database.driver == "sqlite" else None
        # An instance without its database is refused elsewhere, in better words.
        with suppress(HostError):
            by_path |= probe_paths(Probe(host, cli.binary, database, user), SERVICES)
    inside = facts.path.rstrip("/") + "/"
    found = []
    for path, where in by_path.items():
        clean = posixpath.normpath(path)
        if clean.startswith(inside):
            found.append(_Wanted(clean.removeprefix(inside), f"It is named by {where}.", default=True))
        elif not clean.startswith(_PROGRAMS) and clean.count("/") > 1:
            why = f"It is named by {where}; put it there on the target by hand, at the same path."
            found.append(_Wanted(clean, why))
    return found[:MOST_OTHERS]


def _covered(item: _Wanted, wanted: list[_Wanted]) -> bool:
    """Whether a directory holds it that is treated as it is, or carried over anyway."""
    return any(
        item.path.startswith(f"{other.path}/") for other in wanted if other.default or not item.default
    )


def _database(host: Host, facts: Facts, file: DotenvFile) -> DatabaseSettings | None:
    try:
        config = host.read(f"{facts.path}/config/database.php", limit=1 << 20).decode("utf-8", "replace")
    except HostError:
        config = None
    try:
        return settings(file.values, facts.path, config=config)
    except DfwizardError:
        return None


def _left_out(facts: Facts, database: DatabaseSettings | None) -> tuple[str, ...]:
    """Give the system database's own files, where it is a SQLite file in the tree."""
    if database is None or database.file is None:
        return ()
    file = posixpath.relpath(database.file, facts.path)
    return (file, *(f"{file}{end}" for end in ("-wal", "-shm", "-journal")))


class _Sizes:
    """Adds up find's records as they come, so that a tree of any size takes little memory."""

    def __init__(self) -> None:
        self.bytes: Counter[str] = Counter()
        self.files: Counter[str] = Counter()
        self._rest = b""

    def feed(self, stream: Stream, data: bytes) -> None:
        if stream != "stdout":
            return
        *records, self._rest = (self._rest + data).split(b"\0")
        for record in records:
            start, _, size = record.decode("utf-8", "surrogateescape").rpartition("\t")
            self.bytes[start] += int(size)
            self.files[start] += 1


def _measure(
    host: Host, path: str, wanted: list[str], left_out: tuple[str, ...]
) -> dict[str, tuple[int, int]]:
    """Give (bytes, files) of what is there, with one find; placeholders of git do not count."""
    if not wanted:
        return {}
    starts = {item if item.startswith("/") else f"./{item}": item for item in wanted}
    pruned = [word for name in left_out for word in ("-o", "-path", f"./{_literal(name)}")]
    argv = (
        *("find", "-H", *starts, "-xdev", "(", "-name", ".gitignore", *pruned, ")", "-prune"),
        *("-o", "-type", "f", "-printf", r"%H\t%s\0"),
    )
    sizes = _Sizes()
    # What is missing, or goes while find looks, makes it end with 1.
    command = Command(argv, cwd=path, env={"LC_ALL": "C"}, timeout=300.0, expect=(0, 1))
    host.run(command, on_output=sizes.feed, keep=4096)
    return {
        item: (sizes.bytes[start], sizes.files[start]) for start, item in starts.items() if sizes.files[start]
    }


def _literal(name: str) -> str:
    return "".join(f"\\{char}" if char in "*?[\\" else char for char in name)


def _listed(facts: Facts) -> tuple[ExtraFiles, ...]:
    """Give the cron jobs that call the source: to be looked at, never carried over."""
    why = (
        "A cron job calls the source; the application adds its own on the target, others are for you to move"
    )
    lines = (line.partition(": ") for line in facts.tree.crontabs)
    return tuple(ExtraFiles(file, f"{why}: {job}", 0, 0, False) for file, _, job in lines)
