"""Names and values from outside are no statements: real servers make, count and drop what is named, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dfwizard.backup import commands
from dfwizard.backup.credentials import LONGEST, client_credentials, mysql_file, postgresql_file
from dfwizard.backup.digests import probe_content
from dfwizard.backup.restore import empty
from dfwizard.backup.scratch import _literal, _quoted
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Command, Secret
from dfwizard.instance.database import DatabaseSettings
from tests.hostile.corpus import USES, texts
from tests.lab.backup_site import Site, site_of
from tests.lab.fixtures import StartLab


def identifiers() -> tuple[str, ...]:
    """Give names that a table may have with both servers: at most 60 bytes of the basic plane, and no blank at the end."""
    found: dict[str, str] = {}
    for text in texts(6 * USES["identifiers"], seed=len("identifiers")):
        kept = "".join(letter for letter in text if letter <= "\uffff" and not "\ud800" <= letter <= "\udfff")
        name = kept.encode()[:60].decode("utf-8", "ignore").rstrip()
        if name:
            found.setdefault(name.lower(), name)
    return tuple(found.values())[: USES["identifiers"]]


def told(site: Site, client_file: str, sql: str) -> bytes:
    """Have the client execute statements in one session, as a dump is imported; nothing of them is a command of the client's own."""
    subject = site.subject
    assert subject.settings is not None
    if subject.driver == "pgsql":
        argv = (
            *commands.PSQL,
            "--tuples-only",
            "--no-align",
            f"--dbname={commands.postgresql_address(subject)}",
        )
        command = Command(argv, env=commands.postgresql_environment(client_file), stdin=sql.encode())
    else:
        client = commands.mysql_client(subject, client_file, database=subject.settings.name)
        command = Command((*client.argv, "--skip-column-names", "--raw"), env=client.env, stdin=sql.encode())
    return site.context.run(command, "executing statements", where="the server").stdout


@pytest.mark.lab
@pytest.mark.parametrize("engine", ["mariadb", "postgresql"])
def test_tables_of_any_name_are_made_counted_and_dropped(
    engine: str, start_module_lab: StartLab, place: Path
) -> None:
    (place / engine).mkdir(mode=0o700)
    site = site_of(start_module_lab(engine), place / engine)  # type: ignore[arg-type]
    settings, names = site.subject.settings, identifiers()
    assert settings is not None
    assert len(names) == USES["identifiers"]
    # Each table that MariaDB makes or drops is written to the disk at once: fewer of them do, and only their definitions.
    kept = " ENGINE=MEMORY" if engine == "mariadb" else ""
    names = names[::3] if engine == "mariadb" else names
    quoted = [_quoted(site.subject, name) for name in names]
    made = "".join(
        f"CREATE TABLE {name} (a varchar(500)){kept}; INSERT INTO {name} VALUES ('x');\n" for name in quoted
    )
    before = probe_content(site.context, site.subject).tables
    with client_credentials(site.context.host, settings, site.context.private) as client_file:
        told(site, client_file, f"BEGIN;\n{made}COMMIT;\n")
        found = probe_content(site.context, site.subject).tables
        assert set(found) - set(before) == set(names)
        assert {found[name].rows for name in names} == {1}
        values = [_literal(site.subject, name) for name in identifiers()]
        length = "octet_length" if engine == "postgresql" else "length"
        sizes = told(site, client_file, "".join(f"SELECT {length}({value});\n" for value in values))
        assert [int(size) for size in sizes.split()] == [len(name.encode()) for name in identifiers()]
        empty(site.context, site.subject, client_file, settings.name)
    assert probe_content(site.context, site.subject).tables == {}


@pytest.mark.lab
def test_mysql_reads_the_longest_password_that_is_taken_and_no_option_out_of_it(tmp_path: Path) -> None:
    program = shutil.which("my_print_defaults")
    assert program is not None
    file = tmp_path / "client.cnf"
    for password in (b"a" * LONGEST, b"\\" * (LONGEST // 2), b"plugin-dir=/evil #" * (LONGEST // 18)):
        file.write_bytes(mysql_file(settings_of(password)))
        read = subprocess.run([program, f"--defaults-file={file}", "client"], capture_output=True, check=True)
        assert read.stdout.splitlines() == [
            b"--user=u",
            b"--password=" + password,
            b"--host=h",
            b"--protocol=tcp",
            b"--port=3306",
        ]


def settings_of(password: bytes) -> DatabaseSettings:
    return DatabaseSettings("mysql", "d", "h", 3306, None, "u", Secret(password))


@pytest.mark.parametrize("password", [b"a" * (LONGEST + 1), b"\\" * LONGEST, b"a" * 1_000_000, b"a\0b"])
def test_what_a_client_file_cannot_carry_is_refused(password: bytes) -> None:
    for write in (mysql_file, postgresql_file):
        with pytest.raises(BackupError, match="cannot be given") as caught:
            write(settings_of(password))
        assert "aaaa" not in str(caught.value)
