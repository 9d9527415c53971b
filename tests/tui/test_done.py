"""The last screen: each end has its own words, the report can be read and saved, and there are ways on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.controller import Controller
from dfwizard.errors import UsageError
from dfwizard.execution.store import Run
from dfwizard.reports.outcome import outcome_text
from dfwizard.reports.run_report import PhaseReport, StepReport, make_report
from dfwizard.tui.screens.done_rows import closed, headline, lines
from dfwizard.tui.session import Session
from tests.tui import ended_runs
from tests.tui.driving import NARROW, WIDE, driving


def not_compared(run: Run) -> Run:
    """Leave out the comparison of a run that was rolled back before its first change."""
    run.comparison.unlink()
    return run


ENDS: dict[str, tuple[Callable[[Path], Run], str]] = {
    "done": (ended_runs.upgraded, "Done: /opt/dreamfactory runs 7.1.0."),
    "warned": (
        lambda state: ended_runs.upgraded(state, warning="odd"),
        "Done with 1 warning: /opt/dreamfactory runs 7.1.0.",
    ),
    "failed": (ended_runs.failed, "Failed: /opt/dreamfactory was left as it is"),
    "stopped": (lambda state: ended_runs.failed(state, "stopped"), "Stopped: /opt/dreamfactory was left"),
    "back": (
        lambda state: ended_runs.rolled_back(ended_runs.upgraded(state)),
        "Rolled back: /opt/dreamfactory is identical to what it was before, 6.3.0.",
    ),
    "nothing to put back": (
        lambda state: not_compared(ended_runs.rolled_back(ended_runs.upgraded(state))),
        "Rolled back: /opt/dreamfactory is 6.3.0; neither code nor data had been changed.",
    ),
    "not back": (
        ended_runs.rollback_failed,
        "The rollback failed: /opt/dreamfactory is neither the old nor the new state.",
    ),
    "cut off": (ended_runs.rolling_back, "Not over: the work on /opt/dreamfactory was cut off"),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_end_has_its_own_words(state: Path, end: str) -> None:
    make, said = ENDS[end]
    run = make(state)
    report = make_report(run)
    shown = headline(report).plain[2:]
    assert shown.startswith(said)
    plainly = outcome_text(run, run.state(), run.plan().backup)
    assert shown in plainly.splitlines()  # the command line says the same
    for width in (50, 76, 110):
        told = lines(report, width)
        assert all(line.cell_len <= width for line in told)
        assert any("6.3.0 → 7.1.0" in line.plain for line in told)


def test_how_long_users_were_kept_out(state: Path) -> None:
    def step(name: str, started: str, seconds: float = 1.0) -> StepReport:
        return StepReport(name, name, "done", True, 1, f"2026-01-05T00:{started}+00:00", seconds, ())

    shut, opened = step("maintenance-on", "10:00"), step("maintenance-off", "14:58", 2.0)
    report = make_report(ended_runs.made(state))
    once = PhaseReport("upgrade", "done", None, None, (shut, opened))
    again = PhaseReport("rollback", None, None, None, (step("maintenance-on", "30:00"),))
    assert closed(replace(report, phases=(once,))) == "5 minutes"
    assert closed(replace(report, phases=(once, again))).startswith("still, since 2026-01-05 00:30:00")
    assert closed(replace(report, phases=())) == ""


def test_a_failed_run_says_why_and_what_can_be_done(state: Path) -> None:
    run = ended_runs.failed(state)

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run), size=WIDE) as drive:
            await drive.until_stage("done")
            await drive.until_text("Failed: /opt/dreamfactory was left as it is")
            shown = drive.text()
            assert "Base table or view already exists" in shown
            assert "cause: The table is there already" in shown
            assert "API closed still, since" in shown
            for key in ("x Roll back", "g Go on", "p Report", "s Save report"):
                assert key in shown
            await drive.press("p")
            await drive.until_text("What step 13 of the upgrade said")
            await drive.press("escape")
            await drive.until_text("What to do next")

    asyncio.run(main())


def test_a_failed_run_is_gone_on_with(state: Path) -> None:
    run = ended_runs.harmless(state, "echo went on")

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run)) as drive:
            await drive.until_stage("done")
            await drive.press("g")
            await drive.until_stage("verify")
            await drive.until_text("This run recorded no verification.")

    asyncio.run(main())
    assert run.state().outcome == "done"


def test_a_good_end_cannot_be_gone_on_with_and_the_report_is_saved(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ended_runs.upgraded(state)
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "my r.md"

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run), size=NARROW) as drive:
            await drive.until_stage("verify")
            await drive.press("n")
            await drive.until_stage("done")
            assert "Go on" not in drive.text()
            assert run.plan().backup in "".join(drive.text().split())  # folded, and nothing of it cut off
            await drive.press("s", "ctrl+u")
            await drive.type(target.name)
            await drive.until_text("Saved")
            await drive.press("enter", "i")
            await drive.until_stage("instance")
            assert drive.wizard.session.run is None

    asyncio.run(main())
    assert target.read_text().startswith("# Report of the upgrade of")
    assert target.stat().st_mode & 0o777 == 0o600


def test_saving_replaces_a_report_and_nothing_else(state: Path, tmp_path: Path) -> None:
    controller, run = Controller(state=state), ended_runs.failed(state)
    assert controller.save_report(run, str(tmp_path)) == str(tmp_path / f"report-{run.id}.md")
    assert controller.save_report(run, str(tmp_path)) == str(tmp_path / f"report-{run.id}.md")
    precious, link = tmp_path / "precious", tmp_path / "link"
    precious.write_text("mine")
    link.symlink_to(precious)
    for wrong in (precious, link, tmp_path / "no" / "such", tmp_path / "nul\0", tmp_path / ("x" * 300)):
        with pytest.raises(UsageError):
            controller.save_report(run, str(wrong))
    assert precious.read_text() == "mine"
