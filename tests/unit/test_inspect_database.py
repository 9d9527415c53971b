"""Which system database `.env` means, by DreamFactory's rules; and the answers of the probe on SQLite."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard.errors import UsageError
from dfwizard.instance.database import DatabaseSettings, settings

PATH = "/opt/dreamfactory"

OLD_CONFIG = """<?php return ['default' => env('DB_CONNECTION', env('DB_DRIVER', 'sqlite')), 'connections' => [
  // don't [count this
  'mysql' => ['driver' => 'mysql', 'write' => env('DB_WRITE_HOST') ? ['host' => [env('DB_WRITE_HOST')]] : null],
  'pgsql' => ['driver' => 'pgsql', 'url' => env('DATABASE_URL', null)],
]];"""


@pytest.mark.parametrize(
    ("database", "file"),
    [
        (None, "/opt/dreamfactory/database/database.sqlite"),
        ("bare.sqlite", "/opt/dreamfactory/storage/databases/bare.sqlite"),
        ("/srv/a b.sqlite", "/srv/a b.sqlite"),
        ("storage/x.sqlite", "/opt/dreamfactory/storage/x.sqlite"),
    ],
)
def test_sqlite_paths(database: str | None, file: str) -> None:
    values = {} if database is None else {"DB_DATABASE": database}
    found = settings(values, PATH)
    assert (found.driver, found.file, found.address) == ("sqlite", file, file)
    assert bool(found.notes) == (database is not None and "/" in database and not database.startswith("/"))


def test_sqlite_storage_for_bare_names() -> None:
    found = settings({"DB_CONNECTION": "sqlite", "DB_DATABASE": "x", "DF_SQLITE_STORAGE": "/srv/db"}, PATH)
    assert found.file == "/srv/db/x"


def test_defaults_per_driver() -> None:
    mysql = settings({"DB_CONNECTION": "mysql"}, PATH)
    assert (mysql.host, mysql.port, mysql.name, mysql.charset) == (
        "127.0.0.1",
        3306,
        "dreamfactory",
        "utf8mb4",
    )
    pgsql = settings({"DB_CONNECTION": "pgsql", "DB_PORT": "5433"}, PATH)
    assert (pgsql.port, pgsql.schema, pgsql.sslmode, pgsql.charset) == (5433, "public", "prefer", "utf8")
    assert settings({"DB_CONNECTION": "mariadb"}, PATH).driver == "mysql"


def test_which_keys_count_depends_on_the_release() -> None:
    old = {"DB_DRIVER": "mysql", "DB_DATABASE": "x"}
    assert settings(old, PATH, (6, 3, 0)).driver == "mysql"
    assert settings(old, PATH, (7, 0, 1)).driver == "sqlite"
    assert settings(old, PATH, config=OLD_CONFIG).driver == "mysql"
    assert settings(old, PATH, config="<?php return [];").driver == "sqlite"
    url = {"DB_CONNECTION": "pgsql", "DATABASE_URL": "pgsql://u:p@old/a", "DB_URL": "pgsql://u:p@new/b"}
    assert settings(url, PATH, (6, 3, 0)).host == "old"
    assert settings(url, PATH, (7, 1, 0)).host == "new"
    assert settings(url, PATH, config=OLD_CONFIG).host == "old"
    assert settings({**url, "DB_CONNECTION": "mysql"}, PATH, config=OLD_CONFIG).host == "127.0.0.1"


def test_the_host_that_is_written_to_counts() -> None:
    found = settings(
        {"DB_CONNECTION": "mysql", "DB_WRITE_HOST": "w", "DB_READ_HOST": "r"}, PATH, config=OLD_CONFIG
    )
    assert found.host == "w"
    assert found.notes


def test_laravels_words_for_values() -> None:
    found = settings(
        {"DB_CONNECTION": "mysql", "DB_PASSWORD": "null", "DB_USERNAME": "(empty)", "DB_DATABASE": None}, PATH
    )
    assert (found.password.value, found.user, found.name) == (b"", "", "dreamfactory")


def test_url_parts_are_decoded() -> None:
    url = "postgres://us%40er:p%2F%3Aw@Db.Example:5999/na%20me?sslmode=require&search_path=own"
    found = settings({"DB_CONNECTION": "pgsql", "DB_URL": url}, PATH, (7, 1, 0))
    assert (found.user, found.password.value, found.host, found.port) == (
        "us@er",
        b"p/:w",
        "Db.Example",
        5999,
    )
    assert (found.name, found.sslmode, found.schema) == ("na me", "require", "own")


@pytest.mark.parametrize(
    "values",
    [
        {"DB_CONNECTION": "oracle"},
        {"DB_CONNECTION": "mysql", "DB_PORT": "33o6"},
        {"DB_CONNECTION": "mysql", "DB_PORT": "70000"},
        {"DB_CONNECTION": "pgsql", "DB_URL": "pgsql://h:port/x", "DATABASE_URL": "pgsql://h:port/x"},
        {"DB_CONNECTION": "pgsql", "DATABASE_URL": "ftp://h/x"},
    ],
)
def test_what_cannot_be_meant_is_said(values: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        settings(values, PATH)
    assert caught.value.remedy


@given(st.text(min_size=5), st.sampled_from(["mysql", "pgsql"]))
def test_the_password_is_never_shown(password: str, driver: str) -> None:
    found = settings({"DB_CONNECTION": driver, "DB_PASSWORD": f"canary-{password}"}, PATH)
    assert "canary" not in f"{found!r}{found}"


def test_another_database_on_the_same_server() -> None:
    found = DatabaseSettings("mysql", "a", host="h").named("b")
    assert (found.name, found.host) == ("b", "h")
