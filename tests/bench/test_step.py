"""What carrying out a trivial step costs: a plan of `true` steps, against running `true` as often."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.store import Run, Store
from dfwizard.planning.plan import Execute, Plan, Step
from tests.bench.measure import Measurement, Target, interleaved, table

REPEATS = 7
STEPS = 50
TARGET = Target(lambda ours, theirs: (ours - theirs) * 1000 / STEPS, 20, "ms more per step")

_RUNNER = """
import json, sys, time
from pathlib import Path
from dfwizard.execution.runner import serve
from dfwizard.hosts.local import LocalHost

def planner(plan, begun):
    raise AssertionError("nothing is to be taken back")

began = time.perf_counter()
code = serve(Path(sys.argv[1]), LocalHost(), {}, planner)
print(json.dumps({"code": code, "seconds": time.perf_counter() - began}))
"""
_PLAIN = """
import json, subprocess, sys, time

began = time.perf_counter()
for _ in range(int(sys.argv[1])):
    subprocess.run(["true"], check=True, stdin=subprocess.DEVNULL, capture_output=True)
print(json.dumps({"code": 0, "seconds": time.perf_counter() - began}))
"""


def compare(directory: Path) -> Measurement:
    """Measure a whole run in a runner's process, from taking its locks to its last event; start-up is left out of both."""
    instance = directory / "instance"
    instance.mkdir()
    store = Store(directory / "state")
    steps = tuple(Step(f"true-{number}", "Do nothing", "test", Execute(("true",))) for number in range(STEPS))
    plan = Plan("upgrade", str(instance), "1", "2", str(directory / "backup"), "root", "root", (), steps)

    def ours() -> float:
        run = store.create(plan, None, host="localhost", on_failure=OnFailure.STOP)
        seconds = _seconds(_RUNNER, str(run.directory))
        assert _done(run) == [step.id for step in steps]
        return seconds

    def baseline() -> float:
        return _seconds(_PLAIN, str(STEPS))

    mine, theirs = interleaved(ours, baseline, repeats=REPEATS)
    return Measurement(f"{STEPS} trivial steps", f"{STEPS} x subprocess.run", mine, theirs, TARGET)


def _seconds(script: str, argument: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", script, argument], check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout)
    assert (told["code"], done.stderr) == (0, "")
    return float(told["seconds"])


def _done(run: Run) -> list[str]:
    found = [record.event for record in journal.read(run.journal).records]
    assert found[-1] == ev.RunFinished("done", 0)
    return [event.step for event in found if isinstance(event, ev.StepFinished) and event.outcome == "done"]


@pytest.mark.bench
def test_step(tmp_path: Path) -> None:
    print("\n" + table([compare(tmp_path)]))
