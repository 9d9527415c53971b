"""The roads that are cut: how each is begun, and how it has to end, seen by other means than dfwizard's own where that is possible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cuts.servers import Server, reached
from tests.lab.databases import Engine
from tests.lab.driving import ACCEPT_PHP, Cli, independent_digest
from tests.lab.fixtures import StartLab
from tests.lab.migrating import start_pair
from tests.lab.test_migration import described, is_taken_over

UPGRADE, FAILING, MIGRATION = "upgrade", "failing upgrade", "migration"
ROADS = (UPGRADE, FAILING, MIGRATION)


@dataclass(frozen=True)
class Road:
    """One run to be made: `arguments` begin it, `code` is how it has to end, `arrived` asserts that it is where it should be."""

    name: str
    cli: Cli
    servers: tuple[Server, ...]
    arguments: tuple[str, ...]
    code: int
    arrived: Callable[[str], None]
    """Takes what the call has said."""


@contextmanager
def prepared(name: str, start: StartLab, state: Path, engine: Engine = "sqlite") -> Iterator[Road]:
    """Start the instances of a road behind SSH, 6.3.0 on its way to 7.1.0."""
    make = {UPGRADE: _upgrade, FAILING: _failing, MIGRATION: _migration}[name]
    with make(start, state, engine) as road:
        yield road


@contextmanager
def _upgrade(start: StartLab, state: Path, engine: Engine) -> Iterator[Road]:
    lab = start(engine, "6.3.0", web=True)
    with reached(lab) as (home, (server,)):
        cli = Cli(lab, state, server.host, home)

        def arrived(_said: str) -> None:
            assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]
            assert "Pending" not in lab.artisan("migrate:status").stdout
            assert verdicts(cli) <= {"ok", "expected"}

        yield Road(UPGRADE, cli, (server,), _upgrading(server), 0, arrived)


@contextmanager
def _failing(start: StartLab, state: Path, engine: Engine) -> Iterator[Road]:
    lab = start(engine, "6.3.0", web=True)
    lab.fail_migration(True)
    before = independent_digest(lab)
    with reached(lab) as (home, (server,)):

        def arrived(said: str) -> None:
            assert independent_digest(lab) == before, "the instance is not what it was"
            assert "Rolled back" in said

        cli = Cli(lab, state, server.host, home)
        yield Road(FAILING, cli, (server,), _upgrading(server), 5, arrived)


@contextmanager
def _migration(start: StartLab, state: Path, engine: Engine) -> Iterator[Road]:
    pair = start_pair(start, engine, state, web=True)
    before = described(pair.source)
    with reached(pair.source, pair.target) as (home, (source, target)):
        cli = Cli(pair.target, state, target.host, home)

        def arrived(_said: str) -> None:
            is_taken_over(pair)
            assert described(pair.source) == before, "the source is not what it was"
            assert verdicts(cli) <= {"ok", "expected"}

        arguments = (
            *("migrate", "--from", source.place, "--to", target.place, "--yes", *ACCEPT_PHP),
            *("--with", "storage/app", "--backup-dir", str(pair.target.directory / "backups")),
            *("--source-backup-dir", str(pair.source.directory / "backups")),
        )
        yield Road(MIGRATION, cli, (source, target), arguments, 0, arrived)


def verdicts(cli: Cli) -> set[str]:
    """Give what the last verification found."""
    checks = json.loads((cli.newest_run() / "verification.json").read_text())["checks"]
    return {check["verdict"] for check in checks}


def _upgrading(server: Server) -> tuple[str, ...]:
    backups = str(server.lab.directory / "backups")
    return ("upgrade", server.place, "--to", "7.1.0", "--yes", *ACCEPT_PHP, "--backup-dir", backups)
