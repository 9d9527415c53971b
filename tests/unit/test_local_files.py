"""LocalHost looking at files, writing and removing them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from tests.unit.real_host import NASTY, as_account, as_root, names, sh


class TestLooking:
    def test_stat(self, host: Host, tmp_path: Path) -> None:
        file, link = tmp_path / NASTY[2], tmp_path / "link"
        file.write_bytes(b"12345")
        file.chmod(0o2640)
        link.symlink_to(file)
        found = host.stat(str(file))
        assert found is not None
        assert (found.kind, found.mode, found.size, found.uid) == ("file", 0o2640, 5, os.geteuid())
        assert found.owner == host.user
        assert (found.inode, found.device) == (file.stat().st_ino, file.stat().st_dev)
        assert getattr(host.stat(str(link)), "kind", None) == "symlink"
        assert host.stat(str(link), follow=True) == found
        assert getattr(host.stat(str(tmp_path)), "kind", None) == "directory"
        assert getattr(host.stat("/dev/null"), "kind", None) == "other"
        assert host.stat(str(tmp_path / "none")) is None
        assert host.stat(str(file / "below")) is None

    @as_root
    def test_numbers_without_names(self, host: Host, tmp_path: Path) -> None:
        os.chown(tmp_path, 61234, 61235)
        found = host.stat(str(tmp_path))
        assert found is not None
        assert (found.owner, found.group) == ("61234", "61235")

    def test_read(self, host: Host, tmp_path: Path) -> None:
        file = tmp_path / "-file"
        file.write_bytes(bytes(range(100)))
        path = str(file)
        assert host.read(path) == bytes(range(100))
        assert host.read(path, limit=3) == b"\0\1\2"
        assert host.read(path, limit=3, offset=50) == bytes((50, 51, 52))
        assert host.read(path, offset=-2) == bytes((98, 99))
        assert host.read(path, offset=-1000, limit=1) == b"\0"
        assert host.read(path, offset=1000) == b""
        assert host.read("/proc/version", limit=6) == b"Linux "
        assert host.read("/proc/version").endswith(b"\n")

    @pytest.mark.parametrize("what", ["read", "listdir", "size_of"])
    def test_what_is_not_there(self, host: Host, what: str, tmp_path: Path) -> None:
        with pytest.raises(HostError, match=rf"{host.name}: cannot .*none: no such file or directory"):
            getattr(host, what)(str(tmp_path / "none"))

    @pytest.mark.parametrize("what", ["stat", "read", "listdir", "size_of", "free_bytes", "mkdir", "remove"])
    def test_paths_that_cannot_be(self, host: Host, what: str) -> None:
        for path in ("/tmp/a\0b", "/tmp/\ud800", "/tmp/" + "x" * 300):
            with pytest.raises(HostError, match="cannot"):
                getattr(host, what)(path)

    def test_what_cannot_be_read(self, host: Host, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(HostError, match="not a regular file"):
            host.read(str(tmp_path / "fifo"))
        with pytest.raises(HostError, match="it is a directory"):
            host.read(str(tmp_path))
        with pytest.raises(HostError, match="symlink leads back"):
            host.read(str(tmp_path / "loop"))
        with pytest.raises(HostError, match="not a directory"):
            host.listdir(str(tmp_path / "fifo"))

    def test_listdir(self, host: Host, tmp_path: Path) -> None:
        for name in NASTY:
            (tmp_path / name).touch()
        assert host.listdir(str(tmp_path)) == tuple(sorted(NASTY))

    def test_size_of_agrees_with_du(self, host: Host, tmp_path: Path) -> None:
        for name in NASTY:
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_bytes(b"x" * 10_000)
        (tmp_path / "hard").hardlink_to(tmp_path / NASTY[0] / "file")
        (tmp_path / "soft").symlink_to("/usr")
        with (tmp_path / "sparse").open("wb") as file:
            file.truncate(5_000_000)
        told = subprocess.run(["du", "-sbx", str(tmp_path)], capture_output=True, check=True).stdout
        assert host.size_of(str(tmp_path)) == int(told.split()[0])
        assert host.size_of(str(tmp_path / "sparse")) == 5_000_000

    @as_root
    def test_size_of_stays_on_the_filesystem(self, host: Host, small_disk: Path) -> None:
        (small_disk / "file").write_bytes(b"x" * 100_000)
        assert host.size_of(str(small_disk.parent)) < 50_000

    @as_root
    def test_free_bytes(self, host: Host, small_disk: Path) -> None:
        free = host.free_bytes(str(small_disk))
        assert 200_000 < free <= 262_144
        assert host.free_bytes(str(small_disk / "not" / "yet")) == free
        (small_disk / "file").write_bytes(b"x" * 100_000)
        assert host.free_bytes(str(small_disk / "file" / "below")) < free
        (small_disk.parent / "link").symlink_to(small_disk / "later")
        assert host.free_bytes(str(small_disk.parent / "link")) < free

    def test_which(self, host: Host) -> None:
        assert host.which("sh") == host.run(sh("command -v sh")).text.rstrip()
        assert host.which("no-such-program") is None
        assert host.which("") is None


class TestWriting:
    def test_new_and_replaced(self, host: Host, tmp_path: Path) -> None:
        for name in NASTY:
            path = tmp_path / name
            host.write(str(path), b"first")
            assert path.read_bytes() == b"first"
            assert path.stat().st_mode & 0o7777 == 0o600
            inode = path.stat().st_ino
            host.write(str(path), b"second\xff", mode=0o2664)
            assert path.read_bytes() == b"second\xff"
            assert path.stat().st_mode & 0o7777 == 0o2664
            assert path.stat().st_ino != inode
        assert names(tmp_path) == sorted(NASTY)

    @as_root
    def test_owner_and_group(self, host: Host, tmp_path: Path) -> None:
        path = tmp_path / "file"
        host.write(str(path), b"x", owner="nobody", group="daemon", mode=0o4755)
        found = host.stat(str(path))
        assert found is not None
        assert (found.owner, found.group, found.mode) == ("nobody", "daemon", 0o4755)
        host.write(str(path), b"x", owner="61234", group="61235")
        assert (path.stat().st_uid, path.stat().st_gid) == (61234, 61235)
        for owner, group in (("no-such-account", None), (None, "no-such-group"), ("a\0b", None)):
            with pytest.raises(HostError, match="there is no"):
                host.write(str(path), b"y", owner=owner, group=group)
        assert path.read_bytes() == b"x"

    def test_a_symlink_stays_and_its_target_is_replaced(self, host: Host, tmp_path: Path) -> None:
        real, link, chain = tmp_path / "real" / "env", tmp_path / "link", tmp_path / "chain"
        real.parent.mkdir()
        real.write_bytes(b"old")
        link.symlink_to("real/env")
        chain.symlink_to(link)
        host.write(str(chain), b"new")
        assert real.read_bytes() == b"new"
        assert link.is_symlink()
        assert chain.is_symlink()
        assert names(real.parent) == ["env"]
        dangling = tmp_path / "dangling"
        dangling.symlink_to("real/later")
        host.write(str(dangling), b"there")
        assert (real.parent / "later").read_bytes() == b"there"

    def test_a_symlink_of_another_account_is_followed_to_its_own_files_alone(
        self, host: Host, tmp_path: Path
    ) -> None:
        if os.geteuid() != 0:
            pytest.skip("makes files of other accounts: needs root")
        mine, theirs, third = (tmp_path / name for name in ("mine", "theirs", "third"))
        for path, uid in ((mine, 0), (theirs, 61234), (third, 61235)):
            path.write_bytes(b"old")
            os.chown(path, uid, 0)
        tree = tmp_path / "tree"
        tree.mkdir()
        os.chown(tree, 61235, 0)
        places = {"mine": mine, "absent": tmp_path / "absent", "theirs": theirs, "third": third}
        for name, target in places.items():
            (tree / name).symlink_to(target)
            os.chown(tree / name, 61234, 0, follow_symlinks=False)
        (tmp_path / "chain").symlink_to(tree / "mine")
        for planted in (tree / "mine", tree / "absent", tmp_path / "chain"):
            with pytest.raises(HostError, match="the symlink there belongs to another account"):
                host.write(str(planted), b"new")
        assert mine.read_bytes() == b"old"
        assert not places["absent"].exists()
        for meant in ("theirs", "third"):
            host.write(str(tree / meant), b"new")
            assert places[meant].read_bytes() == b"new"
        os.chown(tree, 0, 0)
        with pytest.raises(HostError, match="belongs to another account"):
            host.write(str(tree / "third"), b"newer")

    def test_what_cannot_be_replaced(self, host: Host, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "directory").mkdir()
        for name, reason in (
            ("fifo", "not a regular file"),
            ("loop", "leads back to itself"),
            ("directory", "it is a directory"),
            ("none/file", "no such file"),
            ("fifo/file", "not a directory"),
        ):
            with pytest.raises(HostError, match=reason):
                host.write(str(tmp_path / name), b"x")
        assert names(tmp_path) == ["directory", "fifo", "loop"]

    @as_root
    def test_a_full_disk_leaves_the_old_file(self, host: Host, small_disk: Path) -> None:
        path = small_disk / "env"
        path.write_bytes(b"old")
        with pytest.raises(HostError, match=r"the disk of .* is full, .* free"):
            host.write(str(path), b"x" * 1_000_000)
        assert path.read_bytes() == b"old"
        assert names(small_disk) == ["env"]

    def test_attributes_are_kept(self, host: Host, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        try:
            os.setxattr(path, "user.note", b"kept")
        except OSError:
            pytest.skip("this filesystem has no extended attributes")
        host.write(str(path), b"new")
        assert os.getxattr(path, "user.note") == b"kept"

    def test_mkdir(self, host: Host, tmp_path: Path) -> None:
        path = tmp_path / "a b" / "-c" / "d\n"
        host.mkdir(str(path), mode=0o750)
        assert [p.stat().st_mode & 0o7777 for p in (path, path.parent, path.parent.parent)] == [0o750] * 3
        host.mkdir(str(path), mode=0o700)
        assert path.stat().st_mode & 0o7777 == 0o750
        (tmp_path / "file").touch()
        for name in ("file", "file/below"):
            with pytest.raises(HostError, match="not a directory"):
                host.mkdir(str(tmp_path / name))

    def test_mkdir_that_fails_half_way_leaves_nothing(self, host: Host, tmp_path: Path) -> None:
        with pytest.raises(HostError, match="name is too long"):
            host.mkdir(str(tmp_path / "a" / "b" / ("x" * 300) / "c"))
        assert names(tmp_path) == []

    @as_root
    def test_mkdir_owner_and_setgid(self, host: Host, tmp_path: Path) -> None:
        os.chown(tmp_path, -1, 1)
        tmp_path.chmod(0o2775)
        host.mkdir(str(tmp_path / "x" / "y"), owner="nobody", mode=0o775)
        for place in (tmp_path / "x", tmp_path / "x" / "y"):
            found = place.stat()
            assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (65534, 1, 0o2775)

    def test_rename(self, host: Host, tmp_path: Path) -> None:
        source, target = tmp_path / NASTY[2], tmp_path / NASTY[1]
        source.mkdir()
        (source / "file").touch()
        target.mkdir()
        host.rename(str(source), str(target))
        assert (target / "file").exists()
        source.mkdir()
        with pytest.raises(HostError, match=r"cannot rename .*not empty"):
            host.rename(str(source), str(target))
        with pytest.raises(HostError, match="no such file"):
            host.rename(str(tmp_path / "none"), str(tmp_path / "x"))

    @as_root
    def test_rename_across_filesystems(self, host: Host, small_disk: Path) -> None:
        (small_disk / "file").touch()
        with pytest.raises(HostError, match="different filesystems"):
            host.rename(str(small_disk / "file"), str(small_disk.parent / "file"))


class TestWritingHere:
    """What only this machine has to show."""

    @as_root
    def test_without_root_nothing_can_be_given_away(self, host: Host, open_directory: Path) -> None:
        path = str(open_directory / "file")
        assert (
            as_account("nobody", lambda: host.write(path, b"mine", owner="nobody", group="nogroup")) == "None"
        )
        said = as_account("nobody", lambda: host.write(path, b"given", owner="daemon"))
        assert said.startswith(f"HostError: localhost: only root can give {path} to daemon")
        said = as_account("nobody", lambda: host.mkdir(str(open_directory / "new"), group="daemon"))
        assert said.startswith("HostError: localhost: only root can give")
        assert names(open_directory) == ["file"]
        assert Path(path).read_bytes() == b"mine"


class TestRemoving:
    def test_files_links_and_trees(self, host: Host, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "precious").touch()
        for name in NASTY:
            tree = tmp_path / "trees" / name
            (tree / "deep" / name).mkdir(parents=True)
            (tree / "link").symlink_to(outside)
            host.remove(str(tree))
            assert not os.path.lexists(tree)
        for path in ("link", "link/"):
            (tmp_path / "link").symlink_to(outside)
            host.remove(str(tmp_path / path))
            assert not os.path.lexists(tmp_path / "link")
        os.mkfifo(tmp_path / "fifo")
        host.remove(str(tmp_path / "fifo"))
        host.remove(str(tmp_path / "fifo"))
        host.remove(str(outside / "precious" / "below"))
        assert (outside / "precious").exists()
        assert names(tmp_path) == ["outside", "trees"]

    def test_a_very_deep_tree(self, host: Host, tmp_path: Path) -> None:
        (tmp_path / "top").mkdir()
        place = os.open(tmp_path / "top", os.O_RDONLY)
        for _ in range(600):  # too long for a path
            os.mkdir("deeeeep", dir_fd=place)
            below = os.open("deeeeep", os.O_RDONLY, dir_fd=place)
            os.close(place)
            place = below
        os.close(place)
        host.remove(str(tmp_path / "top"))
        assert names(tmp_path) == []

    @as_root
    def test_a_mount_point_is_refused_before_anything_is_gone(self, host: Host, small_disk: Path) -> None:
        (small_disk / "file").touch()
        (small_disk.parent / "other").touch()
        for path in (small_disk, small_disk.parent):
            with pytest.raises(HostError, match="mount point; nothing has been removed"):
                host.remove(str(path))
        bound = small_disk.parent / "bound\nhere"
        bound.mkdir()
        subprocess.run(["mount", "--bind", str(small_disk.parent), str(bound)], check=True)
        try:
            with pytest.raises(HostError, match="mount point"):
                host.remove(str(bound))
        finally:
            subprocess.run(["umount", str(bound)], check=True)
        assert (small_disk / "file").exists()
        assert (small_disk.parent / "other").exists()


class TestRemovingHere:
    """What only this machine has to show."""

    def test_a_relative_path(self, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "-r" / "x").mkdir(parents=True)
        host.remove("-r")
        assert names(tmp_path) == []

    @pytest.mark.parametrize("path", ["/", "/.", "//", ".", "..", "/tmp/.."])
    def test_what_nobody_means(
        self, host: Host, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "file").touch()
        with pytest.raises(HostError, match="will not remove"):
            host.remove(path)
        assert (tmp_path / "file").exists()

    @as_root
    def test_read_only_directories_of_ones_own(self, host: Host, open_directory: Path) -> None:
        def work() -> None:
            (open_directory / "tree" / "locked").mkdir(parents=True)
            (open_directory / "tree" / "locked" / "file").touch()
            (open_directory / "tree" / "locked").chmod(0)
            host.remove(str(open_directory / "tree"))

        assert as_account("nobody", work) == "None"
        assert names(open_directory) == []

    @as_root
    def test_what_may_not_be_removed(self, host: Host, open_directory: Path) -> None:
        (open_directory / "theirs" / "sub").mkdir(parents=True)
        (open_directory / "theirs" / "sub" / "file").touch()
        said = as_account("nobody", lambda: host.remove(str(open_directory / "theirs")))
        assert said.startswith("HostError: localhost: could not remove all of")
        assert "Permission denied" in said
        assert (open_directory / "theirs" / "sub" / "file").exists()
