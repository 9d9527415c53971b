"""Backups and restores over mount points, disks mounted inside and full disks."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dfwizard.backup.prove import verify
from dfwizard.backup.restore import restore_database
from dfwizard.backup.take import take
from dfwizard.backup.tree import clear_aside, restore_tree
from dfwizard.errors import BackupError
from tests.lab.backup_site import (
    Site,
    bind_mounted,
    names_in,
    sentences,
)

pytestmark = pytest.mark.lab


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    path.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


class TestMounts:
    def test_a_mount_point_keeps_its_mount(self, site: Site, backup: str) -> None:
        before = site.fingerprint()
        wreck_query = "DELETE FROM lookup"
        with bind_mounted(site.lab.instance):
            inode = site.lab.instance.stat().st_ino
            site.lab.query(wreck_query)
            shutil.rmtree(site.lab.instance / "vendor")
            (site.lab.instance / "extra").mkdir()
            site.lab.instance.chmod(0o700)
            asked: list[str] = []
            run_id = f"m{time.monotonic_ns()}"
            restore_tree(site.context, site.subject, backup, run_id, before_exchange=asked.append)
            restore_database(site.context, site.subject, backup)
            assert sentences(before, site.fingerprint()) == []
            assert site.lab.instance.stat().st_ino == inode
            assert asked == []
            clear_aside(site.context, site.subject.path, run_id)
            assert not [name for name in names_in(site.lab.instance) if "dfwizard" in name]
        assert sentences(before, site.fingerprint()) == []

    def test_a_disk_mounted_inside_is_saved_and_put_back_on_it(self, sqlite_site: Site) -> None:
        site = sqlite_site
        uploads = site.lab.instance / "storage" / "app" / "up loads"
        with small_disk(uploads, "4m"):
            (uploads / "deep" / "er").mkdir(parents=True)
            (uploads / "deep" / "er" / "file").write_text("kept")
            shutil.chown(uploads, site.lab.owner, site.lab.owner)
            before = site.fingerprint()
            directory = site.new("mounted")
            manifest = take(site.context, site.subject, directory)
            assert manifest.code.mounts == ("storage/app/up loads",)
            device = uploads.stat().st_dev
            shutil.rmtree(uploads / "deep")
            uploads.chmod(0o700)
            (uploads / "newer").write_text("x")
            (site.lab.instance / "storage" / "newer").write_text("x")
            run_id = f"n{time.monotonic_ns()}"
            restore_tree(site.context, site.subject, directory, run_id)
            assert sentences(before, site.fingerprint()) == []
            assert uploads.stat().st_dev == device
            assert (uploads / "deep" / "er" / "file").stat().st_dev == device
            clear_aside(site.context, site.subject.path, run_id)
            assert [str(path) for path in site.lab.instance.rglob(".dfwizard*")] == []

    def test_a_full_disk_is_said_and_loses_nothing(self, sqlite_site: Site) -> None:
        site = sqlite_site
        disk = site.place / "small"
        with small_disk(disk, "64k"):
            with pytest.raises(BackupError, match="full"):
                take(site.context, site.subject, str(disk / "backup"))
            with pytest.raises(BackupError, match="never finished"):
                verify(site.context, str(disk / "backup"))
