"""What is found in dumps of other servers, what becomes of it, and that the edits touch no row."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfwizard.backup.context import BackupContext
from dfwizard.backup.dialect import (
    DumpOddity,
    TargetServer,
    import_filters,
    judge,
    scan_dump,
    server_version,
)
from dfwizard.errors import BackupError
from tests.unit.dumps import (
    DATABASES,
    GTID,
    MARIADB_HEAD,
    MYSQL_8_HEAD,
    MYSQL_57_HEAD,
    ROUTINE,
    TAIL,
    TRIGGER,
    VIEW,
    WORDS,
    table,
)
from tests.unit.real_host import HOST

COLLATIONS = frozenset({"utf8mb4_unicode_ci", "utf8mb4_general_ci", "utf8mb4_bin", "utf8mb3_general_ci"})
MARIADB = TargetServer(
    "mariadb",
    (10, 11, 19),
    user="df@localhost",
    packet=16 << 20,
    collations=COLLATIONS,
    engines=frozenset({"InnoDB", "MyISAM", "Aria"}),
)
MYSQL = TargetServer(
    "mysql",
    (8, 4, 2),
    user="df@%",
    packet=64 << 20,
    collations=COLLATIONS | {"utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs"},
    engines=frozenset({"InnoDB", "MyISAM"}),
)
FULL = MYSQL_8_HEAD + GTID + DATABASES + table(WORDS) + TRIGGER + ROUTINE + VIEW + TAIL


def scanned(text: str, tmp_path: Path) -> dict[str, DumpOddity]:
    file = tmp_path / "dump.sql.gz"
    file.write_bytes(gzip.compress(text.encode()))
    context = BackupContext(HOST, str(tmp_path))
    return {oddity.kind: oddity for oddity in scan_dump(context, str(file), "mysql")}


def filtered(text: str, found: dict[str, DumpOddity], target: TargetServer = MARIADB) -> str:
    for command in import_filters(tuple(found.values()), target):
        env = {**os.environ, **command.env}
        done = subprocess.run(command.argv, input=text.encode(), env=env, capture_output=True, check=True)
        text = done.stdout.decode()
    return text


def rows_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("INSERT", "(", "REPLACE"))]


def test_everything_is_found_with_kind_names_and_line(tmp_path: Path) -> None:
    found = scanned(FULL, tmp_path)
    assert set(found) == {
        *("program", "server", "gtid", "log-bin", "create-database", "use", "collation", "zero-default"),
        *("invisible-index", "definer", "sql-mode", "longest"),
    }
    assert found["definer"].names == ("`old`@`%`", "`root`@`localhost`")
    assert found["definer"].count == 3
    assert found["use"].names == ("`dreamfactory`",)
    assert found["collation"].names == ("utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs")
    assert found["server"].names == ("8.0.36",)
    assert FULL.splitlines()[found["invisible-index"].line - 1].startswith("  KEY `k`")
    assert {"NO_AUTO_CREATE_USER", "TIME_TRUNCATE_FRACTIONAL"} < set(found["sql-mode"].names)


def test_nothing_that_rows_hold_is_told(tmp_path: Path) -> None:
    for broken in (False, True):
        only = MYSQL_8_HEAD + table(WORDS, broken=broken) + TAIL
        found = scanned(only, tmp_path)
        bare = scanned(MYSQL_8_HEAD + table(()) + TAIL, tmp_path)
        assert {kind: item.names for kind, item in found.items()} == {
            kind: item.names for kind, item in bare.items()
        }
    assert "zero-rows" in scanned(only.replace("'USE `other`;'", "'0000-00-00 00:00:00'"), tmp_path)


@pytest.mark.parametrize("awk", ["gawk", "mawk", "busybox awk"])
def test_every_awk_finds_the_same(awk: str, tmp_path: Path) -> None:
    program, *more = awk.split()
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    code = (Path(__file__).parents[2] / "dfwizard/backup/scan_mysql.awk").read_text()
    answers = [
        subprocess.run(
            [*argv, code],
            input=FULL.encode(),
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            check=True,
        )
        for argv in ([program, *more], ["awk"])
    ]
    assert sorted(answers[0].stdout.splitlines()) == sorted(answers[1].stdout.splitlines())
    assert not answers[0].stderr


def test_a_dump_of_mysql_8_becomes_one_that_mariadb_takes(tmp_path: Path) -> None:
    text = filtered(FULL, scanned(FULL, tmp_path))
    assert rows_of(text) == rows_of(FULL)
    left = "\n".join(line for line in text.splitlines() if not line.startswith(("INSERT", "(")))
    for gone in ("GTID_PURGED", "SQL_LOG_BIN", "6b6cfbde", "CREATE DATABASE /*", "USE `dreamfactory`"):
        assert gone not in left
    assert "= utf8mb4_unicode_ci */ ;" in left
    assert "= utf8mb4_unicode_ci */;" in left
    assert "sql_mode              = 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER' */ ;" in left
    assert "CREATE PROCEDURE `count_hostile`()" in left
    assert "/*!50003 CREATE*/ /*!50003 TRIGGER `filled`" in left
    assert "/*!50013 SQL SECURITY DEFINER */" in left
    assert "  KEY `k` (`id`),\n" in left
    # Texts of the schema, and code, stay as they were written.
    for kept in (
        "enum('a','b COLLATE utf8mb4_0900_ai_ci') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "COMMENT 'not a COLLATE nonsense_ci'",
        "COLLATE=utf8mb4_unicode_ci COMMENT='it''s COLLATE=utf8mb4_0900_ai_ci'",
        "CREATE DEFINER=`in`@`comment` PROCEDURE",
        "CREATE DATABASE `in comment`;",
        "USE `in comment`;",
        "'DEFINER=`x`@`y`'",
    ):
        assert kept in left
    again = scanned(text, tmp_path)
    assert {item.fate for item in judge(tuple(again.values()), MARIADB)} == {"harmless"}
    assert filtered(text, again) == text


def test_modes_that_mysql_8_has_no_more_are_taken_out(tmp_path: Path) -> None:
    old = MYSQL_57_HEAD + TRIGGER + ROUTINE + TAIL
    text = filtered(old, scanned(old, tmp_path), MYSQL)
    assert "sql_mode              = 'STRICT_TRANS_TABLES,TIME_TRUNCATE_FRACTIONAL' */ ;" in text
    assert "= utf8mb4_0900_ai_ci */ ;" in text
    alone = old.replace(
        "STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER,TIME_TRUNCATE_FRACTIONAL", "NO_AUTO_CREATE_USER"
    )
    assert "sql_mode              = '' */ ;" in filtered(alone, scanned(alone, tmp_path), MYSQL)


def test_a_dump_of_mariadb_becomes_one_that_mysql_takes(tmp_path: Path) -> None:
    text = MARIADB_HEAD + (
        "CREATE TABLE `a` (\n"
        "  `id` int(11) NOT NULL,\n"
        "  `twice` int(11) GENERATED ALWAYS AS (`id` * 2) PERSISTENT,\n"
        "  `name` varchar(9) COLLATE utf8mb4_uca1400_ai_ci DEFAULT 'x',\n"
        "  KEY `k` (`id`) IGNORED\n"
        ") ENGINE=Aria DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_uca1400_ai_ci PAGE_CHECKSUM=1 ROW_FORMAT=PAGE;\n"
        "INSERT INTO `a` VALUES\n(1,2,') ENGINE=Aria PAGE_CHECKSUM=1'),\n(2,4,'AS (x) PERSISTENT');\n"
    )
    found = scanned(text + TAIL, tmp_path)
    assert {"sandbox", "persistent", "ignored-index", "engine", "row-format", "collation"} <= set(found)
    after = filtered(text + TAIL, found, MYSQL)
    assert rows_of(after) == rows_of(text)
    assert after.startswith("-- MariaDB dump")
    assert "GENERATED ALWAYS AS (`id` * 2) STORED,\n" in after
    assert "  `name` varchar(9) COLLATE utf8mb4_unicode_ci DEFAULT 'x',\n  KEY `k` (`id`)\n" in after
    assert ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;\n" in after


def test_a_dump_of_the_same_server_stays_as_it_is(tmp_path: Path) -> None:
    mine = VIEW.replace("`root`@`localhost`", "`df`@`localhost`").replace("0900_ai_ci", "unicode_ci")
    text = MYSQL_57_HEAD + mine + TAIL.split("\n", 1)[1]
    assert import_filters(tuple(scanned(text, tmp_path).values()), MARIADB) == ()


@pytest.mark.parametrize(
    ("lines", "target", "words"),
    [
        ("CREATE SEQUENCE `s` start with 1;\n", MYSQL, "sequences"),
        ("CREATE TABLE `a` (\n  `b` int\n) ENGINE=InnoDB WITH SYSTEM VERSIONING;\n", MYSQL, "system versioning"),
        ("CREATE TABLE `a` (\n  `b` uuid NOT NULL\n) ENGINE=InnoDB;\n", MYSQL, "type uuid"),
        ("CREATE TABLE `a` (\n  `b` int\n) ENGINE=CONNECT;\n", MYSQL, "engine CONNECT"),
        ("CREATE TABLE `a` (\n  `b` int\n) ENGINE=InnoDB `PAGE_COMPRESSED`='ON';\n", MARIADB, "compressed"),
        ("CREATE TABLE `a` (\n  KEY `k` ((lower(`b`)))\n) ENGINE=InnoDB;\n", MARIADB, "expressions"),
        ("CREATE TABLE `a` (\n  CONSTRAINT `c` CHECK ((`b` > 1)) /*!80016 NOT ENFORCED */\n) ENGINE=InnoDB;\n", MARIADB, "enforce"),
        ("CREATE TABLE `a` (\n  `b` text COLLATE utf8mb4_0900_as_ci\n) ENGINE=InnoDB;\n", MARIADB, "utf8mb4_0900_as_ci"),
        ("/*!50001 VIEW `v` AS select 'a' collate utf8mb4_0900_ai_ci AS `a` */;\n", MARIADB, "Views or code"),
        ("USE `a`;\nUSE `b`;\n", MARIADB, "several databases"),
    ],
)  # fmt: skip
def test_what_cannot_be_remedied_is_refused_in_words(
    lines: str, target: TargetServer, words: str, tmp_path: Path
) -> None:
    found = scanned(MYSQL_8_HEAD + lines + TAIL, tmp_path)
    with pytest.raises(BackupError, match=words):
        import_filters(tuple(found.values()), target)


def test_a_cut_dump_a_strange_one_and_a_statement_too_long_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cut off"):
        import_filters(tuple(scanned(MYSQL_8_HEAD + table(("x",)), tmp_path).values()), MARIADB)
    with pytest.raises(BackupError, match="not made by mysqldump"):
        import_filters(tuple(scanned("CREATE TABLE a (b int);\n", tmp_path).values()), MARIADB)
    long = scanned(MYSQL_8_HEAD + table(("x" * 5000,)) + TAIL, tmp_path)
    with pytest.raises(BackupError, match="max_allowed_packet = 8192"):
        import_filters(tuple(long.values()), replace(MARIADB, packet=4096))


def test_zero_dates_are_told_and_let_through(tmp_path: Path) -> None:
    judged = {item.oddity.kind: item for item in judge(tuple(scanned(FULL, tmp_path).values()), MARIADB)}
    assert judged["zero-default"].fate == "harmless"
    assert "strict" in judged["zero-default"].words


def test_a_server_without_the_engine_gets_tables_of_innodb(tmp_path: Path) -> None:
    text = MYSQL_57_HEAD + "CREATE TABLE `a` (\n  `b` int\n) ENGINE=MyISAM ROW_FORMAT=FIXED;\n" + TAIL
    found = scanned(text, tmp_path)
    assert ") ENGINE=MyISAM ROW_FORMAT=FIXED;" in filtered(text, found)
    assert ") ENGINE=InnoDB;" in filtered(text, found, replace(MARIADB, engines=frozenset({"InnoDB"})))


PIECES = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=8), st.sampled_from(["\n", "\r\n", "'", "\\", "("])
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(PIECES, max_size=4).map("\n".join), max_size=4).map(tuple), st.booleans())
def test_no_edit_touches_a_row(tmp_path: Path, values: tuple[str, ...], broken: bool) -> None:
    parts = (MARIADB_HEAD, GTID, DATABASES, table(values, broken=broken), TRIGGER, ROUTINE, VIEW, TAIL)
    text = "".join(parts)
    assert data_of(filtered(text, ALL)) == data_of(text)


ALL = {
    oddity.kind: oddity
    for oddity in (
        DumpOddity("program", ("MariaDB dump",)),
        DumpOddity("collation", ("utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs")),
        DumpOddity("definer", ("`a`@`b`",)),
        DumpOddity("engine", ("TokuDB",)),
        DumpOddity("sql-mode", ("TIME_TRUNCATE_FRACTIONAL",)),
        DumpOddity("use", ("`x`",)),
        *map(
            DumpOddity, ("sandbox", "gtid", "log-bin", "create-database", "drop-database", "alter-database")
        ),
        *map(DumpOddity, ("replication", "srid", "invisible-index")),
    )
}


def data_of(text: str) -> bytes:
    """What stands from the first row to the end of the last, in bytes."""
    begin, end = text.index("LOCK TABLES `hostile`"), text.index("UNLOCK TABLES;")
    return text[begin:end].encode()


# -- PostgreSQL and SQLite -----------------------------------------------------------------------------------


PGSQL = TargetServer("pgsql", (15, 18), client=(15, 18), encoding="UTF8", extensions=frozenset({"plpgsql"}))


def fates(target: TargetServer, *oddities: DumpOddity) -> list[tuple[str, str]]:
    return [(item.oddity.kind, item.fate) for item in judge(oddities, target)]


def test_postgresql_of_other_majors() -> None:
    newer = (DumpOddity("archive", ("1.16-0",)), DumpOddity("feature", ("virtual columns", "procedures")))
    assert fates(PGSQL, *newer) == [("archive", "refused"), ("feature", "refused")]
    assert fates(replace(PGSQL, version=(18,), client=(18,)), *newer) == [
        ("archive", "harmless"),
        ("feature", "harmless"),
    ]
    assert fates(PGSQL, DumpOddity("extension", ("citext", "plpgsql"))) == [("extension", "refused")]
    assert fates(PGSQL, DumpOddity("encoding", ("LATIN1",)), DumpOddity("encoding", ("SQL_ASCII",))) == [
        ("encoding", "harmless"),
        ("encoding", "refused"),
    ]
    assert fates(PGSQL, DumpOddity("administrators", ("EVENT TRIGGER",))) == [("administrators", "refused")]


def test_settings_of_a_newer_pg_restore_are_taken_out_and_rows_are_not() -> None:
    (command,) = import_filters((), replace(PGSQL, version=(11, 22), client=(17, 2)))
    text = (
        "SET lock_timeout = 0;\nSET transaction_timeout = 0;\n\n-- Name: a; Type: TABLE\n"
        "SET default_table_access_method = heap;\n"
        "COPY public.a (t) FROM stdin;\nSET transaction_timeout = 0;\n"
        "SET default_table_access_method = heap;\nCOPY public.a (t) FROM stdin;\n\\\\.\n\\.\nSET x = 1;\n"
    )
    done = subprocess.run(command.argv, input=text.encode(), capture_output=True, check=True)
    gone = text.replace("SET transaction_timeout = 0;\n", "", 1)
    assert done.stdout.decode() == gone.replace("SET default_table_access_method = heap;\n", "", 1)
    assert import_filters((), PGSQL) == ()


def test_a_sqlite_database_is_known_by_header_and_length(tmp_path: Path) -> None:
    context = BackupContext(HOST, str(tmp_path))
    path = tmp_path / "db"
    with sqlite3.connect(path) as connection:
        connection.executescript("CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(30000));")
    connection.close()
    whole = path.read_bytes()

    def found(data: bytes) -> list[str]:
        file = tmp_path / "database.sqlite.gz"
        file.write_bytes(gzip.compress(data))
        return [item.kind for item in scan_dump(context, str(file), "sqlite")]

    target = TargetServer("sqlite", ())
    assert found(whole) == ["server"]
    assert import_filters((DumpOddity("server", ("3.40.1",)),), target) == ()
    assert found(whole[:-4096]) == ["server", "incomplete"]
    assert found(b"not a database" * 100) == ["not-sqlite"]
    with pytest.raises(BackupError, match="cut off"):
        import_filters((DumpOddity("incomplete"),), target)


def test_versions_are_read() -> None:
    assert server_version("5.5.5-10.11.19-MariaDB-0+deb12u1") == (10, 11, 19)
    assert server_version("8.0.36-0ubuntu0.22.04.1") == (8, 0, 36)
    assert server_version("15.18 (Debian 15.18-0+deb12u1)") == (15, 18)
    assert server_version("pg_restore (PostgreSQL) 18beta1") == (18,)
