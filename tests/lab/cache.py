"""What every lab is copied from, built once per machine in a directory below the system's temporary one."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.lab.catalogue import APPLICATION
from tests.lab.processes import OWNER, LabError, ensure_owner, run, stop_servers

_BUILDERS = (
    "cache.py",
    "catalogue.py",
    "content.py",
    "packages.py",
    "origin.py",
    "instances.py",
    "databases.py",
    "sample_data.php",
)


@cache
def cache_directory() -> Path:
    """The directory for this state of the lab's sources: another state gets another directory."""
    if os.geteuid() != 0:
        raise LabError("the lab starts servers as several users and needs root")
    ensure_owner()
    digest = hashlib.sha256(sys.version.encode())
    builders = [Path(__file__).with_name(name) for name in _BUILDERS]
    for path in sorted([*builders, *(p for p in APPLICATION.rglob("*") if p.is_file())]):
        digest.update(f"{path.relative_to(APPLICATION.parent)}\0".encode() + path.read_bytes())
    directory = Path(tempfile.gettempdir()) / f"dfwizard-lab-{digest.hexdigest()[:12]}"
    directory.mkdir(mode=0o755, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != 0:
        raise LabError(f"{directory} belongs to someone else; remove it, or point TMPDIR somewhere else")
    directory.chmod(0o755)
    return directory


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def built(name: str, build: Callable[[Path], None]) -> Path:
    """The cached directory `name`, made by `build` when it is not there yet; builders in other processes are waited for."""
    path = cache_directory() / name
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(f"{path.name}.lock")):
        if not path.exists():
            partial = path.with_name(f"{path.name}.partial")
            stop_servers(partial)  # a builder that was killed may have left its database running
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            partial.chmod(0o755)
            build(partial)
            partial.rename(path)
    return path


def home_directory() -> Path:
    """A home for commands that run as the owner, who has none; composer keeps its cache there."""

    def make(partial: Path) -> None:
        (partial / ".composer").mkdir()
        for path in (partial, partial / ".composer"):
            shutil.chown(path, OWNER, OWNER)

    return built("home", make)


def copy(source: Path, target: Path) -> None:
    """Copy a cached tree with owners, modes and times."""
    run(["cp", "-a", "--reflink=auto", str(source), str(target)], cwd=target.parent, home=target.parent)
