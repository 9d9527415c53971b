"""The screen of the backup: what will be saved and where, the start of the upgrade, and how far the backup is."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from dfwizard.backup.outlook import BackupOutlook, BackupProgress, PartOutlook, PartProgress
from dfwizard.controller import Controller, Prospect
from dfwizard.demo import open_sandbox
from dfwizard.execution import events as ev
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.state import StepState, StepStatus
from dfwizard.planning.findings import Finding, Severity
from dfwizard.reports.measures import about
from dfwizard.tui.screens.backup_rows import Speed, going_on, proposal
from dfwizard.tui.screens.base import StageScreen
from dfwizard.tui.screens.dialogs import AskDialog, ConfirmDialog, MessageDialog
from dfwizard.tui.session import Session
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.tui.ended_runs import made, steps_done
from tests.unit import samples

OUTLOOK = BackupOutlook(
    "/var/backups/one",
    (PartOutlook("env", ".env, byte for byte", 900), PartOutlook("tree", "24000 files", 5_000_000)),
    5_000_900,
    95.0,
    "/var",
    4_000_000,
    -1_000_900,
    "It is restored and compared.",
)


def joined(lines: object) -> str:
    """Give lines as they are read."""
    assert isinstance(lines, list)
    return "\n".join(line.plain for line in lines)


def test_what_is_proposed_is_said_in_full() -> None:
    """Parts, place, size, time, room that does not suffice, proof and policy; a long path is broken and never cut."""
    plan = samples.plan(samples.facts(), "7.1.0")
    plan = replace(plan, backup="/mnt/" + "x" * 150)
    text = joined(proposal(OUTLOOK, plan, OnFailure.ASK, missing="", width=78))
    assert "about 5.0 MB" in text
    assert "about 2 min to take it" in text
    assert "which is 1.0 MB too little" in text
    assert text.count("x") >= 150
    assert all(len(line) <= 78 for line in text.splitlines())
    assert "the first change of code" in text
    text = joined(proposal(None, plan, OnFailure.STOP, missing="1 blocker stands.", width=78))
    assert "stop, and leave the instance as it is" in text
    assert "1 blocker stands." in text


def test_how_far_it_is() -> None:
    """Parts with their bytes, a rate and the time left; a guess that was too small is never more than all."""
    speed = Speed()
    speed.add(0.0, 0)
    assert speed.rate == 0.0
    speed.add(2.0, 2_000_000)
    assert speed.rate == 1_000_000
    progress = BackupProgress(
        (
            PartProgress("database", "done", 1_000_000, 1_000_000),
            PartProgress("tree", "writing", 1_000_000, 9_000_000),
        ),
        2_000_000,
        10_000_000,
    )
    running = StepState("backup", status=StepStatus.RUNNING)
    text = joined(going_on(running, StepState("prove"), progress, speed.rate, "/b", width=78))
    assert "1.0 MB of about 9.0 MB" in text
    assert "1.0 MB/s, a few seconds left" in text
    assert "It begins when the backup is complete" in text
    done = StepState("backup", status=StepStatus.DONE, seconds=3.0)
    proof = StepState("prove", status=StepStatus.RUNNING)
    text = joined(going_on(done, proof, progress, 0.0, "/b", width=78))
    assert "done in 3.0 s" in text
    assert "restored into a scratch place" in text
    speed.add(3.0, 10)
    assert speed.rate == 0.0, "a part that was begun anew is no negative speed"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (11, "about 20 s"),
        (61, "about 2 min"),
        (3600, "about 1 h"),
        (7100, "about 2 h"),
    ],
)
def test_spans_that_are_guessed(seconds: float, words: str) -> None:
    """They are rounded up, and say that they are rough."""
    assert about(seconds) == words


def top(drive: Drive) -> StageScreen:
    """Give the stage's screen."""
    assert isinstance(drive.wizard.screen, StageScreen)
    return drive.wizard.screen


