"""Inspection of real instances: what it finds on each database, what it says of broken ones, and that it changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dfwizard import codec
from dfwizard.hosts.command import Command, Pipeline, Result, Secret
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.database import DatabaseSettings, settings
from dfwizard.instance.dotenv import edit, parse
from dfwizard.instance.facts import Facts
from dfwizard.instance.inspect import inspect
from dfwizard.instance.probe import (
    DatabaseUnreachable,
    Probe,
    probe_digest,
    probe_facts,
    probe_names,
    probe_rows,
)
from dfwizard.rules import load
from tests.lab.databases import Engine
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab

HOST = LocalHost()
RULES = load()
ENGINES: tuple[Engine, ...] = ("sqlite", "mariadb", "postgresql")


def _inspected(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Facts:
    monkeypatch.setenv("PATH", lab.environment["PATH"])
    return inspect(HOST, str(lab.instance), RULES)


def _probe(lab: Lab) -> Probe:
    values = parse((lab.instance / ".env").read_bytes()).values
    config = (lab.instance / "config/database.php").read_text()
    return Probe(HOST, "php", settings(values, str(lab.instance), config=config), lab.owner)


def _visit(lab: Lab) -> None:
    """Ask for the front page once, and for what the admin UI asks first, as any visitor does: the application fills its caches then."""
    for path in ("/", "/api/v2/system/environment"):
        with urllib.request.urlopen(f"{lab.url}{path}") as answer:
            answer.read()


def _snapshot(tree: Path) -> dict[str, tuple[int, int, int, int, int]]:
    found = {}
    for directory, names, files in os.walk(tree):
        for name in (*names, *files):
            path = Path(directory, name)
            stat = path.lstat()
            found[str(path)] = (stat.st_size, stat.st_mode, stat.st_uid, stat.st_gid, stat.st_mtime_ns)
    logs = f"{tree}/storage/logs"
    return {path: marks for path, marks in found.items() if not path.startswith(logs)}


@pytest.fixture(params=ENGINES, scope="module")
def lab(request: pytest.FixtureRequest, start_module_lab: StartLab) -> Iterator[Lab]:
    started = start_module_lab(request.param, web=True)
    yield started
    started.stop()


def test_everything_is_found_and_nothing_changed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    _visit(lab)
    before = _snapshot(lab.instance)
    told: dict[str, object] = {}
    monkeypatch.setenv("PATH", lab.environment["PATH"])
    facts = inspect(HOST, str(lab.instance), RULES, on_fact=told.__setitem__)
    assert _snapshot(lab.instance) == before
    assert facts.problems == ()
    assert (facts.version.release, facts.version.conflicts) == ("6.3.0", ())
    sources = [one.source for one in facts.version.evidence]
    assert sources == [
        "commit", "tree", "tag", "config", "composer.lock", "installed.json", "df:version", "artisan", "status",
    ]  # fmt: skip
    assert facts.git is not None
    assert (facts.git.branch, len(facts.git.dirty), len(facts.git.untracked)) == ("master", 8, 50)
    assert (facts.tree.owner, facts.tree.group) == (lab.owner, lab.owner)
    assert facts.database is not None
    assert (facts.database.reachable, facts.database.writable) == (True, True)
    assert facts.database.tables["user"] == lab.query("select count(*) from " + _quoted(lab, "user"))[0][0]
    assert facts.database.password_costs == {"10": 2}
    assert facts.database.service_types["local_file"] == 2
    assert (facts.key.state, facts.artisan.pending, facts.artisan.maintenance) == ("proven", (), False)
    assert facts.artisan.version_line == "Laravel Framework 9.52.16"
    assert facts.status is not None
    assert (facts.status.code, facts.status.version, facts.status.admin_code) == (200, "6.3.0", 200)
    assert facts.status.codes == {"/status": (200, 200), "/api/v2/system/environment": (200, 200)}
    assert (facts.web.server, facts.web.user, facts.web.url) == ("nginx", lab.owner, lab.url)
    assert (facts.web.server_active, facts.web.fpm_active) == (True, True)
    assert [php.sapi for php in facts.php] == ["cli", "fpm"]
    assert all(php.settings["memory_limit"] for php in facts.php)
    assert (
        facts.php[1].settings["opcache.validate_timestamps"] == "0"
    )  # the pool says so, as an installer does
    assert facts.server.memory is not None
    assert (facts.server.unwritable, facts.server.web_unwritable, facts.server.processes) == ((), (), ())
    assert (facts.database.other_engines, facts.database.clients) == ((), ())
    assert facts.dotenv is not None
    assert facts.dotenv.signing_bytes == len("base64:" + "=" * 44)
    assert facts.owner_home.endswith(f"home-{lab.owner}")
    assert told.keys() >= {
        "git",
        "php",
        "tree",
        "web",
        "database",
        "status",
        "version",
        "key",
        "space",
        "tools",
    }
    assert facts.seconds < 60


class _RefusingNginx(LocalHost):
    """A host where nginx does not print its configuration, as for every account but root."""

    def run(self, work: Command | Pipeline, **options: Any) -> Result:
        if isinstance(work, Command) and "-T" in work.argv:
            return Result(1, b"", b"nginx: [emerg] Permission denied\n", 0.0)
        return super().run(work, **options)


def test_nginx_is_read_where_it_does_not_print_its_configuration(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = _inspected(lab, monkeypatch)
    read = inspect(_RefusingNginx(), str(lab.instance), RULES)
    assert read.web == printed.web
    assert read.problems == ()


def test_facts_hold_no_secret_and_go_to_json_and_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = _inspected(lab, monkeypatch)
    text = codec.dumps(facts)
    assert codec.loads(Facts, text) == facts
    for secret in (lab.db_password, lab.app_key, lab.app_key.removeprefix("base64:")):
        assert codec.dumps(secret)[1:-1] not in text
    assert facts.dotenv is not None
    assert "APP_KEY" in facts.dotenv.secret_keys


def test_no_secret_in_any_command_line(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    run = LocalHost.run

    def noted(self: LocalHost, work: object, **options: object) -> object:
        seen.append(repr(work))
        return run(self, work, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalHost, "run", noted)
    _inspected(lab, monkeypatch)
    assert any("artisan" in line for line in seen)
    assert not [line for line in seen if lab.db_password in line or lab.app_key in line]


def _quoted(lab: Lab, name: str) -> str:
    return f"`{name}`" if lab.database.engine == "mariadb" else f'"{name}"'


_HOLDING = """
[$dsn, $user, $password] = json_decode(fgets(STDIN), true);
$connection = new PDO($dsn, $user, $password);
$connection->beginTransaction();
$connection->query('select count(*) from dfwizard_odd')->fetchAll();
echo "open\\n";
fgets(STDIN);
"""


def test_who_else_works_on_the_database_and_how(lab: Lab) -> None:
    """A table that no transaction protects, and a transaction that somebody leaves open (MariaDB tells of it to administrators alone)."""
    if lab.database.engine == "sqlite":
        found = probe_facts(_probe(lab))
        assert (found.other_engines, found.row_format, found.oldest_transaction) == ((), None, None)
        return
    mariadb = lab.database.engine == "mariadb"
    values = lab.database.settings()
    dsn = f"{values['DB_CONNECTION']}:host=127.0.0.1;port={lab.database.port};dbname={values['DB_DATABASE']}"
    lab.query(f"create table dfwizard_odd (id int){' ENGINE=MyISAM' if mariadb else ''}")
    try:
        with subprocess.Popen(
            ["php", "-r", _HOLDING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holding:
            assert holding.stdin is not None
            assert holding.stdout is not None
            print(
                json.dumps([dsn, values["DB_USERNAME"], values["DB_PASSWORD"]]),
                file=holding.stdin,
                flush=True,
            )
            assert holding.stdout.readline() == "open\n"
            found = probe_facts(_probe(lab))
            holding.stdin.close()
        assert found.other_engines == (("dfwizard_odd: MyISAM",) if mariadb else ())
        assert found.row_format == ("dynamic" if mariadb else None)
        assert found.oldest_transaction in ([None] if mariadb else range(30))
        assert found.clients == ()  # all of them come from this host
    finally:
        lab.query("drop table dfwizard_odd")


def test_digests_tell_every_change_and_no_order(lab: Lab) -> None:
    probe = _probe(lab)
    first = probe_digest(probe)
    assert first == probe_digest(probe)
    lookup, jobs = _quoted(lab, "lookup"), "jobs"
    lab.query(
        f"update {lookup} set description = 'changed' where name = (select n from (select min(name) n from {lookup}) x)"
    )
    second = probe_digest(probe)
    assert {name for name in first.tables if first.tables[name] != second.tables[name]} == {"lookup"}
    assert first.tables["lookup"].rows == second.tables["lookup"].rows
    left = {"lookup": ["description"]}
    assert probe_digest(probe, leave_out=left).tables["lookup"] != first.tables["lookup"]
    lab.query(f"update {lookup} set description = 'other' where description = 'changed'")
    assert probe_digest(probe, leave_out=left) == probe_digest(
        replace(probe, connect_timeout=6), leave_out=left
    )
    skipped = probe_digest(probe, skip_rows=[jobs])
    assert skipped.tables[jobs].digest is None
    lab.query(f"create table dfwizard_test (a int, {_quoted(lab, 'b c')} varchar(10))")
    third = probe_digest(probe)
    assert third.tables.keys() - first.tables.keys() == {"dfwizard_test"}
    lab.query("insert into dfwizard_test values (1, null)")
    null = probe_digest(probe).tables["dfwizard_test"].digest
    lab.query(f"update dfwizard_test set {_quoted(lab, 'b c')} = ''")
    assert probe_digest(probe).tables["dfwizard_test"].digest != null
    assert probe_rows(probe, "dfwizard_test", ["a", "b c"]) == ((b"1", b""),)
    lab.query("drop table dfwizard_test")


def test_names(lab: Lab) -> None:
    found = probe_names(
        _probe(lab), [("service", "name"), ("user", "email"), ("nothing", "x"), ("role", "nothing")]
    )
    assert set(found) == {("service", "name"), ("user", "email")}
    assert list(found["service", "name"]) == sorted(row[0] for row in lab.query("select name from service"))


def test_a_wrong_password_is_said_without_it(lab: Lab) -> None:
    probe = _probe(lab)
    file = f"{probe.settings.file}.missing" if probe.settings.file else None
    wrong = replace(probe.settings, password=Secret(b"canary-of-a-password"), file=file)
    with pytest.raises(DatabaseUnreachable) as caught:
        probe_facts(replace(probe, settings=wrong))
    assert "SQLSTATE" in caught.value.what
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", ["no_such`database'\"", "x; drop", "-d", "a\nb"])
def test_hostile_database_names(lab: Lab, name: str) -> None:
    probe = _probe(lab)
    file = str(lab.instance / name) if probe.settings.file else None
    with pytest.raises(DatabaseUnreachable):
        probe_facts(replace(probe, settings=replace(probe.settings, name=name, file=file)))
    assert not (lab.instance / name).exists()


def test_a_driver_that_is_missing() -> None:
    probe = Probe(HOST, "php", DatabaseSettings("sqlsrv", "x", host="127.0.0.1"))
    with pytest.raises(DatabaseUnreachable):
        probe_facts(probe)


def test_old_vendor_and_a_server_that_was_not_restarted(
    start_lab: StartLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = start_lab("sqlite", web=True)
    _visit(lab)
    lab.git("fetch", "--quiet", "origin", "refs/tags/7.1.0:refs/tags/7.1.0")
    lab.git("checkout", "--quiet", "--force", "--detach", "refs/tags/7.1.0")
    facts = _inspected(lab, monkeypatch)
    assert facts.version.release == "7.1.0"
    text = "\n".join(facts.version.conflicts)
    assert "vendor is 9.52.16" in text
    assert "composer install never finished" in text
    assert facts.git is not None
    assert facts.git.branch is None


def test_a_missing_sqlite_file_is_not_created(start_lab: StartLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = start_lab("sqlite")
    env = lab.instance / ".env"
    missing = lab.instance / "storage/databases/typo.sqlite"
    env.write_bytes(edit(env.read_bytes(), {"DB_DATABASE": str(missing)}))
    facts = _inspected(lab, monkeypatch)
    assert not missing.exists()
    assert facts.database is not None
    assert not facts.database.reachable
    assert "is not a file" in str(facts.database.error)
    assert "would create an empty one" in str(facts.artisan.error)
    assert facts.version.release == "6.3.0"


def test_a_broken_env_and_no_web_server(start_lab: StartLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = start_lab("sqlite")
    with (lab.instance / ".env").open("a") as env:
        env.write("DB_PASSWORD=geheim mit blanks\n")
    facts = _inspected(lab, monkeypatch)
    assert facts.dotenv is not None
    assert "Failed to parse dotenv file" in str(facts.dotenv.error)
    assert "geheim" not in codec.dumps(facts)
    assert (facts.database, facts.key.state, facts.status, facts.web.server) == (None, "no-key", None, None)
    assert facts.version.release == "6.3.0"
    assert any("no running nginx or Apache" in line for line in facts.problems)


def test_without_env_git_and_vendor(start_lab: StartLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = start_lab("sqlite")
    for name in (".env", ".git", "vendor"):
        subprocess.run(["rm", "-rf", str(lab.instance / name)], check=True)
    facts = _inspected(lab, monkeypatch)
    assert (facts.git, facts.dotenv, facts.database) == (None, None, None)
    assert facts.version.release == "6.3.0"
    assert any("vendor" in text for text in facts.version.conflicts)
    assert any("no .env" in line for line in facts.problems)
    assert any("vendor/autoload.php is missing" in line for line in facts.problems)


def test_licence_files_and_a_tag_clone(start_lab: StartLab, monkeypatch: pytest.MonkeyPatch) -> None:
    licensed = _inspected(start_lab("sqlite", variant="licensed"), monkeypatch)
    assert licensed.tree.licensed == ("composer.json", "composer.lock", "composer.json-dist")
    assert "dreamfactory/df-script" in licensed.tree.licensed_packages
    assert licensed.version.conflicts == ()
    clone = _inspected(start_lab("sqlite", "5.4.1", "tag-clone"), monkeypatch)
    assert clone.git is not None
    assert (clone.git.branch, clone.git.refspecs) == (None, ("+refs/tags/5.4.1:refs/tags/5.4.1",))
    assert (clone.version.release, clone.version.conflicts) == ("5.4.1", ())
    config = next(one for one in clone.version.evidence if one.source == "config")
    assert (config.said, config.fits) == ("5.4.0", ("5.4.0", "5.4.1"))


def test_maintenance_and_a_crontab(start_lab: StartLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = start_lab("sqlite", web=True)
    lab.artisan("down")
    crontab = Path("/etc/cron.d") / f"dfwizard-test-{os.getpid()}"
    crontab.parent.mkdir(exist_ok=True)
    crontab.write_text(
        f"* * * * * dfowner cd {lab.instance}/ && TOKEN=geheim php artisan schedule:run\n# {lab.instance}\n"
    )
    try:
        facts = _inspected(lab, monkeypatch)
    finally:
        crontab.unlink()
    assert facts.artisan.maintenance
    assert facts.status is not None
    assert (facts.status.code, facts.status.front_code) == (503, 503)
    assert [line.split(": ")[0] for line in facts.tree.crontabs] == [str(crontab)]
    assert "geheim" not in facts.tree.crontabs[0]
