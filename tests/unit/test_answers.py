"""What was answered on the way to a host reaches the runner through a pipe, once, and is on no disk."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dfwizard.errors import DfwizardError
from dfwizard.execution import answers
from dfwizard.execution.answers import Offer, take_answers
from dfwizard.execution.launch import launch
from dfwizard.execution.store import Run, Store
from tests.unit import samples

SECRET = b'{"answers": {"password": "correct horse"}, "accepted": []}'


def test_the_one_who_reads_gets_it_and_nothing_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    offer = Offer(pipe, SECRET)
    found = pipe.lstat()
    assert stat.S_ISFIFO(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    offer.hand_over()  # nobody reads yet: nothing is lost
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(take_answers(pipe)))
    reader.start()
    while reader.is_alive():
        offer.hand_over()
        reader.join(0.01)
    assert got == [SECRET]
    assert not pipe.exists()
    offer.withdraw()
    assert take_answers(pipe) == b""


def test_a_launcher_that_never_comes_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "WAIT_SECONDS", 0.1)
    Offer(tmp_path / "pipe", SECRET)
    with pytest.raises(DfwizardError, match="did not reach the runner"):
        take_answers(tmp_path / "pipe")
    assert not (tmp_path / "pipe").exists()


def test_a_pipe_in_the_place_of_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"somebody else's")
    (tmp_path / "pipe").symlink_to(tmp_path / "real")
    assert take_answers(tmp_path / "pipe") == b""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    plan = samples.plan(samples.facts(), "7.1.0")
    return Store(tmp_path / "state").create(plan, None, host="admin@other.example")


CHILD = """
import json, os, sys
from pathlib import Path
from dfwizard.execution.launch import StartReport, handed_over
from dfwizard.execution.store import Run
run = Run(Path(sys.argv[1]))
got = handed_over(run)
Path(sys.argv[2]).write_bytes(got[::-1])
environment = Path("/proc/self/environ").read_bytes() + Path("/proc/self/cmdline").read_bytes()
assert b"correct horse" not in environment
assert not [path for path in run.directory.iterdir() if b"correct horse" in (path.read_bytes() if path.is_file() else b"")]
StartReport.expected(run).started()
"""


def child(place: Path) -> str:
    """Give the file of what runs in the launched process: its command line must not hold the secret, so it stands in none."""
    file = place / "child.py"
    file.write_text(CHILD, encoding="ascii")
    return str(file)


def test_a_launched_process_gets_it(run: Run, tmp_path: Path) -> None:
    got = tmp_path / "got"
    launch(run, (sys.executable, child(tmp_path), str(run.directory), str(got)), answers=SECRET)
    assert got.read_bytes()[::-1] == SECRET
    assert not [path for path in run.directory.iterdir() if path.is_fifo()]


def test_a_process_that_ends_at_once_leaves_no_pipe(run: Run) -> None:
    with pytest.raises(DfwizardError, match="ended at once"):
        launch(run, (sys.executable, "-c", "pass"), answers=SECRET)
    assert not [path for path in run.directory.iterdir() if path.is_fifo()]


def test_nobody_launched_nothing_handed_over(run: Run, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DFWIZARD_START"}
    got = tmp_path / "got"
    subprocess.run(
        (sys.executable, child(tmp_path), str(run.directory), str(got)),
        env=environment,
        check=True,
        timeout=60,
    )
    assert got.read_bytes() == b""
