"""Backups of real instances on three databases: there, damaged, proven, and back to the identical instance."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from dfwizard import codec
from dfwizard.backup.context import BackupContext
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.fingerprint import Fingerprint, compare, take_fingerprint
from dfwizard.backup.manifest import Manifest, read_manifest, read_proof
from dfwizard.backup.prove import prove, verify
from dfwizard.backup.restore import restore_database
from dfwizard.backup.scratch import hindrance, scratch_name
from dfwizard.backup.shows import shows_prove, shows_restore, shows_take
from dfwizard.backup.subject import Subject, find_tools
from dfwizard.backup.take import take
from dfwizard.backup.tree import clear_aside, restore_tree
from dfwizard.errors import BackupError
from dfwizard.hosts.base import OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import settings
from dfwizard.instance.dotenv import parse
from tests.lab.databases import Engine
from tests.lab.fixtures import StartLab, lab_directory
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

ENGINES: tuple[Engine, ...] = ("sqlite", "mariadb", "postgresql")


@dataclass
class Site:
    """A lab, how a backup sees it, and a place for backups."""

    lab: Lab
    subject: Subject
    context: BackupContext
    place: Path
    lines: list[str] = field(default_factory=list)

    def fingerprint(self) -> Fingerprint:
        return take_fingerprint(self.context, self.subject)

    def new(self, name: str) -> str:
        return str(self.place / f"{name}-{time.monotonic_ns()}")


def site_of(lab: Lab, place: Path, host: LocalHost | None = None) -> Site:
    path = str(lab.instance)
    found = settings(parse((lab.instance / ".env").read_bytes()).values, path, (6, 3, 0))
    machine = host or LocalHost()
    subject = Subject(path, lab.owner, lab.owner, "root", "php", found, find_tools(machine, found.driver))
    lines: list[str] = []
    context = BackupContext(machine, str(place / "private"), f"test-{os.getpid()}", lines.append)
    return Site(lab, subject, context, place, lines)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    directory = lab_directory()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module", params=ENGINES)
def site(request: pytest.FixtureRequest, start_module_lab: StartLab, place: Path) -> Site:
    lab = start_module_lab(request.param)
    owner = shutil.chown
    odd = lab.instance / "storage" / "app"
    (odd / "a b'c\"$x").write_text("quoted")
    (odd / "-rf").write_text("dash")
    (odd / "line\nend").write_text("newline")
    (odd / os.fsdecode(b"latin-\xe9")).write_bytes(b"bytes")
    (odd / "*").write_text("star")
    (odd / "link").symlink_to("nowhere at all")
    (odd / "closed").write_text("closed")
    (odd / "closed").chmod(0o400)
    for path in odd.iterdir():
        if not path.is_symlink():
            owner(path, lab.owner, lab.owner)
    (odd / "-rf").chmod(0o755)
    os.link(odd / "-rf", odd / "hard link")
    own = place / request.param
    own.mkdir(mode=0o700)
    return site_of(lab, own)


@pytest.fixture(scope="module")
def backup(site: Site) -> str:
    directory = site.new("good")
    take(site.context, site.subject, directory, release="6.3.0")
    prove(site.context, site.subject, directory)
    return directory


@pytest.fixture(scope="module")
def sqlite_site(start_module_lab: StartLab, place: Path) -> Site:
    (place / "alone").mkdir(mode=0o700)
    return site_of(start_module_lab("sqlite"), place / "alone")


def put_back(site: Site, directory: str, run_id: str | None = None) -> None:
    run_id = run_id or f"run{time.monotonic_ns()}"
    restore_tree(site.context, site.subject, directory, run_id)
    restore_database(site.context, site.subject, directory)
    clear_aside(site.context, site.subject.path, run_id)


def sentences(before: Fingerprint, after: Fingerprint) -> list[str]:
    return [difference.sentence for difference in compare(before, after)]


def names_in(directory: str | Path) -> list[str]:
    return sorted(path.name for path in Path(directory).iterdir())


def databases(site: Site) -> list[str]:
    if site.subject.driver == "mysql":
        found = subprocess.run(
            ["mariadb", f"--socket={socket(site)}", "-NBe", "SHOW DATABASES"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return found.stdout.split()
    return [str(row[0]) for row in site.lab.query("SELECT datname FROM pg_database")]


def socket(site: Site) -> Path:
    return next((site.lab.directory / "run").rglob("mysqld.sock"))


class TestRoundTrip:
    def test_everything_damaged_comes_back_identical(self, site: Site, backup: str) -> None:
        before = site.fingerprint()
        wreck(site)
        after = sentences(before, site.fingerprint())
        assert any("artisan" in text for text in after)
        assert any("lookup" in text for text in after)
        put_back(site, backup)
        assert sentences(before, site.fingerprint()) == []
        assert not [name for name in names_in(site.lab.instance.parent) if "dfwizard" in name]

    def test_tables_and_columns_added_since_vanish(self, site: Site, backup: str) -> None:
        before = site.fingerprint()
        site.lab.query("CREATE TABLE mqtt_config (id integer, service_id integer)")
        site.lab.query("CREATE VIEW newer AS SELECT id FROM mqtt_config")
        site.lab.query("ALTER TABLE role ADD COLUMN newer integer")
        assert len(sentences(before, site.fingerprint())) >= 3
        restore_database(site.context, site.subject, backup)
        restore_database(site.context, site.subject, backup)
        assert sentences(before, site.fingerprint()) == []

    def test_the_manifest_tells_what_is_in_it(self, site: Site, backup: str) -> None:
        manifest = read_manifest(site.context.host, backup)
        assert manifest.instance == site.subject.path
        assert manifest.release == "6.3.0"
        assert manifest.database is not None
        user = "`user`" if site.subject.driver == "mysql" else '"user"'
        rows = site.lab.query(f"SELECT count(*) FROM {user}")
        assert int(rows[0][0]) == manifest.database.tables["user"].rows
        for part in manifest.parts:
            data = (Path(backup) / part.name).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (part.size, part.sha256)
        assert codec.loads(Manifest, codec.dumps(manifest)) == manifest
        assert names_in(backup) == sorted(
            [*(part.name for part in manifest.parts), "manifest.json", "proof.json"]
        )
        assert {(Path(backup) / name).stat().st_mode & 0o777 for name in names_in(backup)} == {0o600}
        assert Path(backup).stat().st_mode & 0o777 == 0o700

    def test_the_proof_says_what_was_shown(self, site: Site, backup: str) -> None:
        proof = read_proof(site.context.host, backup)
        assert proof is not None
        assert proof.key is not None
        assert proof.key.state == "proven"
        assert (
            proof.manifest_sha256 == hashlib.sha256((Path(backup) / "manifest.json").read_bytes()).hexdigest()
        )
        assert any("tables with the recorded rows and values" in text for text in proof.proven)

    def test_no_secret_is_in_manifest_proof_or_output(self, site: Site, backup: str) -> None:
        password, key = site.lab.db_password, site.lab.app_key
        told = "\n".join(site.lines) + (Path(backup) / "manifest.json").read_text()
        told += (Path(backup) / "proof.json").read_text()
        told += "".join(shows_take(site.subject, backup, "/p") + shows_prove(site.subject, backup, "/p"))
        told += "".join(shows_restore(site.subject, backup, "/p", "r"))
        for secret in (password, json.dumps(password)[1:-1], key, key.removeprefix("base64:")):
            assert secret not in told
            assert base64.b64encode(secret.encode()).decode() not in told
        assert names_in(site.context.private) == []

    def test_a_verified_backup_needs_no_instance(self, site: Site, backup: str) -> None:
        check = verify(site.context, backup)
        assert len(check.proven) == 3
        assert "no access" in check.notes[0]


def wreck(site: Site) -> None:
    tree = site.lab.instance
    shutil.rmtree(tree / "vendor")
    shutil.rmtree(tree / ".git")
    (tree / "artisan").write_text("broken")
    (tree / "composer.json").unlink()
    (tree / "new\nfile").write_text("new")
    (tree / "config").chmod(0o700)
    os.chown(tree / "config" / "app.php", 0, 0)
    (tree / ".env").write_text("APP_KEY=other\n")
    (tree / "storage" / "framework" / "down").write_text("{}")
    site.lab.query("DELETE FROM lookup")
    name = "`user`" if site.subject.driver == "mysql" else '"user"'
    site.lab.query(f"UPDATE {name} SET password = 'x'")


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


@pytest.fixture(scope="module")
def mariadb_site(start_module_lab: StartLab, place: Path) -> Site:
    (place / "maria").mkdir(mode=0o700)
    return site_of(start_module_lab("mariadb"), place / "maria")


@pytest.fixture(scope="module")
def mariadb_backup(mariadb_site: Site) -> str:
    directory = mariadb_site.new("good")
    take(mariadb_site.context, mariadb_site.subject, directory)
    return directory


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


class TestScratch:
    def test_scratch_databases_are_dropped_and_leftovers_too(self, site: Site, backup: str) -> None:
        if site.subject.driver == "sqlite":
            prove(site.context, site.subject, backup)
            assert names_in(site.context.private) == []
            return
        usual = databases(site)
        left = scratch_name(site.subject.path, "dead")
        other = scratch_name("/another/instance", "live")
        for name in (left, other):
            administer(site, f"CREATE DATABASE {name}")
        assert {left, other} <= set(databases(site))
        prove(site.context, site.subject, backup)
        assert sorted(databases(site)) == sorted([*usual, other])
        administer(site, f"DROP DATABASE {other}")
        if site.subject.driver == "mysql":
            found = subprocess.run(
                ["mariadb", f"--socket={socket(site)}", "-NBe", "SELECT Db FROM mysql.db"],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert "scratch" not in found.stdout

    def test_a_user_who_may_create_databases_needs_no_administrator(self, site: Site, backup: str) -> None:
        alone = replace(site.subject, me="deploy")
        if site.subject.driver == "sqlite":
            assert "scratch file" in prove(site.context, alone, backup).scratch
            return
        user = site.subject.settings.user if site.subject.settings else ""
        if site.subject.driver == "mysql":
            allow = [f"GRANT ALL ON `dfwizard\\_scratch\\_%`.* TO '{user}'@'{host}'" for host in HOSTS]
            deny = [f"REVOKE ALL ON `dfwizard\\_scratch\\_%`.* FROM '{user}'@'{host}'" for host in HOSTS]
        else:
            allow, deny = [f"ALTER ROLE {user} CREATEDB"], [f"ALTER ROLE {user} NOCREATEDB"]
        assert hindrance(site.context, site.subject) is None  # root may be the server's administrator
        assert re.search(r"GRANT ALL ON `dfwizard|CREATEDB", hindrance(site.context, alone) or "")
        with pytest.raises(BackupError, match=r"GRANT ALL ON `dfwizard|CREATEDB"):
            prove(site.context, alone, backup)
        for sql in allow:
            administer(site, sql)
        try:
            assert hindrance(site.context, alone) is None
            assert "database user" in prove(site.context, alone, backup).scratch
        finally:
            for sql in deny:
                administer(site, sql)


HOSTS = ("127.0.0.1", "localhost")


def administer(site: Site, sql: str) -> None:
    if site.subject.driver == "mysql":
        argv = ["mariadb", f"--socket={socket(site)}", "-e", sql]
    else:
        found = next((site.lab.directory / "run").rglob(".s.PGSQL.*[0-9]"))
        argv = [
            "runuser",
            "-u",
            "postgres",
            "--",
            "psql",
            "-h",
            str(found.parent),
            "-p",
            found.suffix[1:],
            "-c",
            sql,
        ]
    subprocess.run(argv, check=True, capture_output=True)


@dataclass(frozen=True)
class DyingHost(LocalHost):
    """A host on which dfwizard dies, as by kill -9, just before the action of number `last`."""

    last: int = 0
    count: list[int] = field(default_factory=lambda: [0])

    def _step(self) -> None:
        self.count[0] += 1
        if self.count[0] == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(
        self,
        work: Command | Pipeline,
        *,
        on_output: OnOutput | None = None,
        keep: int = 1 << 20,
        check: bool = True,
        mark: str | None = None,
    ) -> Result:
        self._step()
        return super().run(work, on_output=on_output, keep=keep, check=check, mark=mark)

    def write(
        self, path: str, data: bytes, *, mode: int = 0o600, owner: str | None = None, group: str | None = None
    ) -> None:
        self._step()
        super().write(path, data, mode=mode, owner=owner, group=group)

    def rename(self, source: str, target: str) -> None:
        self._step()
        super().rename(source, target)

    def remove(self, path: str) -> None:
        self._step()
        super().remove(path)


def bring_back(site: Site, directory: str, run_id: str, context: BackupContext) -> None:
    restore_tree(context, site.subject, directory, run_id)


def save(site: Site, directory: str, context: BackupContext) -> None:
    take(context, site.subject, directory)


def die_at(last: int, context: BackupContext, work: Callable[[BackupContext], object]) -> bool:
    """Do `work` in a process that dies before its action of number `last`; tell whether it died."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(replace(context, host=DyingHost(last=last), report=lambda _line: None))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


