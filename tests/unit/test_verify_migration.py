"""The five points of the guide's verification: what differs is named, and explained or flagged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from dfwizard import codec
from dfwizard.rules import load
from dfwizard.verification.contents import compare_contents, with_contents
from dfwizard.verification.migration import compare_migration
from dfwizard.verification.picture import WIDTH, Credential, MigrationPicture, TablePicture
from dfwizard.verification.result import Check, Verdict, Verification

RULES = load()
Row = Mapping[str, str | None]


def table(rows: Mapping[str, Row], *, name: str = "name", columns: tuple[str, ...] = ()) -> TablePicture:
    """A table with rows by key, as the probe gives it."""
    names = columns or tuple(sorted({column for row in rows.values() for column in row}))
    named = {
        key: (row.get(name) or f"id {key}", "".join(digest(row.get(column)) for column in names))
        for key, row in rows.items()
    }
    whole = hashlib.sha256(repr(sorted(named.items())).encode()).hexdigest()[:32]
    return TablePicture(len(rows), names, whole, named)


def digest(value: str | None) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:WIDTH]


def picture(tables: Mapping[str, TablePicture], *credentials: Credential, key: str = "k") -> MigrationPicture:
    return MigrationPicture("2026-11-28T00:00:00+00:00", "10.11.19-MariaDB", key, tables, credentials)


USERS: dict[str, Row] = {
    "1": {"email": "ada@example.com", "password": "$2y$10$a", "is_active": "1"},
    "2": {"email": "sean@example.com", "password": "$2y$10$b", "is_active": "1"},
}
APPS: dict[str, Row] = {
    "1": {"name": "admin", "api_key": "rotated", "is_active": "0", "role_id": None},
    "4": {"name": "shop", "api_key": "own", "is_active": "1", "role_id": "2"},
}
SERVICES: dict[str, Row] = {"1": {"name": "system", "type": "system"}, "9": {"name": "crm", "type": "pgsql"}}
CONFIGS: dict[str, Row] = {"9": {"connection": "secret"}}
PROVEN = Credential("sql_db_config", "connection", "service_id 9", "proven")
BEFORE = picture(
    {
        "user": table(USERS, name="email"),
        "app": table(APPS),
        "service": table(SERVICES),
        "sql_db_config": table(CONFIGS),
        "event_script": table({"a.get": {"name": "a.get", "content": "1"}}),
        "migrations": table({"1": {"name": "create"}}),
        "jobs": TablePicture(3, ("id",), None, None),
        "own_table": TablePicture(5, ("id",), "d" * 32, None),
    },
    PROVEN,
)


def compared(
    after: MigrationPicture, before: MigrationPicture = BEFORE, to: str = "7.1.0", frm: str = "6.3.0"
) -> dict[str, Check]:
    verification = verified(after, before, to, frm)
    return {check.id: check for check in verification.checks}


def verified(
    after: MigrationPicture, before: MigrationPicture = BEFORE, to: str = "7.1.0", frm: str = "6.3.0"
) -> Verification:
    releases = {tag: RULES.resolve(tag) for tag in (frm, to)}
    return compare_migration(
        before, after, source_release=releases[frm], target_release=releases[to], rules=RULES
    )


def with_table(name: str, made: TablePicture, picture: MigrationPicture = BEFORE) -> MigrationPicture:
    return replace(picture, tables={**picture.tables, name: made})


def test_the_same_is_ok_at_every_point_in_the_guides_order() -> None:
    verification = verified(BEFORE)
    assert verification.verdict is Verdict.OK
    order = ["accounts", "apis", "scripts", "connections", "credentials", "settings", "rest"]
    assert [check.id for check in verification.checks] == order
    assert compared(BEFORE)["accounts"].before == "2 tables, 4 rows"


def test_a_lost_account_and_another_password_hash_are_failures_by_name() -> None:
    users = {"1": {**USERS["1"], "password": "$2y$12$z"}}
    checks = compared(with_table("user", table(users, name="email")))
    assert checks["accounts"].verdict is checks["accounts:user"].verdict is Verdict.FAILED
    assert "Lost: sean@example.com." in checks["accounts:user"].explanation
    assert "Another password hash: ada@example.com." in checks["accounts:user"].explanation
    assert checks["apis"].verdict is Verdict.OK


def test_new_columns_do_not_count_and_gone_ones_do() -> None:
    wider = {key: {**row, "adldap": "x", "zz": "1"} for key, row in USERS.items()}
    assert "accounts:user" not in compared(with_table("user", table(wider, name="email")))
    narrow = {key: {"email": row["email"], "password": row["password"]} for key, row in USERS.items()}
    check = compared(with_table("user", table(narrow, name="email")))["accounts:user"]
    assert check.verdict is Verdict.WARNING
    assert "is_active" in check.explanation


def test_what_the_seeder_resets_is_explained_and_nothing_else() -> None:
    apps = {"1": {**APPS["1"], "api_key": "factory", "is_active": "1"}, "4": APPS["4"]}
    check = compared(with_table("app", table(apps)))["accounts:app"]
    assert check.verdict is Verdict.EXPECTED
    assert "admin" in check.explanation
    assert "--seed" in check.explanation
    apps["1"] = {**apps["1"], "role_id": "7"}
    apps["4"] = {**APPS["4"], "api_key": "other"}
    check = compared(with_table("app", table(apps)))["accounts:app"]
    assert check.verdict is Verdict.WARNING
    assert "Changed without a known reason: admin (role_id)." in check.explanation
    assert "shop (api_key)" in check.explanation


@pytest.mark.parametrize(("to", "verdict"), [("7.7.0", Verdict.EXPECTED), ("7.6.0", Verdict.WARNING)])
def test_a_service_that_a_release_adds_is_explained_from_it_on(to: str, verdict: Verdict) -> None:
    services = {**SERVICES, "12": {"name": "api_builder", "type": "api_builder"}}
    configs = {**CONFIGS, "12": {"connection": "new"}}
    after = with_table("sql_db_config", table(configs), with_table("service", table(services)))
    checks = compared(after, to=to)
    assert checks["apis:service"].verdict is verdict
    # What belongs to a service that is new follows it, explained or not.
    assert checks["connections:sql_db_config"].verdict is Verdict.EXPECTED
    alone = with_table("sql_db_config", table(configs))
    assert compared(alone, to=to)["connections:sql_db_config"].verdict is Verdict.WARNING


def test_a_script_that_changed_is_flagged_by_name_and_column() -> None:
    check = compared(with_table("event_script", table({"a.get": {"name": "a.get", "content": "2"}})))
    assert check["scripts:event_script"].verdict is Verdict.WARNING
    assert "a.get (content)" in check["scripts:event_script"].explanation


def test_tables_that_are_gone_new_volatile_or_counted_only() -> None:
    tables = dict(BEFORE.tables)
    del tables["service"]
    tables["mqtt_config"] = table({})
    tables["api_builder_api"] = table({"1": {"name": "x"}})
    tables["jobs"] = TablePicture(0, ("id",), None, None)
    tables["own_table"] = TablePicture(5, ("id",), "e" * 32, None)
    tables["migrations"] = table({"1": {"name": "create"}, "2": {"name": "more"}})
    checks = compared(replace(BEFORE, tables=tables))
    assert checks["apis:service"].verdict is Verdict.FAILED
    assert checks["apis:api_builder_api"].verdict is Verdict.EXPECTED
    assert "mqtt_config" in checks["apis"].explanation
    assert "apis:mqtt_config" not in checks
    assert "rest:jobs" not in checks
    assert checks["rest:own_table"].verdict is Verdict.WARNING
    assert checks["settings:migrations"].verdict is Verdict.EXPECTED
    fewer = with_table("own_table", TablePicture(4, ("id",), "e" * 32, None))
    assert compared(fewer)["rest:own_table"].verdict is Verdict.FAILED


def test_credentials_are_proven_or_named() -> None:
    wrong = replace(PROVEN, state="wrong")
    bare = replace(BEFORE, credentials=())
    for after, before, verdict in (
        (BEFORE, BEFORE, Verdict.OK),
        (bare, bare, Verdict.OK),
        (bare, BEFORE, Verdict.FAILED),
        (replace(BEFORE, credentials=(wrong,)), BEFORE, Verdict.FAILED),
        (replace(BEFORE, credentials=(wrong,)), replace(BEFORE, credentials=(wrong,)), Verdict.WARNING),
        (BEFORE, replace(BEFORE, credentials=(PROVEN, PROVEN)), Verdict.WARNING),
        (replace(BEFORE, credentials=(replace(PROVEN, state="no-mac"),)), BEFORE, Verdict.WARNING),
    ):
        assert compared(after, before)["credentials"].verdict is verdict
    check = compared(replace(BEFORE, credentials=(wrong,), key="other"))["credentials"]
    assert "sql_db_config.connection of service_id 9" in check.explanation
    assert "not the key that they were stored with" in check.explanation


def test_a_picture_survives_json() -> None:
    assert codec.loads(MigrationPicture, codec.dumps(BEFORE)) == BEFORE


def test_every_table_of_the_rules_belongs_to_a_point_or_comes_and_goes() -> None:
    tables = RULES.tables
    lacking = [rule.name for rule in tables.tables if not rule.volatile and not tables.point_of(rule.name)]
    assert lacking == []


def test_contents_of_an_upgrade_take_the_place_of_the_counts_of_their_tables() -> None:
    after = replace(
        BEFORE,
        tables={
            **BEFORE.tables,
            "service": table({**SERVICES, "12": {"name": "api_builder", "type": "api_builder"}}),
            "event_script": table({"a.get": {"name": "a.get", "content": "2"}}),
            "user": table({**USERS, "2": {**USERS["2"], "password": "$2y$12$c"}}, name="email"),
        },
    )
    contents = compare_contents(
        BEFORE, after, came_from=RULES.resolve("6.3.0"), release=RULES.resolve("7.7.0"), rules=RULES
    )
    counted = Verification(
        "7.7.0",
        False,
        tuple(
            Check(identity, identity, "1", "2", Verdict.EXPECTED)
            for identity in (
                "commit",
                "rows",
                "rows:service",
                "rows:own_table",
                "names:role",
                "names",
                "app-key",
            )
        ),
    )
    found = {check.id: check for check in with_contents(counted, contents, RULES.tables).checks}
    assert list(found)[:2] == ["commit", "rows"]
    assert list(found)[-3:] == ["rows:own_table", "names", "app-key"]
    assert not {"rows:service", "names:role", "rest"} & set(found)
    assert (found["apis:service"].verdict, found["apis:service"].explanation[:17]) == (
        Verdict.EXPECTED,
        "New: api_builder.",
    )
    assert "a.get (content)" in found["scripts:event_script"].explanation
    assert found["accounts:user"].verdict is Verdict.FAILED
    assert "Another password hash: sean@example.com" in found["accounts:user"].explanation
    assert with_contents(counted, (), RULES.tables) == counted
