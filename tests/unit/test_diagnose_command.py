"""`dfwizard diagnose`: whatever is pasted gets an answer that is safe to show, and an exit code that tells what it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfwizard.cli import main, pasted
from tests.unit.recordings import recordings

REFUSED = "\n".join(
    (
        "In Connection.php line 825:",
        "",
        "  SQLSTATE[HY000] [2002] Connection refused (Connection: mysql, SQL: select e",
        "  xists (select 1 from information_schema.tables where table_schema = 'dreamf",
        "  actory'))",
    )
)
UNKNOWN = "starting\nwarning: slow\nerror: the frobs are out\nbye\n"


class Said:
    """Calls the command and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self.out = self.err = ""

    def run(self, *arguments: str, stdin: bytes = b"") -> int:
        """Call it; what it says is harmless to a terminal and no traceback."""
        self._monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin)))
        try:
            code = main(["diagnose", *arguments])
        except SystemExit as ended:
            code = int(str(ended.code))
        self.out, self.err = self._capsys.readouterr()
        for text in (self.out, self.err):
            assert "Traceback" not in text
            assert "fault of dfwizard" not in text
            assert all(one == "\n" or one.isprintable() for one in text), ascii(text)
        return code

    def json(self, *arguments: str, stdin: bytes = b"", code: int = 0) -> Any:
        """Call it with --json and give what it printed."""
        assert self.run("--json", *arguments, stdin=stdin) == code
        return json.loads(self.out)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    return Said(capsys, monkeypatch)


def test_a_known_failure_is_explained(said: Said, tmp_path: Path) -> None:
    file = tmp_path / "migrate.log"
    file.write_text(REFUSED)
    assert said.run(str(file)) == 0
    words = " ".join(said.out.split())
    assert words.startswith(
        "The database server does not answer [database-unreachable] line SQLSTATE[HY000] [2002]"
    )
    for name in ("cause The server is stopped", "remedy Start the database", "source MySQL error 2002"):
        assert name in words
    assert all(len(line) <= 80 for line in said.out.splitlines())
    from_file = said.out
    assert said.run("-", stdin=REFUSED.encode()) == 0
    assert said.out == from_file


def test_its_commands_are_for_the_instance_that_is_named(said: Said) -> None:
    missing = b"PHP Fatal error:  Uncaught Error: Failed opening required '/srv/vendor/autoload.php'"
    assert said.run("-", "--instance", "/srv/it's here", "--owner", "df user", stdin=missing) == 0
    assert "In /srv/it's here:" in said.out
    assert "sudo -H -u 'df user' composer install" in said.out
    found = said.json("-", "--instance", "/srv/it's here", stdin=missing)["diagnosis"]
    (command,) = found["commands"]
    assert command["safety"] == "tree"
    assert command["command"].startswith(
        "sudo -H -u \"$(stat -c %U '/srv/it'\"'\"'s here')\" composer install"
    )
    assert subprocess.run(["sh", "-n", "-c", command["command"]], check=False).returncode == 0


def test_step_and_exit_code_count_where_they_are_given(said: Said) -> None:
    lost = b"curl: (28) Connection timed out after 30000 ms"
    assert said.json("-", stdin=lost, code=4)["guesses"][0]["id"] == "composer-offline"
    assert said.json("-", "--step", "fetch", stdin=lost)["diagnosis"]["id"] == "git-offline"
    assert said.json("-", "--step", "composer-7.1.0", stdin=lost)["diagnosis"]["id"] == "composer-offline"
    assert said.json("-", "--code", "137", stdin=b"Killed")["diagnosis"]["id"] == "killed-for-memory"
    assert said.json("-", "--code=-9", stdin=b"Killed")["diagnosis"]["id"] == "killed-for-memory"
    assert said.run("-", "--code", "many", stdin=lost) == 2


def test_what_is_there_as_well_is_named_below(said: Said) -> None:
    plugin = next(one for one in recordings("failures") if one.known == "composer-plugin-blocked")
    found = said.json("-", stdin=plugin.text.encode())
    assert (found["diagnosis"]["id"], found["others"]) == ("composer-plugin-blocked", ["composer-failed"])
    assert said.run("-", stdin=plugin.text.encode()) == 0
    assert "Less specific, but there as well:" in said.out


def test_an_unknown_failure_shows_its_telling_lines_and_marks_its_guesses(said: Said) -> None:
    assert said.run("-", stdin=UNKNOWN.encode()) == 4
    assert said.out.splitlines()[2:] == ["  error: the frobs are out", "  warning: slow"]
    near = b"ERROR: the mysqldump process was denied the privilege for tablespaces\n"
    assert said.run("-", stdin=near) == 4
    assert "these are guesses:" in said.out
    assert "mysqldump asks for the PROCESS privilege? [dump-process-privilege]" in said.out
    found = said.json("-", stdin=near, code=4)
    assert (found["known"], found["diagnosis"]) == (False, None)
    assert found["guesses"][0]["why"].startswith("shared words: ")


