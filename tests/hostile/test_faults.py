"""A fault of dfwizard itself tells where it happened, and nothing of what was in memory then."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfwizard.cli import dispatch

CANARY = "c4nary-of-a-fault"
FAULTY = f"""
import resource, sys, threading
from dfwizard import cli
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
cli._guard_memory()
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
password = "{CANARY}"
def fail(secret):
    raise ValueError(f"cannot take {{secret}}")
thread = threading.Thread(target=fail, args=(password,))
thread.start()
thread.join()
fail(password)
"""


def test_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DFWIZARD_STATE_DIR", str(tmp_path / "state"))

    def fail(_options: object) -> int:
        password = CANARY
        raise ValueError(f"cannot take {password}")

    monkeypatch.setitem(dispatch._COMMANDS, "runs", fail)
    assert dispatch.dispatch(argparse.Namespace(command="runs")) == 1
    said = capfd.readouterr()
    kept = (tmp_path / "state" / "errors.log").read_text()
    assert "this is a fault of dfwizard itself (ValueError)" in said.err
    assert "in fail" in kept
    assert "Traceback" not in said.err
    assert CANARY not in said.out + said.err + kept


def test_of_a_thread_and_outside_of_a_command(tmp_path: Path) -> None:
    environment = {**os.environ, "DFWIZARD_STATE_DIR": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "-c", FAULTY], env=environment, capture_output=True, text=True, check=False
    )
    kept = (tmp_path / "state" / "errors.log").read_text()
    assert done.returncode == 1
    assert done.stdout == "0\n"
    assert done.stderr.count("this is a fault of dfwizard itself (ValueError)") == 2
    assert kept.count("in fail") == 2
    assert CANARY not in done.stdout + done.stderr + kept