def test_what_was_not_read_keeps_the_upgrade_from_starting(tmp_path: Path) -> None:
    """A warning that nobody has read: the key does nothing, and the screen says what is missing."""

    async def main() -> None:
        found = samples.facts()
        prospect = Prospect(
            found, samples.plan(found, "7.1.0"), (Finding("pending", Severity.WARNING, "2 never ran"),)
        )
        session = Session(path=found.path, facts=found, prospect=prospect)
        async with driving(Controller(state=tmp_path), session, start="backup", size=WIDE) as drive:
            await drive.until_text("Before it can begin: 1 warning to read.")
            await drive.press("enter")
            assert isinstance(drive.wizard.screen, StageScreen)
            session.acknowledged.add("pending")
            await drive.press("f")
            await drive.until_text("On failure  roll back")
            assert top(drive).check_action("start", ()) is True
            await drive.press("escape")
            await drive.until_stage("checks")

    asyncio.run(main())


def test_the_place_is_changed_and_the_upgrade_started() -> None:
    """A file is no place for a backup; another directory is; Enter asks, y starts a run that saves into it."""

    async def main() -> None:
        with open_sandbox("smooth", speed=0) as sandbox:
            controller = sandbox.controller()
            prospect = controller.prepare(sandbox.path, "7.1.0")
            session = Session(path=sandbox.path, target="7.1.0", facts=prospect.facts, prospect=prospect)
            session.acknowledged |= {finding.id for finding in prospect.findings}
            place = sandbox.directory / "another disk"
            wrong = sandbox.directory / "a file"
            wrong.touch()
            async with driving(controller, session, start="backup", size=WIDE) as drive:
                await drive.until_text("to take it and to prove it")
                for typed in (wrong, place):
                    await drive.press("d")
                    await drive.until(lambda: isinstance(drive.wizard.screen, AskDialog))
                    drive.wizard.screen.query_one(Input).value = str(typed)
                    await drive.press("enter")
                    await drive.until(lambda: drive.idle() and not isinstance(drive.wizard.screen, AskDialog))
                    if typed is wrong:
                        await drive.until(lambda: isinstance(drive.wizard.screen, MessageDialog))
                        assert "is no directory" in drive.text()
                        await drive.press("enter")
                        assert session.prospect is prospect
                await drive.until(lambda: session.backup_dir == str(place))
                await drive.press("enter")
                await drive.until(lambda: isinstance(drive.wizard.screen, ConfirmDialog))
                assert "from 6.3.0 to 7.1.0" in drive.text()
                assert not controller.store.list()
                await drive.press("enter", "y")
                await drive.until(lambda: drive.wizard.feed is not None, "the run")
                feed = drive.wizard.feed
                assert feed is not None
                assert feed.run.record().on_failure is OnFailure.ASK
                saved = controller.backup_of(feed.run)
                assert saved.startswith(f"{place}/")
                await drive.until(lambda: feed.state.phase is not None and Path(saved).is_dir(), "the backup")
                runner = feed.state.runner
                assert runner is not None
                os.kill(runner.pid, signal.SIGTERM)  # the rest of the road is walked by the demo's own tests
                await drive.until(lambda: feed.ended is not None, "the runner's end")

    asyncio.run(main())


def test_a_backup_that_goes_on_is_watched(tmp_path: Path) -> None:
    """The parts that lie in the backup's directory, the stakes, and what to do when the runner has gone."""

    async def main() -> None:
        plan = samples.plan(samples.facts(), "7.1.0")
        run = made(
            tmp_path, *steps_done(plan, before="backup"), ev.StepStarted("backup", 1, "output/backup.log")
        )
        saved = Path(run.plan().backup)
        saved.mkdir(parents=True)
        (saved / "env").write_bytes(b"x" * 900)
        (run.output / "backup.log").write_text("tree: 200 MB at \x1b[31m/opt/dreamfactory\n")
        session = Session(run=run)
        async with driving(Controller(state=tmp_path), session, start="instance", size=NARROW) as drive:
            await drive.until_stage("backup")
            await drive.until_text("▶ running")
            await drive.until_text("900 Bytes")
            await drive.until_text("tree: 200 MB at /opt/dreamfactory")
            await drive.until_text("Stopped now: the API stays closed")
            await drive.until_text("w shows the steps, and how to go on.")
            assert top(drive).check_action("start", ()) is False
            assert top(drive).check_action("pause", ()) is None
            await drive.press("w")
            await drive.until_stage("run")

    asyncio.run(main())
