"""Sandboxes: the same every time, private, the machine's own programs hidden, faults and refusals of the stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.demo import Sandbox, attach_sandbox, build_sandbox, kept_sandboxes, open_sandbox, scenario
from dfwizard.errors import UsageError
from dfwizard.instance.artisan import parse_migrations
from dfwizard.instance.facts import Facts


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with open_sandbox("smooth", speed=0, directory=tmp_path / "sandbox") as opened:
        yield opened


def ask(sandbox: Sandbox, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the sandbox in its instance."""
    return subprocess.run(
        argv,
        cwd=sandbox.path,
        env={**os.environ, "COLUMNS": "80", "COMPOSER_ALLOW_SUPERUSER": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def inspected(sandbox: Sandbox) -> Facts:
    return sandbox.controller().inspect(sandbox.path)


def test_commits_and_facts_are_the_same_in_every_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    rules = (sandbox.directory / "rules.toml").read_text()
    first = inspected(sandbox)
    with open_sandbox("smooth", speed=0, directory=tmp_path / "another") as other:
        assert (other.directory / "rules.toml").read_text() == rules
        second = inspected(other)
    assert first.version == second.version
    assert first.php[0].version == second.php[0].version
    assert first.database is not None
    assert second.database is not None
    assert (first.database.tables, first.database.size) == (second.database.tables, second.database.size)
    assert first.tree.size == second.tree.size
    assert (first.web.url, first.space[0].free) == (second.web.url, second.space[0].free)


def test_the_inspection_finds_a_whole_server(sandbox: Sandbox) -> None:
    facts = inspected(sandbox)
    assert facts.problems == ()
    assert facts.version.release == "6.3.0"
    assert facts.version.conflicts == ()
    assert (facts.web.server_service, facts.web.fpm_service) == ("nginx", "php8.3-fpm")
    assert facts.status is not None
    assert (facts.status.code, facts.status.version, facts.status.admin_code) == (200, "6.3.0", 200)
    assert facts.key.state == "proven"
    assert facts.artisan.pending == ()
    assert len(facts.php) == 2


def test_it_is_private_and_gone_at_the_end() -> None:
    with open_sandbox("smooth", speed=0) as opened:
        assert opened.directory.parent == Path(tempfile.gettempdir()).resolve()
        assert opened.directory.stat().st_mode & 0o777 == 0o700
    assert not opened.directory.exists()


def test_the_environment_is_in_force_inside_and_restored_outside(tmp_path: Path) -> None:
    before = dict(os.environ)
    with open_sandbox("smooth", speed=0, directory=tmp_path / "sandbox") as opened:
        assert os.environ["PATH"].startswith(f"{opened.directory}/bin:")
    assert dict(os.environ) == before
    assert opened.directory.exists()


def test_a_directory_in_use_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with (
        pytest.raises(UsageError, match="empty directory"),
        open_sandbox("smooth", speed=0, directory=tmp_path),
    ):
        pass
    assert (tmp_path / "mine").read_text() == "precious"


def test_attaching_never_takes_away_what_is_no_sandbox(tmp_path: Path) -> None:
    (tmp_path / "sandbox.json").write_text("[]")
    with pytest.raises(UsageError, match="no sandbox"), attach_sandbox(tmp_path):
        pass
    assert (tmp_path / "sandbox.json").exists()


@pytest.mark.parametrize(
    "argv",
    [
        ("php", "-r", "echo 1;"),
        ("php",),
        ("php", "script.php"),
        ("php", "artisan", "nosuch"),
        ("php", "artisan", "migrate:fresh"),
        ("php", "artisan", "down", "--secret=x"),
        ("composer", "require", "x/y"),
        ("composer", "install", "--bogus"),
        ("systemctl", "frobnicate", "nginx"),
        ("systemctl", "restart", "nosuch"),
        ("curl", "https://example.com/"),
        ("nginx", "-s", "stop"),
        ("ps", "aux"),
        ("df", "-h"),
        ("getent", "hosts", "localhost"),
        ("systemd-run", "true"),
    ],
)
def test_what_a_stand_in_does_not_know_is_never_a_silent_success(
    sandbox: Sandbox, argv: tuple[str, ...]
) -> None:
    done = ask(sandbox, *argv)
    assert done.returncode != 0
    assert done.stdout.strip() + done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_artisan_speaks_as_laravel_does(sandbox: Sandbox) -> None:
    line = "  2015_01_27_190908_create_system_tables ............................. [1] Ran"
    assert line in ask(sandbox, "php", "artisan", "migrate:status").stdout.splitlines()
    assert ask(sandbox, "php", "artisan", "--version").stdout == "Laravel Framework 9.52.16\n"
    assert (
        "   INFO  Application is now in maintenance mode.\n" in ask(sandbox, "php", "artisan", "down").stdout
    )
    assert "503" in ask(sandbox, "curl", "-w", "%{http_code}", "--", "http://127.0.0.1/status").stdout
    assert "   INFO  Application is already down.\n" in ask(sandbox, "php", "artisan", "down").stdout
    assert "   INFO  Application is now live.\n" in ask(sandbox, "php", "artisan", "up").stdout


def test_new_code_on_old_packages_does_not_start(sandbox: Sandbox) -> None:
    ask(sandbox, "git", "fetch", "origin", "+refs/tags/*:refs/tags/*")
    assert ask(sandbox, "git", "checkout", "--quiet", "refs/tags/7.1.0").returncode == 0
    done = ask(sandbox, "php", "artisan", "--version")
    assert done.returncode == 255
    assert "Application::configure does not exist" in done.stderr
    assert ask(sandbox, "composer", "install", "--no-dev").returncode == 0
    assert ask(sandbox, "php", "artisan", "--version").stdout == "Laravel Framework 11.44.7\n"


def test_plugins_are_left_out_as_composer_leaves_them_out_for_root(sandbox: Sandbox) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root is refused")
    ask(sandbox, "git", "fetch", "origin", "+refs/tags/*:refs/tags/*")
    ask(sandbox, "git", "checkout", "--quiet", "refs/tags/7.1.0")
    done = ask(sandbox, "env", "-u", "COMPOSER_ALLOW_SUPERUSER", "composer", "install", "--no-dev")
    assert "Composer plugins have been disabled for safety" in done.stderr
    assert not (sandbox.instance / "public/dreamfactory").exists()


def test_faults_are_met_as_often_as_wanted(sandbox: Sandbox) -> None:
    faults = {
        "composer": {"network": {"times": 1}},
        "php": {
            "version": "8.0.30",
            "migrate": {"fail_at": "2017_05_18_015040_create_mqtt_config_table", "times": 1},
        },
    }
    (sandbox.directory / "faults.json").write_text(json.dumps(faults))
    assert "PHP 8.0.30 (cli)" in ask(sandbox, "php", "--version").stdout
    ask(sandbox, "git", "fetch", "origin", "+refs/tags/*:refs/tags/*")
    ask(sandbox, "git", "checkout", "--quiet", "refs/tags/7.1.0")
    first = ask(sandbox, "composer", "install", "--no-dev")
    assert first.returncode == 1
    assert "Could not resolve host: api.github.com" in first.stderr
    assert ask(sandbox, "composer", "install", "--no-dev").returncode == 0
    failed = ask(sandbox, "php", "artisan", "migrate", "--force")
    assert failed.returncode == 1
    assert "General error: 5 database is locked" in failed.stdout
    assert ask(sandbox, "php", "artisan", "migrate", "--force").returncode == 0


def test_restarts_are_remembered(sandbox: Sandbox) -> None:
    assert ask(sandbox, "systemctl", "stop", "nginx").returncode == 0
    assert ask(sandbox, "systemctl", "is-active", "nginx").stdout == "inactive\n"
    assert ask(sandbox, "systemctl", "restart", "nginx").returncode == 0
    assert ask(sandbox, "systemctl", "is-active", "--quiet", "nginx").returncode == 0


def test_an_old_artisan_speaks_as_laravel_6_does(tmp_path: Path) -> None:
    old = replace(scenario("smooth"), installed="4.14.1")
    sandbox = build_sandbox(_empty(tmp_path / "sandbox"), old)
    environment = sandbox.environment()

    def said(*arguments: str) -> list[str]:
        argv = (
            "env",
            *(f"{key}={value}" for key, value in environment.items()),
            "php",
            "artisan",
            *arguments,
        )
        return ask(sandbox, *argv).stdout.splitlines()

    assert said("--version") == ["Laravel Framework 6.20.44"]
    assert said("down") == ["Application is now in maintenance mode."]
    assert said("up") == ["Application is now live."]
    assert said("migrate") == ["Nothing to migrate."]
    ran, pending = parse_migrations("\n".join(said("migrate:status")))
    assert len(ran) == 17
    assert pending == ()


def _empty(directory: Path) -> Path:
    directory.mkdir(mode=0o700)
    return directory


def test_the_last_one_who_leaves_takes_it_away() -> None:
    with open_sandbox("smooth", speed=0) as first:
        assert first.directory in kept_sandboxes()
        with attach_sandbox(first.directory) as second:
            assert second == first
        assert first.directory.exists()
    assert not first.directory.exists()
