"""Every scenario of the demo, walked through every screen by keys alone."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dfwizard.demo import Sandbox, Scenario, open_sandbox, scenario, scenarios
from dfwizard.demo.content import DATABASE
from dfwizard.demo.sandbox import TERMINAL
from dfwizard.execution import processes
from tests.thorough import wide
from tests.tui.driving import NARROW, WIDE
from tests.tui.walking import Walk, picture, walking

NAMES = [one.name for one in scenarios() if not one.source and one.name != "lost-connection"]
"""The scenarios of an upgrade that one wizard sees from beginning to end."""
SELDOM = ("dirty-tree", "long-road", "smooth")
"""Those walked in the wide run alone: they show nothing on a screen that the others do not."""

TELLS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "smooth": {
        "checks": ("The tree belongs to",),
    },
    "migration-fails": {
        "failure": (
            "Step 12 of 19 failed: Migrate the system database",
            'table "amqp_config" already exists',
            "Cause The database holds tables of a newer release",
            "Remedy Roll back.",
            "the database has changed",
            "Roll back to 6.3.0?",
        ),
    },
    "composer-network": {
        "failure": (
            "Could not resolve host",
            "Cause The servers that packages come from do not answer",
            "Apply the remedy?",
            "ls-remote",
            "Then the step is tried again.",
        ),
        "run": ("Install the packages of 7.1.0 (try 2)",),
    },
    "disk-full": {
        "failure": ("No space left on device", "Remedy Make room"),
        "run": ("(try 2)",),
    },
    "dirty-tree": {
        "detection": ("CHANGED",),
        "checks": ("config/cors.php", "routes/console.php", "licence-files", "Go on in spite of this?"),
        "verify": ("Licence in /status GOLD SILVER", "1 flagged"),
        "done": ("Done with 1 warning", "git stash"),
    },
    "password-trap": {
        "checks": ("rehash passwords of another bcrypt cost", "BCRYPT_ROUNDS=10"),
        "verify": ("BCRYPT_ROUNDS not set 10",),
    },
    "long-road": {
        "path": ("4.14.1 ──▶ 5.4.1", "6.3.0", "gate"),
        "checks": ("php-window", "Go on in spite of this?"),
        "report": ("php-window",),
    },
    "php-too-old": {
        "path": ("PHP 8.3-8.4 NOT MET", "1 blocker"),
        "checks": (
            "PHP is outside what a release on the road allows",
            "7.1.0 runs on PHP 8.3, 8.4; cli is 8.1.31",
            "Remedy: Install PHP 8.3",
        ),
    },
    "wrong-app-key": {
        "detection": ("WRONG",),
        "checks": (
            "APP_KEY does not open what the database holds",
            "Bring back the .env that belongs to this database",
        ),
    },
}
"""What a scenario's screens must tell beside what they all do: by stage, with each run of blanks as one."""


def the_usual(of: Scenario) -> dict[str, tuple[str, ...]]:
    """Give what the screens of every scenario must tell."""
    always: dict[str, tuple[str, ...]] = {
        "detection": (f"Version {of.installed}", "Database sqlite", "nothing has changed"),
        "path": (
            f"Installed: {of.installed}",
            f"{of.installed} ──▶",
            f"▶ {of.target}",
            "Planned:",
            "Steps (",
        ),
        "checks": ("The guide's checklist before an upgrade", "nothing has changed"),
    }
    if of.outcome == "blocked":
        return {
            **always,
            "checks": (*always["checks"], "To do first: 1 blocker", "Before it goes on: 1 blocker"),
        }
    end: dict[str, tuple[str, ...]] = {
        "run": (f"Upgrade {of.installed} → {of.target} step ", " done ", "Stopped now:"),
        "verify": (f"{of.installed} → {of.target}", "Before After"),
        "done": (f"runs {of.target}.", "Keep the backup"),
        "report": (f"(exit code {of.exit_code})",),
        "history": ("may still be rolled back with it",),
    }
    if of.outcome == "done":
        end["verify"] += ("0 flagged", "every difference explained")
        end["history"] += ("✓ done",)
    if of.outcome == "rolled-back":
        end = {
            "rollback": (
                "Put the old database back",
                "identical to what it was before",
                "Code identical",
                "Tables and rows identical",
            ),
            "done": ("Rolled back:", "identical to what it was before", "rollback 11 of 11"),
            "report": ("outcome taken back: the instance is as it was before (exit code 5)",),
            "history": ("↶ rolled back", "nothing speaks against deleting it"),
        }
    return {
        **always,
        "checks": (*always["checks"], "Nothing stands in the way: n goes on."),
        "backup": (
            "What is saved before anything changes",
            "Free space",
            "Proof",
            f"from {of.installed} to {of.target}",
            "It goes on when this terminal is closed. y starts it.",
        ),
        **end,
    }


def of_a_migration(of: Scenario) -> dict[str, tuple[str, ...]]:
    """Give what the screens of a migration must tell."""
    assert of.source is not None
    return {
        "migration": (
            f"host {of.source.address}",
            f"release {of.source.installed}, PHP 8.1.31",
            f"release {of.installed}, PHP 8.3.14",
            f"{of.source.installed} → {of.target}",
            "The source is only read.",
        ),
        "carry": (
            "APP_KEY carry locked",
            "It names the target's own database",
            "storage/app",
            "storage/databases",
            "nothing has changed",
        ),
        "checks": ("2 paths beside .env and database come over", "Nothing stands in the way: n goes on."),
        "backup": (
            "What is saved of the target before anything changes",
            "What is saved of the source, which is only read",
            "It goes on when this terminal is closed. y starts it.",
        ),
        "run": (
            f"Migration {of.source.installed} → {of.target} step ",
            "Stopped now: the target's PHP may be stopped; its data has not changed.",
        ),
        "verify": (
            "every difference explained",
            "0 flagged",
            "User accounts 9 tables, 82 rows 9 tables, 82 rows",
            "10 of 10 opened 10 of 10 opened",
        ),
        "done": ("has what the source had", "which was only read", "Keep the target's backup"),
        "report": (f"(exit code {of.exit_code})",),
    }


