"""Putting a tree back where there is no room for it: said before anything is unpacked, and nothing is left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfwizard.backup.context import BackupContext
from dfwizard.backup.subject import Subject, find_tools
from dfwizard.backup.take import take
from dfwizard.backup.tree import clear_aside, restore_tree
from dfwizard.errors import BackupError
from dfwizard.hosts.base import OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result
from dfwizard.hosts.local import LocalHost
from tests.lab.fixtures import lab_directory

pytestmark = pytest.mark.lab

MB = 1 << 20


@dataclass(frozen=True)
class DisturbedHost(LocalHost):
    """This machine; what `before` does comes right before each unpacking."""

    before: Callable[[], None] = lambda: None

    def run(
        self,
        work: Command | Pipeline,
        *,
        on_output: OnOutput | None = None,
        keep: int = 1 << 20,
        check: bool = True,
        mark: str | None = None,
    ) -> Result:
        if isinstance(work, Pipeline) and "--extract" in work.commands[-1].argv:
            self.before()
        return super().run(work, on_output=on_output, keep=keep, check=check, mark=mark)


@dataclass(frozen=True)
class Site:
    """A tree on a disk of its own, or beside which there is one, with a backup of it elsewhere."""

    disk: Path
    tree: Path
    subject: Subject
    context: BackupContext
    backup: str

    def restore(self, host: LocalHost | None = None, run_id: str = "one") -> None:
        context = BackupContext(host or LocalHost(), self.context.private)
        restore_tree(context, self.subject, self.backup, run_id)

    def content(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.tree.rglob("*")) if path.is_file()}

    def fill(self, *, leave: int) -> None:
        """Use up the disk's space but for `leave` bytes."""
        found = os.statvfs(self.disk)
        size = found.f_bavail * found.f_frsize - leave
        with (self.disk / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)

    def own_names(self) -> list[str]:
        return [str(path) for path in self.disk.rglob("*dfwizard*")]


@contextmanager
def mounted(disk: Path) -> Iterator[None]:
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=0755", "tmpfs", str(disk)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture(params=["renamed", "exchanged"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    place = lab_directory()
    disk = place / "a small disk"
    with mounted(disk):
        tree = disk if request.param == "exchanged" else disk / "tree"
        tree.mkdir(exist_ok=True)
        (tree / "big").write_bytes(os.urandom(3 * MB))
        (tree / "artisan").write_text("as it was")
        host = LocalHost()
        subject = Subject(str(tree), "root", "root", "root", "php", None, find_tools(host, ""))
        context = BackupContext(host, str(place / "private"))
        backup = str(place / "backup")
        take(context, subject, backup)
        (tree / "artisan").write_text("changed since")
        yield Site(disk, tree, subject, context, backup)
    shutil.rmtree(place)


def test_too_little_room_is_said_before_anything_is_unpacked(site: Site) -> None:
    site.fill(leave=2 * MB)
    before = site.content()
    unpacked: list[int] = []
    with pytest.raises(BackupError, match=r"needs 3\.1 MB in .* 2\.1 MB free") as caught:
        site.restore(DisturbedHost(before=lambda: unpacked.append(1)))
    assert caught.value.where == str(site.disk)
    assert str(site.disk) in str(caught.value.remedy)
    assert unpacked == []
    assert site.content() == before
    assert site.own_names() == []


def test_a_disk_that_fills_while_the_tree_is_unpacked_leaves_no_half_tree(site: Site) -> None:
    before = site.content()
    with pytest.raises(BackupError, match="full"):
        site.restore(DisturbedHost(before=lambda: site.fill(leave=MB)))
    assert site.own_names() == []
    (site.disk / "filler").unlink()
    assert site.content() == before


def test_what_is_unpacked_already_needs_no_room_a_second_time(site: Site) -> None:
    renamed: list[str] = []

    class Dying(LocalHost):
        def rename(self, source: str, target: str) -> None:
            renamed.append(f"{source} -> {target}")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        site.restore(Dying())
    assert renamed
    site.fill(leave=MB)
    site.restore()
    assert (site.tree / "artisan").read_text() == "as it was"
    clear_aside(site.context, site.subject.path, "one")
    assert site.own_names() == []
