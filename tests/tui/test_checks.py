"""The screen of the checks: each warning read by itself, blockers accepted by name, remedies run, everything looked at again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.controller import Controller, Prospect
from dfwizard.demo import open_sandbox
from dfwizard.planning.checklist import ChecklistItem
from dfwizard.planning.findings import Finding, Severity
from dfwizard.tui.screens.base import StageScreen
from dfwizard.tui.screens.checks_rows import (
    Checked,
    Said,
    carried,
    finding_lines,
    item_key,
    item_lines,
    rows,
    summary,
)
from dfwizard.tui.screens.dialogs import ConfirmDialog, MessageDialog
from dfwizard.tui.session import Session
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.unit import samples

LOCK = Finding(
    "git-lock",
    Severity.BLOCKER,
    "git's lock stands",
    ("one.lock",),
    "Git refuses.",
    "Remove it.",
    "rm -- one.lock",
)
OTHER_LOCK = replace(LOCK, evidence=("two.lock",), command="rm -- two.lock")
PHP = Finding(
    "php-window", Severity.BLOCKER, "PHP does not fit", ("8.1.27",), "Code and PHP must fit.", acceptable=True
)
CHANGES = Finding(
    "local-changes", Severity.WARNING, "2 files changed", ("a\x1b[2J", "b"), "They go into a stash."
)
PENDING = Finding("pending", Severity.WARNING, "2 migrations never ran")
NOTE = Finding("note", Severity.INFO, "A note")
CRON = Finding("checklist-cron", Severity.INFO, "Crontabs mention the instance")
FINE = Finding("version", Severity.OK, "It runs 6.3.0")
STAGING = ChecklistItem("staging", "Try it on a staging server", (), by_hand=True)
SAVED = ChecklistItem("env", "Back up .env", ("a step",), by_hand=False)


def texts(checked: Checked, said: Said = Said(), *, unfolded: bool = False) -> list[str]:  # noqa: B008
    """Give the rows of the list as they are read."""
    return [row.lines[0].plain.strip() for row in rows(checked, said, width=76, unfolded=unfolded)]


def test_findings_are_ordered_and_each_is_itself() -> None:
    """Several findings of one id are told apart; those that passed are one row until they are unfolded."""
    checked = Checked.of((FINE, NOTE, CHANGES, LOCK, OTHER_LOCK))
    assert list(checked.findings) == ["git-lock", "git-lock#2", "local-changes", "note", "version"]
    assert checked.findings["git-lock#2"] is OTHER_LOCK
    assert "It runs 6.3.0" not in "\n".join(texts(checked))
    assert "It runs 6.3.0" in "\n".join(texts(checked, unfolded=True))
    ids = [row.id for row in rows(checked, Said(), width=76, unfolded=True)]
    assert len(ids) == len(set(ids))


def test_what_keeps_the_upgrade_from_beginning() -> None:
    """A blocker counts until it is accepted and can be; a warning until it was read; the checklist only reminds."""
    checked = Checked.of((LOCK, PHP, CHANGES, PENDING), (STAGING, SAVED))
    assert summary(checked, Said()).plain == "To do first: 2 blockers, 2 warnings to read. Checklist: 1 open."
    said = Said(frozenset({"local-changes", "pending"}), frozenset({"git-lock", "php-window"}))
    assert checked.standing(said) == ["git-lock"]
    assert summary(checked, said).plain == "To do first: 1 blocker. Checklist: 1 open."
    said = replace(said, acknowledged=said.acknowledged | {item_key(STAGING)})
    assert (
        summary(Checked.of((PHP, CHANGES), (STAGING,)), said).plain
        == "✓ Nothing stands in the way: n goes on."
    )


def test_only_what_was_said_of_the_very_same_finding_still_holds() -> None:
    """A warning that looks otherwise now is to be read again; what was accepted elsewhere and ticked off stays."""
    said = Said(
        frozenset({"local-changes", "pending", item_key(STAGING)}),
        frozenset({"php-window", "unfinished-run"}),
    )
    changed = replace(CHANGES, evidence=("a", "b", "c"))
    assert carried((PHP, CHANGES, PENDING), (PHP, changed, PENDING), said) == Said(
        frozenset({"pending", item_key(STAGING)}), frozenset({"php-window", "unfinished-run"})
    )
    worse = replace(PHP, evidence=("7.4",))
    assert "php-window" not in carried((PHP,), (worse,), said).accepted


def test_the_checklist_takes_the_place_of_its_notes() -> None:
    """What the checklist shows is no note as well; without a checklist nothing is left out."""
    assert CRON.title not in "\n".join(texts(Checked.of((CRON,), (STAGING,))))
    assert CRON.title in "\n".join(texts(Checked.of((CRON,))))


def test_the_detail_tells_all_and_what_can_be_done() -> None:
    """Evidence is made harmless; each kind of finding says its keys."""
    lines = "\n".join(line.plain for line in finding_lines("local-changes", CHANGES, Said(), width=60))
    assert "\x1b" not in lines
    assert "Space: I have read this." in lines
    lines = "\n".join(line.plain for line in finding_lines("git-lock", LOCK, Said(), width=60))
    assert "$ rm -- one.lock" in lines
    assert "cannot be overridden" in lines
    accepted = Said(accepted=frozenset({"php-window"}))
    assert "upon your own responsibility" in finding_lines("php-window", PHP, accepted, width=90)[-1].plain
    assert "nothing about it" in item_lines(STAGING, Said(), width=60)[1].plain


def prospect(*findings: Finding) -> Prospect:
    """Give an upgrade with these findings."""
    found = samples.facts()
    return Prospect(found, samples.plan(found, "7.1.0"), findings)


def session_of(found: Prospect) -> Session:
    """Give a visit that has come as far as the checks."""
    return Session(path=found.facts.path, target="7.1.0", facts=found.facts, prospect=found)


def top(drive: Drive) -> StageScreen:
    """Give the stage's screen."""
    assert isinstance(drive.wizard.screen, StageScreen)
    return drive.wizard.screen


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_way_to_the_backup_opens_finding_by_finding(tmp_path: Path, size: tuple[int, int]) -> None:
    """Two warnings are read one by one and a blocker is accepted by name: only then `n` works."""

    async def main() -> None:
        session = session_of(prospect(FINE, PHP, CHANGES, PENDING))
        async with driving(Controller(state=tmp_path), session, start="checks", size=size) as drive:
            await drive.until_stage("checks")
            await drive.until_text("1 blocker, 2 warnings to read")
            await drive.press("n")
            await drive.until_text("Before it goes on: 1 blocker to mend or accept, 2 warnings to read.")
            assert "m Remedy" not in drive.text()
            await drive.press("space")
            assert drive.wizard.stage == "checks"
            assert not session.acknowledged
            await drive.press("a")
            await drive.until(lambda: isinstance(drive.wizard.screen, ConfirmDialog))
            assert "Code and PHP must fit." in drive.text()
            await drive.press("enter", "n")
            assert not session.accepted
            await drive.press("a", "y")
            await drive.until_text("! accepted PHP does not fit")
            await drive.press("down", "space")
            assert session.acknowledged == {"local-changes"}
            await drive.until_text("> [ ] ! warning  2 migrations never ran")
            await drive.press("n")
            await drive.until_text("Before it goes on: 1 warning to read.")
            await drive.press("enter")
            assert session.acknowledged == {"local-changes", "pending"}
            await drive.until_text("Nothing stands in the way")
            await drive.press("a", "n")
            await drive.until_stage("backup")

    asyncio.run(main())


