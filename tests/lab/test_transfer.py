"""Transfers over a real sshd and a link that is slow, stalls and breaks: nothing is lost, nothing is taken for whole that is not."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfwizard.errors import CommandNotFound, ConnectionLost, HostError
from dfwizard.hosts.base import FileSink, Host
from dfwizard.hosts.command import Command, Pipeline
from dfwizard.hosts.local import LocalHost
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import Connection, SshHost
from dfwizard.hosts.transfer import Progress, copy_directory, copy_file, copy_tree, unfinished
from dfwizard.hosts.transfer.pouring import pour
from tests.lab.accounts import Accounts
from tests.lab.link import Link, linked
from tests.lab.ssh_fixtures import accounts, ssh_place, sshd
from tests.lab.sshd import Sshd, running_sshd
from tests.thorough import wide
from tests.unit.real_host import NASTY, names

__all__ = ["accounts", "ssh_place", "sshd"]

pytestmark = pytest.mark.lab

LOCAL = LocalHost()
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Far:
    """A host over SSH, and the link to it."""

    host: Host
    link: Link
    open: Callable[[], Host]
    """Opens it once more, as another process of ours would."""


@pytest.fixture
def far(sshd: Sshd) -> Iterator[Far]:
    opened: list[tuple[SshHost, Connection]] = []
    with linked(sshd.port) as link:

        def open_host(login: str = "root") -> Host:
            connection = Connection(
                sshd.address(login, port=link.port), Headless(), config_file=sshd.config_file
            )
            host = SshHost(connection)
            opened.append((host, connection))
            return host

        yield Far(open_host(), link, open_host)
        for host, connection in opened:
            host.close()
            connection.close()


def _data(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def _written(path: Path, size: int) -> bytes:
    data = _data(size)
    path.write_bytes(data)
    return data


def _copied(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("way", ["out", "in", "between"])
def test_files_of_any_size_arrive(far: Far, tmp_path: Path, way: str) -> None:
    source, target = {"out": (LOCAL, far.host), "in": (far.host, LOCAL), "between": (far.host, far.open())}[
        way
    ]
    for size in (0, 1, 4 * MEGABYTE, 17 * MEGABYTE - 1):
        data = _written(tmp_path / "source", size)
        told: list[Progress] = []
        digest = copy_file(
            source,
            str(tmp_path / "source"),
            target,
            str(tmp_path / "target"),
            progress=told.append,
            mode=0o640,
        )
        assert digest == _copied(data)
        assert (tmp_path / "target").read_bytes() == data
        assert (tmp_path / "target").stat().st_mode & 0o7777 == 0o640
        assert (told[-1].done, told[-1].total, told[-1].eta) == (size, size, 0.0)
    assert names(tmp_path) == ["source", "target"]


def test_a_long_way_is_used_by_several_channels(far: Far, tmp_path: Path) -> None:
    far.link.set_rtt(0.08)
    for size in (0, 3, 2 * MEGABYTE, 32 * MEGABYTE, 21 * MEGABYTE + 12345):
        data = _written(tmp_path / "source", size)
        assert copy_file(LOCAL, str(tmp_path / "source"), far.host, str(tmp_path / "target")) == _copied(data)
        assert (tmp_path / "target").read_bytes() == data
    assert names(tmp_path) == ["source", "target"]


def test_names_of_any_bytes(far: Far, tmp_path: Path) -> None:
    here, there, back = (tmp_path / name for name in ("here", "there", "back"))
    for place in (here, there, back):
        place.mkdir()
    for name in NASTY:
        data = name.encode("utf-8", "surrogateescape") * 1000
        Path(f"{here}/{name}").write_bytes(data)
    copied = copy_directory(LOCAL, str(here), far.host, str(there))
    assert copy_directory(far.host, str(there), LOCAL, str(back)) == copied
    assert names(back) == names(there) == sorted(NASTY)
    for name in NASTY:
        assert Path(f"{back}/{name}").read_bytes() == Path(f"{here}/{name}").read_bytes()


@pytest.mark.parametrize("way", [wide("out"), "in"])
def test_cuts_at_random_moments_cost_nothing_but_time(far: Far, tmp_path: Path, way: str) -> None:
    source, target = (LOCAL, far.host) if way == "out" else (far.host, LOCAL)
    data = _written(tmp_path / "source", 32 * MEGABYTE)
    chance = random.Random(way)
    cuts = 0

    def moving(progress: Progress) -> None:
        nonlocal cuts
        if cuts < 3 and progress.done > cuts * 9 * MEGABYTE:
            cuts += 1
            far.link.cut_after(chance.randrange(5 * MEGABYTE))

    digest = copy_file(source, str(tmp_path / "source"), target, str(tmp_path / "target"), progress=moving)
    assert cuts == 3
    assert digest == _copied(data)
    assert (tmp_path / "target").read_bytes() == data
    assert names(tmp_path) == ["source", "target"]
    # Most of it went only once.
    assert far.link.carried() < 2.2 * len(data)


def test_cuts_on_a_long_way_leave_no_gaps(far: Far, tmp_path: Path) -> None:
    data = _written(tmp_path / "source", 40 * MEGABYTE)
    far.link.set_rtt(0.05)
    cuts = 0

    def moving(progress: Progress) -> None:
        nonlocal cuts
        if cuts < 2 and progress.done > (cuts + 1) * 12 * MEGABYTE:
            cuts += 1
            far.link.cut()

    copy_file(LOCAL, str(tmp_path / "source"), far.host, str(tmp_path / "target"), progress=moving)
    assert cuts == 2
    assert (tmp_path / "target").read_bytes() == data


def test_a_link_that_stalls_for_a_while_is_waited_for(far: Far, tmp_path: Path) -> None:
    data = _written(tmp_path / "source", 24 * MEGABYTE)
    stalled = False

    def moving(progress: Progress) -> None:
        nonlocal stalled
        if not stalled and progress.done > 8 * MEGABYTE:
            stalled = True
            far.link.stall(1.0)

    copy_file(far.host, str(tmp_path / "source"), LOCAL, str(tmp_path / "target"), progress=moving)
    assert stalled
    assert (tmp_path / "target").read_bytes() == data
    assert far.link.accepted() == 2  # the same connections all the time: control and bulk


def test_a_link_that_does_not_come_back_ends_the_attempt_and_the_next_one_goes_on(
    far: Far, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dfwizard.hosts.ssh.connection.WAIT", 0.5)
    data = _written(tmp_path / "source", 48 * MEGABYTE)
    gone = False

    def moving(progress: Progress) -> None:
        nonlocal gone
        if not gone and progress.done > 30 * MEGABYTE:
            gone = True
            far.link.refuse()
            far.link.cut()

    paths = (str(tmp_path / "source"), far.host, str(tmp_path / "target"))
    with pytest.raises(ConnectionLost, match="goes on where this one stopped"):
        copy_file(LOCAL, *paths, progress=moving, patience=2)
    assert gone
    assert not (tmp_path / "target").exists()
    far.link.admit()
    before = far.link.carried()
    copy_file(LOCAL, str(tmp_path / "source"), far.open(), str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == data
    assert far.link.carried() - before < 35 * MEGABYTE


def test_a_source_that_changes_meanwhile_is_told(far: Far, tmp_path: Path) -> None:
    _written(tmp_path / "source", 64 * MEGABYTE)  # more than can be on its way at once

    def moving(progress: Progress) -> None:
        if progress.done > 2 * MEGABYTE:
            with (tmp_path / "source").open("ab") as file:
                file.write(b"more")

    with pytest.raises(HostError, match="has changed while it was copied"):
        copy_file(far.host, str(tmp_path / "source"), LOCAL, str(tmp_path / "target"), progress=moving)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("way", ["out", "in"])
def test_other_bytes_at_the_target_are_noticed_and_sent_again(far: Far, tmp_path: Path, way: str) -> None:
    source, target = (LOCAL, far.host) if way == "out" else (far.host, LOCAL)
    data = _written(tmp_path / "source", 24 * MEGABYTE)
    part = Path(unfinished(str(tmp_path / "target")))
    # An earlier attempt has left something that is wrong in its second block.
    part.write_bytes(data[: 17 * MEGABYTE] + b"x" * MEGABYTE)
    part.chmod(0o600)
    copy_file(source, str(tmp_path / "source"), target, str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == data


def test_a_disk_that_changes_what_was_written_is_noticed(far: Far, tmp_path: Path) -> None:
    data = _written(tmp_path / "source", 6 * MEGABYTE)
    target = tmp_path / "target"
    part = Path(unfinished(str(target)))

    class Rotting(LocalHost):
        """Loses a bit of what arrives, so many times."""

        times = 1

        @contextmanager
        def appending(
            self, path: str, *, mode: int = 0o600, offset: int | None = None, mark: str | None = None
        ) -> Iterator[FileSink]:
            with super().appending(path, mode=mode, offset=offset, mark=mark) as sink:
                yield _Inexact(sink)
            if self.times:
                type(self).times -= 1
                with part.open("r+b") as file:
                    file.write(b"rotten")

    copy_file(far.host, str(tmp_path / "source"), Rotting(), str(target))
    assert Rotting.times == 0
    assert target.read_bytes() == data
    target.unlink()
    Rotting.times = 2
    with pytest.raises(HostError, match="with other bytes, twice"):
        copy_file(far.host, str(tmp_path / "source"), Rotting(), str(target))
    assert names(tmp_path) == ["source"]


class _Inexact:
    """A sink of which nobody knows whether what was written is there."""

    exact = False

    def __init__(self, sink: FileSink) -> None:
        self.write, self.sync, self.close = sink.write, sink.sync, sink.close


@pytest.mark.parametrize("way", ["out", "in"])
def test_what_stands_under_the_temporary_name_is_never_followed(far: Far, tmp_path: Path, way: str) -> None:
    source, target = (LOCAL, far.host) if way == "out" else (far.host, LOCAL)
    data = _written(tmp_path / "source", 1000)
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    part = Path(unfinished(str(tmp_path / "target")))
    part.symlink_to(victim)
    with pytest.raises(HostError, match="it is not a regular file"):
        copy_file(source, str(tmp_path / "source"), target, str(tmp_path / "target"))
    assert victim.read_bytes() == b"untouched"
    part.unlink()
    # A file of somebody else's, who could go on changing it, is not used either.
    part.write_bytes(data[:500])
    os.chown(part, 65534, 65534)
    copy_file(source, str(tmp_path / "source"), target, str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == data
    assert (tmp_path / "target").stat().st_uid == 0


@pytest.mark.parametrize("way", ["out", "in"])
def test_a_target_without_room_is_told_before_and_meanwhile(far: Far, tmp_path: Path, way: str) -> None:
    source, target = (LOCAL, far.host) if way == "out" else (far.host, LOCAL)
    far.link.set_rtt(0.03)  # several channels write
    _written(tmp_path / "source", 12 * MEGABYTE)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    try:
        with pytest.raises(HostError, match=r"12\.6 MB more are needed there, 8\.4 MB are free"):
            copy_file(source, str(tmp_path / "source"), target, str(disk / "target"))
        assert names(disk) == []
        _written(tmp_path / "smaller", 6 * MEGABYTE)

        def moving(progress: Progress) -> None:
            if progress.done == 0 and not (disk / "other").exists():
                (disk / "other").write_bytes(bytes(4 * MEGABYTE))

        with pytest.raises(HostError, match=r"the disk of .* is full"):
            copy_file(source, str(tmp_path / "smaller"), target, str(disk / "target"), progress=moving)
        (disk / "other").unlink()
        copy_file(source, str(tmp_path / "smaller"), target, str(disk / "target"))
        assert (disk / "target").read_bytes() == _data(6 * MEGABYTE)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_what_cannot_be_read_is_told(far: Far, tmp_path: Path, accounts: Accounts, sshd: Sshd) -> None:
    place = accounts.home(accounts.plain)
    (place / "secret").write_bytes(b"x" * 100)
    (place / "secret").chmod(0o600)
    connection = Connection(sshd.address(accounts.plain), Headless(), config_file=sshd.config_file)
    plain = SshHost(connection)
    try:
        with pytest.raises(HostError, match=r"cannot read .*: permission denied"):
            copy_file(plain, str(place / "secret"), LOCAL, str(tmp_path / "target"))
        with pytest.raises(HostError, match=r"no such file or directory"):
            copy_file(plain, str(place / "nothing"), LOCAL, str(tmp_path / "target"))
        with pytest.raises(HostError, match=r"cannot copy .*: it is not a regular file"):
            copy_file(plain, "/dev/zero", LOCAL, str(tmp_path / "target"))
        with pytest.raises(HostError, match=r"permission denied"):
            copy_file(LOCAL, str(place / "secret"), plain, "/etc/target")
    finally:
        plain.close()
        connection.close()
    assert names(tmp_path) == []


def test_a_directory_arrives_and_what_is_there_is_not_sent_again(far: Far, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    contents = {
        f"part{number}": _written(here / f"part{number}", number * 3 * MEGABYTE) for number in range(4)
    }
    told: list[Progress] = []
    found = copy_directory(LOCAL, str(here), far.host, str(there), progress=told.append)
    assert found == {name: _copied(data) for name, data in contents.items()}
    assert {path.name: path.read_bytes() for path in there.iterdir()} == contents
    assert there.stat().st_mode & 0o7777 == 0o700
    assert (told[-1].done, told[-1].total) == (18 * MEGABYTE, 18 * MEGABYTE)
    assert [one.done for one in told] == sorted(one.done for one in told)
    (there / "part2").write_bytes(b"x" * 6 * MEGABYTE)
    before = far.link.carried()
    assert copy_directory(LOCAL, str(here), far.host, str(there)) == found
    assert far.link.carried() - before < 7 * MEGABYTE
    assert (there / "part2").read_bytes() == contents["part2"]
    (here / "sub").mkdir()
    with pytest.raises(HostError, match="it is not a regular file"):
        copy_directory(LOCAL, str(here), far.host, str(there))


def _tree(place: Path) -> None:
    """A tree with everything that a tree can hold."""
    place.mkdir()
    for name in NASTY:
        directory = Path(f"{place}/{name}")
        directory.mkdir()
        Path(f"{directory}/{name}").write_bytes(name.encode("utf-8", "surrogateescape") * 10)
    for number in range(200):
        (place / f"small{number}").write_bytes(_data(number * 7))
    _written(place / "large", 9 * MEGABYTE)
    (place / "link").symlink_to("nowhere\n")
    os.link(place / "small1", place / "hard")
    os.mkfifo(place / "fifo")
    (place / "setgid").mkdir()
    os.chown(place / "setgid", 33, 33)
    (place / "setgid").chmod(0o2750)
    (place / "read only").mkdir()
    (place / "read only" / "file").write_bytes(b"")
    (place / "read only").chmod(0o555)
    os.chown(place / "small2", 12345, 33, follow_symlinks=False)
    os.setxattr(place / "small3", "user.note", b"\x00value")
    (place / "left out").mkdir()
    (place / "left out" / "big").write_bytes(b"x" * 1000)


def _described(place: Path) -> list[str]:
    """Everything of a tree that has to be kept, one line for each entry."""
    found = []
    for path in (place, *sorted(place.rglob("*"))):
        entry = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        link = str(path.readlink()) if path.is_symlink() else ""
        extra = {
            name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)
        }
        found.append(
            f"{path.relative_to(place)!s} {entry.st_mode:o} {entry.st_uid} {entry.st_gid} {entry.st_mtime_ns}"
            f" {entry.st_nlink if path.is_file() else ''} {_copied(content)} {link} {extra}"
        )
    return found


@pytest.mark.parametrize("way", ["out", "in", "between"])
def test_a_tree_arrives_as_it_was(far: Far, tmp_path: Path, way: str) -> None:
    source, target = {"out": (LOCAL, far.host), "in": (far.host, LOCAL), "between": (far.host, far.open())}[
        way
    ]
    _tree(tmp_path / "tree")
    told: list[Progress] = []
    copy_tree(
        source,
        str(tmp_path / "tree"),
        target,
        str(tmp_path / "copy"),
        progress=told.append,
        leave_out=("left out",),
    )
    expected = [line for line in _described(tmp_path / "tree") if not line.startswith("left out")]
    assert _described(tmp_path / "copy") == expected
    assert told[-1].done > 9 * MEGABYTE
    assert names(tmp_path) == ["copy", "tree"]
    with pytest.raises(HostError, match="it exists already"):
        copy_tree(source, str(tmp_path / "tree"), target, str(tmp_path / "copy"))


def test_a_tree_goes_without_zstd_but_not_without_gnu_tar(
    sshd: Sshd, ssh_place: Path, tmp_path: Path
) -> None:
    few = ssh_place / "few"
    few.mkdir()
    for directory in ("/usr/bin", "/bin"):
        for program in Path(directory).iterdir():
            if program.name not in ("zstd", "tar") and not (few / program.name).exists():
                (few / program.name).symlink_to(program)
    _tree(tmp_path / "tree")
    with running_sshd(ssh_place / "bare", options=f"SetEnv PATH={few}\n") as server:
        connection = Connection(server.address("root"), Headless(), config_file=server.config_file)
        host = SshHost(connection)
        try:
            with pytest.raises(CommandNotFound, match="tar is not on the PATH"):
                copy_tree(LOCAL, str(tmp_path / "tree"), host, str(tmp_path / "copy"))
            (few / "tar").symlink_to("busybox")
            with pytest.raises(HostError, match="the tar there is not GNU tar"):
                copy_tree(LOCAL, str(tmp_path / "tree"), host, str(tmp_path / "copy"))
            (few / "tar").unlink()
            (few / "tar").symlink_to("/bin/tar")
            copy_tree(LOCAL, str(tmp_path / "tree"), host, str(tmp_path / "copy"))
            assert _described(tmp_path / "copy") == _described(tmp_path / "tree")
        finally:
            host.close()
            connection.close()


MANY = 40
"""Files of 1 MB: more than a channel's window and all buffers of the way hold, so that a cut always leaves something to be carried."""


