"""What a migration needs beside `.env` and database: found on a real disk, with sizes, and nothing by default that could do harm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.instance.dotenv import parse
from dfwizard.instance.facts import DirtyFile, Facts
from dfwizard.planning.extras import ExtraFiles, extra_files
from tests.unit import samples
from tests.unit.real_host import HOST


def write(path: Path, size: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "dreamfactory"
    write(tree / "storage/app/uploads/a b", 100)
    write(tree / "storage/app/new\nline", 11)
    write(tree / "storage/app/.gitignore", 500)
    write(tree / "storage/databases/db.sqlite", 40)
    write(tree / "storage/databases/system.sqlite", 9000)
    write(tree / "storage/databases/system.sqlite-wal", 9000)
    write(tree / "storage/wsdl/vendor.wsdl", 7)
    write(tree / "config/app.php", 3)
    write(tree / "public/.htaccess", 5)
    write(tree / "composer.lock", 5)
    write(tree / "keys/own.pem", 6)
    write(tmp_path / "certs/ca.pem", 8)
    return tree


def found(tree: Path, env: str = "", **git: object) -> dict[str, ExtraFiles]:
    facts = _facts(tree, **git)
    return {item.path: item for item in extra_files(HOST, facts, parse(env))}


def _facts(tree: Path, **git: object) -> Facts:
    facts = samples.facts()
    assert facts.git is not None
    return replace(
        facts,
        path=str(tree),
        git=replace(facts.git, **{"dirty": (), "untracked": (), **git}),  # type: ignore[arg-type]
        tree=replace(facts.tree, licensed=("composer.lock",), crontabs=("/etc/cron.d/df: * * * * * df x",)),
    )


def test_the_instances_own_data_is_carried_with_sizes(tree: Path) -> None:
    env = "DB_CONNECTION=sqlite\nDB_DATABASE=system.sqlite\n"
    items = found(tree, env)
    assert (items["storage/app"].size, items["storage/app"].files) == (111, 2)
    # The system database itself is moved as a database, not as a file.
    assert (items["storage/databases"].size, items["storage/databases"].files) == (40, 1)
    assert items["storage/app"].default
    assert items["storage/databases"].default
    assert "storage/scripting" not in items


def test_wsdl_files_of_the_release_are_left_to_the_release(tree: Path) -> None:
    assert not found(tree)["storage/wsdl"].default
    assert found(tree, untracked=("storage/wsdl/vendor.wsdl",))["storage/wsdl"].default


def test_changes_of_the_tree_are_listed_and_not_carried(tree: Path) -> None:
    names = ("config/app.php", "public/.htaccess", "composer.lock", "config/gone.php")
    dirty = tuple(DirtyFile(name, " D" if "gone" in name else " M") for name in names)
    items = found(tree, dirty=dirty, untracked=("keys/",))
    assert {*names[:3], "keys"} <= set(items)
    assert "config/gone.php" not in items
    assert not any(items[name].default for name in (*names[:3], "keys"))
    assert "licence" in items["composer.lock"].why


def test_files_named_in_env_are_carried_from_inside_and_listed_from_outside(tree: Path) -> None:
    outside = tree.parent / "certs/ca.pem"
    env = (
        f"MYSQL_ATTR_SSL_CA={outside}\nOWN_KEY={tree}/keys/own.pem\nDF_LANDING_PAGE=/no/such/page\n"
        f"UPLOADS={tree}/storage/app/uploads\nDF_NODEJS_PATH=/usr/bin/env\n"
    )
    items = found(tree, env)
    assert (items["keys/own.pem"].default, items["keys/own.pem"].size) == (True, 6)
    assert (items[str(outside)].default, items[str(outside)].inside) == (False, False)
    assert "MYSQL_ATTR_SSL_CA" in items[str(outside)].why
    assert not {"/no/such/page", "/usr/bin/env", "storage/app/uploads"} & set(items)


def test_cron_jobs_are_listed_only(tree: Path) -> None:
    job = found(tree)["/etc/cron.d/df"]
    assert (job.default, job.inside, job.files) == (False, False, 0)
    assert "* * * * *" in job.why