class TestKilled:
    def test_restoring_the_tree_ends_well_wherever_it_was_killed(self, sqlite_site: Site) -> None:
        site = sqlite_site
        directory = site.new("kill")
        take(site.context, site.subject, directory)
        before = site.fingerprint()
        last = 1
        while True:
            (site.lab.instance / "artisan").write_text(str(last))
            run_id = f"kill{last}"
            died = die_at(last, site.context, partial(bring_back, site, directory, run_id))
            restore_tree(site.context, site.subject, directory, run_id)
            restore_tree(site.context, site.subject, directory, run_id)
            assert sentences(before, site.fingerprint()) == [], last
            clear_aside(site.context, site.subject.path, run_id)
            assert not [name for name in names_in(site.lab.instance.parent) if "dfwizard" in name]
            if not died:
                break
            last += 1
        assert last > 8

    def test_exchanging_the_content_ends_well_wherever_it_was_killed(self, sqlite_site: Site) -> None:
        site = sqlite_site
        directory = site.new("kill-content")
        take(site.context, site.subject, directory)
        before = site.fingerprint()
        with bind_mounted(site.lab.instance):
            last = 1
            while True:
                (site.lab.instance / "artisan").write_text(str(last))
                (site.lab.instance / f"extra{last}").write_text("extra")
                run_id = f"kill{last}"
                died = die_at(
                    last,
                    site.context,
                    partial(bring_back, site, directory, run_id),
                )
                restore_tree(site.context, site.subject, directory, run_id)
                assert sentences(before, site.fingerprint()) == [], last
                clear_aside(site.context, site.subject.path, run_id)
                assert not [name for name in names_in(site.lab.instance) if "dfwizard" in name]
                if not died:
                    break
                last += 4
        assert last > 40

    def test_restoring_the_database_ends_well_wherever_it_was_killed(self, site: Site, backup: str) -> None:
        before = site.fingerprint()
        last = 1
        while die_at(last, site.context, lambda ctx: restore_database(ctx, site.subject, backup)):
            restore_database(site.context, site.subject, backup)
            assert sentences(before, site.fingerprint()) == [], last
            last += 2
        assert last > 3

    def test_an_import_killed_in_the_middle_is_run_again(
        self, mariadb_site: Site, mariadb_backup: str
    ) -> None:
        site = mariadb_site
        before = site.fingerprint()
        assert before.database is not None
        child = os.fork()
        if child == 0:
            try:
                restore_database(replace(site.context, mark="mid-import"), site.subject, mariadb_backup)
            finally:
                os._exit(0)
        counting = "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        seen: list[int] = []
        while not seen or not 0 < seen[-1] < len(before.database.tables) - 5:
            seen.append(int(site.lab.query(counting)[0][0]))
            assert os.waitpid(child, os.WNOHANG) == (0, 0), seen
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        site.context.host.end_marked("mid-import")
        assert sentences(before, site.fingerprint())
        assert names_in(site.context.private)
        restore_database(site.context, site.subject, mariadb_backup)
        assert sentences(before, site.fingerprint()) == []
        assert names_in(site.context.private) == []

    def test_a_killed_backup_is_taken_anew_by_its_run_alone(self, sqlite_site: Site) -> None:
        site = sqlite_site
        last = 1
        while True:
            directory = site.new("killed-take")
            died = die_at(last, site.context, partial(save, site, directory))
            other = replace(site.context, mark="another-run")
            if Path(directory).exists() and names_in(directory):
                with pytest.raises(BackupError, match="never overwrites"):
                    take(other, site.subject, directory)
            manifest = take(site.context, site.subject, directory)
            assert read_manifest(site.context.host, directory) == manifest
            assert names_in(directory) == [
                "database.sqlite.zst",
                "env",
                "manifest.json",
                "tree.tar.zst",
            ]
            if not died:
                break
            last += 1
        assert last > 8


