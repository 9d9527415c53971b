"""Runs with a real runner process on steps made for a test: starting, awaiting, killing and answering them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from dfwizard.errors import DfwizardError
from dfwizard.execution import attach, control
from dfwizard.execution.launch import launch
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.state import RunState
from dfwizard.execution.store import Run, Store
from dfwizard.planning.plan import Execute, Plan, Step

ROOT = Path(__file__).resolve().parents[2]
SECRET = "S3cret pa$$'\"#"

RUNNER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from dfwizard.errors import DfwizardError
from dfwizard.execution.runner import serve
from dfwizard.hosts.local import LocalHost
from dfwizard.planning.plan import Execute, Plan, Step

def planner(plan, begun):
    if (Path(plan.instance) / "no-rollback").exists():
        raise DfwizardError("there is no backup")
    steps = tuple(
        Step("undo-" + id, "Undo " + id, "test",
             Execute(("sh", "-c", 'test ! -e no-undo && echo "$1" >> undone', "sh", id), cwd=plan.instance))
        for id in reversed(begun)
    )
    return Plan("rollback", plan.instance, plan.to, plan.frm, plan.backup, plan.owner, plan.me, (), steps)

try:
    code = serve(Path(sys.argv[1]), LocalHost(), {{}}, planner, request=sys.argv[2], secrets=({SECRET.encode()!r},))
except DfwizardError as error:
    print(error)
    code = error.exit_code
Path(sys.argv[1], "exit-code").write_text(str(code))
sys.exit(code)
"""


CRASHING = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from dfwizard.execution import journal
number, mode = int(sys.argv[3]), sys.argv[4]
whole, count = journal.Journal.append, 0

def append(self, event):
    global count
    count += 1
    if count == number and mode == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    if count == number and mode == "torn":
        os.write(self._fd, journal.encode(self._seq + 1, "2026-01-01T00:00:00.000+00:00", event)[:-7])
        os.kill(os.getpid(), signal.SIGKILL)
    record = whole(self, event)
    if count == number and mode == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return record

journal.Journal.append = append
"""


class Bench:
    """An instance directory, a store, and steps that write into the directory."""

    def __init__(self, directory: Path) -> None:
        self.instance = directory / "the instance"
        self.instance.mkdir()
        self.store = Store(directory / "state")
        self.script = directory / "runner.py"
        self.script.write_text(RUNNER)

    def step(self, name: str, script: str, **changes: object) -> Step:
        step = Step(name, f"Do {name}", "test", Execute(("sh", "-c", script), cwd=str(self.instance)))
        return replace(step, **changes)  # type: ignore[arg-type]

    def when(self, script: str) -> Execute:
        return Execute(("sh", "-c", script), cwd=str(self.instance))

    def run(self, *steps: Step, on_failure: OnFailure = OnFailure.STOP) -> Run:
        plan = Plan("upgrade", str(self.instance), "1", "2", "/nowhere", "root", "root", (), steps)
        return self.store.create(plan, None, host="localhost", on_failure=on_failure)

    def argv(self, run: Run, request: str = "run") -> list[str]:
        return [sys.executable, str(self.script), str(run.directory), request]

    def launch(self, run: Run, request: str = "run") -> None:
        launch(run, self.argv(run, request))

    def finish(self, run: Run, request: str = "run") -> tuple[int, RunState]:
        """Carry the run to its end in the foreground."""
        done = subprocess.run(
            self.argv(run, request), capture_output=True, text=True, timeout=60, check=False
        )
        assert not done.stderr, done.stderr
        return done.returncode, run.state()

    def wait(self, run: Run, condition: Callable[[attach.Update], bool]) -> RunState:
        """Follow the run until an update fits."""
        limit = threading.Event()
        timer = threading.Timer(30, limit.set)
        timer.start()
        try:
            for update in attach.follow(run, stop=limit, poll=0.01):
                if condition(update):
                    return run.state()
        finally:
            timer.cancel()
        raise AssertionError(f"never seen: {run.state()}")

    def wait_event(self, run: Run, kind: type[object]) -> RunState:
        return self.wait(run, lambda u: isinstance(u, attach.EventSeen) and isinstance(u.record.event, kind))

    def wait_output(self, run: Run, data: bytes) -> RunState:
        return self.wait(run, lambda u: isinstance(u, attach.OutputSeen) and data in u.data)

    def lines(self, name: str) -> list[str]:
        path = self.instance / name
        return path.read_text().split() if path.exists() else []


@contextmanager
def benched(place: Path) -> Iterator[Bench]:
    """Give a bench in `place`; no runner survives it, nor does a step that waits for the file `go` or `go-2` in the instance."""
    made = Bench(place)
    try:
        yield made
    finally:
        for run in made.store.list():
            with suppress(DfwizardError):
                runner = run.state().runner
                if runner is not None and attach.alive(run, runner):
                    os.kill(runner.pid, signal.SIGKILL)
        for name in ("go", "go-2"):
            (made.instance / name).touch()


def kill(run: Run, number: int = signal.SIGKILL) -> int:
    runner = run.state().runner
    assert runner is not None
    os.kill(runner.pid, number)
    wait_until(lambda: not attach.alive(run, runner))
    return runner.pid


def question_of(run: Run) -> int:
    """Give the number of the question that is open."""
    question = run.state().question
    assert question is not None
    return question.seq


def answer(run: Run, decision: str, *, question: int | None = None) -> None:
    """Answer the open question, or that of a number."""
    number = question if question is not None else question_of(run)
    control.ask(run.socket, {"do": "decide", "decision": decision, "question": number})


def lives(pid: str) -> bool:
    """Tell whether a process runs; one that nobody has reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "never became true"
        time.sleep(0.01)


def statuses(state: RunState) -> dict[str, str]:
    assert state.phase is not None
    return {step.id: step.status.value for step in state.phase.steps}
