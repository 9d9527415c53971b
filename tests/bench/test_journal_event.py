"""Writing an event to the journal, against a plain write and fsync of the same bytes."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from dfwizard.execution import events as ev
from dfwizard.execution.journal import open_journal, read
from tests.bench.measure import Measurement, Target, interleaved, seconds_of, table

REPEATS = 9
EVENTS = 100
TARGET = Target(lambda ours, _theirs: ours * 1000, 1, "ms each")

EVENT = ev.StepFailed(
    "migrate",
    "The command ended with exit code 1, expected was 0.",
    code=1,
    command="cd /opt/dreamfactory && php artisan migrate --seed --force",
    tail=tuple(f"In Connection.php line {number}: SQLSTATE[42S01]: Base table exists" for number in range(5)),
    seconds=3.25,
)


def compare(directory: Path) -> Measurement:
    """Measure the mean of many events, each of some 700 bytes, at the end of a journal that grows."""
    numbers = itertools.count(1)

    def ours() -> float:
        path = directory / f"{next(numbers)}" / "journal.jsonl"
        path.parent.mkdir()
        opened = open_journal(path)

        def work() -> None:
            for _ in range(EVENTS):
                opened.append(EVENT)

        seconds = seconds_of(work)
        opened.close()
        content = read(path)
        assert [record.event for record in content.records] == [EVENT] * EVENTS
        assert not content.damage
        return seconds / EVENTS

    ours()
    lines = (directory / "1" / "journal.jsonl").read_bytes().splitlines(keepends=True)

    def baseline() -> float:
        path = directory / f"plain-{next(numbers)}"
        plain = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def work() -> None:
            for line in lines:
                os.write(plain, line)
                os.fsync(plain)

        seconds = seconds_of(work)
        os.close(plain)
        assert path.read_bytes() == b"".join(lines)
        return seconds / EVENTS

    mine, theirs = interleaved(ours, baseline, repeats=REPEATS)
    return Measurement("journal event", "write + fsync", mine, theirs, TARGET)


@pytest.mark.bench
def test_journal_event(tmp_path: Path) -> None:
    print("\n" + table([compare(tmp_path)]))
