"""The sandbox: an installation with its origin, its stand-ins and dfwizard's own state, all below one private directory."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard.demo.content import IN_USE, Life
from dfwizard.demo.fresh import FRESH
from dfwizard.demo.oddities import make_odd
from dfwizard.demo.origin import Tag, make_origin
from dfwizard.demo.releases import in_origin
from dfwizard.demo.scenario import Scenario, scenario
from dfwizard.demo.server import MARKER, PROGRAMS, REMOTE_PROGRAMS, Server
from dfwizard.demo.ssh_access import give_access
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution import processes
from dfwizard.hosts.naming import located
from dfwizard.rules import load

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.execution.store import Run

PREFIX = "dfwizard-demo-"
TERMINAL = "terminal.json"
"""Who is hung up when a scenario loses the connection; its reader is `standins/mishaps.py`."""
_ENDING = 10.0
"""Seconds that a runner whose run is over may take to end."""


@dataclass(frozen=True)
class Sandbox:
    """A built sandbox below `directory`."""

    directory: Path
    scenario: Scenario

    @property
    def server(self) -> Server:
        """Give the server that the sandbox is for dfwizard: this machine."""
        return Server(self.directory, "new.example.com" if self.scenario.source else "api.example.com")

    @property
    def instance(self) -> Path:
        """Give the installation's directory."""
        return self.server.instance

    @property
    def source(self) -> Server | None:
        """Give the other server, which a migration comes from; None in a scenario of an upgrade."""
        found = self.scenario.source
        return Server(self.directory / found.host) if found else None

    @property
    def source_place(self) -> str:
        """Give the migration's source as the controller takes it: an address, for it is reached over SSH."""
        found, server = self.scenario.source, self.source
        return located(found.address, str(server.instance)) if found and server else ""

    @property
    def source_backups(self) -> str | None:
        """Give where on its server the migration's source is saved."""
        return str(self.source.directory / "backups") if self.source else None

    @property
    def path(self) -> str:
        """Give the installation's directory as the controller takes it."""
        return str(self.instance)

    @property
    def state(self) -> Path:
        """Give where runs and backups are kept."""
        return self.directory / "state"

    def environment(self) -> dict[str, str]:
        """Give the variables under which everything has to run: the stand-ins first, nobody's own settings."""
        home = {"HOME": str(self.directory / "home")} if self.source else {}  # where the SSH configuration is
        return {**self.server.environment(), "DFWIZARD_STATE_DIR": str(self.state), **home}

    @cached_property
    def _controller(self) -> Controller:
        from dfwizard.controller import Controller

        return Controller(rules_file=self.directory / "rules.toml", state=self.state)

    def controller(self) -> Controller:
        """Give the controller that knows the sandbox's releases; `environment` must be in force (see `open_sandbox`)."""
        return self._controller

    def run(self) -> Run | None:
        """Give the newest run that was started here."""
        runs = self.controller().store.list()
        return runs[0] if runs else None

    def be_the_terminal(self) -> None:
        """Note that this process is what the presenter looks at: a scenario in which the connection is lost hangs it up."""
        own = {"pid": os.getpid(), "started": processes.start_ticks(os.getpid())}
        new = self.directory / f"terminal.{os.getpid()}"
        new.write_text(json.dumps(own))
        new.replace(self.directory / TERMINAL)

    def is_busy(self) -> bool:
        """Tell whether a runner works in the sandbox; one whose run is over is waited for, until its process has gone."""
        controller = self.controller()
        for run in controller.store.list():
            deadline = time.monotonic() + _ENDING
            with suppress(DfwizardError):
                while _lives(run):
                    late = time.monotonic() > deadline
                    if controller.is_alive(run) and (late or run.state().outcome is None):
                        return True
                    if late:
                        break
                    time.sleep(0.02)
        return False

    def close(self) -> None:
        """End the connections to the sandbox's other server."""
        self._controller.close()

    def remove(self) -> None:
        """Remove the sandbox with all that is in it."""
        shutil.rmtree(self.directory, ignore_errors=True)


def build_sandbox(directory: Path, wanted: Scenario, *, speed: float = 0) -> Sandbox:
    """Build the sandbox of a scenario in the empty directory `directory`.

    `speed` 1 lets the stand-ins take believable time, larger numbers divide it, 0 is without waits.

    Raises:
        DfwizardError: git is missing, the disk is full, or programs cannot be run there.
    """
    sandbox = Sandbox(directory.resolve(), wanted)
    try:
        _build(sandbox, speed)
    except OSError as error:
        raise DfwizardError(
            f"the demo's sandbox could not be built: {error.strerror}",
            where=str(error.filename or directory),
            remedy="Set TMPDIR to a directory with 100 MB of room, and try again.",
        ) from error
    return sandbox


