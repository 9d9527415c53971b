"""A failure of a plan's step is explained, and given commands that may be typed as they stand."""

from __future__ import annotations

import re
import shlex
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard.diagnosis import Diagnosis, RemedyCommand, diagnose, telling_line
from dfwizard.diagnosis.catalogue import known_failures
from dfwizard.execution.output import last_lines
from dfwizard.planning.plan import Execute, Plan, Step, Undo
from tests.unit import samples
from tests.unit.recordings import recordings

EXIT_1 = "The command ended with exit code 1, expected was 0."
PLAN = samples.plan(samples.facts(), "7.1.0")

EXTENSION = """\
Installing dependencies from lock file
Verifying lock file contents can be installed on current platform.
Your lock file does not contain a compatible set of packages. Please run composer update.

  Problem 1
    - dreamfactory/df-mongo-logs is locked to version 1.2.0 and an update of this package was not requested.
    - dreamfactory/df-mongo-logs 1.2.0 requires ext-mongodb * -> it is missing from your system. Install or enable PHP's mongodb extension.
  Problem 2
    - mongodb/mongodb is locked to version 1.17.0 and an update of this package was not requested.
    - mongodb/mongodb 1.17.0 requires ext-mongodb ^1.17.0 -> it is missing from your system. Install or enable PHP's mongodb extension.

To enable extensions, verify that they are enabled in your .ini files:
    - /etc/php/8.2/cli/php.ini
    - /etc/php/8.2/cli/conf.d/10-mysqlnd.ini
"""

REFUSED = """\
In Connection.php line 825:

  SQLSTATE[HY000] [2002] Connection refused (Connection: mysql, SQL: select e
  xists (select 1 from information_schema.tables where table_schema = 'dreamf
  actory' and table_name = 'migrations' and table_type in ('BASE TABLE', 'SYS
  TEM VERSIONED')) as `exists`)
"""

DUBIOUS = """\
fatal: detected dubious ownership in repository at '/opt/dreamfactory'
To add an exception for this directory, call:

    git config --global --add safe.directory /opt/dreamfactory
"""

LOCAL_CHANGES = """\
error: Your local changes to the following files would be overwritten by checkout:
    .env-dist
    config/database.php
Please commit your changes or stash them before you switch branches.
Aborting
"""

DISK_FULL = """\
Package operations: 15 installs, 127 updates, 9 removals
The disk hosting /opt/dreamfactory/vendor has less than 100MiB of free space, this may be the cause of the following exception

In Cache.php line 227:

  copy(): Write of 8192 bytes failed with errno=28 No space left on device


install [--prefer-source] [--prefer-dist] [--prefer-install PREFER-INSTALL] [--dry-run] [--download-only] [--dev]
"""

LOG_DENIED = """\
In StreamHandler.php line 156:

  The stream or file "/opt/dreamfactory/storage/logs/dreamfactory.log
  " could not be opened in append mode: Failed to open stream: Permission den
  ied
  The exception occurred while attempting to log: Command "df:nosuch" is not
  defined.
"""


@pytest.mark.parametrize("step", ["composer-7.1.0", "migrate-7.1.0", "verify"])
def test_every_diagnosis_is_whole_for_a_plan(step: str) -> None:
    for one in (*recordings("failures"), *recordings("messages")):
        found = diagnose(
            EXIT_1, last_lines(one.text.encode()), step=one.step or step, code=one.code, plan=PLAN
        )
        assert found is not None, one.what
        for text in (found.title, found.line, found.cause, found.remedy, found.source):
            assert text
            assert not re.search(r"\{\w+\}", text), found.id
        for command in found.commands:
            assert not re.search(r"\{(?:instance|owner|php|composer|install|as_owner)\}", command.command)
            assert shlex.split(command.command)


def test_what_only_the_message_or_the_code_tells() -> None:
    killed = "The command ended with exit code 137, expected was 0."
    found = diagnose(killed, (), step="composer-7.1.0", code=137, plan=PLAN)
    assert found is not None
    assert found.id == "killed-for-memory"
    assert diagnose("ended with exit code 137 of 200", (), step="composer-7.1.0", code=1, plan=PLAN) is None


@pytest.mark.parametrize("tail", [(), ("all is well",), ("2015_01_27_create_system_tables ... 137ms DONE",)])
def test_an_unknown_failure_has_no_diagnosis(tail: tuple[str, ...]) -> None:
    assert diagnose(EXIT_1, tail, step="migrate-7.1.0", code=1, plan=PLAN) is None


