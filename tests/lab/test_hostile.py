"""What goes wrong on other people's servers: refused with a reason and nothing changed, or carried to a proven end."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.execution import events as ev
from dfwizard.execution.attach import EventSeen, follow
from dfwizard.execution.store import Run
from tests.lab.driving import ACCEPT_PHP, Cli, Ended, independent_digest, tables
from tests.lab.fixtures import StartLab, lab_directory
from tests.lab.lab import Lab
from tests.lab.origin import composer_files
from tests.lab.processes import OWNER
from tests.lab.terminal import Terminal
from tests.lab.test_interruption import newest, processes_of

pytestmark = pytest.mark.lab

NO_ADDRESS = 4
"""How an upgrade ends in a lab without a web server: with the warning that nothing could be asked over HTTP."""

OTHER_KEY = "base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


@pytest.fixture(scope="module")
def shared(start_module_lab: StartLab) -> Lab:
    """An instance that is only looked at, or put back byte for byte."""
    return start_module_lab("sqlite", "6.3.0")


@pytest.fixture
def cli(shared: Lab, tmp_path: Path) -> Cli:
    return Cli(shared, tmp_path / "state")


def everything(directory: Path) -> dict[str, str]:
    """Describe every file below `directory` with its times: after a refusal not one byte may differ."""
    found = {}
    for path in sorted(directory.rglob("*")):
        info = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():  # not a fifo: that would wait for a writer
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path)] = f"{info.st_mode:o} {info.st_uid}:{info.st_gid} {info.st_mtime_ns} {content}"
    return found


def leftovers(*directories: Path) -> list[str]:
    """Give what a run should have cleared away."""
    names = ("*.private", ".dfwizard-*", "dfwizard_scratch*", "*.dfwizard-*", "dfwizard-origin.*")
    return [str(path) for directory in directories for name in names for path in directory.rglob(name)]


def refused(cli: Cli, finding: str, *more: str, to: str = "7.1.0", instance: Path | None = None) -> Ended:
    """Try to upgrade; it has to be refused by this finding with a remedy, and nothing may have changed."""
    path = instance or cli.lab.instance
    before = everything(path)
    ended = cli.run("upgrade", str(path), "--to", to, "--yes", *ACCEPT_PHP, *more).expect(3)
    said = f"{ended.err}\n{ended.out}"
    assert f"[{finding}]" in said
    assert "nothing was changed" in said
    assert "Remedy:" in said.split(f"[{finding}]")[1]
    assert "Traceback" not in said
    assert everything(path) == before
    assert not leftovers(path.parent, cli.state.parent)
    assert not list(cli.state.glob("runs/*"))
    return ended


@contextmanager
def changed_env(lab: Lab, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Change `.env` for a moment."""
    path = lab.instance / ".env"
    before = path.read_bytes()
    path.write_bytes(change(before))
    try:
        yield
    finally:
        path.write_bytes(before)


def setting(key: str, value: str) -> Callable[[bytes], bytes]:
    """Give the change that sets `key`."""

    def change(env: bytes) -> bytes:
        lines = [line for line in env.splitlines() if not line.startswith(f"{key}=".encode())]
        return b"\n".join([*lines, f"{key}={value}".encode(), b""])

    return change


def without(key: str) -> Callable[[bytes], bytes]:
    """Give the change that takes `key` out."""
    return lambda env: b"".join(
        line for line in env.splitlines(keepends=True) if not line.startswith(f"{key}=".encode())
    )


@pytest.mark.parametrize(
    ("change", "finding", "said"),
    [
        (lambda env: env + b"WORDS=two words\n", "dotenv", "unexpected whitespace"),
        (lambda env: env + b'OPEN="never closed\n', "dotenv", "a quote is never closed"),
        (lambda _: b"APP_KEY=\x00\xff\xfe\n\x1b[31m", "dotenv", ".env"),
        (setting("APP_KEY", OTHER_KEY), "app-key", "does not open"),
        (without("APP_KEY"), "app-key", "is not set"),
        (setting("DB_DATABASE", "/nonexistent/x.sqlite"), "database", "does not answer"),
        (setting("DB_DATABASE", "typo.sqlite"), "database", "does not answer"),
        (setting("DB_CONNECTION", "oracle"), "database", "oracle"),
    ],
    ids=["space", "quote", "binary", "wrong-key", "no-key", "no-database", "typo", "driver"],
)
def test_a_broken_env_is_refused(cli: Cli, change: Callable[[bytes], bytes], finding: str, said: str) -> None:
    with changed_env(cli.lab, change):
        ended = refused(cli, finding)
    assert said in " ".join(ended.err.split())
    assert "\x1b" not in ended.err


