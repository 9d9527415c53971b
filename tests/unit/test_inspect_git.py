"""Git's answers, hostile ones too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard.hosts.local import LocalHost
from dfwizard.instance.asking import Asker, Problems
from dfwizard.instance.facts import DirtyFile
from dfwizard.instance.git import git_facts, mask_url, parse_status

_PATHS = st.binary(min_size=1, max_size=30).filter(lambda path: b"\0" not in path)
_STATES = st.sampled_from(["??", " M", " D", "M ", "A ", "UU", "!!"])


@given(st.lists(st.tuples(_STATES, _PATHS), max_size=10))
def test_status_with_any_path(entries: list[tuple[str, bytes]]) -> None:
    data = b"".join(state.encode() + b" " + path + b"\0" for state, path in entries)
    dirty, untracked = parse_status(data)
    named = [(state, path.decode("utf-8", "surrogateescape")) for state, path in entries]
    assert dirty == tuple(DirtyFile(path, state) for state, path in named if state not in {"??", "!!"})
    assert untracked == tuple(path for state, path in named if state == "??")


def test_status_takes_a_renames_second_path_along() -> None:
    dirty, untracked = parse_status(b"R  new\0old\0?? x\0")
    assert dirty == (DirtyFile("new", "R "),)
    assert untracked == ("x",)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://token@github.com/a/b.git", "https://***@github.com/a/b.git"),
        ("https://u:p@ss@host/x", "https://***@host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("ssh://git:secret@host/x", "ssh://git:***@host/x"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("file:///srv/a@b/origin.git", "file:///srv/a@b/origin.git"),
    ],
)
def test_mask_url(url: str, shown: str) -> None:
    assert mask_url(url) == shown


def _run(tree: Path, *argv: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *argv],
        cwd=tree,
        check=True,
        capture_output=True,
    )


def _ask(tree: Path) -> Asker:
    host = LocalHost()
    return Asker(host, str(tree), host.user)


def test_a_real_checkout_with_hostile_names(tmp_path: Path) -> None:
    tree = tmp_path / "with blank\nand 'quote'"
    tree.mkdir()
    _run(tree, "init", "-q", "-b", "master")
    for name in ("plain", "deleted\nfile", "-dash"):
        (tree / name).write_text("x")
    _run(tree, "add", "--", "./plain", "./deleted\nfile", "./-dash")
    _run(tree, "commit", "-q", "-m", "one")
    _run(tree, "tag", "6.3.0")
    _run(tree, "remote", "add", "origin", "https://token@example.com/x.git")
    (tree / "deleted\nfile").unlink()
    (tree / "-dash").write_text("changed")
    (tree / 'untracked "quoted"\n?? fake').write_text("x")
    index = (tree / ".git/index").stat()
    problems = Problems()
    facts = git_facts(_ask(tree), problems)
    assert facts is not None
    assert problems.lines == []
    assert facts.dirty == (DirtyFile("-dash", " M"), DirtyFile("deleted\nfile", " D"))
    assert facts.untracked == ('untracked "quoted"\n?? fake',)
    assert (facts.branch, facts.tags, facts.describe) == ("master", ("6.3.0",), "6.3.0")
    assert facts.remote == "https://***@example.com/x.git"
    assert facts.refspecs == ("+refs/heads/*:refs/remotes/origin/*",)
    assert (facts.stashes, facts.operation, facts.shallow) == (0, None, False)
    after = (tree / ".git/index").stat()
    assert (after.st_mtime_ns, after.st_ino) == (index.st_mtime_ns, index.st_ino)


def test_odd_states(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    problems = Problems()
    assert git_facts(_ask(tree), problems) is None
    _run(tree, "init", "-q", "-b", "master")
    assert git_facts(_ask(tree), problems) is None
    inner = tree / "inner"
    inner.mkdir()
    assert git_facts(_ask(inner), problems) is None
    assert [line.split(":")[0] for line in problems.lines] == [
        "git cannot read the directory",
        "git has no commit checked out (an empty or damaged repository)",
        "the directory has no git checkout of its own",
    ]
    (tree / "a").write_text("1")
    _run(tree, "add", "a")
    _run(tree, "commit", "-q", "-m", "one")
    _run(tree, "checkout", "-q", "--detach")
    (tree / "a").write_text("2")
    _run(tree, "stash")
    (tree / ".git/MERGE_HEAD").write_text("")
    facts = git_facts(_ask(tree), Problems())
    assert facts is not None
    assert (facts.branch, facts.stashes, facts.operation, facts.remote) == (None, 1, "merge", None)
