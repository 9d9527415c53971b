"""The checkout: commit, branch, tags, what differs. Asked so that git writes nothing, not even its index."""

from __future__ import annotations

import posixpath
import re

from dfwizard.errors import HostError
from dfwizard.hosts.command import Result
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
_LOCKS = ("index.lock", "HEAD.lock", "refs/stash.lock", "packed-refs.lock", "config.lock", "shallow.lock")


def git_facts(ask: Asker, problems: Problems) -> GitFacts | None:
    """Describe the checkout; None (with a problem that says why) when the tree is none that git can read.

    Raises:
        HostError: git is missing or took too long.
    """
    top = _git(ask, "rev-parse", "--show-cdup")
    if top.code != 0:
        problems.add(f"git cannot read the directory: {_last_line(top)}")
        return None
    if top.stdout.strip():
        problems.add("the directory has no git checkout of its own: it lies inside another one")
        return None
    head = _git(ask, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head.code != 0:
        problems.add("git has no commit checked out (an empty or damaged repository)")
        return None
    commit = head.text.strip()
    dirty, untracked = _status(ask, problems)
    remote, refspecs = _origin(ask)
    branch = _git(ask, "symbolic-ref", "--quiet", "--short", "HEAD")
    return GitFacts(
        commit=commit,
        tree=_line(_git(ask, "rev-parse", "--verify", "--quiet", "HEAD^{tree}")),
        branch=_line(branch) or None,
        tags=_tags(ask),
        describe=_line(_git(ask, "describe", "--tags", "--always")),
        remote=remote,
        refspecs=refspecs,
        dirty=dirty,
        untracked=untracked,
        stashes=len(_git(ask, "stash", "list", "--format=%H").stdout.split()),
        operation=_operation(ask),
        locks=_locks(ask),
        shallow=_line(_git(ask, "rev-parse", "--is-shallow-repository")) == "true",
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


def _status(ask: Asker, problems: Problems) -> tuple[tuple[DirtyFile, ...], tuple[str, ...]]:
    result = _git(
        ask, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules"
    )
    if result.code != 0:
        problems.add(f"git status failed: {_last_line(result)}")
        return (), ()
    return parse_status(result.stdout)


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


def _locks(ask: Asker) -> tuple[str, ...]:
    """Give the lock files that make git refuse to write."""
    directory = _line(_git(ask, "rev-parse", "--absolute-git-dir"))
    found = []
    for name in _LOCKS:
        path = posixpath.join(directory, name)
        try:
            if directory and ask.host.stat(path) is not None:
                found.append(path)
        except HostError:
            continue
    return tuple(found)


def _operation(ask: Asker) -> str | None:
    directory = _line(_git(ask, "rev-parse", "--absolute-git-dir"))
    for name, operation in _OPERATIONS.items():
        try:
            if directory and ask.host.stat(posixpath.join(directory, name)) is not None:
                return operation
        except HostError:
            return None
    return None