def test_an_entry_for_certain_steps_says_nothing_of_others() -> None:
    resolved = ("Could not resolve host: github.com",)
    of = {step: diagnose(EXIT_1, resolved, step=step, code=1, plan=PLAN) for step in ("composer-7.1.0", "fetch", "verify")}  # fmt: skip
    assert {step: found and found.id for step, found in of.items()} == {
        "composer-7.1.0": "composer-offline",
        "fetch": "git-offline",
        "verify": None,
    }


def test_a_change_of_the_tree_is_offered_only_once_it_can_be_taken_back() -> None:
    tail = last_lines(LOG_DENIED.encode())
    order = [step.id for step in PLAN.steps]
    undoes = next(step.id for step in PLAN.steps if step.undo is Undo.TREE)
    assert order.index("maintenance-on") < order.index("backup") < order.index(undoes)
    for step, offered in (
        ("maintenance-on", False),
        ("prove", False),
        (undoes, True),
        ("config-clear-7.1.0", True),
        ("of-another-plan", False),
    ):
        found = diagnose(EXIT_1, tail, step=step, code=1, plan=PLAN)
        assert found is not None
        assert bool(found.commands) is offered, step


@pytest.mark.parametrize(
    ("owner", "me", "expected"),
    [
        ("dreamfactory", "root", "runuser -u dreamfactory -- env HOME=/home/dreamfactory composer clear-cache --no-interaction"),
        ("dreamfactory", "dreamfactory", "env HOME=/home/dreamfactory composer clear-cache --no-interaction"),
        ("dreamfactory", "ops", "sudo -n -u dreamfactory -- env HOME=/home/dreamfactory composer clear-cache --no-interaction"),
    ],
)  # fmt: skip
def test_a_command_runs_as_the_owner_from_every_account(owner: str, me: str, expected: str) -> None:
    tail = ("The checksum verification of the file failed (downloaded from https://example.org/x.zip)",)
    plan = replace(PLAN, owner=owner, me=me)
    found = diagnose(EXIT_1, tail, step="composer-7.1.0", code=1, plan=plan)
    assert found is not None
    assert found.commands == (RemedyCommand(expected, "empty composer's cache", "cache"),)


def test_a_command_takes_the_php_and_composer_of_the_plan() -> None:
    argv = ("/opt/php 8/php", "/opt/composer.phar", "install", "--no-dev")
    step = Step("composer-7.1.0", "Packages", "test", Execute(argv, user="dreamfactory"), undo=Undo.TREE)
    plan = replace(PLAN, steps=(step,))
    found = diagnose("zip archive is corrupt", (), step=step.id, code=1, plan=plan)
    assert found is not None
    assert only(found) == "runuser -u dreamfactory -- env '/opt/php 8/php' /opt/composer.phar clear-cache --no-interaction"  # fmt: skip


def only(found: Diagnosis) -> str:
    """Give the one command of the diagnosis."""
    (one,) = found.commands
    return one.command


def named(instance: str, me: str = "root") -> Plan:
    step = Step("fetch", "Fetch", "test", Execute(("git", "fetch"), user=me), undo=Undo.TREE)
    return Plan("upgrade", instance, "1", "2", "/nowhere", me, me, (), (step,))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40))
def test_a_hostile_name_stays_one_word_of_the_command(name: str) -> None:
    instance = f"/srv/{name}"
    found = diagnose(EXIT_1, tuple(DUBIOUS.splitlines()), step="fetch", code=128, plan=named(instance))
    assert found is not None
    assert shlex.split(only(found))[-1] == f"{instance}/.git"


