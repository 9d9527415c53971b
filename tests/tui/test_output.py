"""The whole output of a step: windows on files of any size, paging, searching, several attempts."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard.controller import Controller
from dfwizard.execution.store import Run
from dfwizard.tui.screens import output_window
from dfwizard.tui.screens.output import OutputScreen
from dfwizard.tui.screens.output_window import Window, read_window
from dfwizard.tui.widgets.linelog import LineLog
from tests.tui.driving import NARROW, Drive, driving
from tests.unit.run_bench import Bench

FILE = "output/001-a.log"
LINES = 40_000


def windowed(data: bytes, around: int) -> Window:
    return read_window(lambda offset, count: data[offset : offset + count], len(data), around)


@given(st.binary(max_size=300).map(lambda data: data * 3), st.integers(0, 1000), st.integers(24, 200))
def test_a_window_holds_the_place_and_every_byte_around_it(data: bytes, around: int, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_window, "PIECE", piece)
        patch.setattr(output_window, "LONGEST_LINE", piece // 4)
        window = windowed(data, around)
    assert window.size == len(data)
    assert len(window.lines) == len(window.starts)
    for line, start in zip(window.lines, window.starts, strict=True):
        assert data[start : start + len(line)] == line
    ends = [start + len(line) for line, start in zip(window.lines, window.starts, strict=True)]
    following = [*window.starts, window.end][1:]
    assert all(after - end in (0, 1) for end, after in zip(ends, following, strict=True)), (
        "nothing is left out"
    )
    place = min(around, len(data))
    if data:
        assert window.start <= place <= window.end
        number = window.line_at(min(place, len(data) - 1))
        assert window.starts[number] <= place <= following[number]
    if place == 0:
        assert window.start == 0
    if place == len(data):
        assert window.end == len(data)


def test_a_window_of_nothing_is_empty() -> None:
    assert windowed(b"", 0) == Window(0, (), (), 0)
    assert windowed(b"\n", 0).lines == (b"",)


def numbered(bench: Bench) -> Run:
    """A run with an output of some megabytes."""
    run = bench.run(bench.step("a", "true"))
    text = "".join(
        f"{number:06} some line of output that is as long as most of them are{' MARK' * (number in (7, 39_000))}\n"
        for number in range(LINES)
    )
    (run.directory / FILE).write_text(text)
    return run


async def shown(drive: Drive, screen: OutputScreen) -> None:
    """Show an output over the first screen, and wait until it is read."""
    await drive.until(drive.idle)
    drive.wizard.push_screen(screen)
    await drive.until(lambda: drive.wizard.screen is screen and drive.idle())
    await drive.until_text(" %")


async def settled(drive: Drive) -> None:
    await drive.pilot.pause()
    await drive.until(drive.idle)
    await drive.pilot.pause()


def first_number(drive: Drive) -> int:
    return int(drive.text().splitlines()[2].split()[0])


def opened(bench: Bench) -> Controller:
    return Controller(state=bench.store.directory)


def test_a_large_output_is_paged_through_without_a_gap(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_window, "PIECE", 16 * 1024)

    async def main() -> None:
        run = numbered(bench)
        async with driving(opened(bench), start="run", size=NARROW) as drive:
            await shown(drive, OutputScreen(run, "Install packages", (("attempt 1", FILE),)))
            assert f"{LINES - 1:06} some" in drive.text()
            assert "100 %" in drive.text()
            await drive.press("home")
            await settled(drive)
            assert first_number(drive) == 0
            assert "  0 %" in drive.text()
            rows = drive.wizard.screen.query_one(LineLog).size.height
            seen = 0
            for _ in range(12):
                await drive.press("pagedown")
                await settled(drive)
                first = first_number(drive)
                assert seen <= first <= seen + rows, "no line was passed over"
                seen = first
            assert seen > 130, "further than what was read at first"
            for _ in range(12):
                await drive.press("pageup")
                await settled(drive)
                first = first_number(drive)
                assert seen - rows <= first <= seen
                seen = first
            assert seen < 40

    asyncio.run(main())


def test_the_whole_output_is_searched(bench: Bench) -> None:
    async def main() -> None:
        run = numbered(bench)
        async with driving(opened(bench), start="run", size=NARROW) as drive:
            await shown(drive, OutputScreen(run, "Install packages", (("attempt 1", FILE),)))
            await drive.press("home")
            await settled(drive)
            await drive.press("slash")
            await drive.type("mark")
            await drive.until_text("000007 some")
            await settled(drive)
            await drive.press("n")
            await drive.until_text("039000 some")
            await drive.press("n")
            await drive.until_text("from the beginning again")
            assert "000007 some" in drive.text()
            await drive.press("N")
            await drive.until_text("from the end again")
            assert "039000 some" in drive.text()
            await drive.press("slash")
            for _ in "mark":
                await drive.press("backspace")
            await drive.type("no such words")
            await drive.until_text("'no such words' is nowhere in it")

    asyncio.run(main())


def test_words_far_to_the_right_are_brought_into_sight(bench: Bench) -> None:
    async def main() -> None:
        run = bench.run(bench.step("a", "true"))
        (run.directory / FILE).write_text("first\n" + "x" * 2000 + "HERE" + "y" * 500 + "\nlast\n")
        async with driving(opened(bench), start="run", size=NARROW) as drive:
            await shown(drive, OutputScreen(run, "Install packages", (("attempt 1", FILE),)))
            await drive.press("slash")
            await drive.type("here")
            await drive.until_text("xHEREy")

    asyncio.run(main())


def test_each_attempt_has_its_output_and_one_may_be_empty(bench: Bench) -> None:
    async def main() -> None:
        run = bench.run(bench.step("a", "true"))
        (run.directory / FILE).write_text("it failed\n")
        outputs = (("attempt 1", FILE), ("attempt 2", "output/001-a-2.log"), ("remedy 1", "output/gone.log"))
        (run.directory / "output/001-a-2.log").write_text("it is well\n")
        async with driving(opened(bench), start="run", size=NARROW) as drive:
            await shown(drive, OutputScreen(run, "Install packages", outputs))
            assert "it is well" in drive.text()
            assert "attempt 2 (2 of 3)" in drive.text()
            await drive.press("a")
            await drive.until_text("It has printed nothing.")
            await drive.press("a")
            await drive.until_text("it failed")
            await drive.press("escape")
            await drive.until_text("No run is being watched.")

    asyncio.run(main())


def test_an_output_that_grows_is_followed_at_its_end(bench: Bench) -> None:
    async def main() -> None:
        waiting = "while test ! -e go; do sleep 0.02; done"
        run = bench.run(
            bench.step("a", f"echo one; {waiting}; echo two; while test ! -e go-2; do sleep 0.02; done")
        )
        bench.launch(run)
        async with driving(opened(bench), size=NARROW) as drive:
            drive.wizard.watch_run(run)
            await drive.until_text("1 line")
            await drive.press("enter")
            await drive.until_text("attempt 1")
            await drive.until_text("one")
            (bench.instance / "go").touch()
            await drive.until_text("two")
            (bench.instance / "go-2").touch()
            await drive.until_text("Esc: back.")
            await drive.press("escape")
            await drive.until(lambda: drive.wizard.stage in ("verify", "done"))

    asyncio.run(main())


def test_an_output_that_cannot_be_read_is_said(bench: Bench) -> None:
    async def main() -> None:
        run = bench.run(bench.step("a", "true"))
        (run.directory / FILE).symlink_to("/etc/passwd")
        async with driving(opened(bench), start="run", size=NARROW) as drive:
            await drive.until(drive.idle)
            drive.wizard.push_screen(OutputScreen(run, "Install packages", (("attempt 1", FILE),)))
            await drive.until_text("That did not work")
            assert "root:" not in drive.text()
            await drive.press("escape", "escape")
            await drive.until_text("No run is being watched.")

    asyncio.run(main())
