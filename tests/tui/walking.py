"""Walking a demo scenario through the wizard's screens by keys alone, led by what the screens say."""

from __future__ import annotations

import hashlib
import posixpath
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.cells import cell_len
from textual.widgets import Input

from dfwizard.cli.demo import visit
from dfwizard.demo import Sandbox
from dfwizard.demo.content import DATABASE
from dfwizard.planning.findings import Severity
from dfwizard.tui.screens.failure import FailureScreen
from dfwizard.tui.session import Demo
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList
from tests.tui.driving import NARROW, Drive, driving

_ROUNDS = 3
"""How many looks in a row must find every widget with nothing left to do before a key counts as answered."""


class Walk:
    """One visit. `seen` has, for each stage, the screens that were shown of it, oldest first."""

    def __init__(self, sandbox: Sandbox, drive: Drive) -> None:
        self.sandbox = sandbox
        self.drive = drive
        self.seen: dict[str, list[str]] = defaultdict(list)

    # Looking ---------------------------------------------------------------------------------------------------------

    def look(self) -> str:
        """Note and give what is on the screen, which must keep to its size and say that it is a demo."""
        text, wizard = self.drive.text(), self.drive.wizard
        shown = self.seen[wizard.stage]
        if text.strip() and text not in shown:
            shown.append(text)
            columns, rows = wizard.size
            lines = text.splitlines()
            assert len(lines) <= rows, text
            assert max(map(cell_len, lines)) <= columns, text
            assert wizard.screen.is_modal or lines[0].endswith(" DEMO"), text
        return text

    def told(self, stage: str) -> str:
        """Give all that the screens of a stage said, pane by pane, each run of blanks as one blank."""
        return " ".join(" ".join(map(_pane_by_pane, self.seen[stage])).split())

    async def calm(self) -> str:
        """Wait until nothing goes on in the background and all that was brought about by it is done, and look."""
        quiet = 0
        while quiet < _ROUNDS:
            await self.drive.pilot._wait_for_screen()
            await self.drive.until(self.drive.idle, "calm")
            # What a widget tells another is on its way through the queues of all that lie between them.
            quiet = 0 if self.drive.messages() else quiet + 1
        return self.look()

    async def arrive(self, stage: str) -> str:
        """Wait for a stage, and look."""
        await self.drive.until_stage(stage)
        return await self.calm()

    async def press(self, *keys: str) -> str:
        """Press keys, wait, and look."""
        for key in keys:
            self.drive.wizard.simulate_key(key)
            text = await self.calm()
        return text

    async def read(self) -> None:
        """Read a long text below a list to its end, and come back."""
        log = next((one for one in self.drive.wizard.screen.query(LineLog) if one.max_scroll_y), None)
        if log is None:
            return
        # No key scrolls what has not been laid out yet.
        await self.drive.until(lambda: log.show_vertical_scrollbar, "the scroll bar")
        await self.press("tab")
        assert self.drive.wizard.screen.focused is log, "Tab must lead to the text that can be scrolled"
        while log.scroll_y < log.max_scroll_y:
            before = log.scroll_y
            await self.press("pagedown")
            await self.drive.until(lambda: log.scroll_y != before, "the next page")  # noqa: B023
            self.look()
        await self.press("shift+tab")

    def offers(self, key: str) -> bool:
        """Tell whether a key does something here."""
        active = self.drive.wizard.screen.active_bindings.get(key)
        return active is not None and active.enabled

    async def move_to(self, row: str) -> None:
        """Put the cursor on a row by the arrow keys."""
        rows = self.drive.wizard.screen.query_one(RowList)
        ids = [one.id for one in rows.rows]
        assert row in ids, f"{row} is not among {ids}"
        key = "down" if ids.index(row) > ids.index(rows.current or ids[0]) else "up"
        while rows.current != row:
            before = rows.current
            await self.press(key)
            assert rows.current != before, f"{key} leads from {before} nowhere"

    # The road --------------------------------------------------------------------------------------------------------

    async def detection(self) -> None:
        """See what is installed; go on."""
        await self.arrive("detection")
        await self.press("n")

    async def servers(self) -> None:
        """See both ends of a migration, and that they are a pair; go on."""
        await self.arrive("migration")
        await self.drive.until(lambda: self.offers("n"), "n")
        await self.press("n")

    async def carry(self) -> None:
        """Read what becomes of the first keys and of the files, and go on with what is proposed."""
        await self.arrive("carry")
        rows = self.drive.wizard.screen.query_one(RowList)
        enabled = [one.id for one in rows.rows if one.enabled]
        for row in (*enabled[:2], enabled[-1]):
            await self.move_to(row)
        await self.press("n")

    async def path(self) -> None:
        """Have the road to the scenario's release planned, read it, go on."""
        await self.arrive("path")
        target = self.sandbox.scenario.target
        if target not in {row.id for row in self.drive.wizard.screen.query_one(RowList).rows}:
            await self.press("a")
        await self.move_to(target)
        await self.press("enter")
        await self.drive.until_text("Planned:")
        await self.read()
        await self.press("n")

    async def checks(self) -> bool:
        """Read every finding, tick off what can be, take upon oneself what the scenario does, go on; tell whether one may."""
        await self.arrive("checks")
        rows = self.drive.wizard.screen.query_one(RowList)
        prospect = self.drive.wizard.session.prospect
        assert prospect is not None
        if {one.severity for one in prospect.findings} & {Severity.WARNING, Severity.BLOCKER}:
            assert "Before it goes on:" in await self.press("n"), "n must say what keeps one from going on"
        for row in [one.id for one in rows.rows if one.enabled]:
            await self.move_to(row)
            await self.read()
            line = next(one for one in rows.rows if one.id == row).lines[0].plain
            if line.startswith("[ ]") and self.offers("space"):
                await self.press("space")
            elif line.startswith("[ ]") and row in self.sandbox.scenario.accept:
                await self.press("a", "y")
        await self.press("n")
        return self.drive.wizard.stage == "backup"

    async def backup(self) -> None:
        """See what is saved, and start."""
        await self.arrive("backup")
        await self.read()
        question = await self.press("enter")
        what = "migration" if self.sandbox.scenario.source else "upgrade"
        assert f"Start the {what}?" in question
        await self.press("enter")
        assert self.drive.wizard.session.run is None, "Enter alone must not start"
        self.drive.wizard.simulate_key("y")

    async def run(self) -> None:
        """Watch the run, and answer its questions as the scenario does, to its end."""
        decisions = list(self.sandbox.scenario.decisions)
        answered = 0
        await self.drive.until(lambda: self.drive.wizard.feed is not None, "the run")
        feed = self.drive.wizard.feed
        assert feed is not None
        while feed.state.outcome is None:
            assert feed.ended is None, feed.ended
            seq = feed.state.seq
            await self.drive.until(lambda: self._moved(seq, answered), "the run to go on")  # noqa: B023
            question = feed.state.question
            if question is not None and question.seq != answered and self.drive.wizard.stage == "failure":
                await self.calm()
                answered = question.seq
                assert decisions, f"the scenario knows no answer to this:\n{self.look()}"
                await self._answer(decisions.pop(0))
        assert not decisions, f"never asked: {decisions}"

    def _moved(self, seq: int, answered: int) -> bool:
        """Look, and tell whether the run has moved on from event `seq`, or shows a question that is not answered yet."""
        self.look()
        feed = self.drive.wizard.feed
        assert feed is not None
        question = feed.state.question
        asks = question is not None and question.seq != answered and self.drive.wizard.stage == "failure"
        return asks or feed.state.seq != seq or feed.ended is not None

    async def _answer(self, decision: str) -> None:
        await self.move_to(decision)
        await self.read()
        screen, wizard = self.drive.wizard.screen, self.drive.wizard
        assert isinstance(screen, FailureScreen)
        await self.press("enter")
        await self.drive.until(
            lambda: screen._sent == decision or wizard.screen.is_modal, "an answer or a question"
        )
        if screen._sent:
            return
        if decision == "rollback":
            await self.drive.until(
                lambda: isinstance(self.drive.wizard.focused, Input), "the field to type into"
            )
            await self.drive.type(posixpath.basename(self.drive.wizard.session.path))
        else:
            await self.drive.until(
                lambda: " Yes" in self.drive.text(), "the question"
            )  # a key before it is lost
            await self.drive.press("y")

    async def proof(self) -> None:
        """See the comparison at the end of the run; go on to the summary, and read the report."""
        feed = self.drive.wizard.feed
        assert feed is not None
        await self.arrive("rollback" if feed.state.outcome == "rolled-back" else "verify")
        await self.drive.until(lambda: self.offers("n"), "n")
        await self.read()
        await self.press("n")
        await self.arrive("done")
        await self.read()
        report = await self.press("p")
        assert "Report of" in report
        self.seen["report"] = [report]
        while "Page down" in report:
            report = await self.press("pagedown")
            if report == self.seen["report"][-1]:
                break
            self.seen["report"].append(report)
        await self.press("escape")

    async def history(self) -> None:
        """Find the run and its backups in the list of all."""
        await self.press("h")
        await self.arrive("history")
        rows = self.drive.wizard.screen.query_one(RowList)
        for row in [one.id for one in rows.rows if one.enabled]:
            await self.move_to(row)
            await self.read()

    async def quit(self) -> int:
        """Leave, and give the exit code that the wizard ends with."""
        await self.drive.press("q")
        await self.drive.until(lambda: self.drive.wizard.return_code is not None, "the end")
        return self.drive.wizard.return_value or 0


