"""Every screen, in every state of the gallery, looks as its picture in `screenshots/` shows it.

A picture is made from the real screen. When a screen has been changed on purpose, write the pictures anew and look at them:

    DFWIZARD_WRITE_PICTURES=1 .venv/bin/pytest tests/tui/test_pictures.py

`-k NAME` writes those of one name alone; what no pose makes any more is to be removed by hand.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.tui import gallery_after, gallery_before, gallery_migration, gallery_server
from tests.tui.gallery import POSES, Sitting
from tests.tui.pictures import FOLDER, WRITE, compare

assert gallery_before
assert gallery_after
assert gallery_migration
assert gallery_server


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory for all workers of this session."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    place = base / "recordings"
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Be the same terminal everywhere."""
    for name in ("NO_COLOR", "LC_ALL", "LC_CTYPE", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LANG", "C.UTF-8")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr("dfwizard.tui.screens.instance.__version__", "1.0.0")
    monkeypatch.setattr("tests.tui.driving.PATIENCE", 15.0)


@pytest.mark.parametrize("name", POSES)
def test_the_screen_is_its_picture(
    name: str, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns, _, rows = name.rpartition("-")[2].partition("x")
    sitting = Sitting((int(columns), int(rows)), tmp_path, shared, monkeypatch)
    asyncio.run(POSES[name](sitting))
    compare(name, sitting.shot, write=bool(os.environ.get(WRITE)))


def test_every_picture_is_made_by_a_pose() -> None:
    surplus = sorted({file.stem for file in FOLDER.glob("*.svg")} - set(POSES))
    assert not surplus, f"no pose makes these pictures any more, remove them: {', '.join(surplus)}"
