"""Pictures of real databases, on each engine: the same twice, every change found by row and column, every credential proven."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass, replace
from time import monotonic

import pytest

from dfwizard import codec
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import settings
from dfwizard.instance.dotenv import DotenvFile, edit, parse
from dfwizard.instance.inspect import inspect
from dfwizard.instance.probe import Probe
from dfwizard.planning.extras import extra_files
from dfwizard.rules import load
from dfwizard.verification.connections import try_connections
from dfwizard.verification.migration import compare_migration, take_picture
from dfwizard.verification.picture import MigrationPicture
from dfwizard.verification.result import Check, Verdict
from tests.lab.databases import Engine
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

RULES = load()
ENGINES: tuple[Engine, ...] = ("sqlite", "mariadb", "postgresql")


@dataclass(frozen=True)
class Opened:
    lab: Lab
    file: DotenvFile

    def probe(self) -> Probe:
        found = settings(self.file.values, str(self.lab.instance), (6, 3, 0))
        return Probe(LocalHost(), "php", found, self.lab.owner)


def opened(lab: Lab) -> Opened:
    return Opened(lab, parse((lab.instance / ".env").read_bytes()))


def compared(before: MigrationPicture, after: MigrationPicture) -> dict[str, Check]:
    frm, to = RULES.resolve("6.3.0"), RULES.resolve("7.1.0")
    found = compare_migration(before, after, source_release=frm, target_release=to, rules=RULES)
    return {check.id: check for check in found.checks}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_picture_finds_every_change_by_name(engine: Engine, start_lab: StartLab) -> None:
    lab = start_lab(engine)
    access = opened(lab)
    began = monotonic()
    before = take_picture(access, RULES)
    assert monotonic() - began < 20
    assert len(before.credentials) > 300
    assert {item.state for item in before.credentials} == {"proven"}
    assert {("sql_db_config", "connection"), ("smtp_config", "password"), ("lookup", "value")} <= {
        (item.table, item.column) for item in before.credentials
    }
    again = codec.loads(MigrationPicture, codec.dumps(take_picture(access, RULES)))
    assert {check.verdict for check in compared(before, again).values()} == {Verdict.OK}

    quote = "`" if engine == "mariadb" else '"'
    for statement in (
        "UPDATE #user# SET password = 'x' WHERE email = 'sean@dreamfactory.example'",
        "UPDATE #user# SET last_login_date = '2026-01-01 00:00:00' WHERE email = 'admin@dreamfactory.example'",
        "DELETE FROM #event_script# WHERE name = 'user.session.post.pre_process'",
        "UPDATE #app# SET api_key = 'rotated' WHERE name = 'admin'",
        "UPDATE #cors_config# SET max_age = 9",
        "UPDATE #service# SET label = 'x' WHERE name = 'crm'",
        "ALTER TABLE #role# ADD COLUMN extra varchar(9)",
        "INSERT INTO #migrations# (migration, batch) VALUES ('2026_01_01_000000_more', 9)",
    ):
        lab.query(statement.replace("#", quote))
    changed = take_picture(access, RULES)
    checks = compared(before, changed)
    assert {name: check.verdict for name, check in checks.items() if ":" in name} == {
        "accounts:user": Verdict.FAILED,
        "accounts:app": Verdict.EXPECTED,
        "apis:service": Verdict.WARNING,
        "scripts:event_script": Verdict.FAILED,
        "settings:cors_config": Verdict.WARNING,
        "settings:migrations": Verdict.EXPECTED,
    }
    assert "sean@dreamfactory.example" in checks["accounts:user"].explanation
    assert "admin@" not in checks["accounts:user"].explanation
    assert "Lost: user.session.post.pre_process." in checks["scripts:event_script"].explanation
    assert "crm (label)" in checks["apis:service"].explanation

    other = edit(access.file.data, {"APP_KEY": "base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})
    wrong = take_picture(replace(access, file=parse(other)), RULES)
    assert compared(before, wrong)["credentials"].verdict is Verdict.FAILED
    kept = edit(other, {"APP_PREVIOUS_KEYS": lab.app_key})
    assert (
        compared(before, take_picture(replace(access, file=parse(kept)), RULES))["credentials"].verdict
        is Verdict.OK
    )
    text = codec.dumps(changed)
    assert "$2y$" not in text
    assert "eyJpdiI6" not in text
    assert lab.app_key not in text


@pytest.mark.parametrize("engine", ["mariadb"])
def test_files_that_services_name_are_found(
    engine: Engine, start_lab: StartLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = start_lab(engine)
    monkeypatch.setenv("PATH", lab.environment["PATH"])
    certificate = lab.directory / "partner.pem"
    certificate.write_text("certificate")
    inside = lab.instance / "keys" / "own.pem"
    inside.parent.mkdir()
    inside.write_text("key")
    quote = "`" if engine == "mariadb" else '"'
    options = f'{{"ssl":{{"ca":"{certificate}","key":"{inside}","url":"https://x.example/a/b"}}}}'.replace(
        "/", r"\/"
    )
    written = options.replace("\\", "\\\\") if engine == "mariadb" else options
    lab.query(f"UPDATE {quote}sql_db_config{quote} SET options = '{written}' WHERE options IS NULL")
    facts = inspect(LocalHost(), str(lab.instance), RULES)
    found = {item.path: item for item in extra_files(LocalHost(), facts, opened(lab).file)}
    assert found["keys/own.pem"].default
    assert not found[str(certificate)].default
    assert "sql_db_config.options" in found[str(certificate)].why
    assert not any(path.startswith("storage/databases/database.sqlite") for path in found)


@pytest.mark.parametrize("engine", ["mariadb", "postgresql"])
def test_connections_of_services_are_tried_with_their_stored_credentials(
    engine: Engine, start_lab: StartLab
) -> None:
    lab = start_lab(engine)
    access = opened(lab)
    (row,) = lab.query("SELECT connection FROM sql_db_config WHERE connection LIKE '%crm%'")
    stored = json.loads(row[0])
    here = lab.instance / "storage/databases/inventory.sqlite"
    assert {check.id: check.after for check in try_connections(access, str(lab.instance), seconds=1)} == {
        "connection:crm": "does not answer",
        "connection:inventory": "does not answer",
    }
    sqlite3.connect(here).close()
    here.write_bytes(b"")
    shutil.chown(here, lab.owner, lab.owner)
    settings_of = access.probe().settings
    kind = "pgsql" if engine == "postgresql" else "mysql"
    made = {
        "host": settings_of.host,
        "port": settings_of.port,
        "database": settings_of.name,
        "username": encrypted(lab, settings_of.user or ""),
        "password": encrypted(lab, settings_of.password.value.decode()),
    }
    text = json.dumps(made).replace("\\", "\\\\" if engine == "mariadb" else "\\")
    lab.query(f"UPDATE sql_db_config SET connection = '{text}' WHERE connection LIKE '%crm%'")
    lab.query(f"UPDATE service SET type = '{kind}' WHERE name = 'crm'")
    checks = {check.id: check for check in try_connections(access, str(lab.instance), seconds=2)}
    assert checks["connection:inventory"].after == "answers"
    assert checks["connection:crm"].verdict is Verdict.OK
    assert "crm_reader" not in repr(stored)
    other = edit(access.file.data, {"APP_KEY": "base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})
    wrong = try_connections(replace(access, file=parse(other)), str(lab.instance), seconds=1)
    assert "APP_KEY does not open" in {check.id: check for check in wrong}["connection:crm"].explanation


def encrypted(lab: Lab, text: str) -> str:
    """A value as the application encrypts it."""
    code = (
        "require 'vendor/autoload.php'; $app = require 'bootstrap/app.php'; "
        "$app->make(Illuminate\\Contracts\\Console\\Kernel::class)->bootstrap(); "
        "echo Illuminate\\Support\\Facades\\Crypt::encrypt(stream_get_contents(STDIN));"
    )
    done = subprocess.run(
        ["php", "-r", code], cwd=lab.instance, input=text.encode(), capture_output=True, check=True
    )
    return done.stdout.decode()
