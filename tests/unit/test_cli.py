"""The command line with wrong arguments, hostile names and broken outputs: an exit code and a sentence, never a traceback."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

NEEDS_A_RUN = (
    ("rollback", "latest", "--yes"),
    ("rollback", "latest"),
    ("resume", "latest"),
    ("attach",),
    ("decide", "latest", "pause"),
    ("report", "latest"),
)
HOSTILE = "a\x1b[31m\nb\x07\x9b31m\udcffé"


@dataclass(frozen=True)
class Ended:
    """A finished call: its exit code, and what it printed."""

    code: int
    out: str
    err: str


class Cli:
    """dfwizard with a state directory that is not there yet."""

    def __init__(self, state: Path) -> None:
        self.state = state
        kept = {name: text for name, text in os.environ.items() if not name.startswith("DFWIZARD_")}
        self.environment = {**kept, "DFWIZARD_STATE_DIR": str(state)}

    def run(self, *arguments: str) -> Ended:
        """Call it; whatever it says is harmless to a terminal and no traceback."""
        done = subprocess.run(
            [sys.executable, "-m", "dfwizard", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))
        said = f"{ended.out}{ended.err}"
        assert "Traceback" not in said
        assert "fault of dfwizard" not in said
        assert all(character == "\n" or character.isprintable() for character in said), ascii(said)
        return ended

    def shell(self, text: str, **variables: str) -> Ended:
        """Run a line of shell in which $W is dfwizard."""
        words = shlex.join([sys.executable, "-m", "dfwizard"])
        done = subprocess.run(
            ["sh", "-c", text.replace("$W", words)],
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))
        assert "Traceback" not in f"{ended.out}{ended.err}"
        assert "fault of dfwizard" not in f"{ended.out}{ended.err}"
        return ended


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path / "state")


def refused(ended: Ended, *words: str, code: int = 2) -> None:
    """Assert that a call was refused with what happened, and what to do on a line of its own."""
    assert ended.code == code, ended
    assert ended.out == ""
    lines = ended.err.splitlines()
    assert lines[0].startswith("dfwizard: ")
    assert len(lines) > 1
    for word in words:
        assert word in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("inspect",),
        ("inspect", "/a", "/b"),
        ("upgrade", "/opt/dreamfactory"),
        ("upgrade", "/opt/dreamfactory", "--to"),
        ("upgrade", "/opt/dreamfactory", "--to", "7.1.0", "--on-failure", "shrug"),
        ("plan", "/opt/dreamfactory", "--to", "7.1.0", "--format", "pdf"),
        ("decide", "latest", "perhaps"),
        ("rules", "burn"),
        ("rollback",),
    ],
)
def test_a_wrong_command_line_shows_its_usage(cli: Cli, arguments: tuple[str, ...]) -> None:
    ended = cli.run(*arguments)
    assert ended.code == 2
    assert ended.err.startswith("usage: dfwizard")
    assert "error:" in ended.err
    assert not cli.state.exists()


@pytest.mark.parametrize("arguments", NEEDS_A_RUN)
def test_without_any_run(cli: Cli, arguments: tuple[str, ...]) -> None:
    refused(cli.run(*arguments), "no run", "dfwizard runs")
    assert not cli.state.exists()


@pytest.mark.parametrize("name", ["20260105-004100-1f2e", "../../etc", "", "-", "latest/..", HOSTILE])
def test_a_run_that_there_is_not(cli: Cli, name: str) -> None:
    (cli.state / "runs").mkdir(parents=True, mode=0o700)
    for command in ("report", "resume", "rollback", "attach"):
        refused(cli.run(command, "--", name), "no run", "dfwizard runs")


def test_paths_that_are_no_instance(cli: Cli, tmp_path: Path) -> None:
    empty, file, other = tmp_path / "empty", tmp_path / "file", tmp_path / "other"
    empty.mkdir()
    file.write_text("")
    other.mkdir()
    git = ["git", "-c", "user.name=a", "-c", "user.email=b", "-C", str(other)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    hostile = tmp_path / HOSTILE
    hostile.mkdir()
    places = [tmp_path / "missing", empty, file, other, hostile, tmp_path / f"missing{HOSTILE}"]
    before = sorted(os.fsencode(path) for path in tmp_path.rglob("*"))
    for place in places:
        refused(cli.run("inspect", "--", str(place)))
    for command in (
        ("inspect", "--json"),
        ("plan", "--to", "7.1.0"),
        ("check", "--to", "latest"),
        ("upgrade", "--to", "7.1.0", "--yes"),
        ("backup",),
        ("verify",),
    ):
        refused(cli.run(*command, "--", str(hostile)))
    refused(cli.run("inspect", ""), "no directory was given")
    assert sorted(os.fsencode(path) for path in tmp_path.rglob("*")) == before


def test_backups_that_are_none(cli: Cli, tmp_path: Path) -> None:
    empty, broken, future = tmp_path / "empty", tmp_path / "broken", tmp_path / "future"
    for place in (empty, broken, future):
        place.mkdir()
    (broken / "manifest.json").write_bytes(b"\x00\xff{")
    (future / "manifest.json").write_text('{"schema": 999999}')
    refused(cli.run("backup", "verify"), "dfwizard backup verify DIR")
    refused(cli.run("backup", "one", "two"), "'two'")
    for place in (tmp_path / "missing", empty, broken, future, Path("/etc/passwd"), tmp_path / HOSTILE):
        refused(cli.run("backup", "verify", str(place)), code=1)


UNKNOWN_KEY = '[[releases]]\nversion = "6.3.0"\ntag = "6.3.0"\nnotes_not_a_key = 1\n'


def test_rules_that_are_wrong_are_told_by_file_line_and_key(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / f"rules {HOSTILE}.toml"
    for text, words in (
        (b"nonsense", ":1:"),
        (b"\xff\xfe", ""),
        (b"\n\n[nothing]\nkey = 1\n", "nothing"),
        (UNKNOWN_KEY.encode(), "notes_not_a_key"),
    ):
        file.write_bytes(text)
        ended = cli.run("rules", "check", str(file))
        assert ended.code == 2
        assert words in ended.out
        refused(cli.run("--rules", str(file), "rules", "show"), "rules check")
    file.write_text("")
    assert cli.run("rules", "check", str(file)).code == 0
    assert cli.run("--rules", str(file), "rules", "show").code == 0
    for place in ("/etc", str(tmp_path / "missing"), "/dev/null/x"):
        assert cli.run("rules", "check", place).code == 2
    refused(cli.run("rules", "check"), "rules check FILE")


def test_rules_are_shown(cli: Cli) -> None:
    ended = cli.run("rules", "show")
    assert ended.code == 0
    assert "7.1.0" in ended.out
    assert '"releases"' in cli.run("rules", "show", "--json").out


def test_state_directories_that_cannot_be_used(cli: Cli, tmp_path: Path) -> None:
    file, strangers, hostile = tmp_path / "file", tmp_path / "strangers", tmp_path / HOSTILE
    file.write_text("")
    strangers.mkdir(mode=0o700)
    run = strangers / "runs" / "20260105-004100-1f2e"
    run.mkdir(parents=True)
    if os.geteuid() == 0:
        for path in (strangers, strangers / "runs", run):
            shutil.chown(path, "nobody", "nogroup")
    refused(cli.run("--state-dir", str(file), "runs"), str(file))
    refused(cli.run("--state-dir", "", "runs"), "--state-dir")
    assert cli.run("--state-dir", str(hostile), "runs").code == 0
    refused(cli.run("--state-dir", str(hostile), "attach"))
    for command in (("resume",), ("rollback", "--yes"), ("report",)):
        ended = cli.run("--state-dir", str(strangers), command[0], run.name, *command[1:])
        assert ended.code in (1, 2)
        assert ended.err.startswith("dfwizard: ")
    assert [path.name for path in strangers.rglob("*")] == ["runs", run.name]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$W runs >&-", 0),
        ("$W runs --json >&- 2>&- <&-", 0),
        ("$W --version >&-", 0),
        ("$W --help >&-", 0),
        ("$W no-such-command 2>&-", 2),
        ("$W inspect /nonexistent 2>&-", 2),
        ("$W inspect /nonexistent >&- 2>&- <&-", 2),
        ("$W runs <&-", 0),
        ("$W rules show | head -n 1", 0),
        ("$W rules show --json | true", 0),
        ("$W --help | true", 0),
    ],
)
def test_closed_streams(cli: Cli, line: str, code: int) -> None:
    assert cli.shell(line).code == code


@pytest.mark.parametrize("command", ["runs", "rules show", "rules show --json", "--version"])
def test_a_full_disk_behind_the_output_is_an_error(cli: Cli, command: str) -> None:
    ended = cli.shell(f"$W {command} > /dev/full")
    assert ended.code == 1
    if command != "--version":
        assert "could not be written" in ended.err


def test_a_terminal_of_another_encoding(cli: Cli, tmp_path: Path) -> None:
    ended = cli.shell("$W rules show", PYTHONIOENCODING="ascii")
    assert ended.code == 0
    assert ended.out.isascii()
    ended = cli.shell(f"$W inspect {shlex.quote(str(tmp_path / 'ü'))}", PYTHONIOENCODING="ascii")
    assert (ended.code, "\\xfc" in ended.err) == (2, True)
