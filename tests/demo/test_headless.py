"""The demo's command line on a machine without PHP: the same text every time, what is kept and what is taken away."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from dfwizard.demo import attach_sandbox, scenarios
from tests.demo.machine import Machine
from tests.thorough import wide


@pytest.mark.parametrize("name", ["smooth", wide("lost-connection")])
def test_the_same_scenario_says_the_same_again(tmp_path: Path, name: str) -> None:
    first, second = (
        Machine(tmp_path / place / "machine").make().demo("--headless", "--speed", "0", "--scenario", name)
        for place in ("a", "b")
    )
    there, here = (
        one.plain().replace(str(tmp_path / place), "") for one, place in ((first, "a"), (second, "b"))
    )
    assert there.splitlines() == here.splitlines()


def test_a_kept_sandbox_is_named_and_can_be_looked_into(machine: Machine) -> None:
    ended = machine.demo("--headless", "--speed", "0", "--keep", "--scenario", "wrong-app-key")
    (kept,) = machine.temporary.iterdir()
    assert f"dfwizard demo --attach {kept}" in ended.err
    assert (kept / "opt/dreamfactory/artisan").is_file()
    assert kept.stat().st_mode & 0o777 == 0o700


def test_ctrl_c_keeps_the_sandbox_of_a_run_that_goes_on(machine: Machine) -> None:
    ended = _interrupted(machine, "Install the packages")
    assert ended.returncode == 130
    (kept,) = machine.temporary.iterdir()
    with attach_sandbox(kept) as sandbox:
        controller = sandbox.controller()
        (run,) = controller.store.list()
        assert controller.is_alive(run)
        for _ in controller.follow(run):
            pass
        assert run.state().outcome == "done"
    assert machine.left() == []


def test_ctrl_c_before_the_run_takes_the_sandbox_away(machine: Machine) -> None:
    assert _interrupted(machine, "DEMO smooth").returncode == 130
    assert machine.left() == []


def _interrupted(machine: Machine, sign: str) -> subprocess.Popen[str]:
    """Run the demo and send SIGINT once a line with `sign` is there."""
    child = subprocess.Popen(
        machine.command("--headless", "--speed", "5"),
        env=machine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stderr is not None
        assert any(sign in line for line in child.stderr)
        child.send_signal(signal.SIGINT)
        child.stderr.read()
    return child


def test_the_list_explains_every_scenario(machine: Machine) -> None:
    ended = machine.demo("--list")
    assert ended.code == 0
    for one in scenarios():
        assert f"{one.name}: {one.title}" in ended.out
    assert machine.left() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scenario", "nosuch", "--headless"), "there is no scenario 'nosuch'"),
        (("--attach", "/", "--headless"), "this is no sandbox of a demo"),
        (("--attach", "/"), "this is no sandbox of a demo"),
        (("--speed", "-1"), "is no speed"),
        (("--speed", "nan"), "is no speed"),
    ],
)
def test_what_cannot_be_is_refused(machine: Machine, arguments: tuple[str, ...], said: str) -> None:
    ended = machine.demo(*arguments)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert machine.left() == []


def test_without_git_it_is_said_what_to_install(machine: Machine) -> None:
    (machine.directory / "bin" / "git").unlink()
    ended = machine.demo("--headless")
    assert ended.code == 1
    assert "the demo needs git" in ended.err
    assert machine.left() == []
