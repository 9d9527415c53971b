"""What a command loads: the quick ones must not wait for the screens' and SSH's libraries."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfwizard import __version__
from dfwizard.execution import events as ev
from dfwizard.execution.journal import open_journal
from dfwizard.execution.store import Store
from dfwizard.planning.plan import Execute, Plan, Step

HEAVY = {"textual", "rich", "paramiko"}
RUN = "20260105-004100-1f2e"

_IMPORT = re.compile(r"import time: +(?:\d+|self \[us\]) \| +(?:\d+|cumulative) \| +(.+)")
"""A line of `python -X importtime`, its heading included."""


@dataclass(frozen=True)
class Ended:
    """A finished command: its exit code, what it printed, and the top-level packages that it imported."""

    code: int
    out: str
    err: str
    imported: frozenset[str]


def python(*arguments: str, state: Path) -> Ended:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DFWIZARD_")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        env={**environment, "DFWIZARD_STATE_DIR": str(state)},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = done.stderr.splitlines()
    found = [match[1] for line in lines if (match := _IMPORT.fullmatch(line))]
    said = "\n".join(line for line in lines if not _IMPORT.fullmatch(line))
    return Ended(done.returncode, done.stdout, said, frozenset(name.strip().split(".")[0] for name in found))


def dfwizard(*arguments: str, state: Path) -> Ended:
    return python("-m", "dfwizard", *arguments, state=state)


def test_an_import_would_be_seen(tmp_path: Path) -> None:
    for name in HEAVY:
        assert importlib.util.find_spec(name) is not None
        assert name in python("-c", f"import {name}", state=tmp_path).imported


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(tmp_path: Path, option: str) -> None:
    ended = dfwizard(option, state=tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, f"dfwizard {__version__}\n", "")
    assert not ended.imported & HEAVY
    assert "argparse" not in ended.imported


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("upgrade", "--help"), ("runs", "--help")])
def test_help(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = dfwizard(*arguments, state=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("usage: dfwizard")
    assert not ended.imported & HEAVY


def test_no_command_and_no_terminal_asks_line_by_line_and_ends_with_its_input(tmp_path: Path) -> None:
    ended = dfwizard(state=tmp_path)
    assert ended.code == 2
    assert "Which instance?" in ended.out
    assert "The input has ended; no upgrade was begun." in ended.out
    assert not ended.imported & HEAVY


@pytest.mark.parametrize("arguments", [("no-such-command",), ("upgrade",), ("runs", "--no-such-option")])
def test_a_wrong_command_line_is_told_with_its_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = dfwizard(*arguments, state=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("usage: dfwizard")
    assert not ended.imported & HEAVY


@pytest.mark.parametrize("made", [True, False])
def test_runs_where_there_is_none(tmp_path: Path, made: bool) -> None:
    state = tmp_path / "state"
    if made:
        state.mkdir()
    ended = dfwizard("runs", state=state)
    assert (ended.code, ended.err) == (0, "")
    assert "no run yet" in ended.out
    assert not ended.imported & HEAVY
    assert list(tmp_path.rglob("*")) == ([state] if made else [])
    assert dfwizard("runs", "--json", state=state).out == "[]\n"


@pytest.mark.parametrize(
    "module",
    ["dfwizard.hosts.opening", "dfwizard.hosts.ssh", "dfwizard.hosts.ssh.route", "dfwizard.hosts.prompts"],
)
def test_hosts_can_be_named_without_what_reaches_them(tmp_path: Path, module: str) -> None:
    ended = python("-c", f"import {module}", state=tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert not ended.imported & {*HEAVY, "cryptography"}


def test_what_reaches_hosts_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    ended = python(
        "-c", "from dfwizard.hosts.ssh import SshHost, Connection; print(SshHost.__name__)", state=tmp_path
    )
    assert (ended.code, ended.out, ended.err) == (0, "SshHost\n", "")
    assert "paramiko" in ended.imported


def _nothing(_directory: Path) -> None:
    """Leave the run's directory empty."""


def _not_json(directory: Path) -> None:
    (directory / "run.json").write_bytes(b"\x00\xff\x1b[31m")


def _newer(directory: Path) -> None:
    (directory / "run.json").write_text('{"schema": 999}')


def _another_shape(directory: Path) -> None:
    (directory / "run.json").write_text('{"id": 7}')


def _a_directory(directory: Path) -> None:
    (directory / "run.json").mkdir()


@pytest.mark.parametrize("spoil", [_nothing, _not_json, _newer, _another_shape, _a_directory])
def test_runs_where_one_cannot_be_read(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    directory = tmp_path / "runs" / RUN
    directory.mkdir(parents=True)
    spoil(directory)
    before = sorted(tmp_path.rglob("*"))
    ended = dfwizard("runs", state=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{RUN}  unreadable: ")
    assert ended.out.replace("\n", "").isprintable()
    assert not ended.imported & HEAVY
    assert sorted(tmp_path.rglob("*")) == before


def test_runs_that_can_be_read(tmp_path: Path) -> None:
    step = Step("one", "One", "test", Execute(("true",)))
    plan = Plan("upgrade", "/opt/dreamfactory", "6.3.0", "7.1.0", "/b", "root", "root", (), (step,))
    run = Store(tmp_path).create(plan, None, host="localhost")
    journal = open_journal(run.journal)
    for event in (ev.PhaseStarted(0, "upgrade", "plan.json"), ev.RunFinished("failed", 1)):
        journal.append(event)
    journal.close()
    ended = dfwizard("runs", state=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{run.id}  failed")
    assert not ended.imported & HEAVY
