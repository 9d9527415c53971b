"""The lab is what it says: installations that behave as the real ones do, and that leave nothing behind."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import get_args

import pytest

from tests.lab import Lab, LabError
from tests.lab.databases import DATABASE, USERNAME, Engine, socket_path
from tests.lab.fixtures import StartLab, lab_directory
from tests.lab.origin import commits, write_origin
from tests.lab.processes import OWNER, run, servers_in, start_server
from tests.lab.web import php_version

pytestmark = pytest.mark.lab

ENGINES: tuple[Engine, ...] = get_args(Engine)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def get(lab: Lab, path: str) -> tuple[int, str, str]:
    """Status code, body and the place that a redirect leads to."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(f"{lab.url}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers.get("Location", "")


def systemctl(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemctl", *arguments], env=lab.environment, capture_output=True, text=True, check=False
    )


def switch(lab: Lab, tag: str) -> None:
    """The code part of an upgrade by hand."""
    assert lab.git("stash").returncode == 0
    assert lab.git("fetch", "--quiet", "--force", "origin", "refs/tags/*:refs/tags/*").returncode == 0
    assert lab.git("checkout", "--quiet", "--detach", f"refs/tags/{tag}").returncode == 0
    installed = lab.composer("install", "--no-dev", "--ignore-platform-reqs", "--no-interaction")
    assert installed.returncode == 0, installed.stderr


def set_environment(lab: Lab, line: str) -> None:
    with (lab.instance / ".env").open("a") as file:
        file.write(f"{line}\n")


def tables(lab: Lab) -> set[str]:
    sql = {
        "sqlite": "select name from sqlite_master where type = 'table'",
        "mariadb": "select table_name from information_schema.tables where table_schema = database()",
        "postgresql": "select table_name from information_schema.tables where table_schema = 'public'",
    }
    return {row[0] for row in lab.query(sql[lab.database.engine])}


def mac_holds(lab: Lab, value: str) -> bool:
    payload = json.loads(base64.b64decode(value))
    key = base64.b64decode(lab.app_key.removeprefix("base64:"))
    expected = hmac.new(key, (payload["iv"] + payload["value"]).encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, payload["mac"])


