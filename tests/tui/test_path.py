"""The path screen: the releases, the road with its gates and needs, the plan, and what is in the way of one."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from dfwizard.controller import Controller
from dfwizard.demo import Sandbox, open_sandbox
from dfwizard.errors import UsageError
from dfwizard.planning.choices import choices
from dfwizard.planning.needs import legs, needs
from dfwizard.planning.plan import Hop
from dfwizard.planning.road import USUAL, Course
from dfwizard.reports.commands import shown
from dfwizard.reports.plan_saved import save_plan
from dfwizard.tui.screens.path_road import drawn
from dfwizard.tui.screens.path_rows import course_lines, offered, release_rows, road_lines, step_lines
from dfwizard.tui.session import Session
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.tui.told_runs import told
from tests.unit import samples


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A small real installation; nothing here changes it."""
    with open_sandbox("smooth", speed=0) as built:
        yield built


def rows_of(release: str, php: str = "8.1.27", *, every: bool = False) -> list[str]:
    """Give the list's rows as text."""
    found = choices(samples.facts(release, php), samples.RULES)
    rows = release_rows(offered(found, every=every), "", php[:3], 80)
    return [line.plain for row in rows for line in row.lines]


# What is written ---------------------------------------------------------------------------------------------------


def test_the_list_holds_the_newest_of_each_major_and_says_whose_php_is_missing() -> None:
    rows = rows_of("4.14.1")
    assert [row.split()[1] for row in rows] == ["7.7.0", "6.3.0", "5.4.1"]
    assert "PHP 8.3-8.5 NOT MET, 3 legs" in rows[0]
    assert [row[0] for row in rows] == ["✗", "✓", "✓"]
    # 8.3 runs the release itself, and not what has to be passed through on the way to it.
    assert "another ON THE WAY" in rows_of("4.14.1", "8.3.1")[0]


def test_a_refused_release_says_why() -> None:
    [row] = [row for row in rows_of("4.14.1", every=True) if " 7.0.0 " in row]
    assert "not offered: 7.0.0 is never installed" in row


def test_the_road_names_its_gates_needs_and_notes() -> None:
    found = samples.facts("4.14.1")
    newest = choices(found, samples.RULES)[0]
    hops = legs(samples.RULES, "4.14.1", newest)
    assert drawn(hops, 78).plain == "4.14.1 ──▶ 5.4.1 ─┃gate┃─▶ 6.3.0 ─┃gate┃─▶ 7.7.0"
    needed = needs(found, samples.RULES, hops, None)
    met = {need.what: need.met for need in needed}
    assert met == {
        "PHP 8.1 for 5.4.1 and 6.3.0": True,
        "PHP 8.3 to 8.5 for 7.7.0": False,
        "Composer >=2 for 5.4.1 and 6.3.0": True,
        "Composer >=2.2 for 7.7.0": True,
        "PHP extensions": None,
    }
    ways = course_lines(newest, USUAL, True, 78)
    text = "\n".join(line.plain for line in road_lines(hops, needed, ways, [(), (), ("it breaks",)], 78))
    for part in ("NOT MET, command line 8.1.27", "run php artisan migrate --seed", "! Breaking: it breaks"):
        assert part in text
    for part in (
        "The stop at 5.4.1 and at 6.3.0 can be left out. d: the direct road",
        "w: have the run wait",
    ):
        assert part in text


def test_a_chosen_course_is_drawn_and_can_be_left_again() -> None:
    found = samples.facts("4.14.1", php="7.4.33")
    newest = choices(found, samples.RULES)[0]
    direct = legs(samples.RULES, "4.14.1", newest, direct=True)
    assert drawn(direct, 78).plain == "4.14.1 ──▶ 7.7.0"
    gated = (replace(direct[0], gate=("8.3", "8.4")),)
    assert drawn(gated, 78).plain == "4.14.1 ─┃PHP 8.3┃─▶ 7.7.0"
    both = course_lines(newest, Course(direct=True, gates=True), False, 78)
    text = "\n".join(line.plain for line in both)
    assert "d: over the guide's stops" in text
    assert "w: without waiting" in text
    assert course_lines(replace(newest, direct=()), USUAL, False, 78) == []


