"""Where a rollback needs room, which is asked for before it begins."""

from __future__ import annotations

from pathlib import Path

from dfwizard.guards import unpacking_place
from dfwizard.hosts.local import LocalHost


def test_the_old_tree_is_unpacked_beside_the_present_one(tmp_path: Path) -> None:
    (tmp_path / "instance").mkdir()
    assert unpacking_place(LocalHost(), str(tmp_path / "instance")) == str(tmp_path)
    assert unpacking_place(LocalHost(), str(tmp_path / "gone")) == str(tmp_path)


def test_on_a_disk_of_its_own_it_is_unpacked_there() -> None:
    assert unpacking_place(LocalHost(), "/proc") == "/proc"