@pytest.mark.parametrize("kind", ["missing", "directory", "dangling", "fifo"])
def test_an_env_that_is_no_file_is_refused(cli: Cli, kind: str) -> None:
    path, aside = cli.lab.instance / ".env", cli.lab.directory / "env-aside"
    path.rename(aside)
    try:
        if kind == "directory":
            path.mkdir()
        elif kind == "dangling":
            path.symlink_to("/nonexistent/env")
        elif kind == "fifo":
            os.mkfifo(path)
        refused(cli, "dotenv")
    finally:
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        aside.rename(path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///nonexistent/origin.git", "does not appear to be a git repository"),
        ("https://127.0.0.1:1/df.git", "Failed to connect"),
        ("ssh://nobody@127.0.0.1:1/df.git", "onnection refused"),
        ("--upload-pack=touch pwned", "strange pathname"),
        ("ext::touch pwned", "not allowed"),
    ],
)
def test_an_origin_that_does_not_answer_is_refused(cli: Cli, url: str, said: str) -> None:
    lab = cli.lab
    config = lab.instance / ".git/config"
    before = config.read_text()
    config.write_text(
        "\n".join(f"\turl = {url}" if "url =" in line else line for line in before.splitlines())
    )
    try:
        ended = refused(cli, "git-remote")
    finally:
        config.write_text(before)
    assert said in " ".join(ended.err.split())
    assert f"runuser -u {OWNER} -- git -C" in ended.err
    assert not (lab.instance / "pwned").exists()


def test_a_tag_that_the_origin_does_not_have_is_refused(cli: Cli) -> None:
    aside = cli.lab.directory / "origin-aside.git"
    subprocess.run(["cp", "-a", str(cli.lab.origin), str(aside)], check=True)
    git = ("git", "-c", "safe.directory=*", "-C", str(cli.lab.origin))
    subprocess.run([*git, "tag", "-d", "7.1.0"], check=True, capture_output=True)
    try:
        refused(cli, "target-tag")
    finally:
        shutil.rmtree(cli.lab.origin)
        subprocess.run(["cp", "-a", str(aside), str(cli.lab.origin)], check=True)
        shutil.rmtree(aside)


@pytest.mark.parametrize(
    ("name", "finding"),
    [("index.lock", "git-lock"), ("refs/stash.lock", "git-lock"), ("MERGE_HEAD", "git-operation")],
)
def test_git_in_the_middle_of_something_is_refused(cli: Cli, name: str, finding: str) -> None:
    path = cli.lab.instance / ".git" / name
    path.write_text(f"{cli.lab.git('rev-parse', 'HEAD').stdout}" if name == "MERGE_HEAD" else "")
    try:
        ended = refused(cli, finding)
    finally:
        path.unlink()
    assert ("merge --abort" if finding == "git-operation" else str(path)) in ended.err


def found(cli: Cli, *more: str) -> dict[str, str]:
    """Give the severity of each finding of a check."""
    ended = cli.run("check", str(cli.lab.instance), "--to", "7.1.0", "--json", *more)
    return {one["id"]: one["severity"] for one in json.loads(ended.out)}


ODD = {
    "app-debug": "warning",
    "copy-inside": "warning",
    "db-url": "blocker",
    "dotenv-readable": "warning",
    "git-stashes": "info",
    "jobs-waiting": "warning",
    "left-aside": "warning",
    "php-functions": "blocker",
    "php-memory-limit": "warning",
    "queue-no-worker": "warning",
    "signing-key": "blocker",
    "tree-not-writable": "blocker",
    "workers": "warning",
}
"""What is to be found of the oddities that are made below, all at once."""


