"""Dumps that look like another server's, imported by real MariaDB and PostgreSQL: with the edits they fit, and every row is the same."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.backup import commands
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.dialect import ask_target, import_filters, judge, scan_dump
from dfwizard.backup.digests import probe_content
from dfwizard.backup.restore import empty, fill
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Pipeline
from tests.lab.backup_site import Site, site_of
from tests.lab.fixtures import StartLab
from tests.unit.dumps import DATABASES, GTID, WORDS, escaped

pytestmark = pytest.mark.lab

HOSTILE = (
    (
        "CREATE TABLE hostile (id int primary key, note longtext, kind enum('a','COLLATE utf8mb4_0900_ai_ci'), n int"
        " GENERATED ALWAYS AS (id * 2) STORED, KEY k (n)) COMMENT='it''s COLLATE=utf8mb4_0900_ai_ci'"
    ),
    (
        "CREATE TRIGGER filled BEFORE INSERT ON hostile FOR EACH ROW BEGIN\n"
        "/*\nUSE `in comment`;\nCREATE DATABASE x;\n*/\nIF NEW.note IS NULL THEN SET NEW.note = 'DEFINER=`x`@`y`'; END IF;\nEND"
    ),
    "CREATE PROCEDURE counted() BEGIN\nSELECT count(*) FROM hostile;\nEND",
    "CREATE EVENT later ON SCHEDULE EVERY 1 YEAR DISABLE DO DELETE FROM hostile",
    "CREATE VIEW seen AS SELECT id FROM hostile",
)


@pytest.fixture(scope="module")
def mysql_look(mariadb_site: Site) -> Iterator[Path]:
    """A real dump of a database with everything odd in it, changed to what mysqldump 8.0 writes of the same."""
    site = mariadb_site
    for statement in HOSTILE:
        site.lab.query(statement)
    for number, words in enumerate((*WORDS, "\n".join(WORDS)), 1):
        site.lab.query(f"INSERT INTO hostile (id, note, kind) VALUES ({number}, '{escaped(words)}', 'a')")
    real = Path(site.new("real") + ".sql.zst")
    assert site.subject.settings is not None
    with client_credentials(site.context.host, site.subject.settings, site.context.private) as client_file:
        site.context.run(
            commands.dump_database(site.subject, str(real), client_file), "dumping", where=str(real)
        )
    text = subprocess.run(["zstd", "-dc", real], capture_output=True, check=True).stdout.decode()
    file = Path(site.new("mysql8") + ".sql.zst")
    subprocess.run(["zstd", "-q", "-o", file], input=as_mysql_8(text).encode(), check=True)
    yield file
    for statement in ("DROP VIEW seen", "DROP PROCEDURE counted", "DROP EVENT later", "DROP TABLE hostile"):
        site.lab.query(statement)


LOOK = (
    (r"^-- MariaDB dump .*", "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)"),
    (r"^(-- Server version\t).*", r"\g<1>8.0.36"),
    (r"(COLLATE[ =]|collation_connection +?= )utf8mb4_\w+", r"\1utf8mb4_0900_ai_ci"),
    (r"DEFINER=`[^`]*`@`[^`]*`", "DEFINER=`root`@`%`"),
    (r"(sql_mode += ')", r"\1TIME_TRUNCATE_FRACTIONAL,"),
    (r"^(  KEY `k` \(`n`\))$", r"\1 /*!80000 INVISIBLE */"),
)
"""What mysqldump 8.0 writes otherwise than mariadb-dump."""


def as_mysql_8(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        changed = line
        for old, new in () if line.startswith(("INSERT", "(")) else LOOK:
            changed = re.sub(old, new, changed)
        lines.append(changed)
    whole = "\n".join(lines)
    before = "/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;\n"
    assert before in whole
    return whole.replace(before, before + GTID + DATABASES.replace("dreamfactory", "elsewhere"), 1)


def test_a_dump_with_the_look_of_mysql_8_fits_mariadb_row_by_row(
    mariadb_site: Site, mysql_look: Path
) -> None:
    site, context = mariadb_site, mariadb_site.context
    before = probe_content(context, site.subject)
    oddities = scan_dump(context, str(mysql_look), "mysql")
    kinds = {item.kind for item in oddities}
    expected = {
        "gtid",
        "log-bin",
        "use",
        "create-database",
        "collation",
        "definer",
        "sql-mode",
        "invisible-index",
    }
    assert expected | {"sandbox"} <= kinds
    assert site.subject.settings is not None
    name = site.subject.settings.name
    with client_credentials(context.host, site.subject.settings, context.private) as client_file:
        target = ask_target(context, site.subject, client_file)
        assert (target.product, target.version[:2]) == ("mariadb", (10, 11))
        assert target.user.startswith(site.subject.settings.user or "?")
        assert "utf8mb4_uca1400_ai_ci" in target.collations
        filters = import_filters(oddities, target)
        empty(context, site.subject, client_file, name)
        with pytest.raises(BackupError):
            fill(context, site.subject, str(mysql_look), client_file, name)
        empty(context, site.subject, client_file, name)
        fill(context, site.subject, str(mysql_look), client_file, name, filters=filters)
    after = probe_content(context, site.subject)
    assert {table: item.digest for table, item in after.tables.items()} == {
        table: item.digest for table, item in before.tables.items()
    }
    assert after.objects.keys() == before.objects.keys()
    (shown,) = site.lab.query("SHOW CREATE TRIGGER filled")
    assert "USE `in comment`;\nCREATE DATABASE x;" in shown[2]
    assert f"DEFINER=`{site.subject.settings.user}`@" in shown[2]


def test_a_servers_own_dump_needs_nothing_but_what_it_always_needs(mariadb_site: Site) -> None:
    site = mariadb_site
    file = site.new("own") + ".sql.zst"
    assert site.subject.settings is not None
    with client_credentials(site.context.host, site.subject.settings, site.context.private) as client_file:
        site.context.run(commands.dump_database(site.subject, file, client_file), "dumping", where=file)
        target = ask_target(site.context, site.subject, client_file)
    judged = judge(scan_dump(site.context, file, "mysql"), target)
    assert {item.oddity.kind for item in judged if item.fate != "harmless"} <= {"sandbox"}


# -- PostgreSQL ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(start_module_lab: StartLab, place: Path) -> tuple[Site, str]:
    (place / "pg").mkdir(mode=0o700)
    site = site_of(start_module_lab("postgresql"), place / "pg")
    for statement in (
        "CREATE TABLE hostile (note text)",
        "CREATE TABLE made (id int GENERATED BY DEFAULT AS IDENTITY, n int GENERATED ALWAYS AS (1 + 1) STORED)",
        "GRANT SELECT ON hostile TO pg_monitor",
    ):
        site.lab.query(statement)
    for words in (*WORDS, "\n".join(WORDS)):
        quoted = words.replace("'", "''")
        site.lab.query(f"INSERT INTO hostile VALUES ('{quoted}')")
    file = site.new("archive") + ".dump.zst"
    assert site.subject.settings is not None
    with client_credentials(site.context.host, site.subject.settings, site.context.private) as client_file:
        site.context.run(commands.dump_database(site.subject, file, client_file), "dumping", where=file)
    return site, file


def test_an_archive_of_postgresql_is_looked_through(archive: tuple[Site, str]) -> None:
    site, file = archive
    found = {item.kind: item for item in scan_dump(site.context, file, "pgsql")}
    assert found["feature"].names == ("generated columns", "identity columns")
    assert found["encoding"].names == ("UTF8",)
    assert {"server", "program", "archive", "privileges"} <= set(found)
    assert site.subject.settings is not None
    with client_credentials(site.context.host, site.subject.settings, site.context.private) as client_file:
        target = ask_target(site.context, site.subject, client_file)
    assert target.version[0] == target.client[0] >= 13
    assert "plpgsql" in target.extensions
    assert target.encoding == "UTF8"
    assert import_filters(tuple(found.values()), target) == ()
    with pytest.raises(BackupError, match="no generated columns"):
        import_filters(tuple(found.values()), replace(target, version=(11,), client=(11,)))


def test_what_is_no_archive_is_told(archive: tuple[Site, str], tmp_path: Path) -> None:
    file = tmp_path / "plain.dump"
    file.write_text("--\n-- PostgreSQL database dump\n--\n")
    with pytest.raises(BackupError, match="format=custom"):
        scan_dump(archive[0].context, str(file), "pgsql")


def test_settings_of_a_newer_pg_restore_are_taken_out_on_the_way(archive: tuple[Site, str]) -> None:
    site, file = archive
    context, subject = site.context, site.subject
    before = probe_content(context, subject)
    assert subject.settings is not None
    with client_credentials(context.host, subject.settings, context.private) as client_file:
        target = replace(ask_target(context, subject, client_file), client=(17, 2))
        filters = import_filters(scan_dump(context, file, "pgsql"), target)
        assert len(filters) == 1
        empty(context, subject, client_file, subject.settings.name)
        entries = f"{context.private}/entries"
        context.run(commands.list_dump(file, entries), "listing", where=file)
        work = commands.import_database(
            subject, file, client_file, subject.settings.name, entries, filters=filters, foreign=True
        )
        # The line that pg_restore 17 writes, in a place where it writes it.
        newer = ("sed", "-e", "/^SET lock_timeout = 0;$/a SET transaction_timeout = 0;")
        parts = work.commands
        assert [part.argv[0] for part in parts] == ["zstd", "pg_restore", "sed", "psql"]
        older = replace(parts[2], argv=newer)
        with pytest.raises(BackupError, match="transaction_timeout"):
            context.run(replace(work, commands=(*parts[:2], older, *parts[3:])), "importing", where=file)
        context.run(Pipeline((*parts[:2], older, *parts[2:]), work.stdin_file), "importing", where=file)
    after = probe_content(context, subject)
    assert {name: item.digest for name, item in after.tables.items()} == {
        name: item.digest for name, item in before.tables.items()
    }
