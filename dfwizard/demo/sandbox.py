"""The sandbox: an installation with its origin, its stand-ins and dfwizard's own state, all below one private directory."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard.demo import content
from dfwizard.demo.oddities import make_odd
from dfwizard.demo.origin import Tag, make_clone, make_origin
from dfwizard.demo.releases import in_origin
from dfwizard.demo.scenario import Scenario, scenario
from dfwizard.demo.standins import world
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution import processes
from dfwizard.hosts.local import LocalHost
from dfwizard.rules import Release, load

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.execution.store import Run

PREFIX = "dfwizard-demo-"
TERMINAL = "terminal.json"
"""Who is hung up when a scenario loses the connection; its reader is `standins/mishaps.py`."""
MARKER = "sandbox.json"
PROGRAMS = ("php", "composer", "systemctl", "systemd-run", "ps", "nginx", "php-fpm", "curl", "df", "getent")
"""What stands in for the machine's own programs; git, tar, zstd or gzip, find and sha256sum are the machine's."""

_ENDING = 5.0
"""Seconds that a runner whose run is over may take to end."""


@dataclass(frozen=True)
class Sandbox:
    """A built sandbox below `directory`."""

    directory: Path
    scenario: Scenario

    @property
    def instance(self) -> Path:
        """Give the installation's directory."""
        return self.directory / "opt" / "dreamfactory"

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
        path = os.environ.get("PATH") or os.defpath
        own = str(self.directory / "bin")
        others = [place for place in path.split(os.pathsep) if place != own]
        return {
            "PATH": os.pathsep.join((own, *others)),
            "TMPDIR": str(self.directory / "tmp"),
            "DFWIZARD_STATE_DIR": str(self.state),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }

    def controller(self) -> Controller:
        """Give a controller that knows the sandbox's releases; `environment` must be in force (see `open_sandbox`)."""
        from dfwizard.controller import Controller

        return Controller(rules_file=self.directory / "rules.toml", state=self.state)

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
        """Tell whether a runner works in the sandbox; one whose run is over is waited for."""
        controller = self.controller()
        for run in controller.store.list():
            deadline = time.monotonic() + _ENDING
            with suppress(DfwizardError):
                while controller.is_alive(run):
                    if run.state().outcome is None or time.monotonic() > deadline:
                        return True
                    time.sleep(0.02)
        return False

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
    root = sandbox.directory
    for name in ("bin", "etc", "home", "lib", "opt", "state", "tmp"):
        (root / name).mkdir(mode=0o700 if name in ("state", "tmp", "home") else 0o755)
    _write_marker(sandbox, speed=0)
    _install_standins(sandbox)
    rules = load(None)
    installed = rules.by_tag(sandbox.scenario.installed)
    if installed is None:
        raise DfwizardError(f"the scenario's release {sandbox.scenario.installed} is not known")
    tags = make_origin(root / "origin.git", in_origin(rules))
    (root / "rules.toml").write_text(_rules_text(tags))
    tag = next(one for one in tags if one.name == installed.tag)
    make_clone(sandbox.instance, root / "origin.git", tag)
    _furnish(sandbox, installed)
    make_odd(sandbox.instance, sandbox.scenario.odd)
    _install_packages(sandbox)
    # Only now: the building itself meets no faults and does not wait.
    (root / "faults.json").write_text(json.dumps(sandbox.scenario.faults, indent=1))
    _write_marker(sandbox, speed=speed)


def _write_marker(sandbox: Sandbox, *, speed: float) -> None:
    marker = {"scenario": sandbox.scenario.name, "speed": speed}
    (sandbox.directory / MARKER).write_text(json.dumps(marker))


def _install_standins(sandbox: Sandbox) -> None:
    lib = sandbox.directory / "lib" / "standins"
    lib.mkdir()
    for source in (resources.files("dfwizard.demo") / "standins").iterdir():
        if source.name.endswith(".py"):
            (lib / source.name).write_bytes(source.read_bytes())
    for program in PROGRAMS:
        # By way of sh: the path of Python may hold blanks, or be too long for a first line.
        line = shlex.join((sys.executable or "python3", "-IS", str(lib / "standin.py"), program))
        script = sandbox.directory / "bin" / program
        script.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        script.chmod(0o755)


def _rules_text(tags: tuple[Tag, ...]) -> str:
    entries = (
        f'[[releases]]\ntag = "{tag.name}"\ncommit = "{tag.commit}"\ntree = "{tag.tree}"\n' for tag in tags
    )
    return "# The releases of this sandbox: its own commits for the published tags.\n\n" + "\n".join(entries)


def _furnish(sandbox: Sandbox, installed: Release) -> None:
    instance, root = sandbox.instance, sandbox.directory
    content.write_environment(instance, installed)
    content.write_database(instance / content.DATABASE, installed)
    content.write_files(instance, installed)
    for path, text in _server_files(sandbox).items():
        file = root / "etc" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _server_files(sandbox: Sandbox) -> dict[str, str]:
    stat = LocalHost().stat(sandbox.path)
    owner, group = (stat.owner, stat.group) if stat else ("", "")
    unit, directory = world.fpm_names(sandbox.scenario.php_version or world.PHP_VERSION)
    socket = f"/run/php/{unit}.sock"
    public = f"{sandbox.instance}/public".replace("\\", "\\\\").replace('"', '\\"')
    return {
        "nginx/nginx.conf": "events {}\nhttp {\n    include sites-enabled/*.conf;\n}\n",
        "nginx/sites-enabled/dreamfactory.conf": (
            f'server {{\n    listen 80;\n    server_name api.example.com;\n    root "{public}";\n    index index.php;\n'
            "    location / {\n        try_files $uri $uri/ /index.php?$args;\n    }\n"
            f"    location ~ \\.php$ {{\n        fastcgi_pass unix:{socket};\n    }}\n}}\n"
        ),
        f"{directory}/php-fpm.conf": f"[global]\nerror_log = /var/log/{unit}.log\ninclude=pool.d/*.conf\n",
        f"{directory}/pool.d/www.conf": f"[www]\nuser = {owner}\ngroup = {group}\nlisten = {socket}\n",
    }


def _install_packages(sandbox: Sandbox) -> None:
    """Let the stand-in for composer make vendor, as it will in the upgrade; this also shows that programs run there."""
    argv = (str(sandbox.directory / "bin" / "composer"), "install", "--no-dev", "--no-interaction")
    environment = {**os.environ, **sandbox.environment(), "COMPOSER_ALLOW_SUPERUSER": "1"}
    _run(argv, sandbox.instance, environment)


def _run(argv: tuple[str, ...], cwd: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except PermissionError:
        raise DfwizardError(
            "programs cannot be run in the directory for temporary files",
            where=argv[0],
            remedy="It is mounted noexec: set TMPDIR to another directory, such as ~/tmp.",
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise DfwizardError(f"the sandbox's packages could not be made: {said[-300:]}", where=argv[0])


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
            if not keep and _is_alone(marker.fileno()) and not sandbox.is_busy():
                sandbox.remove()


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