@pytest.mark.parametrize("engine", ENGINES)
class TestEachDatabase:
    def test_serves_an_installation_that_has_been_in_use(self, start_lab: StartLab, engine: Engine) -> None:
        lab = start_lab(engine, web=True)
        code, body, _ = get(lab, "/status")
        assert code == 200
        status = json.loads(body)
        assert status["version"] == "6.3.0"
        assert status["license"] == "OPEN SOURCE"
        assert status["resources"] == {"app": 5, "admin": 1, "user": 2, "service": 12, "role": 3}
        assert get(lab, "/")[0] == 200
        assert lab.artisan("--version").stdout == "Laravel Framework 9.52.16\n"
        assert "Pending" not in lab.artisan("migrate:status").stdout
        df_version = lab.artisan("df:version")
        assert df_version.returncode == 1
        assert '"df:version" is not defined' in df_version.stdout

    def test_holds_rows_of_every_kind(self, start_lab: StartLab, engine: Engine) -> None:
        lab = start_lab(engine)
        quote = "`" if engine == "mariadb" else '"'
        column = '`the "title"`' if engine == "mariadb" else '"the ""title"""'
        rows = lab.query(f"select {column}, picture from {quote}Customer Photos{quote} order by id")
        assert [row[0] for row in rows] == ["it's `here`", None, ""]
        assert rows[0][1] == bytes(range(256))
        assert rows[1][1] is None
        assert ('山田 "花子" 🌸',) in lab.query(f"select name from {quote}user{quote}")
        assert lab.query("select count(*) from role_service_access") == [(3000,)]
        password = lab.query(f"select password from {quote}user{quote} where password is not null")[0][0]
        assert password.startswith("$2y$10$")

    def test_secrets_are_encrypted_with_the_app_key(self, start_lab: StartLab, engine: Engine) -> None:
        lab = start_lab(engine)
        values = [row[0] for row in lab.query("select value from lookup where value is not null")]
        assert len(values) == 392
        assert all(mac_holds(lab, value) for value in values)
        connections = [json.loads(row[0]) for row in lab.query("select connection from sql_db_config")]
        assert any(mac_holds(lab, c["password"]) for c in connections if "password" in c)

    def test_goes_from_6_3_0_to_7_1_0(self, start_lab: StartLab, engine: Engine) -> None:
        lab = start_lab(engine)
        before = tables(lab)
        switch(lab, "7.1.0")
        assert lab.artisan("--version").stdout == "Laravel Framework 11.44.7\n"
        assert "local_email_config_table .................. Pending" in lab.artisan("migrate:status").stdout
        migrated = lab.artisan("migrate", "--seed", "--force")
        assert migrated.returncode == 0, migrated.stdout
        assert tables(lab) - before == {"mqtt_config", "amqp_config", "local_email_config"}
        assert lab.query("select tenant_id from oauth_config") == [(None,)]
        assert (lab.instance / "public/dreamfactory/dist/index.html").exists()

    def test_7_7_0_breaks_half_way_without_a_cache_store(self, start_lab: StartLab, engine: Engine) -> None:
        lab = start_lab(engine, web=True)
        switch(lab, "7.7.0")
        assert systemctl(lab, "restart", f"php{php_version()}-fpm").returncode == 0
        migrated = lab.artisan("migrate", "--seed", "--force")
        assert migrated.returncode == 1
        assert "2026_05_13_000001_create_api_builder_tables" in migrated.stdout
        assert "create_api_builder_service" in migrated.stdout
        assert "FAIL" in migrated.stdout
        assert "cache" in migrated.stdout
        assert get(lab, "/status")[0] == 200
        assert json.loads(get(lab, "/status")[1])["version"] == "7.7.0"
        assert get(lab, "/dreamfactory/dist/index.html")[0] == 200
        assert get(lab, "/")[0] == 500
        assert get(lab, "/api/v2/system/environment")[0] == 500
        log = (lab.instance / "storage/logs/dreamfactory.log").read_text()
        assert "local.ERROR: SQLSTATE" in log
        set_environment(lab, "CACHE_STORE=file")
        migrated = lab.artisan("migrate", "--seed", "--force")
        assert migrated.returncode == 0, migrated.stdout
        code, _, location = get(lab, "/")
        assert (code, location) == (302, f"{lab.url}/dreamfactory/dist/index.html")
        assert lab.query("select count(*) from service where name = 'api_builder'") == [(1,)]

    def test_a_migration_can_be_made_to_fail_after_its_first_table(
        self, start_lab: StartLab, engine: Engine
    ) -> None:
        lab = start_lab(engine)
        before = tables(lab)
        switch(lab, "7.1.0")
        lab.fail_migration(True)
        failed = lab.artisan("migrate", "--seed", "--force")
        assert failed.returncode == 1
        # PostgreSQL takes back the failing migration itself, not those before it.
        expected = {"mqtt_config", "amqp_config"} | (
            {"local_email_config"} if engine != "postgresql" else set()
        )
        assert tables(lab) - before == expected
        if engine == "postgresql":
            lab.fail_migration(False)
            assert lab.artisan("migrate", "--seed", "--force").returncode == 0

    def test_stops_without_leaving_a_process(self, start_lab: StartLab, engine: Engine) -> None:
        lab = start_lab(engine, web=True)
        programs = {server.program for server in servers_in(lab.directory)}
        database = {"mariadb": {"mariadbd"}, "postgresql": {"postgres"}, "sqlite": set[str]()}[engine]
        assert programs == {"nginx", f"php-fpm{php_version()}"} | database
        lab.stop()
        assert servers_in(lab.directory) == []
        lab.stop()


@pytest.mark.parametrize(
    ("tag", "version", "laravel", "front"),
    [
        ("5.4.1", "5.4.0", "9.52.16", 302),
        ("6.3.0", "6.3.0", "9.52.16", 200),
        ("7.0.0", "6.3.0", "9.52.16", 200),
        ("7.1.0", "7.1.0", "11.44.7", 302),
        ("7.3", "7.3.0", "11.45.2", 302),
        ("7.4.0", "7.4.0", "11.48.0", 302),
        ("7.7.0", "7.7.0", "13.26.0", 302),
    ],
)
def test_each_release_says_what_the_real_one_says(
    start_lab: StartLab, tag: str, version: str, laravel: str, front: int
) -> None:
    lab = start_lab(release=tag, web=True)
    assert json.loads(get(lab, "/status")[1])["version"] == version
    assert lab.artisan("--version").stdout == f"Laravel Framework {laravel}\n"
    assert get(lab, "/")[0] == front