def test_a_success_is_none(said: Said) -> None:
    assert said.run("-", stdin=b"   INFO  Nothing to migrate.\n") == 4
    assert "Nothing in it says that something failed" in said.out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "there is nothing in it"),
        (b" \n\r\n\t\n", "there is nothing in it"),
        (b"\x7fELF\x02\x01\x01" + bytes(4000), "it holds no text"),
        (b"PK\x03\x04" + bytes(range(256)) * 40, ""),
    ],
)
def test_what_is_no_output_is_refused(said: Said, tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "it"
    file.write_bytes(content)
    for arguments in ((str(file),), ("-",)):
        assert said.run(*arguments, stdin=content) == (2 if told else 4)
        assert told in said.err


def test_what_cannot_be_read_is_told(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said.run(str(tmp_path / "no\x1b[31m")) == 2
    assert "there is no such file" in said.err
    assert said.run(str(tmp_path)) == 2
    assert "it is a directory" in said.err
    assert said.run("a\0b") == 1
    assert "could not be read" in said.err
    assert said.run("/proc/self/mem") == 1
    assert said.run() == 2
    real = os.open

    def refused(path: str, *arguments: int) -> int:
        if path == str(tmp_path / "x"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refused)
    assert said.run(str(tmp_path / "x")) == 2
    assert "may not be read" in said.err


def test_a_device_and_a_pipe_are_read(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasted, "_MOST", 4 * pasted.TAIL)  # what never ends is given up sooner here
    assert said.run("/dev/zero") == 2
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(REFUSED.encode()))
    reader = os.open(
        pipe, os.O_RDONLY | os.O_NONBLOCK
    )  # or the writer may end before the command has opened it
    writer.start()
    try:
        assert said.run(str(pipe)) in (0, 2)
    finally:
        os.close(reader)
        writer.join()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_other_encodings_are_read(said: Said, encoding: str) -> None:
    text = f"{REFUSED}\nfür später: über\n"
    assert said.json("-", stdin=text.encode(encoding))["diagnosis"]["id"] == "database-unreachable"


def test_escape_sequences_never_reach_the_terminal(said: Said) -> None:
    title, refused = b"\x1b]0;owned\x07\x1b[2J", b"SQLSTATE[HY000] [2002] \x1b[31mConnection refused\x1b[0m"
    hostile = title + b"\x9b31m\xc2\x9b31m " + refused + b"\xff\xe2\x80\xae evil\x08\x08\n"
    assert said.run("-", stdin=hostile) == 0
    assert "Connection refused" in said.out
    assert "owned" not in said.out
    assert said.json("-", stdin=hostile)["diagnosis"]["id"] == "database-unreachable"
    assert said.run("-", "--instance", "/x\x1b[31m\n", stdin=hostile) == 0
    assert said.run("-", stdin=b"error: \x1b[5mfrobs\x1b[0m \xff\n") == 4


@pytest.mark.parametrize("at", ["beginning", "end"])
def test_of_something_huge_beginning_and_end_are_looked_at(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setattr(pasted, "HEAD", 1 << 14)
    monkeypatch.setattr(pasted, "TAIL", 1 << 15)
    filler = b"[2026-08-18] local.INFO: all is well with request 12345 of user 67890\n" * 30_000
    file = tmp_path / "huge.log"
    failure = REFUSED.encode() + b"\n"
    file.write_bytes(failure + filler if at == "beginning" else filler + failure)
    found = said.json(str(file))
    assert found["diagnosis"]["id"] == "database-unreachable"
    assert found["left_out"] == file.stat().st_size - pasted.HEAD - pasted.TAIL
    assert said.run("-", stdin=file.read_bytes()) == 0
    assert f"{found['left_out']:,} bytes between were not" in said.out


def test_one_endless_line_takes_no_time(said: Said) -> None:
    line = b"requires ext-mongodb " * 60_000
    assert said.run("-", stdin=line) == 4
    assert said.run("-", stdin=b"storage/" * 100_000 + b"\nPermission denied\n") == 4


def test_the_help_has_examples_and_exit_codes(said: Said) -> None:
    assert said.run("--help") == 0
    for text in ("examples:", "dfwizard diagnose -", "exit codes:", "--json", "--step"):
        assert text in said.out


def test_it_reads_what_another_program_prints(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'echo "could not find driver" | "{sys.executable}" -m dfwizard diagnose - | head -n 1'],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "PHP cannot talk to this kind of database [php-driver]\n"
    assert done.stderr == ""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=400) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_whatever_is_pasted_gets_an_answer(said: Said, data: bytes) -> None:
    assert said.run("-", stdin=data) in (0, 2, 4)