def test_the_legs_are_those_of_the_plan() -> None:
    found = samples.facts("4.14.1")
    plan = samples.plan(found, "6.3.0")
    [choice] = [one for one in choices(found, samples.RULES) if one.tag == "6.3.0"]
    known = [replace(hop, php=()) for hop in legs(samples.RULES, "4.14.1", choice)]
    assert known == [replace(hop, php=()) for hop in plan.hops]


def test_a_composer_that_is_missing_or_too_old_is_not_met() -> None:
    newest = choices(samples.facts(), samples.RULES)[0]
    hops = legs(samples.RULES, "6.3.0", newest)
    for there in (None, "1.10.27"):
        found = needs(samples.facts(composer=there), samples.RULES, hops, None)
        assert [need.met for need in found if "Composer" in need.what] == [False]


@given(st.integers(1, 9), st.integers(30, 120))
def test_the_drawn_road_stays_within_its_width(number: int, width: int) -> None:
    hops = [Hop(f"{index}.0.0", f"{index + 1}.0.0", "", (), "") for index in range(number)]
    lines = drawn(hops, width).plain.splitlines()
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "").count("gate") == number - 1


def test_each_step_shows_its_commands() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    lines = [line.plain for line in step_lines(plan, 76)]
    assert sum(line[:4].strip().rstrip(".").isdigit() for line in lines) == len(plan.steps)
    assert any("artisan down" in line for line in lines)


def test_nothing_of_a_command_is_out_of_sight() -> None:
    """A path or a quoted script wider than the pane goes on in the next line."""
    plan = samples.plan(samples.facts(), "7.1.0")
    lines = [line.plain for line in step_lines(plan, 30)]
    assert max(len(line) for line in lines) <= 30
    bare = str.maketrans("", "", " \\\n")
    whole = "".join(lines).translate(bare)
    commands = [command for step in plan.steps for command in shown(step, me=plan.me)]
    assert max(len(word) for command in commands for word in command.split()) > 30
    assert all(command.translate(bare) in whole for command in commands)


def test_a_saved_plan_replaces_nothing_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    for name, mode, word in (
        ("a plan.SH", 0o700, "made"),
        ("-plan.md", 0o600, "# Upgrade"),
        ("p", 0o600, "Steps"),
    ):
        file = tmp_path / name
        assert save_plan(plan, str(file), script=lambda: "made\n") == str(file)
        assert stat.S_IMODE(file.stat().st_mode) == mode
        assert word in file.read_text()
        with pytest.raises(UsageError, match="something is there already"):
            save_plan(plan, str(file), script=lambda: "zzz")
        assert "zzz" not in file.read_text()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "", ".", "no/such/place.txt", "nul\0byte"):
        with pytest.raises(UsageError, match="Give another file name"):
            save_plan(plan, f"{tmp_path}/{name}", script=lambda: "x")
    assert not (tmp_path / "elsewhere").exists()


# What is walked ----------------------------------------------------------------------------------------------------


async def planned(drive: Drive, session: Session) -> None:
    """Plan the road to the release under the cursor."""
    await drive.press("enter")
    await drive.until(lambda: session.prospect is not None and drive.idle(), "the plan")


def test_a_road_is_chosen_planned_read_saved_and_gone(sandbox: Sandbox, tmp_path: Path) -> None:
    async def main() -> None:
        controller = sandbox.controller()
        session = Session(path=sandbox.path, facts=controller.inspect(sandbox.path))
        async with driving(controller, session, start="path", size=NARROW) as drive:
            await drive.until_stage("path")
            assert "6.3.0 ──▶ 7.7.0" in drive.text()
            assert "a: 17 more" in drive.text()
            await drive.press("n", "p", "s")
            assert "Needs" in drive.text()
            assert "n Checks" not in drive.text()
            await drive.press("a", "end", "up", "up")
            await drive.until_text("6.3.0 ──▶ 7.1.0")
            await planned(drive, session)
            assert session.target == "7.1.0"
            await drive.until_text("Steps (")
            assert "PLANNED" in drive.text()
            assert "n shows the checks" in drive.text()
            await drive.press("p")
            await drive.until_text("The plan: 6.3.0 → 7.1.0")
            await drive.press("f")
            await drive.type("migrate")
            await drive.until_text("line ")
            await drive.press("escape")
            await drive.until_stage("path")
            await drive.press("s")
            drive.wizard.screen.query_one(Input).value = str(tmp_path / "plan.md")
            await drive.press("enter")
            await drive.until_text("Saved")
            assert "plan.md" in drive.text()  # however long its path is
            assert (tmp_path / "plan.md").read_text().startswith("# Upgrade of")
            await drive.press("enter")
            await drive.until_stage("path")
            await drive.press("enter")
            await drive.until_stage("checks")

    asyncio.run(main())


