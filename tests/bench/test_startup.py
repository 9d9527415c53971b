"""The time until `dfwizard --version` has answered, against an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dfwizard import __version__
from tests.bench.measure import Measurement, Target, interleaved, seconds_of, table

REPEATS = 15
TARGET = Target(lambda ours, theirs: (ours - theirs) * 1000, 60, "ms more")


def compare(_directory: Path) -> Measurement:
    """Measure the console script that users call."""
    script = Path(sys.executable).with_name("dfwizard")
    assert script.exists(), f"{script} is missing: install dfwizard into this environment"

    def ours() -> float:
        return _timed([str(script), "--version"], f"dfwizard {__version__}\n")

    def baseline() -> float:
        return _timed([sys.executable, "-c", "pass"], "")

    mine, theirs = interleaved(ours, baseline, repeats=REPEATS)
    return Measurement("dfwizard --version", "python -c pass", mine, theirs, TARGET)


def _timed(argv: list[str], expected: str) -> float:
    said = []

    def work() -> None:
        said.append(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

    seconds = seconds_of(work)
    assert said == [expected]
    return seconds


@pytest.mark.bench
def test_startup(tmp_path: Path) -> None:
    print("\n" + table([compare(tmp_path)]))
