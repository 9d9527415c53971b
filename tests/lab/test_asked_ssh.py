"""What has to be asked on the way to a server is asked at the terminal itself, reaches the run, and is written nowhere."""

from __future__ import annotations

import asyncio
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from textual.widgets import Input

from dfwizard.controller import Controller
from dfwizard.execution.store import Run
from dfwizard.tui.screens.prompt_dialogs import HostKeyDialog, SecretDialog
from dfwizard.tui.screens.server_dialog import ServerDialog
from dfwizard.tui.session import Session
from tests.lab.accounts import PASSWORD, Accounts
from tests.lab.driving import independent_digest
from tests.lab.fixtures import StartLab
from tests.lab.reaching import Far, far
from tests.lab.ssh_fixtures import accounts, ssh_place
from tests.lab.terminal import Terminal
from tests.tui.driving import driving

__all__ = ["accounts", "ssh_place"]

pytestmark = pytest.mark.lab


@pytest.fixture
def there(start_lab: StartLab, accounts: Accounts, tmp_path: Path) -> Iterator[Far]:
    """A lab behind SSH, for an account whose sudo asks for the password; its server is not known yet."""
    with ExitStack() as stack:
        lab = start_lab("sqlite", "6.3.0", web=False)
        reached = stack.enter_context(far(lab, tmp_path / "state", accounts=accounts, user=accounts.asked))
        assert reached.cli.home is not None
        config = reached.cli.home / ".ssh/config"
        unknown = config.read_text().replace(
            str(reached.sshd.known_hosts), f"{reached.cli.home}/.ssh/known_hosts"
        )
        config.write_text(unknown)
        yield reached


def files_with(secret: str, *places: Path) -> list[Path]:
    """Give the files below `places` that hold the secret."""
    files = (
        path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()
    )
    return [path for path in files if secret.encode() in path.read_bytes()]


def watched_command_lines(secret: str, stop: threading.Event, seen: list[str]) -> None:
    """Note every command line and environment of this machine that holds the secret, until `stop`."""
    needle = secret.encode()
    while not stop.wait(0.02):
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            for name in ("cmdline", "environ"):
                try:
                    if needle in (entry / name).read_bytes():
                        seen.append(f"{name} of {(entry / 'comm').read_text().strip()}")
                except OSError:
                    continue


def test_an_upgrade_asks_once_and_its_run_knows_the_answers(there: Far) -> None:
    cli, before = there.cli, independent_digest(there.lab)
    seen: list[str] = []
    stop = threading.Event()
    watcher = threading.Thread(target=watched_command_lines, args=(PASSWORD, stop, seen))
    watcher.start()
    arguments = [word for word in cli.upgrading("7.1.0") if word != "--yes"]
    try:
        with Terminal(cli.command(*arguments), cli.environment) as terminal:
            terminal.expect("SHA256:")
            terminal.expect("Type yes to trust it")
            terminal.type("yes\n")
            terminal.expect("assword")
            terminal.type("wrong\n")
            terminal.expect("not accepted")
            terminal.expect("assword")
            terminal.type(f"{PASSWORD}\n")
            read_warnings(terminal)
            terminal.expect("Type yes to go on: ")
            terminal.type("yes\n")
            terminal.end(4, patience=280)  # of a web server nothing is known
    finally:
        stop.set()
        watcher.join()
    said = terminal.said
    assert PASSWORD not in said
    assert said.count("Type yes to trust it") == 1
    assert said.count("not accepted") == 1
    assert not seen
    assert not files_with(PASSWORD, cli.state, there.lab.directory / "backups")
    assert independent_digest(there.lab) != before
    assert Run(cli.newest_run()).state().outcome == "done-with-warnings"


def read_warnings(terminal: Terminal) -> None:
    """Go through the warnings one by one."""
    terminal.expect("Warning 1 of ", patience=180)
    terminal.expect(":")
    found = re.search(r"Warning 1 of (\d+)", terminal.said)
    assert found is not None
    for _ in range(int(found[1])):
        terminal.expect("[Enter] read, next / q: ")
        terminal.type("\n")


def test_an_answer_is_never_read_from_a_pipe(there: Far) -> None:
    cli = there.cli
    done = subprocess.run(
        cli.command("inspect", cli.place, "--accept-new-host-key"),
        env=cli.environment,
        input=f"{PASSWORD}\n".encode(),
        capture_output=True,
        start_new_session=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert b"assword" in done.stderr
    assert PASSWORD.encode() not in done.stdout + done.stderr


def test_the_wizard_asks_in_dialogs_and_looks_at_the_instance_there(
    there: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = there.cli
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)

    async def main() -> None:
        controller, session = Controller(state=cli.state), Session()
        try:
            async with driving(controller, session) as drive:
                await drive.until_stage("instance")
                await drive.press("s")
                await drive.until(
                    lambda: (
                        isinstance(drive.wizard.screen, ServerDialog)
                        and drive.wizard.screen.query_one(Input).has_focus
                    )
                )
                await drive.type(cli.host)
                await drive.until(lambda: isinstance(drive.wizard.screen, HostKeyDialog))
                await drive.press("y")
                await drive.until(
                    lambda: (
                        isinstance(drive.wizard.screen, SecretDialog)
                        and drive.wizard.screen.query_one(Input).has_focus
                    )
                )
                drive.wizard.screen.query_one(Input).value = PASSWORD
                await drive.press("enter")
                await drive.until_text("commands run there as root")
                await drive.until(drive.idle)
                await drive.press("o")
                await drive.until(lambda: bool(drive.wizard.screen.query(Input)))
                drive.wizard.screen.query_one(Input).value = str(there.lab.instance)
                await drive.press("enter")
                await drive.until_stage("detection")
                assert session.facts is not None
                assert session.facts.version.release == "6.3.0"
                assert session.facts.place == cli.place
                assert cli.host in drive.text().splitlines()[0]
        finally:
            controller.close()

    asyncio.run(main())
