"""The wizard's whole road on a real instance in a real terminal of 80 by 24: the real php, composer, artisan and MariaDB, keys alone."""

from __future__ import annotations

import json
import re

import pytest

from tests.lab.driving import Cli, independent_digest
from tests.lab.fixtures import StartLab
from tests.tui import roads
from tests.tui.tmux import Tmux

pytestmark = pytest.mark.lab


def test_an_upgrade_by_keys_is_verified_and_taken_back_identically(start_lab: StartLab) -> None:
    lab = start_lab("mariadb", "6.3.0", web=True)
    cli = Cli(lab, lab.directory / "state")
    before = independent_digest(lab)
    environment = {**cli.environment, "LANG": "C.UTF-8"}
    with Tmux(cli.command("wizard", str(lab.instance)), environment) as terminal:
        roads.to_the_plan(terminal, "7.1.0")
        roads.through_the_checks(terminal, accept="php-window")
        roads.start(terminal)
        verified = terminal.until("[Verify]", "Verified")
        assert re.search(r"\b0 flagged", verified), verified
        roads.to_the_summary(terminal, "✓ Done:", "runs 7.1.0.", "php-window")
        assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]
        assert "Pending" not in lab.artisan("migrate:status").stdout
        checks = json.loads((cli.newest_run() / "verification.json").read_text())["checks"]
        assert {check["verdict"] for check in checks} <= {"ok", "expected"}
        assert independent_digest(lab) != before

        terminal.press("x")
        terminal.until("[Rollback]", "Take the upgrade of", "Put back: the state before the upgrade")
        terminal.press("Enter")
        terminal.until("Take the upgrade back?", "Type dreamfactory")
        terminal.type("dreamfactor")
        terminal.until("That is not dreamfactory.")
        terminal.type("y")
        compared = terminal.until("Compared with the fingerprint of before", "Tables and rows    identical")
        assert "difference" not in compared
        terminal.press("n")
        terminal.until("[Done]", "Rolled back:", "is identical to")
        terminal.press("q")
        assert terminal.end() == 0
    assert independent_digest(lab) == before
