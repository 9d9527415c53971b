"""The fingerprint of an instance: everything that a rollback has to bring back, and what differs between two of them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from dfwizard.backup.commands import sqlite_companions
from dfwizard.backup.context import BackupContext
from dfwizard.backup.digests import DatabaseContent, differences, probe_content
from dfwizard.backup.subject import CACHE_DIRECTORIES, LOG_DIRECTORY, OWN_PREFIX, Subject
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Command, Pipeline

SCHEMA = 1
"""Version of the fingerprint's JSON form."""

MAINTENANCE_FLAGS = ("storage/framework/down", "storage/framework/maintenance.php")
GIT_LEFT_OUT = (
    ".git/objects",
    ".git/logs",
    ".git/refs",
    ".git/packed-refs",
    ".git/index",
    ".git/FETCH_HEAD",
    ".git/ORIG_HEAD",
    ".git/gc.log",
)
"""What git writes by itself, and what is compared by name and commit instead of file by file."""

KEEP = 1 << 30
"""How much of a file list is taken in: far more than any tree has."""

KINDS = {
    "f": "file",
    "d": "directory",
    "l": "symlink",
    "p": "pipe",
    "s": "socket",
    "b": "device",
    "c": "device",
}


@dataclass(frozen=True)
class Entry:
    """One path of the tree.

    `type` is find's letter (f, d, l, ...); sockets, which belong to a running process, are left out. `owner` is `user:group`; `size` and
    `sha256` are those of a file whose content is compared, else 0 and ""; `target` is where a symlink points.
    """

    type: str
    mode: str
    owner: str
    size: int = 0
    sha256: str = ""
    target: str = ""


@dataclass(frozen=True)
class GitState:
    """The checkout: commit, the symbolic HEAD ("" when detached), commits by reference (stashes by position)."""

    commit: str
    head: str
    refs: Mapping[str, str]


@dataclass(frozen=True)
class Fingerprint:
    """An instance at one moment.

    `files` by path relative to the tree (`.` is the tree itself); `env` the `.env` behind a symlink, where it is one; `maintenance` the
    flag files that were there; `database` is None where there is none.
    """

    taken_at: str
    path: str
    files: Mapping[str, Entry]
    git: GitState | None
    env: Entry | None
    maintenance: tuple[str, ...]
    database: DatabaseContent | None
    schema: int = SCHEMA


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was: `kind` (file, git, env, maintenance, database), `name`, both states, a sentence."""

    kind: str
    name: str
    before: str
    after: str
    sentence: str


def take_fingerprint(context: BackupContext, subject: Subject) -> Fingerprint:
    """Take the fingerprint of an instance; nothing is changed by it.

    Raises:
        BackupError: a program failed, or the tree changed while it was being read.
        HostError: the host could not do what was asked.
    """
    files = _files(context, subject)
    flags = tuple(flag for flag in MAINTENANCE_FLAGS if flag in files)
    for flag in flags:
        files.pop(flag)
    return Fingerprint(
        taken_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        path=subject.path,
        files=files,
        git=_git(context, subject) if ".git" in files else None,
        env=_env_behind_link(context, subject, files.get(".env")),
        maintenance=flags,
        database=probe_content(context, subject) if subject.settings is not None else None,
    )


def compare(before: Fingerprint, after: Fingerprint) -> tuple[Difference, ...]:
    """Name everything that differs; empty when the instance is identical."""
    found = [*_compare_files(before.files, after.files), *_compare_git(before.git, after.git)]
    if before.env != after.env:
        found.append(_difference("env", ".env", before.env, after.env, "the file behind .env differs"))
    if before.maintenance != after.maintenance:
        was, now = (", ".join(flags) or "off" for flags in (before.maintenance, after.maintenance))
        sentence = f"maintenance mode was {was}, and is {now}"
        found.append(Difference("maintenance", "maintenance", was, now, sentence))
    if before.database is not None and after.database is not None:
        found += [
            Difference("database", sentence.split(" ", 2)[1], "", "", sentence)
            for sentence in differences(before.database, after.database)
        ]
    elif before.database != after.database:
        gone = "is gone" if after.database is None else "is new"
        found.append(Difference("database", "database", "", "", f"the database {gone}"))
    return tuple(found)


def _files(context: BackupContext, subject: Subject) -> dict[str, Entry]:
    digests = _digests(context, subject)
    listing = context.run(
        Command(("find", ".", *_pruned(), "-printf", r"%y\0%m\0%u:%g\0%s\0%l\0%P\0"), cwd=subject.path),
        "listing the tree",
        where=subject.path,
        keep=KEEP,
    )
    fields = listing.stdout.decode("utf-8", "surrogateescape").split("\0")
    lacking = _not_compared(subject)
    files = {}
    for start in range(0, len(fields) - 1, 6):
        kind, mode, owner, size, target, path = fields[start : start + 6]
        entry = Entry(kind, mode, owner, target=target)
        if kind == "f" and path not in lacking and not _is_cache(path):
            digest = digests.get(path)
            if digest is None:
                raise BackupError(
                    f"{path} came into being while the tree was being read",
                    where=subject.path,
                    remedy="Stop what writes to the instance (a deployment, a cron job), then try again.",
                )
            entry = replace(entry, size=int(size), sha256=digest)
        if kind != "s" and not _is_cache(path) and path not in lacking[1:]:
            files[path or "."] = entry
    return files


def _pruned() -> Iterator[str]:
    """Give find's words that leave out what writes itself: git's own files, and dfwizard's."""
    names = [word for path in GIT_LEFT_OUT for word in ("-o", "-path", f"./{path}")][1:]
    yield from ("(", *names, "-o", "-name", f"{OWN_PREFIX}*", ")", "-prune", "-o")


