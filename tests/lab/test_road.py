"""The main road on real instances: upgraded and verified, taken back and identical, on each database."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.lab.databases import Engine
from tests.lab.driving import Cli, independent_digest, tables
from tests.lab.fixtures import StartLab

pytestmark = pytest.mark.lab

ENGINES: tuple[Engine, ...] = ("sqlite", "mariadb", "postgresql")
ROADS = [("5.4.1", "6.3.0"), ("6.3.0", "7.1.0"), ("6.3.0", "7.7.0"), ("5.4.1", "7.7.0")]


def admin_ui(directory: Path) -> Path:
    """Make a release.zip of df-admin-interface, as far as its layout goes."""
    path = directory / "release.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dist/index.html", "<!doctype html><title>DreamFactory</title>")
        archive.writestr("dist/main.0123456789abcdef.js", '"use strict";')
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("frm", "to"), ROADS)
def test_an_upgrade_ends_verified(
    start_lab: StartLab, tmp_path: Path, engine: Engine, frm: str, to: str
) -> None:
    lab = start_lab(engine, frm, web=True)
    cli = Cli(lab, tmp_path / "state")
    if to == "6.3.0":
        assert "[admin-ui]" in cli.upgrade(to).expect(3).err
    cli.upgrade(to, *(("--admin-ui", str(admin_ui(lab.directory))) if to == "6.3.0" else ())).expect(0)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits[to]
    assert "Pending" not in lab.artisan("migrate:status").stdout
    checks = json.loads((cli.newest_run() / "verification.json").read_text())["checks"]
    assert {check["verdict"] for check in checks} <= {"ok", "expected"}
    verified = cli.run("verify", str(lab.instance)).expect(0)
    assert to in verified.out


@pytest.mark.parametrize("engine", ENGINES)
def test_a_good_upgrade_is_taken_back_identically_and_can_be_made_again(
    start_lab: StartLab, tmp_path: Path, engine: Engine
) -> None:
    lab = start_lab(engine, "6.3.0", web=True)
    cli = Cli(lab, tmp_path / "state")
    before = independent_digest(lab)
    cli.upgrade("7.1.0").expect(0)
    assert independent_digest(lab) != before
    cli.run("rollback", "latest", "--yes").expect(0)
    assert independent_digest(lab) == before
    assert lab.git("symbolic-ref", "--short", "HEAD").stdout.strip() == "master"
    cli.upgrade("7.1.0").expect(0)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_migration_that_fails_half_way_is_rolled_back_to_an_identical_instance(
    start_lab: StartLab, tmp_path: Path, engine: Engine
) -> None:
    lab = start_lab(engine, "6.3.0", web=True)
    lab.fail_migration(True)
    cli = Cli(lab, tmp_path / "state")
    before, names = independent_digest(lab), tables(lab)
    ended = cli.upgrade("7.1.0").expect(5)
    assert independent_digest(lab) == before
    assert tables(lab) == names
    assert "Rolled back" in ended.out
    assert "migrate" in ended.err
    lab.fail_migration(False)
    cli.upgrade("7.1.0").expect(0)
