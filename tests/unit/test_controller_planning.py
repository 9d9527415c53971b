"""What the controller tells before an upgrade: runs in a few words, releases to choose, remedies, the guide's checklist."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.controller import Controller, Prospect
from dfwizard.errors import BlockedError, HeldError, HostError, UsageError
from dfwizard.execution import events as ev
from dfwizard.execution import processes
from dfwizard.execution.journal import open_journal
from dfwizard.execution.lock import Lock
from dfwizard.execution.store import Run
from dfwizard.instance.facts import Space
from dfwizard.instance.space import with_spaces
from dfwizard.planning.checks import ServiceType
from dfwizard.planning.choices import choices
from dfwizard.planning.findings import Finding, Severity
from tests.unit.samples import RULES, facts, plan

FACTS = facts()
PLAN = plan(FACTS, "7.1.0")


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(state=tmp_path / "state")


def journaled(run: Run, *events: ev.Event) -> Run:
    journal = open_journal(run.journal)
    for event in events:
        journal.append(event)
    journal.close()
    return run


def make_run(controller: Controller, *events: ev.Event) -> Run:
    run = controller.store.create(PLAN, FACTS, host="localhost")
    return journaled(run, *events) if events else run


def here() -> ev.RunStarted:
    """A runner that is this process."""
    ticks = processes.start_ticks(os.getpid())
    assert ticks is not None
    return ev.RunStarted(os.getpid(), processes.boot_id(), ticks, "0")


PHASE = ev.PhaseStarted(0, "upgrade", "plan.json")
GONE = ev.RunStarted(1, "another boot", 1, "0")


def test_no_run_and_a_run_that_has_not_begun(controller: Controller) -> None:
    assert controller.runs() == ()
    run = make_run(controller)
    (one,) = controller.runs()
    assert (one.id, one.word, one.outcome, one.phase) == (run.id, "not begun", None, None)
    assert (one.frm, one.to, one.instance, one.backup) == ("6.3.0", "7.1.0", FACTS.path, PLAN.backup)
    assert (one.step, one.steps, one.alive, one.asks) == (0, 0, False, False)


def test_a_run_that_goes_and_one_that_asks(controller: Controller) -> None:
    first, second = PLAN.steps[:2]
    run = make_run(
        controller,
        here(),
        PHASE,
        ev.StepStarted(first.id, 1, "output/1"),
        ev.StepFinished(first.id, "done", 1.0),
        ev.StepStarted(second.id, 1, "output/2"),
    )
    lock = Lock()
    lock.take(run.lock, what="the run")
    try:
        (going,) = controller.runs()
        assert (going.word, going.alive, going.asks) == ("going", True, False)
        assert (going.phase, going.step, going.steps) == ("upgrade", 2, len(PLAN.steps))
        assert going.step_title == second.title
        journaled_more = Controller(state=controller.store.directory)
        assert journaled_more.runs() == (going,)
        _append(run, ev.StepFailed(second.id, "no"), ev.Asked("What now?", ("retry", "stop"), second.id))
        (asking,) = controller.runs()
        assert (asking.word, asking.alive, asking.asks) == ("waits for a word", True, True)
    finally:
        lock.release()
    (left,) = controller.runs()
    assert (left.word, left.alive, left.asks) == ("interrupted", False, False)


def _append(run: Run, *events: ev.Event) -> None:
    journaled(run, *events)


def test_ends_in_the_order_of_age_and_what_cannot_be_read(controller: Controller) -> None:
    made = [
        make_run(controller, GONE, PHASE, ev.PhaseFinished("done"), ev.RunFinished("done", 0)),
        make_run(controller, GONE, PHASE, ev.RunFinished("rolled-back", 5)),
        make_run(controller),
    ]
    (made[2].directory / "plan.json").write_text("{")
    found = {one.id: one for one in controller.runs()}
    assert list(found) == sorted(found, reverse=True)
    assert found[made[0].id].word == "done"
    assert found[made[1].id].outcome == "rolled-back"
    assert found[made[2].id].word == "unreadable"
    assert "plan.json" in found[made[2].id].error


def test_a_second_look_at_many_runs_is_quick(controller: Controller) -> None:
    for _ in range(40):
        make_run(controller, GONE, PHASE, ev.RunFinished("done", 0))
    began = time.perf_counter()
    first = controller.runs()
    cold = time.perf_counter() - began
    began = time.perf_counter()
    assert controller.runs() == first
    assert time.perf_counter() - began < cold / 3


def test_every_newer_release_the_newest_first() -> None:
    found = choices(FACTS, RULES)
    tags = [one.tag for one in found]
    assert tags[0] == RULES.newest().tag
    assert tags[-1] == "7.0.1"
    assert "7.0.0" not in tags, "it is the commit of 6.3.0"
    assert (
        [one.tag for one in found if one.newest]
        == [one.tag for one in found if one.newest_of_major]
        == tags[:1]
    )
    assert all(one.hops == (one.tag,) and not one.refused for one in found)


def test_php_is_met_where_every_stop_runs_on_it() -> None:
    at_81 = {one.tag: one for one in choices(facts("4.14.1", "8.1.27"), RULES)}
    assert at_81["6.3.0"].hops == ("5.4.1", "6.3.0")
    assert at_81["6.3.0"].php_met is True
    assert at_81["7.1.0"].php_met is False
    assert [tag for tag, one in at_81.items() if one.newest_of_major] == [
        RULES.newest().tag,
        "6.3.0",
        "5.4.1",
    ]
    at_83 = {one.tag: one for one in choices(facts("6.3.0", "8.3.2"), RULES)}
    assert at_83["7.1.0"].php_met is True
    assert at_83["7.1.0"].php == ("8.3", "8.4")
    without = choices(replace(FACTS, php=()), RULES)
    assert {one.php_met for one in without} == {None}


def test_a_release_that_is_never_installed_says_why() -> None:
    (refused,) = [one for one in choices(facts("5.4.1"), RULES) if one.refused]
    assert refused.tag == "7.0.0"
    assert refused.hops == ()
    assert "same commit as 6.3.0" in refused.refused


def test_what_is_unknown_or_newest_has_nothing_to_choose(controller: Controller) -> None:
    assert controller.releases(replace(FACTS, version=replace(FACTS.version, release=None))) == ()
    assert controller.releases(replace(FACTS, version=replace(FACTS.version, release="0.0.1"))) == ()
    assert controller.releases(facts(RULES.newest().tag, "8.3.1")) == ()


def remedy(command: str) -> Finding:
    return Finding("one", Severity.BLOCKER, "One", command=command)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    place = tmp_path / "in stance"
    place.mkdir()
    (place / ".env").write_text(
        "APP_KEY=base64:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\nDB_PASSWORD='hunter2 hunter2'\n"
    )
    return place


def test_a_remedy_runs_in_the_instance_and_gives_its_code(controller: Controller, instance: Path) -> None:
    heard: list[bytes] = []
    found = replace(FACTS, path=str(instance))
    command = 'pwd; cat; printf err >&2; touch "a b"; exit 3'
    assert controller.apply_remedy(found, remedy(command), on_output=heard.append) == 3
    text = b"".join(heard)
    assert str(instance).encode() in text
    assert b"err" in text
    assert (instance / "a b").exists()


def test_what_a_remedy_prints_holds_no_secret(controller: Controller, instance: Path) -> None:
    heard: list[bytes] = []
    found = replace(FACTS, path=str(instance))
    command = "printf hunter2; sleep 0.1; printf ' hunter2; '; cat .env"
    assert controller.apply_remedy(found, remedy(command), on_output=heard.append) == 0
    text = b"".join(heard)
    assert b"***; " in text
    assert b"hunter2" not in text
    assert b"c2VjcmV0" not in text


def test_a_finding_without_a_command_is_refused(controller: Controller, instance: Path) -> None:
    with pytest.raises(UsageError, match="no command"):
        controller.apply_remedy(replace(FACTS, path=str(instance)), remedy("  "), on_output=lambda _: None)


def test_no_remedy_while_a_run_holds_the_instance(controller: Controller, instance: Path) -> None:
    lock = Lock()
    lock.take(instance, what="the instance")
    try:
        with pytest.raises(HeldError):
            controller.apply_remedy(
                replace(FACTS, path=str(instance)), remedy("touch ran"), on_output=lambda _: None
            )
    finally:
        lock.release()
    assert not (instance / "ran").exists()


def test_a_remedy_for_what_is_gone(controller: Controller, tmp_path: Path) -> None:
    with pytest.raises(HostError):
        controller.apply_remedy(
            replace(FACTS, path=str(tmp_path / "gone")), remedy("true"), on_output=lambda _: None
        )


def test_the_guides_checklist_with_what_was_found(controller: Controller) -> None:
    found = replace(
        FACTS,
        tree=replace(
            FACTS.tree,
            crontabs=("/etc/cron.d/df: * * * * * php /opt/dreamfactory/artisan schedule:run",),
            licensed_packages=("dreamfactory/df-oracledb",),
        ),
    )
    lists = {
        "event_script": tuple(f"db.{number}" for number in range(60)),
        "scheduler_tasks": ("nightly",),
        "script_config": ("12",),
        "limits": ("calls",),
    }
    services = (ServiceType("mysql", 2, 1), ServiceType("nodejs", 0, 0))
    items = {one.id: one for one in controller.checklist(Prospect(found, PLAN, (), lists, services))}
    assert items["scripts"].found == (*(f"event script db.{n}" for n in range(60)), "scripted service, id 12")
    assert items["connectors"].found == (
        "mysql: 2 services, 1 active",
        "licensed package dreamfactory/df-oracledb",
    )
    assert items["scheduled-jobs"].found == ("task nightly",)
    assert items["limits"].found == ("limit calls",)
    assert items["cron"].found == found.tree.crontabs
    assert items["php"].found[0] == "command line: PHP 8.1.27 (/usr/bin/php8.1)"
    by_hand = {name for name, item in items.items() if item.by_hand}
    assert by_hand == {"scripts", "connectors", "limits", "scheduled-jobs", "cron", "staging"}
    assert PLAN.backup in items["env-backup"].found[0]


def test_a_checklist_without_a_database_says_so(controller: Controller) -> None:
    items = controller.checklist(Prospect(replace(FACTS, database=None), PLAN, ()))
    assert [one.found for one in items if one.id == "scripts"] == [
        ("not known: the system database does not answer",)
    ]


def test_spaces_measured_again_replace_those_of_before() -> None:
    def space(mount: str, free: int, *purposes: str) -> Space:
        return Space(f"{mount}/x", mount, free, 100, purposes)

    known = (space("/", 10, "instance", "backups"), space("/old", 5, "runs"))
    measured = (space("/", 9, "runs"), space("/new", 7, "backups"))
    assert with_spaces(known, measured) == (space("/", 9, "instance", "runs"), space("/new", 7, "backups"))
    assert with_spaces(with_spaces(known, measured), measured) == with_spaces(known, measured)


def test_no_proposal_where_no_road_leads(controller: Controller) -> None:
    with pytest.raises(UsageError):
        controller.propose(FACTS, "99.0.0")
    with pytest.raises(BlockedError):
        controller.propose(FACTS, "5.4.1")
