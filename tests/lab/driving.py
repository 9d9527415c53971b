"""Driving dfwizard's command line against a lab, as a person in a terminal would."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.lab.lab import Lab

ACCEPT_PHP = ("--accept", "php-window")


@dataclass(frozen=True)
class Ended:
    """A finished call: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    def expect(self, code: int) -> Ended:
        """Give this call when it ended with `code`, else fail with all that it said."""
        assert self.code == code, f"exit code {self.code} instead of {code}\n{self.out}\n{self.err}"
        return self


@dataclass(frozen=True)
class Cli:
    """dfwizard with a state directory of its own.

    `host` is how the instance's machine is reached ("" this one), `home` the home directory of whoever calls, with its .ssh.
    """

    lab: Lab
    state: Path
    host: str = ""
    home: Path | None = None

    @property
    def place(self) -> str:
        """Give the instance as it is named on the command line."""
        return f"{self.host}:{self.lab.instance}" if self.host else str(self.lab.instance)

    @property
    def environment(self) -> dict[str, str]:
        """Give the environment it is called with."""
        state = {"DFWIZARD_STATE_DIR": str(self.state)}
        if self.host:  # whoever calls has nothing of the lab's
            return {**os.environ, **state, **({"HOME": str(self.home)} if self.home else {})}
        return {**os.environ, **self.lab.environment, **state}

    def command(self, *arguments: str) -> list[str]:
        """Give the argv of a call."""
        return [sys.executable, "-m", "dfwizard", *arguments]

    def run(self, *arguments: str, timeout: float = 280) -> Ended:
        """Call it and wait for its end."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,  # nobody can be asked
            timeout=timeout,
            check=False,
        )
        return Ended(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Call it and do not wait."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def upgrade(self, to: str, *more: str) -> Ended:
        """Upgrade the lab's instance without being asked, PHP's window overridden."""
        return self.run(*self.upgrading(to), *more)

    def upgrading(self, to: str) -> tuple[str, ...]:
        """Give the arguments of an unattended upgrade. On another host its backup is kept in the lab's own directory."""
        backups = ("--backup-dir", str(self.lab.directory / "backups")) if self.host else ()
        return ("upgrade", self.place, "--to", to, "--yes", *ACCEPT_PHP, *backups)

    def newest_run(self) -> Path:
        """Give the directory of the newest run."""
        return max((self.state / "runs").iterdir())


def independent_digest(lab: Lab) -> dict[str, str]:
    """Describe the instance without dfwizard: every file that the application does not write by itself, and every row.

    Proves that a rollback is identical by other means than dfwizard's own fingerprint.
    """
    found = {}
    volatile = (
        "storage/logs/",
        "storage/framework/",
        ".git/index",
        ".git/logs/",
        ".git/FETCH_HEAD",
        ".git/ORIG_HEAD",
    )
    for path in sorted(lab.instance.rglob("*")):
        name = path.relative_to(lab.instance).as_posix()
        if name.startswith(volatile) or path.suffix in (".sqlite", ".sqlite-wal", ".sqlite-shm"):
            continue
        info = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[name] = f"{info.st_mode:o} {info.st_uid}:{info.st_gid} {content}"
    for table in tables(lab):
        rows = sorted(repr(row) for row in lab.query(f"select * from {quoted(lab, table)}"))
        found[f"table {table}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def tables(lab: Lab) -> list[str]:
    """Give the names of the tables of the system database."""
    statements = {
        "sqlite": "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'",
        "mariadb": "select table_name from information_schema.tables where table_schema = database()",
        "postgresql": "select tablename from pg_tables where schemaname = 'public'",
    }
    return sorted(str(row[0]) for row in lab.query(statements[lab.database.engine]))


def quoted(lab: Lab, name: str) -> str:
    """Quote a table's name."""
    return f"`{name}`" if lab.database.engine == "mariadb" else f'"{name}"'
