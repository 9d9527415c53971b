"""The stand-in for PHP answers dfwizard's questions as a real PHP does: both are asked about the same database."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.access import Access, open_instance
from dfwizard.backup.apart import Asked, has_marker, remove_marker, write_marker
from dfwizard.backup.context import BackupContext
from dfwizard.backup.sql import SQLITE_CHECK, SQLITE_COPY
from dfwizard.demo import open_sandbox
from dfwizard.hosts.command import Command
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.probe import (
    Probe,
    probe_connections,
    probe_digest,
    probe_facts,
    probe_identity,
    probe_names,
    probe_paths,
    probe_picture,
    probe_rows,
)

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """A sandbox's instance, its PHP being the stand-in."""
    with open_sandbox("smooth", speed=0, directory=tmp_path_factory.mktemp("demo") / "sandbox") as sandbox:
        facts = sandbox.controller().inspect(sandbox.path)
        yield replace(open_instance(LocalHost(), facts), php=str(sandbox.directory / "bin/php"))


@pytest.fixture(scope="module")
def probes(access: Access) -> tuple[Probe, Probe]:
    """The stand-in and the real PHP, asking the same database."""
    real = shutil.which("php")
    assert real is not None
    assert access.database is not None
    ours, theirs = (Probe(access.host, php, access.database) for php in (access.php, real))
    return ours, theirs


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


def test_identity(probes: tuple[Probe, Probe]) -> None:
    ours, theirs = (probe_identity(probe) for probe in probes)
    assert ours == theirs


def test_picture(probes: tuple[Probe, Probe]) -> None:
    ours, theirs = (
        probe_picture(
            probe,
            ("user", "role*", "*_config", "lookup"),
            naming={"user": "email", "lookup": "nosuch"},
            skip=("task_*",),
            leave_out={"user": ("last_login_date",)},
            limit=30,
        )
        for probe in probes
    )
    assert ours.tables["user"].rows_by_key
    assert ours.tables["role_service_access"].rows_by_key is None
    assert ours.tables == theirs.tables
    assert ours.encrypted
    assert ours.encrypted == theirs.encrypted


def test_paths(probes: tuple[Probe, Probe]) -> None:
    assert probes[0].settings.file is not None
    with sqlite3.connect(probes[0].settings.file) as connection:
        text = '["\\/srv\\/reports\\/2024", "x/y", "file:/etc/df/keys.json"]'
        connection.execute("update file_service_config set public_path = ? where service_id = 3", (text,))
    connection.close()
    ours, theirs = (probe_paths(probe, ("app", "*_config", "cors*")) for probe in probes)
    assert set(ours) == {"/srv/reports/2024", "/etc/df/keys.json"}
    assert ours == theirs


def test_connections(access: Access, probes: tuple[Probe, Probe]) -> None:
    """The databases on other machines are tried by neither: one has no driver for them, one no key."""
    directory = f"{access.path}/storage/databases"
    for drivers, place in (
        ({"sqlite": "sqlite"}, directory),
        ({"sqlite": "sqlite", "pgsql": "pgsql", "mysql": "mysql"}, "/nonexistent"),
    ):
        ours, theirs = (
            probe_connections(probe, drivers, keys=(b"k" * 32,), sqlite_directory=place) for probe in probes
        )
        assert ours == theirs
        assert len(ours) == 3
        assert [one.state for one in ours if one.type == "sqlite"] == [
            "ok" if place == directory else "failed"
        ]


def test_marker(access: Access, probes: tuple[Probe, Probe], tmp_path: Path) -> None:
    context = BackupContext(access.host, str(tmp_path))
    for writes, reads in (probes, probes[::-1]):
        writer, reader = (
            Asked(context, replace(access.subject(), php=one.php), one) for one in (writes, reads)
        )
        write_marker(writer, "a1")
        assert has_marker(reader, "a1")
        remove_marker(writer, "a1")
        assert not has_marker(reader, "a1")


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
