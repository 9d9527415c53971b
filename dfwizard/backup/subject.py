"""What is backed up, and the host's tools that do it: plain data that every command is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dfwizard.errors import BackupError
from dfwizard.hosts.command import Command

if TYPE_CHECKING:
    from dfwizard.hosts.base import Host
    from dfwizard.instance.database import DatabaseSettings

VOLATILE = frozenset(
    {
        "cache",
        "cache_locks",
        "failed_jobs",
        "job_batches",
        "jobs",
        "mcp_request_log",
        "sessions",
        "task_log",
        "token_map",
    }
)
"""Tables whose rows come and go by themselves; they are saved, but their rows are not compared."""

LOG_DIRECTORY = "storage/logs"
CACHE_DIRECTORIES = ("storage/framework/cache", "storage/framework/sessions", "storage/framework/views")
"""Directories whose content a running application writes by itself."""

OWN_PREFIX = ".dfwizard-"
"""What the names of dfwizard's own files and directories inside and beside a tree begin with; no backup holds them."""

EXTRAS = (("--acls",), ("--selinux",), ("--xattrs", "--xattrs-include=*"))
"""What a tar may be able to keep beside owners and modes, each tried by itself."""


@dataclass(frozen=True)
class Tools:
    """Which of the host's programs are used.

    `compressor` is the argv that compresses stdin to stdout and `suffix` what its files end in (`.zst` or `.gz`).
    `tar_extras` are the options that this tar and this filesystem bear. `dump` and `client` are MySQL's programs,
    `foreign` whether they are Oracle's (MariaDB's know other options).
    """

    compressor: tuple[str, ...] = ("zstd", "-q", "-T0", "-3", "-c")
    suffix: str = ".zst"
    tar_extras: tuple[str, ...] = ()
    dump: str = "mysqldump"
    client: str = "mysql"
    foreign: bool = False


@dataclass(frozen=True)
class Subject:
    """An instance as a backup sees it.

    `path` is the tree; `owner` and `group` who owns it; `me` the account dfwizard has on the host; `php` the command
    line's PHP; `settings` the system database (None: none that can be saved); `tools` the host's programs.
    """

    path: str
    owner: str
    group: str
    me: str
    php: str
    settings: DatabaseSettings | None
    tools: Tools

    @property
    def driver(self) -> str:
        """Give the database's driver (`mysql`, `pgsql`, `sqlite`), "" where there is no database."""
        return self.settings.driver if self.settings else ""

    @property
    def sqlite_file(self) -> str | None:
        """Give the path of the SQLite system database, None for any other database."""
        if self.settings is None or self.settings.driver != "sqlite":
            return None
        return self.settings.file

    @property
    def sqlite_inside(self) -> str | None:
        """Give the SQLite database's path relative to the tree when it lies inside, else None."""
        file = self.sqlite_file
        prefix = self.path.rstrip("/") + "/"
        return file[len(prefix) :] if file and file.startswith(prefix) else None


def find_tools(host: Host, driver: str) -> Tools:
    """Find out which programs the host has for saving a tree and a database of `driver`.

    Raises:
        BackupError: a program that cannot be done without is missing.
    """
    compressor: tuple[str, ...]
    if host.which("zstd"):
        compressor, suffix = ("zstd", "-q", "-T0", "-3", "-c"), ".zst"
    elif host.which("pigz"):
        compressor, suffix = ("pigz", "-c"), ".gz"
    elif host.which("gzip"):
        compressor, suffix = ("gzip", "-1", "-c"), ".gz"
    else:
        raise _missing("zstd", "zstd, pigz or gzip", "zstd", host)
    if not host.which("tar"):
        raise _missing("tar", "tar", "tar", host)
    dump, client, foreign = "mysqldump", "mysql", False
    if driver == "mysql":
        dump = _first(host, ("mariadb-dump", "mysqldump"), "mariadb-client")
        client = _first(host, ("mariadb", "mysql"), "mariadb-client")
        version = host.run(Command((dump, "--version"), timeout=20)).text
        foreign = "mariadb" not in version.lower()
    if driver == "pgsql":
        for program in ("pg_dump", "pg_restore", "psql"):
            _first(host, (program,), "postgresql-client")
    return Tools(compressor, suffix, _tar_extras(host), dump, client, foreign)


def _tar_extras(host: Host) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for extra in EXTRAS:
        argv = ("tar", *extra, "--create", "--file=-", "--no-recursion", "--directory=/", "etc")
        tried = host.run(Command(argv, env={"LC_ALL": "C"}, timeout=20), check=False)
        if tried.code == 0 and not tried.stderr.strip():
            found += extra
    return found


def _first(host: Host, programs: tuple[str, ...], package: str) -> str:
    for program in programs:
        if host.which(program):
            return program
    raise _missing(programs[0], " or ".join(programs), package, host)


def _missing(program: str, what: str, package: str, host: Host) -> BackupError:
    return BackupError(
        f"a backup needs {what}, and the server has none",
        where=f"{host.name}: {program}",
        remedy=f"Install it, on Debian and Ubuntu: apt-get install {package}",
    )
