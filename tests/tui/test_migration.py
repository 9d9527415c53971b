"""The screens of a migration by keys alone: two servers chosen, their .env gone through, the checks read, the run seen to its end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from dfwizard.cli.plain import run_plain
from dfwizard.demo.content import DATABASE
from dfwizard.instance import dotenv
from dfwizard.tui import undertaking
from dfwizard.tui.session import Session
from dfwizard.tui.widgets.rowlist import RowList
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.tui.two_instances import KEY, Two, two_instances
from tests.tui.walking import picture

SECRETS = ("SG.a-key-of-the-source", "ghp_of-the-source", KEY.removeprefix("base64:"), "demo mail password")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Both installations, for all tests that change nothing."""
    with two_instances(tmp_path_factory.mktemp("two")) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Two]:
    """Both installations, for one test that migrates."""
    with two_instances(tmp_path) as made:
        yield made


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def chosen(two: Two) -> Session:
    """Give a visit whose two ends are chosen."""
    session = Session()
    undertaking.begin_migration(session, two.source.path)
    session.path = two.target.path
    return session


async def until_words(drive: Drive, words: str) -> None:
    """Wait for words, which may be wrapped."""
    await drive.until(lambda: words in " ".join(drive.text().split()), f"the words {words!r}")


async def compared(drive: Drive) -> None:
    """Wait until both ends were looked at and compared."""
    await drive.until_text("6.3.0 → 7.1.0")
    await drive.until_stage("migration")


async def to_row(drive: Drive, row: str) -> None:
    """Put the cursor on a row by the arrow keys."""
    rows = drive.wizard.screen.query_one(RowList)
    ids = [one.id for one in rows.rows]
    assert row in ids, ids
    while rows.current != row:
        await drive.press("down" if ids.index(row) > ids.index(rows.current or ids[0]) else "up")


async def typed(drive: Drive, path: str) -> None:
    """Type a path into the dialog that asks for one."""
    await drive.until(lambda: isinstance(drive.wizard.focused, Input), "the field")
    await drive.type(path)


async def other_path(drive: Drive, side: str, path: str) -> None:
    """Choose an end by its path, here a link to it."""
    await drive.press(side)
    await drive.until(lambda: drive.wizard.screen.is_modal and drive.idle(), "the instances")
    await to_row(drive, "other")
    await drive.press("enter")
    await typed(drive, path)
    await drive.until(lambda: not drive.wizard.screen.is_modal, "the path to be looked at")


def test_both_ends_are_chosen_by_keys_and_what_is_no_pair_is_refused_in_words(two: Two) -> None:
    async def drive_it() -> None:
        async with driving(two.target.controller(), size=WIDE) as drive:
            await drive.until_stage("instance")
            await drive.until_text("Migrate to another server")
            await drive.press("m")
            await drive.until_stage("migration")
            assert "Not chosen yet: s chooses it." in drive.text()
            assert "The source is only read." in drive.text()
            await other_path(drive, "s", two.old)
            await other_path(drive, "t", two.old)
            await until_words(drive, "source and target are one instance")
            await drive.press("n")
            assert drive.wizard.stage == "migration", "one instance is no pair"
            await other_path(drive, "t", two.new)
            await compared(drive)
            text = drive.text()
            assert "release   6.3.0" in text
            assert "release   7.1.0" in text
            assert "14 users, 12 services" in text
            await drive.press("w")
            await until_words(drive, "which is older than the source's")
            await drive.press("n")
            await until_words(drive, "These two are no pair:")
            assert drive.wizard.stage == "migration"

    run(drive_it())


