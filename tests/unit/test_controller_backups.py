"""Backups through the controller: listed with what they are needed for, deleted one at a time, foreseen and followed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard import codec
from dfwizard.backup.delete import delete, is_put_aside
from dfwizard.backup.manifest import (
    MANIFEST,
    PROOF,
    UNFINISHED,
    EnvRecord,
    Manifest,
    Owned,
    Part,
    Proof,
    TreeRecord,
)
from dfwizard.backup.outlook import PartOutlook, backup_progress
from dfwizard.controller import Controller, Prospect
from dfwizard.errors import HeldError, UsageError
from dfwizard.execution import events as ev
from dfwizard.execution import processes
from dfwizard.execution.journal import open_journal
from dfwizard.execution.lock import Lock
from dfwizard.execution.store import Run
from tests.unit.real_host import HOST, NASTY, names
from tests.unit.samples import PATH, facts, plan

FACTS = facts()
PLAN = plan(FACTS, "7.1.0")


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    (tmp_path / "state").mkdir(mode=0o700)
    return Controller(state=tmp_path / "state")


def make_backup(
    directory: Path, created_at: str = "2026-01-05T00:41:00+00:00", *, proven: bool = True
) -> Path:
    import hashlib

    directory.mkdir(parents=True, mode=0o700)
    (directory / "tree.tar.zst").write_bytes(b"tree")
    (directory / "env").write_bytes(b"APP_KEY=")
    (directory / "system/etc").mkdir(parents=True)
    (directory / "system/etc/site.conf").write_bytes(b"conf")
    manifest = Manifest(
        created_at=created_at,
        host="localhost",
        instance=PATH,
        dfwizard="0",
        release="6.3.0",
        commit=None,
        parts=(Part("tree.tar.zst", 4, "0"), Part("env", 8, "0"), Part("system/etc/site.conf", 4, "0")),
        tree=TreeRecord("tree.tar.zst", 1, "0", 4),
        env=EnvRecord("0", Owned("root", "root", 0o600)),
        database=None,
    )
    text = codec.dumps(manifest).encode()
    (directory / MANIFEST).write_bytes(text)
    if proven:
        proof = Proof("2026-01-05T00:42:00+00:00", hashlib.sha256(text).hexdigest(), ("all of it",), "")
        (directory / PROOF).write_text(codec.dumps(proof))
    return directory


def make_unfinished(directory: Path) -> Path:
    directory.mkdir(parents=True, mode=0o700)
    (directory / UNFINISHED).write_text(f"a-mark\n{PATH}\n")
    (directory / "database.sql.zst").write_bytes(b"half")
    return directory


def make_run(controller: Controller, backup: Path, *events: ev.Event) -> Run:
    found = replace(PLAN, backup=str(backup), instance=PATH)
    run = controller.store.create(found, FACTS, host="localhost")
    if events:
        journal = open_journal(run.journal)
        for event in events:
            journal.append(event)
        journal.close()
    return run


BEGUN = (
    ev.RunStarted(1, "another boot", 1, "0"),
    ev.PhaseStarted(0, "upgrade", "plan.json"),
    ev.StepStarted("checkout-7.1.0", 1, "output/x"),
    ev.StepFinished("checkout-7.1.0", "done", 1.0),
)


def test_a_list_with_nothing_in_it(controller: Controller) -> None:
    assert controller.backups() == ()


def test_the_newest_comes_first_and_what_is_no_backup_is_left_out(
    controller: Controller, tmp_path: Path
) -> None:
    place = tmp_path / "state/backups"
    old = make_backup(place / "old", "2026-01-01T00:00:00+00:00", proven=False)
    new = make_backup(place / "new", "2026-02-01T00:00:00+00:00")
    half = make_unfinished(place / "half")
    (place / "something else").mkdir()
    (place / "file").write_text("")
    (place / "link").symlink_to(new)
    found = {one.directory: one for one in controller.backups()}
    assert list(found) == [str(half), str(new), str(old)]
    assert (found[str(new)].finished, found[str(new)].proven, found[str(new)].size) == (True, True, 16)
    assert (found[str(old)].finished, found[str(old)].proven) == (True, False)
    assert found[str(half)].instance == found[str(new)].instance == PATH
    assert (found[str(half)].finished, found[str(half)].proven) == (False, False)
    assert all(one.used_by == () and one.needed == "" for one in found.values())


def test_a_proof_of_another_manifest_proves_nothing(controller: Controller, tmp_path: Path) -> None:
    backup = make_backup(tmp_path / "state/backups/one")
    with (backup / MANIFEST).open("ab") as file:
        file.write(b"\n")
    assert [one.proven for one in controller.backups()] == [False]


def test_a_damaged_manifest_is_told_and_never_deleted(controller: Controller, tmp_path: Path) -> None:
    backup = make_backup(tmp_path / "state/backups/one")
    (backup / MANIFEST).write_bytes(b"{")
    (summary,) = controller.backups()
    assert not summary.finished
    assert "manifest cannot be read" in summary.needed
    with pytest.raises(UsageError):
        controller.delete_backup(str(backup))
    assert (backup / "tree.tar.zst").exists()


def test_a_run_that_could_be_rolled_back_needs_its_backup(controller: Controller, tmp_path: Path) -> None:
    backup = make_backup(tmp_path / "elsewhere/one")
    run = make_run(controller, backup, *BEGUN, ev.PhaseFinished("done"), ev.RunFinished("done", 0))
    (summary,) = controller.backups()
    assert summary.directory == str(backup)
    assert summary.used_by == (run.id,)
    assert summary.needed == f"run {run.id} may still be rolled back with it"


@pytest.mark.parametrize("outcome", ["failed", "rollback-failed", "stopped", None])
def test_a_run_without_a_good_end_needs_its_backup(
    controller: Controller, tmp_path: Path, outcome: ev.RunOutcome | None
) -> None:
    end = (ev.RunFinished(outcome, 1),) if outcome else ()
    run = make_run(controller, make_backup(tmp_path / "one"), *BEGUN, *end)
    (summary,) = controller.backups()
    assert summary.needed == f"run {run.id} has not come to a good end: only this takes it back"


def test_a_run_that_was_taken_back_needs_nothing(controller: Controller, tmp_path: Path) -> None:
    make_run(controller, make_backup(tmp_path / "one"), *BEGUN, ev.RunFinished("rolled-back", 5))
    (summary,) = controller.backups()
    assert summary.needed == ""


def living(controller: Controller, backup: Path) -> tuple[Run, Lock]:
    """A run whose runner is this process."""
    pid = os.getpid()
    ticks = processes.start_ticks(pid)
    assert ticks is not None
    run = make_run(controller, backup, ev.RunStarted(pid, processes.boot_id(), ticks, "0"), *BEGUN[1:])
    lock = Lock()
    lock.take(run.lock, what="the run")
    return run, lock


def test_what_a_living_run_uses_is_not_deleted(controller: Controller, tmp_path: Path) -> None:
    backup = make_backup(tmp_path / "one")
    run, lock = living(controller, backup)
    try:
        assert controller.backups()[0].needed == f"run {run.id} is at work with it"
        (tmp_path / "by another way").symlink_to(tmp_path)
        for path in (str(backup), f"{backup}/", str(tmp_path / "by another way" / "one")):
            with pytest.raises(HeldError, match=run.id):
                controller.delete_backup(path)
    finally:
        lock.release()
    assert (backup / MANIFEST).exists()
    controller.delete_backup(str(backup))
    assert not backup.exists()


@pytest.mark.parametrize("name", NASTY)
def test_exactly_the_one_that_was_named_is_deleted(controller: Controller, tmp_path: Path, name: str) -> None:
    place = tmp_path / "place"
    wanted, other, half = place / name, make_backup(place / "other"), make_unfinished(place / f"half {name}")
    make_backup(wanted)
    controller.delete_backup(str(wanted))
    assert names(place) == sorted([other.name, half.name])
    controller.delete_backup(f"{half}//")
    assert names(place) == [other.name]
    assert (other / MANIFEST).exists()


def test_what_is_no_backup_is_refused(controller: Controller, tmp_path: Path) -> None:
    backup = make_backup(tmp_path / "real")
    (tmp_path / "link").symlink_to(backup)
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    full = tmp_path / "full"
    full.mkdir()
    (full / MANIFEST).write_text('{"name": "a web application"}')
    signed = tmp_path / "signed"
    signed.mkdir()
    (signed / UNFINISHED).write_text("a novel\n")
    wrong = ["link", "link/", "file", "empty", "full", "signed", "nowhere", "", "real/system", "real/env"]
    for path in [*(str(tmp_path / name) for name in wrong), "/", "real", "", "/etc", f"{backup}\0"]:
        with pytest.raises(UsageError):
            controller.delete_backup(path)
    assert names(tmp_path) == ["empty", "file", "full", "link", "real", "signed", "state"]
    assert (backup / MANIFEST).exists()


def test_a_backup_with_something_else_in_it_stays(controller: Controller, tmp_path: Path) -> None:
    for backup in (make_backup(tmp_path / "whole"), make_unfinished(tmp_path / "half")):
        (backup / "notes.txt").write_text("mine")
        with pytest.raises(UsageError, match=r"notes\.txt"):
            controller.delete_backup(str(backup))
        assert (backup / "notes.txt").exists()


def test_a_deletion_that_was_interrupted_leaves_nothing_that_looks_whole(
    controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = make_backup(tmp_path / "state/backups/one")
    removed: list[str] = []

    class Killed(BaseException):
        """The process ends here."""

    class DyingHost(type(HOST)):  # type: ignore[misc]
        def remove(self, path: str) -> None:
            removed.append(path)
            if len(removed) == 2:
                raise Killed
            super().remove(path)

    with pytest.raises(Killed):
        delete(DyingHost(), str(backup))
    assert not backup.exists()
    (left,) = controller.backups()
    assert is_put_aside(left.directory)
    assert not left.finished
    controller.delete_backup(left.directory)
    assert controller.backups() == ()
    assert names(tmp_path / "state/backups") == []


def test_what_a_backup_will_be(controller: Controller, tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    instance.mkdir()
    (instance / ".env").write_bytes(b"x" * 100)
    found = replace(FACTS, path=str(instance))
    there = replace(PLAN, backup=str(tmp_path / "not yet/there"))
    outlook = controller.backup_estimate(Prospect(found, there, ()))
    assert [part.name for part in outlook.parts] == ["env", "database", "tree"]
    assert outlook.parts[0].size == 100
    assert outlook.size == sum(part.size for part in outlook.parts) > 100 << 20
    assert outlook.mount == "/"
    assert outlook.free_before is not None
    assert outlook.free_after == outlook.free_before - outlook.size
    assert outlook.seconds > 0
    assert "scratch database" in outlook.proof
    large = replace(found, tree=replace(found.tree, size=1 << 60))
    after = controller.backup_estimate(Prospect(large, there, ())).free_after
    assert after is not None
    assert after < 0


def test_how_far_a_backup_is(controller: Controller, tmp_path: Path) -> None:
    backup = tmp_path / "one"
    run = make_run(controller, backup)

    def states() -> list[tuple[str, str, int]]:
        found = controller.backup_progress(run)
        assert found.written == sum(part.written for part in found.parts)
        assert found.expected == sum(part.expected for part in found.parts) >= found.written
        return [(part.name, part.state, part.written) for part in found.parts]

    assert states() == [("env", "waiting", 0), ("database", "waiting", 0), ("tree", "waiting", 0)]
    backup.mkdir()
    (backup / "env").write_bytes(b"12345")
    assert states()[0] == ("env", "writing", 5)
    (backup / "database.sql.zst").write_bytes(b"1")
    assert states()[:2] == [("env", "done", 5), ("database", "writing", 1)]
    (backup / "tree.names").write_bytes(b"a\n")
    (backup / "tree.tar.zst").write_bytes(b"123")
    assert states() == [("env", "done", 5), ("database", "done", 1), ("tree", "writing", 3)]
    (backup / MANIFEST).write_bytes(b"{}")
    assert states()[2] == ("tree", "done", 3)
    assert controller.backup_progress(run).written == controller.backup_progress(run).expected == 9


def test_sqlite_is_copied_before_it_is_compressed(tmp_path: Path) -> None:
    parts = (PartOutlook("database", "", 50), PartOutlook("tree", "", 10))
    (tmp_path / "database.sqlite").write_bytes(b"x" * 100)
    copying = backup_progress(HOST, str(tmp_path), parts).parts[0]
    assert (copying.state, copying.written, copying.expected) == ("writing", 0, 50)
    (tmp_path / "database.sqlite.gz").write_bytes(b"x" * 20)
    packing = backup_progress(HOST, str(tmp_path), parts).parts[0]
    assert (packing.state, packing.written, packing.expected) == ("writing", 20, 50)


def test_progress_of_a_run_that_cannot_be_read_is_nothing(controller: Controller, tmp_path: Path) -> None:
    run = make_run(controller, tmp_path / "one")
    (run.directory / "facts.json").unlink()
    assert controller.backup_progress(run).parts == ()
