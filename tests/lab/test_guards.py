"""What is refused under the lock, before anything is changed: stale plans, half-done runs, later runs, backups that are gone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dfwizard.controller import Controller
from dfwizard.errors import BlockedError
from dfwizard.execution.on_failure import OnFailure
from tests.lab.driving import Cli, independent_digest
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab
from tests.thorough import wide

pytestmark = pytest.mark.lab

ACCEPTED = frozenset({"php-window"})


@pytest.fixture
def lab(start_lab: StartLab) -> Lab:
    return start_lab("sqlite", "6.3.0", web=True)


@pytest.fixture
def cli(lab: Lab, tmp_path: Path) -> Cli:
    return Cli(lab, tmp_path / "state")


@pytest.mark.parametrize("change", ["code", "env", "maintenance"])
def test_a_plan_that_the_instance_has_outrun_is_refused(
    lab: Lab, cli: Cli, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)
    controller = Controller(state=cli.state)
    prospect = controller.prepare(str(lab.instance), "7.1.0")
    if change == "code":
        identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@localhost")
        lab.git(*identity, "commit", "--quiet", "--allow-empty", "--message", "meanwhile")
    elif change == "env":
        with (lab.instance / ".env").open("a") as file:
            file.write("APP_DEBUG=true\n")
    else:
        lab.artisan("down")
    before = independent_digest(lab)
    with pytest.raises(BlockedError, match="has changed since the plan was made"):
        controller.start_upgrade(prospect, accepted=ACCEPTED, on_failure=OnFailure.ROLLBACK)
    assert independent_digest(lab) == before
    assert controller.store.list() == ()


def test_a_half_done_run_must_be_ended_before_another(lab: Lab, cli: Cli) -> None:
    lab.fail_migration(True)
    cli.upgrade("7.1.0", "--on-failure", "stop").expect(1)
    run = cli.newest_run().name
    for arguments in (
        ("check", "--to", "7.1.0"),
        ("upgrade", "--to", "7.7.0", "--yes", "--accept", "php-window"),
    ):
        command, *rest = arguments
        refused = cli.run(command, str(lab.instance), *rest).expect(3)
        assert f"dfwizard resume {run}" in refused.err
        assert f"dfwizard rollback {run}" in refused.err
    assert len(list((cli.state / "runs").iterdir())) == 1
    cli.run("rollback", run, "--yes").expect(0)
    lab.fail_migration(False)
    cli.upgrade("7.1.0").expect(0)


def test_an_older_run_is_not_taken_back_over_a_newer_one(lab: Lab, cli: Cli) -> None:
    cli.upgrade("7.1.0").expect(0)
    first = cli.newest_run().name
    cli.upgrade("7.7.0").expect(0)
    second = cli.newest_run().name
    before = independent_digest(lab)
    refused = cli.run("rollback", first, "--yes").expect(3)
    assert f"dfwizard rollback {second}" in refused.err
    assert independent_digest(lab) == before
    cli.run("rollback", second, "--yes").expect(0)
    cli.run("rollback", first, "--yes").expect(0)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["6.3.0"]


@pytest.mark.parametrize("damage", [wide("moved"), "truncated"])
def test_a_rollback_without_its_backup_is_refused_with_the_api_open(lab: Lab, cli: Cli, damage: str) -> None:
    cli.upgrade("7.1.0").expect(0)
    backup = next(path for path in (cli.state / "backups").iterdir())
    aside = cli.state / "elsewhere"
    if damage == "moved":
        backup.rename(aside)
    else:
        shutil.copytree(backup, aside)
        with (backup / "tree.tar.zst").open("r+b") as file:
            file.truncate(1000)
    before = independent_digest(lab)
    assert "nothing was changed" in cli.run("rollback", "latest", "--yes").expect(3).err
    assert independent_digest(lab) == before
    assert not (lab.instance / "storage/framework/down").exists()
    shutil.rmtree(backup, ignore_errors=True)
    aside.rename(backup)
    cli.run("rollback", "latest", "--yes").expect(0)


def test_what_users_wrote_is_named_and_kept_or_there_is_no_way_back(lab: Lab, cli: Cli) -> None:
    cli.upgrade("7.1.0").expect(0)
    lab.query("insert into lookup (name, value, private) values ('written.later', 'x', 0)")
    rollback = cli.run("rollback", "latest", "--yes").expect(0)
    assert "lookup: 1 row more" in rollback.err
    assert not lab.query("select id from lookup where name = 'written.later'")
    present = next(path for path in (cli.state / "backups").iterdir() if "before-rollback" in path.name)
    assert (present / "manifest.json").exists()


def test_verify_in_use_names_no_failure_for_rows_that_users_deleted_and_shows_no_secret(
    lab: Lab, cli: Cli
) -> None:
    cli.upgrade("7.1.0").expect(0)
    lab.query("delete from lookup where id = (select max(id) from lookup)")
    log = lab.instance / "storage/logs/dreamfactory.log"
    with log.open("a") as file:
        file.write(
            f"[2026-01-01 00:00:00] local.ERROR: no access with {lab.db_password} and {lab.app_key} \n"
        )
    found = cli.run("verify", str(lab.instance), "--json")
    verdicts = {check["id"]: check["verdict"] for check in json.loads(found.out)["checks"]}
    assert "failed" not in verdicts.values()
    assert found.code == 4
    assert lab.db_password not in found.out
    assert lab.app_key not in found.out