def _pane_by_pane(text: str) -> str:
    """Give the text of panes that stand side by side, with a line between them, one after the other."""
    lines = [line.split("│") for line in text.splitlines()]
    most = max(map(len, lines), default=0)
    return " ".join(line[column] for column in range(most) for line in lines if column < len(line))


@asynccontextmanager
async def walking(
    sandbox: Sandbox, *, size: tuple[int, int] = NARROW, start: str = "", attach: bool = False
) -> AsyncIterator[Walk]:
    """Open the wizard on a sandbox as `dfwizard demo` does, or at the stage `start`; with `attach` on the run that goes on in it."""
    scenario, controller = sandbox.scenario, sandbox.controller()
    session = visit(sandbox, controller.store.list()[0] if attach else None)
    if start:
        session.path = ""
    start = start or ("migration" if scenario.source else "detection")
    demo = Demo(scenario.title, scenario.story)
    async with driving(controller, session, start=start, size=size, demo=demo) as drive:
        yield Walk(sandbox, drive)


_OWN = (
    *("storage/logs/", "storage/framework/", "bootstrap/cache/"),
    *(".git/index", ".git/logs/", ".git/FETCH_HEAD", ".git/ORIG_HEAD"),
)
"""What the application, git and composer write by themselves."""


def picture(instance: Path) -> dict[str, str]:
    """Describe an installation by other means than dfwizard's fingerprint: every file, every row."""
    found = {}
    for path in sorted(instance.rglob("*")):
        name = path.relative_to(instance).as_posix()
        if name.startswith((*_OWN, ".git/objects", DATABASE)) or path.is_dir():
            continue
        content = str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
        found[name] = f"{path.lstat().st_mode:o} {content}"
    with sqlite3.connect(f"file:{instance / DATABASE}?mode=ro", uri=True) as connection:
        found["database"] = "\n".join(connection.iterdump())
    connection.close()
    return found