def test_a_path_without_dreamfactory_is_refused_where_it_was_typed(two: Two, tmp_path: Path) -> None:
    async def drive_it() -> None:
        async with driving(two.target.controller(), Session(), start="migration", size=NARROW) as drive:
            await drive.until_stage("migration")
            await drive.press("enter")
            await drive.until(lambda: drive.wizard.screen.is_modal and drive.idle(), "the instances")
            await to_row(drive, "other")
            await drive.press("enter")
            await typed(drive, str(tmp_path))
            await until_words(drive, "no DreamFactory")
            await drive.press("escape")
            await drive.until(lambda: not drive.wizard.screen.is_modal, "the two ends")
            assert "Not chosen yet" in drive.text()
            await drive.press("escape")
            await drive.until_stage("instance")
            assert drive.wizard.session.carrying is None

    run(drive_it())


async def _through_the_keys(drive: Drive, two: Two) -> None:
    await compared(drive)
    await drive.press("n")
    await drive.until_stage("carry")
    seen = [drive.text()]

    async def see(*keys: str) -> str:
        await drive.press(*keys)
        await drive.pilot.pause()
        seen.append(drive.text())
        return seen[-1]

    await to_row(drive, "key:APP_KEY")
    assert "is locked: The stored credentials" in await see("k")
    assert drive.wizard.session.carrying is not None
    assert not drive.wizard.session.carrying.chosen

    await to_row(drive, "key:MAIL_FROM_ADDRESS")
    before = await see()
    assert "keep" in before
    assert "there is nothing to carry over" in await see("c")
    await see("x")
    assert "* MAIL_FROM_ADDRESS" in await see()
    assert "not set" in drive.text()
    await see("r")
    assert "* MAIL_FROM_ADDRESS" not in await see()
    await see("e")
    await typed(drive, "me@example.com")
    await drive.until_text("me@example.com")

    await to_row(drive, "key:DB_DATABASE")
    assert "Other database credentials" in await see("c")
    await see("n")
    assert "DB_DATABASE" not in drive.wizard.session.carrying.chosen
    await see("c", "y")
    assert "DB_DATABASE" in drive.wizard.session.carrying.carry

    await to_row(drive, "key:GITHUB_TOKEN")
    assert "the source's secret" in await see()
    await see("e")
    await typed(drive, "ghp_of-my-own")
    await drive.until_text("a secret of your own")
    seen.append(drive.text())
    await drive.press("o")
    await drive.until_text("MAIL_PASSWORD")
    seen.append(drive.text())
    assert not [one for one in (*SECRETS, "ghp_of-my-own") for text in seen if one in text]
    assert "Show secret values?" in await see("v")
    await drive.press("y")
    await drive.until_text("ghp_of-the-source")
    assert "ghp_of-my-own" in drive.text()
    await drive.press("down", "up")
    await drive.until(lambda: "ghp_of-the-source" not in drive.text(), "the secret to be hidden again")


def test_the_keys_are_gone_through_and_no_secret_shows_unasked(two: Two) -> None:
    async def drive_it() -> None:
        async with driving(two.target.controller(), chosen(two), start="migration", size=WIDE) as drive:
            await drive.until_stage("migration")
            await _through_the_keys(drive, two)
            await drive.press("n")
            await drive.until_stage("checks")
            await drive.until_text("── dotenv-database ─")
            await drive.press("escape")
            await drive.until_stage("carry")
            assert "* DB_DATABASE" in drive.text(), "what was chosen stays chosen"

    run(drive_it())


def test_sixty_columns_and_eighteen_rows_are_enough(two: Two) -> None:
    async def drive_it() -> None:
        async with driving(two.target.controller(), chosen(two), start="migration", size=(60, 18)) as drive:
            await drive.until_stage("migration")
            await compared(drive)
            assert "From: the source" in drive.text()
            assert "To: the target" in drive.text()
            await drive.press("n")
            await drive.until_stage("carry")
            await to_row(drive, "key:DB_DATABASE")
            assert "> " in drive.text()
            assert "source" in drive.text()
            await drive.press("question_mark")
            await drive.until_text("Help: Carry over")

    run(drive_it())


