"""Private database servers on loopback ports, as an installer leaves the real ones.

MariaDB lets root of the machine in over its socket; PostgreSQL runs as `postgres` with peer authentication on its socket
and passwords over TCP; the application's user has its own database and nothing else. SQLite is a file in the tree.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.lab.cache import built, home_directory
from tests.lab.processes import OWNER, LabError, run, start_server, stop_servers

Engine = Literal["mariadb", "postgresql", "sqlite"]

DATABASE = "dreamfactory"
USERNAME = "dfadmin"
PASSWORD = "S3cret pa$$'\"#"
SQLITE_FILE = "storage/databases/database.sqlite"

_QUERY = Path(__file__).with_name("query.php")

_MARIADB = """[mariadbd]
user = mysql
datadir = {directory}/mariadb/data
socket = {directory}/run/mysqld/mysqld.sock
pid_file = {directory}/run/mysqld/mysqld.pid
tmpdir = {directory}/run/mysqld
bind_address = 127.0.0.1
port = {port}
skip_name_resolve = ON
character_set_server = utf8mb4
collation_server = utf8mb4_general_ci
innodb_buffer_pool_size = 64M
innodb_log_file_size = 8M
innodb_flush_log_at_trx_commit = 0
innodb_doublewrite = OFF
innodb_undo_tablespaces = 0
aria_pagecache_buffer_size = 8M
key_buffer_size = 8M
"""
_POSTGRESQL_HBA = """local all postgres peer
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Database:
    """Where the system database of one lab is."""

    engine: Engine
    port: int
    """The loopback port, 0 for SQLite."""
    path: Path | None
    """The file of SQLite."""

    def settings(self) -> dict[str, str]:
        """The `DB_*` values for `.env`, unquoted."""
        if self.engine == "sqlite":
            return {"DB_CONNECTION": "sqlite", "DB_DATABASE": str(self.path)}
        settings = {
            "DB_CONNECTION": "mysql" if self.engine == "mariadb" else "pgsql",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_DATABASE": DATABASE,
            "DB_USERNAME": USERNAME,
            "DB_PASSWORD": PASSWORD,
        }
        if self.engine == "mariadb":
            settings |= {"DB_CHARSET": "utf8mb4", "DB_COLLATION": "utf8mb4_unicode_ci"}
        return settings

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement as the application's user; text that is not UTF-8 comes back as bytes."""
        if self.engine == "sqlite":
            source = {"dsn": f"sqlite:{self.path}", "user": None, "password": None}
        else:
            scheme = "mysql" if self.engine == "mariadb" else "pgsql"
            charset = ";charset=utf8mb4" if self.engine == "mariadb" else ""
            dsn = f"{scheme}:host=127.0.0.1;port={self.port};dbname={DATABASE}{charset}"
            source = {"dsn": dsn, "user": USERNAME, "password": PASSWORD}
        script = _QUERY.read_text().removeprefix("<?php")
        home = home_directory()
        answer = run(
            ["php", "-r", script], cwd=home, home=home, user=OWNER, stdin=json.dumps({**source, "sql": sql})
        )
        rows = json.loads(answer.stdout)
        return [tuple(_value(value) for value in row) for row in rows]


def _value(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def on_free_port(begin: Callable[[int], None], tries: int = 3) -> int:
    """The port that `begin` started a server on; another process may take a free port first, hence the tries."""
    port = free_port()
    try:
        begin(port)
    except LabError:
        if tries == 1:
            raise
        return on_free_port(begin, tries - 1)
    return port


def place_data(engine: Engine, template: Path, directory: Path, tree: Path) -> None:
    """Copy a template's data to where the lab in `directory` with its application in `tree` keeps them."""
    (directory / "run").mkdir(exist_ok=True)
    (directory / "run").chmod(0o755)
    if engine == "sqlite":
        run(["cp", "-a", str(template / "database.sqlite"), str(tree / SQLITE_FILE)], cwd=tree, home=tree)
        return
    target = directory / engine
    target.mkdir()
    run(
        ["cp", "-a", "--sparse=always", str(template / "data"), str(target / "data")], cwd=target, home=target
    )


def start(engine: Engine, directory: Path, tree: Path) -> Database:
    """Start the server over the data in `directory`; for SQLite there is nothing to start."""
    if engine == "sqlite":
        return Database(engine, 0, tree / SQLITE_FILE)
    begin = _start_mariadb if engine == "mariadb" else _start_postgresql
    return Database(engine, on_free_port(lambda port: begin(directory, port)), None)


def empty(engine: Engine) -> Path:
    """The cached data of a fresh server that has the application's database, still empty, and its user."""
    if engine == "sqlite":
        return built("databases/sqlite", _empty_sqlite)
    return built(f"databases/{engine}", _empty_mariadb if engine == "mariadb" else _empty_postgresql)


def _empty_sqlite(partial: Path) -> None:
    file = partial / "database.sqlite"
    file.touch(mode=0o660)
    file.chmod(0o660)
    shutil.chown(file, OWNER, OWNER)


def socket_path(directory: Path, engine: Engine) -> Path:
    """The server's Unix socket, or the directory of it in the case of PostgreSQL."""
    return directory / "run" / ("mysqld/mysqld.sock" if engine == "mariadb" else "postgresql")


def _check_length(path: Path) -> None:
    # sockaddr_un holds 107 bytes; PostgreSQL adds `/.s.PGSQL.65535` to the directory.
    if len(str(path)) > 90:
        raise LabError(
            f"{path} is too long for a Unix socket; put the lab into a directory with a shorter path"
        )


def _start_mariadb(directory: Path, port: int) -> None:
    path = socket_path(directory, "mariadb")
    _check_length(path)
    path.parent.mkdir(exist_ok=True)
    shutil.chown(path.parent, "mysql", "mysql")
    configuration = directory / "mariadb" / "my.cnf"
    configuration.write_text(_MARIADB.format(directory=directory, port=port))

    def ready() -> bool:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(path))
            return True
        return False

    data = directory / "mariadb" / "data"
    log = directory / "mariadb" / "server.log"
    start_server(["mariadbd", f"--defaults-file={configuration}"], cwd=data, log=log, ready=ready)