@pytest.fixture
def every_tree_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfwizard.hosts.transfer.trees._SMALL", 0)
    monkeypatch.setattr("dfwizard.hosts.transfer.progress._INTERVAL", 0.0)


@pytest.mark.usefixtures("every_tree_is_large")
@pytest.mark.parametrize("way", ["out", wide("in")])
def test_a_tree_goes_on_after_cuts(far: Far, tmp_path: Path, way: str) -> None:
    source, target = (LOCAL, far.host) if way == "out" else (far.host, LOCAL)
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(MANY):
        _written(tree / f"file{number}", MEGABYTE + number)
    cuts = 0

    def moving(progress: Progress) -> None:
        nonlocal cuts
        if cuts < 2 and progress.done > (cuts + 1) * 4 * MEGABYTE:
            cuts += 1
            far.link.cut()

    copy_tree(source, str(tree), target, str(tmp_path / "copy"), progress=moving)
    assert cuts == 2
    assert _described(tmp_path / "copy") == _described(tree)
    assert names(tmp_path) == ["copy", "tree"]
    assert far.link.carried() < 2 * MANY * MEGABYTE


@pytest.mark.parametrize("way", [wide("out"), "in"])
def test_a_small_tree_begins_again_after_a_cut(far: Far, tmp_path: Path, way: str) -> None:
    source, target = (LOCAL, far.host) if way == "out" else (far.host, LOCAL)
    _tree(tmp_path / "tree")
    before = far.link.accepted()
    far.link.cut_after(2 * MEGABYTE)
    copy_tree(source, str(tmp_path / "tree"), target, str(tmp_path / "copy"))
    assert far.link.accepted() > before
    assert _described(tmp_path / "copy") == _described(tmp_path / "tree")
    assert names(tmp_path) == ["copy", "tree"]