def test_a_path_may_have_spaces_quotes_and_accents(start_lab: StartLab) -> None:
    directory = start_lab().directory / "it's ünusual"
    lab = Lab.start(directory, "mariadb")
    assert get(lab, "/status")[0] == 200
    assert lab.git("fetch", "--quiet", "--tags").returncode == 0
    assert systemctl(lab, "restart", "nginx").returncode == 0
    assert get(lab, "/status")[0] == 200


def test_a_path_that_the_servers_could_not_quote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="has ';' in its name"):
        Lab.start(tmp_path / "a;b", "sqlite")
    assert not (tmp_path / "a;b").exists()


class TestRights:
    def test_of_the_application_in_mariadb(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab("mariadb")
        with pytest.raises(LabError, match="Access denied"):
            lab.query("create database scratch")
        client = ["mariadb", f"--socket={socket_path(lab.directory, 'mariadb')}", "-u", "root", "-N"]
        answer = run(client, cwd=lab.directory, home=lab.directory, stdin="select current_user();")
        assert answer.stdout == "root@localhost\n"
        with pytest.raises(LabError, match="Access denied"):
            run(client, cwd=lab.directory, home=lab.directory, user=OWNER, stdin="select 1;")

    def test_of_the_application_in_postgresql(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab("postgresql")
        sockets = str(socket_path(lab.directory, "postgresql"))
        roles = "select rolcreatedb, rolsuper from pg_roles where rolname = current_user"
        assert lab.query(roles) == [(False, False)]
        client = ["psql", "-X", "-A", "-t", "-h", sockets, "-p", str(lab.database.port)]
        owner = f"select pg_get_userbyid(datdba) from pg_database where datname = '{DATABASE}';"
        answer = run(
            [*client, "postgres"], cwd=lab.directory, home=lab.directory, user="postgres", stdin=owner
        )
        assert answer.stdout == f"{USERNAME}\n"
        with pytest.raises(LabError, match="Peer authentication failed"):
            run([*client, "-U", "postgres"], cwd=lab.directory, home=lab.directory, user=OWNER)

    def test_of_the_files(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab()
        assert lab.instance.owner() == lab.instance.group() == lab.owner
        modes = {
            ".env": 0o100640,
            "artisan": 0o100750,
            "config/app.php": 0o100640,
            "storage": 0o42770,
            "storage/logs": 0o42770,
            "bootstrap/cache": 0o42770,
            "vendor": 0o42750,
        }
        assert {name: (lab.instance / name).stat().st_mode for name in modes} == modes
        assert {path.owner() for path in lab.instance.rglob("*")} == {lab.owner}


class TestTree:
    def test_of_the_installer(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab()
        codes = [line[:2] for line in lab.git("status", "--porcelain").stdout.splitlines()]
        assert {code: codes.count(code) for code in codes} == {" D": 7, " M": 1, "??": 50}
        assert lab.git("symbolic-ref", "--short", "HEAD").stdout == "master\n"
        assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["6.3.0"]
        assert lab.git("rev-parse", "origin/master").stdout.strip() == lab.commits["6.3.0"]
        assert lab.git("tag").stdout.split() == ["5.4.1", "6.3.0", "7.0.0"]
        fetch = lab.git("config", "remote.origin.fetch").stdout.strip()
        assert fetch == "+refs/heads/master:refs/remotes/origin/master"
        assert lab.git("ls-files", "vendor", ".env").stdout == ""

    def test_of_a_tag_clone(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab(release="7.1.0", variant="tag-clone")
        assert lab.git("symbolic-ref", "-q", "HEAD").returncode == 1
        assert lab.git("config", "remote.origin.fetch").stdout.strip() == "+refs/tags/7.1.0:refs/tags/7.1.0"
        assert lab.git("branch", "--list", "master").stdout == ""
        assert lab.git("checkout", "master").returncode == 1

    def test_with_a_licence(self, start_lab: StartLab) -> None:
        lab = start_lab(variant="licensed", web=True)
        changed = lab.git("diff", "--name-only", "HEAD", "--", "composer.*").stdout.split()
        assert changed == ["composer.json", "composer.json-dist", "composer.lock"]
        assert "dreamfactory/df-script" in (lab.instance / "composer.lock").read_text()
        assert "DF_LICENSE_KEY=" in (lab.instance / ".env").read_text()
        assert json.loads(get(lab, "/status")[1])["license"] == "GOLD"
        assert {"scheduler_tasks", "limits"} <= tables(lab)

    def test_environment_is_what_laravel_reads(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab("mariadb")
        code = (
            "require 'vendor/autoload.php';"
            "echo json_encode(Dotenv\\Dotenv::createArrayBacked(getcwd())->load());"
        )
        answer = run(["php", "-r", code], cwd=lab.instance, home=lab.directory, user=OWNER)
        values = json.loads(answer.stdout)
        assert values["DB_PASSWORD"] == lab.db_password == "S3cret pa$$'\"#"
        assert values["APP_KEY"] == lab.app_key
        assert values["CACHE_DRIVER"] == "file"
        assert "CACHE_STORE" not in values


class TestOrigin:
    def test_has_the_traps_of_the_real_one(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab()
        commits = lab.commits
        assert list(commits) == ["5.4.1", "6.3.0", "7.0.0", "7.1.0", "7.3", "7.4.0", "7.7.0"]
        assert commits["6.3.0"] == commits["7.0.0"]
        heads = dict(
            line.split("\t")[::-1] for line in lab.git("ls-remote", "--heads", "origin").stdout.splitlines()
        )
        assert heads["refs/heads/master"] == commits["7.7.0"]
        assert heads["refs/heads/7.4.0"] != commits["7.4.0"]
        lab.git("fetch", "--quiet", "origin", "refs/heads/*:refs/remotes/origin/*", "refs/tags/*:refs/tags/*")
        trees = lab.git("rev-parse", "origin/7.4.0^{tree}", "refs/tags/7.4.0^{tree}").stdout.split()
        assert trees[0] == trees[1]
        versions = {
            tag: lab.git("show", f"refs/tags/{tag}:config/app.php")
            .stdout.split("'version' => '")[1]
            .split("'")[0]
            for tag in commits
        }
        assert versions == {tag: tag for tag in commits} | {
            "5.4.1": "5.4.0",
            "7.0.0": "6.3.0",
            "7.3": "7.3.0",
        }

    def test_locks_carry_the_real_windows_of_php(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab()
        lab.git("fetch", "--quiet", "origin", "refs/tags/*:refs/tags/*")
        windows = {}
        for tag in ("5.4.1", "6.3.0", "7.1.0", "7.4.0", "7.7.0"):
            root = json.loads(lab.git("show", f"refs/tags/{tag}:composer.json").stdout)
            lock = json.loads(lab.git("show", f"refs/tags/{tag}:composer.lock").stdout)
            php = {p["name"]: p.get("require", {}).get("php") for p in lock["packages"]}
            assert lock["platform-overrides"] == root["config"]["platform"]
            windows[tag] = (root["require"]["php"], root["config"]["platform"]["php"], php["lcobucci/clock"])
        assert windows == {
            "5.4.1": ("8.1.*", "8.1", "~8.1.0 || ~8.2.0"),
            "6.3.0": ("8.1.*", "8.1", "~8.1.0 || ~8.2.0"),
            "7.1.0": ("^8.3", "8.3", "~8.2.0 || ~8.3.0 || ~8.4.0"),
            "7.4.0": ("^8.3", "8.3", "~8.3.0 || ~8.4.0 || ~8.5.0"),
            "7.7.0": ("^8.3", "8.3", "~8.3.0 || ~8.4.0 || ~8.5.0"),
        }

    def test_is_made_the_same_every_time(self, start_module_lab: StartLab) -> None:
        lab = start_module_lab()
        again = lab.directory / "again.git"
        again.mkdir()
        write_origin(again)
        assert commits(again) == lab.commits

    def test_two_first_starts_at_once_wait_for_each_other(self) -> None:
        temporary = lab_directory()
        try:
            environment = {**os.environ, "TMPDIR": str(temporary)}
            command = [sys.executable, "-m", "tests.lab", "up", "--db", "sqlite", "--no-web"]
            labs = [temporary / name for name in ("one", "two")]
            starting = [
                subprocess.Popen([*command, str(lab)], env=environment, stderr=subprocess.PIPE, text=True)
                for lab in labs
            ]
            errors = [process.communicate()[1] for process in starting]
            assert [process.returncode for process in starting] == [0, 0], errors
            first, second = (Lab.attach(lab) for lab in labs)
            assert first.commits == second.commits
            assert first.query("select value from lookup") == second.query("select value from lookup")
        finally:
            shutil.rmtree(temporary)


class TestWeb:
    def test_old_code_answers_until_php_fpm_is_restarted(self, start_lab: StartLab) -> None:
        lab = start_lab(web=True)
        assert json.loads(get(lab, "/status")[1])["version"] == "6.3.0"
        config = lab.instance / "config" / "app.php"
        config.write_text(config.read_text().replace("6.3.0", "9.9.9"))
        assert json.loads(get(lab, "/status")[1])["version"] == "6.3.0"
        assert systemctl(lab, "restart", "nginx").returncode == 0
        assert json.loads(get(lab, "/status")[1])["version"] == "6.3.0"
        assert systemctl(lab, "restart", f"php{php_version()}-fpm.service").returncode == 0
        assert json.loads(get(lab, "/status")[1])["version"] == "9.9.9"

    def test_maintenance_mode(self, start_lab: StartLab) -> None:
        lab = start_lab(release="7.1.0", web=True)
        assert lab.artisan("down").returncode == 0
        assert [get(lab, path)[0] for path in ("/status", "/", "/up")] == [503, 503, 200]
        assert get(lab, "/dreamfactory/dist/index.html")[0] == 200
        assert lab.artisan("up").returncode == 0
        assert [get(lab, path)[0] for path in ("/status", "/", "/up")] == [200, 302, 200]

    def test_a_database_that_is_not_the_right_one(self, start_lab: StartLab) -> None:
        lab = start_lab(release="7.1.0", web=True)
        lab.query("""update "user" set is_sys_admin = 0""")
        assert get(lab, "/")[2] == f"{lab.url}/setup"
        assert lab.artisan("cache:clear").returncode == 0
        lab.query("""alter table "user" rename to somewhere_else""")
        assert get(lab, "/")[2] == f"{lab.url}/setup_db"
        assert get(lab, "/status")[0] == 500

    def test_migrate_asks_in_production(self, start_lab: StartLab) -> None:
        lab = start_lab()
        environment = lab.instance / ".env"
        environment.write_text(environment.read_text().replace("APP_ENV=local", "APP_ENV=production"))
        refused = lab.artisan("migrate", "--no-interaction")
        assert refused.returncode == 1
        assert "command cancel" in refused.stdout.lower()
        assert lab.artisan("migrate", "--force").returncode == 0


def test_composer_goes_down_to_6_3_0_only_without_plugins(start_lab: StartLab) -> None:
    lab = start_lab(release="7.1.0")
    lab.git("stash")
    assert lab.git("checkout", "--quiet", "refs/tags/6.3.0").returncode == 0
    command = ["install", "--no-dev", "--ignore-platform-reqs", "--no-interaction"]
    blocked = lab.composer(*command)
    assert blocked.returncode == 1
    assert "contains a Composer plugin which is blocked" in blocked.stderr
    assert lab.artisan("--version").stdout == "Laravel Framework 11.44.7\n"
    assert lab.composer(*command, "--no-plugins").returncode == 0
    assert lab.artisan("--version").stdout == "Laravel Framework 9.52.16\n"


class TestSystemctl:
    def test_answers_as_systemd_does(self, start_lab: StartLab) -> None:
        lab = start_lab(web=True)
        fpm = f"php{php_version()}-fpm"
        listing = systemctl(lab, "list-units", "--type=service", "--all", "--plain", "--no-legend").stdout
        assert [line.split()[:4] for line in listing.splitlines()] == [
            ["nginx.service", "loaded", "active", "running"],
            [f"{fpm}.service", "loaded", "active", "running"],
        ]
        assert systemctl(lab, "is-active", "nginx").stdout == "active\n"
        assert systemctl(lab, "is-enabled", fpm).stdout == "enabled\n"
        main = int(systemctl(lab, "show", "-p", "MainPID", "--value", f"{fpm}.service").stdout)
        assert Path(f"/proc/{main}/cmdline").read_text().startswith("php-fpm: master process")
        assert systemctl(lab, "stop", "nginx").returncode == 0
        assert systemctl(lab, "is-active", "nginx").returncode == 3
        with pytest.raises(urllib.error.URLError):
            get(lab, "/status")
        assert systemctl(lab, "start", "nginx").returncode == 0
        assert get(lab, "/status")[0] == 200
        assert systemctl(lab, "reload", fpm, "nginx").returncode == 0
        unknown = systemctl(lab, "restart", "apache2")
        assert unknown.returncode == 5
        assert unknown.stderr == "Failed to restart apache2.service: Unit apache2.service not found.\n"
        calls = (lab.directory / "systemctl.log").read_text().splitlines()
        assert len(calls) == 9
        assert calls[-1] == "restart apache2"

    def test_a_broken_configuration_fails_the_start(self, start_lab: StartLab) -> None:
        lab = start_lab(web=True)
        (lab.directory / "etc/nginx/nginx.conf").write_text("nonsense;\n")
        failed = systemctl(lab, "restart", "nginx")
        assert failed.returncode == 1
        assert failed.stderr.startswith("Job for nginx.service failed")
        assert systemctl(lab, "is-active", "nginx").stdout == "inactive\n"


class TestByHand:
    @staticmethod
    def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tests.lab", *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    def test_up_status_down(self) -> None:
        directory = lab_directory()
        try:
            up = self.lab("up", "--db", "sqlite", str(directory))
            assert up.returncode == 0, up.stderr
            lab = Lab.attach(directory)
            assert get(lab, "/status")[0] == 200
            again = self.lab("up", str(directory))
            assert (again.returncode, again.stdout) == (1, "")
            assert "is not empty" in again.stderr
            assert f"url       {lab.url}" in self.lab("status", str(directory)).stdout
            assert self.lab("down", str(directory)).returncode == 0
            assert servers_in(directory) == []
        finally:
            Lab.stop_in(directory)
            shutil.rmtree(directory)

    def test_down_after_its_starter_and_a_master_were_killed(self) -> None:
        directory = lab_directory()
        try:
            starting = subprocess.Popen(
                [sys.executable, "-m", "tests.lab", "up", "--db", "mariadb", str(directory)],
                stdout=subprocess.PIPE,
            )
            while not any(server.program == "nginx" for server in servers_in(directory)):
                assert starting.poll() in (None, 0)
            starting.kill()
            starting.communicate()
            for server in servers_in(directory):
                if server.title.startswith(("nginx: master", "php-fpm: master")):
                    os.kill(server.pid, signal.SIGKILL)
            assert servers_in(directory) != []
            assert self.lab("down", str(directory)).returncode == 0
            assert servers_in(directory) == []
        finally:
            Lab.stop_in(directory)
            shutil.rmtree(directory)


def test_a_directory_that_other_users_cannot_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(LabError, match="other users cannot enter"):
        Lab.start(tmp_path / "lab", "sqlite", web=False)


def test_an_unknown_release_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no release 1\.2; it has 5\.4\.1, 6\.3\.0"):
        Lab.start(tmp_path / "lab", "sqlite", "1.2")
    assert not (tmp_path / "lab").exists()


def test_a_server_that_does_not_start_is_reported_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"(?s)ended with 1 instead of coming up.*/nonexistent\.conf"):
        start_server(
            ["nginx", "-c", "/nonexistent.conf"], cwd=tmp_path, log=tmp_path / "log", ready=lambda: False
        )
