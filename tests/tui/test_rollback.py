"""Taking an upgrade back by keys alone: asked for, confirmed by name, watched, and proven at its end."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from dfwizard.controller import Controller
from dfwizard.demo import open_sandbox
from dfwizard.demo.headless import drive as drive_headless
from dfwizard.demo.headless import start
from dfwizard.errors import DfwizardError
from dfwizard.execution import events as ev
from dfwizard.reports.comparison import comparison
from dfwizard.reports.run_report import make_report
from dfwizard.tui.screens.rollback_rows import MOST_DIFFERENCES, Told, end_lines, name_to_type, question_lines
from dfwizard.tui.session import Session
from tests.tui import ended_runs
from tests.tui.driving import NARROW, WIDE, driving


def test_an_upgrade_is_taken_back_by_keys_and_is_identical() -> None:
    async def walk(controller: Controller, session: Session) -> None:
        async with driving(controller, session) as drive:
            await drive.until_stage("verify")
            await drive.press("v")
            await drive.until_text("6.3.0 → 7.1.0, now")
            await drive.press("x")
            await drive.until_stage("rollback")
            await drive.until_text("Take the upgrade of")
            await drive.press("escape")
            await drive.until_stage("verify")
            await drive.press("x")
            await drive.until_stage("rollback")
            await drive.press("enter")
            await drive.type("else")
            assert "That is not dreamfactory." in drive.text()
            await drive.press("ctrl+u")
            await drive.type("dreamfactory")
            await drive.until_text("Compared with the fingerprint of before")
            shown = " ".join(drive.text().split())
            assert "is identical to what it was before, 6.3.0." in shown
            assert "Maintenance mode identical on while it was compared, off now" in shown
            assert len(re.findall(r"✓ [A-Za-z. ()]+ identical ", shown)) == 7
            await drive.press("enter")
            await drive.until_stage("done")
            await drive.until_text("Rolled back:")
            assert "Go on" not in drive.text()

    with open_sandbox("smooth", speed=0) as sandbox:
        controller = sandbox.controller()
        run = start(sandbox, controller, controller.prepare(sandbox.path, "7.1.0"))
        drive_headless(sandbox, controller, run, lambda _: None)
        asyncio.run(walk(controller, Session(run=run)))
        assert run.state().outcome == "rolled-back"


def test_nothing_begins_without_the_name(state: Path) -> None:
    run = ended_runs.upgraded(state)
    before = run.journal.read_bytes()

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run), size=WIDE) as drive:
            await drive.until_stage("verify")
            await drive.press("x")
            await drive.until_stage("rollback")
            shown = drive.text()
            assert "Take the upgrade of /opt/dreamfactory back, 7.1.0 → 6.3.0?" in shown
            assert "nothing that is known" in shown
            assert "Put the old database back" in shown
            told = "".join(line[:60].strip() for line in shown.splitlines())
            assert f"{run.plan().backup}-before-rollback-1" in told
            await drive.press("enter", "enter", "escape")
            await drive.until_stage("rollback")
            assert "Take the upgrade of" in drive.text()

    asyncio.run(main())
    assert run.journal.read_bytes() == before


def test_where_nothing_was_changed_there_is_nothing_to_take_back(state: Path) -> None:
    run = ended_runs.harmless(state, "false")

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run)) as drive:
            await drive.until_stage("done")
            await drive.press("x")
            await drive.until_text("There is nothing to take back")
            await drive.press("enter", "escape")
            await drive.until_stage("done")

    asyncio.run(main())
    assert run.state().outcome == "failed"


def test_a_rollback_that_failed_says_what_differs_and_offers_to_go_on(state: Path) -> None:
    run = ended_runs.rollback_failed(state)

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run), size=NARROW) as drive:
            await drive.until_stage("rollback")
            await drive.until_text("The rollback failed")
            shown = drive.text()
            assert "✗ Tables and rows    1 difference" in shown
            assert "table user has 4 rows instead of 3" in shown
            assert "✓ Commit             identical" in shown
            assert "g Try again" in shown
            await drive.press("n")
            await drive.until_stage("done")

    asyncio.run(main())


def test_a_rollback_cut_off_is_shown_where_it_is(state: Path) -> None:
    run = ended_runs.rolling_back(state)

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run)) as drive:
            await drive.until_stage("rollback")
            await drive.until_text("step 4 of 11: Put the old code tree back")
            await drive.until_text("g Go on")
            # Somebody else ends it: the end takes the place of what went on.
            steps = run.plans()["rollback-1.json"].steps
            ended_runs.append(
                run,
                *(ev.StepFinished(step.id, "done", 1.0) for step in steps[3:]),
                ev.PhaseFinished("done"),
                ev.RunFinished("rolled-back", 0),
            )
            ended_runs.compared(run, [])
            drive.wizard.watch_run(run)
            await drive.until_text("is identical to what it was before, 6.3.0.")

    asyncio.run(main())


def test_each_difference_belongs_to_a_side(state: Path) -> None:
    run = ended_runs.rolled_back(ended_runs.upgraded(state))
    found = comparison(run)
    assert found is not None
    assert not any(side.differences for side in found)
    cases = {
        ("git", "HEAD", "the commit was a, and is b"): {"Commit"},
        ("env", ".env", "the file behind .env differs"): {".env"},
        ("file", ".env", ".env: other content (3 bytes, now 4)"): {".env"},
        ("file", "vendor/a", "vendor/a: other content (3 bytes, now 4); mode 644, now 600"): {
            "Packages (vendor)",
            "Owners and modes",
        },
        ("file", "vendors", "file vendors is new"): {"Code"},
        ("file", "storage", "storage: owner df:df, now root:root"): {"Owners and modes"},
        ("maintenance", "maintenance", "maintenance mode was off, and is on"): {"Maintenance mode"},
        ("database", "user", "table user is missing"): {"Tables and rows"},
    }
    for (kind, name, sentence), sides in cases.items():
        ended_runs.compared(run, [{"kind": kind, "name": name, "sentence": sentence}])
        told = comparison(run) or ()
        assert {side.what for side in told if side.differences} == sides
    (run.directory / "comparison.json").write_text('{"kind": 1}')
    with pytest.raises(DfwizardError, match="cannot be read"):
        comparison(run)


def test_the_name_to_type_is_one_that_can_be_typed(state: Path) -> None:
    report = make_report(ended_runs.upgraded(state))
    assert name_to_type("/srv/my api/", report.id) == "my api"
    for odd in ("/", "/srv/a\nb", "/srv/ a", "/srv/\x1b[2J"):
        assert name_to_type(odd, report.id) == report.id


def test_many_losses_and_differences_fit(state: Path) -> None:
    run = ended_runs.rollback_failed(state)
    many = [{"kind": "file", "name": f"f{n}", "sentence": f"file f{n} is missing"} for n in range(500)]
    ended_runs.compared(run, many)
    told = Told(make_report(run), compared=comparison(run))
    shown = [line.plain for line in end_lines(told, 74)]
    assert f"     and {500 - MOST_DIFFERENCES} more: the report has all of them" in shown
    asked = question_lines(told, ("user: 2 rows more (3 after the upgrade, 5 now)\x1b[2J",), 74)
    assert any("user: 2 rows more" in line.plain for line in asked)
    assert not any("\x1b" in line.plain for line in asked)
