"""The directory itself: owner, size, licence files, admin UI, the owner's home."""

from __future__ import annotations

import json
import posixpath
from concurrent.futures import ThreadPoolExecutor

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from dfwizard.instance.asking import ANY_CODE, Asker, Problems
from dfwizard.instance.facts import GitFacts, TreeFacts

LICENSED_FILES = ("composer.json", "composer.lock", "composer.json-dist")
"""What DreamFactory's licence files are called; they are copied over the tracked ones."""

FOREIGN_SHOWN = 20
"""How many paths that do not belong to the tree's owner are kept as evidence."""

_WRITTEN_BY_ITSELF = (
    "storage/logs",
    "storage/framework/cache",
    "storage/framework/sessions",
    "storage/framework/views",
)
"""Directories whose content the running application makes and removes: no rollback has to bring it back."""


def home_of(host: Host, owner: str) -> str | None:
    """Give the home directory of an account when it exists and belongs to it: installers make an owner without one."""
    result = host.run(Command(("getent", "passwd", "--", owner), timeout=10, expect=ANY_CODE), check=False)
    words = result.stdout.decode("utf-8", "surrogateescape").rstrip("\n").split(":")
    if result.code != 0 or len(words) < 7 or not words[5].startswith("/"):
        return None
    stat = host.stat(words[5], follow=True)
    return words[5] if stat is not None and stat.kind == "directory" and stat.owner == owner else None


def tree_facts(ask: Asker, problems: Problems) -> TreeFacts:
    """Describe the directory; licence files and crontabs are added by others.

    Raises:
        HostError: it cannot be looked at.
    """
    stat = ask.host.stat(ask.path)
    if stat is None:
        raise HostError("the directory has vanished", where=ask.path, remedy="Look for who removed it.")
    parent = posixpath.dirname(ask.path)
    # Some at once: one after the other they would be many journeys to a host elsewhere.
    with ThreadPoolExecutor(2, "tree") as pool:
        foreign = pool.submit(_foreign, ask, problems, stat.uid)
        admin_ui = pool.submit(_admin_ui, ask)
        counted = ask.as_me(
            "find", ask.path, "-xdev", "-type", "f", "-printf", "x", timeout=60, keep=64 << 20
        )
        if counted.code != 0:
            said = _first_line(counted.error_text)
            problems.add(f"not every file of the directory can be looked at: {said}")
        return TreeFacts(
            owner=stat.owner,
            group=stat.group,
            mode=stat.mode,
            size=ask.host.size_of(ask.path),
            files=len(counted.stdout),
            mount_point=ask.as_me("mountpoint", "-q", "--", ask.path).code == 0,
            parent_writable=ask.as_me("test", "-w", parent).code == 0,
            admin_ui=admin_ui.result(),
            foreign=foreign.result(),
        )


def _foreign(ask: Asker, problems: Problems, uid: int) -> tuple[str, ...]:
    """Name what the owner's account could not make as it is; files unpacked by it get its own first group."""
    try:
        group = ask.as_owner("id", "-g").text.strip()
        others = ("!", "-uid", str(uid), *(("-o", "!", "-gid", group) if group.isdecimal() else ()))
        left_out = [
            word for place in _WRITTEN_BY_ITSELF for word in ("-path", f"./{place}/*", "-prune", "-o")
        ]
        argv = ("find", ".", *left_out, "!", "-type", "s", "(", *others, ")", "-printf", r"%P\0")
        command = Command(argv, cwd=ask.path, timeout=60, expect=ANY_CODE)
        found = ask.host.run(command, keep=64 << 20, check=False).stdout
    except HostError as error:
        problems.add(f"the owners of the directory's files could not be looked at: {error.what}")
        return ()
    names = found.decode("utf-8", "surrogateescape").split("\0")[:-1]
    return tuple(name or "." for name in names[:FOREIGN_SHOWN])


def licence(ask: Asker, git: GitFacts | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the licence files that replace tracked ones, and the packages that they bring: required here, but not by the commit.

    Raises:
        HostError: composer.json cannot be read.
    """
    dirty = {file.path for file in git.dirty} if git else set()
    replaced = tuple(name for name in LICENSED_FILES if name in dirty)
    if "composer.json" not in replaced:
        return (), ()
    here = _required(ask.host.read(posixpath.join(ask.path, "composer.json"), limit=1 << 20))
    shown = ask.as_owner(
        "git", "-c", "core.fsmonitor=false", "show", "HEAD:composer.json", env={"GIT_OPTIONAL_LOCKS": "0"}
    )
    packages = tuple(sorted(here - _required(shown.stdout)))
    return (replaced, packages) if packages else ((), ())


def _required(data: bytes) -> set[str]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return set()
    require = document.get("require") if isinstance(document, dict) else None
    return (
        {name for name in require if name.startswith("dreamfactory/")} if isinstance(require, dict) else set()
    )


def _admin_ui(ask: Asker) -> str:
    def there(name: str) -> bool:
        return ask.host.stat(posixpath.join(ask.path, name), follow=True) is not None

    if there("public/dreamfactory/dist/index.html"):
        return "composer"
    return "release-zip" if there("resources/views/index.blade.php") else "missing"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "find failed")