def _odd_env(env: bytes) -> bytes:
    added = (
        ("APP_DEBUG", "true"),
        ("JWT_SECRET", "short"),
        ("DB_URL", "mysql://x"),
        ("QUEUE_CONNECTION", "redis"),
    )
    for key, value in added:
        env = setting(key, value)(env)
    return env


@contextmanager
def worker(directory: Path) -> Iterator[None]:
    """Run what looks like a scheduler of the instance in `directory`."""
    script = 'exec -a "php artisan schedule:work" sleep 300'
    with subprocess.Popen(["bash", "-c", script], cwd=directory) as running:
        try:
            yield
        finally:
            running.kill()


@contextmanager
def oddities(lab: Lab, php: Path) -> Iterator[None]:
    """Make of a sound instance an odd one, for a moment."""
    php.write_text('#!/bin/sh\nexec php -d memory_limit=128M -d disable_functions=proc_open "$@"\n')
    php.chmod(0o755)
    instance, env, lock = lab.instance, lab.instance / ".env", lab.instance / "composer.lock"
    modes, owner = (env.stat().st_mode, lock.stat().st_mode), lock.stat().st_uid
    copy, aside = instance / instance.name, instance / ".dfwizard-aside-1"
    with changed_env(lab, _odd_env), worker(instance):
        lab.git("stash", "store", "--message", "of before", lab.git("stash", "create").stdout.strip())
        lab.query(
            "insert into jobs (queue, payload, attempts, available_at, created_at) values ('x', '{}', 0, 0, 0)"
        )
        env.chmod(0o644)
        os.chown(lock, 0, -1)
        lock.chmod(0o600)
        copy.mkdir()
        (copy / "artisan").touch()
        aside.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(copy)
            aside.rmdir()
            os.chown(lock, owner, -1)
            for path, mode in zip((env, lock), modes, strict=True):
                path.chmod(mode)
            lab.query("delete from jobs")
            lab.git("stash", "drop", "--quiet")


def test_what_is_odd_on_a_server_is_named_and_what_is_not_is_not(cli: Cli) -> None:
    php = cli.lab.directory / "odd-php"
    sound = found(cli)
    assert not ODD.keys() & sound.keys()
    with oddities(cli.lab, php):
        odd = found(cli, "--php", str(php))
    assert {finding: odd.get(finding) for finding in ODD} == ODD
    assert found(cli) == sound


def test_missing_programs_are_refused(cli: Cli) -> None:
    assert "--php" in refused(cli, "php", "--php", "/nonexistent").err
    refused(cli, "php", "--php", "/etc/passwd")
    refused(cli, "php", "--php", "/bin/true")
    tools = cli.lab.directory / "few-tools"
    tools.mkdir()
    for directory in ("/usr/sbin", "/usr/bin", "/sbin", "/bin", str(cli.lab.bin)):
        for program in Path(directory).iterdir():
            link = tools / program.name
            if program.name != "composer" and not link.is_symlink():
                link.symlink_to(program)
    bare = _With(cli.lab, cli.state, {"PATH": str(tools)})
    refused(bare, "composer")


