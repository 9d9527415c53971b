"""The screen of a run: a real runner on steps made for the test, watched, paused, flooded, killed and gone on with."""

from __future__ import annotations

import asyncio
import gc
import re
import resource
import time
from dataclasses import replace

import pytest
from rich.cells import cell_len

from dfwizard.controller import Controller
from dfwizard.execution import events as ev
from dfwizard.execution.progress import Progress
from dfwizard.execution.state import PhaseState, StepState, StepStatus
from dfwizard.execution.store import Run
from dfwizard.planning.plan import Step
from dfwizard.reports.measures import about, brief
from dfwizard.tui.feed import KEPT_LINES, Ended, Feed
from dfwizard.tui.screens.run_rows import detail_lines, outputs_of, progress_line
from dfwizard.tui.session import Session
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.steplist import StepList, step_rows
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.unit import samples
from tests.unit.run_bench import Bench, kill

WAITING = "while test ! -e {}; do sleep 0.02; done"


def titled(step: Step, title: str) -> Step:
    return replace(step, title=title)


def three_steps(bench: Bench) -> Run:
    """A run whose second step says something and waits for `go`."""
    return bench.run(
        titled(bench.step("first", "true"), "Fetch the release"),
        titled(bench.step("second", f"seq 1 60; {WAITING.format('go')}; echo went on"), "Install packages"),
        titled(bench.step("third", f"echo third; {WAITING.format('go-2')}"), "Run the migrations"),
    )


def opened(bench: Bench) -> Controller:
    return Controller(state=bench.store.directory)


def feed_of(drive: Drive) -> Feed:
    assert drive.wizard.feed is not None
    return drive.wizard.feed


# Plain functions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (64, "1 min 4 s"),
        (120, "2 min"),
        (4321, "1 h 12 min"),
    ],
)
def test_a_span_fits_its_column(seconds: float, text: str) -> None:
    assert brief(seconds) == text
    assert len(text) <= 10


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3, "a few seconds"),
        (55, "about 60 s"),
        (190, "about 4 min"),
        (3600, "about 1 h"),
        (4000, "about 1 h 10 min"),
    ],
)
def test_what_is_left_is_never_more_exact_than_it_is_known(seconds: float, text: str) -> None:
    assert about(seconds) == text


def test_every_step_has_sign_word_and_time_within_the_width() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    now = "2026-01-05T00:42:04+00:00"
    states = list(StepStatus)
    steps = tuple(
        StepState(
            step.id,
            step.title,
            states[index % len(states)],
            attempts=2,
            started="2026-01-05T00:41:00+00:00",
            seconds=5.0,
        )
        for index, step in enumerate(plan.steps)
    )
    for width in (40, 54, 77, 120):
        rows = step_rows(plan, PhaseState(0, "upgrade", "plan.json", steps), now, width)
        assert [row.id for row in rows] == [step.id for step in plan.steps]
        assert all(cell_len(row.lines[0].plain) <= width for row in rows)
    told = [row.lines[0].plain for row in rows]
    running = next(text for text in told if "running" in text)
    assert "▶" in running
    assert running.endswith("1 min 9 s"), "the time of the first attempt counts, too"
    assert any("✗" in text and "FAILED" in text for text in told)


def test_progress_says_only_what_is_known() -> None:
    line = progress_line(Progress(9, 21, 0.43, None), None, 78).plain
    assert " 43 %" in line
    assert "left" not in line
    line = progress_line(Progress(9, 21, 0.43, 170.0), 252.0, 78).plain
    assert "about 3 min left" in line
    assert "4 min 12 s so far" in line
    assert cell_len(line) <= 78


def test_details_say_all_about_a_step() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    for step in plan.steps:
        text = "\n".join(str(line) for line in detail_lines(step, StepState(step.id), me=plan.me))
        assert step.reason in text
        assert step.undo_text in text
        assert not step.guide or step.guide in text


def test_outputs_of_attempts_and_remedies_are_told_apart() -> None:
    known = StepState(
        "a",
        attempts=2,
        outputs=("output/001-a.log", "output/001-a-2.log"),
        remedies=1,
        remedy_outputs=("output/001-a-remedy-1.log",),
    )
    assert outputs_of(known) == (
        ("attempt 1", "output/001-a.log"),
        ("attempt 2", "output/001-a-2.log"),
        ("remedy 1", "output/001-a-remedy-1.log"),
    )


