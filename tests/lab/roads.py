"""What has to hold of a road, wherever the instance is: on this machine, or behind SSH."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from tests.lab.driving import Cli, independent_digest, tables
from tests.lab.lab import Lab


def admin_ui(directory: Path) -> Path:
    """Make a release.zip of df-admin-interface, as far as its layout goes."""
    path = directory / "release.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dist/index.html", "<!doctype html><title>DreamFactory</title>")
        archive.writestr("dist/main.0123456789abcdef.js", '"use strict";')
    path.chmod(0o644)
    return path


def ends_verified(lab: Lab, cli: Cli, to: str) -> None:
    """Upgrade: the release is there, every migration is made, and the comparison finds nothing that is not expected."""
    if to == "6.3.0":
        assert "[admin-ui]" in cli.upgrade(to).expect(3).err
    cli.upgrade(to, *(("--admin-ui", str(admin_ui(lab.directory))) if to == "6.3.0" else ())).expect(0)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits[to]
    assert "Pending" not in lab.artisan("migrate:status").stdout
    checks = json.loads((cli.newest_run() / "verification.json").read_text())["checks"]
    assert {check["verdict"] for check in checks} <= {"ok", "expected"}
    verified = cli.run("verify", cli.place).expect(0)
    assert to in verified.out


def is_taken_back_and_made_again(lab: Lab, cli: Cli) -> None:
    """Upgrade, take it back: identical; and upgrade again."""
    before = independent_digest(lab)
    cli.upgrade("7.1.0").expect(0)
    assert independent_digest(lab) != before
    cli.run("rollback", "latest", "--yes").expect(0)
    assert independent_digest(lab) == before
    assert lab.git("symbolic-ref", "--short", "HEAD").stdout.strip() == "master"
    cli.upgrade("7.1.0").expect(0)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]


def is_rolled_back_when_a_migration_fails(lab: Lab, cli: Cli) -> None:
    """Fail half-way through a migration: the instance is identical to what it was, and the next upgrade is a good one."""
    lab.fail_migration(True)
    before, names = independent_digest(lab), tables(lab)
    ended = cli.upgrade("7.1.0").expect(5)
    assert independent_digest(lab) == before
    assert tables(lab) == names
    assert "Rolled back" in ended.out
    assert "migrate" in ended.err
    lab.fail_migration(False)
    cli.upgrade("7.1.0").expect(0)
