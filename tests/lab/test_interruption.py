"""Killed, raced, stopped: a run on a real instance always comes to a verified end or to an identical instance."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dfwizard.execution.attach import EventSeen, follow
from dfwizard.execution.store import Run
from tests.lab.databases import Engine
from tests.lab.driving import ACCEPT_PHP, Cli, independent_digest, quoted
from tests.lab.fixtures import StartLab
from tests.thorough import wide

pytestmark = pytest.mark.lab


def newest(cli: Cli, *, patience: float = 60) -> Run:
    """Wait until a run has begun, and give it."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        directory = cli.state / "runs"
        if directory.is_dir():
            begun = [
                path
                for path in directory.iterdir()
                if (path / "journal.jsonl").exists() and Run(path).state().runner
            ]
            if begun:
                return Run(max(begun))
        time.sleep(0.02)
    raise AssertionError("no run began")


def kill_runner_in(run: Run, step: str, *, since: int = 0, once: Callable[[], bool] = lambda: True) -> None:
    """Kill the runner with SIGKILL while `step` is at work, as soon as `once` holds."""
    deadline = time.monotonic() + 120
    while run.state().seq <= since:  # until its runner has begun, following a run that was over ends at once
        assert time.monotonic() < deadline, "the runner never began"
        time.sleep(0.01)
    for update in follow(run, seq=since, poll=0.005):
        if isinstance(update, EventSeen) and update.record.event.KIND == "step-started":
            runner = update.state.runner
            if update.state.current == step and runner is not None:
                while not once() and time.monotonic() < deadline:
                    time.sleep(0.002)
                os.kill(runner.pid, signal.SIGKILL)
                return
    raise AssertionError(f"the step {step} was never seen at work")


def processes_of(run: Run) -> list[int]:
    """Give the living processes that the run has started."""
    mark = f"DFWIZARD_RUN={run.id}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.parametrize("engine", ["mariadb", wide("sqlite")])
def test_kill_9_in_composer_is_resumed_to_a_verified_end(
    start_lab: StartLab, tmp_path: Path, engine: Engine
) -> None:
    lab = start_lab(engine, "6.3.0", web=True)
    cli = Cli(lab, tmp_path / "state")
    with cli.start("upgrade", str(lab.instance), "--to", "7.1.0", "--yes", *ACCEPT_PHP) as client:
        run = newest(cli)
        kill_runner_in(run, "composer-7.1.0")
        client.wait(60)
        assert client.returncode == 1
    listed = json.loads(cli.run("runs", "--json").out)
    assert [row["state"] for row in listed] == ["interrupted"]
    cli.run("resume", "latest").expect(0)
    assert not processes_of(run)
    assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]


@pytest.mark.parametrize("engine", [wide("mariadb"), "postgresql"])
def test_kill_9_in_the_restore_of_the_database_is_resumed_to_an_identical_instance(
    start_lab: StartLab, tmp_path: Path, engine: Engine
) -> None:
    lab = start_lab(engine, "6.3.0", web=True)
    cli = Cli(lab, tmp_path / "state")
    before = independent_digest(lab)
    cli.upgrade("7.1.0").expect(0)
    run = newest(cli)
    since = run.state().seq

    def emptied() -> bool:
        """Tell whether the restore has taken the users away."""
        try:
            return not lab.query(f"select id from {quoted(lab, 'user')}")
        except Exception:  # the table is gone: whatever the driver calls that
            return True

    with cli.start("rollback", "latest", "--yes") as client:
        kill_runner_in(run, "restore-database", since=since, once=emptied)
        client.wait(60)
        assert client.returncode == 1
    # The client that fills the database may live on for a moment: what is in it now is anybody's guess.
    assert [row["state"] for row in json.loads(cli.run("runs", "--json").out)] == ["interrupted"]
    ended = cli.run("resume", "latest").expect(0)
    assert "Rolled back" in ended.out
    assert independent_digest(lab) == before


def test_two_upgrades_at_once_are_one_run_and_one_refusal(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("sqlite", "6.3.0", web=False)
    cli = Cli(lab, tmp_path / "state")
    arguments = ("upgrade", str(lab.instance), "--to", "7.1.0", "--yes", *ACCEPT_PHP)
    with cli.start(*arguments) as one, cli.start(*arguments) as other:
        texts = [client.communicate(timeout=200)[0].decode() for client in (one, other)]
    codes = [one.returncode, other.returncode]
    assert sorted(codes) in ([0, 3], [3, 4])
    refused = texts[codes.index(3)]
    assert "held by" in refused or "holds" in refused
    assert "started" in refused
    assert len(list((cli.state / "runs").iterdir())) == 1


def test_ctrl_c_in_the_client_leaves_the_run_going(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("sqlite", "6.3.0", web=True)
    cli = Cli(lab, tmp_path / "state")
    with cli.start("upgrade", str(lab.instance), "--to", "7.1.0", "--yes", *ACCEPT_PHP) as client:
        run = newest(cli)
        client.send_signal(signal.SIGINT)
        said = client.communicate(timeout=60)[0].decode()
    assert client.returncode == 130
    assert f"dfwizard attach {run.id}" in said
    cli.run("attach").expect(0)
    assert run.state().outcome == "done"
