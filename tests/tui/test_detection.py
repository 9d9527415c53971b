"""The detection screen: answers as they come, what is odd first, every sign of the version, and what to do when there is nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.controller import Controller
from dfwizard.demo import Sandbox, open_sandbox
from dfwizard.instance.facts import DirtyFile, Facts, KeyProof
from dfwizard.tui.screens.detection_answers import SUBJECTS, answer, heard, odd, values
from dfwizard.tui.screens.detection_rows import details, final_rows, live_rows
from dfwizard.tui.session import Session
from tests.tui.driving import NARROW, WIDE, driving
from tests.unit import samples


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A small real installation; nothing here changes it."""
    with open_sandbox("smooth", speed=0) as built:
        yield built


def shown(rows: object) -> list[str]:
    """Give rows as text."""
    return [line.plain for row in rows for line in row.lines]  # type: ignore[attr-defined]


def troubled() -> Facts:
    """Facts of an instance where several things are odd."""
    found = samples.facts()
    assert found.database is not None
    assert found.git is not None
    return replace(
        found,
        version=replace(found.version, conflicts=("composer.lock says 6.2.1, the commit 6.3.0",)),
        database=replace(found.database, reachable=False, error="Connection refused"),
        key=KeyProof("wrong", 4),
        artisan=replace(found.artisan, maintenance=True),
        git=replace(found.git, dirty=(DirtyFile("artisan", " M"),)),
    )


def test_every_answer_of_the_inspection_has_its_line(sandbox: Sandbox) -> None:
    told: dict[str, object] = {}
    facts = sandbox.controller().inspect(
        sandbox.path, on_fact=lambda name, value: told.update(heard(name, value))
    )
    names = [name for name, _ in SUBJECTS]
    assert set(told) == set(names) - {"problems"}  # these are known at the end only
    whole = values(facts)
    assert set(whole) == set(names)
    assert {name: answer(name, whole[name]) for name in told} == {
        name: answer(name, value) for name, value in told.items()
    }


def test_while_it_looks_each_subject_says_so_until_its_answer_is_there() -> None:
    lines = shown(live_rows({"composer": "2.5.5"}, 78))
    assert [line for line in lines if "looking" not in line] == ["✓ Composer    2.5.5        "]
    assert len(lines) == len(SUBJECTS)


def test_what_is_odd_stands_first_and_says_so_in_words() -> None:
    found = troubled()
    said = {name: answer(name, value) for name, value in values(found).items()}
    assert odd(said) == ("database", "key", "version", "git", "maintenance")
    lines = shown(final_rows(values(found), 78))
    assert lines[0] == "Look at these (5)"
    assert [line.split()[0] for line in lines[1:6]] == ["✗", "✗", "!", "!", "!"]
    for word in ("NO ANSWER", "WRONG", "1 CONFLICT", "CHANGED", "ON"):
        assert any(word in line for line in lines[1:6]), word
    assert all(line.startswith("✓") for line in lines[7:])


def test_hostile_names_stay_in_their_line() -> None:
    found = samples.facts()
    assert found.git is not None
    nasty = "x\x1b[2J\ny\u202e[red]"
    evil = replace(
        found,
        git=replace(found.git, branch=nasty, dirty=(DirtyFile(nasty, " M"),)),
        problems=(nasty,),
        tree=replace(found.tree, crontabs=(nasty,), owner=nasty),
    )
    lines = shown(final_rows(values(evil), 78))
    for subject, _ in SUBJECTS:
        lines += details(subject, evil, 78)
    assert not [line for line in lines if {"\x1b", "\n", "\u202e"} & set(line)]
    assert any("[red]" in line for line in lines)


def test_it_looks_shows_the_evidence_and_goes_on(sandbox: Sandbox) -> None:
    async def main() -> None:
        session = Session(path=sandbox.path)
        async with driving(sandbox.controller(), session, start="detection", size=NARROW) as drive:
            await drive.until_stage("detection")
            assert session.facts is not None
            assert "nothing is odd" in drive.text()
            await drive.press("enter")
            await drive.until_text("composer.lock")
            assert "exact" in drive.text()
            await drive.press("escape", "n")
            await drive.until_stage("path")

    asyncio.run(main())


def test_details_stand_beside_where_there_is_room(tmp_path: Path) -> None:
    async def main() -> None:
        session = Session(path=samples.PATH, facts=troubled())
        async with driving(Controller(state=tmp_path), session, start="detection", size=WIDE) as drive:
            await drive.until_stage("detection")
            assert "reachable  NO: Connection refused" in drive.text()
            await drive.press("down")
            await drive.until_text("admin page")
            await drive.pilot.resize_terminal(*NARROW)
            await drive.until(lambda: "admin page" not in drive.text())

    asyncio.run(main())


def test_without_a_known_release_there_is_no_going_on(tmp_path: Path) -> None:
    async def main() -> None:
        found = samples.facts()
        found = replace(
            found, version=replace(found.version, release=None, because="no sign names a release")
        )
        session = Session(path=samples.PATH, facts=found)
        async with driving(Controller(state=tmp_path), session, start="detection", size=NARROW) as drive:
            await drive.until_stage("detection")
            assert "No road without a known release" in drive.text()
            await drive.press("n")
            assert drive.wizard.stage == "detection"

    asyncio.run(main())


def test_no_dreamfactory_is_said_with_a_way_back(tmp_path: Path) -> None:
    async def main() -> None:
        session = Session(path=str(tmp_path))
        async with driving(Controller(state=tmp_path), session, start="detection", size=NARROW) as drive:
            await drive.until_stage("detection")
            assert "no DreamFactory installation: it has no artisan" in " ".join(drive.text().split())
            assert "b: choose another place" in drive.text()
            await drive.press("n", "enter")
            assert drive.wizard.stage == "detection"
            (tmp_path / "artisan").touch()
            await drive.press("r")
            await drive.until_text("composer.json does")
            await drive.press("b")
            await drive.until_stage("instance")

    asyncio.run(main())


def test_another_php_and_address_are_asked_for_and_looked_at(sandbox: Sandbox) -> None:
    async def main() -> None:
        session = Session(path=sandbox.path)
        async with driving(sandbox.controller(), session, start="detection", size=NARROW) as drive:
            await drive.until_stage("detection")
            await drive.press("e")
            await drive.type("nix")
            await drive.until_text("Address of the instance")
            await drive.type("x")
            await drive.until_text("begins with http://")
            await drive.press("backspace", "enter")
            await drive.until_text("NOT FOUND")
            assert (session.php, session.url) == ("nix", None)

    asyncio.run(main())
