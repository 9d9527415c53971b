"""The wizard on real terminals: poor ones, strange bytes, lost connections, signals, small windows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dfwizard.execution import attach
from dfwizard.execution.state import StepStatus
from dfwizard.execution.store import Run
from dfwizard.planning.findings import Severity
from dfwizard.tui import driver
from dfwizard.tui.styles import SEVERITY_SIGNS, STEP_SIGNS
from tests.tui.terminal import Terminal
from tests.tui.tmux import Tmux
from tests.unit.run_bench import Bench

WIZARD = (sys.executable, "-m", "dfwizard")
COLOUR = re.compile(rb"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[\d;]*)?m")


@pytest.fixture
def run(bench: Bench) -> Run:
    """A run that waits in its second step for the file `go`, goes on then, and waits in its third."""
    wait = "while test ! -e {}; do sleep 0.02; done"
    made = bench.run(
        bench.step("fetch", "echo fetched"),
        bench.step("build", f"echo building; {wait.format('go')}; echo built"),
        bench.step("move", f"echo moving; {wait.format('never')}"),
    )
    bench.launch(made)
    bench.wait_output(made, b"building")
    return made


def environ(bench: Bench, **changes: str | None) -> dict[str, str]:
    """Give the environment of a login on a good terminal, with changes (None: not set)."""
    wanted = {
        "PATH": os.environ["PATH"],
        "HOME": str(bench.instance),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "DFWIZARD_STATE_DIR": str(bench.store.directory),
        "PYTHONPATH": os.pathsep.join(sys.path),
        **changes,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def attach_to(terminal: Terminal) -> None:
    """Go from the first screen to the run that goes on, which the cursor is on."""
    terminal.until(b"Still going")
    terminal.until(b"attach")
    terminal.press(b"\r")
    terminal.until(b"building")


def answers(terminal: Terminal) -> None:
    """Have the help shown and closed again."""
    place = terminal.mark()
    terminal.press(b"?")
    terminal.until(b"Close", place)
    place = terminal.mark()
    terminal.press(b"\r")
    terminal.until(b"Output of", place)


def goes_on(run: Run) -> bool:
    """Tell whether the run is not over and its runner lives."""
    state = run.state()
    return state.outcome is None and attach.alive(run, state.runner)


# Kinds of terminals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "ascii_only"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "screen"}, False),
        ({"TERM": "linux"}, True),
        ({"TERM": "vt100", "LANG": "C"}, True),
        ({"LANG": None, "LC_ALL": "POSIX"}, True),
        ({"NO_COLOR": "1"}, False),
    ],
    ids=str,
)
def test_a_run_is_watched_on(
    bench: Bench, run: Run, changes: dict[str, str | None], ascii_only: bool
) -> None:
    with Terminal(WIZARD, environ(bench, **changes)) as terminal:
        before = terminal.modes()
        attach_to(terminal)
        answers(terminal)
        place = terminal.mark()
        terminal.press(b"q")
        terminal.until(b"Leave the run going?", place)
        terminal.press(b"y")
        assert terminal.wait() == 130
        assert terminal.modes() == before
    sent = bytes(terminal.sent)
    assert sent.isascii() == ascii_only
    assert ("▶".encode() in sent) != ascii_only
    assert b"\x1b[?1000h" not in sent
    assert b"\x1b[?1003h" not in sent
    left = sent.rpartition(b"\x1b[?1049l")[2]
    assert f"dfwizard attach {run.id}".encode() in left, "the hint is on the screen that stays"
    assert bool(COLOUR.search(sent)) != ("NO_COLOR" in changes)
    assert goes_on(run)


def test_the_mouse_is_taken_only_when_asked_for(bench: Bench) -> None:
    with Terminal([*WIZARD, "--mouse"], environ(bench)) as terminal:
        terminal.until(b"Instances on this machine")
        terminal.press(b"q")
        assert terminal.wait() == 0
    assert b"\x1b[?1000h" in terminal.sent
    assert b"\x1b[?1000l" in terminal.sent


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_without_screens_gets_questions(bench: Bench, term: str) -> None:
    with Terminal(WIZARD, environ(bench, TERM=term)) as terminal:
        terminal.until(b"line by line")
        terminal.press(b"\x04")
        terminal.wait()
    assert b"\x1b" not in terminal.sent


def test_pipes_get_questions(bench: Bench) -> None:
    done = subprocess.run(WIZARD, env=environ(bench), input="", capture_output=True, text=True, check=False)
    assert "input or output is no terminal" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_over_a_connection_there_are_fewer_frames(bench: Bench) -> None:
    far = environ(bench, SSH_CONNECTION="192.0.2.1 50000 192.0.2.2 22")
    code = (
        "from dfwizard.tui import driver; driver.prepare_environment();"
        "from textual import constants; print(constants.MAX_FPS, constants.TEXTUAL_ANIMATIONS)"
    )
    for place, wanted in ((far, "15 none"), (environ(bench), "60 none")):
        said = subprocess.run(
            [sys.executable, "-c", code], env=place, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == wanted
    own = {"SSH_TTY": "/dev/pts/1", "TEXTUAL_FPS": "30"}
    driver.prepare_environment(own)
    assert own["TEXTUAL_FPS"] == "30", "what the person has set stays"


def test_every_state_has_a_sign() -> None:
    assert set(STEP_SIGNS) == {one.value for one in StepStatus}
    assert set(SEVERITY_SIGNS) == {one.value for one in Severity}


# Keys and bytes --------------------------------------------------------------------------------------------------------


def test_strange_bytes_do_not_end_it(bench: Bench, run: Run) -> None:
    with Terminal(WIZARD, environ(bench)) as terminal:
        attach_to(terminal)
        for bytes_ in (
            b"\xff\xfe\xc3",
            b"\x1b[M \xff\xfe",
            b"\x1b[M !!",
            b"\x1b[<0;5;5M",
            b"\x00\x80",
            b"\x1b]52;c;\x07",
        ):
            terminal.press(bytes_)
        terminal.press(b"\x1b")
        answers(terminal)
    assert goes_on(run)


@pytest.mark.parametrize("key", [b"\x03", b"\x11"], ids=["ctrl-c", "ctrl-q"])
def test_keys_that_end_programs_ask_first(bench: Bench, run: Run, key: bytes) -> None:
    with Terminal(WIZARD, environ(bench)) as terminal:
        attach_to(terminal)
        terminal.press(key)
        terminal.until(b"Leave the run going?")
        place = terminal.mark()
        terminal.press(b"n")
        terminal.until(b"Output of", place)
        answers(terminal)
    assert goes_on(run)


def test_ctrl_z_does_not_suspend(bench: Bench, run: Run) -> None:
    with Terminal(WIZARD, environ(bench)) as terminal:
        attach_to(terminal)
        terminal.press(b"\x1a")
        answers(terminal)
        assert Path(f"/proc/{terminal.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T"


# The end ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_the_run_goes_on(bench: Bench, run: Run, number: int, code: int) -> None:
    with Terminal(WIZARD, environ(bench)) as terminal:
        before = terminal.modes()
        attach_to(terminal)
        os.kill(terminal.pid, number)
        assert terminal.wait() == code
        assert terminal.modes() == before
    left = bytes(terminal.sent).rpartition(b"\x1b[?1049l")[2]
    assert f"dfwizard attach {run.id}".encode() in left
    assert b"Traceback" not in terminal.sent
    assert goes_on(run)


def test_a_closed_terminal_ends_it_and_the_run_goes_on(bench: Bench, run: Run) -> None:
    with Terminal(WIZARD, environ(bench)) as terminal:
        attach_to(terminal)
        terminal.hang_up()
        assert terminal.wait() == 129
    assert not (bench.store.directory / "errors.log").exists()
    assert goes_on(run)


def test_killed_it_comes_back_where_the_run_is(bench: Bench, run: Run) -> None:
    with Terminal(WIZARD, environ(bench)) as terminal:
        attach_to(terminal)
        os.kill(terminal.pid, signal.SIGKILL)
        assert terminal.wait() == 137
    assert goes_on(run)
    (bench.instance / "go").touch()
    bench.wait_output(run, b"moving")
    with Terminal(WIZARD, environ(bench)) as terminal:
        terminal.until(b"attach")
        terminal.press(b"\r")
        terminal.until(b"moving")
        terminal.until(b"step 3 of 3")
    assert goes_on(run)


def test_two_watch_the_same_run(bench: Bench, run: Run) -> None:
    with Terminal(WIZARD, environ(bench)) as first, Terminal(WIZARD, environ(bench)) as second:
        attach_to(first)
        attach_to(second)
        (bench.instance / "go").touch()
        first.until(b"moving")
        second.until(b"moving")
    assert goes_on(run)


PANICKING = """
import sys
from dfwizard.tui.screens.instance import InstanceScreen

