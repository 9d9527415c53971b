"""Streams of hosts: files that are read or grow, and what goes into or comes out of running commands; over SSH too."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from dfwizard.errors import CommandFailed, CommandNotFound, CommandTimeout, HostError
from dfwizard.hosts.base import ByteSink, ByteSource, Host
from dfwizard.hosts.command import Command, Pipeline
from tests.unit.real_host import NASTY, living, names


def _sh(script: str, *arguments: str, timeout: float | None = None) -> Pipeline:
    return Pipeline((Command(("sh", "-c", script, "sh", *arguments), timeout=timeout),))


def _all(source: ByteSource, size: int = 1 << 16) -> bytes:
    parts = []
    while data := source.read(size):
        parts.append(data)
    return b"".join(parts)


def _fill(sink: ByteSink, then: BaseException | None = None) -> None:
    """Write more than any pipe holds; raise `then` in the end."""
    for _ in range(20):
        sink.write(b"x" * (1 << 20))
    if then is not None:
        raise then


class TestReading:
    def test_a_file_is_read_from_an_offset_to_its_end(self, host: Host, tmp_path: Path) -> None:
        file = tmp_path / "data"
        file.write_bytes(b"0123456789")
        for offset, expected in ((0, b"0123456789"), (4, b"456789"), (10, b""), (99, b"")):
            with host.reading(str(file), offset=offset) as source:
                assert _all(source, 3) == expected

    @pytest.mark.parametrize("kind", ["missing", "directory", "fifo"])
    def test_only_regular_files_are_read(self, host: Host, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "it"
        if kind == "directory":
            path.mkdir()
        if kind == "fifo":
            os.mkfifo(path)
        with pytest.raises(HostError, match="cannot read"), host.reading(str(path)):
            pass


class TestGrowing:
    def test_a_file_is_made_and_grows_with_its_mode(self, host: Host, tmp_path: Path) -> None:
        path = tmp_path / "new"
        with host.appending(str(path), mode=0o640) as sink:
            sink.write(b"one ")
            sink.write(b"two")
        assert path.read_bytes() == b"one two"
        assert path.stat().st_mode & 0o7777 == 0o640
        with host.appending(str(path), mode=0o600) as sink:
            sink.write(b" three")
            sink.sync()
            with pytest.raises(HostError, match="given up"):
                sink.write(b"more")
        assert path.read_bytes() == b"one two three"
        assert path.stat().st_mode & 0o7777 == 0o600

    def test_what_lies_behind_the_offset_is_cut_off(self, host: Host, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"keep this, not that")
        with host.appending(str(path), offset=9) as sink:
            sink.write(b"!")
        assert path.read_bytes() == b"keep this!"
        with pytest.raises(HostError, match="holds 10 bytes"), host.appending(str(path), offset=11):
            pass
        assert path.read_bytes() == b"keep this!"

    def test_nothing_is_written_through_a_symlink_or_into_a_device(self, host: Host, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"untouched")
        link, dangling, fifo = tmp_path / "link", tmp_path / "dangling", tmp_path / "fifo"
        link.symlink_to(victim)
        dangling.symlink_to(tmp_path / "not there")
        os.mkfifo(fifo)
        for path in (link, dangling, fifo, Path("/dev/null")):
            with (
                pytest.raises(HostError, match="it is not a regular file"),
                host.appending(str(path), offset=0),
            ):
                pass
        with pytest.raises(HostError, match="it is a directory"), host.appending(str(tmp_path)):
            pass
        assert victim.read_bytes() == b"untouched"
        assert not (tmp_path / "not there").exists()

    def test_a_full_disk_is_told(self, host: Host, small_disk: Path) -> None:
        path = small_disk / "file"
        with pytest.raises(HostError, match=r"the disk of .* is full"), host.appending(str(path)) as sink:
            _fill(sink)
        assert path.stat().st_size <= 256 << 10

    def test_names_of_any_bytes(self, host: Host, tmp_path: Path) -> None:
        for name in NASTY:
            data = os.urandom(3000)
            path = f"{tmp_path}/{name}"
            with host.appending(path, offset=0) as sink:
                sink.write(data)
            with host.reading(path, offset=1000) as source:
                assert _all(source) == data[1000:]
            assert host.sha256(path) == (hashlib.sha256(data).hexdigest(),)
        assert names(tmp_path) == sorted(NASTY)


class TestOutflow:
    def test_what_a_pipeline_writes_is_read_as_it_comes(self, host: Host) -> None:
        pipeline = Pipeline((Command(("seq", "1", "100000")), Command(("sort", "-rn"))))
        with host.outflow(pipeline) as source:
            assert _all(source).split() == [str(number).encode() for number in range(100000, 0, -1)]

    def test_a_pipeline_that_fails_says_so_when_its_output_was_read(self, host: Host) -> None:
        failing = Pipeline((Command(("sh", "-c", "echo half; echo sorry >&2; exit 3")), Command(("cat",))))
        with pytest.raises(CommandFailed, match="sorry") as caught, host.outflow(failing) as source:
            assert _all(source) == b"half\n"
        assert caught.value.code == 3

    def test_a_pipeline_that_nobody_reads_any_more_is_ended(self, host: Host) -> None:
        with host.outflow(_sh("echo $$; exec sleep 600")) as source:
            pid = int(source.read(100))
        assert not living(pid)
        pids: list[int] = []

        def leave(source: ByteSource) -> None:
            pids.append(int(source.read(100)))
            raise KeyError

        with pytest.raises(KeyError), host.outflow(_sh("echo $$; exec sleep 600")) as source:
            leave(source)
        assert not living(pids[0])

    def test_a_reader_that_waits_can_be_given_up_on(self, host: Host) -> None:
        def read_and_close(source: ByteSource) -> None:
            threading.Timer(0.2, source.close).start()
            _all(source)

        with pytest.raises(HostError, match="given up"), host.outflow(_sh("exec sleep 600")) as source:
            read_and_close(source)

    def test_a_time_limit_holds_for_streams(self, host: Host) -> None:
        with pytest.raises(CommandTimeout), host.outflow(_sh("exec sleep 600", timeout=0.2)) as source:
            _all(source)

    def test_a_program_that_is_not_there_is_named(self, host: Host) -> None:
        nothing = Pipeline((Command(("no-such-program",)),))
        with pytest.raises(CommandNotFound, match="no-such-program"), host.outflow(nothing) as source:
            assert _all(source) == b""
        with pytest.raises(CommandNotFound, match="no-such-program"), host.inflow(nothing) as sink:
            sink.write(b"x" * (1 << 20))


class TestDigests:
    def test_digests_of_a_whole_file_and_of_its_blocks(self, host: Host, tmp_path: Path) -> None:
        data = os.urandom(2_500_000)
        file = tmp_path / "file"
        file.write_bytes(data)
        empty = tmp_path / "empty"
        empty.write_bytes(b"")

        def of(part: bytes) -> str:
            return hashlib.sha256(part).hexdigest()

        assert host.sha256(str(file)) == (of(data),)
        assert host.sha256(str(file), offset=1000, length=500) == (of(data[1000:1500]),)
        blocks = tuple(of(data[at : at + 1_000_000]) for at in range(0, len(data), 1_000_000))
        assert host.sha256(str(file), block=1_000_000) == blocks
        assert host.sha256(str(file), block=1_000_000, length=2_000_000) == blocks[:2]
        assert host.sha256(str(file), block=1_250_000) == (of(data[:1_250_000]), of(data[1_250_000:]))
        assert host.sha256(str(empty)) == (of(b""),)
        assert host.sha256(str(empty), block=10) == ()


class TestInflow:
    def test_a_pipeline_reads_what_is_written_into_it(self, host: Host, tmp_path: Path) -> None:
        data = os.urandom(3_000_001)
        target = tmp_path / "out"
        into = Pipeline((Command(("cat",)), Command(("tee", str(target)))))
        with host.inflow(into) as sink:
            for at in range(0, len(data), 70_000):
                sink.write(data[at : at + 70_000])
        assert target.read_bytes() == data

    def test_a_pipeline_that_takes_too_little_or_fails_is_told(self, host: Host) -> None:
        with (
            pytest.raises(CommandFailed, match="no room"),
            host.inflow(_sh("echo no room >&2; exit 7")) as sink,
        ):
            _fill(sink)
        with pytest.raises(HostError, match="before it had read all"), host.inflow(_sh("exit 0")) as sink:
            _fill(sink)
        with pytest.raises(CommandFailed), host.inflow(_sh("cat >/dev/null; exit 2")) as sink:
            sink.write(b"x")

    def test_an_input_that_breaks_off_is_never_taken_for_whole(self, host: Host, tmp_path: Path) -> None:
        done = tmp_path / "done"
        with pytest.raises(KeyError), host.inflow(_sh('cat >/dev/null; touch "$1"', str(done))) as sink:
            _fill(sink, KeyError())
        assert not done.exists()

    def test_a_writer_that_waits_can_be_given_up_on(self, host: Host) -> None:
        def fill_and_close(sink: ByteSink) -> None:
            threading.Timer(0.2, sink.close).start()
            _fill(sink)

        with pytest.raises(HostError, match="given up"), host.inflow(_sh("exec sleep 600")) as sink:
            fill_and_close(sink)
