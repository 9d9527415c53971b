"""Whose files a tree holds, and where a database server on this host keeps its data."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from dfwizard.hosts.local import LocalHost
from dfwizard.instance.asking import Asker, Problems
from dfwizard.instance.database import DatabaseSettings
from dfwizard.instance.space import server_directory
from dfwizard.instance.tree import FOREIGN_SHOWN, tree_facts

from .real_host import as_root

HOST = LocalHost()


def asker(path: Path) -> Asker:
    return Asker(HOST, str(path), HOST.user)


def foreign(path: Path) -> tuple[str, ...]:
    problems = Problems()
    found = tree_facts(asker(path), problems).foreign
    assert problems.lines == []
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = tmp_path / "-[instance] *"
    for name in ("storage/logs", "storage/framework/views", "storage/framework/cache/data", "app"):
        (made / name).mkdir(parents=True)
    (made / "app/own.php").touch()
    return made


@as_root
def test_files_of_another_owner_or_group_are_named(tree: Path) -> None:
    names = ["app/of user", "app/of\ngroup", "storage/logs", "link"]
    for name in ("app/of user", "app/of\ngroup", "storage/logs/php.log", "storage/framework/views/x.php"):
        (tree / name).touch()
        os.chown(tree / name, *((-1, 65534) if "group" in name else (65534, -1)))
    (tree / "link").symlink_to("app/own.php")
    os.chown(tree / "link", 65534, -1, follow_symlinks=False)
    os.chown(tree / "storage/logs", 65534, -1)
    assert sorted(foreign(tree)) == sorted(names)


@as_root
def test_the_first_group_is_that_of_the_trees_owner_not_of_who_looks(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        os.chown(path, 65534, pwd.getpwnam("nobody").pw_gid)
    found = tree_facts(Asker(HOST, str(tree), "nobody"), Problems())
    assert (found.owner, found.foreign) == ("nobody", ())


@as_root
def test_only_the_first_are_kept(tree: Path) -> None:
    for number in range(FOREIGN_SHOWN + 5):
        (tree / f"{number}").touch()
        os.chown(tree / f"{number}", 65534, -1)
    assert len(foreign(tree)) == FOREIGN_SHOWN


def test_a_tree_of_one_account_has_none(tree: Path) -> None:
    assert foreign(tree) == ()


@pytest.mark.parametrize("host", ["", None, "localhost", "127.0.0.1", "::1", "/run/postgresql"])
def test_a_server_on_this_host_keeps_its_data_where_it_says(tmp_path: Path, host: str | None) -> None:
    for driver in ("mysql", "pgsql"):
        settings = DatabaseSettings(driver, "df", host=host, port=3306)
        assert server_directory(asker(tmp_path), settings, str(tmp_path)) == str(tmp_path)


def test_a_server_elsewhere_or_with_its_data_elsewhere_has_no_disk_here(tmp_path: Path) -> None:
    here = str(tmp_path)
    gone = str(tmp_path / "in a container")
    assert server_directory(asker(tmp_path), DatabaseSettings("mysql", "df", host="db.example"), here) is None
    assert server_directory(asker(tmp_path), DatabaseSettings("mysql", "df", host="127.0.0.1"), gone) is None
    assert server_directory(asker(tmp_path), DatabaseSettings("sqlite", "df", file="/x"), here) is None
    over_socket = DatabaseSettings("mysql", "df", host="db.example", socket="/run/mysqld/mysqld.sock")
    assert server_directory(asker(tmp_path), over_socket, here) == here


def test_a_server_that_does_not_say_is_looked_for_where_distributions_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = DatabaseSettings("pgsql", "df", host="127.0.0.1", port=5432)
    monkeypatch.setattr("dfwizard.instance.space._USUAL", {"pgsql": str(tmp_path)})
    assert server_directory(asker(tmp_path), local, None) == str(tmp_path)
    monkeypatch.setattr("dfwizard.instance.space._USUAL", {"pgsql": str(tmp_path / "none")})
    assert server_directory(asker(tmp_path), local, None) is None