def must_tell(walk: Walk) -> None:
    """See that the screens have told what they must; on a wide one sentences are broken elsewhere, the usual ones not."""
    of = walk.sandbox.scenario
    own = TELLS.get(of.name, {}) if walk.drive.wizard.size.width < WIDE[0] else {}
    for wanted in (of_a_migration(of) if of.source else the_usual(of), own):
        for stage, texts in wanted.items():
            told = walk.told(stage)
            for text in texts:
                assert text in told, f"{stage} does not tell {text!r}, but:\n" + "\n\n".join(walk.seen[stage])


def commit(walk: Walk) -> str:
    """Give the tag that the installation is at."""
    argv = ["git", "-C", walk.sandbox.path, "describe", "--tags", "--exact-match", "HEAD"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("name", "size", "start"),
    [
        *((wide if name in SELDOM else pytest.param)(name, NARROW, "", id=name) for name in NAMES),
        wide("migration-fails", WIDE, "instance", id="migration-fails-wide"),
    ],
)
def test_a_scenario_is_walked_by_keys_to_its_end(name: str, size: tuple[int, int], start: str) -> None:
    async def main() -> None:
        of = scenario(name)
        with open_sandbox(name, speed=0) as sandbox:
            before = picture(sandbox.instance)
            async with walking(sandbox, size=size, start=start) as walk:
                if start == "instance":
                    await walk.arrive("instance")
                    await walk.drive.press("o")
                    await walk.drive.type(sandbox.path)
                await walk.detection()
                await walk.path()
                clear = await walk.checks()
                assert clear == (of.outcome != "blocked")
                if clear:
                    await walk.backup()
                    await walk.run()
                    await walk.proof()
                    await walk.history()
                code = await walk.quit()
                must_tell(walk)
                assert code == (0 if of.outcome == "blocked" else of.exit_code)
            if of.outcome in ("blocked", "rolled-back"):
                assert picture(sandbox.instance) == before
            else:
                assert of.target in commit(walk)
            assert bool(sandbox.controller().store.list()) == (of.outcome != "blocked")

    asyncio.run(main())


def test_the_migration_is_walked_by_keys_leaves_its_source_alone_and_is_taken_back() -> None:
    async def main() -> None:
        with open_sandbox("migration", speed=0) as sandbox:
            assert sandbox.source is not None
            source, target = (picture(one.instance) for one in (sandbox.source, sandbox.server))
            async with walking(sandbox) as walk:
                await walk.servers()
                await walk.carry()
                assert await walk.checks()
                await walk.backup()
                await walk.run()
                await walk.proof()
                assert await walk.quit() == sandbox.scenario.exit_code
                must_tell(walk)
            assert picture(sandbox.source.instance) == source
            assert users(sandbox.instance) == users(sandbox.source.instance)
            assert (sandbox.instance / "storage/app/price-list.csv").exists()
            controller, run = sandbox.controller(), sandbox.run()
            assert run is not None
            controller.start_rollback(run)
            assert list(controller.follow(run))
            assert run.state().outcome == "rolled-back"
            assert picture(sandbox.instance) == target
            assert picture(sandbox.source.instance) == source

    asyncio.run(main())


def users(instance: Path) -> list[tuple[str, str]]:
    """Give who may log in to an installation, and the hashes of their passwords."""
    with closing(sqlite3.connect(f"file:{instance / DATABASE}?mode=ro", uri=True)) as connection:
        return connection.execute("select email, password from user order by email").fetchall()


@contextmanager
def a_terminal(sandbox: Sandbox) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process that the scenario takes for the presenter's terminal, and hangs up."""
    with subprocess.Popen(["sleep", "infinity"]) as child:
        known = {"pid": child.pid, "started": processes.start_ticks(child.pid)}
        new = sandbox.directory / "terminal.new"
        new.write_text(json.dumps(known))
        new.replace(sandbox.directory / TERMINAL)  # the stand-in looks at it all the time
        try:
            yield child
        finally:
            child.kill()


def test_the_lost_connection_is_walked_by_two_wizards() -> None:
    async def main() -> None:
        with open_sandbox("lost-connection", speed=0) as sandbox:
            with a_terminal(sandbox) as terminal:
                async with walking(sandbox) as walk:
                    await walk.detection()
                    await walk.path()
                    assert await walk.checks()
                    await walk.backup()
                    await walk.drive.until(lambda: terminal.poll() is not None, "the hang-up")
                    assert terminal.returncode == -signal.SIGHUP
                    walk.drive.wizard.hang_up(signal.SIGHUP)
                    await walk.drive.until(lambda: walk.drive.wizard.return_code is not None, "the end")
                    assert walk.drive.wizard.return_value == 129
            (run,) = sandbox.controller().store.list()
            assert run.state().outcome is None
            async with walking(sandbox, attach=True) as second:
                # The run goes on when somebody looks again: until then it stands where the connection was lost.
                await second.drive.until_text("step 11 of 19: Install the packages of 7.1.0")
                await second.drive.until_text(" running ")
                second.look()
                with a_terminal(sandbox):
                    await second.run()
                await second.proof()
                await second.history()
                assert await second.quit() == 0
                for stage in ("verify", "done", "report", "history"):
                    for text in the_usual(sandbox.scenario)[stage]:
                        assert text in second.told(stage), text
            assert "7.1.0" in commit(second)

    asyncio.run(main())
