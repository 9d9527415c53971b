"""The time from the start of `dfwizard` until its first screen is on the terminal, against an app that shows one word."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bench.measure import Measurement, Target, interleaved, table
from tests.tui.terminal import Terminal

REPEATS = 9
TARGET = Target(lambda ours, theirs: ours / theirs, 1.5, "times as long")

MINIMAL = """
from textual.app import App, ComposeResult
from textual.widgets import Static

class Minimal(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("Ready.")

Minimal().run()
"""


def compare(directory: Path) -> Measurement:
    """Measure the console script that users call, up to the last line of the first screen, which holds its keys."""
    script = Path(sys.executable).with_name("dfwizard")
    assert script.exists(), f"{script} is missing: install dfwizard into this environment"
    app = directory / "minimal.py"
    app.write_text(MINIMAL)
    environ = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    environ["DFWIZARD_STATE_DIR"] = str(directory / "state")

    def first_frame(argv: Sequence[str | Path], word: bytes) -> float:
        began = time.perf_counter()
        with Terminal(argv, environ) as terminal:
            return terminal.until(word) - began

    mine, theirs = interleaved(
        lambda: first_frame([script], b"Quit"),
        lambda: first_frame([sys.executable, app], b"Ready."),
        repeats=REPEATS,
    )
    return Measurement("first screen", "minimal Textual app", mine, theirs, TARGET)


@pytest.mark.bench
def test_first_screen(tmp_path: Path) -> None:
    print("\n" + table([compare(tmp_path)]))
