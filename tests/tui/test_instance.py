"""The first screen: what still goes on comes first, instances may follow, and the cursor stays where it was put."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from dfwizard.controller import Controller
from dfwizard.instance.discover import Found
from dfwizard.reports.run_summary import RunSummary, summaries
from dfwizard.tui.screens import instance_rows
from dfwizard.tui.screens.history_rows import RUN
from dfwizard.tui.screens.instance import InstanceScreen
from dfwizard.tui.screens.instance_dialogs import InterruptedDialog, PathDialog
from dfwizard.tui.screens.instance_rows import ALL, INSTANCE, OTHER, Known
from dfwizard.tui.session import Demo, Session
from dfwizard.tui.widgets.rowlist import RowList
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.tui.told_runs import held, told

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=timezone.utc)
HOSTILE = "/srv/a b\n\x1b[31m-x[bold]"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the state in a directory of the test."""
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


class Finding(Controller):
    """A controller on whose host the instances in `there` are found, once `may_find` is set."""

    def __init__(self, *there: Found) -> None:
        super().__init__()
        self.there = there
        self.may_find = threading.Event()
        self.may_find.set()

    def discover(self, host: str = "") -> tuple[Found, ...]:
        """Give what is there, late."""
        assert self.may_find.wait(30)
        return () if host else self.there


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def listed(drive: Drive) -> RowList:
    return drive.wizard.screen_stack[1].query_one(RowList)


def found(path: str, version: str | None = "6.3.0") -> Found:
    return Found(path, "a usual place", version)


def lines_of(known: Known, width: int = 76) -> list[str]:
    return [line.plain for row in instance_rows.rows(known, width, NOW) for line in row.lines]


def test_every_line_fits_and_no_foreign_text_is_obeyed() -> None:
    controller = Controller()
    told(controller.store, done=9, path="/srv/" + "long" * 40)
    told(controller.store, done=2, outcome="failed", path=HOSTILE)
    known = Known(summaries(controller.store), (found(HOSTILE), found("/opt/" + "deep/" * 30, None)))
    for width in (56, 76, 116):
        lines = lines_of(known, width)
        assert all(cell_len(line) <= width for line in lines), lines
        assert not any("\n" in line or "\x1b" in line for line in lines)
    assert any("step 10 of 19" in line for line in lines_of(known, 56))


def test_an_interrupted_run_that_a_later_one_took_the_place_of_asks_for_nothing() -> None:
    controller = Controller()
    first = told(controller.store, done=3)
    (summary,) = summaries(controller.store)
    assert instance_rows.begins_at(Known((summary,))) == RUN + first.id
    values = {name: getattr(summary, name) for name in RunSummary.__dataclass_fields__}
    later = RunSummary(**{**values, "id": "99991231-000000-0000", "word": "done", "outcome": "done"})
    assert instance_rows.begins_at(Known((later, summary))) == OTHER
    back = RunSummary(**{**values, "id": later.id, "word": "rolled-back", "outcome": "rolled-back"})
    assert instance_rows.begins_at(Known((back, summary))) == RUN + first.id


def test_an_empty_machine_is_told_what_to_do() -> None:
    async def main() -> None:
        async with driving(Finding()) as drive:
            await drive.until_stage("instance")
            text = drive.text()
            assert "No DreamFactory was found" in text
            assert "dfwizard demo" in text
            assert listed(drive).current == OTHER
            await drive.press("enter")
            await drive.until(lambda: isinstance(drive.wizard.screen, PathDialog))

    run(main())


def test_a_run_at_work_stands_first_and_enter_attaches() -> None:
    async def main() -> None:
        controller = Finding(found("/opt/dreamfactory"))
        cut = told(controller.store, done=1, path="/srv/other")
        going = told(controller.store, done=8, living=True)
        with held(going):
            async with driving(controller) as drive:
                await drive.until_stage("instance")
                assert listed(drive).current == RUN + going.id
                assert "upgrade of /opt/dreamfactory, step 9 of 19 (" in drive.text()
                assert "INTERRUPTED" in drive.text()
                assert "/opt/dreamfactory  6.3.0     a usual place" in drive.text()
                assert cut.id != going.id
                await drive.press("enter")
                await drive.until(lambda: drive.wizard.feed is not None)
                assert drive.wizard.session.run == going

    run(main())