@pytest.mark.usefixtures("every_tree_is_large")
def test_a_tree_that_changes_between_two_attempts_starts_over(far: Far, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(MANY):
        _written(tree / f"file{number:02}", MEGABYTE + number)
    changed = False

    def moving(progress: Progress) -> None:
        nonlocal changed
        if not changed and progress.done > 6 * MEGABYTE:
            changed = True
            (tree / "file00").write_bytes(b"other")
            far.link.cut()

    copy_tree(far.host, str(tree), LOCAL, str(tmp_path / "copy"), progress=moving)
    assert changed
    assert _described(tmp_path / "copy") == _described(tree)


def test_a_tree_without_room_is_told_and_leaves_room(far: Far, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    try:
        for source, target in ((LOCAL, far.host), (far.host, LOCAL)):
            (tree / "zeros").write_bytes(bytes(12 * MEGABYTE))
            with pytest.raises(HostError, match=r"12\.6 MB more are needed there, 8\.4 MB are free"):
                copy_tree(source, str(tree), target, str(disk / "copy"))
            (tree / "zeros").write_bytes(bytes(6 * MEGABYTE))

            def moving(progress: Progress) -> None:
                (disk / "other").write_bytes(bytes(4 * MEGABYTE))

            with pytest.raises(HostError, match=r"cannot unpack .*/copy: the disk of .* is full"):
                copy_tree(source, str(tree), target, str(disk / "copy"), progress=moving)
            (disk / "other").unlink()
            assert names(disk) == []
            copy_tree(source, str(tree), target, str(disk / "copy"))
            assert names(disk) == ["copy"]
            (disk / "copy" / "zeros").unlink()
            (disk / "copy").rmdir()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_long_stream_outlives_small_commands_beside_it(far: Far) -> None:
    """More bytes than paramiko would take new keys after, while channels come and go on both connections.

    DFWIZARD_STREAM_BYTES and DFWIZARD_STREAM_TIMES make it longer: 2_000_000_000 and 20 are asked for.
    """
    size = int(os.environ.get("DFWIZARD_STREAM_BYTES", str(640 * MEGABYTE)))
    for _ in range(int(os.environ.get("DFWIZARD_STREAM_TIMES", "1"))):
        answers: list[tuple[str, bytes]] = []
        over = threading.Event()
        asking = threading.Thread(target=_ask, args=(far.host, over, answers))
        asking.start()
        count, zeros = 0, True
        try:
            with far.host.outflow(Pipeline((Command(("head", "-c", str(size), "/dev/zero")),))) as stream:
                while data := stream.read(MEGABYTE):
                    count += len(data)
                    zeros = zeros and not data.strip(b"\0")
        finally:
            over.set()
            asking.join()
        assert (count, zeros) == (size, True)
        assert answers == [(f"{number}\n", f"{number}\n".encode()) for number in range(len(answers))]
        assert len(answers) > 2
    assert far.link.accepted() == 2  # nothing broke, so nothing was connected again


def _ask(host: Host, over: threading.Event, answers: list[tuple[str, bytes]]) -> None:
    """Open and close channels on both connections, until `over`."""
    while not over.is_set():
        command = Command(("echo", str(len(answers))))
        answer = host.run(command).text
        with host.outflow(Pipeline((command,))) as stream:
            answers.append((answer, stream.read(100)))
            assert not stream.read(1)


def test_a_program_that_hangs_is_given_up_on(far: Far, tmp_path: Path) -> None:
    hanging = Pipeline((Command(("sh", "-c", "echo begun; exec sleep 600")),))
    began = time.monotonic()
    with (
        pytest.raises(HostError, match="nothing has moved for 1 s"),
        far.host.outflow(hanging) as stream,
        far.host.appending(str(tmp_path / "target")) as sink,
    ):
        pour(stream, sink, patience=1)
    assert time.monotonic() - began < 30
