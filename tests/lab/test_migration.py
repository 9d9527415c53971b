"""From one real instance to another: verified at the end, the source untouched, the target taken back identically."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfwizard.execution.state import StepStatus
from dfwizard.execution.store import Run
from tests.lab.content import APP_KEY
from tests.lab.databases import Engine
from tests.lab.driving import ACCEPT_PHP, independent_digest, quoted, tables
from tests.lab.fixtures import StartLab
from tests.lab.lab import Lab
from tests.lab.migrating import FILE, NEW_KEY, Pair, rows, start_pair
from tests.lab.processes import OWNER
from tests.lab.test_hostile import everything, leftovers
from tests.lab.test_interruption import kill_runner_in, processes_of
from tests.thorough import wide

pytestmark = pytest.mark.lab

NO_ADDRESS = 4
"""Without a web server HTTP cannot be asked: done with a warning."""
WARNED = 4
"""Done with a warning: of what the services connect to not everything answers."""


@pytest.fixture(scope="module")
def sqlite_pair(start_module_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return start_pair(start_module_lab, "sqlite", tmp_path_factory.mktemp("sqlite") / "state")


@pytest.fixture
def pair(sqlite_pair: Pair) -> Iterator[Pair]:
    """The pair of the module; a test leaves both as they were."""
    before = described(sqlite_pair.source), described(sqlite_pair.target)
    yield sqlite_pair
    assert (described(sqlite_pair.source), described(sqlite_pair.target)) == before


def described(lab: Lab) -> dict[str, str]:
    """Describe an instance by other means than dfwizard's; of SQLite the file itself as well, for nobody writes to it."""
    found = independent_digest(lab)
    if lab.database.path is not None:
        found["rows"] = hashlib.sha256(repr(rows(lab)).encode()).hexdigest()
    return found


def begun_after(pair: Pair) -> Run:
    """Wait for a run that was not there before."""
    before = set((pair.cli.state / "runs").glob("*"))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        new = [path for path in (pair.cli.state / "runs").glob("*") if path not in before]
        begun = [path for path in new if (path / "journal.jsonl").exists() and Run(path).state().runner]
        if begun:
            return Run(begun[0])
        time.sleep(0.02)
    raise AssertionError("no run began")


def is_taken_over(pair: Pair) -> None:
    """See by other means than dfwizard's that the target has what the source has."""
    source, target = pair.source, pair.target
    env = (target.instance / ".env").read_text()
    assert f"APP_KEY={APP_KEY}\n" in env
    assert NEW_KEY not in env
    assert set(tables(source)) < set(tables(target))
    for table in ("user", "lookup", "role_service_access", "event_script", "service_doc", "Customer Photos"):
        columns = "*" if table not in ("user",) else "id, name, email, password"
        sql = f"select {columns} from {{}}"
        theirs, ours = (
            sorted(map(repr, lab.query(sql.format(quoted(lab, table))))) for lab in (source, target)
        )
        assert ours == theirs, table
    assert "Pending" not in target.artisan("migrate:status").stdout
    carried = target.instance / FILE
    assert carried.read_text() == "a;b\n"
    assert (carried.owner(), carried.stat().st_mode & 0o777) == (OWNER, 0o640)
    assert target.git("rev-parse", "HEAD").stdout.strip() == target.commits["7.1.0"]


@pytest.mark.parametrize("engine", ["mariadb", wide("postgresql")])
def test_a_migration_ends_verified_and_is_taken_back_identically(
    start_lab: StartLab, tmp_path: Path, engine: Engine
) -> None:
    pair = start_pair(start_lab, engine, tmp_path / "state", web=True)
    source, target = described(pair.source), described(pair.target)
    ended = pair.migrate("--with", "storage/app").expect(WARNED)
    assert APP_KEY not in ended.out + ended.err
    is_taken_over(pair)
    assert described(pair.source) == source
    checks = json.loads((pair.cli.newest_run() / "verification.json").read_text())["checks"]
    odd = {check["id"]: check["verdict"] for check in checks if check["verdict"] not in ("ok", "expected")}
    # The one's server is nowhere to be found, and the other's file was not carried over.
    assert odd == {"connection:crm": "warning", "connection:inventory": "warning"}
    secrets = (APP_KEY.removeprefix("base64:"), NEW_KEY.removeprefix("base64:"), pair.source.db_password)
    for path in pair.cli.newest_run().rglob("*"):
        text = path.read_text(errors="replace") if path.is_file() else ""
        assert not any(secret in text for secret in secrets), path
    pair.cli.run("rollback", "latest", "--yes").expect(0)
    assert described(pair.target) == target
    assert described(pair.source) == source
    assert not leftovers(pair.source.directory, pair.target.directory, pair.cli.state)


