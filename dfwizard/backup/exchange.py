"""Exchanging a directory for another one, so that every moment of it can be taken up again after a kill.

What has been done is read off the disk. Beside: `new` complete (its marker says so) -> live renamed to `aside` -> `new` renamed to
live. Within (a mount point, or a parent that cannot be written): the entries of live move into `aside` inside it, then a second
marker, then the entries of `new` move out into live.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

from dfwizard.backup.context import BackupContext
from dfwizard.backup.subject import OWN_PREFIX
from dfwizard.errors import BackupError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command

BeforeExchange = Callable[[str], None]
"""Called with the path of the new directory, complete but not yet in its place."""


@dataclass(frozen=True)
class Places:
    """Where the parts of one directory's exchange lie: all on the directory's own filesystem."""

    live: str
    new: str
    aside: str
    complete: str
    emptied: str

    @classmethod
    def beside(cls, path: str, run_id: str) -> Places:
        """Give the places beside `path`, for renaming it as a whole."""
        parent, name = posixpath.split(path.rstrip("/"))
        return cls._at(path.rstrip("/"), posixpath.join(parent, f".{name}{OWN_PREFIX}"), run_id)

    @classmethod
    def within(cls, path: str, run_id: str) -> Places:
        """Give the places inside `path`, for exchanging its content."""
        return cls._at(path.rstrip("/"), posixpath.join(path, OWN_PREFIX), run_id)

    @classmethod
    def _at(cls, live: str, start: str, run_id: str) -> Places:
        kinds = ("restore", "aside", "complete", "emptied")
        return cls(live, *(f"{start}{kind}-{run_id}" for kind in kinds))


def swap(context: BackupContext, places: Places, before_exchange: BeforeExchange | None) -> None:
    """Rename live aside and the complete `new` to live; done already, it does nothing.

    Raises:
        HostError: a rename failed; running it again takes up where it stopped.
    """
    host = context.host
    if host.stat(places.new) is None:
        return
    if before_exchange is not None:
        before_exchange(places.new)
    if host.stat(places.live) is not None:
        aside = places.aside
        if host.stat(aside) is not None:
            # live had been renamed already, and something has made a new one since
            aside = _unused(host, f"{places.aside}-stray")
        host.rename(places.live, aside)
    host.rename(places.new, places.live)


def exchange_content(context: BackupContext, places: Places, kept: tuple[str, ...] = ()) -> None:
    """Move what is in live into `aside`, and what is in `new` into live; `kept` names entries of live that stay.

    Raises:
        HostError: a rename failed; running it again takes up where it stopped.
    """
    host = context.host
    if host.stat(places.new) is None:
        return
    stay = set(kept)
    host.mkdir(places.aside, mode=0o700)
    if host.stat(places.emptied) is None:
        for name in _entries(host, places.live, stay):
            target = posixpath.join(places.aside, name)
            if host.stat(target) is not None:
                target = _unused(host, f"{target}-stray")
            host.rename(posixpath.join(places.live, name), target)
        host.write(places.emptied, b"")
    for name in host.listdir(places.new):
        source, target = posixpath.join(places.new, name), posixpath.join(places.live, name)
        if name in stay:
            host.remove(source)
            continue
        if host.stat(target) is not None:
            host.rename(target, _unused(host, posixpath.join(places.aside, f"{name}-stray")))
        host.rename(source, target)
    take_over_owner(context, places.new, places.live)
    host.remove(places.new)


def _entries(host: Host, directory: str, stay: set[str]) -> list[str]:
    return [name for name in host.listdir(directory) if name not in stay and not name.startswith(OWN_PREFIX)]


def _unused(host: Host, path: str) -> str:
    for number in range(1000):
        candidate = f"{path}-{number}" if number else path
        if host.stat(candidate) is None:
            return candidate
    raise BackupError(
        "something keeps making this path anew while it is being exchanged",
        where=path,
        remedy="Stop what writes there (cron jobs, queue workers, a deployment), then resume.",
    )


def take_over_owner(context: BackupContext, model: str, path: str) -> None:
    """Give the directory `path` the owner, group and exact mode of `model`; without root, the mode alone."""
    found = context.host.stat(model)
    if found is None:
        return
    # five digits: with fewer, chmod leaves a directory's setgid bit as it is
    work = [Command(("chmod", f"{found.mode:05o}", "--", path))]
    if context.host.user == "root":
        work.insert(0, Command(("chown", f"{found.uid}:{found.gid}", "--", path)))
    for command in work:
        context.run(command, "giving a directory its owner and mode", where=path)


def clear(context: BackupContext, places: Places) -> None:
    """Remove what an exchange put aside, its markers last."""
    host = context.host
    if host.stat(places.new) is not None:
        raise BackupError(
            "the exchange of the tree has not ended, and what was put aside is still needed",
            where=places.new,
            remedy="Resume the rollback first.",
        )
    parent, start = posixpath.split(places.aside)
    if host.stat(parent) is not None:
        for name in host.listdir(parent):
            if name == start or name.startswith(f"{start}-stray"):
                host.remove(posixpath.join(parent, name))
    host.remove(places.emptied)
    host.remove(places.complete)
