"""Lab instances as a backup sees them: the fixtures and the looks that the backups' tests share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dfwizard.backup.context import BackupContext
from dfwizard.backup.fingerprint import Fingerprint, compare, take_fingerprint
from dfwizard.backup.prove import prove
from dfwizard.backup.restore import restore_database
from dfwizard.backup.subject import Subject, find_tools
from dfwizard.backup.take import take
from dfwizard.backup.tree import clear_aside, restore_tree
from dfwizard.hosts.base import OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import settings
from dfwizard.instance.dotenv import parse
from tests.lab.databases import Engine
from tests.lab.fixtures import StartLab, lab_directory
from tests.lab.lab import Lab

ENGINES: tuple[Engine, ...] = ("sqlite", "mariadb", "postgresql")


@dataclass
class Site:
    """A lab, how a backup sees it, and a place for backups."""

    lab: Lab
    subject: Subject
    context: BackupContext
    place: Path
    lines: list[str] = field(default_factory=list)

    def fingerprint(self) -> Fingerprint:
        return take_fingerprint(self.context, self.subject)

    def new(self, name: str) -> str:
        return str(self.place / f"{name}-{time.monotonic_ns()}")


def site_of(lab: Lab, place: Path, host: LocalHost | None = None) -> Site:
    path = str(lab.instance)
    found = settings(parse((lab.instance / ".env").read_bytes()).values, path, (6, 3, 0))
    machine = host or LocalHost()
    subject = Subject(path, lab.owner, lab.owner, "root", "php", found, find_tools(machine, found.driver))
    lines: list[str] = []
    context = BackupContext(machine, str(place / "private"), f"test-{os.getpid()}", lines.append)
    return Site(lab, subject, context, place, lines)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    directory = lab_directory()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module", params=ENGINES)
def site(request: pytest.FixtureRequest, start_module_lab: StartLab, place: Path) -> Site:
    lab = start_module_lab(request.param)
    owner = shutil.chown
    odd = lab.instance / "storage" / "app"
    (odd / "a b'c\"$x").write_text("quoted")
    (odd / "-rf").write_text("dash")
    (odd / "line\nend").write_text("newline")
    (odd / os.fsdecode(b"latin-\xe9")).write_bytes(b"bytes")
    (odd / "*").write_text("star")
    (odd / "link").symlink_to("nowhere at all")
    (odd / "closed").write_text("closed")
    (odd / "closed").chmod(0o400)
    for path in odd.iterdir():
        if not path.is_symlink():
            owner(path, lab.owner, lab.owner)
    (odd / "-rf").chmod(0o755)
    os.link(odd / "-rf", odd / "hard link")
    own = place / request.param
    own.mkdir(mode=0o700)
    return site_of(lab, own)


@pytest.fixture(scope="module")
def backup(site: Site) -> str:
    directory = site.new("good")
    take(site.context, site.subject, directory, release="6.3.0")
    prove(site.context, site.subject, directory)
    return directory


@pytest.fixture(scope="module")
def sqlite_site(start_module_lab: StartLab, place: Path) -> Site:
    (place / "alone").mkdir(mode=0o700)
    return site_of(start_module_lab("sqlite"), place / "alone")


@pytest.fixture(scope="module")
def mariadb_site(start_module_lab: StartLab, place: Path) -> Site:
    (place / "maria").mkdir(mode=0o700)
    return site_of(start_module_lab("mariadb"), place / "maria")


@pytest.fixture(scope="module")
def mariadb_backup(mariadb_site: Site) -> str:
    directory = mariadb_site.new("good")
    take(mariadb_site.context, mariadb_site.subject, directory)
    return directory


def put_back(site: Site, directory: str, run_id: str | None = None) -> None:
    run_id = run_id or f"run{time.monotonic_ns()}"
    restore_tree(site.context, site.subject, directory, run_id)
    restore_database(site.context, site.subject, directory)
    clear_aside(site.context, site.subject.path, run_id)


def sentences(before: Fingerprint, after: Fingerprint) -> list[str]:
    return [difference.sentence for difference in compare(before, after)]


def names_in(directory: str | Path) -> list[str]:
    return sorted(path.name for path in Path(directory).iterdir())


def databases(site: Site) -> list[str]:
    if site.subject.driver == "mysql":
        found = subprocess.run(
            ["mariadb", f"--socket={socket(site)}", "-NBe", "SHOW DATABASES"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return found.stdout.split()
    return [str(row[0]) for row in site.lab.query("SELECT datname FROM pg_database")]


def socket(site: Site) -> Path:
    return next((site.lab.directory / "run").rglob("mysqld.sock"))


@contextmanager
def bind_mounted(path: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", str(path), str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


@dataclass(frozen=True)
class DyingHost(LocalHost):
    """A host on which dfwizard dies, as by kill -9, just before the action of number `last`."""

    last: int = 0
    count: list[int] = field(default_factory=lambda: [0])

    def _step(self) -> None:
        self.count[0] += 1
        if self.count[0] == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(
        self,
        work: Command | Pipeline,
        *,
        on_output: OnOutput | None = None,
        keep: int = 1 << 20,
        check: bool = True,
        mark: str | None = None,
    ) -> Result:
        self._step()
        return super().run(work, on_output=on_output, keep=keep, check=check, mark=mark)

    def write(
        self, path: str, data: bytes, *, mode: int = 0o600, owner: str | None = None, group: str | None = None
    ) -> None:
        self._step()
        super().write(path, data, mode=mode, owner=owner, group=group)

    def rename(self, source: str, target: str) -> None:
        self._step()
        super().rename(source, target)

    def remove(self, path: str) -> None:
        self._step()
        super().remove(path)
