"""The checks of PHP over several stops, of owners that only root can give back, and of the database server's disk."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from dfwizard.instance.facts import Space
from dfwizard.instance.space import DATABASE_SERVER
from dfwizard.planning.checks import Context, Needs, check
from dfwizard.planning.findings import Finding, Severity, blockers, counted
from dfwizard.planning.plan import EditDotenv
from dfwizard.planning.upgrade import road

from . import samples

MB = 1_000_000
EDIT = EditDotenv({"CACHE_STORE": "redis"}, "+CACHE_STORE=redis\n")


def findings(
    frm: str = "6.3.0",
    to: str = "7.1.0",
    php: str = "8.3.10",
    needs: tuple[Needs, ...] = (),
    windows: dict[str, str] | None = None,
    **changes: Any,
) -> dict[str, Finding]:
    """Check an upgrade of an invented instance; `windows` are the constraints on PHP by release."""
    found = samples.facts(frm, php=php, **changes)
    installed, way = road(found, samples.RULES, to)
    origin = samples.origin(*(release.tag for release in way))
    targets = tuple(
        replace(one, php={"(root)": windows[one.tag]}) if windows and one.tag in windows else one
        for one in origin.targets
    )
    context = Context(
        found,
        replace(origin, targets=targets),
        samples.RULES,
        installed,
        way,
        samples.plan(found, to, EDIT),
        needs,
    )
    return {one.id: one for one in check(context)}


def test_one_php_that_runs_every_stop_is_named() -> None:
    found = findings("5.4.1", php="7.4.3", windows={"6.3.0": "^8.1", "7.1.0": "^8.2"})["php-window"]
    assert found.remedy.startswith("Install PHP 8.2 for command line and FPM")
    assert "php8.2-fpm" in found.remedy
    assert "No PHP runs every stop" not in found.remedy


def test_where_no_php_runs_every_stop_the_way_is_told_leg_by_leg() -> None:
    windows = {"6.3.0": "~8.1.0 || ~8.2.0", "7.1.0": "^8.3"}
    found = findings("5.4.1", php="8.1.2", windows=windows)["php-window"]
    assert (
        "No PHP runs every stop: upgrade to 6.3.0 with PHP 8.1 first, then install PHP 8.3 and upgrade to 7.1.0."
        in found.remedy
    )
    other = findings("5.4.1", php="7.4.3", windows=windows)["php-window"]
    assert (
        "install PHP 8.1 and upgrade to 6.3.0 first, then install PHP 8.3 and upgrade to 7.1.0."
        in other.remedy
    )


@pytest.mark.parametrize("frm", ["4.14.1", "5.4.1", "6.3.0"])
@pytest.mark.parametrize("php", ["7.4.3", "8.1.2", "8.2.36"])
def test_the_remedy_names_a_php_that_its_own_stops_allow(frm: str, php: str) -> None:
    windows = {"5.4.1": "~7.4.0 || ~8.0.0", "6.3.0": "~8.1.0", "7.1.0": "^8.3"}
    remedy = findings(frm, php=php, windows=windows)["php-window"].remedy
    legs = re.findall(r"upgrade to ([\d.]+\d) with PHP ([\d.]+\d)", remedy)
    legs += [
        (tag, minor) for minor, tag in re.findall(r"install PHP ([\d.]+\d) and upgrade to ([\d.]+\d)", remedy)
    ]
    allowed = {"5.4.1": {"7.4", "8.0"}, "6.3.0": {"8.1"}, "7.1.0": {"8.3"}}
    assert all(minor in allowed[tag] for tag, minor in legs)
    assert ({tag for tag, _ in legs} == set()) == (frm == "6.3.0")
    assert "Install PHP 8.3" in remedy or ("7.1.0", "8.3") in legs


@pytest.mark.parametrize(("me", "blocks"), [("dreamfactory", True), ("root", False)])
def test_files_of_others_block_whoever_cannot_give_them_back(me: str, blocks: bool) -> None:
    tree = replace(samples.facts().tree, foreign=("storage/app/upload.txt", "bad\nname"))
    found = findings(tree=tree, me=me)
    assert ("owners-not-restorable" in found) is blocks
    if blocks:
        one = found["owners-not-restorable"]
        assert "storage/app/upload.txt" in one.evidence
        assert one.remedy
        assert [left.id for left in blockers(tuple(found.values()), frozenset())] == ["owners-not-restorable"]
        assert not blockers(tuple(found.values()), frozenset({"owners-not-restorable"}))


def test_an_owner_whose_files_are_all_its_own_may_run_it() -> None:
    assert "owners-not-restorable" not in findings(me="dreamfactory")


def servers_disk(free: int, *more: Space) -> tuple[Space, ...]:
    """Give the spaces where the database server has a disk of its own, reached by a path that lies elsewhere."""
    return (
        Space("/opt/dreamfactory", "/", 50 << 30, 100 << 30, ("instance",)),
        Space("/var/lib/mysql", "/data", free, 100 << 30, (DATABASE_SERVER,)),
        *more,
    )


@pytest.mark.parametrize(("short", "warns"), [(1, True), (0, False)])
def test_a_database_servers_disk_must_bear_twice_the_database(short: int, warns: bool) -> None:
    database = samples.facts().database
    assert database is not None
    assert database.size is not None
    free = 2 * database.size + (64 << 20) - short
    found = findings(space=servers_disk(free, Space("/var/lib", "/var/lib", 5, 10, ("backups",))))
    assert ("scratch-space" in found) is warns
    if warns:
        assert found["scratch-space"].severity is Severity.WARNING
        assert "/data" in found["scratch-space"].title


def test_what_else_is_written_to_the_servers_disk_counts_there() -> None:
    spaces = (Space("/opt/dreamfactory", "/", 1000 * MB, 2000 * MB, ("instance", DATABASE_SERVER)),)
    needs = Needs("/var/backups/one", 950 * MB, "the backup")
    assert "scratch-space" not in findings(space=spaces)
    found = findings(space=spaces, needs=(needs,))
    assert found["disk-space"].severity is Severity.OK
    assert "950.0 MB for the backup" in found["scratch-space"].evidence


def test_a_database_server_elsewhere_has_a_disk_that_nobody_here_knows() -> None:
    assert "scratch-space" not in findings()


def test_sizes_are_those_of_the_reports() -> None:
    space = (Space("/", "/", 10 * MB, 100 * MB, ("instance",)),)
    found = findings(space=space, needs=(Needs("/var/backups/one", 11_500_000, "the backup"),))
    assert found["disk-space"].title == "/ has 10.0 MB free, 11.5 MB are needed"
    assert found["disk-space"].evidence == ("11.5 MB for the backup",)


def test_one_of_a_thing_is_one() -> None:
    assert [counted(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert findings()["dotenv-keys"].title == ".env gets 1 key more before the code changes"
    outside = findings(php="8.1.2", windows={"7.1.0": "^8.3"})["php-window"].evidence
    assert not any("1 packages" in line for line in outside)