def test_a_sqlite_migration_is_taken_back_identically(pair: Pair) -> None:
    ended = pair.migrate("--json").expect(NO_ADDRESS)
    assert json.loads(ended.out)["kind"] == "migration"
    is_taken_over(pair)
    pair.cli.run("verify", str(pair.target.instance)).expect(NO_ADDRESS)
    pair.cli.run("rollback", "latest", "--yes").expect(0)


def test_a_migration_that_fails_half_way_is_rolled_back(pair: Pair) -> None:
    pair.target.fail_migration(True)
    try:
        ended = pair.migrate().expect(5)
    finally:
        pair.target.fail_migration(False)
    assert "Rolled back" in ended.out
    assert "migrate" in ended.err


def kill_in(pair: Pair, step: str) -> Run:
    """Migrate, and kill the runner while `step` is at work."""
    with pair.cli.start("migrate", *pair.places, "--yes", *ACCEPT_PHP) as client:
        run = begun_after(pair)
        kill_runner_in(run, step)
        client.wait(60)
        assert client.returncode == 1
    return run


@pytest.mark.wide
def test_kill_9_while_the_source_is_saved_is_resumed_to_a_verified_end(pair: Pair) -> None:
    run = kill_in(pair, "source-backup")
    pair.cli.run("resume", "latest").expect(NO_ADDRESS)
    assert not processes_of(run)
    is_taken_over(pair)
    pair.cli.run("rollback", "latest", "--yes").expect(0)


@pytest.mark.wide
def test_kill_9_in_the_migrations_is_resumed_and_what_the_source_got_meanwhile_is_told(pair: Pair) -> None:
    run = kill_in(pair, "migrate-7.1.0")
    note = pair.source.instance / "storage/app/written meanwhile"
    note.write_text("x")
    try:
        ended = pair.cli.run("resume", "latest").expect(NO_ADDRESS)
    finally:
        note.unlink()
    is_taken_over(pair)
    assert "storage/app/written meanwhile is new" in ended.out
    assert run.state().phases[0].step("source-compare").status is StepStatus.DONE
    pair.cli.run("rollback", "latest", "--yes").expect(0)


