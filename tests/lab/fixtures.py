"""pytest fixtures that start labs and clear them away.

A test module outside of `tests/lab` imports the one it needs: `from tests.lab.fixtures import start_lab`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.lab.databases import Engine
from tests.lab.instances import Variant
from tests.lab.lab import Lab


class StartLab(Protocol):
    """Starts a lab in a directory of its own; it ends with the fixture."""

    def __call__(
        self,
        db: Engine = "sqlite",
        release: str = "6.3.0",
        variant: Variant = "installer",
        web: bool = False,
    ) -> Lab: ...


@contextmanager
def started_labs() -> Iterator[StartLab]:
    """Labs that are stopped and removed at the end, whatever has happened to them."""
    directories: list[Path] = []

    def start(
        db: Engine = "sqlite",
        release: str = "6.3.0",
        variant: Variant = "installer",
        web: bool = False,
    ) -> Lab:
        directory = lab_directory()
        directories.append(directory)
        return Lab.start(directory, db, release, variant, web)

    try:
        yield start
    finally:
        for directory in directories:
            Lab.stop_in(directory)
            shutil.rmtree(directory)


def lab_directory() -> Path:
    """A new directory that the lab's users can enter, which pytest's `tmp_path` is not."""
    directory = Path(tempfile.mkdtemp(prefix="dfwizard-test-"))
    directory.chmod(0o755)
    return directory.resolve()


@pytest.fixture
def start_lab() -> Iterator[StartLab]:
    """Starts labs for one test."""
    with started_labs() as start:
        yield start


@pytest.fixture(scope="module")
def start_module_lab() -> Iterator[StartLab]:
    """Starts labs that the tests of a module share: for tests that only look, or that put back what they change."""
    with started_labs() as start:
        yield start
