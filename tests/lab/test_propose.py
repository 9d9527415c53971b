"""Proposing upgrades from facts at hand: as a fresh preparation would, with the backup's place looked at anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.controller import Controller
from dfwizard.errors import UsageError
from dfwizard.instance.facts import Facts
from dfwizard.planning.findings import Finding, Severity
from tests.lab.driving import Cli
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def lab(start_lab: StartLab) -> Lab:
    return start_lab("sqlite", "6.3.0", web=True)


@pytest.fixture
def controller(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Controller:
    cli = Cli(lab, tmp_path / "state")
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)
    return Controller(state=cli.state)


def place_findings(controller: Controller, facts: Facts, backup_dir: Path | str) -> list[Finding]:
    prospect = controller.propose(facts, "7.1.0", backup_dir=str(backup_dir))
    return [finding for finding in prospect.findings if finding.id == "backup-place"]


def test_a_proposal_is_what_a_preparation_gives(lab: Lab, controller: Controller, tmp_path: Path) -> None:
    prepared = controller.prepare(str(lab.instance), "7.1.0")
    proposed = controller.propose(prepared.facts, "7.1.0")
    assert replace(proposed.plan, backup="", steps=()) == replace(prepared.plan, backup="", steps=())
    assert [step.id for step in proposed.plan.steps] == [step.id for step in prepared.plan.steps]
    assert [one.id for one in proposed.findings] == [one.id for one in prepared.findings]
    assert (proposed.lists, proposed.services) == (prepared.lists, prepared.services)
    backups = [one for one in proposed.facts.space if "backups" in one.purpose]
    assert len(backups) == 1
    assert prepared.lists["event_script"], "the checklist is filled from the database"
    assert not place_findings(controller, prepared.facts, tmp_path / "not/yet/there")

    with pytest.raises(UsageError):
        controller.propose(prepared.facts, "99.0.0")


def test_a_place_where_no_backup_can_go_is_a_finding(
    lab: Lab, controller: Controller, tmp_path: Path
) -> None:
    facts = controller.inspect(str(lab.instance))
    file = tmp_path / "a file"
    file.write_text("")
    (tmp_path / "inside").symlink_to(lab.instance)
    wrong: dict[Path | str, str] = {
        file: "is no directory",
        file / "below": "is no directory",
        lab.instance / "storage/backups": "inside the instance",
        tmp_path / "inside/backups": "inside the instance",
        "/proc/sys/new": "may not write",
    }
    for place, why in wrong.items():
        (found,) = place_findings(controller, facts, place)
        assert found.severity is Severity.BLOCKER
        assert not found.acceptable
        assert why in found.evidence[0], place
    assert not (tmp_path / "not").exists(), "looking creates nothing"
