"""Places that several tests need."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfwizard.hosts.base import Host
from dfwizard.hosts.local import LocalHost
from tests.unit.run_bench import Bench, benched


@pytest.fixture
def host() -> Host:
    """This machine; tests of the contract of hosts run over SSH as well, with another `host` (tests/lab/test_ssh_host.py)."""
    return LocalHost()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that belongs to nobody and that everyone can reach."""
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o755)
    shutil.chown(place, "nobody", "nogroup")
    yield place
    shutil.rmtree(place)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 256 KiB."""
    place = tmp_path / "small disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("cannot mount a tmpfs here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with benched(tmp_path) as made:
        yield made
