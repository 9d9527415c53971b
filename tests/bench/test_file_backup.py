"""A backup of a tree, against `tar | zstd -3`: the archiving alone, and with size, checksums, versions and manifest."""

from __future__ import annotations

import grp
import itertools
import json
import os
import pwd
import random
import shlex
import subprocess
from pathlib import Path

import pytest

from dfwizard.backup import commands
from dfwizard.backup.context import BackupContext
from dfwizard.backup.subject import Subject, find_tools
from dfwizard.backup.take import take
from dfwizard.hosts.local import LocalHost
from tests.bench.measure import Measurement, Target, interleaved, seconds_of, table

REPEATS = 5
BASELINE = "tar | zstd -3"
TARGET = Target(lambda ours, theirs: ours / theirs, 1.2, "times as long")

FILES = 5000
PACKED = 12 << 20
"""Bytes of the tree that do not shrink: git's packs, images."""
TEXT = 48 << 20
"""Bytes of source text, in files of very different sizes."""


def compare(directory: Path) -> tuple[Measurement, ...]:
    """Measure the archiving and the whole of `take` on a tree that it leaves in `directory`."""
    tree = make_tree(directory / "tree")
    host = LocalHost()
    php = host.which("php")
    assert php, "the backup notes PHP's version: apt-get install php-cli"
    owner, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    subject = Subject(str(tree), owner, group, host.user, php, None, find_tools(host, ""))
    context = BackupContext(host, str(directory / "private"))
    numbers = itertools.count(1)
    members = 1 + sum(1 for _ in tree.rglob("*"))

    def archive() -> float:
        target = directory / "archive.tar.zst"
        work = commands.archive_tree(subject, str(target), str(directory / "names"))
        growing = ("tree", str(target))
        seconds = seconds_of(lambda: context.run(work, "archiving", where=str(tree), growing=growing))
        _check(target, members)
        return seconds

    def whole() -> float:
        target = directory / f"backup-{next(numbers)}"
        seconds = seconds_of(lambda: take(context, subject, str(target)))
        manifest = json.loads((target / "manifest.json").read_text())
        assert manifest["tree"]["members"] == members
        _check(target / manifest["tree"]["file"], members)
        return seconds

    def baseline() -> float:
        target = directory / "by-hand.tar.zst"
        line = f"tar -cf - -C {shlex.quote(str(tree))} . | zstd -q -3 > {shlex.quote(str(target))}"
        seconds = seconds_of(lambda: subprocess.run(["sh", "-c", line], check=True))
        _check(target, members)
        return seconds

    of_archive, of_whole, theirs = interleaved(archive, whole, baseline, repeats=REPEATS)
    return (
        Measurement("file backup, the archive", BASELINE, of_archive, theirs, TARGET),
        Measurement("file backup, all of it", BASELINE, of_whole, theirs, TARGET),
    )


def _check(archive: Path, members: int) -> None:
    """See that an archive is whole, and remove it."""
    listed = subprocess.run(["tar", "--zstd", "-tf", str(archive)], check=True, capture_output=True).stdout
    assert listed.count(b"\n") == members
    archive.unlink()


def make_tree(tree: Path) -> Path:
    """Make the tree, each time the same: a few packs, and thousands of PHP files below hundreds of directories."""
    chance = random.Random(5000)
    words = [f"{chance.choice('abcdefgilmnoprstuvw')}{chance.getrandbits(28):x}" for _ in range(4000)]
    frame = [
        "function",
        "return",
        "$this->",
        "public",
        "array",
        "=>",
        ";\n",
        "{\n    ",
        "}\n",
        "if (",
        "use ",
    ]
    source = " ".join(chance.choices(words + frame * 400, k=1 << 20)).encode()
    (tree / ".git" / "objects" / "pack").mkdir(parents=True)
    (tree / ".env").write_text("APP_ENV=local\n")
    packs = 4
    for number in range(packs):
        pack = tree / ".git" / "objects" / "pack" / f"pack-{number}.pack"
        pack.write_bytes(chance.randbytes(PACKED // packs))
    for number in range(FILES - packs - 1):
        file = (
            tree / "vendor" / f"vendor{number % 40}" / f"package{number % 400}" / "src" / f"Class{number}.php"
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        size = min(int(chance.expovariate(FILES / TEXT)), len(source) // 2)
        start = chance.randrange(len(source) - size)
        file.write_bytes(source[start : start + size])
    return tree


@pytest.mark.bench
@pytest.mark.lab
def test_file_backup(tmp_path: Path) -> None:
    print("\n" + table(compare(tmp_path)))
