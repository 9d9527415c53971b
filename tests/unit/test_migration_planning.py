"""The migration's plan and its checks, from facts alone."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dfwizard import codec
from dfwizard.backup.apart import is_same, is_same_server
from dfwizard.instance.facts import DatabaseFacts, Facts, KeyProof
from dfwizard.planning.checks.context import Needs
from dfwizard.planning.checks.migration import MigrationContext, check_migration
from dfwizard.planning.extras import ExtraFiles
from dfwizard.planning.findings import Finding, Severity, blockers
from dfwizard.planning.migration import (
    Migration,
    MigrationShows,
    MigrationWish,
    plan_migration,
    strict_line,
    strict_off,
)
from dfwizard.planning.moves import CarryDotenv, RemoveMarker, Side
from dfwizard.planning.plan import Execute, Plan, Undo
from dfwizard.planning.rollback import plan_rollback
from dfwizard.reports.commands import on
from dfwizard.reports.plan_markdown import plan_markdown
from dfwizard.reports.plan_text import plan_text
from tests.unit import samples

RULES = samples.RULES
OLD, NEW = "admin@old.example.com", "localhost"


def source(**changes: Any) -> Facts:
    return replace(samples.facts("6.3.0"), host=OLD, path="/srv/old", **changes)


def target(**changes: Any) -> Facts:
    made = samples.facts("7.1.0", "8.3.10")
    return replace(made, **changes)


def migration(old: Facts | None = None, new: Facts | None = None, **changes: Any) -> Migration:
    old, new = old or source(), new or target()
    frm, to = (RULES.by_tag(facts.version.release or "") for facts in (old, new))
    assert frm is not None
    assert to is not None
    wish = MigrationWish("/b/new", "/b/old-source", "/b/old-source-carried", "0123abcd", ("storage/app",))
    dotenv = CarryDotenv(wish.carried, "0" * 64, {}, "-APP_KEY=***\n+APP_KEY=***")
    made = Migration(old, new, frm, to, wish, dotenv, shows=MigrationShows(copy=("scp -pr a b",)))
    return replace(made, **changes)


def plan(made: Migration | None = None) -> Plan:
    return plan_migration(made or migration(), RULES)


def context(old: Facts | None = None, new: Facts | None = None, **changes: Any) -> MigrationContext:
    made = migration(old, new)
    return replace(
        MigrationContext(made.source, made.target, RULES, made.frm, made.to, plan(made)), **changes
    )


def found(made: MigrationContext, name: str) -> Finding:
    matching = [finding for finding in check_migration(made) if finding.id == name]
    assert len(matching) == 1, [finding.id for finding in check_migration(made)]
    return matching[0]


def database(**changes: Any) -> DatabaseFacts:
    facts = samples.facts().database
    assert facts is not None
    return replace(facts, **changes)


def test_the_steps_come_in_the_guides_order_with_every_guard_before_what_it_guards() -> None:
    ids = [step.id for step in plan().steps]
    order = [
        "source-record",
        "source-backup",
        "source-dump",
        "transfer",
        "maintenance-on",
        "fingerprint",
        "backup",
        "prove",
        "web-stop",
        "prove-apart",
        "import",
        "dotenv",
        "prove-key",
        "files",
        "compiled-7.1.0",
        "migrate-7.1.0",
        "config-clear-7.1.0",
        "cache-clear-7.1.0",
        "restart-php-fpm",
        "gate-7.1.0",
        "maintenance-off",
        "verify",
        "source-compare",
    ]
    assert [step for step in ids if step in order] == order
    # APP_KEY is in place and proven before artisan is called on what was imported.
    steps = plan().steps[ids.index("import") :]
    artisan = [
        step.id for step in steps if isinstance(step.action, Execute) and "artisan" in step.action.argv
    ]
    assert artisan[0] == "migrate-7.1.0"


def test_nothing_on_the_source_has_to_be_undone_and_nothing_there_is_a_command() -> None:
    for step in plan().steps:
        if step.side is not Side.TARGET:
            assert step.undo is Undo.NOTHING
            assert not isinstance(step.action, Execute)


def test_on_one_host_nothing_is_transferred() -> None:
    made = migration(replace(source(), host=NEW))
    wish = replace(made.wish, carried=made.wish.source_backup)
    assert "transfer" not in [step.id for step in plan(replace(made, wish=wish)).steps]


def test_every_step_says_its_host_in_text_and_runbook() -> None:
    made = plan()
    assert on(made, made.step("source-backup")) == f"{OLD} (source)"
    assert on(made, made.step("import")) == "localhost (target)"
    assert on(made, made.step("transfer")) == f"{OLD} (source) and localhost (target)"
    text, runbook = plan_text(made), plan_markdown(made)
    assert text.count("\n    on: ") == len(made.steps)
    assert runbook.count("\nOn `") == len(made.steps)
    assert f"{OLD}:/srv/old" in text
    assert "-APP_KEY=***" in text
    assert codec.loads(Plan, codec.dumps(made)) == made


def test_a_rollback_restores_the_target_alone() -> None:
    made = plan()
    ids = [step.id for step in made.steps]
    back = plan_rollback(made, ids[: ids.index("migrate-7.1.0") + 1], present_backup="/b/present", token="t")
    assert [step.id for step in back.steps if step.id.startswith("restore")] == [
        "restore-tree",
        "restore-database",
    ]
    assert all(step.side is Side.TARGET for step in back.steps)
    assert "remove-marker" not in [step.id for step in back.steps]


def test_a_proof_cut_off_has_its_marker_removed() -> None:
    made = plan()
    ids = [step.id for step in made.steps]
    back = plan_rollback(made, ids[: ids.index("prove-apart") + 1], present_backup="/b/present")
    marker = next(step for step in back.steps if step.id == "remove-marker")
    assert marker.action == RemoveMarker("0123abcd")
    assert "restore-database" not in [step.id for step in back.steps]


def test_a_good_pair_has_no_blocker() -> None:
    fresh = target(database=database(tables={"user": 1, "service": 7, "migrations": 70}))
    assert not blockers(check_migration(context(new=fresh)), frozenset())


def test_the_findings_of_the_source_say_so() -> None:
    wrong = found(context(source(key=KeyProof("wrong", 4, "lookup.value"))), "source-app-key")
    assert wrong.severity is Severity.BLOCKER
    assert wrong.title.startswith("Source: ")
    room = context(source_needs=(Needs("/opt/dreamfactory", 1 << 50, "the source's backup"),))
    assert found(room, "source-disk-space").severity is Severity.BLOCKER


def test_one_database_is_refused_whatever_is_accepted() -> None:
    made = context(same="both servers say the same of themselves: db1")
    assert found(made, "same-database").severity is Severity.BLOCKER
    assert blockers(check_migration(made), frozenset({"same-database"}))


@pytest.mark.parametrize(
    ("driver", "server", "expected"),
    [
        ("pgsql", "15.4", "engine-mismatch"),
        ("mysql", "8.0.36", "database-server-make"),
        ("mysql", "10.6.1-MariaDB", "database-server-older"),
    ],
)
def test_other_engines_are_refused_and_other_servers_told(driver: str, server: str, expected: str) -> None:
    finding = found(context(new=target(database=database(driver=driver, server=server))), expected)
    assert (finding.severity is Severity.BLOCKER) == (expected == "engine-mismatch")
    assert not finding.acceptable


def test_sql_server_gets_the_guides_way_in_words() -> None:
    sql = database(driver="sqlsrv", reachable=False, server=None)
    finding = found(context(source(database=sql), target(database=sql)), "sql-server")
    assert "BACKUP DATABASE" in finding.remedy
    assert finding.remedy.index("APP_KEY") < finding.remedy.index("artisan migrate")


def test_an_older_target_is_refused() -> None:
    old = replace(samples.facts("7.1.0", "8.3.1"), host=OLD, path="/srv/old")
    new = samples.facts("6.3.0")
    finding = found(context(old, new), "target-older")
    assert finding.severity is Severity.BLOCKER
    assert "upgrade /opt/dreamfactory --to 7.1.0" in finding.remedy


def test_a_target_in_use_must_be_given_up_knowingly() -> None:
    names = {"service": ("crm", "db", "system"), "app": ("admin",), "role": ("reader",)}
    finding = found(context(names=names), "target-not-empty")
    assert finding.acceptable
    assert finding.evidence[:2] == ("service: 1 row (crm)", "role: 1 row (reader)")
    fresh = database(tables={"user": 1, "service": 7, "migrations": 70})
    empty = {"service": ("db", "system"), "app": ("admin",)}
    assert found(context(new=target(database=fresh), names=empty), "target-empty").severity is Severity.OK


def test_what_lies_elsewhere_is_named() -> None:
    extras = (
        ExtraFiles("storage/app", "It holds uploads.", 4096, 2, True),
        ExtraFiles("/etc/ssl/crm.pem", "It is named by a service.", 900, 1, False),
    )
    made = context(extras=extras, files=("storage/app",))
    assert found(made, "files-carried").evidence == ("storage/app: 2 files, 4.1 kB",)
    assert found(made, "files-by-hand").evidence == ("/etc/ssl/crm.pem: It is named by a service.",)
    jobs = source(tree=replace(source().tree, crontabs=("/etc/crontab: * * * * * php /srv/old/artisan",)))
    assert found(context(jobs), "crontabs-to-move").severity is Severity.WARNING
    licensed = source(tree=replace(source().tree, licensed_packages=("dreamfactory/df-mongodb",)))
    assert found(context(licensed), "licence-differs").acceptable


CONFIG = """'connections' => [
        'mysql' => [
            'driver' => 'mysql',
            'options' => [
                'x' => 1,
            ],
            'strict' => true,
        ],
        'other' => [
            'strict' => false,
        ],
"""


def test_strict_mode_is_turned_off_where_the_data_needs_it(tmp_path: Path) -> None:
    assert strict_line(CONFIG, "mysql") == 7
    assert strict_line(CONFIG, "other") is None
    file = tmp_path / "config/database.php"
    file.parent.mkdir()
    file.write_text(CONFIG)
    edit, test = strict_off(replace(target(), path=str(tmp_path)), 7)
    assert [subprocess.run(one.argv, check=False).returncode for one in (test, edit, test)] == [1, 0, 0]
    assert strict_line(file.read_text(), "mysql") is None
    assert file.read_text() == CONFIG.replace("true", "false")
    made = plan(migration(relax=(edit, test)))
    assert made.step("strict-mode").undo is Undo.TREE
    zero = ("legacy.seen (its default)",)
    told = found(replace(context(), plan=made, zero_dates=zero, strict=True), "strict-mode")
    assert told.severity is Severity.WARNING
    assert found(context(zero_dates=zero, strict=True), "strict-mode").severity is Severity.BLOCKER


def test_servers_are_one_only_when_name_and_beginning_agree() -> None:
    one = {"server hostname": "db1", "server port": "3306", "began": "1700000000", "database": "df"}
    assert is_same(one, {**one, "began": "1700000001"})
    assert is_same(one, {**one, "database": "DF"})
    assert not is_same(one, {**one, "database": "other"})
    assert is_same_server(one, {**one, "database": "other"})
    assert not is_same(one, {**one, "began": "1700009999"}), "a copy of the server, started later"
    assert not is_same(one, {**one, "server hostname": "db2"})
    assert not is_same({}, {})
