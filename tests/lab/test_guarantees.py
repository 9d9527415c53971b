"""What dfwizard promises, tried at its edges: consent, no network on the way back, an honest comparison, accounts other than root."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import dfwizard
from dfwizard.execution.state import StepStatus
from tests.lab.cache import home_directory
from tests.lab.driving import ACCEPT_PHP, Cli, independent_digest
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab
from tests.lab.processes import OWNER, ensure_owner
from tests.lab.test_hostile import NO_ADDRESS, everything, leftovers
from tests.lab.test_interruption import kill_runner_in, newest, processes_of

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Offline(Cli):
    """dfwizard in a network of its own, which leads nowhere, not even to this machine."""

    def command(self, *arguments: str) -> list[str]:
        return ["unshare", "--net", "--", *super().command(*arguments)]


@dataclass(frozen=True)
class AsOwner(Cli):
    """dfwizard run by the owner of the tree, who is not root."""

    python: str = ""
    packages: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "HOME": str(home_directory()), "PYTHONPATH": str(self.packages)}

    def command(self, *arguments: str) -> list[str]:
        return ["runuser", "-u", OWNER, "--", self.python, "-m", "dfwizard", *arguments]


@pytest.fixture
def lab(start_lab: StartLab) -> Lab:
    return start_lab("sqlite", "6.3.0")


@pytest.fixture
def cli(lab: Lab, tmp_path: Path) -> Cli:
    return Cli(lab, tmp_path / "state")


def test_without_consent_a_php_outside_the_window_blocks(lab: Lab, cli: Cli) -> None:
    before = everything(lab.instance)
    for command in (("upgrade", "--yes"), ("check",)):
        ended = cli.run(command[0], str(lab.instance), "--to", "7.1.0", *command[1:]).expect(3)
        assert "[php-window]" in ended.err + ended.out
        assert "Install PHP 8.3" in " ".join((ended.err + ended.out).split())
    assert everything(lab.instance) == before
    assert not list(cli.state.glob("runs/*"))
    assert not leftovers(lab.directory, cli.state.parent)


def test_the_way_back_needs_neither_origin_nor_network(lab: Lab, cli: Cli) -> None:
    before = independent_digest(lab)
    cli.upgrade("7.1.0").expect(NO_ADDRESS)
    assert independent_digest(lab) != before
    lab.origin.rename(lab.directory / "gone.git")
    offline = Offline(lab, cli.state)
    if subprocess.run(offline.command("--version"), capture_output=True, check=False).returncode:
        offline = cli  # type: ignore[assignment]  # no namespaces here: the origin is gone all the same
    ended = offline.run("rollback", "latest", "--yes").expect(0)
    assert "Rolled back" in ended.out
    assert independent_digest(lab) == before


@contextmanager
def written_again_and_again(path: Path) -> Iterator[None]:
    """Put a file at `path` whenever there is none: a deployment or a cron job that nobody has stopped."""
    over = threading.Event()

    def write() -> None:
        while not over.wait(0.01):
            if path.parent.is_dir() and not path.exists():
                try:
                    path.write_text("from elsewhere\n")
                except FileNotFoundError:
                    continue  # the directory has just been put aside

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@pytest.mark.wide
def test_what_is_not_identical_is_named(lab: Lab, cli: Cli) -> None:
    cli.upgrade("7.1.0").expect(NO_ADDRESS)
    with written_again_and_again(lab.instance / "public" / "stranger.txt"):
        ended = cli.run("rollback", "latest", "--yes").expect(6)
    assert "public/stranger.txt is new" in f"{ended.out}\n{ended.err}"
    assert "Rolled back" not in ended.out
    assert "public/stranger.txt is new" in cli.run("report", "latest", "--format", "md").out
    assert leftovers(lab.directory)  # what was put aside stays while nothing is proven


def test_what_is_not_identical_is_put_back_once_more_when_asked(lab: Lab, cli: Cli) -> None:
    before = independent_digest(lab)
    cli.upgrade("7.1.0").expect(NO_ADDRESS)
    with written_again_and_again(lab.instance / "public" / "stranger.txt"):
        cli.run("rollback", "latest", "--yes").expect(6)
    cli.run("resume", "latest").expect(0)
    assert independent_digest(lab) == before
    assert not leftovers(lab.directory)


def test_a_run_killed_in_composer_can_be_taken_back_without_going_on(lab: Lab, cli: Cli) -> None:
    before = independent_digest(lab)
    with cli.start("upgrade", str(lab.instance), "--to", "7.1.0", "--yes", *ACCEPT_PHP) as client:
        run = newest(cli)
        kill_runner_in(run, "composer-7.1.0")
        client.wait(60)
        assert client.returncode == 1
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]
    ended = cli.run("rollback", run.id, "--yes").expect(0)
    assert "Rolled back" in ended.out
    assert independent_digest(lab) == before
    assert not processes_of(run)
    assert not leftovers(lab.directory, cli.state)


@pytest.fixture
def licensed(start_lab: StartLab, tmp_path: Path) -> Cli:
    return Cli(start_lab("sqlite", "6.3.0", variant="licensed"), tmp_path / "state")


def test_accepted_licence_files_block_no_longer_and_the_way_back_is_theirs_too(licensed: Cli) -> None:
    lab = licensed.lab
    before = independent_digest(lab)
    ended = licensed.upgrade("7.1.0").expect(3)
    assert "[licence-files]" in ended.err
    assert independent_digest(lab) == before
    assert not list(licensed.state.glob("runs/*"))
    with licensed.start(
        "upgrade", str(lab.instance), "--to", "7.1.0", "--yes", *ACCEPT_PHP, "--accept", "licence-files"
    ) as client:
        run = newest(licensed)
        kill_runner_in(run, "migrate-7.1.0")
        client.wait(60)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]
    assert "composer.lock" in lab.git("stash", "show", "--name-only").stdout
    licensed.run("rollback", "latest", "--yes").expect(0)
    assert independent_digest(lab) == before


@pytest.mark.wide
def test_accepted_licence_files_let_the_upgrade_end_verified(licensed: Cli) -> None:
    licensed.upgrade("7.1.0", "--accept", "licence-files").expect(NO_ADDRESS)


def move_tag(lab: Lab, tag: str, to: str) -> None:
    """Let `tag` stand for another commit in the origin."""
    git = ("git", "-c", "safe.directory=*", "-C", str(lab.origin))
    subprocess.run([*git, "update-ref", f"refs/tags/{tag}", to], check=True, capture_output=True)


def test_a_tag_of_the_official_origin_that_is_not_the_published_commit_is_refused(lab: Lab, cli: Cli) -> None:
    official = lab.directory / "github.com" / "dreamfactorysoftware" / "dreamfactory.git"
    official.parent.mkdir(parents=True)
    official.symlink_to(lab.origin)
    owner = ensure_owner()
    os.chown(official, owner.pw_uid, owner.pw_gid, follow_symlinks=False)  # git looks at the link's owner too
    lab.git("remote", "set-url", "origin", f"file://{official}")
    before = everything(lab.instance)
    ended = cli.upgrade("7.1.0").expect(3)
    assert "[target-commit]" in ended.err
    assert lab.commits["7.1.0"] in ended.err
    assert everything(lab.instance) == before
    cli.upgrade("7.1.0", "--accept", "target-commit").expect(NO_ADDRESS)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]


def test_a_tag_that_moves_after_the_plan_does_not_change_what_is_checked_out(lab: Lab, cli: Cli) -> None:
    planned = lab.commits["7.1.0"]
    cli.upgrade("7.1.0", "--detach").expect(0)
    run = newest(cli)
    move_tag(lab, "7.1.0", lab.commits["7.7.0"])
    phase = run.state().phase
    assert phase is not None
    assert phase.step("fetch").status is StepStatus.WAITING  # the tag has moved before it was fetched
    cli.run("attach", run.id)
    assert lab.git("rev-parse", "refs/tags/7.1.0").stdout.strip() == lab.commits["7.7.0"]
    assert lab.git("rev-parse", "HEAD").stdout.strip() == planned


@pytest.fixture
def as_owner(lab: Lab) -> AsOwner:
    python = next(
        (
            program
            for program in (sys.executable, "/usr/bin/python3")
            if subprocess.run(
                [
                    "runuser",
                    "-u",
                    OWNER,
                    "--",
                    program,
                    "-c",
                    "import sys; sys.exit(sys.version_info < (3, 10))",
                ],
                capture_output=True,
                check=False,
            ).returncode
            == 0
        ),
        None,
    )
    if python is None:
        pytest.skip(f"{OWNER} can run no Python of 3.10 or newer")
    packages, state = lab.directory / "packages", lab.directory / "state"
    packages.mkdir()
    shutil.copytree(Path(dfwizard.__file__).parent, packages / "dfwizard")
    for name in ("dotenv", "humanize", "packaging", "tomli"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            shutil.copytree(Path(spec.origin).parent, packages / name)
    state.mkdir(mode=0o700)
    shutil.chown(state, OWNER, OWNER)
    return AsOwner(lab, state, python=python, packages=packages)


def test_the_owner_alone_upgrades_and_goes_back_below_a_directory_that_is_not_its_own(
    lab: Lab, as_owner: AsOwner
) -> None:
    assert lab.instance.parent.stat().st_uid == os.geteuid()
    before = independent_digest(lab)
    as_owner.upgrade("7.1.0").expect(NO_ADDRESS)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]
    ended = as_owner.run("rollback", "latest", "--yes").expect(0)
    assert "Rolled back" in ended.out
    assert independent_digest(lab) == before
    assert not leftovers(lab.directory)


def test_the_owner_is_refused_where_only_root_could_go_back(lab: Lab, as_owner: AsOwner) -> None:
    foreign = lab.instance / "storage" / "app" / "of root"
    foreign.write_text("x")
    foreign.chmod(0o644)
    before = everything(lab.instance)
    ended = as_owner.upgrade("7.1.0").expect(3)
    assert "[owners-not-restorable]" in ended.err
    assert "storage/app/of root" in ended.err
    assert everything(lab.instance) == before
    assert not list(as_owner.state.glob("runs/*"))


def test_a_backup_whose_terminal_is_closed_leaves_no_secret_and_no_program(
    start_lab: StartLab, tmp_path: Path
) -> None:
    lab = start_lab("mariadb", "6.3.0", web=False)
    cli = Cli(lab, tmp_path / "state")
    backups = cli.state / "backups"
    with cli.start("backup", str(lab.instance)) as client:
        deadline = time.monotonic() + 60
        while not list(backups.glob("*.private/*")) and time.monotonic() < deadline and client.poll() is None:
            time.sleep(0.005)
        client.send_signal(signal.SIGHUP)
        said = client.communicate(timeout=60)[0].decode()
    assert client.returncode == 130, said
    assert "The instance was not changed" in said
    assert not list(backups.glob("*.private"))
    assert not lab.query("show databases like 'dfwizard%'")