def _build(sandbox: Sandbox, speed: float) -> None:
    root, wanted = sandbox.directory, sandbox.scenario
    sandbox.state.mkdir(mode=0o700)
    rules = load(None)
    tags = make_origin(root / "origin.git", in_origin(rules))
    (root / "rules.toml").write_text(_rules_text(tags))
    here, source = sandbox.server, wanted.source
    _build_server(
        here, wanted.installed, tags, FRESH if source else IN_USE, root, PROGRAMS, wanted.php_version
    )
    make_odd(here.instance, wanted.odd)
    here.install_packages()
    there = sandbox.source
    if source and there:
        there.directory.mkdir()
        _build_server(there, source.installed, tags, IN_USE, root, REMOTE_PROGRAMS, source.php_version)
        there.install_packages()
        give_access(source.address, there, here.directory / "home")
    # Only now: the building itself meets no faults and does not wait.
    for server, faults in ((here, wanted.faults), (there, source.faults if source else {})):
        if server:
            server.wish(faults)
            server.mark({"scenario": wanted.name, "speed": speed})


def _build_server(
    server: Server,
    installed: str,
    tags: tuple[Tag, ...],
    life: Life,
    root: Path,
    programs: tuple[str, ...],
    php: str,
) -> None:
    release = load(None).by_tag(installed)
    if release is None:
        raise DfwizardError(f"the scenario's release {installed} is not known")
    server.make(programs)
    server.mark({"speed": 0})
    tag = next(one for one in tags if one.name == release.tag)
    server.install(release, tag, root / "origin.git", life, php)


def _rules_text(tags: tuple[Tag, ...]) -> str:
    entries = (
        f'[[releases]]\ntag = "{tag.name}"\ncommit = "{tag.commit}"\ntree = "{tag.tree}"\n' for tag in tags
    )
    return "# The releases of this sandbox: its own commits for the published tags.\n\n" + "\n".join(entries)


@contextmanager
def open_sandbox(
    scenario_name: str, *, speed: float, directory: Path | None = None, keep: bool = False
) -> Iterator[Sandbox]:
    """Build the sandbox of a scenario, put its environment in force for this process, and take both away at the end.

    With `directory` it is built there (it must be missing or empty) and stays; with `keep` it stays as well. It always stays while a
    runner works in it.

    Raises:
        UsageError: there is no such scenario, or `directory` is in use.
        DfwizardError: it could not be built.
    """
    wanted = scenario(scenario_name)
    # tempfile remembers the first answer: it must not be a directory inside the sandbox.
    made = (
        _own_directory(directory)
        if directory
        else Path(tempfile.mkdtemp(prefix=PREFIX, dir=tempfile.gettempdir()))
    )
    sandbox = Sandbox(made, wanted)
    try:
        sandbox = build_sandbox(made, wanted, speed=speed)
    except BaseException:
        if directory is None:
            sandbox.remove()
        raise
    with _in_use(sandbox, keep=keep or directory is not None):
        yield sandbox


def kept_sandboxes() -> tuple[Path, ...]:
    """Give the sandboxes of this account that are there, whoever works in them, the newest first."""
    found = []
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(UsageError, OSError):
            found.append((place.stat().st_mtime, _opened(place).directory))
    return tuple(directory for _, directory in sorted(found, reverse=True))


def _opened(directory: Path) -> Sandbox:
    """Give the sandbox in `directory`.

    Raises:
        UsageError: there is no sandbox of this account.
    """
    found = directory.absolute().resolve()
    try:
        mine = found.stat().st_uid == os.geteuid()
        name = json.loads((found / MARKER).read_text())["scenario"]
    except (OSError, ValueError, KeyError, TypeError):
        mine, name = False, ""
    if not mine or not (found / "opt" / "dreamfactory").is_dir():
        raise UsageError(
            "this is no sandbox of a demo",
            where=str(directory),
            remedy="Give the directory that the demo named; `dfwizard demo --list` names those that are there.",
        )
    return Sandbox(found, scenario(str(name)))


@contextmanager
def attach_sandbox(directory: Path, *, keep: bool = False) -> Iterator[Sandbox]:
    """Open a sandbox that was kept, and remove it at the end unless `keep` is set or a runner works in it.

    Raises:
        UsageError: there is no sandbox of this account.
    """
    sandbox = _opened(directory)
    with _in_use(sandbox, keep=keep or not sandbox.directory.name.startswith(PREFIX)):
        yield sandbox


def _own_directory(directory: Path) -> Path:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise UsageError(
            "a sandbox is built in an empty directory", where=str(directory), remedy="Choose another one."
        )
    return directory


@contextmanager
def _in_use(sandbox: Sandbox, *, keep: bool) -> Iterator[None]:
    """Hold the sandbox with its environment in force; at the end the last one who holds it removes it, unless `keep` is set."""
    with (sandbox.directory / MARKER).open("rb") as marker:
        fcntl.flock(marker, fcntl.LOCK_SH)
        try:
            with _in_force(sandbox):
                yield
        finally:
            sandbox.close()
            if not keep and _is_alone(marker.fileno()) and not sandbox.is_busy():
                sandbox.remove()


def _lives(run: Run) -> bool:
    """Tell whether the process of a run's last runner is there: it ends its connections after it has let go of the run."""
    runner = run.state().runner
    return runner is not None and processes.start_ticks(runner.pid) == runner.start_ticks


def _is_alone(marker: int) -> bool:
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _in_force(sandbox: Sandbox) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(sandbox.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
