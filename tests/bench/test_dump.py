"""The dump of a MariaDB database with more than 100 MB of rows, against `mysqldump | zstd -3`."""

from __future__ import annotations

import hashlib
import itertools
import shlex
import subprocess
from pathlib import Path

import pytest

from dfwizard.backup import commands
from dfwizard.backup.context import BackupContext
from dfwizard.backup.credentials import client_credentials, mysql_file
from dfwizard.backup.subject import Subject, find_tools
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import DatabaseSettings, settings
from tests.bench.measure import Measurement, Target, interleaved, seconds_of, table
from tests.lab.fixtures import started_labs
from tests.lab.lab import Lab

REPEATS = 5
TARGET = Target(lambda ours, theirs: theirs / ours, 0.95, "of its speed", at_least=True)

ROWS = 140_000
LOG = "bench_log"
_TABLE = f"create table {LOG} (id bigint primary key, created_at datetime not null, body text not null)"
_FILL = f"""
insert into {LOG}
select seq, from_unixtime(1700000000 + seq * 17), concat(
    '{{"service":"db","resource":"_table/', md5(seq), '","verb":"GET","user":', seq mod 97, ',"payload":"',
    md5(seq * 3), md5(seq * 5), md5(seq * 7), md5(seq * 11), md5(seq * 13), md5(seq * 17), md5(seq * 19),
    repeat('0123456789 abcdefghij ', 22), '"}}')
from seq_1_to_{ROWS}
"""
"""About 0.8 kB a row that shrink to a fifth or so, as a log of requests does."""


def compare(directory: Path) -> Measurement:
    """Measure the dump as a backup takes it, client file and all, on a lab of its own."""
    with started_labs() as start:
        lab = start("mariadb")
        lab.query(_TABLE)
        lab.query(_FILL)
        return _compare(lab, directory)


def _compare(lab: Lab, directory: Path) -> Measurement:
    host = LocalHost()
    found = settings(lab.database.settings(), str(lab.instance))
    subject = Subject(
        str(lab.instance), lab.owner, lab.owner, host.user, "php", found, find_tools(host, "mysql")
    )
    context = BackupContext(host, str(directory / "private"))
    client = directory / "by-hand.cnf"
    client.write_bytes(mysql_file(found))
    numbers = itertools.count(1)
    rows: set[str] = set()

    def ours() -> float:
        target = directory / f"dump-{next(numbers)}.zst"
        seconds = seconds_of(lambda: _dump(context, subject, found, target))
        rows.add(_rows(target))
        return seconds

    def baseline() -> float:
        target = directory / f"by-hand-{next(numbers)}.zst"
        dump = f"{subject.tools.dump} --defaults-file={shlex.quote(str(client))} {shlex.quote(found.name)}"
        line = f"{dump} | zstd -q -3 > {shlex.quote(str(target))}"
        seconds = seconds_of(lambda: subprocess.run(["sh", "-c", line], check=True))
        rows.add(_rows(target))
        return seconds

    mine, theirs = interleaved(ours, baseline, repeats=REPEATS)
    assert len(rows) == 1, "the two dumps differ in their rows"
    return Measurement("database dump", f"{subject.tools.dump} | zstd -3", mine, theirs, TARGET)


def _dump(context: BackupContext, subject: Subject, found: DatabaseSettings, target: Path) -> None:
    with client_credentials(context.host, found, context.private) as file:
        work = commands.dump_database(subject, str(target), file)
        context.run(work, "dumping the database", where=found.name, growing=("database", str(target)))


def _rows(dump: Path) -> str:
    """Give a digest of the log's rows in a complete dump, and remove it."""
    text = subprocess.run(["zstd", "-q", "-d", "-c", str(dump)], check=True, capture_output=True).stdout
    dump.unlink()
    assert text[-200:].count(b"-- Dump completed") == 1
    start = text.index(f"INSERT INTO `{LOG}`".encode())
    found = text[start : text.index(b"UNLOCK TABLES", start)]
    assert len(found) > 100e6
    return hashlib.sha256(found).hexdigest()


@pytest.mark.bench
@pytest.mark.lab
def test_dump(tmp_path: Path) -> None:
    print("\n" + table([compare(tmp_path)]))