@pytest.fixture(scope="module")
def mariadb_pair(start_module_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return start_pair(start_module_lab, "mariadb", tmp_path_factory.mktemp("mariadb") / "state")


@pytest.mark.wide
def test_kill_9_in_the_import_is_taken_back(mariadb_pair: Pair) -> None:
    pair = mariadb_pair
    source, target = described(pair.source), described(pair.target)
    kill_in_import(pair)
    pair.cli.run("rollback", "latest", "--yes").expect(0)
    assert (described(pair.source), described(pair.target)) == (source, target)
    assert not leftovers(pair.source.directory, pair.target.directory)


def kill_in_import(pair: Pair) -> None:
    with pair.cli.start("migrate", *pair.places, "--yes", *ACCEPT_PHP, "--with", "storage/app") as client:
        run = begun_after(pair)
        kill_runner_in(run, "import", once=lambda: "user" not in tables(pair.target))
        client.wait(60)
        assert client.returncode == 1


def test_kill_9_in_the_import_is_resumed_and_dates_of_zeros_come_over(mariadb_pair: Pair) -> None:
    pair = mariadb_pair
    target = described(pair.target)
    config = pair.target.instance / "config" / "database.php"
    assert "'strict' => true" in config.read_text()
    pair.source.query(
        "set statement sql_mode='' for create table legacy (seen datetime not null default '0000-00-00')"
    )
    pair.source.query("set statement sql_mode='' for insert into legacy values ('0000-00-00')")
    source = described(pair.source)
    try:
        kill_in_import(pair)
        ended = pair.cli.run("resume", "latest").expect(NO_ADDRESS)
        is_taken_over(pair)
        assert described(pair.source) == source
        assert "config/database.php" in ended.out
        assert "'strict' => false" in config.read_text()
        assert pair.target.query("select cast(seen as char) from legacy") == [("0000-00-00 00:00:00",)]
        pair.cli.run("rollback", "latest", "--yes").expect(0)
        assert described(pair.target) == target
    finally:
        pair.source.query("drop table legacy")


def test_the_sources_own_server_is_refused_under_another_name(mariadb_pair: Pair) -> None:
    kept = (mariadb_pair.target.instance / ".env").read_bytes()
    try:
        port = str(mariadb_pair.source.database.port)
        for name in ("127.0.0.1", "127.1"):
            set_keys(mariadb_pair.target, DB_HOST=name, DB_PORT=port)
            refused(mariadb_pair, "same-database")
    finally:
        (mariadb_pair.target.instance / ".env").write_bytes(kept)


@pytest.mark.wide
def test_another_kind_of_database_is_refused(sqlite_pair: Pair, mariadb_pair: Pair) -> None:
    mixed = Pair(sqlite_pair.source, mariadb_pair.target, mariadb_pair.cli)
    refused(mixed, "engine-mismatch")


def test_a_plan_changes_nothing_and_shows_every_host_and_no_secret(pair: Pair) -> None:
    before = everything(pair.source.instance), everything(pair.target.instance)
    runs = sorted(pair.cli.state.rglob("*"))
    text = pair.plan("--with", "storage/app").expect(NO_ADDRESS).out
    assert "on: localhost (source)" in text
    assert "on: localhost (target)" in text
    assert "APP_KEY: from the source" in text
    data = json.loads(pair.plan("--json").expect(NO_ADDRESS).out)
    assert data["plan"]["source"] == str(pair.source.instance)
    sides = {step["id"]: step["side"] for step in data["plan"]["steps"]}
    assert (sides["source-backup"], sides["import"]) == ("source", "target")
    runbook = pair.plan("--format", "md").expect(NO_ADDRESS).out
    assert f"From `{pair.source.instance}`, which is only read." in runbook
    assert "no terminal to ask at" in pair.cli.run("migrate", *pair.places, *ACCEPT_PHP).expect(2).err
    assert "no shell script" in pair.plan("--format", "sh").expect(2).err
    for said in (text, json.dumps(data), runbook):
        assert APP_KEY.removeprefix("base64:") not in said
        assert NEW_KEY.removeprefix("base64:") not in said
    assert (everything(pair.source.instance), everything(pair.target.instance)) == before
    assert sorted(pair.cli.state.rglob("*")) == runs


def refused(pair: Pair, finding: str, *more: str) -> None:
    """Try to migrate; it has to be refused by this finding, with nothing changed."""
    before = described(pair.source), described(pair.target)
    runs = len(list(pair.cli.state.glob("runs/*")))
    ended = pair.migrate(*more).expect(3)
    said = f"{ended.err}\n{ended.out}"
    assert f"[{finding}]" in said
    assert "nothing was changed" in said
    assert (described(pair.source), described(pair.target)) == before
    assert len(list(pair.cli.state.glob("runs/*"))) == runs


def set_keys(lab: Lab, **values: str) -> None:
    """Set keys of a lab's `.env` where they stand, or at its end."""
    path = lab.instance / ".env"
    lines = [line for line in path.read_text().splitlines() if line.partition("=")[0] not in values]
    path.write_text("\n".join([*lines, *(f'{key}="{value}"' for key, value in values.items())]) + "\n")


@pytest.fixture
def env_restored(pair: Pair) -> Iterator[None]:
    kept = {lab: (lab.instance / ".env").read_bytes() for lab in (pair.source, pair.target)}
    yield
    for lab, data in kept.items():
        (lab.instance / ".env").write_bytes(data)


@pytest.mark.usefixtures("env_restored")
def test_the_sources_own_sqlite_file_is_refused_under_another_path(pair: Pair) -> None:
    alias = pair.target.directory / "alias"
    alias.symlink_to(pair.source.instance / "storage")
    try:
        set_keys(pair.target, DB_DATABASE=str(alias / "databases" / "database.sqlite"))
        refused(pair, "same-database")
    finally:
        alias.unlink()


def test_what_cannot_be_is_refused(pair: Pair) -> None:
    assert "cannot be chosen otherwise" in pair.migrate("--env-keep", "APP_KEY").expect(2).err
    assert "no such file" in pair.migrate("--with", "storage/nothing").expect(2).err
    refused(pair, "dotenv-database", "--env-carry", "DB_DATABASE")
    backwards = ("--from", str(pair.target.instance), "--to", str(pair.source.instance))
    ended = pair.cli.run("migrate", *backwards, "--dry-run", *ACCEPT_PHP).expect(3)
    assert "[target-older]" in ended.out
    assert "[target-not-empty]" in ended.out
    same = ("--from", str(pair.source.instance), "--to", str(pair.source.instance))
    assert "one instance" in pair.cli.run("migrate", *same, "--yes").expect(3).err


@pytest.mark.usefixtures("env_restored")
def test_a_source_key_that_does_not_open_its_data_is_refused(pair: Pair) -> None:
    set_keys(pair.source, APP_KEY=NEW_KEY)
    ended = pair.plan().expect(3)
    assert "[source-app-key]" in ended.out
