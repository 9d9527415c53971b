"""Free space by mount point, and where a database server on the same host keeps its data."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from dfwizard.errors import HostError
from dfwizard.instance.asking import Asker
from dfwizard.instance.database import DatabaseSettings
from dfwizard.instance.facts import Space

DATABASE_SERVER = "database server"
"""The purpose of the space on which a database server on this host keeps its data."""

_USUAL = {"mysql": "/var/lib/mysql", "pgsql": "/var/lib/postgresql"}
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})


def server_directory(ask: Asker, settings: DatabaseSettings, told: str | None) -> str | None:
    """Give where the database server keeps its data when that is on this host; None when it is not, or cannot be told.

    `told` is what the server itself says; a server that does not say (PostgreSQL tells plain users nothing) is looked for where
    distributions put it.
    """
    host = settings.host or ""
    if settings.driver not in _USUAL or not (settings.socket or host in _LOCAL or host.startswith("/")):
        return None
    path = told or _USUAL[settings.driver]
    try:
        found = ask.host.stat(path, follow=True)
    except HostError:
        return None
    return path if found is not None and found.kind == "directory" else None


def spaces(ask: Asker, purposes: Mapping[str, str]) -> tuple[Space, ...]:
    """Ask df about each path of `purposes` (path to what it counts for); a path that does not exist counts at its nearest parent.

    Raises:
        HostError: df does not answer.
    """
    found: dict[str, Space] = {}
    for path, purpose in purposes.items():
        existing = _existing(ask, path)
        result = ask.as_me("df", "-P", "-k", "--", existing)
        space = parse_df(result.stdout.decode("utf-8", "surrogateescape"), existing, purpose)
        if space is None:
            raise HostError(
                f"df does not answer: {result.error_text.strip()}", where=existing, remedy="Run df there."
            )
        if space.mount in found:
            before = found[space.mount]
            both = tuple(dict.fromkeys((*before.purpose, purpose)))
            space = Space(before.path, before.mount, before.free, before.total, both)
        found[space.mount] = space
    return tuple(found.values())


def with_spaces(known: tuple[Space, ...], measured: tuple[Space, ...]) -> tuple[Space, ...]:
    """Give `known` with what was `measured` since: of a mount point in both the newer numbers, with the purposes of both.

    A purpose that was measured again counts only where it was found this time.
    """
    moved = {purpose for one in measured for purpose in one.purpose}
    newer = {one.mount: one for one in measured}
    result = []
    for one in known:
        kept = tuple(purpose for purpose in one.purpose if purpose not in moved)
        fresh = newer.pop(one.mount, None)
        if fresh is not None:
            result.append(Space(one.path, one.mount, fresh.free, fresh.total, (*kept, *fresh.purpose)))
        elif kept:
            result.append(Space(one.path, one.mount, one.free, one.total, kept))
    return (*result, *newer.values())


def parse_df(text: str, path: str, purpose: str) -> Space | None:
    """Read `df -Pk`: numbers count from the capacity's percent sign on, for names may hold blanks."""
    lines = text.split("\n", 1)
    words = lines[1].rstrip("\n").split(None) if len(lines) == 2 else []
    at = next((i for i in range(4, len(words)) if words[i].endswith("%") or words[i] == "-"), None)
    if at is None:
        return None
    try:
        total, free = int(words[at - 3]) * 1024, int(words[at - 1]) * 1024
    except ValueError:
        return None
    return Space(
        path, lines[1].rstrip("\n").split(f" {words[at]} ", 1)[1].strip(" "), free, total, (purpose,)
    )


def _existing(ask: Asker, path: str) -> str:
    while path not in {"/", ""} and ask.host.stat(path, follow=True) is None:
        path = posixpath.dirname(path)
    return path or "/"
