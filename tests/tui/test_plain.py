"""The road line by line: numbers typed at a terminal, or piped in; what is wrong is asked again, and an end of the input begins nothing."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.demo.machine import Machine
from tests.lab.terminal import Terminal


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without PHP, of this test alone."""
    return Machine(tmp_path / "machine").make()


def demo(machine: Machine, name: str) -> Terminal:
    """Start the demo of a scenario line by line."""
    environment = {**machine.environment, "LANG": "C.UTF-8", "TERM": "dumb"}
    return Terminal(machine.command("--plain", "--speed", "0", "--scenario", name), environment)


PROMPT = re.compile(r"(?:Number \[[^\]]*\]|anything else not to|\(empty line: back\)): $")


def asked(terminal: Terminal) -> str:
    """Wait for the next question, and give all that was said up to it."""
    deadline = time.monotonic() + 60
    while not PROMPT.search(terminal.said, terminal._read):
        assert terminal._more(deadline), f"it asks nothing, but says:\n{terminal.said[terminal._read :]}"
    said = terminal.said[terminal._read :]
    terminal._read = len(terminal.said)
    return said


def choose(terminal: Terminal, words: str, *, of: str = "") -> str:
    """Wait for a question (that says `of`), answer with the number before `words`, and give what was said before."""
    said = asked(terminal)
    found = re.search(rf"^ *(\d+)\. {re.escape(words)}", said, re.MULTILINE)
    assert found, f"{words!r} is not offered:\n{said}"
    assert of in said, said
    terminal.type(f"{found[1]}\n")
    return said


def say(terminal: Terminal, text: str, *, of: str) -> str:
    """Wait for a question that says `of`, type `text`, and give what was said before."""
    said = asked(terminal)
    assert of in said, said
    terminal.type(f"{text}\n")
    return said


def to_the_checks(terminal: Terminal) -> None:
    """Go from the start on an instance up to the checks, to the release that Enter alone chooses."""
    found = choose(terminal, "go on", of="What now?")
    assert "nothing is changed" in found
    assert re.search(r"release +6\.3\.0", found)
    said = say(terminal, "", of="to which release?")
    assert " 7.1.0, 2025-05-15" in said
    planned = choose(terminal, "go on: the checks", of="What now?")
    assert "Planning the road to 7.1.0" in planned
    assert "Road: 6.3.0 -> 7.1.0, 19 steps." in planned


def to_the_run(terminal: Terminal) -> None:
    """Read the warnings, go through the checklist, see the backup, start the upgrade."""
    said = asked(terminal)
    assert "checks passed." in said
    while "A warning." in said:
        terminal.type("1\n")
        said = asked(terminal)
    assert "The guide's checklist" in said
    assert "erp._table.orders.post.pre_process" in said
    terminal.type("yes\n")
    said = choose(terminal, "start the upgrade", of="What now?")
    assert "The backup goes to" in said
    assert "free on" in said
    say(terminal, "yes", of="The API is closed meanwhile.")


def too_wide(said: str) -> list[str]:
    """Give the lines of more than 80 columns, paths not counted: they stay whole."""
    return [line for line in said.splitlines() if len(re.sub(r"\S*/\S*", "", line)) > 80]


def test_a_good_upgrade_by_numbers(machine: Machine) -> None:
    with demo(machine, "smooth") as terminal:
        assert terminal.expect("\n").startswith("DEMO: An upgrade that goes well")
        to_the_checks(terminal)
        to_the_run(terminal)
        ended = choose(terminal, "show the report", of="What now?")
        assert "==> 19/19  Verify the upgraded instance" in ended
        assert "runs 7.1.0." in ended
        assert "Report of the upgrade" in choose(terminal, "quit", of="What now?")
        terminal.end(0)
        run = terminal.said[terminal.said.index("upgrade: 19 steps") : terminal.said.index("Report of the")]
        assert too_wide(run) == []
    assert machine.left() == []


def test_a_failed_migration_is_rolled_back_by_numbers(machine: Machine) -> None:
    with demo(machine, "migration-fails") as terminal:
        to_the_checks(terminal)
        to_the_run(terminal)
        failed = choose(terminal, "rollback", of="already exists")
        assert "restore the dump into an emptied" in failed
        rolled_back = asked(terminal)
        assert "identical: commit" in rolled_back
        assert "take it back" not in rolled_back
        terminal.type(re.findall(r"(\d+)\. quit", rolled_back)[-1] + "\n")
        terminal.end(5)
    assert machine.left() == []


def test_a_remedy_is_offered_and_run_by_number(machine: Machine) -> None:
    with demo(machine, "composer-network") as terminal:
        to_the_checks(terminal)
        to_the_run(terminal)
        failed = choose(terminal, "remedy", of="Could not resolve host")
        assert "ls-remote" in failed
        assert "runs 7.1.0." in choose(terminal, "quit", of="(attempt 2)")
        terminal.end(0)
    assert machine.left() == []


def test_what_is_blocked_is_told_with_its_remedy_and_can_be_left(machine: Machine) -> None:
    with demo(machine, "php-too-old") as terminal:
        to_the_checks(terminal)
        blocked = choose(terminal, "take it upon myself", of="This forbids to begin.")
        assert "Remedy: Install PHP 8.3" in blocked
        assert "--accept" not in blocked
        say(terminal, "yes", of="Type php-window to go on")
        choose(terminal, "quit; nothing was changed", of="This forbids to begin.")
        terminal.end(0)
    assert machine.left() == []


def test_wrong_answers_are_asked_again(machine: Machine) -> None:
    with demo(machine, "smooth") as terminal:
        menu = asked(terminal)
        for answer in ("0", "99", "", "-1", "1.5", "\u0661", "yes", "\x1b[A", "'; rm -rf /"):
            terminal.type(f"{answer}\n")
            assert "Please type a number from 1 to 4." in asked(terminal), answer
        assert "3. another instance" in menu
        terminal.type("3\n")
        for path in ("/nowhere/$(id)", "relative", "/etc/'\"; --help"):
            choose(terminal, "another path", of="Which instance?")
            say(terminal, path, of="The instance's directory")
            refused = choose(terminal, "choose another instance", of="What now?")
            assert "\n! " in refused
            assert "Traceback" not in refused
        choose(terminal, "another path", of="Which instance?")
        say(terminal, "", of="(empty line: back)")
        choose(terminal, "quit", of="Which instance?")
        terminal.end(2)
    assert machine.left() == []


def test_the_end_of_the_input_begins_nothing(machine: Machine) -> None:
    with demo(machine, "smooth") as terminal:
        to_the_checks(terminal)
        asked(terminal)
        terminal.type("\x04")
        assert "The input has ended; no upgrade was begun." in terminal.end(2)
    assert machine.left() == []


def test_answers_may_be_piped_in(machine: Machine) -> None:
    done = subprocess.run(
        machine.command("--plain", "--speed", "0"),
        env=machine.environment,
        input=b"1\n\n1\n\xff\xfe\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = done.stdout.decode()
    assert done.returncode == 2, said + done.stderr.decode()
    assert "Road: 6.3.0 -> 7.1.0" in said
    assert said.endswith("The input has ended; no upgrade was begun.\n")
    assert done.stderr == b""
    assert machine.left() == []
