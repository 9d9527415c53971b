"""The server around an instance: memory, inodes, clock, SELinux, containers, programs that hold its code, what lies beside it."""

from __future__ import annotations

import importlib.resources
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

from dfwizard.instance.asking import NOWHERE, Asker
from dfwizard.instance.crontabs import masked
from dfwizard.instance.facts import ServerFacts

_WRITTEN = (
    ".",
    ".git",
    "vendor",
    "bootstrap/cache",
    "storage",
    "config",
    "public",
    "composer.json",
    "composer.lock",
)
"""What git, composer and artisan write in an upgrade."""

_WRITTEN_BY_PHP = (
    "storage",
    "storage/logs",
    "storage/framework/cache",
    "storage/framework/views",
    "bootstrap/cache",
)
"""What the application writes while it serves (guide: Step 4)."""

_UNWRITABLE = 'for f; do [ ! -e "$f" ] || [ -w "$f" ] || printf "%s\\0" "$f"; done'


@cache
def _script() -> str:
    return (importlib.resources.files("dfwizard.instance") / "server.sh").read_text("utf-8")


def server_facts(ask: Asker, web_user: Callable[[], str | None]) -> ServerFacts:
    """Ask the server in one go, and each account what it cannot write; what is not told keeps its default.

    `web_user` gives the account that PHP runs as in the web server, and may wait for it.

    Raises:
        HostError: no shell could be run.
    """
    with ThreadPoolExecutor(2, "server") as pool:
        by_owner = pool.submit(_unwritable, ask, _WRITTEN)
        by_web = pool.submit(_unwritable_by_web, ask, web_user)
        began = time.time()
        result = ask.as_me("sh", "-c", _script(), "sh", ask.path, timeout=20)
        told = parse_server(result.stdout, (began + time.time()) / 2)
        return replace(told, unwritable=by_owner.result(), web_unwritable=by_web.result())


def _unwritable(ask: Asker, names: Sequence[str]) -> tuple[str, ...]:
    """Give those that the tree's owner cannot write: of somebody else, on a read-only mount, immutable."""
    return _paths(ask.as_owner("sh", "-c", _UNWRITABLE, "sh", *names).stdout)


def _unwritable_by_web(ask: Asker, web_user: Callable[[], str | None]) -> tuple[str, ...]:
    user = web_user()
    if user is None or user in (ask.owner, "root") or ask.host.user != "root":
        return ()  # only root may act as another account
    return _unwritable(replace(ask, owner=user, home=NOWHERE), _WRITTEN_BY_PHP)


def parse_server(data: bytes, now: float) -> ServerFacts:
    """Read what the script prints; `now` is this machine's clock while it ran, in seconds since the epoch."""
    told: dict[str, list[str]] = {}
    for entry in data.decode("utf-8", "surrogateescape").split("\0"):
        key, tab, text = entry.partition("\t")
        if tab:
            told.setdefault(key, []).append(text)
    clock = _number(_first(told, "clock"))
    return ServerFacts(
        clock_offset=round(clock - now) if clock is not None else None,
        memory=_memory(_first(told, "memory")),
        inodes=_inodes(_first(told, "inodes")),
        selinux=_first(told, "selinux").strip().lower(),
        contexts=dict(_pairs(told.get("context", ()))),
        container=_first(told, "container"),
        processes=tuple(_short(text) for text in told.get("process", ())),
        units=tuple(told.get("unit", ())),
        leftovers=tuple(told.get("leftover", ())),
        copies=tuple(told.get("copy", ())),
    )


def _first(told: dict[str, list[str]], key: str) -> str:
    return told.get(key, [""])[0]


def _paths(data: bytes) -> tuple[str, ...]:
    return tuple(data.decode("utf-8", "surrogateescape").split("\0")[:-1])


def _number(text: str) -> int | None:
    return int(text) if text.strip().isascii() and text.strip().isdigit() else None


def _memory(text: str) -> int | None:
    """Give the bytes that a program can still get: `available` of free, and the free swap."""
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.split()}
    memory, swap = rows.get("Mem:", []), rows.get("Swap:", [])
    if len(memory) < 7:
        return None
    values = [_number(memory[6]), _number(swap[3]) if len(swap) > 3 else 0]
    return sum(value or 0 for value in values)


def _inodes(text: str) -> int | None:
    """Give the free inodes of `df -P -i`'s line; None where the filesystem makes them as it needs them (btrfs shows none)."""
    match = re.search(r"\s(\d+)\s+\d+\s+(\d+)\s+\S+\s+/", text)
    return int(match[2]) if match and int(match[1]) else None


def _pairs(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, blank, value = text.partition(" ")
        if blank and value.strip() not in ("", "?"):
            yield name, value.strip()


def _short(text: str) -> str:
    """Give a process in a line: its number and command line, secrets masked, cut."""
    return masked(" ".join(text.split()))[:200]