# The screen ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_steps_and_live_output_are_shown(bench: Bench, size: tuple[int, int]) -> None:
    async def main() -> None:
        run = three_steps(bench)
        bench.launch(run)
        async with driving(opened(bench), Session(run=run), size=size) as drive:
            await drive.until_stage("run")
            await drive.until_text("60 lines")
            text = drive.text()
            assert re.search(r"✓ +1 Fetch the release +done", text)
            assert re.search(r"> ▶ +2 Install packages +running", text)
            assert re.search(r"· +3 Run the migrations +waiting", text)
            assert "Upgrade 1 → 2  step 2 of 3: Install packages" in text
            assert re.search(r"^ ?.*\b60$", text, re.MULTILINE), "the end of the output is in sight"
            assert "Stopped now:" in text
            (bench.instance / "go").touch()
            await drive.until_text("step 3 of 3")
            assert drive.wizard.screen.query_one(StepList).current == "third", "the cursor goes with the run"

    asyncio.run(main())


def test_a_run_is_paused_and_goes_on(bench: Bench) -> None:
    async def main() -> None:
        run = three_steps(bench)
        bench.launch(run)
        async with driving(opened(bench), Session(run=run)) as drive:
            await drive.until_text("step 2 of 3")
            await drive.press("space")
            await drive.until_text("It will pause after this step")
            (bench.instance / "go").touch()
            await drive.until_text("PAUSED by")
            assert run.state().phase is not None
            assert "2 of 3 steps done" in drive.text()
            await drive.press("space")
            await drive.until_text("step 3 of 3")
            assert "PAUSED" not in drive.text()
            (bench.instance / "go-2").touch()
            await drive.until(lambda: feed_of(drive).state.outcome == "done")

    asyncio.run(main())


def test_scrolling_up_holds_the_output_and_end_goes_on(bench: Bench) -> None:
    async def main() -> None:
        run = three_steps(bench)
        bench.launch(run)
        async with driving(opened(bench), Session(run=run)) as drive:
            await drive.until_text("60 lines")
            await drive.press("tab", "pageup", "pageup")
            await drive.until_text("HELD")
            held = drive.text().splitlines()[13:22]
            (bench.instance / "go").touch()
            await drive.until_text("step 3 of 3")
            assert drive.text().splitlines()[13:22] == held, (
                "what is read stays, though another step has begun"
            )
            await drive.press("end")
            await drive.until_text("third")
            assert "HELD" not in drive.text()

    asyncio.run(main())


def test_whatever_a_step_says_is_shown_as_text(bench: Bench) -> None:
    async def main() -> None:
        script = (
            r"printf '\033[2Jwiped\033]0;title\007 [bold]x[/bold] \377\n10 pct\r20 pct\r30 pct\n'; "
            + WAITING.format("go")
        )
        run = bench.run(titled(bench.step("odd", script), "Say [red]odd[/red]\x1b[31m things\nin two lines"))
        bench.launch(run)
        async with driving(opened(bench), Session(run=run)) as drive:
            await drive.until_text("30 pct")
            text = drive.text()
            assert "wiped [bold]x[/bold] �" in text
            assert "Say [red]odd[/red] things in two lines" in text
            assert "10 pct" not in text
            assert "\x1b" not in text

    asyncio.run(main())


def test_the_command_is_copied_and_the_details_are_shown(bench: Bench) -> None:
    async def main() -> None:
        run = three_steps(bench)
        bench.launch(run)
        async with driving(opened(bench), Session(run=run)) as drive:
            await drive.until_text("step 2 of 3")
            await drive.press("c")
            assert drive.wizard.clipboard.startswith("(cd '")
            assert "seq 1 60" in drive.wizard.clipboard
            await drive.press("i")
            await drive.until_text("Taking it back: Nothing to undo.")

    asyncio.run(main())


def test_a_runner_that_is_gone_is_told_and_gone_on_with(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(bench.store.directory))

    async def main() -> None:
        run = three_steps(bench)
        bench.launch(run)
        async with driving(opened(bench), Session(run=run)) as drive:
            await drive.until_text("60 lines")
            kill(run)
            await drive.until_text("is gone without a word")
            assert "g goes on with it, x rolls it back." in drive.text()
            await drive.until(lambda: "Go on" in drive.text().splitlines()[-1], "the key")
            (bench.instance / "go").touch()
            await drive.press("g")
            await drive.until_text("step 3 of 3")
            assert "is gone" not in drive.text()
            (bench.instance / "go-2").touch()
            await drive.until(lambda: feed_of(drive).state.outcome == "done")

    asyncio.run(main())