def broken(self):
    raise RuntimeError("Secret words")

InstanceScreen.action_history = broken
from dfwizard.cli import main
sys.exit(main([]))
"""


def test_a_fault_of_its_own_ends_it_in_words(bench: Bench) -> None:
    with Terminal([sys.executable, "-c", PANICKING], environ(bench)) as terminal:
        before = terminal.modes()
        terminal.until(b"Instances on this machine")
        terminal.press(b"h")
        assert terminal.wait() == 1
        assert terminal.modes() == before
    left = bytes(terminal.sent).rpartition(b"\x1b[?1049l")[2]
    assert b"this is a fault of dfwizard itself (RuntimeError)" in left
    assert b"Traceback" not in terminal.sent
    assert b"Secret words" not in terminal.sent
    log = (bench.store.directory / "errors.log").read_text()
    assert "broken" in log
    assert "Secret words" not in log


# Size ------------------------------------------------------------------------------------------------------------------


def test_a_small_window_says_so_and_comes_back(bench: Bench, run: Run) -> None:
    with Tmux(WIZARD, environ(bench)) as terminal:
        terminal.until("Still going", "attach")
        terminal.press("Enter")
        terminal.until("building", "step 2 of 3")
        terminal.resize(20, 5)
        terminal.until("Too small: 20x5.", gone="building")
        terminal.resize(1, 1)
        terminal.resize(120, 40)
        terminal.until("building", "step 2 of 3", gone="Too small")
        terminal.resize(80, 24)
        terminal.press("?")
        terminal.until("Close")
    assert goes_on(run)
