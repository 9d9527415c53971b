"""The checkout: commit, branch, tags, what differs. Asked so that git writes nothing, not even its index."""

from __future__ import annotations

import posixpath
import re
from concurrent.futures import Future, ThreadPoolExecutor

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Result
from dfwizard.hosts.foresight import foreseen
from dfwizard.instance.asking import Asker, Problems
from dfwizard.instance.facts import DirtyFile, GitFacts

_ENV = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat"}
_OPERATIONS = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
_AT_ONCE = 3
_LOCKS = ("index.lock", "HEAD.lock", "refs/stash.lock", "packed-refs.lock", "config.lock", "shallow.lock")


def git_facts(ask: Asker, problems: Problems) -> GitFacts | None:
    """Describe the checkout; None (with a problem that says why) when the tree is none that git can read.

    Raises:
        HostError: git is missing or took too long.
    """
    # Some at once: one after the other they would be a dozen journeys to a host elsewhere.
    with ThreadPoolExecutor(_AT_ONCE, "git") as pool:

        def put(*argv: str) -> Future[Result]:
            return pool.submit(_git, ask, *argv)

        asked_top = put("rev-parse", "--show-cdup")
        asked_head = put("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        status, origin = pool.submit(_status, ask), pool.submit(_origin, ask)
        beside, tags = pool.submit(_beside, ask), pool.submit(_tags, ask)
        tree = put("rev-parse", "--verify", "--quiet", "HEAD^{tree}")
        branch = put("symbolic-ref", "--quiet", "--short", "HEAD")
        describe = put("describe", "--tags", "--always")
        stashes = put("stash", "list", "--format=%H")
        shallow = put("rev-parse", "--is-shallow-repository")
        top, head = asked_top.result(), asked_head.result()
        if top.code != 0:
            problems.add(f"git cannot read the directory: {_last_line(top)}")
            return None
        if top.stdout.strip():
            problems.add("the directory has no git checkout of its own: it lies inside another one")
            return None
        if head.code != 0:
            problems.add("git has no commit checked out (an empty or damaged repository)")
            return None
        differing, (remote, refspecs), (operation, locks) = status.result(), origin.result(), beside.result()
        if differing.code != 0:
            problems.add(f"git status failed: {_last_line(differing)}")
        dirty, untracked = parse_status(differing.stdout) if differing.code == 0 else ((), ())
        return GitFacts(
            commit=head.text.strip(),
            tree=_line(tree.result()),
            branch=_line(branch.result()) or None,
            tags=tags.result(),
            describe=_line(describe.result()),
            remote=remote,
            refspecs=refspecs,
            dirty=dirty,
            untracked=untracked,
            stashes=len(stashes.result().stdout.split()),
            operation=operation,
            locks=locks,
            shallow=_line(shallow.result()) == "true",
        )


def parse_status(data: bytes) -> tuple[tuple[DirtyFile, ...], tuple[str, ...]]:
    """Read `git status --porcelain -z`: tracked files that differ, and untracked ones.

    Paths are taken between NUL bytes: they may hold newlines, quotes or bytes that are not UTF-8 (surrogate escapes then).
    """
    dirty = []
    untracked = []
    fields = iter(data.split(b"\0"))
    for entry in fields:
        if len(entry) < 4:
            continue
        state, path = entry[:2].decode("ascii", "replace"), entry[3:].decode("utf-8", "surrogateescape")
        if state[0] in "RC" or state[1] in "RC":
            next(fields, None)  # where it came from
        if state == "??":
            untracked.append(path)
        elif state != "!!":
            dirty.append(DirtyFile(path, state))
    return tuple(dirty), tuple(untracked)


def mask_url(url: str) -> str:
    """Give a remote's URL without a password or token: `https://token@host/...` becomes `https://***@host/...`."""
    masked = re.sub(r"^(https?|ftps?)://[^/]*@", r"\1://***@", url, flags=re.IGNORECASE)
    return re.sub(r"^([a-z+]+://[^/:@]*):[^/]*@", r"\1:***@", masked, flags=re.IGNORECASE)


def _git(ask: Asker, *argv: str) -> Result:
    return ask.as_owner("git", "-c", "core.fsmonitor=false", *argv, env=_ENV, timeout=30, keep=64 << 20)


def _line(result: Result) -> str:
    return result.stdout.decode("utf-8", "surrogateescape").removesuffix("\n") if result.code == 0 else ""


def _last_line(result: Result) -> str:
    lines = [line for line in (result.error_text or result.text).splitlines() if line.strip()]
    return lines[0].removeprefix("fatal: ") if lines else f"exit code {result.code}"


def _tags(ask: Asker) -> tuple[str, ...]:
    found = _git(ask, "for-each-ref", "--points-at=HEAD", "--format=%(refname:strip=2)", "refs/tags")
    return (
        tuple(sorted(found.stdout.decode("utf-8", "surrogateescape").split("\n"))[1:])
        if found.code == 0
        else ()
    )


def _status(ask: Asker) -> Result:
    return _git(
        ask, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules"
    )


def _origin(ask: Asker) -> tuple[str | None, tuple[str, ...]]:
    result = _git(ask, "config", "-z", "--get-regexp", r"^remote\.origin\.(url|fetch)$")
    remote, refspecs = None, []
    for entry in result.stdout.decode("utf-8", "surrogateescape").split("\0") if result.code == 0 else ():
        key, _, value = entry.partition("\n")
        if key == "remote.origin.url" and remote is None:
            remote = mask_url(value)
        elif key == "remote.origin.fetch":
            refspecs.append(value)
    return remote, tuple(refspecs)


def _beside(ask: Asker) -> tuple[str | None, tuple[str, ...]]:
    """Give what lies in the git directory: the operation that was begun and not ended, and the locks that make git refuse to write."""
    directory = _line(_git(ask, "rev-parse", "--absolute-git-dir"))
    if not directory:
        return None, ()

    def look(host: Host) -> tuple[str | None, tuple[str, ...]]:
        return _operation(host, directory), _locks(host, directory)

    return look(foreseen(ask.host, look))


def _locks(host: Host, directory: str) -> tuple[str, ...]:
    found = []
    for name in _LOCKS:
        path = posixpath.join(directory, name)
        try:
            if host.stat(path) is not None:
                found.append(path)
        except HostError:
            continue
    return tuple(found)


def _operation(host: Host, directory: str) -> str | None:
    for name, operation in _OPERATIONS.items():
        try:
            if host.stat(posixpath.join(directory, name)) is not None:
                return operation
        except HostError:
            return None
    return None
