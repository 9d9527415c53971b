"""Damaged, cut and foreign backups are found and refused; a dump holds everything that a database can hold."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfwizard.backup.manifest import read_manifest
from dfwizard.backup.prove import prove, verify
from dfwizard.backup.restore import restore_database
from dfwizard.backup.take import take
from dfwizard.backup.tree import restore_tree
from dfwizard.errors import BackupError
from tests.lab.backup_site import (
    Site,
    databases,
    sentences,
    site_of,
)
from tests.lab.fixtures import StartLab

pytestmark = pytest.mark.lab


def copied(backup: str, site: Site) -> Path:
    target = Path(site.new("copy"))
    shutil.copytree(backup, target)
    return target


def resealed(directory: Path, **changes: Any) -> None:
    """Make the manifest fit the parts as they are now, as if they had been written so."""
    path = directory / "manifest.json"
    data = json.loads(path.read_text())
    for part in data["parts"]:
        content = (directory / part["name"]).read_bytes()
        part["size"], part["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    data.update(changes)
    path.write_text(json.dumps(data))
    (directory / "proof.json").unlink(missing_ok=True)


class TestDamage:
    @pytest.mark.parametrize("damage", ["flip", "cut", "lengthen", "remove"])
    def test_any_damaged_part_is_found(self, site: Site, backup: str, damage: str) -> None:
        names = [part.name for part in read_manifest(site.context.host, backup).parts]
        assert len(names) == 3
        before = site.fingerprint()
        for name in names:
            directory = copied(backup, site)
            data = bytearray((directory / name).read_bytes())
            if damage == "flip":
                data[len(data) // 2] ^= 1
            elif damage == "cut":
                del data[-1:]
            elif damage == "lengthen":
                data += b"x"
            (directory / name).write_bytes(data)
            if damage == "remove":
                (directory / name).unlink()
            with pytest.raises(BackupError, match=name.replace(".", r"\.")):
                verify(site.context, str(directory))
            if name.startswith("database"):
                with pytest.raises(BackupError, match="database"):
                    restore_database(site.context, site.subject, str(directory))
            with pytest.raises(BackupError):
                restore_tree(site.context, site.subject, str(directory), f"d{time.monotonic_ns()}")
        assert sentences(before, site.fingerprint()) == []

    def test_a_manifest_that_says_something_else_than_when_it_was_proven_is_found(
        self, site: Site, backup: str
    ) -> None:
        directory = copied(backup, site)
        manifest = directory / "manifest.json"
        text = manifest.read_text()
        manifest.write_text(text.replace('"mode": ', '"mode": 1', 1))
        assert read_manifest(site.context.host, backup)
        doors: tuple[Callable[[], object], ...] = (
            lambda: verify(site.context, str(directory)),
            lambda: restore_tree(site.context, site.subject, str(directory), "changed"),
            lambda: restore_database(site.context, site.subject, str(directory)),
        )
        for door in doors:
            with pytest.raises(BackupError, match="not the one with which the backup was proven"):
                door()
        manifest.write_text(text)
        assert verify(site.context, str(directory))

    def test_an_archive_cut_before_it_was_sealed_is_found(self, site: Site, backup: str) -> None:
        directory = copied(backup, site)
        tree = directory / "tree.tar.zst"
        tree.write_bytes(tree.read_bytes()[:-2000])
        resealed(directory)
        with pytest.raises(BackupError, match="reading the archive"):
            verify(site.context, str(directory))

    def test_an_archive_that_lacks_a_file_is_found(self, site: Site, backup: str) -> None:
        directory = copied(backup, site)
        names = json.loads((directory / "manifest.json").read_text())["tree"]
        names["names_sha256"] = "0" * 64
        resealed(directory, tree=names)
        with pytest.raises(BackupError, match="other names"):
            verify(site.context, str(directory))

    def test_a_wrong_app_key_is_found(self, site: Site, backup: str) -> None:
        directory = copied(backup, site)
        env = directory / "env"
        other = "base64:" + base64.b64encode(b"o" * 32).decode()
        env.write_text(env.read_text().replace(site.lab.app_key, other))
        resealed(directory)
        with pytest.raises(BackupError, match="APP_KEY"):
            prove(site.context, site.subject, str(directory))

    def test_a_table_with_other_rows_is_found(self, site: Site, backup: str) -> None:
        directory = copied(backup, site)
        record = json.loads((directory / "manifest.json").read_text())["database"]
        record["tables"]["role"]["digest"] = "0" * 32
        record["tables"]["gone"] = {"rows": 1, "digest": None, "schema": "x"}
        resealed(directory, database=record)
        with pytest.raises(BackupError, match="table gone is missing; table role has other values"):
            prove(site.context, site.subject, str(directory))

    def test_a_foreign_or_unfinished_backup_is_refused(self, site: Site, backup: str) -> None:
        directory = copied(backup, site)
        resealed(directory, instance="/opt/other")
        with pytest.raises(BackupError, match="/opt/other"):
            prove(site.context, site.subject, str(directory))
        (directory / "manifest.json").unlink()
        with pytest.raises(BackupError, match="never finished"):
            prove(site.context, site.subject, str(directory))
        with pytest.raises(BackupError, match="no such directory"):
            prove(site.context, site.subject, str(directory / "none"))


def packed(directory: Path, change: Callable[[bytes], bytes]) -> None:
    dump = directory / "database.sql.zst"
    text = subprocess.run(["zstd", "-dc", str(dump)], capture_output=True, check=True).stdout
    changed = change(text)
    assert changed != text
    data = subprocess.run(["zstd", "-c"], input=changed, capture_output=True, check=True).stdout
    dump.write_bytes(data)
    resealed(directory)


class TestDumps:
    @pytest.mark.parametrize("cut", ["after a table", "between inserts", "inside an insert"])
    def test_a_cut_dump_has_no_trailer(self, mariadb_site: Site, mariadb_backup: str, cut: str) -> None:
        directory = copied(mariadb_backup, mariadb_site)
        sign = {
            "after a table": b"UNLOCK TABLES;\n",
            "between inserts": b");\n",
            "inside an insert": b"),\n(",
        }[cut]

        def shorten(text: bytes) -> bytes:
            return text[: text.index(sign) + len(sign)]

        packed(directory, shorten)
        with pytest.raises(BackupError, match="Dump completed"):
            verify(mariadb_site.context, str(directory))

    def test_rows_lost_under_a_whole_trailer_are_found(self, mariadb_site: Site, mariadb_backup: str) -> None:
        directory = copied(mariadb_backup, mariadb_site)

        def lose(text: bytes) -> bytes:
            start = text.index(b"INSERT INTO `role` ")
            return text[:start] + text[text.index(b";\n", start) + 2 :]

        packed(directory, lose)
        with pytest.raises(BackupError, match="table role has 0 rows instead of"):
            prove(mariadb_site.context, mariadb_site.subject, str(directory))
        assert not [name for name in databases(mariadb_site) if "scratch" in name]

    def test_an_error_in_the_import_is_told_without_the_data(
        self, mariadb_site: Site, mariadb_backup: str
    ) -> None:
        directory = copied(mariadb_backup, mariadb_site)
        packed(
            directory, lambda text: text.replace(b"INSERT INTO `role` ", b"INSERT INTO `role` (`rolle`) ", 1)
        )
        with pytest.raises(BackupError, match="Column count") as caught:
            prove(mariadb_site.context, mariadb_site.subject, str(directory))
        assert len(str(caught.value)) < 1500
        assert "VALUES" not in str(caught.value)

    def test_routines_triggers_events_and_views_come_back(self, mariadb_site: Site) -> None:
        query = mariadb_site.lab.query
        query("CREATE VIEW `odd ``view` AS SELECT id, name FROM role")
        query(
            "CREATE TRIGGER watch BEFORE UPDATE ON role FOR EACH ROW SET NEW.description = CONCAT('a;b', OLD.name)"
        )
        query("CREATE PROCEDURE remember() BEGIN SELECT 1; SELECT 'a;b'; END")
        query("CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM lookup WHERE id < 0")
        query("CREATE SEQUENCE numbers START WITH 7")
        query("CREATE TABLE `we``ird \\ name` (a int, b longblob, c double) ENGINE=InnoDB")
        query("INSERT INTO `we``ird \\ name` VALUES (1, x'000d0a1a5c27ff', 0.1)")
        try:
            before = mariadb_site.fingerprint()
            assert before.database is not None
            assert len(before.database.objects) == 5
            directory = mariadb_site.new("objects")
            take(mariadb_site.context, mariadb_site.subject, directory)
            prove(mariadb_site.context, mariadb_site.subject, directory)
            query("DROP PROCEDURE remember")
            query("DROP EVENT nightly")
            query("CREATE FUNCTION newer() RETURNS int RETURN 1")
            restore_database(mariadb_site.context, mariadb_site.subject, directory)
            assert sentences(before, mariadb_site.fingerprint()) == []
        finally:
            query("DROP VIEW `odd ``view`")
            query("DROP TRIGGER watch")
            query("DROP PROCEDURE remember")
            query("DROP EVENT nightly")
            query("DROP SEQUENCE numbers")
            query("DROP TABLE `we``ird \\ name`")

    def test_postgresql_objects_come_back(self, start_lab: StartLab, place: Path) -> None:
        own = place / "pg-objects"
        own.mkdir(mode=0o700)
        site = site_of(start_lab("postgresql"), own)
        query = site.lab.query
        query("CREATE TYPE mood AS ENUM ('ok', 'it''s bad')")
        query("CREATE SCHEMA other")
        query('CREATE TABLE other."we""ird" (id bigserial PRIMARY KEY, m mood, d bytea)')
        query("INSERT INTO other.\"we\"\"ird\" (m, d) VALUES ('ok', '\\x00ff')")
        query("CREATE VIEW seen AS SELECT id FROM role")
        query("CREATE FUNCTION plus(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 1'")
        before = site.fingerprint()
        directory = site.new("objects")
        take(site.context, site.subject, directory)
        prove(site.context, site.subject, directory)
        query("DROP SCHEMA other CASCADE")
        query("CREATE TYPE newer AS (a int)")
        query("CREATE MATERIALIZED VIEW newest AS SELECT 1 AS one")
        query("CREATE SCHEMA newer")
        restore_database(site.context, site.subject, directory)
        assert sentences(before, site.fingerprint()) == []
        assert query("SELECT count(*) FROM pg_namespace WHERE nspname = 'newer'") == [(0,)]
        assert query("SELECT count(*) FROM pg_type WHERE typname IN ('newer', '_newer')") == [(0,)]
