"""An instance with the state of its runs, which is put back from a copy before every trial: a trial costs no more than its run."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dfwizard.execution.store import Run
from tests.lab.databases import Database, Engine
from tests.lab.driving import ACCEPT_PHP, Cli, independent_digest
from tests.lab.fixtures import StartLab, lab_directory
from tests.lab.lab import Lab
from tests.lab.processes import collect_ended, servers_in
from tests.lab.test_interruption import processes_of
from tests.survival.serving import start_servers

TO = "7.1.0"
_PATIENCE = 60.0


class _File(Database):
    """A SQLite database that is read without a program of its own, which is what most of a look at an instance costs."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """See `Database.query`; for reading alone."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
            return list(connection.execute(sql))


@dataclass
class World:
    """A lab's instance, and the state directory of its runs. `kept` is where copies of both are."""

    lab: Lab
    cli: Cli
    kept: Path

    @property
    def run(self) -> Run:
        """Give the one run that there is."""
        return Run(self.cli.newest_run())

    def keep(self, name: str) -> None:
        """Copy all that belongs to the instance and its runs, under a name."""
        place = self.kept / name
        place.mkdir()
        with self._still():
            for path in self._parts():
                _copy(path, place / path.name)

    def put_back(self, name: str) -> None:
        """Make instance, database, state and services what they were when they were kept; nothing of a run stays alive."""
        self.end_runs()
        with self._still():
            for path in self._parts():
                shutil.rmtree(path, ignore_errors=True)
                _copy(self.kept / name / path.name, path)

    def end_runs(self) -> None:
        """Kill whatever a run has left, and wait until it is gone."""
        deadline = time.monotonic() + _PATIENCE
        for run in (Run(path) for path in (self.cli.state / "runs").glob("*")):
            while found := [*processes_of(run), *_runners(run)]:
                assert time.monotonic() < deadline, f"{found} cannot be ended"
                for pid in found:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.02)

    def digest(self) -> dict[str, str]:
        """Describe the instance without dfwizard, its maintenance mode included."""
        found = independent_digest(self._read())
        for name in ("storage/framework/down", "storage/framework/maintenance.php"):
            found[name] = str((self.lab.instance / name).exists())
        return found

    def crash_servers(self) -> None:
        """End database, web server and PHP as a power cut does."""
        for server in servers_in(self.lab.directory):
            with suppress(ProcessLookupError):
                os.kill(server.pid, signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE
        while servers_in(self.lab.directory):
            assert time.monotonic() < deadline, "the servers cannot be ended"
            time.sleep(0.02)
        collect_ended()  # one that nobody has collected still counts as alive for PostgreSQL's lock file

    def command(self, request: str, module: str = "tests.survival.runner") -> list[str]:
        """Give the argv of a runner for the run."""
        return [sys.executable, "-m", module, "run-detached", str(self.run.directory), "--request", request]

    def environment(self, **more: str) -> dict[str, str]:
        """Give the environment of a runner, in which the tests' modules are found."""
        return {**self.cli.environment, "PYTHONPATH": str(Path(__file__).parents[2]), **more}

    def _read(self) -> Lab:
        if self.lab.database.engine != "sqlite":
            return self.lab
        return replace(self.lab, database=_File(**asdict(self.lab.database)))

    def _parts(self) -> list[Path]:
        parts = [self.lab.directory / "opt", self.cli.state]
        if self.lab.database.engine != "sqlite":
            parts.append(self.lab.directory / self.lab.database.engine)
        return parts

    @contextmanager
    def _still(self) -> Iterator[None]:
        """Nothing runs meanwhile that has files open or code in memory."""
        self.crash_servers() if self.lab.database.engine == "sqlite" else self.lab.stop()
        yield
        start_servers(self.lab)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--sparse=always", "--", str(source), str(target)], check=True)


def _runners(run: Run) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"run-detached" in words and os.fsencode(run.directory) in words:
                    found.append(int(entry.name))
    return found


@contextmanager
def world(start: StartLab, engine: Engine) -> Iterator[World]:
    """Start an instance, plan its upgrade, and keep it as "planned": the run is made, and has not begun."""
    lab = start(engine, "6.3.0", web=True)
    kept = lab_directory()
    kept.chmod(0o700)
    made = World(lab, Cli(lab, lab.directory / "state"), kept)
    try:
        (made.cli.state / "runs").mkdir(mode=0o700, parents=True)
        made.cli.state.chmod(0o700)
        arguments = ("upgrade", str(lab.instance), "--to", TO, "--yes", "--detach", *ACCEPT_PHP)
        done = subprocess.run(
            [sys.executable, "-m", "tests.survival.planner", *arguments],
            env=made.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        made.keep("planned")
        yield made
    finally:
        made.end_runs()
        shutil.rmtree(kept)
