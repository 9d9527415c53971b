"""What exit codes hide: each step of a plan fails on the words that its program is recorded to say while it exits with 0."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.execution.store import Store
from dfwizard.planning.plan import Execute, Plan
from tests.unit.executor_rig import Rig
from tests.unit.real_host import living
from tests.unit.samples import facts, plan

PLAN = plan(facts("6.3.0", php="8.3.1"), "7.1.0")

LYING = {
    "cache:clear fails": (
        "cache-clear-7.1.0",
        "\n   ERROR  Failed to clear cache. Make sure you have the appropriate permissions.  \n\n",
    ),
    "Laravel 6 cancels itself": ("migrate-7.1.0", "Command Canceled!\n"),
    "Laravel 11 cancels itself": ("migrate-7.1.0", "   WARN  Command cancelled.  \n"),
    "composer without plugins": (
        "composer-7.1.0",
        (
            "Composer plugins have been disabled for safety in this non-interactive session.\n"
            "Set COMPOSER_ALLOW_SUPERUSER=1 if you want to allow plugins to run as root/super user.\n"
        ),
    ),
}

HOPELESS = {
    "no network": (
        "composer-7.1.0",
        (
            "   3/165 [>---------------------------]   1%    Failed to download psr/log from dist: curl error 6 while downloading "
            "https://api.github.com/repos/php-fig/log/zipball/fe5ea303: Could not resolve host: api.github.com\n"
        ),
    ),
    "no network, without curl": (
        "composer-7.1.0",
        (
            '    Failed to download psr/log from dist: The "https://api.github.com/repos/php-fig/log/zipball/fe5ea303" file could not '
            "be downloaded: php_network_getaddresses: getaddrinfo failed: Name or service not known\n"
        ),
    ),
    "no network, from git": (
        "composer-7.1.0",
        "    fatal: unable to access 'https://github.com/php-http/discovery.git/': Could not resolve host: github.com\n",
    ),
    "an empty database": ("migrate-7.1.0", "   INFO  Preparing database.  \n"),
    "an empty database, Laravel 6": ("migrate-7.1.0", "Migration table created successfully.\n"),
    "another database": ("migrate-7.1.0", "Migration driver used: mysql\n"),
}

HONEST = {
    "composer": (
        "composer-7.1.0",
        (
            "Package operations: 15 installs, 127 updates, 9 removals\n  - Downloading psr/log (3.0.0)\n"
            "Generating optimized autoload files\n"
        ),
    ),
    "migrate": (
        "migrate-7.1.0",
        (
            "   INFO  Running migrations.  \n\n  2024_11_15_000000_create_local_email_config_table ..... 12.1ms DONE\n"
            "App resources updated: admin, api_docs, file_manager\n"
        ),
    ),
    "cache:clear": ("cache-clear-7.1.0", "   INFO  Application cache cleared successfully.  \n"),
}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    nothing = Plan("upgrade", str(tmp_path), "1", "2", "/b", "o", "root", (), ())
    return Rig(Store(tmp_path / "state").create(nothing, None, host="localhost"))


def said(rig: Rig, step: str, text: str, then: str = "exit 0", first: str = ":") -> bool:
    """Carry out the plan's step with a program in its place that says `text`."""
    planned = PLAN.step(step)
    assert isinstance(planned.action, Execute)
    script = f"{first}; printf %s {shlex.quote(text)}; {then}"
    action = replace(planned.action, argv=("sh", "-c", script), cwd=None, user=None, env={})
    return rig.attempt(replace(planned, action=action, done_when=None))


@pytest.mark.parametrize("lie", LYING)
def test_a_step_fails_though_its_program_exits_with_0(rig: Rig, lie: str) -> None:
    assert not said(rig, *LYING[lie])
    assert "its output says that it failed" in rig.failure.message


@pytest.mark.parametrize("trouble", HOPELESS)
def test_a_step_that_cannot_succeed_is_ended_at_once(rig: Rig, tmp_path: Path, trouble: str) -> None:
    pid = tmp_path / "pid"
    assert not said(rig, *HOPELESS[trouble], first=f"echo $$ >{pid}", then="sleep 600")
    assert "must fail" in rig.failure.message
    assert rig.failure.seconds < 60
    assert not living(int(pid.read_text()))


@pytest.mark.parametrize("good", HONEST)
def test_a_step_that_did_its_work_is_done(rig: Rig, good: str) -> None:
    assert said(rig, *HONEST[good])


def test_no_network_is_explained(rig: Rig) -> None:
    assert not said(rig, *HOPELESS["no network"], then="sleep 600")
    assert rig.failure.diagnosis == "composer-network"
    assert "Could not resolve host" in rig.failure.line
