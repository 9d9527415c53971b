"""A step that prints: how soon 100,000 lines are on the screen of the run, what goes to the terminal, how soon a key is answered."""

from __future__ import annotations

import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfwizard.execution import attach
from tests.bench.measure import Measurement, Target, table
from tests.tui.terminal import Terminal
from tests.unit.run_bench import Bench, kill

REPEATS = 3
LINES = 100_000
WIDTH = 85
KEYS = 12

SHOWN = Target(lambda ours, _: ours, 2, "s")
ANSWERED = Target(lambda ours, _: ours * 1000, 100, "ms")

_STREAM = "while test ! -e stop; do head -n 20 lines; sleep 0.01; done"
"""Some 2,000 lines a second."""


@dataclass(frozen=True)
class Cost:
    """What showing the lines took: bytes to the terminal, and the greatest resident memory of the wizard before and after in MiB."""

    sent: int
    sent_by_cat: int
    before: float
    after: float

    @property
    def text(self) -> str:
        """Give it in words."""
        share = 100 * self.sent / self.sent_by_cat
        return (
            f"to the terminal: {self.sent / 1024:.0f} KiB, {share:.1f} % of what cat sends; "
            f"resident: {self.before:.0f} MiB before, at most {self.after:.0f} MiB (target at most 100)"
        )


def compare(directory: Path) -> tuple[Measurement, ...]:
    """Measure with a real runner and the wizard on a terminal; what memory and bytes come to is printed besides."""
    shown, moved, opened, costs = [], [], [], []
    for number in range(REPEATS):
        place = directory / str(number)
        place.mkdir()
        taken, cost = _flood(place)
        shown.append(taken)
        costs.append(cost)
        move, window = _keys(place)
        moved.append(move)
        opened.append(window)
    print(*(f"100,000 lines {cost.text}" for cost in costs), sep="\n", file=sys.stderr)
    return (
        _measurement("100,000 lines on the screen", "cat of the lines", shown, SHOWN),
        _measurement("cursor moved while output streams", "while the run waits", moved, ANSWERED),
        _measurement("help opened while output streams", "while the run waits", opened, ANSWERED),
    )


def _measurement(name: str, baseline: str, pairs: list[tuple[float, float]], target: Target) -> Measurement:
    ours, theirs = zip(*pairs, strict=True)
    return Measurement(name, baseline, ours, theirs, target)


def _environ(state: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "DFWIZARD_STATE_DIR": str(state),
    }


@contextmanager
def _watching(directory: Path, script: str) -> Iterator[tuple[Bench, Terminal]]:
    """Give the wizard on a terminal, at a run whose only step says `here` and carries out `script` once there is a file `go`."""
    directory.mkdir()
    bench = Bench(directory)
    (bench.instance / "lines").write_bytes(
        b"".join(f"{n:06} ".encode().ljust(WIDTH - 1, b"x") + b"\n" for n in range(LINES))
    )
    wait = "echo here; while test ! -e go; do sleep 0.01; done"
    run = bench.run(bench.step("print", f"{wait}; {script}"), bench.step("end", "true"))
    bench.launch(run)
    bench.wait_output(run, b"here")
    try:
        with Terminal([sys.executable, "-m", "dfwizard"], _environ(bench.store.directory)) as terminal:
            terminal.until(b"attach")
            terminal.press(b"\r")
            terminal.until(b"1 line")
            yield bench, terminal
    finally:
        (bench.instance / "stop").touch()
        runner = run.state().runner
        if runner is not None and attach.alive(run, runner):
            kill(run)


def _flood(directory: Path) -> tuple[tuple[float, float], Cost]:
    """Give the seconds until the wizard, and until `cat` on a terminal, have shown the last line."""
    last = f"{LINES - 1:06} xxx".encode()
    with _watching(directory / "flood", "cat lines; while test ! -e stop; do sleep 0.05; done") as both:
        bench, terminal = both
        before, place = _resident(terminal.pid), terminal.mark()
        began = time.perf_counter()
        (bench.instance / "go").touch()
        ours = terminal.until(last, place) - began
        terminal.until(f"{LINES + 1} lines".encode(), place)
        sent, after = terminal.mark() - place, _resident(terminal.pid)
        began = time.perf_counter()
        with Terminal(["/bin/cat", bench.instance / "lines"], os.environ) as plain:
            theirs = plain.until(last) - began
            by_cat = plain.mark()
    assert by_cat > LINES * WIDTH
    return (ours, theirs), Cost(sent, by_cat, before, after)


def _keys(directory: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give the seconds from a key to what it changes, while output streams and before it does: of a move, and of opening the help."""
    with _watching(directory / "keys", _STREAM) as (bench, terminal):
        move, window = _move(terminal), _window(terminal)
        (bench.instance / "go").touch()
        terminal.until(b"000019 xx", terminal.mark())
        place = terminal.mark()
        moved, opened = _move(terminal), _window(terminal)
        assert b"000019 xx" in terminal.sent[place:], "the output did not stream"
    return (moved, move), (opened, window)


def _move(terminal: Terminal) -> float:
    """Move the cursor through the steps and back; give the median time until it was there."""
    return statistics.median(
        _answer(terminal, key, re.compile(rf"> (\x1b\[[\d;]*m)*{sign} (\x1b\[[\d;]*m)*{number} ".encode()))
        for _ in range(KEYS)
        for key, number, sign in ((b"\x1b[B", 2, "·"), (b"\x1b[A", 1, "▶"))
    )


def _window(terminal: Terminal) -> float:
    """Open and close the help; give the median time until it was there."""
    taken = []
    for _ in range(KEYS):
        taken.append(_answer(terminal, b"?", b"Close"))
        _answer(terminal, b"\r", b"Output of")
    return statistics.median(taken)


def _answer(terminal: Terminal, key: bytes, word: bytes | re.Pattern[bytes]) -> float:
    place, began = terminal.mark(), time.perf_counter()
    terminal.press(key)
    return terminal.until(word, place) - began


def _resident(pid: int) -> float:
    """Give the greatest resident memory of a process so far, in MiB."""
    line = next(
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return int(line.split()[1]) / 1024


@pytest.mark.bench
def test_output(tmp_path: Path) -> None:
    print("\n" + table(compare(tmp_path)))
