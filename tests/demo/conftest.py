from __future__ import annotations

from pathlib import Path

import pytest

from tests.demo.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without PHP, of this test alone."""
    return Machine(tmp_path / "machine").make()
