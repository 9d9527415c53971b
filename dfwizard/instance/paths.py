"""Whether a path is the directory of a DreamFactory installation."""

from __future__ import annotations

import json
import posixpath
from concurrent.futures import ThreadPoolExecutor

from dfwizard.errors import HostError, UsageError
from dfwizard.hosts.base import FileStat, Host
from dfwizard.hosts.command import Command
from dfwizard.hosts.foresight import foreseen

_REMEDY = "Give the directory that holds artisan, composer.json and .env; installers use /opt/dreamfactory."
_COMPOSER_LIMIT = 1 << 20


def locate(host: Host, path: str) -> str:
    """Give the real path of the installation at `path`. See `located`."""
    return located(host, path)[0]


def located(host: Host, path: str) -> tuple[str, FileStat]:
    """Give the real path (absolute, symlinks resolved) of the installation at `path`, and what that directory is like.

    A relative path counts from the directory that dfwizard was started in.

    Raises:
        UsageError: there is nothing, no directory, or no DreamFactory; the message says what is there instead.
    """
    if not path or "\0" in path:
        raise UsageError(
            "no directory was given" if not path else "the path holds a NUL byte", remedy=_REMEDY
        )
    question = Command(("realpath", "-ez", "--", path), timeout=10, expect=(0, 1))
    with ThreadPoolExecutor(1, "path") as pool:
        asked = pool.submit(host.run, question)
        host = foreseen(host, lambda ahead: _look_at(ahead, path))
        result = asked.result()
    real = result.stdout.rstrip(b"\0").decode("utf-8", "surrogateescape")
    if result.code != 0 or not real:
        raise UsageError(_reason(result.error_text), where=shown(path), remedy=_REMEDY)
    stat = host.stat(real)
    if stat is None or stat.kind != "directory":
        raise UsageError(
            "this is a file, not the directory of an installation", where=shown(path), remedy=_REMEDY
        )
    if not is_instance(host, real):
        raise UsageError(_what_else(host, real), where=shown(path), remedy=_REMEDY)
    return real, stat


def _look_at(host: Host, path: str) -> None:
    """Ask what `located` will ask of an installation whose path leads over no symlink."""
    host.stat(path)
    host.stat(posixpath.join(path, "config/df.php"), follow=True)
    _composer_names_it(host, path)
    is_instance(host, path)


def is_instance(host: Host, path: str) -> bool:
    """Whether `path` holds a DreamFactory: artisan, and composer.json or config/df.php that speak of it."""
    artisan = host.stat(posixpath.join(path, "artisan"), follow=True)
    if artisan is None or artisan.kind != "file":
        return False
    marker = host.stat(posixpath.join(path, "config/df.php"), follow=True)
    return marker is not None or _composer_names_it(host, path)


def shown(path: str) -> str:
    """Give a path as it may be printed: control characters, which could move a terminal's cursor, as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode-escape", "replace").decode() for c in path)


def _composer_names_it(host: Host, path: str) -> bool:
    file = posixpath.join(path, "composer.json")
    if host.stat(file, follow=True) is None:
        return False
    try:
        data = json.loads(host.read(file, limit=_COMPOSER_LIMIT))
    except (HostError, ValueError, RecursionError):
        return False
    if not isinstance(data, dict):
        return False
    require = data.get("require")
    return data.get("name") == "dreamfactory/dreamfactory" or (
        isinstance(require, dict) and "dreamfactory/df-core" in require
    )


def _reason(message: str) -> str:
    text = message.strip().rpartition(": ")[2]
    return {
        "No such file or directory": "there is no such directory",
        "Permission denied": "this account may not look into it",
    }.get(text, text or "the path cannot be resolved")


def _what_else(host: Host, path: str) -> str:
    parent = path
    while parent != "/":
        parent = posixpath.dirname(parent)
        if is_instance(host, parent):
            return f"this directory lies inside the DreamFactory installation {shown(parent)}: give that one"
    try:
        names = host.listdir(path)[:200]
    except HostError:
        names = ()
    for name in names:
        child = posixpath.join(path, name)
        if is_instance(host, child):
            return f"this is no DreamFactory installation, but it holds one: {shown(child)}"
    if host.stat(posixpath.join(path, "artisan")) is not None:
        return "this is a Laravel application, but not DreamFactory: composer.json does not name dreamfactory/df-core"
    return "this is no DreamFactory installation: it has no artisan"