def test_instances_that_are_found_later_never_move_the_cursor_that_was_moved() -> None:
    async def main() -> None:
        controller = Finding(found("/opt/dreamfactory"), found("/srv/second"))
        told(controller.store, outcome="done")
        controller.may_find.clear()
        async with driving(controller) as drive:
            await drive.until_text("looking ...")
            await drive.until_text("Earlier runs")
            await drive.press("end")
            assert listed(drive).current == ALL
            controller.may_find.set()
            await drive.until_text("/srv/second")
            assert listed(drive).current == ALL

    run(main())


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_instances_that_are_found_later_get_the_cursor_when_nobody_moved_it(size: tuple[int, int]) -> None:
    async def main() -> None:
        controller = Finding(found("/opt/dreamfactory"))
        controller.may_find.clear()
        demo = Demo("A story", "What there is to see. " * 8)
        async with driving(controller, size=size, demo=demo) as drive:
            await drive.until_text("Another path")
            controller.may_find.set()
            await drive.until_stage("instance")
            assert listed(drive).current == INSTANCE + "/opt/dreamfactory"
            assert "DEMO: A story" in drive.text()
            await drive.press("enter")
            await drive.until(lambda: drive.wizard.stage == "detection")
            assert drive.wizard.session.path == "/opt/dreamfactory"

    run(main())


def test_the_instance_of_a_demonstration_is_listed_though_it_is_in_no_usual_place() -> None:
    async def main() -> None:
        async with driving(Finding(), Session(path="/srv/sandbox"), demo=Demo("A story", "Told.")) as drive:
            await drive.until_stage("instance")
            assert listed(drive).current == INSTANCE + "/srv/sandbox"
            assert "where you have just been" in drive.text()

    run(main())


def test_what_is_found_after_the_screen_or_the_wizard_has_gone_is_nobodys_problem() -> None:
    controller = Finding()
    controller.may_find.clear()

    async def main() -> None:
        async with driving(controller) as drive:
            await drive.until_text("Another path")
            await drive.press("h")
            await drive.until(lambda: drive.wizard.stage == "history")
            controller.may_find.set()
            await drive.until_stage("history")
            controller.may_find.clear()
            await drive.press("escape")
            await drive.until_text("Another path")

    run(main())
    looking = [thread for thread in threading.enumerate() if thread.name.startswith("Looking")]
    controller.may_find.set()
    assert looking
    for thread in looking:
        thread.join(30)


def test_a_path_without_dreamfactory_is_refused_below_the_field(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "only here").mkdir()
        async with driving(Finding()) as drive:
            await drive.until_stage("instance")
            await drive.press("o")
            await drive.until(lambda: isinstance(drive.wizard.screen, PathDialog))
            drive.wizard.screen.query_one(Input).value = f"{tmp_path}/only here"
            await drive.press("enter")
            await drive.until_text("this is no DreamFactory installation")
            assert isinstance(drive.wizard.screen, PathDialog)
            await drive.press("backspace")
            await drive.until(lambda: "no DreamFactory" not in drive.text())
            await drive.press("escape")
            assert isinstance(drive.wizard.screen, InstanceScreen)

    run(main())


def test_a_path_with_dreamfactory_is_taken(tmp_path: Path) -> None:
    async def main() -> None:
        place = tmp_path / "it's [here]"
        (place / "config").mkdir(parents=True)
        (place / "artisan").write_text("<?php\n")
        (place / "config/df.php").write_text("<?php return [];\n")
        async with driving(Finding()) as drive:
            await drive.until_stage("instance")
            await drive.press("o")
            await drive.until(lambda: isinstance(drive.wizard.screen, PathDialog))
            drive.wizard.screen.query_one(Input).value = str(place)
            await drive.press("enter")
            await drive.until(lambda: drive.wizard.stage == "detection")
            assert drive.wizard.session.path == str(place)

    run(main())


def test_a_run_that_was_cut_off_asks_what_to_do() -> None:
    async def main() -> None:
        controller = Finding()
        cut = told(controller.store, done=5)
        async with driving(controller) as drive:
            await drive.until_stage("instance")
            assert listed(drive).current == RUN + cut.id
            await drive.press("enter")
            await drive.until(lambda: isinstance(drive.wizard.screen, InterruptedDialog))
            await drive.press("escape")
            assert drive.wizard.session.run is None
            await drive.press("enter", "t")
            await drive.until(lambda: drive.wizard.stage == "rollback")
            assert drive.wizard.session.run == cut

    run(main())


def test_runs_that_cannot_be_listed_are_told_and_an_instance_can_still_be_chosen(state: Path) -> None:
    async def main() -> None:
        state.mkdir()
        (state / "runs").write_text("not a directory")
        async with driving(Finding(found("/opt/dreamfactory"))) as drive:
            await drive.until_stage("instance")
            assert "The runs cannot be listed" in drive.text()
            assert listed(drive).current == INSTANCE + "/opt/dreamfactory"

    run(main())