class Answers:
    """Stands where the person types: each answer is chosen by words among what was printed since the last one, or typed as it is.

    One with a star is given as often as it is offered.
    """

    def __init__(self, capture: pytest.CaptureFixture[str], answers: list[str]) -> None:
        self._capture, self._answers = capture, answers
        self.said: list[str] = []

    def readline(self) -> str:
        self.said.append(self._capture.readouterr().out)
        if not self._answers:
            return ""
        last = self.said[-1]
        if self._answers[0].startswith("*") and self._answers[0][1:] not in last:
            self._answers.pop(0)
        wanted = self._answers[0].removeprefix("*")
        if not self._answers[0].startswith("*"):
            self._answers.pop(0)
        found = re.search(rf"^ *(\d+)\. {re.escape(wanted)}", last, re.MULTILINE)
        assert found or not last.rstrip().endswith("]:"), f"{wanted!r} is not offered:\n{last}"
        return f"{found[1] if found else wanted}\n"


def test_the_same_road_line_by_line(
    two: Two, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = Answers(
        capsys,
        [
            "migrate from one server to another",
            *("another path", two.old),
            *("another path", two.new),
            *("choose otherwise for a key", "APP_KEY"),
            *("choose otherwise for a key", "MAIL_FROM_ADDRESS", "another value", "me@example.com"),
            *("choose otherwise for a key", "DB_DATABASE", "carry the source's value over", "no"),
            *("files beside .env", "[x] storage/app", "done"),
            "go on: the checks",
            "*I have read this: go on",
            *("start the migration", "no"),
            "quit; nothing was changed",
        ],
    )
    monkeypatch.setattr("sys.stdin", answers)

    assert run_plain(two.target.controller()) == 0

    said = " ".join(" ".join(answers.said).split())
    assert "APP_KEY cannot be chosen otherwise" in said
    assert "me@example.com" in said
    assert "belongs to the target's own database credentials" in said
    assert "[ ] storage/app" in said
    assert "Replace the database of" in said
    assert not [secret for secret in SECRETS if secret in said]
    assert not two.target.controller().store.list()


def test_a_migration_by_keys_to_its_end(own: Two) -> None:
    source = picture(own.source.instance)

    async def drive_it() -> None:
        async with driving(own.target.controller(), chosen(own), start="migration", size=NARROW) as drive:
            await drive.until_stage("migration")
            await compared(drive)
            await drive.press("n")
            await drive.until_stage("carry")
            await drive.press("n")
            await drive.until_stage("checks")
            while "to read" in drive.text():
                await drive.press("space")
            await drive.press("n")
            await drive.until_stage("backup")
            await drive.until_text("What is saved of the target before anything changes")
            await drive.press("enter")
            await drive.until_text("Start the migration?")
            await drive.press("enter")
            assert drive.wizard.session.run is None, "Enter alone must not start"
            await drive.press("y")
            await drive.until(lambda: drive.wizard.feed is not None, "the run")
            await drive.until_text("Migration 6.3.0 → 7.1.0")
            await drive.until_stage("verify")
            await drive.until_text("The migration is over")
            await drive.press("n")
            await drive.until_stage("done")
            await until_words(drive, "has what the source had, on 7.1.0")
            await drive.press("x")
            await drive.until_stage("rollback")
            await until_words(drive, "Take the migration of")
            await drive.press("escape")
            await drive.until_stage("verify")

    async def look_back() -> None:
        async with driving(own.target.controller(), size=WIDE) as drive:
            await drive.until_stage("instance")
            await drive.until_text("Earlier runs")
            assert "migration of /" in drive.text()
            await drive.press("h")
            await drive.until_stage("history")
            assert "migration of /" in drive.text()
            await drive.press("x")
            await drive.until_stage("rollback")
            await until_words(drive, "Take the migration of")

    run(drive_it())
    run(look_back())
    after = dotenv.parse((own.target.instance / ".env").read_bytes()).values
    before = dotenv.parse((own.source.instance / ".env").read_bytes()).values
    assert after["APP_KEY"] == before["APP_KEY"]
    assert after["DB_DATABASE"] == str(own.target.instance / DATABASE)
    assert picture(own.source.instance) == source, "the source is only read"
