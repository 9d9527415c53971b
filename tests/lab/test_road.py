"""The main road on real instances: upgraded and verified, taken back and identical, on each database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import roads
from tests.lab.databases import Engine
from tests.lab.driving import Cli
from tests.lab.fixtures import StartLab
from tests.thorough import wide

pytestmark = pytest.mark.lab

ENGINES: tuple[Engine, ...] = ("sqlite", "mariadb", "postgresql")
ROADS = [("5.4.1", "6.3.0"), ("6.3.0", "7.1.0"), ("6.3.0", "7.7.0"), ("5.4.1", "7.7.0")]
USUAL = {
    ("5.4.1", "6.3.0", "sqlite"),
    ("6.3.0", "7.1.0", "postgresql"),
    ("6.3.0", "7.7.0", "sqlite"),
    ("5.4.1", "7.7.0", "mariadb"),
}
"""Every road, and every engine; the wide run goes every road on every engine."""


def every_road() -> list[object]:
    """Give road and engine of every upgrade."""
    ways = ((*road, engine) for road in ROADS for engine in ENGINES)
    return [way if way in USUAL else wide(*way) for way in ways]


@pytest.mark.parametrize(("frm", "to", "engine"), every_road())
def test_an_upgrade_ends_verified(
    start_lab: StartLab, tmp_path: Path, engine: Engine, frm: str, to: str
) -> None:
    lab = start_lab(engine, frm, web=True)
    roads.ends_verified(lab, Cli(lab, tmp_path / "state"), to)


@pytest.mark.parametrize("engine", [wide("sqlite"), "mariadb", wide("postgresql")])
def test_a_good_upgrade_is_taken_back_identically_and_can_be_made_again(
    start_lab: StartLab, tmp_path: Path, engine: Engine
) -> None:
    lab = start_lab(engine, "6.3.0", web=True)
    roads.is_taken_back_and_made_again(lab, Cli(lab, tmp_path / "state"))


@pytest.mark.parametrize("engine", [wide("sqlite"), wide("mariadb"), "postgresql"])
def test_a_migration_that_fails_half_way_is_rolled_back_to_an_identical_instance(
    start_lab: StartLab, tmp_path: Path, engine: Engine
) -> None:
    lab = start_lab(engine, "6.3.0", web=True)
    roads.is_rolled_back_when_a_migration_fails(lab, Cli(lab, tmp_path / "state"))
