"""Forty walks of random keys and sizes over a wizard with a real demo: nothing breaks, nothing is lost, nothing starts by itself."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator

import pytest

from dfwizard.controller import Controller
from dfwizard.demo import Sandbox, open_sandbox
from dfwizard.errors import DfwizardError
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.store import Run
from dfwizard.tui.session import Demo, Session
from tests.thorough import stride, wide
from tests.tui.driving import NARROW, driving
from tests.tui.hostile import Fingers, known_keys, still_answers

WALKS = 40
TOGETHER = 5
"""Walks in one test, one after the other in the same sandbox."""

ACTS = 25


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One sandbox for all walks of somebody bold: each finds it as the one before has left it."""
    with open_sandbox("migration-fails", speed=0) as made:
        yield made
        _bring_to_an_end(made.controller())


def _bring_to_an_end(controller: Controller) -> None:
    for run in controller.store.list():
        state = run.state()
        while state.outcome is None and controller.is_alive(run):
            if state.question is not None or state.paused:
                _answer(controller, run)
            next(controller.follow(run, seq=state.seq), None)
            state = run.state()


def _answer(controller: Controller, run: Run) -> None:
    state = run.state()
    try:
        controller.decide(run, "stop" if state.question is not None else "continue")
    except DfwizardError:
        assert run.state().seq != state.seq, "the runner does not answer"


def _have_a_run_going(sandbox: Sandbox) -> None:
    """Start an upgrade, which will fail and ask, unless one goes on; what an earlier walk has left behind is no hindrance."""
    controller, unfinished = sandbox.controller(), frozenset({"unfinished-run"})
    if any(controller.is_alive(run) for run in controller.store.list()):
        return
    prospect = controller.prepare(sandbox.path, sandbox.scenario.target, accepted=unfinished)
    accepted = unfinished | {finding.id for finding in prospect.findings}
    controller.start_upgrade(prospect, accepted=accepted, on_failure=OnFailure.ASK)


async def _walk(sandbox: Sandbox, seed: int, *, bold: bool) -> None:
    """Press keys until it is enough; who has left comes again."""
    fingers = Fingers(seed, bold)
    demo = Demo(sandbox.scenario.title, sandbox.scenario.story)
    while len(fingers.done) < ACTS:
        controller = sandbox.controller()
        runs = controller.store.list()
        session = Session(path=sandbox.path, target=sandbox.scenario.target)
        session.run = runs[0] if runs and seed % 2 else None
        start = "instance" if seed % 3 else "detection"
        try:
            async with driving(controller, session, start=start, size=NARROW, demo=demo) as drive:
                while len(fingers.done) < ACTS and drive.wizard.is_running and not drive.wizard._exit:
                    await fingers.act(drive)
                if len(fingers.done) >= ACTS and not drive.wizard._exit:
                    await still_answers(drive)
        except BaseException as error:
            error.args = (f"seed {seed}: {' '.join(fingers.done)}", *error.args)
            raise


def _instance(sandbox: Sandbox) -> str:
    """Give a digest of every file of the instance."""
    digest = hashlib.sha256()
    for path in sorted(sandbox.instance.rglob("*")):
        if path.is_file() and ".git" not in path.parts:
            digest.update(os.fsencode(path) + path.read_bytes())
    return digest.hexdigest()


def _no_faults(sandbox: Sandbox) -> None:
    faults = sandbox.state / "errors.log"
    assert not faults.exists(), faults.read_text()


@pytest.mark.parametrize("first", [0, *map(wide, range(TOGETHER, WALKS // 2, TOGETHER))])
def test_nothing_breaks_and_no_run_is_lost(sandbox: Sandbox, first: int) -> None:
    _have_a_run_going(sandbox)
    for seed in range(first, first + TOGETHER):
        asyncio.run(_walk(sandbox, seed, bold=True))
        _no_faults(sandbox)
        controller = sandbox.controller()
        for run in controller.store.list():
            state = run.state()
            assert state.outcome is not None or controller.is_alive(run), f"seed {seed} lost {run.id}"


def test_nothing_changes_before_yes_was_said(request: pytest.FixtureRequest) -> None:
    with open_sandbox("smooth", speed=0) as sandbox:
        before = _instance(sandbox)
        for seed in range(WALKS // 2, WALKS, stride(request, 4)):
            asyncio.run(_walk(sandbox, seed, bold=False))
            _no_faults(sandbox)
            assert sandbox.controller().store.list() == (), f"seed {seed} has started a run"
            assert _instance(sandbox) == before, f"seed {seed} has changed the instance"


def test_the_keys_are_those_of_the_screens() -> None:
    assert {"y", "n", "b", "q", "escape", "enter", "space", "r"} < set(known_keys())