def test_a_run_that_cannot_be_read_any_more_is_said_and_looked_at_again(bench: Bench) -> None:
    async def main() -> None:
        run = three_steps(bench)
        bench.launch(run)
        async with driving(opened(bench), Session(run=run)) as drive:
            await drive.until_text("60 lines")
            feed = feed_of(drive)
            feed.close()
            await drive.until(lambda: not feed._thread.is_alive())
            feed.ended = None
            feed._queue.put(Ended(error="record 7 is damaged"))
            await drive.until_text("The run cannot be read: record 7 is damaged")
            await drive.until(lambda: "Look again" in drive.text().splitlines()[-1], "the key")
            await drive.press("r")
            await drive.until(lambda: "cannot be read" not in drive.text() and "60 lines" in drive.text())

    asyncio.run(main())


def test_a_run_whose_plan_is_damaged_is_said_instead_of_ending_the_wizard(bench: Bench) -> None:
    async def main() -> None:
        run = bench.run(bench.step("a", "true"))
        bench.finish(run)
        (run.directory / "plan.json").write_text("{")
        async with driving(opened(bench), Session(run=run)) as drive:
            await drive.until_text(f"Run {run.id} cannot be read")
            assert drive.wizard.stage == "instance"

    asyncio.run(main())


def test_without_a_run_the_screen_says_so(bench: Bench) -> None:
    async def main() -> None:
        async with driving(opened(bench), start="run") as drive:
            await drive.until_text("No run is being watched.")
            await drive.press("space", "o", "c", "i", "x", "g")
            assert drive.wizard.stage == "run"

    asyncio.run(main())


def test_a_million_lines_leave_the_screen_responsive_and_memory_bounded(bench: Bench) -> None:
    gaps: list[tuple[float, float]] = []

    async def tick() -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        while True:
            await asyncio.sleep(0.01)
            now = time.perf_counter(), time.process_time()
            gaps.append((now[0] - wall, now[1] - cpu))
            wall, cpu = now

    async def main() -> None:
        run = bench.run(
            bench.step("ready", WAITING.format("go")),
            bench.step("flood", "seq 1 1000000"),
            bench.step("after", WAITING.format("go-2")),
        )
        bench.launch(run)
        async with driving(opened(bench), Session(run=run), size=WIDE) as drive:
            await drive.until_text("step 1 of 3")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            lines = 0
            gc.collect()
            gc.freeze()  # what other tests have left behind is not the screen's
            ticking = asyncio.create_task(tick())
            (bench.instance / "go").touch()
            feed = feed_of(drive)
            while feed.step != "after":
                lines = max(lines, feed.total_lines)
                assert len(feed.lines) <= KEPT_LINES
                await asyncio.sleep(0.005)
            ticking.cancel()
            gc.unfreeze()
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            wall, cpu = max(one[0] for one in gaps), max(one[1] for one in gaps)
            print(
                f"longest gap {wall * 1000:.0f} ms, {cpu * 1000:.0f} ms of it working; {grown:.0f} MiB more"
            )
            assert lines > 100_000
            # How long the screen was kept from its keys; a busy machine may add to the one, never to the other.
            assert cpu < 0.15
            assert wall < 1.0
            assert grown < 64
            (bench.instance / "go-2").touch()
            await drive.until(lambda: feed_of(drive).ended is not None)
        assert sum(1 for one in run.state().phases[0].steps if one.status is StepStatus.DONE) == 3

    asyncio.run(main())


def test_one_line_without_end_is_bounded_too(bench: Bench) -> None:
    async def main() -> None:
        run = bench.run(
            bench.step("flood", "head -c 3000000 /dev/zero | tr '\\0' x; printf '\\r%s' last"),
            bench.step("after", f"{WAITING.format('go')}"),
        )
        bench.launch(run)
        feed = Feed(opened(bench), run)
        longest = 0
        limit = time.monotonic() + 30
        while not feed.state.begun or "after" not in feed.state.begun:
            for update in feed.drain().events:
                assert not isinstance(update.record.event, ev.StepFailed)
            longest = max([longest, len(feed.rest), *map(len, feed.lines)])
            assert time.monotonic() < limit
            await asyncio.sleep(0.01)
        feed.close()
        assert 0 < longest <= 4000

    asyncio.run(main())


def test_a_log_that_does_not_follow_stays_where_it_is() -> None:
    log = LineLog(follow=False)
    assert log.following is False
