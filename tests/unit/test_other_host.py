"""Instances of another host: their runs and backups are never taken for those of the same path here, nor the other way round."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard import codec
from dfwizard.backup.manifest import MANIFEST, PROOF, Manifest, Part, Proof, TreeRecord
from dfwizard.comparing import last_good
from dfwizard.controller import Controller
from dfwizard.errors import BlockedError, HeldError, UsageError
from dfwizard.execution.holding import LaterHold, hold_instance
from dfwizard.execution.store import Run
from dfwizard.guards import later_run, unfinished_run
from dfwizard.hosts.local import LocalHost
from dfwizard.refusals import refuse_held, refuse_unfinished
from dfwizard.reports.outcome import outcome_text
from dfwizard.reports.plan_markdown import plan_markdown
from dfwizard.reports.plan_text import plan_text
from dfwizard.reports.run_backups import kept_name
from dfwizard.reports.run_next import way_on
from dfwizard.reports.run_report import make_report
from tests.tui.told_runs import told
from tests.unit import samples
from tests.unit.other_machine import NAME, OtherMachine, other_hosts

HERE, THERE = LocalHost(), OtherMachine()


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(hosts=other_hosts(), state=tmp_path / "state")


def half_done(controller: Controller, host: str, path: str = samples.PATH) -> Run:
    """A run that has changed something and was cut off."""
    return told(controller.store, done=15, path=path, host=host)


def test_a_half_done_run_blocks_its_own_host_alone(controller: Controller) -> None:
    run = half_done(controller, NAME)
    assert unfinished_run(controller.store, "localhost", samples.PATH) is None
    assert unfinished_run(controller.store, NAME, samples.PATH) == run
    refuse_unfinished(controller.store, HERE, samples.PATH, frozenset())
    with pytest.raises(BlockedError, match="has left this instance between") as refused:
        refuse_unfinished(controller.store, THERE, samples.PATH, frozenset())
    assert refused.value.where == f"{NAME}:{samples.PATH}"
    here = half_done(controller, "localhost")
    assert unfinished_run(controller.store, NAME, samples.PATH) == run
    assert unfinished_run(controller.store, "localhost", samples.PATH) == here


def test_a_later_run_of_another_host_does_not_count(controller: Controller) -> None:
    first = told(controller.store, outcome="done", host=NAME)
    told(controller.store, outcome="done")
    assert later_run(first) is None
    third = told(controller.store, outcome="done", host=NAME)
    later = later_run(first)
    # Ids of one second sort by chance.
    assert later == third or third.id < first.id


def test_what_is_compared_with_is_a_run_of_that_host(controller: Controller) -> None:
    run = told(controller.store, outcome="done", host=NAME)
    assert last_good(controller.store, THERE, samples.PATH) == run
    with pytest.raises(UsageError, match="nothing to compare"):
        last_good(controller.store, HERE, samples.PATH)


def test_a_run_tells_its_host_wherever_it_is_named(controller: Controller) -> None:
    run = told(controller.store, outcome="failed", done=15, host=NAME)
    place = f"{NAME}:{samples.PATH}"
    (summary,) = controller.runs()
    assert summary.place == make_report(run).place == run.record().place == place
    assert place in outcome_text(run, run.state(), controller.backup_of(run))
    rolled = told(controller.store, outcome="rolled-back", host=NAME)
    assert way_on(rolled.record(), rolled.state())[0].startswith(f"dfwizard upgrade {place} --to 7.1.0")
    assert controller.backup_of(run).startswith(f"{NAME}:/")


def test_plans_say_where_they_are_to_be_run() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    assert NAME in plan_text(plan, host=NAME)
    assert f"All of it is to be run on `{NAME}`" in plan_markdown(plan, host=NAME)
    assert "run on" not in plan_text(plan) + plan_markdown(plan)


def test_a_place_without_a_directory_is_refused_before_anything_is_connected(controller: Controller) -> None:
    with pytest.raises(UsageError, match="no directory on it") as refused:
        controller.inspect(NAME)
    assert f"{NAME}:/opt/dreamfactory" in str(refused.value)
    with pytest.raises(UsageError, match="no address"):
        controller.inspect("admin@:/opt/dreamfactory")


def test_an_instance_there_is_located_and_completed_there(controller: Controller, tmp_path: Path) -> None:
    instance = tmp_path / "dreamfactory"
    instance.mkdir()
    (instance / "artisan").write_text("")
    (instance / "composer.json").write_text('{"require": {"dreamfactory/df-core": "*"}}')
    link = tmp_path / "current"
    link.symlink_to(instance)
    assert controller.locate(f"{NAME}:{link}") == f"{NAME}:{instance}"
    assert controller.locate(str(link)) == str(instance)
    assert controller.complete(f"{tmp_path}/d", NAME) == (f"{instance}/",)
    assert controller.complete("/", "admin@no such host") == ()
    assert controller.place("/opt/x", NAME) == f"{NAME}:/opt/x"
    assert controller.place("root@third:/opt/x", NAME) == "root@third:/opt/x"
    assert controller.place("/opt/x", "") == "/opt/x"


def test_a_backup_there_is_told_from_its_run_until_the_host_is_connected(
    controller: Controller, tmp_path: Path
) -> None:
    backup = tmp_path / "there/backup"
    facts = samples.facts(host=NAME)
    plan = replace(samples.plan(facts, "7.1.0"), backup=str(backup))
    controller.store.create(plan, facts, host=NAME)
    same_path_here = controller.store.create(plan, samples.facts(), host="localhost")
    make_backup(backup)
    found = {one.host: one for one in controller.backups()}
    there, here = found[NAME], found["localhost"]
    assert (there.seen, there.finished, there.place) == (False, False, f"{NAME}:{backup}")
    assert (here.seen, here.finished, here.used_by) == (True, True, (same_path_here.id,))
    assert controller.connect(NAME).user == HERE.user
    # Beside what else lies where root keeps backups on this machine.
    there = next(one for one in controller.backups() if one.place == f"{NAME}:{backup}")
    assert (there.seen, there.finished, there.proven) == (True, True, True)
    controller.delete_backup(there.place)
    assert not backup.exists()


def make_backup(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "tree.tar.zst").write_bytes(b"tree")
    tree = TreeRecord("tree.tar.zst", 1, "0", 4)
    manifest = Manifest(
        created_at="2026-01-05T00:41:00+00:00",
        host=NAME,
        instance=samples.PATH,
        dfwizard="0",
        release="6.3.0",
        commit=None,
        parts=(Part("tree.tar.zst", 4, "0"),),
        tree=tree,
        env=None,
        database=None,
    )
    text = codec.dumps(manifest).encode()
    (directory / MANIFEST).write_bytes(text)
    proof = Proof("2026-01-05T00:42:00+00:00", hashlib.sha256(text).hexdigest(), ("all",), "")
    (directory / PROOF).write_text(codec.dumps(proof))


def test_a_report_knows_a_backup_there_by_what_the_run_has_kept(
    controller: Controller, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    facts = samples.facts(host=NAME)
    plan = replace(samples.plan(facts, "7.1.0"), backup=str(backup))
    run = controller.store.create(plan, facts, host=NAME)
    make_backup(backup)
    (before,) = make_report(run).backups
    assert before.error, "the directory of that path here is no backup of a run there"
    for name in (MANIFEST, PROOF):
        run.write(kept_name(str(backup), name), (backup / name).read_text())
    (kept,) = make_report(run).backups
    assert (kept.error, kept.proven_at) == ("", "2026-01-05T00:42:00+00:00")


def test_the_lock_there_is_the_hosts_own(tmp_path: Path) -> None:
    instance, restored = tmp_path / "instance", tmp_path / "restored"
    instance.mkdir()
    restored.mkdir()
    held = hold_instance(THERE, str(instance), run="", stand_ins=tmp_path / "locks")
    with pytest.raises(HeldError):
        refuse_held(THERE, str(instance))
    with pytest.raises(HeldError):
        refuse_held(HERE, str(instance))
    held.release()
    refuse_held(THERE, str(instance))
    later = LaterHold(THERE, run="", stand_ins=tmp_path / "locks")
    later.release()
    later.hold_also(str(restored))
    with pytest.raises(HeldError):
        refuse_held(HERE, str(restored))
    later.release()
    refuse_held(HERE, str(restored))
