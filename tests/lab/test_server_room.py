"""The disk of a database server on this host is measured, and a short one is warned of."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import settings
from dfwizard.instance.dotenv import parse
from dfwizard.instance.probe import Probe, probe_facts
from tests.lab.databases import Engine
from tests.lab.driving import ACCEPT_PHP, Cli
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab


def told_directory(lab: Lab) -> str | None:
    path = str(lab.instance)
    found = settings(parse((lab.instance / ".env").read_bytes()).values, path, (6, 3, 0))
    return probe_facts(Probe(LocalHost(), "php", found)).directory


@pytest.mark.parametrize("engine", ["mariadb", "postgresql"])
def test_the_server_says_where_its_data_is_or_is_looked_for(
    start_lab: StartLab, tmp_path: Path, engine: Engine
) -> None:
    lab = start_lab(engine)
    told = told_directory(lab)
    assert told == (f"{lab.directory}/mariadb/data/" if engine == "mariadb" else None)
    found = json.loads(Cli(lab, tmp_path / "state").run("inspect", str(lab.instance), "--json").out)
    measured = [one for one in found["space"] if "database server" in one["purpose"]]
    assert bool(measured) == (engine == "mariadb" or Path("/var/lib/postgresql").is_dir())


def test_a_full_disk_of_the_server_is_warned_of_and_nothing_is_written(
    start_lab: StartLab, tmp_path: Path
) -> None:
    lab = start_lab("mariadb")
    data = lab.directory / "mariadb" / "data"
    cli = Cli(lab, tmp_path / "state")
    roomy = cli.run("check", str(lab.instance), "--to", "7.1.0", *ACCEPT_PHP)
    assert "[target-commit]" in roomy.err + roomy.out
    assert "[scratch-space]" not in roomy.err + roomy.out
    small = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs", str(data)]
    subprocess.run(small, check=True)  # the server keeps what it has open, below
    try:
        ended = cli.run("check", str(lab.instance), "--to", "7.1.0", *ACCEPT_PHP)
        said = " ".join((ended.err + ended.out).split())
        assert "[scratch-space]" in said
        assert f"{data} has" in said
        assert not list(data.iterdir())
    finally:
        subprocess.run(["umount", str(data)], check=True)
