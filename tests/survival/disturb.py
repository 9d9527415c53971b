"""`python -m tests.survival.disturb KIND LAB [PROGRAM ...]`: does something to what a run depends on, and ends once it is done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.lab.databases import socket_path
from tests.lab.lab import Lab
from tests.lab.processes import servers_in, stop_servers
from tests.survival.serving import start_database

LOCKED = 8.0
"""Seconds that the database is locked."""
_WATCHED = 20.0
"""Seconds in which a program that is to be killed has to begin."""

_HOLD_SQLITE = (
    "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None); "
    "c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); time.sleep(float(sys.argv[2]))"
)
_LOCK = {
    "mariadb": "FLUSH TABLES WITH READ LOCK; SELECT 'held'; SELECT SLEEP({seconds});",
    "postgresql": "BEGIN; LOCK TABLE migrations, \"user\", role IN ACCESS EXCLUSIVE MODE; SELECT 'held'; SELECT pg_sleep({seconds});",
}
_READ_ONLY = {
    "mariadb": "SET GLOBAL read_only = {switch};",
    "postgresql": "ALTER SYSTEM SET default_transaction_read_only = {switch}; SELECT pg_reload_conf();",
}


def administer(lab: Lab, sql: str) -> None:
    """Have the database's administrator say something."""
    subprocess.run(_client(lab), input=sql, text=True, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _client(lab: Lab) -> list[str]:
    place = str(socket_path(lab.directory, lab.database.engine))
    if lab.database.engine == "mariadb":
        return ["mariadb", f"--socket={place}", "-u", "root", "--unbuffered", "-NB", "dreamfactory"]
    port = str(lab.database.port)
    return ["runuser", "-u", "postgres", "--", "psql", "-h", place, "-p", port, "-qAt", "dreamfactory"]


def stop_database(lab: Lab) -> None:
    """Stop the server; it stays so."""
    stop_servers(lab.directory, [_PROGRAMS[lab.database.engine]])


def restart_database(lab: Lab) -> None:
    """Stop the server and start it again."""
    stop_database(lab)
    start_database(lab)


def read_only(lab: Lab, *, on: bool = True) -> None:
    """Let nobody write who is not the server's administrator."""
    if lab.database.path is not None:
        lab.database.path.chmod(0o440 if on else 0o660)
        return
    administer(lab, _READ_ONLY[lab.database.engine].format(switch="on" if on else "off"))


def lock(lab: Lab) -> None:
    """Hold a lock that keeps others from writing, for a while, from a process that goes on."""
    if lab.database.path is not None:
        argv = [sys.executable, "-c", _HOLD_SQLITE, str(lab.database.path), str(LOCKED)]
        sql = ""
    else:
        argv, sql = _client(lab), _LOCK[lab.database.engine].format(seconds=LOCKED)
    held = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True, cwd="/"
    )
    assert held.stdin is not None
    assert held.stdout is not None
    held.stdin.write(sql)
    held.stdin.close()
    assert "held" in held.stdout.readline()
    held.returncode = 0  # left to itself


def kill_nginx(lab: Lab) -> None:
    """Kill the web server, all of it."""
    _kill(lab, "nginx")


def kill_php(lab: Lab) -> None:
    """Kill PHP-FPM, all of it."""
    _kill(lab, "php-fpm")


def _kill(lab: Lab, program: str) -> None:
    for server in servers_in(lab.directory, [program]):
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)


def watch_program(lab: Lab, program: str) -> None:
    """Kill the next `program` that works in the instance, as soon as it is there; a process of its own waits for it."""
    if os.fork():
        return
    os.setsid()
    deadline = time.monotonic() + _WATCHED
    while time.monotonic() < deadline:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _is(entry, program, lab.instance):
                with suppress(ProcessLookupError):
                    os.kill(int(entry.name), signal.SIGKILL)
                os._exit(0)
        time.sleep(0.005)
    os._exit(0)


def _is(entry: Path, program: str, instance: Path) -> bool:
    try:
        words = [os.path.basename(word) for word in (entry / "cmdline").read_bytes().split(b"\0")[:8]]  # noqa: PTH119
        # Not one that only wraps it.
        return (
            words[:1] != [b"runuser"]
            and program.encode() in words[:3]
            and (entry / "cwd").readlink() == instance
        )
    except OSError:
        return False


_PROGRAMS = {"mariadb": "mariadbd", "postgresql": "postgres"}

KINDS: dict[str, Callable[[Lab], None]] = {
    "stop-database": stop_database,
    "restart-database": restart_database,
    "read-only": read_only,
    "lock": lock,
    "kill-nginx": kill_nginx,
    "kill-php": kill_php,
    "kill-git": lambda lab: watch_program(lab, "git"),
    "kill-composer": lambda lab: watch_program(lab, "composer"),
}


if __name__ == "__main__":
    KINDS[sys.argv[1]](Lab.attach(Path(json.loads(sys.argv[2]))))
