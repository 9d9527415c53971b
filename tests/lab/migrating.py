"""Two installations for a migration: the old one, in use, and the new one, as its installer leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.lab.content import APP_KEY
from tests.lab.databases import Engine
from tests.lab.driving import ACCEPT_PHP, Cli, Ended, quoted, tables
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

NEW_KEY = "base64:TkVXLWtleS1vZi10aGUtdGFyZ2V0LTMyLWJ5dGVzLi4="

FILE = "storage/app/report of the source.csv"


@dataclass(frozen=True)
class Pair:
    """An old instance and a new one; dfwizard's calls find the new one's services."""

    source: Lab
    target: Lab
    cli: Cli

    @property
    def places(self) -> tuple[str, ...]:
        """The arguments that name both."""
        return ("--from", str(self.source.instance), "--to", str(self.target.instance))

    def migrate(self, *more: str) -> Ended:
        """Migrate without being asked, PHP's window overridden."""
        return self.cli.run("migrate", *self.places, "--yes", *ACCEPT_PHP, *more)

    def plan(self, *more: str) -> Ended:
        """Show what a migration would do."""
        return self.cli.run("migrate", *self.places, "--dry-run", *ACCEPT_PHP, *more)


def start_pair(
    start: StartLab, engine: Engine, state: Path, *, frm: str = "6.3.0", to: str = "7.1.0", web: bool = False
) -> Pair:
    """Start both: the old one filled with sample data, the new one with a key of its own and what its seeders make."""
    source, target = start(engine, frm), start(engine, to, web=web)
    (source.instance / FILE).write_text("a;b\n")
    (source.instance / FILE).chmod(0o640)
    env = target.instance / ".env"
    env.write_text(env.read_text().replace(APP_KEY, NEW_KEY))
    fresh = target.artisan("migrate:fresh", "--seed", "--force")
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    return Pair(source, target, Cli(target, state))


def rows(lab: Lab, *, without: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Give every row of every table, as text, by table."""
    return {
        table: sorted(repr(row) for row in lab.query(f"select * from {quoted(lab, table)}"))
        for table in tables(lab)
        if table not in without
    }
