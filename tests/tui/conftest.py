"""Places that several tests of the screens need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.run_bench import Bench, benched


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state directory that is used where none is named."""
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(place))
    return place


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Steps and runs, in the state directory that is used where none is named."""
    with benched(tmp_path) as made:
        monkeypatch.setenv("DFWIZARD_STATE_DIR", str(made.store.directory))
        yield made
