"""The time from the start of `dfwizard` until its first screen, and until a run, is shown, against an app that shows one word."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bench.measure import Measurement, Target, interleaved, table
from tests.tui.terminal import Terminal
from tests.unit.run_bench import Bench, kill

REPEATS = 9
TARGET = Target(lambda ours, theirs: ours / theirs, 1.5, "times as long")

ATTACHED = Target(lambda ours, _: ours, 1, "s")

MINIMAL = """
from textual.app import App, ComposeResult
from textual.widgets import Static

class Minimal(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("Ready.")

Minimal().run()
"""


def compare(directory: Path) -> tuple[Measurement, ...]:
    """Measure the console script that users call, up to the keys in its last line, and up to the output of a run that goes on."""
    script = Path(sys.executable).with_name("dfwizard")
    assert script.exists(), f"{script} is missing: install dfwizard into this environment"
    app = directory / "minimal.py"
    app.write_text(MINIMAL)
    bench = Bench(directory)
    environ = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}

    def until(argv: Sequence[str | Path], *words: bytes) -> float:
        began = time.perf_counter()
        with Terminal(argv, environ) as terminal:
            for word in words[:-1]:
                terminal.until(word)
                terminal.press(b"\r")
            return terminal.until(words[-1]) - began

    environ["DFWIZARD_STATE_DIR"] = str(directory / "empty")
    mine, theirs = interleaved(
        lambda: until([script], b"Quit"),
        lambda: until([sys.executable, app], b"Ready."),
        repeats=REPEATS,
    )
    environ["DFWIZARD_STATE_DIR"] = str(bench.store.directory)
    run = bench.run(bench.step("print", "echo so far; while test ! -e go; do sleep 0.05; done"))
    bench.launch(run)
    bench.wait_output(run, b"so far")
    here, there = interleaved(
        lambda: until([script], b"attach", b"so far"),
        lambda: until([sys.executable, app], b"Ready."),
        repeats=REPEATS,
    )
    kill(run)
    return (
        Measurement("first screen", "minimal Textual app", mine, theirs, TARGET),
        Measurement("attached to a run", "minimal Textual app", here, there, ATTACHED),
    )


@pytest.mark.bench
def test_first_screen(tmp_path: Path) -> None:
    print("\n" + table(compare(tmp_path)))