class _With(Cli):
    """dfwizard with further variables in its environment."""

    def __init__(self, lab: Lab, state: Path, more: dict[str, str]) -> None:
        super().__init__(lab, state)
        object.__setattr__(self, "_more", more)

    @property
    def environment(self) -> dict[str, str]:
        more: dict[str, str] = getattr(self, "_more")  # noqa: B009
        return {**super().environment, **more}


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mount a filesystem of `size` at `place`."""
    place.mkdir(exist_ok=True)
    options = f"size={size},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_small_disks_are_refused(cli: Cli, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "1m") as small:
        ended = refused(replace(cli, state=small / "state"), "disk-space")
        assert str(small) in ended.err
        refused(cli, "disk-space", "--backup-dir", str(small))
    instance = cli.lab.directory / "opt" / "on a small disk"
    with small_disk(instance, "20m"):
        subprocess.run(["cp", "-aT", str(cli.lab.instance), str(instance)], check=True)
        refused(cli, "disk-space", instance=instance)
    instance.rmdir()


def test_without_yes_and_without_a_terminal_nothing_begins(cli: Cli) -> None:
    before = everything(cli.lab.instance)
    ended = cli.run("upgrade", str(cli.lab.instance), "--to", "7.1.0", *ACCEPT_PHP).expect(2)
    assert "--yes" in ended.err
    assert everything(cli.lab.instance) == before
    assert not list(cli.state.glob("runs/*"))


def test_an_answer_other_than_yes_changes_nothing(cli: Cli) -> None:
    before = everything(cli.lab.instance)
    arguments = ("upgrade", str(cli.lab.instance), "--to", "7.1.0", *ACCEPT_PHP)
    with Terminal(cli.command(*arguments), cli.environment) as terminal:
        terminal.expect("Warning 1 of ")
        for _ in range(int(terminal.expect(": ").strip())):
            terminal.expect("[Enter]")
            terminal.type("\n")
        terminal.expect("Type yes to go on: ")
        terminal.type("y\n")
        assert "nothing was changed" in terminal.end(3)
    assert everything(cli.lab.instance) == before
    assert not list(cli.state.glob("runs/*"))


def test_a_licensed_instance_is_upgraded_with_its_targets_files_and_not_without(
    start_lab: StartLab, tmp_path: Path
) -> None:
    """Put aside, licence files would leave an open source installation; those of another release are told apart."""
    lab = start_lab("sqlite", "6.3.0", variant="licensed")
    cli = Cli(lab, tmp_path / "state")
    refused(cli, "licence-files")
    others = refused(cli, "licence-files", "--licence-files", str(composer_files() / "6.3.0/licensed"))
    assert "the files are another release's" in " ".join(others.err.split())
    files = composer_files() / "7.1.0/licensed"
    cli.run(
        "upgrade", str(lab.instance), "--to", "7.1.0", "--yes", *ACCEPT_PHP, "--licence-files", str(files)
    ).expect(NO_ADDRESS)
    for name in ("composer.json", "composer.lock", "composer.json-dist"):
        assert (lab.instance / name).read_bytes() == (files / name).read_bytes()
        assert (lab.instance / name).owner() == OWNER
    assert (lab.instance / "vendor/dreamfactory/df-script/composer.json").is_file()


def test_a_database_that_does_not_let_us_in_is_refused(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("mariadb", "6.3.0")
    cli = Cli(lab, tmp_path / "state")
    with changed_env(lab, setting("DB_PASSWORD", "wrong-canary-5c1d")):
        ended = refused(cli, "database")
        assert "Access denied" in " ".join(ended.err.split())
        assert "wrong-canary" not in ended.err + ended.out
    with changed_env(lab, setting("DB_DATABASE", "information_schema")):
        refused(cli, "database-empty")
    lab.stop()
    ended = refused(cli, "database")
    assert "efused" in ended.err


def test_a_hostile_path_production_maintenance_and_a_cached_configuration(tmp_path: Path) -> None:
    place = lab_directory()
    try:
        lab = Lab.start(place / "-it's a lab, really=1", "sqlite", "6.3.0", web=True)
        with_env = setting("APP_ENV", "production")((lab.instance / ".env").read_bytes())
        (lab.instance / ".env").write_bytes(with_env)
        assert lab.artisan("config:cache").returncode == 0
        assert lab.artisan("down").returncode == 0
        down = lab.instance / "storage/framework/down"
        cached = (lab.instance / "bootstrap/cache/config.php").read_bytes()
        cli = Cli(lab, tmp_path / "state of -rf 'it'")
        before = independent_digest(lab)
        cli.upgrade("7.1.0").expect(0)
        assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]
        assert "Pending" not in lab.artisan("migrate:status").stdout
        assert down.exists()
        assert not (lab.instance / "bootstrap/cache/config.php").exists()
        cli.run("rollback", "latest", "--yes").expect(0)
        assert independent_digest(lab) == before
        assert down.exists()
        assert (lab.instance / "bootstrap/cache/config.php").read_bytes() == cached
        assert not leftovers(lab.directory, cli.state)
        assert not processes_of(newest(cli))
    finally:
        Lab.stop_in(place / "-it's a lab, really=1")
        shutil.rmtree(place)


@pytest.mark.wide
def test_names_that_a_shell_would_obey(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("sqlite", "6.3.0")
    hostile = lab.directory / "opt" / '$(touch pwned);"q" `touch pwned`\n-x é'
    lab.instance.rename(hostile)
    database = hostile / "storage/databases/database.sqlite"
    database.rename(lab.directory / "opt" / "database.sqlite")
    env = setting("DB_DATABASE", str(lab.directory / "opt" / "database.sqlite"))
    (hostile / ".env").write_bytes(env((hostile / ".env").read_bytes()))
    shutil.chown(lab.directory / "opt", OWNER, OWNER)
    state = tmp_path / "state"
    cli = Cli(lab, state)
    before = {name: text for name, text in everything(hostile).items() if "/.git/" not in name}
    for form in ("text", "md", "json", "sh"):
        ended = cli.run("plan", str(hostile), "--to", "7.1.0", "--format", form).expect(0)
        assert "Traceback" not in ended.err
    script = tmp_path / "upgrade.sh"
    script.write_text(ended.out)
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    up = ("upgrade", str(hostile), "--to", "7.1.0", "--yes", *ACCEPT_PHP)
    cli.run(*up).expect(NO_ADDRESS)
    cli.run("rollback", "latest", "--yes").expect(0)
    assert set(before) == {
        name for name in everything(hostile) if "/.git/" not in name and "/storage/framework/" not in name
    } | {name for name in before if "/storage/framework/" in name}
    assert not list(lab.directory.rglob("pwned"))
    assert not Path("pwned").exists()
    assert not leftovers(lab.directory, state)


def test_a_tag_clone_on_a_mount_point_and_what_users_wrote(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("sqlite", "6.3.0", variant="tag-clone")
    cli = Cli(lab, tmp_path / "state")
    with (lab.instance / ".env").open("a") as file:
        file.write("BROADCAST_DRIVER=log\n")
    incoming = lab.git("ls-tree", "-r", "--name-only", "HEAD").stdout
    subprocess.run(["mount", "--bind", str(lab.instance), str(lab.instance)], check=True)
    try:
        assert "composer.json" in incoming
        before = independent_digest(lab)
        cli.upgrade("7.4.0").expect(NO_ADDRESS)
        env = (lab.instance / ".env").read_text()
        assert "BROADCAST_DRIVER=log\n" in env
        assert "BROADCAST_CONNECTION=log\n" in env
        assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.4.0"]
        assert lab.git("symbolic-ref", "-q", "HEAD").returncode != 0
        lab.query("update user set first_name = 'since the upgrade' where id = 1")
        lab.query("insert into role (name, is_active) values ('made since the upgrade', 1)")
        after = independent_digest(lab)
        ended = cli.run("rollback", "latest").expect(2)
        assert "role: 1 row more" in ended.err
        assert re.search(r"user: \d+ rows, some of them changed", ended.err)
        assert "--yes" in ended.err
        assert independent_digest(lab) == after
        ended = cli.run("rollback", "latest", "--yes").expect(0)
        assert "role: 1 row more" in ended.err
        assert independent_digest(lab) == before
        assert not leftovers(lab.directory, cli.state)
    finally:
        subprocess.run(["umount", str(lab.instance)], check=True)


@pytest.mark.wide
def test_untracked_files_in_the_way_come_back(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("sqlite", "6.3.0")
    cli = Cli(lab, tmp_path / "state")
    new = lab.git("ls-remote", "origin", "refs/tags/7.1.0").stdout.split()[0]
    git = ("git", "-c", "safe.directory=*", "-C", str(lab.origin))
    listing = subprocess.run(
        [*git, "ls-tree", "-r", "--name-only", new], check=True, capture_output=True, text=True
    )
    tracked = lab.git("ls-files").stdout.splitlines()
    clash = next(name for name in listing.stdout.splitlines() if name not in tracked)
    mine = lab.instance / clash
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine\n")
    shutil.chown(mine, OWNER, OWNER)
    before = independent_digest(lab)
    ended = cli.upgrade("7.1.0").expect(NO_ADDRESS)
    assert "[untracked-in-the-way]" in ended.err
    assert clash in ended.err
    assert mine.read_text() != "mine\n"
    cli.run("rollback", "latest", "--yes").expect(0)
    assert independent_digest(lab) == before


def of_root(lab: Lab) -> tuple[dict[str, str], list[str]]:
    """Describe a tree that the lab's own account cannot read: files without what the application writes, and rows."""
    volatile = ("/.git/", "/storage/framework/", "/storage/logs/", "/database.sqlite")
    files = {
        name: " ".join(text.split()[:2] + text.split()[3:])
        for name, text in everything(lab.instance).items()
        if not any(part in name for part in volatile)
    }
    assert lab.database.path is not None
    with closing(sqlite3.connect(lab.database.path)) as connection:
        return files, list(connection.iterdump())


