"""The conversation with the person at the terminal, on a pty: before the start, at a failed step, and on the way back."""

from __future__ import annotations

import os
import signal

import pytest

from dfwizard.execution.store import Run
from tests.lab.driving import ACCEPT_PHP, Cli, independent_digest
from tests.lab.fixtures import StartLab
from tests.lab.terminal import COLUMNS, Terminal

pytestmark = pytest.mark.lab

READ = "[Enter] read, next / q: "
YES = "Type yes to go on: "
ANSWER = "Answer [retry/rollback/stop]: "


class Person:
    """Somebody at a terminal with a lab."""

    def __init__(self, start_lab: StartLab) -> None:
        self.lab = start_lab("sqlite", "6.3.0")
        self.cli = Cli(self.lab, self.lab.directory / "state")

    def at(self, *arguments: str) -> Terminal:
        """Type a dfwizard command."""
        return Terminal(self.cli.command(*arguments), self.cli.environment)

    def upgrade(self, *more: str) -> Terminal:
        """Type the upgrade's command, in which nothing is confirmed yet."""
        return self.at("upgrade", str(self.lab.instance), "--to", "7.1.0", *ACCEPT_PHP, *more)

    @property
    def runs(self) -> list[str]:
        """Give the ids of the runs."""
        directory = self.cli.state / "runs"
        return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


@pytest.fixture
def person(start_lab: StartLab) -> Person:
    return Person(start_lab)


def read_warnings(terminal: Terminal) -> None:
    """Read every warning, one by one."""
    terminal.expect("Warning 1 of ")
    for _ in range(int(terminal.expect(": ").strip())):
        terminal.expect(READ)
        terminal.type("\n")


def runner_of(person: Person) -> int:
    """Give the pid of the newest run's runner."""
    runner = Run(person.cli.newest_run()).state().runner
    assert runner is not None
    return runner.pid


def test_nothing_begins_before_it_is_confirmed(person: Person) -> None:
    before = independent_digest(person.lab)
    with person.upgrade() as terminal:
        assert "dfwizard check" in terminal.expect(READ)
        terminal.type("q\n")
        assert "not confirmed; nothing was changed" in terminal.end(3)
    with person.upgrade() as terminal:
        read_warnings(terminal)
        shown = terminal.expect(YES)
        assert (
            max(len(line) for line in shown.splitlines() if str(person.lab.directory) not in line) <= COLUMNS
        )
        *steps, last = shown.split("Every step with its command, reason and undo:")
        assert "Check out 7.1.0" in steps[0]
        assert "git checkout" not in shown
        summary = " ".join(last.split())
        assert "road 6.3.0 -> 7.1.0 accepted php-window warnings " in summary
        assert f"backup {person.cli.state}/backups/dreamfactory-" in summary
        assert "on failure roll back by itself before the first database change, ask after it" in summary
        assert "Steps 1 to 6 close the API and back the instance up; the first change" in summary
        assert "code or data is step 7 (Add the keys that the target cannot do without)." in summary
        assert len(last.strip().splitlines()) <= 14
        terminal.type("\x03")
        assert "Interrupted. The instance was not changed." in terminal.end(130)
    refused = person.cli.run("upgrade", str(person.lab.instance), "--to", "7.1.0", *ACCEPT_PHP).expect(2)
    assert "Give --yes" in refused.err
    assert person.runs == []
    assert independent_digest(person.lab) == before


def test_a_failed_step_is_talked_over(person: Person) -> None:
    before = independent_digest(person.lab)
    person.lab.fail_migration(True)
    with person.upgrade("--on-failure", "ask") as terminal:
        read_warnings(terminal)
        assert "on failure" in terminal.expect(YES)
        terminal.type("yes\n")
        terminal.expect("run ")
        run = terminal.expect("\n")
        shown = terminal.expect(ANSWER)
        meanings = " ".join(shown.split()).split("How shall it go on? ")[1]
        assert meanings == (
            "retry run the step again; first remove by hand what the migration has made "
            "rollback back to 6.3.0 from the proven backup "
            "stop leave it as it is, maintenance mode on; resume or roll back later"
        )
        failed = shown.split("FAILED")[1]
        assert "\n    | " not in failed  # the step's output has just been shown
        terminal.type("\x03")
        said = terminal.end(130)
        assert "Detached. The run waits for your answer; the API stays closed. Answer with:" in said
        assert f"dfwizard decide {run} retry|rollback|stop\n  dfwizard attach {run}\n" in said

    alone = person.cli.run("attach", run).expect(1)
    assert "The run waits for one of these." in alone.err
    assert f"dfwizard decide {run} rollback\n" in alone.err
    assert "back to 6.3.0 from the proven backup" in alone.err

    with person.at("attach") as terminal:
        terminal.expect(ANSWER)
        os.kill(runner_of(person), signal.SIGKILL)
        assert "(the runner is gone)" in terminal.end(1)
        assert "dfwizard resume" in terminal.said
    with person.at("resume", "latest") as terminal:
        terminal.expect(ANSWER)
        terminal.type("\x04")
        assert "Detached. The run waits for your answer" in terminal.end(130)

    with person.at("attach") as terminal:
        beginning = terminal.expect(ANSWER)
        assert beginning.count("==> ") == 1
        assert "done before, " in beginning
        terminal.type("perhaps\n")
        terminal.expect(ANSWER)
        terminal.type("roll")  # half an answer, when somebody else decides
        person.cli.run("decide", run, "retry").expect(0)
        assert "attempt 2" in terminal.expect(ANSWER)
        assert "(answered by somebody else)\n    retry, decided by " in terminal.said
        terminal.type("stop\n")
        terminal.expect("Stopped: ")
        terminal.end(1)

    assert " on failure ask " in " ".join(person.cli.run("report", run).expect(0).out.split())
    over = person.cli.run("attach", run).expect(1)
    assert "waits" not in over.err
    assert "How shall it go on" not in over.err
    assert "FAILED" in over.err
    assert over.out.startswith("Stopped: ")

    with person.at("rollback", "latest") as terminal:
        shown = terminal.expect(YES)
        assert "7.1.0 -> 6.3.0" in shown
        terminal.type("no\n")
        assert "nothing was changed" in terminal.end(3)
    with person.at("rollback", "latest") as terminal:
        terminal.expect(YES)
        terminal.type("yes\n")
        terminal.expect("Rolled back: ", patience=120)
        terminal.end(0)
    person.lab.fail_migration(False)
    assert independent_digest(person.lab) == before
    over = person.cli.run("attach", run).expect(0)
    assert "Check out 7.1.0" in over.err
    assert "rollback: " in over.err
