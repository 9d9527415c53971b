"""The main road with the instance behind SSH: what holds of one on this machine holds of one elsewhere, cuts and kills included."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from dfwizard.execution.attach import EventSeen, follow
from dfwizard.execution.store import Run
from tests.lab import roads
from tests.lab.accounts import Accounts
from tests.lab.databases import Engine
from tests.lab.driving import ACCEPT_PHP, independent_digest
from tests.lab.fixtures import StartLab
from tests.lab.reaching import Far, far
from tests.lab.ssh_fixtures import accounts, ssh_place
from tests.lab.test_interruption import kill_runner_in, newest, processes_of
from tests.thorough import wide

__all__ = ["accounts", "ssh_place"]

pytestmark = pytest.mark.lab


class Reach(Protocol):
    """Puts a new lab behind SSH; `login` is root, or the attribute of `Accounts` that names one."""

    def __call__(self, engine: Engine, login: str = "root", *, web: bool = True) -> Far: ...


@pytest.fixture
def reach(start_lab: StartLab, accounts: Accounts, tmp_path: Path) -> Iterator[Reach]:
    with ExitStack() as stack:

        def start(engine: Engine, login: str = "root", *, web: bool = True) -> Far:
            lab = start_lab(engine, "6.3.0", web=web)
            user = "root" if login == "root" else getattr(accounts, login)
            return stack.enter_context(far(lab, tmp_path / "state", accounts=accounts, user=user))

        yield start


@pytest.mark.parametrize(("engine", "login"), [wide("sqlite", "root"), ("mariadb", "admin")])
def test_an_upgrade_ends_verified(reach: Reach, engine: Engine, login: str) -> None:
    there = reach(engine, login)
    roads.ends_verified(there.lab, there.cli, "7.1.0")
    record = Run(there.cli.newest_run()).record()
    assert record.place == there.cli.place
    # The backup lies on the server, and the report knows it without asking there.
    there.sshd.stop()
    report = json.loads(there.cli.run("report", "latest", "--format", "json").expect(0).out)
    (backup,) = report["backups"]
    assert backup["directory"].startswith(f"{there.lab.directory}/backups/")
    assert Path(backup["directory"], "manifest.json").exists()
    assert backup["proven_at"]
    assert not backup["error"]


def test_a_good_upgrade_is_taken_back_identically_and_can_be_made_again(reach: Reach) -> None:
    there = reach("sqlite", "admin")
    roads.is_taken_back_and_made_again(there.lab, there.cli)


@pytest.mark.wide
def test_a_migration_that_fails_half_way_is_rolled_back_to_an_identical_instance(reach: Reach) -> None:
    there = reach("mariadb")
    roads.is_rolled_back_when_a_migration_fails(there.lab, there.cli)


def test_kill_9_of_the_runner_is_resumed_to_a_verified_end(reach: Reach) -> None:
    there = reach("sqlite")
    cli = there.cli
    with cli.start(*cli.upgrading("7.1.0")) as client:
        run = newest(cli, patience=200)
        kill_runner_in(run, "composer-7.1.0")
        client.wait(60)
        assert client.returncode == 1
    assert [row["state"] for row in json.loads(cli.run("runs", "--json").out)] == ["interrupted"]
    cli.run("resume", "latest").expect(0)
    assert not processes_of(run)
    assert there.lab.git("rev-parse", "HEAD").stdout.strip() == there.lab.commits["7.1.0"]


def test_cuts_in_the_middle_of_steps_are_survived(reach: Reach) -> None:
    there = reach("sqlite")
    cli = there.cli
    cuts = 0
    with cli.start(*cli.upgrading("7.1.0")) as client:
        run = newest(cli, patience=200)
        for update in follow(run, poll=0.005):
            event = update.record.event if isinstance(update, EventSeen) else None
            if event is not None and event.KIND == "step-started" and cuts < 6:
                cuts += there.link.cut() > 0
        assert client.wait(120) == 0
    assert cuts == 6
    started = [step for phase in run.state().phases for step in phase.steps]
    assert all(step.attempts <= 1 for step in started), "no step is begun twice because of a cut"
    assert there.lab.git("rev-parse", "HEAD").stdout.strip() == there.lab.commits["7.1.0"]


def test_two_upgrades_of_one_instance_under_two_names_are_one_run_and_one_refusal(reach: Reach) -> None:
    there = reach("sqlite", web=False)
    cli = there.cli
    with cli.start(*cli.upgrading("7.1.0")) as first:
        newest(cli, patience=200)
        other = f"root@127.0.0.1:{there.link.port}:{there.lab.instance}"
        refused = cli.run("upgrade", other, "--to", "7.1.0", "--yes", *ACCEPT_PHP).expect(3)
        assert "is at work on it" in refused.err
        # On the server itself nobody knows that run, but its lock is there.
        local = subprocess.run(
            cli.command("upgrade", str(there.lab.instance), "--to", "7.1.0", "--yes", *ACCEPT_PHP),
            env={
                **os.environ,
                **there.lab.environment,
                "DFWIZARD_STATE_DIR": str(cli.state / "of-the-server"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )
        assert local.returncode == 3, local.stderr
        assert b"nothing has been changed" in local.stderr or b"is held by" in local.stderr
        assert first.wait(280) == 4  # of a web server nothing is known


def test_a_host_that_is_not_known_is_refused_headless_and_accepted_when_told(reach: Reach) -> None:
    there = reach("sqlite", web=False)
    cli = there.cli
    assert cli.home is not None
    known = cli.home / "known_hosts"
    config = cli.home / ".ssh/config"
    config.write_text(config.read_text().replace(str(there.sshd.known_hosts), str(known)))
    refused = cli.run("inspect", cli.place).expect(1)
    assert "SHA256:" in refused.err
    assert not known.exists()
    cli.run("inspect", cli.place, "--accept-new-host-key").expect(0)
    assert known.exists()
    cli.run("inspect", cli.place).expect(0)
    there.sshd.new_host_keys()
    there.sshd.restart()
    changed = cli.run("inspect", cli.place, "--accept-new-host-key").expect(1)
    assert "changed" in changed.err or "another key" in changed.err


def test_what_is_no_address_is_a_wrong_use(reach: Reach) -> None:
    there = reach("sqlite", web=False)
    there.cli.run("inspect", "admin@:/opt/dreamfactory").expect(2)
    there.cli.run("inspect", f"{there.cli.host}:").expect(2)
    there.cli.run("upgrade", f"{there.cli.host}:/nowhere", "--to", "7.1.0", "--yes").expect(2)


def test_a_backup_is_taken_on_the_server_and_verified_there(reach: Reach) -> None:
    there = reach("sqlite", "admin", web=False)
    before = independent_digest(there.lab)
    made = json.loads(there.cli.run("backup", there.cli.place, "--json").expect(0).out)["backup"]
    host, _, directory = made.partition(":")
    try:
        # Not in the state directory of whoever calls: on the server, where root's own would be.
        assert host == there.cli.host
        assert Path(directory).parent == Path("/var/lib/dfwizard/backups")
        assert "restored" in there.cli.run("backup", "verify", made).expect(0).out
        assert not Path(f"{directory}.private").exists()
    finally:
        if directory.startswith("/var/lib/dfwizard/backups/dreamfactory-"):
            shutil.rmtree(directory, ignore_errors=True)
    assert independent_digest(there.lab) == before
