"""Another server from the first screen: typed or chosen, its key and its passwords asked in dialogs, given up at any moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from dfwizard.controller import Controller
from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.opening import Hosts
from dfwizard.hosts.prompts import Prompts, Question, UnknownKey
from dfwizard.tui.screens.dialogs import Dialog, MessageDialog
from dfwizard.tui.screens.instance import InstanceScreen
from dfwizard.tui.screens.prompt_dialogs import HostKeyDialog, SecretDialog
from dfwizard.tui.screens.server_dialog import ServerDialog
from dfwizard.tui.session import Session
from dfwizard.tui.widgets.bars import TitleBar
from tests.tui.driving import NARROW, WIDE, Drive, driving
from tests.tui.told_runs import told
from tests.unit.other_machine import NAME, OtherMachine

SHA256 = "SHA256:jKDxIVFhy3dYFXHzG0pPq3mXN5rLbYgBqyM4uE0gq1s"
PASSWORD = "correct horse"


@dataclass
class Door:
    """What a server asks before it lets one in, and what it was answered; `open` holds the way up until it is set."""

    password: str = PASSWORD
    open: threading.Event = field(default_factory=threading.Event)
    keys: list[bool] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open.set()

    def enter(self, prompts: Prompts) -> None:
        """Ask as a connection does, in the order of a first visit."""
        assert self.open.wait(30)
        self.threads.append(threading.current_thread().name)
        self.keys.append(
            prompts.accept_key(UnknownKey("other.example", "192.0.2.7:22", "ssh-ed25519", SHA256))
        )
        if not self.keys[-1]:
            raise HostError(
                "its key is not known here", where=NAME, remedy="Compare the key, then accept it."
            )
        again = False
        while self.answers[-1:] != [self.password]:
            question = Question("password", NAME, f"{NAME}'s password", "password", again=again)
            self.answers.append(prompts.secret(question))
            if self.answers[-1] is None:
                raise HostError("no password was given", where=NAME, remedy="Try again with it.")
            again = True
        prompts.secret(Question("sudo", NAME, "[sudo] password for admin", "sudo"))


class GuardedMachine(OtherMachine):
    """This machine under another name, behind a door."""

    def __init__(self, door: Door, prompts: Prompts) -> None:
        super().__init__()
        object.__setattr__(self, "_way", (door, prompts))

    @property
    def user(self) -> str:
        door, prompts = self._way  # type: ignore[attr-defined]
        if door.password not in door.answers:
            door.enter(prompts)
        return super().user


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    """Give the door, and an ssh_config and a state directory of the test."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(mode=0o700, parents=True)
    (home / ".ssh/config").write_text("Host db1 db2\n  User admin\nHost *.example\n  Port 2222\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(tmp_path / "state"))
    return Door()


def controller(door: Door) -> Controller:
    def opening(name: str, prompts: Prompts) -> Host:
        if name != NAME:
            raise HostError(f"{name} cannot be found", where=name, remedy="See whether the name is right.")
        return GuardedMachine(door, prompts)

    return Controller(hosts=Hosts(opening=opening))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def ready(drive: Drive, dialog: type[Dialog[Any]]) -> None:
    """Wait until a dialog is there, with its field ready where it has one."""
    await drive.until(lambda: isinstance(drive.wizard.screen, dialog), dialog.__name__)
    fields = drive.wizard.screen.query(Input)
    await drive.until(lambda: not fields or fields.first().has_focus, f"the field of {dialog.__name__}")
    await drive.pilot.pause()


async def type_server(drive: Drive, server: str) -> None:
    await drive.until_stage("instance")
    await drive.press("s")
    await ready(drive, ServerDialog)
    await drive.type(server)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_server_is_reached_through_its_questions_and_named_from_then_on(
    door: Door, size: tuple[int, int]
) -> None:
    async def main() -> None:
        session = Session()
        async with driving(controller(door), session, size=size) as drive:
            await type_server(drive, NAME)
            await ready(drive, HostKeyDialog)
            assert SHA256 in drive.text()
            await drive.press("enter")
            assert isinstance(drive.wizard.screen, HostKeyDialog), "Enter trusts nobody"
            await drive.press("y")
            await ready(drive, SecretDialog)
            await drive.type("wrong")
            await drive.until_text("not accepted")
            assert "wrong" not in drive.text()
            for character in PASSWORD:
                await drive.press("space" if character == " " else character)
            assert PASSWORD not in drive.text()
            await drive.press("enter")
            await drive.until_text("sudo")
            await drive.type("sudo's")
            await drive.until(lambda: session.host == NAME and drive.idle())
            await drive.until_text("Connected; commands run there as")
            text = drive.text()
            assert f"Instances on {NAME}" in text
            assert NAME in text.splitlines()[0]
            assert door.answers == ["wrong", PASSWORD]
            assert "MainThread" not in door.threads, "nobody waits in the app's own thread"
            await drive.press("l")
            await drive.until_text("Instances on this machine")
            assert session.host == ""
            assert NAME not in drive.text().splitlines()[0]

    run(main())


def test_what_goes_wrong_is_a_dialog_and_the_address_can_be_mended(door: Door) -> None:
    async def main() -> None:
        async with driving(controller(door)) as drive:
            await type_server(drive, "admin@nowhere.example")
            await drive.until(lambda: isinstance(drive.wizard.screen, MessageDialog))
            assert "cannot be found" in drive.text()
            assert "See whether the name is right." in drive.text()
            await drive.press("escape")
            await ready(drive, ServerDialog)
            assert drive.wizard.screen.query_one(Input).value == "admin@nowhere.example"
            drive.wizard.screen.query_one(Input).value = "admin@:x"
            await drive.press("enter")
            await drive.until(lambda: isinstance(drive.wizard.screen, MessageDialog))
            assert "no address" in drive.text()

    run(main())


def test_a_key_that_is_not_trusted_and_a_password_that_is_given_up_lead_nowhere(door: Door) -> None:
    async def main() -> None:
        async with driving(controller(door)) as drive:
            await type_server(drive, NAME)
            await ready(drive, HostKeyDialog)
            await drive.press("n")
            await drive.until_text("its key is not known here")
            assert door.answers == []
            await drive.press("escape", "enter")
            await ready(drive, HostKeyDialog)
            await drive.press("y")
            await ready(drive, SecretDialog)
            await drive.press("enter")
            await drive.until_text("Nothing was typed")
            await drive.press("escape")
            await drive.until_text("no password was given")
            assert drive.wizard.session.host == ""

    run(main())


def test_a_server_given_up_while_it_is_reached_asks_nothing_any_more(door: Door) -> None:
    async def main() -> None:
        door.open.clear()
        async with driving(controller(door)) as drive:
            await type_server(drive, NAME)
            await drive.until_text("Connecting to")
            await drive.press("escape")
            await drive.until(lambda: isinstance(drive.wizard.screen, InstanceScreen))
            door.open.set()
            await drive.until(drive.idle)
            assert isinstance(drive.wizard.screen, (InstanceScreen, MessageDialog))
            assert door.keys == [False]
            assert drive.wizard.session.host == ""

    run(main())


def test_a_dialog_that_is_taken_away_answers_no(door: Door) -> None:
    async def main() -> None:
        async with driving(controller(door)) as drive:
            await type_server(drive, NAME)
            await ready(drive, HostKeyDialog)
            drive.wizard.show("history")
            await drive.until(lambda: door.keys == [False])
            await drive.until_stage("history")

    run(main())


def test_known_servers_are_offered_completed_and_chosen(door: Door) -> None:
    async def main() -> None:
        opened = controller(door)
        told(opened.store, outcome="done", host=NAME)
        async with driving(opened) as drive:
            await drive.until_stage("instance")
            await drive.press("s")
            await ready(drive, ServerDialog)
            text = drive.text()
            assert "db1" in text
            assert "db2" in text
            assert NAME in text
            assert "*.example" not in text
            await drive.press("a", "d", "tab")
            field = drive.wizard.screen.query_one(Input)
            await drive.until(lambda: field.value == NAME)
            await drive.press("down", "end", "enter")
            await ready(drive, HostKeyDialog)
            await drive.press("escape")
            await drive.until(lambda: isinstance(drive.wizard.screen, MessageDialog))

    run(main())


def test_a_typed_path_is_completed_and_looked_at_on_the_server(door: Door, tmp_path: Path) -> None:
    async def main() -> None:
        door.answers.append(PASSWORD)
        instance = tmp_path / "dreamfactory"
        instance.mkdir()
        (instance / "artisan").write_text("")
        (instance / "composer.json").write_text('{"require": {"dreamfactory/df-core": "*"}}')
        session = Session(host=NAME)
        async with driving(controller(door), session) as drive:
            await drive.until_stage("instance")
            assert NAME in drive.text().splitlines()[0]
            await drive.press("o")
            field = drive.wizard.screen.query_one(Input)
            field.value = f"{tmp_path}/dre"
            field.cursor_position = len(field.value)
            await drive.press("tab")
            await drive.until(lambda: field.value == f"{instance}/")
            await drive.press("enter")
            await drive.until(lambda: session.path == f"{NAME}:{instance}/")
            await drive.until_stage("detection")
            assert drive.wizard.screen.query_one(TitleBar)._instance.startswith(NAME)
            assert session.facts is not None
            assert session.facts.host == NAME
            assert session.facts.place == f"{NAME}:{instance}"

    run(main())


def test_a_server_that_cannot_be_reached_any_more_is_said_in_the_list(door: Door) -> None:
    async def main() -> None:
        session = Session(host="admin@nowhere.example")
        async with driving(controller(door), session) as drive:
            await drive.until_text("cannot be found")
            assert "Back to this machine" in drive.text()
            await drive.press("l")
            await drive.until_text("Instances on this machine")

    run(main())
