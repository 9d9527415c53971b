"""The sandbox's git: a bare origin with every release as a tag, and the clone that is the installation.

Dates, names and contents are fixed, so that commits are the same on every machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path

from dfwizard.demo.releases import EXECUTABLE, Files, files_of
from dfwizard.errors import DfwizardError
from dfwizard.rules import Release

URL = "https://github.com/dreamfactorysoftware/dreamfactory.git"
"""What the clone calls its origin; its git configuration sends this to the sandbox's own repository, so nothing leaves it."""

_WHO = "DreamFactory Releases <releases@dreamfactory.example>"
_QUIET = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True)
class Tag:
    """A release in the origin: its commit and tree, 40 hex digits each."""

    name: str
    commit: str
    tree: str


def make_origin(directory: Path, releases: Iterable[Release]) -> tuple[Tag, ...]:
    """Make the bare repository `directory` with one commit and tag for each release, and give the tags.

    Raises:
        DfwizardError: git is missing or failed.
    """
    git("init", "--quiet", "--bare", "--initial-branch=master", "--template=", str(directory))
    # Deltas and compression would cost more time than they save space.
    options = ("-c", "core.compression=1", "-c", "pack.depth=0", "-c", "fastimport.unpackLimit=0")
    git(
        *options,
        "-C",
        str(directory),
        "fast-import",
        "--quiet",
        "--depth=0",
        stdin=b"".join(_stream(releases)),
    )
    listing = git(
        "-C", str(directory), "for-each-ref", "--format=%(refname:strip=2) %(objectname) %(tree)", "refs/tags"
    )
    return tuple(Tag(*line.split(" ")) for line in listing.splitlines())


def make_clone(directory: Path, origin: Path, installed: Tag) -> None:
    """Make the clone in `directory` as it was made on the day of release `installed`: later tags are not known to it.

    Raises:
        DfwizardError: git failed.
    """
    there = ("-C", str(directory))
    git("init", "--quiet", "--initial-branch=master", "--template=", str(directory))
    git(*there, "remote", "add", "origin", URL)
    git(*there, "config", f"url.{origin}.insteadOf", URL)
    git(*there, "config", "gc.auto", "0")
    tag = f"refs/tags/{installed.name}"
    git(*there, "fetch", "--quiet", "origin", f"{tag}:{tag}")
    git(*there, "update-ref", "refs/remotes/origin/master", installed.commit)
    git(*there, "reset", "--quiet", "--hard", installed.commit)


def git(*arguments: str, stdin: bytes = b"") -> str:
    """Run git with nobody's own configuration and give what it prints.

    Raises:
        DfwizardError: git is missing or failed.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            ("git", *arguments), input=stdin, capture_output=True, env={**environment, **_QUIET}, check=False
        )
    except FileNotFoundError:
        raise DfwizardError(
            "the demo needs git", remedy="Install it, on Debian and Ubuntu: apt-get install git"
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise DfwizardError(
            f"git could not make the sandbox: {said[-1] if said else done.returncode}",
            where="git " + " ".join(arguments[:4]),
            remedy="See that git is 2.28 or newer and that there is room for temporary files.",
        )
    return done.stdout.decode("utf-8", "replace")


def _stream(releases: Iterable[Release]) -> Iterator[bytes]:
    """Write git's fast-import language: every distinct content once, one commit a release, a tag for each."""
    marks: dict[bytes, int] = {}
    commits: dict[str, str] = {}
    last = ""
    tree: Files = {}
    number = 1_000_000
    for release in releases:
        files = files_of(release)
        if not release.same_as:
            changed = {path: data for path, data in files.items() if tree.get(path) != data}
            for data in changed.values():
                if data not in marks:
                    marks[data] = len(marks) + 1
                    yield b"blob\nmark :%d\ndata %d\n%b\n" % (marks[data], len(data), data)
            number += 1
            yield _commit(release, f":{number}", last)
            yield from (f"D {path}\n".encode() for path in tree.keys() - files.keys())
            for path, data in changed.items():
                mode = "100755" if path in EXECUTABLE else "100644"
                yield f"M {mode} :{marks[data]} {path}\n".encode()
            yield b"\n"
            last, tree = f":{number}", files
        commits[release.tag] = commits.get(release.same_as, last)
        yield f"reset refs/tags/{release.tag}\nfrom {commits[release.tag]}\n\n".encode()


def _commit(release: Release, mark: str, parent: str) -> bytes:
    day = date.fromisoformat(release.date)
    seconds = int(datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc).timestamp())
    message = f"v{release.tag} release\n".encode()
    above = f"from {parent}\n" if parent else ""
    head = f"commit refs/heads/master\nmark {mark}\nauthor {_WHO} {seconds} +0000\ncommitter {_WHO} {seconds} +0000\n"
    return head.encode() + b"data %d\n%b" % (len(message), message) + above.encode()
