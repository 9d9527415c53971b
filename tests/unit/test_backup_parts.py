"""The parts of a backup that are plain data and text: client files, manifests, commands, comparisons."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard import codec
from dfwizard.backup import commands
from dfwizard.backup.appkey import environment_key
from dfwizard.backup.context import BackupContext, without_statements
from dfwizard.backup.credentials import client_credentials, mysql_file, postgresql_file
from dfwizard.backup.digests import DatabaseContent, differences
from dfwizard.backup.exchange import Places
from dfwizard.backup.manifest import Manifest, Part, TableRecord, TreeRecord, parse_manifest
from dfwizard.backup.mounts import mounts_inside
from dfwizard.backup.scratch import scratch_name
from dfwizard.backup.shows import shows_prove, shows_restore, shows_take
from dfwizard.backup.subject import VOLATILE, Subject, Tools
from dfwizard.backup.take import changed_files
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Secret
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import DatabaseSettings
from dfwizard.rules import load

PASSWORD = "S3cret pa$$'\"#"
MYSQL = DatabaseSettings(
    "mysql", "dreamfactory", "127.0.0.1", 3306, None, "dfadmin", Secret(PASSWORD.encode())
)
POSTGRESQL = DatabaseSettings("pgsql", "o'dd \\name", "db", 5432, None, "df", Secret(PASSWORD.encode()))
SQLITE = DatabaseSettings("sqlite", "d.sqlite", file="/opt/df/storage/databases/d.sqlite")


def subject(settings: DatabaseSettings | None) -> Subject:
    return Subject("/opt/df", "df", "df", "root", "php", settings, Tools())


class TestClientFiles:
    @pytest.mark.lab
    @given(password=st.binary(max_size=40).filter(lambda text: b"\0" not in text))
    def test_mysql_reads_the_password_that_was_written(self, password: bytes) -> None:
        program = shutil.which("my_print_defaults")
        assert program is not None
        content = mysql_file(DatabaseSettings("mysql", "d", "h", 3306, None, "user", Secret(password)))
        read = subprocess.run(
            [program, "--defaults-file=/dev/stdin", "client"], input=content, capture_output=True, check=True
        )
        start = read.stdout.index(b"--password=") + len(b"--password=")
        assert read.stdout[start : read.stdout.index(b"\n--host=")] == password

    @given(password=st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=40))
    def test_postgresql_password_is_escaped_by_its_rules(self, password: str) -> None:
        content = postgresql_file(DatabaseSettings("pgsql", "d", password=Secret(password.encode())))
        fields: list[str] = []
        text, escaped = "", False
        for char in content.decode().removesuffix("\n"):
            if escaped or char not in "\\:":
                text, escaped = text + char, False
            elif char == "\\":
                escaped = True
            else:
                fields, text = [*fields, text], ""
        assert [*fields, text] == ["*", "*", "*", "*", password]

    @pytest.mark.parametrize(
        ("settings", "word"),
        [
            (DatabaseSettings("mysql", "d", password=Secret(b"a\0b")), "NUL"),
            (DatabaseSettings("pgsql", "d", password=Secret(b"a\0b")), "NUL"),
            (DatabaseSettings("pgsql", "d", password=Secret(b"a\nb")), "line end"),
        ],
    )
    def test_what_a_client_file_cannot_carry_is_refused(
        self, settings: DatabaseSettings, word: str, tmp_path: Path
    ) -> None:
        with (
            pytest.raises(BackupError, match=word),
            client_credentials(LocalHost(), settings, str(tmp_path / "private")),
        ):
            pass

    def test_they_are_private_and_removed(self, tmp_path: Path) -> None:
        private = tmp_path / "deep" / "private"
        private.mkdir(parents=True)
        (private / "pgpass").write_text("left behind")
        for settings in (MYSQL, POSTGRESQL):
            with client_credentials(LocalHost(), settings, str(private)) as path:
                assert [str(found) for found in private.iterdir()] == [path]
                assert Path(path).stat().st_mode & 0o777 == 0o600
                assert b"S3cret" in Path(path).read_bytes()
            assert list(private.iterdir()) == []
        with client_credentials(LocalHost(), SQLITE, str(private)) as path:
            assert path == ""


class TestCommands:
    @pytest.mark.parametrize("settings", [MYSQL, POSTGRESQL, SQLITE, None])
    def test_what_is_shown_holds_no_secret(self, settings: DatabaseSettings | None) -> None:
        chosen = subject(settings)
        lines = [
            *shows_take(chosen, "/backup", "/private"),
            *shows_prove(chosen, "/backup", "/private"),
            *shows_restore(chosen, "/backup", "/private", "run"),
        ]
        assert len(lines) > 6
        assert not [line for line in lines if "S3cret" in line]
        for line in lines:
            subprocess.run(["sh", "-n", "-c", line], check=True)

    def test_a_dump_is_complete_and_for_any_database(self) -> None:
        work = commands.dump_database(subject(MYSQL), "/b/database.sql.zst", "/p/mysql.cnf")
        argv = work.commands[0].argv
        assert argv[1] == "--defaults-file=/p/mysql.cnf"
        assert argv[-2:] == ("--", "dreamfactory")
        assert not {"--databases", "--skip-comments", "--compact"} & set(argv)
        assert {"--single-transaction", "--routines", "--triggers", "--events", "--hex-blob"} <= set(argv)

    def test_odd_names_stay_values_in_a_connection_string(self) -> None:
        address = commands.postgresql_address(subject(POSTGRESQL))
        assert address == "host='db' port='5432' dbname='o\\'dd \\\\name' user='df'"

    def test_a_sqlite_database_inside_the_tree_is_left_to_sqlite(self) -> None:
        argv = commands.archive_tree(subject(SQLITE), "/b/tree", "/b/index").commands[0].argv
        assert "--exclude=./storage/databases/d.sqlite" in argv
        assert "--exclude=./storage/databases/d.sqlite-wal" in argv
        assert not [
            word
            for word in commands.archive_tree(subject(MYSQL), "/b", "/i").commands[0].argv
            if "d.sq" in word
        ]


def manifest(**changes: object) -> bytes:
    made = Manifest(
        created_at="2026-01-01T00:00:00+00:00",
        host="localhost",
        instance="/opt/df",
        dfwizard="0",
        release="6.3.0",
        commit=None,
        parts=(Part("tree.tar.zst", 1, "a" * 64),),
        tree=TreeRecord("tree.tar.zst", 1, "b" * 64, 1),
        env=None,
        database=None,
    )
    data = json.loads(codec.dumps(made))
    data.update(changes)
    return json.dumps(data).encode()


class TestManifest:
    def test_it_reads_back(self) -> None:
        assert parse_manifest(manifest(), where="m").instance == "/opt/df"

    @pytest.mark.parametrize("name", ["../tree.tar.zst", "/etc/passwd", "system/../../x", "", "a\0b"])
    def test_a_part_outside_the_directory_is_refused(self, name: str) -> None:
        parts = [{"name": text, "size": 1, "sha256": "a"} for text in ("tree.tar.zst", name)]
        with pytest.raises(BackupError, match="does not describe a backup"):
            parse_manifest(manifest(parts=parts), where="m")

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"[]",
            b"\xff\xfe",
            manifest(extra=1),
            manifest(parts="none"),
            manifest(schema=99),
            manifest(parts=[]),
        ],
    )
    def test_what_is_no_manifest_is_refused_in_words(self, text: bytes) -> None:
        with pytest.raises(BackupError) as caught:
            parse_manifest(text, where="/backup/manifest.json")
        assert caught.value.remedy
        assert "/backup/manifest.json" in str(caught.value)

    @given(st.binary(max_size=300))
    def test_any_bytes_give_a_clear_error(self, text: bytes) -> None:
        with pytest.raises(BackupError):
            parse_manifest(text, where="m")


class TestDifferences:
    BEFORE = DatabaseContent(
        "10.11",
        {
            "role": TableRecord(2, "d1", "s"),
            "jobs": TableRecord(5, None, "s"),
            "old": TableRecord(0, "0", "s"),
        },
        {"view seen": "v", "trigger t": "t"},
    )

    def test_the_same_content_has_none(self) -> None:
        assert differences(self.BEFORE, self.BEFORE) == ()

    def test_each_one_is_named(self) -> None:
        after = DatabaseContent(
            "11.4",
            {
                "role": TableRecord(2, "d2", "other"),
                "jobs": TableRecord(9, None, "s"),
                "new": TableRecord(0, "0", "s"),
            },
            {"view seen": "w", "event e": "e"},
        )
        assert differences(self.BEFORE, after) == (
            "table old is missing",
            "table new is new",
            "table role has another schema",
            "table role has other values in its 2 rows",
            "trigger t is missing",
            "event e is new",
            "view seen differs",
        )

    def test_kinds_that_were_not_dumped_can_be_left_out(self) -> None:
        assert self.BEFORE.fewer_objects(("trigger",)).objects == {"view seen": "v"}


def test_files_that_tar_saw_changing_are_found() -> None:
    said = (
        "tar: ./storage/logs/a b.log: file changed as we read it\n"
        "tar: ./x: File removed before we read it\n"
        "tar: ./y: File shrank by 12 bytes; padding with zeros\n"
        "tar: ./s: socket ignored\n"
        "tar: ./x: file changed as we read it\n"
    )
    assert changed_files(said) == ("storage/logs/a b.log", "x", "y")


def test_a_repeated_statement_is_left_out_of_an_error() -> None:
    said = b"--------------\nINSERT INTO user VALUES ('secret')\n--------------\n\nERROR 1146 (42S02) at line 3: no table\n"
    assert without_statements(said).strip() == b"ERROR 1146 (42S02) at line 3: no table"
    assert without_statements(b"cut ('secret')\n--------------\nERROR 1\n").strip() == b"ERROR 1"
    assert without_statements(b"plain") == b"plain"


def test_scratch_names_tell_whose_they_are() -> None:
    one, other = scratch_name("/opt/df", "1"), scratch_name("/opt/other", "1")
    assert one != other
    assert one.startswith(scratch_name("/opt/df", ""))
    assert len(scratch_name("x" * 500, "12345678")) < 64


def test_places_of_an_exchange_are_on_the_same_filesystem() -> None:
    beside, within = Places.beside("/opt/df/", "r1"), Places.within("/opt/df", "r1")
    assert beside.new == "/opt/.df.dfwizard-restore-r1"
    assert beside.aside == "/opt/.df.dfwizard-aside-r1"
    assert within.new == "/opt/df/.dfwizard-restore-r1"
    assert beside.live == within.live == "/opt/df"


def test_an_unreadable_env_has_no_key() -> None:
    assert environment_key(b'APP_KEY="unclosed \\x').state == "no-key"
    assert environment_key(b"APP_KEY=base64:" + b"A" * 43 + b"=\n").state == "nothing-encrypted"


def test_mount_points_are_read_with_their_escapes(tmp_path: Path) -> None:
    class Mounted(LocalHost):
        def read(self, path: str, **_options: object) -> bytes:
            assert path == "/proc/self/mountinfo"
            return (
                b"21 1 8:1 / / rw - ext4 /dev/a rw\n"
                b"22 21 8:2 / /opt/df/up\\040loads rw shared:1 - ext4 /dev/b rw\n"
                b"23 21 8:3 / /opt/df rw - ext4 /dev/c rw\n"
                b"24 21 8:4 / /opt/dfother rw - ext4 /dev/d rw\n"
            )

    assert mounts_inside(BackupContext(Mounted(), str(tmp_path)), "/opt/df") == ("up loads",)


def test_every_table_that_the_rules_call_volatile_is_left_out_of_comparisons() -> None:
    assert load().tables.volatile <= VOLATILE
