"""At the terminal: secrets are typed unseen, keys are trusted by the word yes alone, and without a terminal nobody is asked."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfwizard.cli.prompting import TerminalPrompts, Unattended, prompts_for
from dfwizard.hosts.prompts import Question
from tests.lab.terminal import Terminal

ASK = """
import json, sys
from pathlib import Path
from dfwizard.cli.prompting import TerminalPrompts
from dfwizard.hosts.prompts import Question, UnknownKey
prompts = TerminalPrompts(accept_new=sys.argv[3] == "accept")
if sys.argv[2] == "key":
    answer = prompts.accept_key(UnknownKey("db1", "192.0.2.1:22", "ssh-ed25519", "SHA256:abc"))
else:
    how = {"echo": sys.argv[2] == "seen", "again": sys.argv[2] == "again"}
    answer = prompts.secret(Question("password", "db1", "Password\\x1b[31m:", "k", **how))
Path(sys.argv[1]).write_text(json.dumps(answer))
print("END")
"""


class Asked:
    """A process that asks one thing at a terminal; its standard input is something else, which must not be read."""

    def __init__(self, place: Path, what: str, accept: str = "") -> None:
        self.answered = place / "answer"
        # `sh` takes the pipe for its input: the terminal stays the process's own.
        script = 'echo "from the pipe" | exec "$@"'
        self.command = ["sh", "-c", script, "sh", sys.executable, "-c", ASK, str(self.answered), what, accept]

    def terminal(self) -> Terminal:
        return Terminal(self.command, os.environ)

    @property
    def answer(self) -> object:
        return json.loads(self.answered.read_text())


def test_a_secret_is_not_shown_and_not_taken_from_a_pipe(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "unseen")
    with asked.terminal() as terminal:
        terminal.expect("Password")
        terminal.type("pa ss \\ wörd\n")
        terminal.end(0)
    assert asked.answer == "pa ss \\ wörd"
    assert "wörd" not in terminal.said
    assert "\x1b" not in terminal.said, "what a server says is no order to the terminal"


def test_what_may_be_seen_is_shown_and_a_wrong_answer_told(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "seen")
    with asked.terminal() as terminal:
        terminal.expect("Password")
        terminal.type("123456\n")
        terminal.end(0)
    assert asked.answer == "123456"
    assert "123456" in terminal.said
    again = Asked(tmp_path, "again")
    with again.terminal() as terminal:
        terminal.expect("not accepted")
        terminal.expect("Password")
        terminal.type("x\n")
        terminal.end(0)


@pytest.mark.parametrize("typed", ["\n", "\x04"])
def test_nothing_typed_gives_up(tmp_path: Path, typed: str) -> None:
    asked = Asked(tmp_path, "unseen")
    with asked.terminal() as terminal:
        terminal.expect("Password")
        terminal.type(typed)
        terminal.end(0)
    assert asked.answer is None


@pytest.mark.parametrize(
    ("typed", "trusted"), [("yes\n", True), ("YES\n", True), ("y\n", False), ("\n", False), ("\x04", False)]
)
def test_only_the_word_yes_trusts_a_key(tmp_path: Path, typed: str, trusted: bool) -> None:
    asked = Asked(tmp_path, "key")
    with asked.terminal() as terminal:
        terminal.expect("SHA256:abc")
        terminal.expect("keep it in known_hosts: ")
        terminal.type(typed)
        terminal.end(0)
    assert asked.answer is trusted


def test_a_key_that_was_accepted_on_the_command_line_is_not_asked_about(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "key", "accept")
    with asked.terminal() as terminal:
        terminal.end(0)
    assert asked.answer is True
    assert "SHA256" not in terminal.said


def test_unattended_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfwizard.cli.prompting._has_terminal", lambda: True)
    options = argparse.Namespace(yes=True, accept_new_host_key=True)
    nobody = prompts_for(options)
    assert isinstance(nobody, Unattended)
    assert nobody.accept_new
    assert nobody.secret(Question("sudo", "db1", "[sudo] password: ", "k")) is None
    assert Unattended.unasked == ["[sudo] password"]
    Unattended.unasked.clear()
    assert isinstance(prompts_for(argparse.Namespace(yes=False)), TerminalPrompts)


def test_without_a_terminal_nobody_is_asked() -> None:
    script = (
        "import argparse; from dfwizard.cli.prompting import prompts_for; "
        "print(type(prompts_for(argparse.Namespace())).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert done.stdout == "Unattended\n"
