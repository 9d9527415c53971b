"""All runs and backups: what is told of each, what can be done with it, and that a backup goes only when its name was typed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from dfwizard.controller import Controller
from dfwizard.demo import open_sandbox
from dfwizard.demo.sandbox import Sandbox
from dfwizard.reports.backup_list import BackupSummary
from dfwizard.reports.run_summary import summaries
from dfwizard.tui.screens import history_rows
from dfwizard.tui.screens.dialogs import TypedDialog
from dfwizard.tui.screens.history_rows import BACKUP, RUN, Shelf
from dfwizard.tui.screens.history_words import age, no_way_back
from dfwizard.tui.screens.reading import ReadingScreen
from dfwizard.tui.widgets.rowlist import RowList
from tests.tui.driving import WIDE, Drive, driving
from tests.tui.told_runs import held, told

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=timezone.utc)
ONE = BackupSummary(
    directory="/var/backups/one",
    instance="/opt/dreamfactory",
    release="6.3.0",
    taken_at="2026-01-02T12:00:00+00:00",
    size=96_200_000,
    finished=True,
    proven=True,
    used_by=("20260102-120000-0001",),
    needed="",
)


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Controller:
    """Give a controller whose state is in a directory of the test."""
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(tmp_path / "state"))
    return Controller()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def listed(drive: Drive) -> RowList:
    return drive.wizard.screen_stack[1].query_one(RowList)


def test_a_backup_is_told_in_one_line_that_fits() -> None:
    hostile = "/srv/a b\n\x1b[31m-x[bold]" + "y" * 200
    for one, word in (
        (ONE, "✓ proven"),
        (replace(ONE, proven=False, needed="run x may still be rolled back with it"), "! unproven"),
        (replace(ONE, finished=False, proven=False, instance=hostile, release=""), "✗ unfinished"),
        (replace(ONE, finished=False, proven=False, needed="run x is at work with it"), "▶ going on"),
    ):
        for width in (56, 76):
            (line,) = history_rows.backup_row(one, width, NOW).lines
            assert line.plain.startswith(word)
            assert cell_len(line.plain) <= width
            assert "\n" not in line.plain
            assert "\x1b" not in line.plain
            assert ("keep" in line.plain) == bool(one.needed)
    assert "96.2 MB  3 days" in history_rows.backup_row(ONE, 76, NOW).lines[0].plain


def test_the_question_before_a_deletion_says_what_it_is_needed_for() -> None:
    assert "still needed" not in str(history_rows.deletion(ONE, NOW))
    text = "\n".join(str(line) for line in history_rows.deletion(replace(ONE, needed="run x needs it"), NOW))
    assert "run x needs it" in text
    assert "still needed" in text


def test_details_are_broken_at_the_width() -> None:
    shelf = Shelf((), (replace(ONE, directory="/" + "d" * 300),))
    assert shelf.backups is not None
    for line in history_rows.backup_details(shelf.backups[0], 40, NOW):
        assert cell_len(line.plain) <= 40


def test_an_age_that_cannot_be_read_is_left_out() -> None:
    assert age("", NOW) == ""
    assert age("2026-01-05T11:55:00Z", NOW) == "5 minutes"
    assert age("2027-01-05T11:55:00", NOW) == "just now"


def test_what_can_be_taken_back(controller: Controller) -> None:
    failed = told(controller.store, done=4, outcome="failed", path="/srv/one")
    (summary,) = summaries(controller.store)
    assert summary.id == failed.id
    assert no_way_back(summary, (summary,)) == ""
    later = replace(summary, id="99991231-000000-0000", outcome="done", word="done")
    assert "99991231-000000-0000" in no_way_back(summary, (later, summary))
    assert no_way_back(summary, (replace(later, outcome="rolled-back"), summary)) == ""
    assert no_way_back(replace(summary, outcome="rolled-back"), (summary,))
    assert no_way_back(replace(summary, alive=True, outcome=None), (summary,))
    assert no_way_back(replace(summary, phase=None), (summary,))


def test_runs_are_opened_reported_and_taken_back_from_here(controller: Controller) -> None:
    done = told(controller.store, outcome="done", path="/srv/done")

    async def main() -> None:
        async with driving(controller, start="history") as drive:
            await drive.until_stage("history")
            assert listed(drive).current == RUN + done.id
            assert "There is no backup" in drive.text()
            assert "possible: x shows" in drive.text()
            assert "v Verify" not in drive.text()
            await drive.press("p")
            await drive.until(lambda: isinstance(drive.wizard.screen, ReadingScreen))
            await drive.until_text("Report of the upgrade of /srv/done")
            await drive.press("escape", "x")
            await drive.until(lambda: drive.wizard.stage == "rollback")
            assert drive.wizard.session.run == done
            drive.wizard.show("history")
            await drive.until_stage("history")
            await drive.press("enter")
            await drive.until(lambda: drive.wizard.stage in ("verify", "done"))

    run(main())


def test_a_run_at_work_cannot_be_taken_back_here_and_is_attached_to(controller: Controller) -> None:
    going = told(controller.store, done=3, living=True)

    async def main() -> None:
        async with driving(controller, start="history", size=WIDE) as drive:
            await drive.until_stage("history")
            await drive.press("x")
            assert drive.wizard.stage == "history"
            assert "it is at work" in drive.text()
            await drive.press("escape")
            await drive.until_stage("instance")

    with held(going):
        run(main())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Build the demonstration's small installation."""
    with open_sandbox("smooth", speed=0) as made:
        yield made


def test_a_backup_is_verified_and_deleted_by_its_name_alone(sandbox: Sandbox) -> None:
    controller = sandbox.controller()
    directory = controller.backup(str(sandbox.path), on_output=lambda _line: None)

    async def main() -> None:
        async with driving(controller, start="history", size=WIDE) as drive:
            await drive.until_stage("history")
            assert listed(drive).current == BACKUP + directory
            assert "✓ proven" in drive.text()
            await drive.press("v")
            await drive.until_text("the backup is good")
            await drive.press("d")
            await drive.until(lambda: isinstance(drive.wizard.screen, TypedDialog))
            await drive.press("n", "enter")
            await drive.until_text("That is not")
            await drive.press("escape")
            assert Path(directory).is_dir()
            await drive.press("d")
            await drive.until(lambda: isinstance(drive.wizard.screen, TypedDialog))
            drive.wizard.screen.query_one(Input).value = Path(directory).name
            await drive.press("enter")
            await drive.until_text("Deleted: ")
            await drive.until_text("There is no backup")

    run(main())
    assert not Path(directory).exists()


def test_a_damaged_backup_is_called_damaged(sandbox: Sandbox) -> None:
    controller = sandbox.controller()
    directory = Path(controller.backup(str(sandbox.path), on_output=lambda _line: None))
    part = max((path for path in directory.iterdir() if path.is_file()), key=lambda path: path.stat().st_size)
    part.write_bytes(part.read_bytes()[:-1] + b"?")

    async def main() -> None:
        async with driving(controller, start="history", size=WIDE) as drive:
            await drive.until_stage("history")
            await drive.press("v")
            await drive.until_text("it could not be shown")
            assert "the backup is good" not in drive.text()

    run(main())
