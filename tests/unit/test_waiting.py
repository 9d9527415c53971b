"""Waiting for a person who switches PHP: what is looked at, and that the run asks, whatever its policy.

No machine here has two PHP: a stand-in answers dfwizard's question for the version that a file holds.
"""

from __future__ import annotations

import getpass
import grp
import os
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.execution import events as ev
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.store import Run, Store
from dfwizard.planning.plan import Plan, Step, Undo, WaitForPerson
from dfwizard.waiting import wait_for_person

from . import samples
from .executor_rig import Rig
from .run_bench import RUNNER, Bench, answer

STAND_IN = """\
#!/bin/sh
# A stand-in for php: it answers one question, for the version in the file beside it.
here=$(dirname -- "$0")
[ -e "$here/version" ] || exit 127
printf '["%s","/usr/bin/php","json"]' "$(cat "$here/version")" | sed 's/"json"/["json"]/'
"""


class Php:
    """The stand-in, and what it says it is."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        self.program = str(place / "php")
        Path(self.program).write_text(STAND_IN)
        Path(self.program).chmod(0o755)

    def switch(self, version: str) -> None:
        (self.place / "version").write_text(version)


@pytest.fixture
def php(tmp_path: Path) -> Php:
    made = Php(tmp_path / "php")
    made.switch("8.1.27")
    return made


def action(php: Php, *, web: bool = False) -> WaitForPerson:
    return WaitForPerson(
        php.program, ("8.3", "8.4"), web, "8.1", ("update-alternatives --set php /usr/bin/php8.3",)
    )


def begun(store: Store, instance: Path, steps: tuple[Step, ...], policy: OnFailure = OnFailure.AUTO) -> Run:
    me = getpass.getuser()
    tree = replace(samples.facts().tree, owner=me, group=grp.getgrgid(os.getgid()).gr_name)
    facts = samples.facts(path=str(instance), me=me, tree=tree, owner_home=str(instance))
    plan = Plan("upgrade", str(instance), "6.3.0", "7.1.0", "/nowhere", me, me, (), steps)
    return store.create(plan, facts, host="localhost", on_failure=policy)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    run = begun(Store(tmp_path / "state"), tmp_path, ())
    return Rig(run, actions={WaitForPerson.KIND: wait_for_person})  # type: ignore[dict-item]


def step(wanted: WaitForPerson) -> Step:
    return Step(
        "php-7.1.0",
        "Wait until PHP 8.3 or 8.4 is there for 7.1.0",
        "test",
        wanted,
        undo=Undo.PHP,
        skippable=True,
    )


@pytest.mark.parametrize("version", ["8.3.0", "8.4.1-1+deb13u1"])
def test_a_php_in_the_window_is_let_through(rig: Rig, php: Php, version: str) -> None:
    php.switch(version)
    assert rig.attempt(step(action(php)))
    assert f"the command line: PHP {version}" in rig.output.decode()
    # Nobody could look at the web server's PHP: that is a warning of the run.
    assert any(isinstance(event, ev.Note) and event.warning for event in rig.events)


@pytest.mark.parametrize("version", ["8.1.27", "8.30.1", "7.4.33"])
def test_another_php_is_not_and_what_to_type_is_shown(rig: Rig, php: Php, version: str) -> None:
    php.switch(version)
    assert not rig.attempt(step(action(php)))
    assert rig.failure.message.startswith(
        f"The command line runs PHP {version}; 8.3 or 8.4 is needed for both."
    )
    assert "update-alternatives --set php /usr/bin/php8.3" in rig.output.decode()


def test_a_php_that_does_not_start_is_told_as_such(rig: Rig, php: Php) -> None:
    (php.place / "version").unlink()
    assert not rig.attempt(step(action(php)))
    assert "no PHP that could be asked" in rig.failure.message
    assert "Traceback" not in rig.output.decode()


def test_the_web_server_must_be_seen_where_it_was_before(rig: Rig, php: Php) -> None:
    php.switch("8.3.1")
    assert not rig.attempt(step(action(php, web=True)))
    assert rig.failure.message.startswith("The web server runs no PHP that could be asked")
    assert "the command line: PHP 8.3.1" in rig.output.decode()


def waiting(bench: Bench, php: Php, policy: OnFailure) -> Run:
    """Start a run that comes to a gate, with the real action."""
    bench.script.write_text(
        RUNNER.replace("LocalHost(), {}", "LocalHost(), {WaitForPerson.KIND: wait_for_person}").replace(
            "import Execute, Plan, Step",
            "import Execute, Plan, Step, WaitForPerson\nfrom dfwizard.waiting import wait_for_person",
        )
    )
    steps = (step(action(php)), bench.step("after", "echo after >> log"))
    run = begun(bench.store, bench.instance, steps, policy)
    bench.launch(run)
    return run


@pytest.mark.parametrize("policy", [OnFailure.AUTO, OnFailure.ROLLBACK])
def test_a_run_asks_at_a_gate_whatever_its_policy_and_looks_again(
    bench: Bench, php: Php, policy: OnFailure
) -> None:
    run = waiting(bench, php, policy)
    state = bench.wait_event(run, ev.Asked)
    assert state.question is not None
    assert state.question.text.startswith("The upgrade waits for you. The command line runs PHP 8.1.27")
    assert state.question.choices == ("retry", "skip", "rollback", "stop")
    answer(run, "retry")
    bench.wait(run, lambda _: run.state().question is not None and run.state().seq > state.seq + 1)
    assert bench.lines("log") == []
    php.switch("8.3.14")
    answer(run, "retry")
    state = bench.wait_event(run, ev.RunFinished)
    assert bench.lines("log") == ["after"]
    assert state.outcome == "done-with-warnings"


def test_at_a_gate_the_run_can_be_taken_back(bench: Bench, php: Php) -> None:
    run = waiting(bench, php, OnFailure.AUTO)
    bench.wait_event(run, ev.Asked)
    answer(run, "rollback")
    state = bench.wait_event(run, ev.RunFinished)
    assert (state.outcome, bench.lines("log")) == ("rolled-back", [])
    assert bench.lines("undone") == ["php-7.1.0"]


def test_a_rollback_waits_too_and_never_offers_a_rollback(bench: Bench, php: Php) -> None:
    run = waiting(bench, php, OnFailure.AUTO)
    planned = "replace(plan, kind='rollback', steps=plan.steps[:1])"
    runner = bench.script.read_text().replace(
        "    steps = tuple(", f"    return {planned}\n    steps = tuple("
    )
    bench.script.write_text(f"from dataclasses import replace\n{runner}")
    bench.wait_event(run, ev.Asked)
    answer(run, "stop")
    bench.wait_event(run, ev.RunFinished)
    bench.launch(run, "rollback")
    state = bench.wait(run, lambda _: (now := run.state()).question is not None and len(now.phases) > 1)
    assert state.question is not None
    assert state.question.choices == ("retry", "skip", "stop")
    php.switch("8.4.1")
    answer(run, "retry")
    bench.wait(run, lambda _: run.state().outcome == "rolled-back")