def test_another_release_takes_the_place_of_the_planned_one(sandbox: Sandbox) -> None:
    async def main() -> None:
        controller = sandbox.controller()
        session = Session(path=sandbox.path, facts=controller.inspect(sandbox.path))
        session.acknowledged.add("read-of-another-plan")
        async with driving(controller, session, start="path", size=WIDE) as drive:
            await drive.until_stage("path")
            await drive.press("a", "end")
            await planned(drive, session)
            first = session.prospect
            await drive.press("up", "n")
            assert drive.wizard.stage == "path"
            await drive.press("enter")
            await drive.until(lambda: session.prospect not in (None, first) and drive.idle(), "the plan")
            assert session.target == "7.0.2"
            assert not session.acknowledged

    asyncio.run(main())


def test_a_run_between_two_states_is_in_the_way_in_words(tmp_path: Path) -> None:
    async def main() -> None:
        controller = Controller(state=tmp_path / "state")
        run = told(controller.store, done=9, outcome="failed")
        session = Session(path=samples.PATH, facts=samples.facts())
        async with driving(controller, session, start="path", size=NARROW) as drive:
            await drive.until_stage("path")
            await drive.press("enter")
            await drive.until_text("No plan to 7.7.0")
            assert f"dfwizard resume {run.id}" in drive.text()
            await drive.press("enter", "n")
            assert drive.wizard.stage == "path"
            assert session.prospect is None

    asyncio.run(main())


def test_a_refused_release_cannot_be_chosen(tmp_path: Path) -> None:
    async def main() -> None:
        session = Session(path=samples.PATH, facts=samples.facts("4.14.1"), target="7.0.0")
        async with driving(Controller(state=tmp_path), session, start="path", size=NARROW) as drive:
            await drive.until_stage("path")
            await drive.until_text("7.0.0 cannot be chosen")
            await drive.press("enter")
            await drive.until_text("Close")
            await drive.press("escape")
            assert session.prospect is None

    asyncio.run(main())


def test_the_admin_ui_is_asked_for_where_composer_brings_none(tmp_path: Path) -> None:
    async def main() -> None:
        session = Session(path=samples.PATH, facts=samples.facts("4.14.1"))
        async with driving(Controller(state=tmp_path), session, start="path", size=NARROW) as drive:
            await drive.until_stage("path")
            await drive.press("g")
            assert "release.zip of df-admin-interface. Give" not in drive.text()
            await drive.press("down", "g")
            await drive.until_text("outside of composer")
            await drive.type("a.zip")
            await drive.until(lambda: session.admin_ui == "a.zip")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("release", "words"),
    [("7.7.0", "there is nothing to upgrade to"), (None, "Without a known release no road can be planned")],
)
def test_where_there_is_no_road_it_says_why(tmp_path: Path, release: str | None, words: str) -> None:
    async def main() -> None:
        found = samples.facts("7.7.0", "8.3.1")
        found = replace(found, version=replace(found.version, release=release))
        session = Session(path=samples.PATH, facts=found)
        async with driving(Controller(state=tmp_path), session, start="path", size=NARROW) as drive:
            await drive.until_stage("path")
            await drive.until_text(words)
            await drive.press("enter", "n", "a", "g", "p", "s", "b")
            await drive.until_stage("detection")

    asyncio.run(main())
