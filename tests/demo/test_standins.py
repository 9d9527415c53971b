"""The stand-in for PHP answers dfwizard's questions as a real PHP does: both are asked about the same database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfwizard.access import open_instance
from dfwizard.backup.sql import SQLITE_CHECK, SQLITE_COPY
from dfwizard.demo import open_sandbox
from dfwizard.hosts.command import Command
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.probe import Probe, probe_digest, probe_facts, probe_names, probe_rows

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Probe, Probe]]:
    """The stand-in and the real PHP, asking the same database."""
    real = shutil.which("php")
    assert real is not None
    host = LocalHost()
    with open_sandbox("smooth", speed=0, directory=tmp_path_factory.mktemp("demo") / "sandbox") as sandbox:
        facts = sandbox.controller().inspect(sandbox.path)
        settings = open_instance(host, facts).database
        assert settings is not None
        yield Probe(host, str(sandbox.directory / "bin/php"), settings), Probe(host, real, settings)


def test_facts(probes: tuple[Probe, Probe]) -> None:
    ours, theirs = (probe_facts(probe) for probe in probes)
    assert ours.encrypted
    for name in (
        "size",
        "writable",
        "tables",
        "migrations",
        "service_types",
        "active_types",
        "password_costs",
    ):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.encrypted == theirs.encrypted
    assert ours.directory == theirs.directory


def test_digest(probes: tuple[Probe, Probe]) -> None:
    ours, theirs = (
        probe_digest(probe, skip_rows=("task_log",), leave_out={"user": ("last_login_date",)})
        for probe in probes
    )
    assert ours.tables == theirs.tables
    assert ours.objects == theirs.objects


def test_names_and_rows(probes: tuple[Probe, Probe]) -> None:
    names = [
        probe_names(probe, (("service", "name"), ("user", "email"), ("nosuch", "x"))) for probe in probes
    ]
    assert names[0] == names[1]
    rows = [sorted(probe_rows(probe, "lookup", ("id", "value", "description"))) for probe in probes]
    assert rows[0] == rows[1]


def test_copy_and_check(probes: tuple[Probe, Probe], tmp_path: Path) -> None:
    for probe in probes:
        source, target = probe.settings.file, str(tmp_path / f"{Path(probe.php).parent.name}.sqlite")
        assert source is not None
        for code, words in ((SQLITE_COPY, (source, target)), (SQLITE_CHECK, (target,))):
            LocalHost().run(Command((probe.php, "-d", "display_errors=stderr", "-r", code, "--", *words)))
        damaged = tmp_path / "damaged.sqlite"
        damaged.write_bytes(b"no database at all" * 400)
        argv = (probe.php, "-d", "display_errors=stderr", "-r", SQLITE_CHECK, "--", str(damaged))
        assert LocalHost().run(Command(argv), check=False).code == 1