def test_an_instance_that_has_gone_is_told_and_nothing_is_forgotten(tmp_path: Path) -> None:
    """Looking again fails in words; what was found and said before stays on the screen."""

    async def main() -> None:
        found = prospect(PHP, CHANGES)
        gone = replace(found, facts=replace(found.facts, path=str(tmp_path / "gone")))
        session = session_of(gone)
        async with driving(Controller(state=tmp_path), session, start="checks") as drive:
            await drive.until_stage("checks")
            await drive.press("down", "space", "r")
            await drive.until(lambda: isinstance(drive.wizard.screen, MessageDialog))
            assert "gone" in drive.text()
            await drive.press("enter")
            await drive.until_text("[x] ! warning  2 files changed")
            assert session.prospect is gone

    asyncio.run(main())


def test_without_a_plan_the_screen_says_where_to_go(tmp_path: Path) -> None:
    """Nothing is checked before a release was chosen."""

    async def main() -> None:
        async with driving(Controller(state=tmp_path), start="checks") as drive:
            await drive.until_text("There is nothing to check yet")
            await drive.press("n")
            await drive.until_text("there is nothing to go on with")
            assert drive.wizard.stage == "checks"

    asyncio.run(main())


def test_a_remedy_is_shown_run_and_the_checks_are_repeated() -> None:
    """A lock that git left behind blocks; `m` shows the exact command, `y` runs it, and the blocker is gone."""

    async def main() -> None:
        with open_sandbox("smooth", speed=0) as sandbox:
            lock = sandbox.instance / ".git" / "index.lock"
            lock.touch()
            controller = sandbox.controller()
            session = Session(path=sandbox.path, target="7.1.0")
            async with driving(controller, session, start="checks", size=WIDE) as drive:
                await drive.until_text("✗ blocker  git's lock stands")
                await drive.press("m")
                await drive.until(lambda: isinstance(drive.wizard.screen, ConfirmDialog))
                asked = drive.text()
                assert "rm --" in asked
                assert f"as account   {controller.host.user}" in asked
                assert lock.exists()
                await drive.press("y")
                await drive.until_text("✓ remedy")
                await drive.until(lambda: drive.idle() and not lock.exists())
                await drive.until_text("[exit code 0]")
                assert "git's lock stands" not in drive.text()
                assert "but by the remedies that you ran" in drive.text()

    asyncio.run(main())