def test_a_tree_of_root(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("sqlite", "6.3.0")
    subprocess.run(["chown", "-R", "root:root", str(lab.instance), str(lab.origin)], check=True)
    cli = Cli(lab, tmp_path / "state")
    before = of_root(lab)
    ended = cli.upgrade("7.1.0").expect(NO_ADDRESS)
    assert "[owner-root]" in ended.err
    cli.run("rollback", "latest", "--yes").expect(0)
    assert of_root(lab) == before


def test_stop_leaves_it_as_it_is_and_both_ways_lead_out(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("sqlite", "6.3.0")
    cli = Cli(lab, tmp_path / "state")
    before, names = independent_digest(lab), set(tables(lab))
    lab.fail_migration(True)
    for way in ("rollback", "resume"):
        ended = cli.upgrade("7.1.0", "--on-failure", "stop").expect(1)
        assert "left as it is" in ended.out
        assert f"dfwizard resume {newest(cli).id}" in ended.out
        assert f"dfwizard rollback {newest(cli).id}" in ended.out
        assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]
        assert (lab.instance / "storage/framework/down").exists()
        half = set(tables(lab)) - names
        assert half
        if way == "rollback":
            cli.run("rollback", "latest", "--yes").expect(0)
            lab.fail_migration(False)
            assert independent_digest(lab) == before
            lab.fail_migration(True)
    lab.fail_migration(False)
    for table in half:
        lab.query(f'drop table "{table}"')
    cli.run("resume", "latest").expect(NO_ADDRESS)
    assert not (lab.instance / "storage/framework/down").exists()
    assert "Pending" not in lab.artisan("migrate:status").stdout
    assert not leftovers(lab.directory, cli.state)


def step_begins(run: Run, step: str) -> int:
    """Wait until `step` is at work and give the runner's process id."""
    for update in follow(run, poll=0.005):
        event = update.record.event if isinstance(update, EventSeen) else None
        if isinstance(event, ev.StepStarted) and event.step == step:
            assert isinstance(update, EventSeen)
            assert update.state.runner is not None
            return update.state.runner.pid
    raise AssertionError(f"the step {step} was never seen at work")


def test_pause_continue_sigterm_and_a_full_disk(start_lab: StartLab, tmp_path: Path) -> None:
    lab = start_lab("sqlite", "6.3.0")
    with small_disk(tmp_path / "state disk", "200m") as disk:
        cli = Cli(lab, disk)
        before = independent_digest(lab)
        cli.upgrade("7.1.0", "--detach", "--on-failure", "stop").expect(0)
        run = newest(cli)
        cli.run("decide", "latest", "pause").expect(0)
        for update in follow(run, poll=0.01):
            if isinstance(update, EventSeen) and isinstance(update.record.event, ev.Paused):
                break
        listed = json.loads(cli.run("runs", "--json").out)
        assert [row["outcome"] for row in listed] == [None]
        cli.run("decide", "latest", "continue").expect(0)
        os.kill(step_begins(run, "composer-7.1.0"), signal.SIGTERM)
        cli.run("attach").expect(1)
        assert not processes_of(run)
        assert [row["state"] for row in json.loads(cli.run("runs", "--json").out)] == ["interrupted"]
        filler = disk / "filler"
        with filler.open("wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass
        ended = cli.run("resume", "latest")
        assert ended.code in (1, 5), ended.err
        assert "space" in ended.err + ended.out
        assert "Traceback" not in ended.err
        assert not processes_of(run)
        filler.unlink()
        ended = cli.run("resume", "latest")
        if ended.code == 2:
            assert independent_digest(lab) == before
        else:
            ended.expect(NO_ADDRESS)
            assert lab.git("rev-parse", "HEAD").stdout.strip() == lab.commits["7.1.0"]
        assert not leftovers(lab.directory, disk)
