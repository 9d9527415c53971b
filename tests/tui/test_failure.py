"""The question after a failed step: what is said of the failure, and each answer, put to a real runner."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from dfwizard.controller import Controller
from dfwizard.diagnosis import RemedyCommand
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.state import StepState, StepStatus
from dfwizard.execution.store import Run
from dfwizard.planning.plan import Undo
from dfwizard.reports.choices import Choice
from dfwizard.tui.screens.failure_rows import choice_rows, confirmation, failure_text, failure_title
from dfwizard.tui.session import Session
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.unit import samples
from tests.unit.run_bench import Bench, answer, kill, statuses

NO_NETWORK = (
    "curl error 6 while downloading https://repo.packagist.org/p2: Could not resolve host: repo.packagist.org"
)
"""What composer says; known by its text, with a remedy that is a command."""


def failing(bench: Bench, *, skippable: bool = False, says: str = "something broke") -> Run:
    """A run whose second step fails until there is a file `mended`."""
    script = f"seq 1 30; test -e mended || {{ echo '{says}' >&2; exit 100; }}; echo mended >> log"
    second = bench.step("composer-install", script, skippable=skippable)
    run = bench.run(
        bench.step("first", "true", undo=Undo.TREE),
        replace(second, title="Install the packages"),
        bench.step("third", "echo third >> log"),
        on_failure=OnFailure.ASK,
    )
    bench.launch(run)
    return run


def opened(bench: Bench) -> Controller:
    return Controller(state=bench.store.directory)


async def asked(drive: Drive) -> None:
    await drive.until_stage("failure")
    await drive.until_text("How shall it go on?")


async def ended(drive: Drive, outcome: str) -> None:
    await drive.until(lambda: drive.wizard.feed is not None and drive.wizard.feed.state.outcome == outcome)


async def choose(drive: Drive, label: str) -> None:
    """Put the cursor on an answer, and press Enter."""
    for _ in range(6):
        if re.search(rf"^> {label}", drive.text(), re.MULTILINE) or f"> {label}" in drive.text():
            await drive.press("enter")
            return
        await drive.press("down")
    raise AssertionError(f"no answer {label!r}:\n{drive.text()}")


# Plain functions -------------------------------------------------------------------------------------------------------


def known_failure() -> StepState:
    return StepState(
        "composer-install-1",
        "Install the packages",
        StepStatus.FAILED,
        attempts=2,
        seconds=12.0,
        message="The command ended with exit code 100, expected was 0.",
        code=100,
        command="cd /opt/dreamfactory && composer install --no-dev",
        tail=("  - Downloading a", "  " + NO_NETWORK, "\x1b[31m" + "x" * 200),
        line=NO_NETWORK,
        cause="The servers do not answer.",
        remedy="Wait until they answer.",
        commands=(RemedyCommand("timeout 300 wait-for it", "wait", "look"),),
        remedies=1,
        remedy_message="The remedy's command ended with exit code 124.",
    )


def test_a_remedy_of_several_commands_says_what_each_does() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    commands = (
        RemedyCommand("rm -rf -- /opt/dreamfactory/vendor", "remove vendor", "tree"),
        RemedyCommand("composer install --no-dev", "install again", "hand"),
    )
    known = replace(known_failure(), commands=commands)
    for width in (50, 75, 110):
        lines = [line.plain for line in failure_text(plan, known, width)]
        assert all(cell_len(line) <= width for line in lines)
        text = " ".join(" ".join(lines).split())
        order = (
            "# remove vendor: changes files",
            "$ rm -rf",
            "# install again: for you to do",
            "$ composer install",
        )
        places = [text.index(words) for words in order]
        assert places == sorted(places)
    asked = confirmation("remedy", plan, known, "")
    assert asked is not None
    assert [str(line) for line in asked[1] if str(line).startswith("$ ")] == [
        f"$ {one.command}" for one in commands
    ]


def test_what_an_unknown_failure_may_be_is_marked_as_a_guess() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    known = replace(
        known_failure(),
        cause="",
        remedy="",
        commands=(),
        line="first of all",
        lines=("first of all", "second to it"),
        guesses=("It may be this. Do that.",),
    )
    text = "\n".join(line.plain for line in failure_text(plan, known, 75))
    assert text.count("first of all") == 1
    assert "second to it" in text
    assert "A guess It may be this. Do that." in text


def test_all_that_is_known_of_a_failure_is_told_the_line_that_matters_first() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    for width in (50, 60, 75, 110):
        lines = [line.plain for line in failure_text(plan, known_failure(), width)]
        assert all(cell_len(line) <= width for line in lines)
        text = " ".join(" ".join(lines).split())
        assert text.startswith("curl error 6 while downloading")
        order = [
            "exit code 124",
            "The servers do not answer.",
            "Wait until",
            "$ timeout 300",
            "--no-dev",
            "Downloading a",
        ]
        assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
        assert "\x1b" not in text
        assert sum(line.count("x") for line in lines[-8:]) >= 200, "no character of the output is lost"


def test_a_failure_that_nobody_knows_still_says_what_happened() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    text = "\n".join(line.plain for line in failure_text(plan, StepState("fetch", "Fetch"), 75))
    assert "It did not say why." in text
    assert "git" in text, "the step's own command"
    assert "Step " in failure_title(plan, StepState("fetch", "Fetch")).plain
    assert "A step failed: gone" in failure_title(plan, StepState("gone")).plain


def test_only_a_bare_exit_code_is_not_said_twice() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    bare = "\n".join(line.plain for line in failure_text(plan, known_failure(), 75))
    assert "expected was" not in bare
    refused = replace(
        known_failure(),
        message="The command ended with exit code 0, but its output says that it failed: Cancelled",
    )
    assert "says that it failed: Cancelled" in "\n".join(
        line.plain for line in failure_text(plan, refused, 110)
    )


def test_every_answer_says_what_it_does() -> None:
    choices = (
        Choice("retry", "run the step again"),
        Choice("stop", "leave it as it is, maintenance mode on; resume or roll back later"),
    )
    for width in (40, 77, 110):
        rows = choice_rows(choices, width)
        assert [row.id for row in rows] == ["retry", "stop"]
        assert all(cell_len(line.plain) <= width for row in rows for line in row.lines)
        text = " ".join(" ".join(line.plain for row in rows for line in row.lines).split())
        assert (
            text
            == "Try again Run the step again. Stop here Leave it as it is, maintenance mode on; resume or roll back later."
        )


def test_only_what_goes_further_than_the_step_is_asked_twice() -> None:
    plan, known = samples.plan(samples.facts(), "7.1.0"), known_failure()
    for decision, twice in (
        ("retry", False),
        ("stop", False),
        ("remedy", True),
        ("skip", True),
        ("rollback", True),
    ):
        assert (confirmation(decision, plan, known, "what it means") is not None) is twice
    title, lines = confirmation("remedy", plan, known, "") or ("", [])
    assert title == "Apply the remedy?"
    assert any("timeout 300 wait-for it" in str(line) for line in lines)


# The screen ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_failure_is_explained_and_the_remedy_shows_its_command(
    bench: Bench, size: tuple[int, int]
) -> None:
    async def main() -> None:
        run = failing(bench, says=NO_NETWORK)
        async with driving(opened(bench), Session(run=run), size=size) as drive:
            await asked(drive)
            await drive.until_text("curl error 6 while downloading")  # once all is laid out for its width
            await drive.until_text("Cause")
            text = drive.text()
            assert "✗ Step 2 of 3 failed: Install the packages" in text
            assert "exit code 100" in text
            assert "> Apply the remedy" in text
            assert "Stopped now:" in text
            await drive.press("enter")
            await drive.until_text("Apply the remedy?")
            assert "ls-remote --quiet origin HEAD" in drive.text()
            await drive.press("n")
            await asked(drive)
            (bench.instance / "mended").touch()
            await choose(drive, "Try again")
            await ended(drive, "done")
        assert bench.lines("log") == ["mended", "third"]

    asyncio.run(main())


def test_a_step_may_be_left_out_where_the_plan_allows_it(bench: Bench) -> None:
    async def main() -> None:
        run = failing(bench, skippable=True)
        async with driving(opened(bench), Session(run=run)) as drive:
            await asked(drive)
            await choose(drive, "Leave it out")
            await drive.until_text("Leave this step out?")
            await drive.press("enter")
            assert "Leave this step out?" in drive.text(), "Enter pressed too often changes nothing"
            await drive.press("y")
            await ended(drive, "done-with-warnings")
        assert statuses(run.state())["composer-install"] == "skipped"

    asyncio.run(main())


def test_it_is_rolled_back_after_a_second_word(bench: Bench) -> None:
    async def main() -> None:
        run = failing(bench)
        async with driving(opened(bench), Session(run=run)) as drive:
            await asked(drive)
            assert "Leave it out" not in drive.text()
            await choose(drive, "Roll back")
            await drive.until_text("Roll back to 1?")
            assert "from the proven backup" in drive.text()
            assert f"Type {bench.instance.name} and press Enter" in drive.text()
            await drive.type("yes")
            await drive.until_text(f"That is not {bench.instance.name}.")
            await drive.press("home", "ctrl+k")
            await drive.type(bench.instance.name)
            await ended(drive, "rolled-back")
        assert bench.lines("undone") == ["composer-install", "first"]

    asyncio.run(main())


def test_it_is_left_as_it_is(bench: Bench) -> None:
    async def main() -> None:
        run = failing(bench)
        async with driving(opened(bench), Session(run=run)) as drive:
            await asked(drive)
            await choose(drive, "Stop here")
            await ended(drive, "stopped")
            await drive.until_stage("done")

    asyncio.run(main())


def test_an_answer_of_somebody_else_is_told_and_the_screen_goes_on(bench: Bench) -> None:
    async def main() -> None:
        run = failing(bench)
        async with driving(opened(bench), Session(run=run)) as drive:
            await asked(drive)
            (bench.instance / "mended").touch()
            await choose(drive, "Roll back")
            await drive.until_text("Roll back to 1?")
            answer(run, "retry")
            await ended(drive, "done")
            await drive.type(bench.instance.name)  # too late: the question is over
            await drive.until(lambda: drive.wizard.stage == "verify")
            told = [one.message for one in drive.wizard._notifications]
            assert told[-1] == "Somebody else has answered meanwhile."
            assert any(text.endswith("has answered: Try again.") for text in told)
        assert run.state().outcome == "done"

    asyncio.run(main())


def test_a_second_failure_is_a_new_question(bench: Bench) -> None:
    async def main() -> None:
        run = failing(bench)
        async with driving(opened(bench), Session(run=run)) as drive:
            await asked(drive)
            await choose(drive, "Try again")
            await drive.until_text("attempt 2")
            await asked(drive)
            (bench.instance / "mended").touch()
            await choose(drive, "Try again")
            await ended(drive, "done")

    asyncio.run(main())


def test_output_command_and_steps_can_be_looked_at_from_here(bench: Bench) -> None:
    async def main() -> None:
        run = failing(bench)
        async with driving(opened(bench), Session(run=run)) as drive:
            await asked(drive)
            await drive.press("c")
            assert "seq 1 30" in drive.wizard.clipboard
            await drive.press("o")
            await drive.until_text("100 % of")
            assert "something broke" in drive.text()
            assert "The run waits for an answer." in drive.text()
            await drive.press("escape")
            await asked(drive)
            await drive.press("w")
            await drive.until_stage("run")
            assert re.search(r"✗ +2 Install the packages +FAILED", drive.text())
            await drive.press("w")
            await asked(drive)

    asyncio.run(main())


def test_a_runner_that_is_gone_is_told_and_asks_again(bench: Bench) -> None:
    async def main() -> None:
        run = failing(bench)
        async with driving(opened(bench), Session(run=run)) as drive:
            await asked(drive)
            kill(run)
            await drive.until_text("is gone without a word")
            assert "How shall it go on?" not in drive.text()
            await drive.press("g")
            await asked(drive)
            (bench.instance / "mended").touch()
            await choose(drive, "Try again")
            await ended(drive, "done")

    asyncio.run(main())
