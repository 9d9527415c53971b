"""Killed at a few points, raced and damaged: the short form of `python -m tests.survival`."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.databases import Engine
from tests.lab.fixtures import StartLab, lab_directory
from tests.survival import report
from tests.survival.again import try_again
from tests.survival.clients import try_leaving
from tests.survival.disks import try_disks
from tests.survival.journals import Truth, try_journals
from tests.survival.kills import KILLS, SCENES, UPGRADE, Scenes, spread, try_kills
from tests.survival.power import Ledger, lose
from tests.survival.races import ground, try_races
from tests.survival.report import Line
from tests.survival.servers import try_disturbing
from tests.survival.trial import Workshop, different
from tests.survival.world import world
from tests.thorough import wide


def quiet(_text: str) -> None:
    """Say nothing: what is missed is in the lines."""


def all_good(lines: list[Line]) -> None:
    assert not report.complaints(lines), report.complaints(lines)
    assert all(line.good for line in lines), report.rows(lines)


@pytest.fixture
def scratch() -> Iterator[Path]:
    directory = lab_directory()
    yield directory
    shutil.rmtree(directory)


@pytest.mark.lab
def test_an_upgrade_is_taken_up_wherever_it_was_killed(start_lab: StartLab, scratch: Path) -> None:
    with world(start_lab, "sqlite") as made:
        scenes = Scenes(Workshop(made, scratch), quiet)
        before, after = scenes.scene(UPGRADE).before, scenes.scene(UPGRADE).after
        assert different(before, before) == []
        assert different(before, after)
        assert len(scenes.scene(UPGRADE).points) > 1000
        chance = random.Random(6)
        kills = [kill for kill in KILLS if kill.victim == "reboot" or kill.torn][:2]
        all_good(list(try_kills(scenes, chance, 2, quiet, names=(UPGRADE,), kills=kills)))
        place = scratch / "journals"
        place.mkdir()
        all_good(try_journals(made.run, place, chance, doors=20, corruptions=40))


@pytest.mark.lab
def test_of_two_starters_one_begins(scratch: Path) -> None:
    with ground(scratch) as place:
        all_good(try_races(place, random.Random(7), 15))


@pytest.mark.lab
@pytest.mark.parametrize("engine", [wide("sqlite"), wide("mariadb"), wide("postgresql")])
def test_the_whole_road_is_taken_up_wherever_it_was_killed(
    start_lab: StartLab, scratch: Path, engine: Engine
) -> None:
    with world(start_lab, engine) as made:
        scenes = Scenes(Workshop(made, scratch), quiet)
        all_good(list(try_kills(scenes, random.Random(8), len(SCENES) * 2, quiet)))


@pytest.mark.lab
@pytest.mark.parametrize("row", [wide(try_again), wide(try_disks), wide(try_disturbing), wide(try_leaving)])
def test_what_disturbs_a_run_does_not_harm_it(start_lab: StartLab, scratch: Path, row: object) -> None:
    with world(start_lab, "sqlite") as made:
        scenes = Scenes(Workshop(made, scratch), quiet)
        all_good(list(row(scenes, random.Random(9), 6, quiet)))  # type: ignore[operator]


def test_points_are_chosen_from_all_over() -> None:
    chance = random.Random(1)
    chosen = spread(list(range(1, 101)), 10, chance)
    assert [(place - 1) // 10 for place in chosen] == list(range(10))
    assert spread([1, 2, 3], 0, chance) == spread([1, 2, 3], 5, chance) == [1, 2, 3]


def test_a_line_tells_what_was_missed() -> None:
    line = Line(1, "a fault", 2)
    line.count("", back=True)
    line.count("point 7: lost")
    assert (line.tried, line.recovered, line.back, line.identical, line.good) == (2, 1, 1, 1, False)
    assert report.complaints([line]) == "row 1, a fault: point 7: lost"
    assert "nothing tried" in report.complaints([Line(1, "another")])
    assert "| 1   | a fault | 2      | 2     | 1         | 1          | 1         |" in report.rows([line])


def test_a_power_cut_takes_what_was_not_synced(tmp_path: Path) -> None:
    ledger = Ledger()
    synced, cut, unnamed, replaced = (tmp_path / name for name in ("synced", "cut", "unnamed", "replaced"))
    replaced.write_text("old")
    for path in (synced, cut):
        ledger.opened(str(path), new=True)
        path.write_text("whole")
        ledger.wrote(str(path))
        ledger.synced(str(path))
    ledger.synced(str(tmp_path))
    with cut.open("a") as file:
        file.write(" and more")
    ledger.opened(str(unnamed), new=True)
    unnamed.write_text("content")
    ledger.synced(str(unnamed))
    aside = tmp_path / "aside"
    ledger.opened(str(aside), new=True)
    aside.write_text("new")
    ledger.synced(str(aside))
    ledger.renames(str(aside), str(replaced))
    os.replace(aside, replaced)  # noqa: PTH105
    account = tmp_path / "account"
    ledger.close(str(account))
    assert lose(account) == 4
    assert (synced.read_text(), cut.read_text(), replaced.read_text()) == ("whole", "whole", "old")
    assert not unnamed.exists()
    assert not aside.exists()


def test_what_is_left_of_a_journal_is_known_by_its_bytes() -> None:
    truth = Truth(b"one\ntwo\n", (), (), (0, 4, 8))
    assert [truth.good(data) for data in (b"", b"one", b"one\n", b"one\ntwi\n", b"one\ntwo\nmore")] == [
        0,
        0,
        1,
        1,
        2,
    ]