def _is_cache(path: str) -> bool:
    """Tell whether a running application makes and removes this path by itself; the directories themselves are compared."""
    return any(path.startswith(place + "/") for place in (LOG_DIRECTORY, *CACHE_DIRECTORIES))


def _not_compared(subject: Subject) -> tuple[str, ...]:
    """Give the SQLite database inside the tree, whose rows are compared instead, and the files SQLite keeps beside it."""
    inside = subject.sqlite_inside
    return (inside, *sqlite_companions(inside)) if inside else ()


def _digests(context: BackupContext, subject: Subject) -> dict[str, str]:
    left_out = [
        word
        for place in (LOG_DIRECTORY, *CACHE_DIRECTORIES)
        for word in ("-path", f"./{place}/*", "-prune", "-o")
    ]
    find = Command(("find", ".", *_pruned(), *left_out, "-type", "f", "-print0"), cwd=subject.path)
    digest = Command(("xargs", "-0", "-r", "sha256sum", "-z", "--"), cwd=subject.path)
    result = context.run(Pipeline((find, digest)), "reading the tree", where=subject.path, keep=KEEP)
    found = {}
    for record in result.stdout.decode("utf-8", "surrogateescape").split("\0"):
        value, _, name = record.partition("  ")
        if name:
            found[name.removeprefix("./")] = value
    return found


def _git(context: BackupContext, subject: Subject) -> GitState | None:
    env = {"GIT_OPTIONAL_LOCKS": "0", "HOME": "/nonexistent", "LC_ALL": "C"}

    def ask(*words: str, expect: tuple[int, ...] = (0,)) -> str:
        command = Command(
            ("git", *words), cwd=subject.path, env=env, user=subject.owner, expect=expect, timeout=120
        )
        result = context.run(command, "asking git", where=subject.path, keep=KEEP)
        return result.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    commit = ask("rev-parse", "--verify", "--quiet", "HEAD", expect=(0, 1))
    head = ask("symbolic-ref", "--quiet", "HEAD", expect=(0, 1))
    lines = ask("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
    refs = {name: value for value, _, name in (line.partition(" ") for line in lines)}
    if "refs/stash" in refs:
        stashes = ask("stash", "list", "--format=%H").splitlines()
        refs |= {f"stash@{{{number}}}": value for number, value in enumerate(stashes)}
    return GitState(commit, head, refs)


def _env_behind_link(context: BackupContext, subject: Subject, entry: Entry | None) -> Entry | None:
    if entry is None or entry.type != "l":
        return None
    path = posixpath.join(subject.path, ".env")
    found = context.host.stat(path, follow=True)
    if found is None or found.kind != "file":
        return None
    digest = context.run(Command(("sha256sum", "--", path)), "reading .env", where=path)
    value = digest.text.lstrip("\\").split()[0]
    return Entry("f", f"{found.mode:o}", f"{found.owner}:{found.group}", found.size, value)


def _compare_files(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Iterator[Difference]:
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        if old is None or new is None:
            present = old or new
            assert present is not None
            kind = KINDS.get(present.type, "thing")
            yield _difference(
                "file", path, old, new, f"{kind} {path} is {'missing' if new is None else 'new'}"
            )
            continue
        yield _difference("file", path, old, new, f"{path}: {_what_differs(old, new)}")


def _what_differs(old: Entry, new: Entry) -> str:
    if old.type != new.type:
        return f"was a {KINDS.get(old.type, 'thing')}, and is a {KINDS.get(new.type, 'thing')}"
    said = []
    if (old.size, old.sha256) != (new.size, new.sha256):
        said.append(f"other content ({old.size} bytes, now {new.size})")
    if old.target != new.target:
        said.append(f"pointed to {old.target}, now to {new.target}")
    if old.mode != new.mode:
        said.append(f"mode {old.mode}, now {new.mode}")
    if old.owner != new.owner:
        said.append(f"owner {old.owner}, now {new.owner}")
    return "; ".join(said)


def _compare_git(before: GitState | None, after: GitState | None) -> Iterator[Difference]:
    if before is None or after is None:
        if before is not after:
            gone = "is gone" if after is None else "is new"
            yield Difference("git", ".git", "", "", f"the git repository {gone}")
        return
    if before.commit != after.commit:
        yield _difference(
            "git",
            "HEAD",
            before.commit,
            after.commit,
            f"the commit was {before.commit}, and is {after.commit}",
        )
    if before.head != after.head:
        was, now = before.head or "detached", after.head or "detached"
        yield Difference("git", "HEAD", was, now, f"HEAD was {was}, and is {now}")
    for name in sorted(before.refs.keys() | after.refs.keys()):
        old, new = before.refs.get(name), after.refs.get(name)
        if old != new:
            yield _difference(
                "git", name, old, new, f"git's {name} was {old or 'not there'}, and is {new or 'gone'}"
            )


def _difference(kind: str, name: str, before: object, after: object, sentence: str) -> Difference:
    return Difference(kind, name, str(before or ""), str(after or ""), sentence)
