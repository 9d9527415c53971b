"""The comparison before and after: what is flagged stands first, and every row can be opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dfwizard.controller import Controller
from dfwizard.tui.screens.verify_rows import check_rows, counts, detail
from dfwizard.tui.session import Session
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.verification.result import Check, Verdict, Verification
from tests.tui import ended_runs
from tests.tui.driving import NARROW, WIDE, driving

WARNING = "Errors in the log: Connection refused to the mail server"
HOSTILE = "a\x1b[2Jb\x1b]0;title\x07c\u202ed\ne" + "x" * 300


def test_a_difference_counts_as_explained_or_flagged() -> None:
    verification = Verification("7.1.0", True, ended_runs.CHECKS)
    assert counts(verification) == (1, 3, 1)
    rows = check_rows(verification, 77, only_differences=False)
    words = [row.lines[0].plain.split()[1] for row in rows[2:]]
    assert words == ["WARNING", "explained", "as", "as", "same"]
    assert len(check_rows(verification, 77, only_differences=True)) == len(rows) - 1


@pytest.mark.parametrize("width", [20, 57, 77, 200])
def test_rows_and_details_are_plain_and_no_wider_than_the_list(width: int) -> None:
    check = Check(HOSTILE, HOSTILE, HOSTILE, HOSTILE + "!", Verdict.FAILED, HOSTILE)
    verification = Verification("7.1.0", True, (check,))
    rows = check_rows(verification, width, only_differences=True)
    for line in [row.lines[0] for row in rows[2:]] + detail(verification, rows[2].id, 42):
        assert not {"\x1b", "\x07", "\n", "\u202e"} & set(line.plain)
    assert all(row.lines[0].cell_len <= max(width, 52) for row in rows[1:])


def test_nothing_compared_and_nothing_different_are_said() -> None:
    nothing = check_rows(Verification("7.1.0", True, ()), 77, only_differences=False)
    assert nothing[-1].lines[0].plain == "Nothing was compared."
    same = Verification("7.1.0", True, (Check("php", "PHP", "8.1", "8.1", Verdict.OK),))
    assert "Nothing differs" in check_rows(same, 77, only_differences=True)[-1].lines[0].plain


def test_the_flagged_stand_first_and_enter_opens_them(state: Path) -> None:
    run = ended_runs.upgraded(state, warning=WARNING)

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run), size=NARROW) as drive:
            await drive.until_stage("verify")
            shown = drive.text()
            assert "Verified with 1 warning. 6.3.0 → 7.1.0" in shown
            assert "✓ 1 same   i 3 explained   ! 1 flagged" in shown
            assert shown.index("! WARNING") < shown.index("i explained") < shown.index("✓ same")
            await drive.press("down", "enter")
            await drive.until_text("production.ERROR: Connection refused")
            assert "\x1b" not in drive.text()
            await drive.press("enter", "u")
            await drive.until(lambda: "✓ same" not in drive.text(), "the same left out")
            await drive.press("home", "enter")
            await drive.until_stage("done")
            assert f"Done with 1 warning: {run.record().instance} runs 7.1.0." in drive.text()
            await drive.press("b")
            await drive.until_stage("verify")

    asyncio.run(main())


def test_a_wide_terminal_shows_the_detail_beside(state: Path) -> None:
    run = ended_runs.upgraded(state)

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run), size=WIDE) as drive:
            await drive.until_stage("verify")
            assert "Verified: 4 checks, every difference explained." in drive.text()
            await drive.press("down")
            await drive.until_text("One row for each migration that ran.")
            await drive.pilot.resize_terminal(*NARROW)
            detail_pane = drive.wizard.screen.query_one("#detail", LineLog)
            await drive.until(lambda: not detail_pane.display, "the detail gone")
            assert "63" in drive.text()

    asyncio.run(main())


def test_a_run_without_verification_says_so(state: Path) -> None:
    run = ended_runs.upgraded(state)
    (run.directory / "verification.json").unlink()

    async def main() -> None:
        async with driving(Controller(state=state), Session(run=run)) as drive:
            await drive.until_stage("verify")
            assert "This run recorded no verification. v compares the instance now." in drive.text()
            await drive.press("v")  # the instance of the samples is not on this machine
            await drive.until_text("That did not work")
            await drive.press("enter", "n")
            await drive.until_stage("done")

    asyncio.run(main())