@contextmanager
def bind_mounted(path: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", str(path), str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[None]:
    path.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


class TestMounts:
    def test_a_mount_point_keeps_its_mount(self, site: Site, backup: str) -> None:
        before = site.fingerprint()
        wreck_query = "DELETE FROM lookup"
        with bind_mounted(site.lab.instance):
            inode = site.lab.instance.stat().st_ino
            site.lab.query(wreck_query)
            shutil.rmtree(site.lab.instance / "vendor")
            (site.lab.instance / "extra").mkdir()
            site.lab.instance.chmod(0o700)
            asked: list[str] = []
            run_id = f"m{time.monotonic_ns()}"
            restore_tree(site.context, site.subject, backup, run_id, before_exchange=asked.append)
            restore_database(site.context, site.subject, backup)
            assert sentences(before, site.fingerprint()) == []
            assert site.lab.instance.stat().st_ino == inode
            assert asked == []
            clear_aside(site.context, site.subject.path, run_id)
            assert not [name for name in names_in(site.lab.instance) if "dfwizard" in name]
        assert sentences(before, site.fingerprint()) == []

    def test_a_disk_mounted_inside_is_saved_and_put_back_on_it(self, sqlite_site: Site) -> None:
        site = sqlite_site
        uploads = site.lab.instance / "storage" / "app" / "up loads"
        with small_disk(uploads, "4m"):
            (uploads / "deep" / "er").mkdir(parents=True)
            (uploads / "deep" / "er" / "file").write_text("kept")
            shutil.chown(uploads, site.lab.owner, site.lab.owner)
            before = site.fingerprint()
            directory = site.new("mounted")
            manifest = take(site.context, site.subject, directory)
            assert manifest.tree.mounts == ("storage/app/up loads",)
            device = uploads.stat().st_dev
            shutil.rmtree(uploads / "deep")
            uploads.chmod(0o700)
            (uploads / "newer").write_text("x")
            (site.lab.instance / "storage" / "newer").write_text("x")
            run_id = f"n{time.monotonic_ns()}"
            restore_tree(site.context, site.subject, directory, run_id)
            assert sentences(before, site.fingerprint()) == []
            assert uploads.stat().st_dev == device
            assert (uploads / "deep" / "er" / "file").stat().st_dev == device
            clear_aside(site.context, site.subject.path, run_id)
            assert [str(path) for path in site.lab.instance.rglob(".dfwizard*")] == []

    def test_a_full_disk_is_said_and_loses_nothing(self, sqlite_site: Site) -> None:
        site = sqlite_site
        disk = site.place / "small"
        with small_disk(disk, "64k"):
            with pytest.raises(BackupError, match="full"):
                take(site.context, site.subject, str(disk / "backup"))
            with pytest.raises(BackupError, match="never finished"):
                verify(site.context, str(disk / "backup"))


def _dumps(work: Command | Pipeline) -> bool:
    if isinstance(work, Pipeline):
        return "dump" in work.commands[0].argv[0]
    return any("->backup(" in word for word in work.argv)


class ChangingHost(LocalHost):
    """A host on which `change` happens while the dump runs."""

    def __init__(self, change: Callable[[], object], times: int) -> None:
        super().__init__()
        object.__setattr__(self, "change", change)
        object.__setattr__(self, "left", [times])

    def run(self, work: Command | Pipeline, **options: Any) -> Result:
        result = super().run(work, **options)
        left = cast("list[int]", self.left)  # type: ignore[attr-defined]
        if left[0] and _dumps(work):
            left[0] -= 1
            self.change()  # type: ignore[attr-defined]
        return result


class TestWhileInUse:
    def test_tables_written_during_the_dump_are_dumped_again_once(
        self, start_lab: StartLab, place: Path
    ) -> None:
        for engine in ENGINES:
            lab = start_lab(engine)
            own = place / f"changing-{engine}"
            own.mkdir(mode=0o700)

            def write(lab: Lab = lab) -> None:
                lab.query("UPDATE role SET description = 'now " + str(time.monotonic_ns()) + "'")
                lab.query("DELETE FROM token_map")

            site = site_of(lab, own, ChangingHost(write, 1))
            directory = site.new("once")
            take(site.context, site.subject, directory)
            assert any("table role" in line and "once more" in line for line in site.lines)
            prove(site.context, site.subject, directory)
            site = site_of(lab, own, ChangingHost(write, 2))
            with pytest.raises(BackupError, match="tables changed while being dumped, twice: table role"):
                take(site.context, site.subject, site.new("twice"))

    def test_a_file_written_during_the_archive_is_named(self, sqlite_site: Site) -> None:
        site = sqlite_site
        for name, fails in (("storage/logs/dreamfactory.log", False), ("busy file", True)):
            path = site.lab.instance / name
            path.parent.mkdir(exist_ok=True)
            with path.open("ab") as file:
                file.truncate(300 << 20)
                done = threading.Event()

                def grow(file: Any = file, done: threading.Event = done) -> None:
                    while not done.wait(0.001):
                        file.write(b"x")
                        file.flush()

                writer = threading.Thread(target=grow)
                writer.start()
                directory = site.new("busy")
                try:
                    if fails:
                        with pytest.raises(BackupError, match="busy file"):
                            take(site.context, site.subject, directory)
                    else:
                        manifest = take(site.context, site.subject, directory)
                        assert manifest.tree.changed == (name,)
                finally:
                    done.set()
                    writer.join()
                    path.unlink()

    def test_no_password_is_in_any_command_line_or_environment(self, site: Site) -> None:
        seen: set[bytes] = set()
        done = threading.Event()
        sign = f"DFWIZARD_RUN={site.context.mark}".encode()

        def sample() -> None:
            while not done.is_set():
                for process in names_in("/proc"):
                    with suppress(OSError):
                        texts = [
                            Path(f"/proc/{process}/{name}").read_bytes() for name in ("environ", "cmdline")
                        ]
                        if sign in texts[0]:
                            seen.update(texts)

        watcher = threading.Thread(target=sample)
        watcher.start()
        try:
            directory = site.new("watched")
            take(site.context, site.subject, directory)
            prove(site.context, site.subject, directory)
            restore_database(site.context, site.subject, directory)
        finally:
            done.set()
            watcher.join()
        programs = {"mysql": b"--defaults-file=", "pgsql": b"pg_restore", "sqlite": b"SQLite3"}
        assert any(programs[site.subject.driver] in text for text in seen)
        password = site.lab.db_password.encode()
        assert not [text for text in seen if password in text or site.lab.app_key.encode() in text]


class TestPlaces:
    def test_a_backup_goes_nowhere_wrong(self, sqlite_site: Site, place: Path) -> None:
        site = sqlite_site
        link = place / "shortcut"
        link.symlink_to(site.lab.instance)
        for directory in (f"{site.subject.path}/backup", f"{link}/backup", site.subject.path):
            with pytest.raises(BackupError, match="contain itself"):
                take(site.context, site.subject, directory)
        with pytest.raises(BackupError, match="absolute"):
            take(site.context, site.subject, "backup")
        existing = site.place / "existing"
        existing.mkdir()
        (existing / "file").write_text("mine")
        with pytest.raises(BackupError, match="never overwrites"):
            take(site.context, site.subject, str(existing))
        assert (existing / "file").read_text() == "mine"

    def test_an_env_behind_a_link_is_put_back_where_it_lies(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "linked").mkdir(mode=0o700)
        real = lab.directory / "secrets.env"
        (lab.instance / ".env").rename(real)
        (lab.instance / ".env").symlink_to("../../secrets.env")
        site = site_of(lab, place / "linked")
        before = site.fingerprint()
        directory = site.new("linked")
        take(site.context, site.subject, directory)
        real.write_text("APP_KEY=\n")
        real.chmod(0o666)
        assert sentences(before, site.fingerprint()) == ["the file behind .env differs"]
        put_back(site, directory)
        assert sentences(before, site.fingerprint()) == []
        assert (lab.instance / ".env").is_symlink()

    def test_a_setgid_parent_leaves_no_mark(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "setgid").mkdir(mode=0o700)
        (lab.instance / "plain").mkdir()
        subprocess.run(["chmod", "00750", lab.instance / "plain"], check=True)
        lab.instance.parent.chmod(0o2755)
        site = site_of(lab, place / "setgid")
        before = site.fingerprint()
        assert before.files["plain"].mode == "750"
        directory = site.new("setgid")
        take(site.context, site.subject, directory)
        put_back(site, directory)
        assert sentences(before, site.fingerprint()) == []

    def test_a_deleted_instance_comes_back(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "deleted").mkdir(mode=0o700)
        site = site_of(lab, place / "deleted")
        before = site.fingerprint()
        directory = site.new("deleted")
        take(site.context, site.subject, directory)
        shutil.rmtree(lab.instance)
        put_back(site, directory)
        assert sentences(before, site.fingerprint()) == []

    def test_other_compressors_do_as_well(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("mariadb")
        (place / "gzip").mkdir(mode=0o700)
        site = site_of(lab, place / "gzip")
        before = site.fingerprint()
        for argv in (("pigz", "-c"), ("gzip", "-1", "-c")):
            subject = replace(site.subject, tools=replace(site.subject.tools, compressor=argv, suffix=".gz"))
            directory = site.new("gzip")
            take(site.context, subject, directory)
            prove(site.context, subject, directory)
            wreck(site)
            # the backup is restored with what the host has now
            put_back(site, directory)
            assert sentences(before, site.fingerprint()) == []


class TestShown:
    def test_the_shown_commands_do_the_same_by_hand(self, site: Site) -> None:
        before = site.fingerprint()
        by_hand = site.new("by-hand")
        found = site.subject.settings
        assert found is not None
        with client_credentials(site.context.host, found, site.context.private):
            shell(shows_take(site.subject, by_hand, site.context.private))
            wreck_files_only(site)
            site.lab.query("DELETE FROM lookup")
            shell(shows_restore(site.subject, by_hand, site.context.private, "hand"))
        if found.driver != "sqlite":
            assert sentences(before, site.fingerprint()) == []
        else:
            assert before.database == site.fingerprint().database
        shutil.rmtree(site.lab.instance.parent / ".dreamfactory.dfwizard-aside-hand")
        if found.driver == "sqlite":
            shutil.chown(str(found.file), site.lab.owner, site.lab.owner)
            Path(str(found.file)).chmod(0o660)
        assert sentences(before, site.fingerprint()) == []


def wreck_files_only(site: Site) -> None:
    shutil.rmtree(site.lab.instance / "vendor")
    (site.lab.instance / "artisan").write_text("broken")


def shell(lines: tuple[str, ...]) -> None:
    script = "\n".join(("set -eu", "umask 077", *lines))
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)


class TestFingerprint:
    def test_each_kind_of_change_is_named(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "prints").mkdir(mode=0o700)
        site = site_of(lab, place / "prints")
        tree = lab.instance
        before = codec.loads(Fingerprint, codec.dumps(site.fingerprint()))
        assert sentences(before, site.fingerprint()) == []

        (tree / "storage" / "logs" / "dreamfactory.log").write_text("noise")
        (tree / "storage" / "framework" / "cache" / "noise").write_text("noise")
        lab.git("status")
        lab.query("DELETE FROM token_map")
        assert sentences(before, site.fingerprint()) == []

        (tree / "artisan").chmod(0o700)
        os.chown(tree / "composer.json", 0, 0)
        (tree / "vendor" / "autoload.php").write_text("<?php")
        (tree / "linked").symlink_to("artisan")
        (tree / "storage" / "framework" / "down").write_text("{}")
        lab.git("branch", "newer")
        lab.git("update-ref", "refs/stash", "HEAD")
        lab.query("UPDATE role SET description = 'other'")
        after = sentences(before, site.fingerprint())
        for sign in (
            "artisan: mode",
            "composer.json: owner",
            "vendor/autoload.php: other content",
            "symlink linked is new",
            "maintenance mode was off",
            "refs/heads/newer was not there",
            "refs/stash was not there",
            "table role has other values",
        ):
            assert [text for text in after if sign in text], (sign, after)

    def test_a_large_tree_takes_a_few_seconds(self, start_lab: StartLab, place: Path) -> None:
        lab = start_lab("sqlite")
        (place / "large").mkdir(mode=0o700)
        site = site_of(lab, place / "large")
        for number in range(240):
            directory = lab.instance / "vendor" / f"package{number}"
            directory.mkdir()
            for name in range(100):
                (directory / f"file{name}.php").write_text(f"<?php // {number} {name}\n" * 40)
        began = time.monotonic()
        found = site.fingerprint()
        text = codec.dumps(found)
        assert sentences(codec.loads(Fingerprint, text), found) == []
        assert len(found.files) > 24_000
        assert time.monotonic() - began < 6