def _empty_mariadb(partial: Path) -> None:
    (partial / "run").mkdir()
    data = partial / "mariadb" / "data"
    data.mkdir(parents=True)
    shutil.chown(data, "mysql", "mysql")
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=mysql", "--skip-test-db"]
    install += ["--innodb-undo-tablespaces=0", "--innodb-log-file-size=8M"]
    run([*install, "--auth-root-authentication-method=socket"], cwd=partial, home=partial)
    on_free_port(lambda port: _start_mariadb(partial, port))
    try:
        password = PASSWORD.replace("\\", "\\\\").replace("'", "''")
        statements = [f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"]
        for host in ("localhost", "127.0.0.1"):
            statements.append(f"CREATE USER '{USERNAME}'@'{host}' IDENTIFIED BY '{password}';")
            statements.append(f"GRANT ALL ON {DATABASE}.* TO '{USERNAME}'@'{host}';")
        client = ["mariadb", f"--socket={socket_path(partial, 'mariadb')}", "-u", "root"]
        run(client, cwd=partial, home=partial, stdin="\n".join(statements))
    finally:
        stop_servers(partial)
    data.rename(partial / "data")


def _postgresql_programs() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not versions:
        raise LabError("PostgreSQL is not installed; apt-get install postgresql")
    return versions[-1]


def _start_postgresql(directory: Path, port: int) -> None:
    sockets = socket_path(directory, "postgresql")
    _check_length(sockets)
    sockets.mkdir(exist_ok=True)
    shutil.chown(sockets, "postgres", "postgres")
    data = directory / "postgresql" / "data"
    programs = _postgresql_programs()
    argv = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(sockets)]

    def ready() -> bool:
        probe = subprocess.run(
            [str(programs / "pg_isready"), "-q", "-h", str(sockets), "-p", str(port)],
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return probe.returncode == 0

    log = directory / "postgresql" / "server.log"
    start_server(argv, cwd=data, log=log, ready=ready, user="postgres")


def _empty_postgresql(partial: Path) -> None:
    (partial / "run").mkdir()
    data = partial / "postgresql" / "data"
    data.mkdir(parents=True)
    shutil.chown(data, "postgres", "postgres")
    data.chmod(0o700)
    initdb = [
        str(_postgresql_programs() / "initdb"),
        "-D",
        str(data),
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]
    run(initdb, cwd=data, home=data, user="postgres")
    (data / "pg_hba.conf").write_text(_POSTGRESQL_HBA)
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write("listen_addresses = '127.0.0.1'\nfsync = off\nfull_page_writes = off\n")
        configuration.write("shared_buffers = 32MB\nmax_wal_size = 128MB\nwal_init_zero = off\n")
    port = on_free_port(lambda port: _start_postgresql(partial, port))
    try:
        password = PASSWORD.replace("'", "''")
        client = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(socket_path(partial, "postgresql"))]
        statements = f"CREATE ROLE {USERNAME} LOGIN PASSWORD '{password}';\nCREATE DATABASE {DATABASE} OWNER {USERNAME};\n"
        run([*client, "-p", str(port), "postgres"], cwd=data, home=data, user="postgres", stdin=statements)
    finally:
        stop_servers(partial)
    data.rename(partial / "data")
