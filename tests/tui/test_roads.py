"""Whole roads in a real terminal of 80 by 24: the demo started as a person does, keys in, the screen read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.demo.machine import Machine
from tests.tui import roads
from tests.tui.tmux import Tmux

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without PHP, of this test alone."""
    return Machine(tmp_path / "machine").make()


def demo(machine: Machine, *arguments: str) -> Tmux:
    """Start the demo in a terminal."""
    environment = {**machine.environment, "LANG": "C.UTF-8"}
    return Tmux(machine.command("--speed", "0", *arguments), environment)


def test_the_smooth_road_in_a_terminal(machine: Machine) -> None:
    with demo(machine, "--scenario", "smooth") as terminal:
        roads.to_the_plan(terminal, "7.1.0")
        roads.through_the_checks(terminal)
        roads.start(terminal)
        done = roads.to_the_summary(terminal, "✓ Done:", "runs 7.1.0.", "upgrade 19 of 19", "Keep the backup")
        assert done.splitlines()[0].endswith(" DEMO")
        terminal.press("p")
        terminal.until("Report of the upgrade", "done (exit code 0)")
        terminal.press("Escape")
        terminal.until("[Done]")
        terminal.press("h")
        terminal.until("✓ done", "Backups (1", "✓ proven")
        terminal.press("End")
        terminal.until("v Verify", "d Delete", "taken  ")
        terminal.press("q")
        assert terminal.end() == 0
        assert "dfwizard" not in terminal.screen()
    assert machine.left() == []
    assert not machine.sprung.exists(), machine.sprung.read_text()


def test_a_migration_in_a_terminal(machine: Machine) -> None:
    with demo(machine, "--scenario", "migration") as terminal:
        roads.to_the_chosen_keys(terminal, "admin@old.example.com", "6.3.0 → 7.1.0")
        roads.through_the_checks(terminal)
        roads.start(terminal, "migration")
        roads.watch(terminal)
        done = roads.to_the_summary(terminal, "✓ Done:", "has what the source had", "migration 26 of 26")
        assert "admin@old.example.com" in done
        terminal.press("p")
        terminal.until("Report of the migration", "done (exit code 0)")
        terminal.press("Escape")
        terminal.until("[Done]")
        terminal.press("q")
        assert terminal.end() == 0
    assert machine.left() == []
    assert not machine.sprung.exists(), machine.sprung.read_text()


def test_the_road_of_a_failed_migration_in_a_terminal(machine: Machine) -> None:
    with demo(machine, "--scenario", "migration-fails") as terminal:
        roads.to_the_plan(terminal, "7.1.0")
        roads.through_the_checks(terminal)
        roads.start(terminal)
        failed = terminal.until("A step failed", "How shall it go on?", "Roll back", "Stop here")
        assert '"amqp_config" already exists' in failed
        assert "the database has changed; rollback restores the proven backup" in failed
        terminal.press("Down")
        terminal.until("> Roll back")
        terminal.press("Enter")
        terminal.until("Roll back to 6.3.0?", "Type dreamfactory and press Enter")
        terminal.press("dreamfactory", "Enter")
        compared = terminal.until("Compared with the fingerprint of before", "Tables and rows    identical")
        assert "is identical to" in compared
        assert "difference" not in compared
        terminal.press("n")
        terminal.until("[Done]", "Rolled back:", "rollback 11 of 11")
        terminal.press("q")
        assert terminal.end() == 5
    assert machine.left() == []
