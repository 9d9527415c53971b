"""Every scenario run through without a terminal: how it ends, the lines that tell its story, and what it leaves in the sandbox."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
from pathlib import Path

import pytest

from dfwizard.demo import Sandbox, attach_sandbox, open_sandbox, scenario, scenarios
from dfwizard.demo.content import DATABASE
from dfwizard.demo.headless import start
from dfwizard.errors import BlockedError
from tests.demo.machine import Machine

TELLING = {
    "smooth": ("backup proven in", "ok: Version in /status: 6.3.0 -> 7.1.0."),
    "migration": (
        "The target runs 7.1.0, the source 6.3.0 [target-release]",
        "Save the source's .env and database, storage/app, storage/databases",
        "Transfer the backup to localhost",
        "have the recorded SHA-256 on localhost",
        "backup proven in",
        "two databases: dreamfactory.sqlite",
        "imported in",
        "+APP_KEY=***",
        "APP_KEY opens the 8 encrypted values tried",
        "2024_11_15_000000_create_local_email_config_table",
        "ok: Stored credentials and APP_KEY: 10 of 10 opened.",
        "Turn maintenance mode off",
        "ok: Database of erp (pgsql): answers.",
        "ok: Version in /status: 7.1.0.",
        "the source is as it was:",
    ),
    "migration-fails": (
        'SQLSTATE[HY000]: General error: 1 table "amqp_config" already exists',
        "  cause   The database holds tables of a newer release",
        "    rollback, decided by",
        "    identical: commit, ",
        " files with owners and modes, .env, 49 tables",
    ),
    "composer-network": (
        "The command was ended; its output says that it must fail:",
        "  line    Failed to download dreamfactory/",
        "  cause   The servers that packages come from do not answer",
        "  remedy    run the remedy's command, then try the step again",
        "==> remedy: timeout 300 ",
        "    the remedy is applied, in ",
        "Install the packages of 7.1.0 (attempt 2)",
        "ok: Version in /status: 6.3.0 -> 7.1.0.",
    ),
    "php-too-old": (
        "BLOCKER  PHP is outside what a release on the road allows [php-window]",
        "7.1.0 runs on PHP 8.3, 8.4; cli is 8.1.31",
        "7.1.0 runs on PHP 8.3, 8.4; fpm is 8.1.31",
        "Remedy: Install PHP 8.3 for command line and FPM",
    ),
    "dirty-tree": (
        "Commercial licence files stand over the tracked ones [licence-files]",
        "- dreamfactory/df-script",
        "WARNING  3 tracked files changed or deleted [local-changes]",
        "- deleted: public/robots.txt",
        "WARNING  1 untracked file where the release brings its own",
        "- routes/console.php",
        "1 blocker (1 accepted)",
        "Saved working directory and index state On master: dfwizard: local changes before 7.1.0",
        "warning: Licence in /status: GOLD -> SILVER.",
    ),
    "wrong-app-key": (
        "BLOCKER  APP_KEY does not open what the database holds [app-key]",
        "- 8 encrypted values tried",
        "Remedy: Bring back the .env that belongs to this database",
    ),
    "password-trap": (
        "the first login destroys",
        "+BCRYPT_ROUNDS=10",
        "ok: BCRYPT_ROUNDS: not set -> 10.",
        "ok: New errors in the log: none.",
    ),
    "long-road": (
        "No PHP runs every stop: install PHP 8.1 and upgrade to 6.3.0",
        "Check that 5.4.1 is whole",
        "ok: PHP (command line, web server): 7.4.33, 7.4.33 -> 8.1.31, 8.1.31.",
        "Check that 6.3.0 is whole",
        "ok: PHP (command line, web server): 7.4.33, 7.4.33 -> 8.1.31, 8.1.31.",
        "Check that 7.1.0 is whole",
        "ok: PHP (command line, web server): 7.4.33, 7.4.33 -> 8.3.14, 8.3.14.",
        "Turn maintenance mode off",
        "ok: Version in /status: 4.14.1 -> 7.1.0.",
    ),
    "disk-full": (
        "has less than 100MiB of free space",
        "  line    copy(): Write of 8192 bytes failed with errno=28 No space left on",
        "  cause   A file system has no room left",
        "    retry, decided by",
        "Install the packages of 7.1.0 (attempt 2)",
        "ok: Version in /status: 6.3.0 -> 7.1.0.",
    ),
    "lost-connection": (
        "Install the packages of 7.1.0",
        "The terminal is gone.",
        "Open it again with: dfwizard demo --attach",
        "A second terminal attaches:",
        "upgrade: 10 steps of 19 done before",
        "==> 11/19  Install the packages of 7.1.0",
        "Installing dependencies from lock file",
        "Generating optimized autoload files",
        "ok: Version in /status: 6.3.0 -> 7.1.0.",
    ),
}
"""What each scenario has to say, in this order."""


def test_every_scenario_has_its_lines_here() -> None:
    assert set(TELLING) == {one.name for one in scenarios()}


@pytest.mark.parametrize("name", TELLING)
def test_a_scenario_tells_its_story_ends_as_expected_and_leaves_nothing(machine: Machine, name: str) -> None:
    wanted = scenario(name)
    ended = machine.demo("--headless", "--speed", "0", "--scenario", name)
    assert ended.code == wanted.exit_code, ended.out + ended.err
    last = ended.out.splitlines()[-1]
    assert last == f"DEMO {name}: {wanted.outcome}, exit code {wanted.exit_code}, as expected"
    told = ended.err
    for line in TELLING[name]:
        assert line in told, f"{line!r} is missing, or comes too early:\n{ended.err}"
        told = told.partition(line)[2]
    assert "Traceback" not in ended.err
    assert machine.left() == []
    assert not machine.sprung.exists(), machine.sprung.read_text()


@pytest.mark.parametrize("name", ["php-too-old", "wrong-app-key"])
def test_a_refused_upgrade_changes_nothing(tmp_path: Path, name: str) -> None:
    with open_sandbox(name, speed=0, directory=tmp_path / "sandbox") as sandbox:
        before = _contents(sandbox.directory)
        controller = sandbox.controller()
        prospect = controller.prepare(sandbox.path, sandbox.scenario.target)
        with pytest.raises(BlockedError):
            start(sandbox, controller, prospect)
        assert _contents(sandbox.directory) == before
        assert controller.store.list() == ()


def _contents(directory: Path) -> dict[str, tuple[int, int, int, str]]:
    """Give mode, owner, time of change and content of every file of the sandbox's server, and of dfwizard's own state."""
    places = (directory / name for name in ("opt", "etc", "home", "origin.git", "state"))
    found = {}
    for path in (one for place in places for one in (place, *sorted(place.rglob("*")))):
        stat = path.lstat()
        is_file = path.is_file() and not path.is_symlink()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else ""
        found[str(path.relative_to(directory))] = (stat.st_mode, stat.st_uid, stat.st_mtime_ns, content)
    return found


def test_local_work_waits_in_the_stash_and_what_was_in_the_way_is_in_the_backup(machine: Machine) -> None:
    machine.demo("--headless", "--speed", "0", "--keep", "--scenario", "dirty-tree")
    (kept,) = machine.temporary.iterdir()
    instance = kept / "opt/dreamfactory"
    stashed = _said("git", "-C", str(instance), "stash", "show", "--name-status", "stash@{0}").split()
    assert dict(zip(stashed[1::2], stashed[::2], strict=True)) == {
        "composer.json": "M",
        "composer.json-dist": "M",
        "composer.lock": "M",
        "config/cors.php": "M",
        "public/robots.txt": "D",
        "routes/web.php": "M",
    }
    assert (instance / "public/partners.html").read_text() == "made here by hand\n"
    assert (instance / "routes/console.php").read_text() != "made here by hand\n"
    (archive,) = (kept / "state/backups").glob("*/*.tar*")
    listed = _said("tar", "-xOf", str(archive), "./routes/console.php")
    assert listed == "made here by hand\n"


def _said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_the_key_keeps_the_passwords_and_without_it_the_first_login_destroys_one(machine: Machine) -> None:
    machine.demo("--headless", "--speed", "0", "--keep", "--scenario", "password-trap")
    (kept,) = machine.temporary.iterdir()
    with attach_sandbox(kept) as sandbox:
        log = sandbox.instance / "storage/logs/dreamfactory.log"
        assert log.read_text().count("production.INFO: [REQUEST] POST /api/v2/user/session 200\n") == 2
        stored = _password(sandbox)
        assert stored.startswith("$2y$10$")
        file = sandbox.instance / ".env"
        file.write_text(file.read_text().replace("BCRYPT_ROUNDS=10\n", ""))
        for command in ("down", "up"):
            assert _ran(sandbox, "php", "artisan", command).returncode == 0
        assert _password(sandbox).startswith("$2y$12$")
        first, second = log.read_text().splitlines()[-2:]
        assert "500 SQLSTATE[HY000]" in first
        assert "401 Invalid credentials supplied." in second


def _password(sandbox: Sandbox) -> str:
    email = sandbox.scenario.faults["php"]["login"]["email"]
    connection = sqlite3.connect(sandbox.instance / DATABASE)
    (found,) = connection.execute("select password from user where email = ?", (email,)).fetchone()
    connection.close()
    return str(found)


@pytest.mark.wide
def test_the_lost_terminal_does_not_run_a_step_twice(machine: Machine) -> None:
    ended = machine.demo("--headless", "--speed", "0", "--keep", "--scenario", "lost-connection")
    assert ended.err.count("The connection is lost") == 1
    assert "(attempt 2)" not in ended.err
    (kept,) = machine.temporary.iterdir()
    with attach_sandbox(kept) as sandbox:
        run = sandbox.run()
        assert run is not None
        assert {step.attempts for step in run.state().phases[0].steps} == {1}


def test_a_full_disk_is_full_for_every_program_until_it_is_not(tmp_path: Path) -> None:
    with open_sandbox("disk-full", speed=0, directory=tmp_path / "sandbox") as sandbox:
        _ran(sandbox, "git", "fetch", "origin", "+refs/tags/*:refs/tags/*")
        assert _ran(sandbox, "git", "checkout", "--quiet", "refs/tags/7.1.0").returncode == 0
        codes, free = [], []
        for _ in range(2):
            codes.append(_ran(sandbox, "composer", "install", "--no-dev", "--no-plugins").returncode)
            table = _ran(sandbox, "df", "-P", "-k", "--", "/").stdout.splitlines()
            free.append(int(table[1].split()[3]))
        assert codes == [1, 0]
        assert free[0] == 0 < free[1]


def _ran(sandbox: Sandbox, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=sandbox.path, capture_output=True, text=True, check=False)
