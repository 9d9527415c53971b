"""The journal: what was written is read; what is damaged is put aside and told; what is newer is refused."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfwizard.errors import JournalError
from dfwizard.execution import events as ev
from dfwizard.execution import journal

EVENTS: tuple[ev.Event, ...] = (
    ev.RunStarted(4, "boot", 99, "1.0"),
    ev.PhaseStarted(0, "upgrade", "plan.json"),
    ev.StepStarted("a", 1, "output/001-a.log"),
    ev.StepFailed("a", "broke\n\udcff \u2028", code=-9, tail=("line", "\x1b[0m")),
    ev.StepFinished("a", "done", 0.1),
    ev.Note("snow \u2603"),
    ev.RunFinished("done", 0),
)


def write(path: Path, events: tuple[ev.Event, ...] = EVENTS) -> bytes:
    opened = journal.open_journal(path)
    for event in events:
        opened.append(event)
    opened.close()
    return path.read_bytes()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    data = write(path)
    content = journal.read(path)
    assert tuple(record.event for record in content.records) == EVENTS
    assert [record.seq for record in content.records] == list(range(1, len(EVENTS) + 1))
    assert (content.good_bytes, content.damage) == (len(data), "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(json.loads(line)["v"] == 1 for line in data.splitlines())


def test_an_absent_journal_is_empty(tmp_path: Path) -> None:
    assert journal.read(tmp_path / "none").records == ()


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path)
    opened = journal.open_journal(path)
    assert opened.append(ev.Note("more")).seq == len(EVENTS) + 1
    opened.close()
    assert journal.read(path).records[-1].event == ev.Note("more")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_torn_anywhere_only_whole_lines_count_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal.jsonl"
    whole = write(path)
    cut = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.binary(max_size=30))
    path.write_bytes(whole[:cut] + junk)
    good = whole[:cut].count(b"\n")
    if whole[:cut] + junk == whole:
        good = len(EVENTS)
    opened = journal.open_journal(path)
    assert len(opened.records) in (good, good + 1)  # the junk may be just the rest of the line
    kept = sum(len(aside.read_bytes()) for aside in path.parent.glob("*.damaged-*"))
    assert path.stat().st_size + kept == cut + len(junk)
    assert bool(opened.quarantine) == bool(kept)
    opened.append(ev.Note("after"))
    opened.close()
    content = journal.read(path)
    assert content.damage == ""
    assert content.records[-1].event == ev.Note("after")
    assert tuple(r.event for r in content.records[:-1]) == EVENTS[: len(content.records) - 1]


@settings(max_examples=80, deadline=None)
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_believed(position: int, bit: int) -> None:
    lines = b"".join(journal.encode(n, "2026-01-01T00:00:00+00:00", e) for n, e in enumerate(EVENTS, 1))
    position %= len(lines)
    damaged = bytearray(lines)
    damaged[position] ^= 1 << bit
    content = journal.parse(bytes(damaged))
    assert len(content.records) == lines[:position].count(b"\n")
    assert content.damage


def test_damage_is_put_aside_each_time_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for number in (1, 2):
        write(path, (ev.Note("x"),))
        with path.open("ab") as file:
            file.write(b"torn %d" % number)
    journal.open_journal(path).close()
    assert sorted(aside.read_bytes() for aside in tmp_path.glob("*.damaged-*")) == [b"torn 1", b"torn 2"]


def test_a_missing_line_is_damage() -> None:
    lines = [journal.encode(n, "t", e) for n, e in enumerate(EVENTS, 1)]
    content = journal.parse(lines[0] + lines[2])
    assert len(content.records) == 1
    assert "number 3 where 2 was expected" in content.damage


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(v=2),
        lambda data: data["event"].update(kind="from-the-future"),
        lambda data: data["event"].update(surprise=1),
    ],
)
def test_a_newer_journal_is_refused_and_left_alone(
    tmp_path: Path, change: Callable[[dict[str, object]], None]
) -> None:
    path = tmp_path / "journal.jsonl"
    data = json.loads(journal.encode(1, "t", ev.Note("x")))
    del data["sum"]
    change(data)
    body = json.dumps(data, separators=(",", ":"))[:-1].encode()
    path.write_bytes(body + b',"sum":"' + journal._digest(body) + b'"}\n')
    before = path.read_bytes()
    for door in (journal.read, journal.open_journal):
        with pytest.raises(JournalError, match="newer dfwizard"):
            door(path)
    assert path.read_bytes() == before


def test_a_reader_follows_and_leaves_half_lines_for_later(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    reader = journal.JournalReader(path)
    assert reader.read_new() == ()
    lines = [journal.encode(n, "t", e) for n, e in enumerate(EVENTS, 1)]
    path.write_bytes(lines[0] + lines[1][:20])
    assert [record.event for record in reader.read_new()] == [EVENTS[0]]
    assert reader.read_new() == ()
    with path.open("ab") as file:
        file.write(lines[1][20:] + lines[2])
    assert [record.event for record in reader.read_new()] == [EVENTS[1], EVENTS[2]]


class FullDisk:
    """Writes like os.write until it is filled; room comes back when the reserve is gone."""

    def __init__(self, reserve: Path, *, hopeless: bool = False) -> None:
        self.full = False
        self._reserve = reserve
        self._hopeless = hopeless

    def __call__(self, fd: int, data: bytes) -> int:
        if self.full and (self._hopeless or self._reserve.exists()):
            if len(data) > 40:
                return os.write(fd, data[:40])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(fd, data)


def test_on_a_full_disk_the_reserve_lets_the_end_be_recorded(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    disk = FullDisk(tmp_path / "reserve")
    opened = journal.open_journal(path, write=disk)
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= journal.RESERVE_BYTES
    opened.append(EVENTS[0])
    disk.full = True
    opened.append(EVENTS[1])
    assert opened.exhausted
    opened.append(EVENTS[2])
    opened.close()
    content = journal.read(path)
    assert (tuple(record.event for record in content.records), content.damage) == (EVENTS[:3], "")
    again = journal.open_journal(path)
    assert not again.exhausted
    assert (tmp_path / "reserve").exists()
    again.close()


def test_a_hopelessly_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    disk = FullDisk(tmp_path / "reserve", hopeless=True)
    opened = journal.open_journal(path, write=disk)
    opened.append(EVENTS[0])
    before = path.read_bytes()
    disk.full = True
    with pytest.raises(JournalError, match="No space left"):
        opened.append(EVENTS[1])
    assert path.read_bytes() == before
    opened.close()


def test_a_link_in_the_journals_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / "journal.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError):
        journal.open_journal(tmp_path / "journal.jsonl")
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_an_event_takes_at_most_a_millisecond_more_than_the_disk(tmp_path: Path) -> None:
    opened = journal.open_journal(tmp_path / "journal.jsonl")
    bare = os.open(tmp_path / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    line = journal.encode(1, "2026-01-01T00:00:00.000+00:00", EVENTS[2])
    ours: list[float] = []
    disks: list[float] = []
    for _ in range(100):
        begun = time.perf_counter()
        opened.append(EVENTS[2])
        middle = time.perf_counter()
        os.write(bare, line)
        os.fdatasync(bare)
        ours.append(middle - begun)
        disks.append(time.perf_counter() - middle)
    os.close(bare)
    opened.close()
    assert sorted(ours)[50] - sorted(disks)[50] < 0.001
