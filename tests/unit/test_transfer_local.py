"""Transfers within this machine, and what they tell of their progress; over SSH: tests/lab/test_transfer.py."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.base import ByteSource
from dfwizard.hosts.local import LocalHost
from dfwizard.hosts.transfer import Progress, copy_directory, copy_file, copy_tree, discard, unfinished
from dfwizard.hosts.transfer.progress import Gauge
from tests.unit.real_host import names

HOST = LocalHost()
MEGABYTE = 1 << 20


class Ticking:
    """A clock that goes on when it is told."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    clock = Ticking()
    monkeypatch.setattr("dfwizard.hosts.transfer.progress.time", clock)
    return clock


def test_progress_is_told_ten_times_a_second_with_speed_and_time_left(clock: Ticking) -> None:
    told: list[Progress] = []
    gauge = Gauge(100_000, told.append)
    gauge.set(20_000)
    for _ in range(400):
        clock.now += 0.01
        gauge.add(100)
    gauge.finish()
    assert 35 <= len(told) <= 45
    assert told[0] == Progress(20_000, 100_000, 0.0, None)
    assert told[-1].done == 60_000
    assert told[-1].speed == pytest.approx(10_000, rel=0.05)
    assert told[-1].eta == pytest.approx(4, rel=0.05)
    gauge.rest()
    assert told[-1] == Progress(60_000, 100_000, 0.0, None)
    gauge.add(40_000)
    gauge.finish()
    assert told[-1].eta == 0.0


def test_the_speed_is_that_of_the_last_seconds(clock: Ticking) -> None:
    told: list[Progress] = []
    gauge = Gauge(None, told.append)
    for second in range(30):
        for _ in range(10):
            clock.now += 0.1
            gauge.add(1000 if second < 15 else 100)
    assert told[-1].speed == pytest.approx(1000, rel=0.1)
    assert (told[-1].total, told[-1].eta) == (None, None)


def test_a_file_is_copied_and_replaces_another(tmp_path: Path) -> None:
    data = os.urandom(3 * MEGABYTE + 7)
    (tmp_path / "source").write_bytes(data)
    (tmp_path / "target").write_bytes(b"older")
    digest = copy_file(HOST, str(tmp_path / "source"), HOST, str(tmp_path / "target"), mode=0o600)
    assert digest == hashlib.sha256(data).hexdigest()
    assert (tmp_path / "target").read_bytes() == data
    assert names(tmp_path) == ["source", "target"]


def test_what_an_earlier_attempt_left_is_used_or_can_be_discarded(tmp_path: Path) -> None:
    data = os.urandom(20 * MEGABYTE)
    (tmp_path / "source").write_bytes(data)
    part = Path(unfinished(str(tmp_path / "target")))
    part.write_bytes(data[: 18 * MEGABYTE])
    inode = part.stat().st_ino
    told: list[Progress] = []
    copy_file(HOST, str(tmp_path / "source"), HOST, str(tmp_path / "target"), progress=told.append)
    assert (tmp_path / "target").read_bytes() == data
    assert (tmp_path / "target").stat().st_ino == inode
    assert told[0].done == 16 * MEGABYTE
    part.write_bytes(b"x")
    discard(HOST, str(tmp_path / "target"))
    assert names(tmp_path) == ["source", "target"]


def test_something_else_than_a_file_is_neither_copied_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("file")
    for source, target in (("directory", "new"), ("file", "directory"), ("file", "link"), ("none", "new")):
        with pytest.raises(HostError):
            copy_file(HOST, str(tmp_path / source), HOST, str(tmp_path / target))
    assert names(tmp_path) == ["directory", "file", "link"]
    # A link to a file may be read through.
    copy_file(HOST, str(tmp_path / "link"), HOST, str(tmp_path / "new"))
    assert (tmp_path / "new").read_bytes() == b"x"


def test_a_directory_and_a_tree_are_copied(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    for number in range(3):
        (tmp_path / "flat" / f"file{number}").write_bytes(os.urandom(1000 * number))
    copy_directory(HOST, str(tmp_path / "flat"), HOST, str(tmp_path / "second"))
    copy_tree(HOST, str(tmp_path / "flat"), HOST, str(tmp_path / "third"))
    for name in ("second", "third"):
        subprocess.run(["diff", "-r", str(tmp_path / "flat"), str(tmp_path / name)], check=True)
    assert names(tmp_path) == ["flat", "second", "third"]


class Breaking(LocalHost):
    """A host whose link breaks in the middle of every stream, until it has been read so often."""

    left = 3
    bears = 3 * MEGABYTE
    """Bytes of a stream before it breaks."""

    @contextmanager
    def reading(self, path: str, *, offset: int = 0) -> Iterator[ByteSource]:
        with super().reading(path, offset=offset) as stream:
            yield _Breaking(stream, self) if self.left else stream


class _Breaking:
    exact = False

    def __init__(self, stream: ByteSource, host: Breaking) -> None:
        self._stream = stream
        self._host = host
        self._given = 0
        self.close = stream.close

    def read(self, size: int, /) -> bytes:
        if self._given >= self._host.bears:
            type(self._host).left -= 1
            raise ConnectionLost("the link broke", where=self._host.name)
        data = self._stream.read(size)
        self._given += len(data)
        return data


def test_a_lost_link_is_waited_for_and_the_copy_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("dfwizard.hosts.transfer.pouring.time.sleep", pauses.append)
    data = os.urandom(20 * MEGABYTE)
    (tmp_path / "source").write_bytes(data)
    Breaking.left, Breaking.bears = 3, 3 * MEGABYTE
    copy_file(Breaking(), str(tmp_path / "source"), HOST, str(tmp_path / "target"))
    assert (tmp_path / "target").read_bytes() == data
    assert Breaking.left == 0
    assert pauses == [0.5, 0.5, 0.5]  # each time something had moved
    Breaking.left, Breaking.bears = 100, 0
    pauses.clear()
    with pytest.raises(ConnectionLost, match=r"the link broke; nothing has moved for \d s"):
        copy_file(Breaking(), str(tmp_path / "source"), HOST, str(tmp_path / "other"), patience=5)
    assert pauses == [0.5, 1, 2, 4]