def test_the_commands_do_what_they_say(tmp_path: Path) -> None:
    instance = tmp_path / 'it\'s $(touch pwned) "here"'
    instance.mkdir()
    somebody = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    for argv in (("init", "-q"), (*somebody, "commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(["git", "-C", str(instance), *argv], check=True)
    (instance / "composer.json").write_text("{}\n")
    subprocess.run(["git", "-C", str(instance), "add", "composer.json"], check=True)
    found = diagnose(EXIT_1, tuple(LOCAL_CHANGES.splitlines()), step="fetch", code=1, plan=named(str(instance)))  # fmt: skip
    assert found is not None
    subprocess.run(["sh", "-c", only(found)], cwd=tmp_path, check=True, capture_output=True)
    status = subprocess.run(["git", "-C", str(instance), "status", "--porcelain"], capture_output=True, check=True)  # fmt: skip
    assert status.stdout == b""
    assert not (tmp_path / "pwned").exists()
    origin = subprocess.run(["git", "-C", str(instance), "remote", "add", "origin", "."], check=False)
    assert origin.returncode == 0
    found = diagnose(EXIT_1, ("Could not resolve host: github.com",), step="fetch", code=1, plan=named(str(instance)))  # fmt: skip
    assert found is not None
    subprocess.run(["sh", "-c", only(found)], cwd=tmp_path, check=True, capture_output=True, timeout=30)


def commands_of(failure: str, instance: Path) -> list[str]:
    """Give the commands against a recorded failure for an instance of the account that runs the test."""
    one = next(one for one in (*recordings("failures"), *recordings("messages")) if one.known == failure)
    found = diagnose(
        EXIT_1, last_lines(one.text.encode()), step="fetch", code=one.code, plan=named(str(instance))
    )
    assert found is not None
    assert found.id == failure
    return [command.command for command in found.commands]


def shell(command: str, place: Path) -> int:
    return subprocess.run(["sh", "-c", command], cwd=place, capture_output=True, check=False).returncode


def test_the_guides_cleaning_leaves_what_is_under_git(tmp_path: Path) -> None:
    instance = tmp_path / "it's here"
    kept = (
        "bootstrap/cache/.gitignore",
        "storage/framework/cache/.gitignore",
        "storage/framework/cache/data/.gitignore",
    )
    gone = ("bootstrap/cache/config.php", "storage/framework/cache/data/3f/9a/3f9a0c", "vendor/autoload.php")
    for name in (*kept, *gone):
        (instance / name).parent.mkdir(parents=True, exist_ok=True)
        (instance / name).touch()
    *cleaning, install = commands_of("migrate-command-missing", instance)
    assert "composer install" in install
    assert [shell(command, instance) for command in cleaning * 2] == [0, 0, 0, 0]
    remove, _ = commands_of("composer-plugin-blocked", instance)
    assert [shell(remove, instance), shell(remove, instance)] == [0, 0]
    assert sorted(
        str(path.relative_to(instance)) for path in instance.rglob("*") if path.is_file()
    ) == sorted(kept)


def test_conflicts_locks_and_commits_are_put_aside_and_nothing_is_lost(tmp_path: Path) -> None:
    instance = tmp_path / "it's here"
    instance.mkdir()

    def git(*words: str) -> str:
        argv = ["git", "-C", str(instance), "-c", "user.name=x", "-c", "user.email=x@localhost", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()

    file, other = instance / "config.php", instance / "other file.php"
    git("init", "-q")
    for text in ("old\n", "new\n"):
        file.write_text(text)
        other.write_text(text)
        git("add", ".")
        git("commit", "-q", "-m", text)
    git("checkout", "-q", "HEAD~1")
    file.write_text("mine\n")
    git("stash")
    git("checkout", "-q", "-")
    git("stash", "pop")
    assert "<<<<<<<" in file.read_text()
    (resolve,) = commands_of("git-conflict", instance)
    assert [shell(resolve, tmp_path), shell(resolve, tmp_path)] == [0, 0]
    assert (file.read_text(), other.read_text()) == ("new\n", "new\n")
    assert git("stash", "list")
    (keep,) = commands_of("git-diverged", instance)
    assert [shell(keep, tmp_path), shell(keep, tmp_path)] == [0, 0]
    assert git("rev-parse", f"dfwizard-{git('rev-parse', '--short', 'HEAD')}") == git("rev-parse", "HEAD")
    lock = instance / ".git/index.lock"
    lock.touch()
    _, unlock = commands_of("git-lock", instance)
    assert shell(unlock, tmp_path) == 0
    assert not lock.exists()


def test_what_php_may_not_write_is_given_to_its_group(tmp_path: Path) -> None:
    instance, outside = tmp_path / "it's here", tmp_path / "outside"
    for place in (instance / "storage/logs", instance / "bootstrap/cache", outside):
        place.mkdir(parents=True)
    log, other, link = (
        instance / "storage/logs/dreamfactory.log",
        outside / "other",
        instance / "storage/link",
    )
    for file in (log, other):
        file.touch(mode=0o600)
    link.symlink_to(other)
    (instance / "storage/directory").symlink_to(outside)
    plan = named(str(instance))
    found = diagnose(EXIT_1, last_lines(LOG_DENIED.encode()), step="fetch", code=1, plan=plan)
    assert found is not None
    for one in found.commands:
        subprocess.run(["sh", "-c", one.command], cwd=tmp_path, check=True)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (log, other)]
    assert modes == [0o660, 0o600]


def test_every_entry_is_whole() -> None:
    failures = known_failures()
    assert len({one.id for one in failures}) == len(failures) >= 70
    for one in failures:
        assert one.title[0] == one.title[0].upper() or one.title.split()[0].islower(), one.id
        assert not one.title.endswith("."), one.id
        for text in (one.cause, one.remedy):
            assert text.endswith((".", "?")), one.id
        for command in one.commands:
            line = re.sub(r"\{\w+\}", "word", command.run)
            checked = subprocess.run(["sh", "-n"], input=line, text=True, check=False)
            assert checked.returncode == 0, one.id


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (EXTENSION, "- dreamfactory/df-mongo-logs 1.2.0 requires ext-mongodb * -> it is missing"),
        (REFUSED, "SQLSTATE[HY000] [2002] Connection refused"),
        (DISK_FULL, "copy(): Write of 8192 bytes failed with errno=28 No space left on device"),
        (LOCAL_CHANGES, "error: Your local changes to the following files would be overwritten by checkout:"),
        ("PHP Fatal error:  Uncaught Error: x\nStack trace:\n#0 {main}\n  thrown in /a.php\n", "PHP Fatal error:  Uncaught"),
        ("one\ntwo\n#0 /opt/x.php(3): y()\n", "two"),
        ("#0 /opt/x.php(3): y()\n", "#0 /opt/x.php(3): y()"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_telling_line_is_not_merely_the_last(output: str, line: str) -> None:
    assert telling_line(last_lines(output.encode())).startswith(line)
    assert bool(telling_line(last_lines(output.encode()))) is bool(line)


@pytest.mark.parametrize("frames", [3, 30, 300])
def test_a_long_stack_trace_does_not_push_its_error_out(frames: int) -> None:
    error = 'PHP Fatal error:  Uncaught ReflectionException: Class "config" does not exist in /srv/Container.php:959'
    trace = "".join(
        f"#{number} /srv/Container.php({number}): Container->build('config')\n" for number in range(frames)
    )
    data = f"working\n{error}\nStack trace:\n{trace}#{frames} {{main}}\n  thrown in /srv/Container.php on line 959\n"
    tail = last_lines(data.encode())
    assert telling_line(tail) == error
    found = diagnose(EXIT_1, tail, step="config-clear-7.1.0", code=255, plan=PLAN)
    assert found is not None
    assert found.id == "laravel-boot"


@given(st.lists(st.text(max_size=200), max_size=20), st.text(max_size=200))
def test_whatever_is_printed_gives_an_answer(lines: list[str], message: str) -> None:
    found = diagnose(message, tuple(lines), step="composer-7.1.0", code=1, plan=PLAN)
    assert found is None or found.line
    assert "\n" not in telling_line(lines)


def test_what_the_step_itself_does_is_left_out_where_it_is_tried_again() -> None:
    blocked = ("  dreamfactory/installer contains a Composer plugin which is blocked by your",)
    at = {
        step: diagnose(EXIT_1, blocked, step=step, code=1, plan=PLAN)
        for step in ("composer-7.1.0", "migrate-7.1.0")
    }
    runs = {step: [one.does for one in found.commands] for step, found in at.items() if found}
    removed = "remove the newer release's packages"
    assert runs == {
        "composer-7.1.0": [removed],
        "migrate-7.1.0": [removed, "install the packages of this release"],
    }
    found = at["migrate-7.1.0"]
    assert found is not None
    composer = next(step.action for step in PLAN.steps if step.id == "composer-7.1.0")
    assert isinstance(composer, Execute)
    words = shlex.split(found.commands[1].command)
    assert words[-len(composer.argv) :] == list(composer.argv)
    assert {f"{name}={value}" for name, value in composer.env.items()} <= set(words)


def test_composer_is_run_as_the_hop_of_the_failed_step_runs_it() -> None:
    steps = tuple(
        Step(f"{name}-{hop}", name, "test", Execute(("composer", "install", f"--of={hop}")), undo=Undo.TREE)
        for hop in ("5.0.0", "6.3.0")
        for name in ("composer", "migrate")
    )
    plan = replace(PLAN, steps=steps)
    missing = ("PHP Fatal error:  Uncaught Error: Failed opening required '/srv/df/vendor/autoload.php'",)
    for hop in ("5.0.0", "6.3.0"):
        found = diagnose(EXIT_1, missing, step=f"migrate-{hop}", code=255, plan=plan)
        assert found is not None
        assert only(found).endswith(f"composer install --of={hop}")
