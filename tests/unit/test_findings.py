"""Every finding that there can be: explained in the data, made by a check, and tried both ways, there and not there."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import dfwizard.planning.checks
from dfwizard.cli import main
from dfwizard.instance.facts import (
    Facts,
    KeyProof,
    ServerFacts,
    Space,
    WebFacts,
)
from dfwizard.instance.origin import OriginFacts
from dfwizard.instance.space import DATABASE_SERVER
from dfwizard.planning.catalogue import catalogue, entry
from dfwizard.planning.checks import Context, Needs, ServiceType, check
from dfwizard.planning.checks.migration import check_migration
from dfwizard.planning.extras import ExtraFiles
from dfwizard.planning.findings import Finding, Severity
from dfwizard.planning.plan import EditDotenv
from dfwizard.planning.road import Course
from dfwizard.planning.upgrade import road

from . import samples
from . import test_gates as gates
from . import test_migration_planning as migrations

CHECKS = Path(dfwizard.planning.checks.__file__).parent
SOUND = samples.facts(php="8.3.10")
EDIT = EditDotenv({"CACHE_STORE": "redis"}, "+CACHE_STORE=redis\n")


def _some(value: Any) -> Any:
    assert value is not None
    return value


def git(**changes: Any) -> dict[str, Any]:
    return {"git": replace(_some(SOUND.git), **changes)}


def tree(**changes: Any) -> dict[str, Any]:
    return {"tree": replace(SOUND.tree, **changes)}


def database(**changes: Any) -> dict[str, Any]:
    return {"database": replace(_some(SOUND.database), **changes)}


def rows(**counts: int) -> dict[str, Any]:
    return database(tables={**_some(SOUND.database).tables, **counts})


def dotenv(values: Mapping[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    known = _some(SOUND.dotenv)
    return {"dotenv": replace(known, values={**known.values, **(values or {})}, **changes)}


def status(**changes: Any) -> dict[str, Any]:
    return {"status": replace(_some(SOUND.status), **changes)}


def artisan(**changes: Any) -> dict[str, Any]:
    return {"artisan": replace(SOUND.artisan, **changes)}


def server(**changes: Any) -> dict[str, Any]:
    return {"server": ServerFacts(**changes)}


def runtimes(cli: Mapping[str, Any] | None = None, fpm: Mapping[str, Any] | None = None) -> dict[str, Any]:
    ours, theirs = SOUND.php
    return {"php": (replace(ours, **(cli or {})), replace(theirs, **(fpm or {})))}


def upgrade(
    frm: str = "6.3.0",
    to: str = "7.1.0",
    around: Mapping[str, Any] | None = None,
    edit: EditDotenv | None = EDIT,
    php: str = "8.3.10",
    **changes: Any,
) -> tuple[Finding, ...]:
    """Check an upgrade; `changes` replace fields of the facts, `around` what the checks know besides."""
    facts = samples.facts(frm, php, **changes)
    installed, way = road(facts, samples.RULES, to)
    origin = samples.origin(*(release.tag for release in way))
    made = Context(facts, origin, samples.RULES, installed, way, samples.plan(facts, to, edit))
    return check(replace(made, **(around or {})))


def having(changes: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Check an upgrade of the sound instance with `changes` that its plan does not know of."""
    return upgrade(around={"facts": replace(SOUND, **changes)})


def on_course(frm: str, php: str, **course: Any) -> tuple[Finding, ...]:
    """Check an upgrade to 7.7.0 on a road of its own kind."""
    return tuple(gates.findings(samples.facts(frm, php), "7.7.0", Course(**course)).values())


def migration(old: Facts | None = None, new: Facts | None = None, **changes: Any) -> tuple[Finding, ...]:
    """Check a migration; `changes` replace what the checks know besides the two instances."""
    return check_migration(migrations.context(old, new, **changes))


@dataclass(frozen=True)
class Case:
    """How a finding comes about, and what it is not found in (by default a sound instance)."""

    there: Callable[[], tuple[Finding, ...]]
    not_there: Callable[[], tuple[Finding, ...]] = upgrade
    severity: Severity = Severity.WARNING


def on_upgrade(severity: str, **arguments: Any) -> Case:
    return Case(lambda: upgrade(**arguments), severity=Severity(severity))


def on_migration(severity: str, **arguments: Any) -> Case:
    return Case(lambda: migration(**arguments), migration, Severity(severity))


def _refs(**more: str) -> dict[str, Any]:
    return {"origin": replace(samples.origin("7.1.0"), refs={**samples.origin().refs, **more})}


def _target(**changes: Any) -> Facts:
    return migrations.target(**changes)


def _source(**changes: Any) -> Facts:
    return migrations.source(**changes)


_SMALL = (Space("/", "/", 10, 100, ("instance",)),)
_DISK = (
    Space("/opt/dreamfactory", "/", 50 << 30, 100 << 30, ("instance",)),
    Space("/var/lib/mysql", "/data", 1, 100 << 30, (DATABASE_SERVER,)),
)
_ROOTS = "/var/spool/cron/crontabs/root: * * * * * cd /opt/dreamfactory/ && php artisan schedule:run"
_WORKER = "4711 php /opt/dreamfactory/artisan queue:work"
_LABEL = "unconfined_u:object_r:usr_t:s0"
_EXTRA = ExtraFiles("/srv/files", "the service files reads it", 10, 3, default=False)
_FROZEN = runtimes(fpm={"settings": {"opcache.enable": "On", "opcache.validate_timestamps": "Off"}})

CASES: dict[str, Case] = {
    # the code
    "version": Case(
        upgrade, lambda: upgrade(version=replace(SOUND.version, conflicts=("tag: 7.0.0",))), Severity.OK
    ),
    "version-conflict": on_upgrade("warning", version=replace(SOUND.version, conflicts=("tag: 7.0.0",))),
    "git-repository": on_upgrade("blocker", git=None),
    "git-operation": on_upgrade("blocker", **git(operation="rebase")),
    "git-lock": on_upgrade("blocker", **git(locks=("/opt/dreamfactory/.git/index.lock",))),
    "git-remote": on_upgrade(
        "blocker", around={"origin": OriginFacts(error="Could not resolve host: github.com")}
    ),
    "target-tag": on_upgrade("blocker", around={"origin": OriginFacts(refs={"refs/tags/0.1": "a" * 40})}),
    "target-commit": on_upgrade("blocker", around=_refs(**{"refs/tags/7.1.0": "f" * 40})),
    "newer-releases": on_upgrade("info", around=_refs(**{"refs/tags/7.99.0": "f" * 40})),
    "licence-files": on_upgrade(
        "blocker", **tree(licensed=("composer.json",), licensed_packages=("dreamfactory/df-script",))
    ),
    "local-changes": Case(upgrade, lambda: upgrade(**git(dirty=()))),
    "untracked-in-the-way": on_upgrade("warning", **git(untracked=("config/app.php",))),
    "admin-ui": on_upgrade("blocker", frm="5.4.1", to="6.3.0", php="8.1.2", **tree(admin_ui="composer")),
    "release-*": Case(upgrade, lambda: upgrade(frm="5.3.0", to="5.4.1", php="8.1.2"), Severity.INFO),
    "git-shallow": on_upgrade("info", **git(shallow=True)),
    "tag-and-branch": on_upgrade("info", around=_refs(**{"refs/heads/7.1.0": "b" * 40})),
    "git-stashes": on_upgrade("info", **git(stashes=2)),
    "git-local-commits": Case(
        lambda: upgrade(
            version=replace(SOUND.version, evidence=()), **git(describe="6.3.0-3-g0123abc", commit="9" * 40)
        ),
        lambda: upgrade(**git(describe="6.3.0-3-g0123abc")),
    ),
    "copy-inside": on_upgrade("warning", **server(copies=("/opt/dreamfactory/dreamfactory.backup",))),
    "copy-beside": on_upgrade("info", **server(copies=("/opt/dreamfactory.backup",))),
    "left-aside": on_upgrade("warning", **server(leftovers=("/opt/.dreamfactory.dfwizard-aside-1",))),
    # the server
    "php": Case(lambda: having({"php": ()}), severity=Severity.BLOCKER),
    "php-window": on_upgrade("blocker", php="8.2.36"),
    "php-gate": Case(
        lambda: on_course("4.14.1", "7.4.33", gates=True), lambda: on_course("4.14.1", "7.4.33")
    ),
    "direct-road": Case(
        lambda: on_course("5.4.1", "8.3.10", direct=True), lambda: on_course("5.4.1", "8.3.10")
    ),
    "php-extensions": Case(lambda: having(runtimes({"extensions": ("pdo_mysql", "zip")}))),
    "php-database-driver": Case(
        lambda: having(runtimes({"extensions": ("json", "zip")})), severity=Severity.BLOCKER
    ),
    "php-differs": Case(lambda: having(runtimes(fpm={"version": "8.4.1", "minor": "8.4"}))),
    "php-extensions-differ": Case(lambda: having(runtimes(fpm={"extensions": ("json",)}))),
    "php-functions": Case(
        lambda: having(runtimes({"settings": {"disable_functions": "exec, proc_open"}})),
        lambda: having(runtimes({"settings": {"disable_functions": "exec,dl"}})),
        Severity.BLOCKER,
    ),
    "php-memory-limit": Case(
        lambda: having(runtimes({"settings": {"memory_limit": "128M"}})),
        lambda: having(runtimes({"settings": {"memory_limit": "-1"}})),
    ),
    "php-display-errors": Case(
        lambda: having(runtimes(fpm={"settings": {"display_errors": "On"}})),
        lambda: having(
            runtimes({"settings": {"display_errors": "On"}}, {"settings": {"display_errors": "Off"}})
        ),
    ),
    "opcache-frozen": Case(
        lambda: having({**_FROZEN, "web": replace(SOUND.web, fpm_service=None)}),
        lambda: having(
            runtimes(fpm={"settings": {"opcache.enable": "Off", "opcache.validate_timestamps": "Off"}})
        ),
    ),
    "composer": on_upgrade("blocker", composer="2.1.9"),
    "unzip": Case(
        lambda: having(runtimes({"extensions": samples.EXTENSIONS[:-1]})),
        lambda: having(
            {
                **runtimes({"extensions": samples.EXTENSIONS[:-1]}),
                "tools": {**SOUND.tools, "unzip": "/usr/bin/unzip"},
            }
        ),
        Severity.BLOCKER,
    ),
    "database-driver": on_upgrade("blocker", **database(driver="sqlsrv")),
    "tools": on_upgrade("blocker", tools={"git": "/usr/bin/git"}),
    "account": on_upgrade("blocker", me="nobody"),
    "owners-not-restorable": on_upgrade("blocker", me="dreamfactory", **tree(foreign=("storage/app/x",))),
    "owner-root": on_upgrade("warning", **tree(owner="root")),
    "web-user": on_upgrade("warning", web=replace(SOUND.web, user=None)),
    "services": on_upgrade("warning", web=WebFacts()),
    "backup-place": on_upgrade("blocker", around={"backup_error": "/mnt is no directory"}),
    "disk-space": on_upgrade(
        "blocker", space=_SMALL, around={"needs": (Needs("/var/backups", 11, "the backup"),)}
    ),
    "disk-inodes": Case(
        lambda: upgrade(**server(inodes=24001)), lambda: upgrade(**server(inodes=50_000)), Severity.BLOCKER
    ),
    "scratch-space": on_upgrade("warning", space=_DISK),
    "memory-low": Case(
        lambda: upgrade(**server(memory=300 << 20)), lambda: upgrade(**server(memory=3 << 30))
    ),
    "clock-differs": Case(
        lambda: upgrade(**server(clock_offset=-400)), lambda: upgrade(**server(clock_offset=2))
    ),
    "selinux": Case(
        lambda: upgrade(**server(selinux="enforcing", contexts={"storage": _LABEL})),
        lambda: upgrade(
            **server(selinux="enforcing", contexts={"storage": "u:object_r:httpd_sys_rw_content_t:s0"})
        ),
    ),
    "tree-not-writable": on_upgrade("blocker", **server(unwritable=("vendor",))),
    "storage-not-writable": on_upgrade("warning", **server(web_unwritable=("storage/logs",))),
    "workers": Case(
        lambda: upgrade(**server(processes=(_WORKER,))),
        lambda: upgrade(**server(processes=("1 node df-mcp-server/daemon",))),
    ),
    "mcp-daemon": Case(
        lambda: upgrade(**server(units=("/etc/systemd/system/df-mcp.service",))),
        lambda: upgrade(**server(processes=(_WORKER,))),
    ),
    "cron-as-root": Case(
        lambda: upgrade(**tree(crontabs=(_ROOTS,))),
        lambda: upgrade(**tree(crontabs=(_ROOTS.replace("crontabs/root", "crontabs/dreamfactory"),))),
    ),
    "container-docker": on_upgrade("blocker", **server(container="docker")),
    "container-kubernetes": on_upgrade("blocker", **server(container="kubernetes")),
    "bitnami": on_upgrade("warning", path="/opt/bitnami/dreamfactory"),
    # settings and data
    "dotenv": on_upgrade("blocker", **dotenv(error="line 3: unclosed quote")),
    "dotenv-odd": on_upgrade("warning", **dotenv(odd=("DB_PASSWORD",))),
    "dotenv-keys": Case(upgrade, lambda: upgrade(edit=None), Severity.INFO),
    "dotenv-*": Case(
        lambda: having({"dotenv": replace(_some(SOUND.dotenv), values={"DB_DRIVER": "mysql"})}),
        lambda: upgrade(**dotenv({"DB_DRIVER": "mysql"})),
        Severity.BLOCKER,
    ),
    "dotenv-readable": on_upgrade("warning", **dotenv(mode=0o644)),
    "dotenv-removed": Case(
        lambda: upgrade(to="7.7.0", **dotenv({"APP_TIMEZONE": "Europe/Vienna"})),
        lambda: upgrade(to="7.7.0", **dotenv({"APP_TIMEZONE": "UTC"})),
    ),
    "app-debug": Case(
        lambda: upgrade(**dotenv({"APP_DEBUG": "true"})), lambda: upgrade(**dotenv({"APP_DEBUG": "false"}))
    ),
    "db-url": Case(
        lambda: upgrade(**dotenv(secret_keys=("APP_KEY", "DB_URL"))),
        lambda: upgrade(frm="7.1.0", to="7.2.0", **dotenv(secret_keys=("APP_KEY", "DB_URL"))),
        Severity.BLOCKER,
    ),
    "signing-key": Case(
        lambda: upgrade(**dotenv(signing_bytes=16)),
        lambda: upgrade(**dotenv(signing_bytes=51)),
        Severity.BLOCKER,
    ),
    "app-key": on_upgrade("blocker", key=KeyProof("wrong", 3)),
    "cache-table": Case(
        lambda: upgrade(to="7.7.0", edit=None, **dotenv({"CACHE_STORE": "database"})),
        lambda: upgrade(to="7.7.0", edit=None, **dotenv({"CACHE_STORE": "database"}), **rows(cache=0)),
        Severity.BLOCKER,
    ),
    "queue-no-worker": Case(
        lambda: upgrade(**dotenv({"QUEUE_CONNECTION": "redis"})),
        lambda: upgrade(**dotenv({"QUEUE_CONNECTION": "redis"}), **server(processes=(_WORKER,))),
    ),
    "jobs-waiting": Case(lambda: upgrade(**rows(jobs=3)), lambda: upgrade(**rows(jobs=0))),
    "database": on_upgrade("blocker", database=None),
    "database-writable": on_upgrade("blocker", **database(writable=False)),
    "database-empty": on_upgrade("blocker", **database(tables={"users": 3})),
    "database-too-old": Case(
        lambda: upgrade(**database(server="5.5.5-10.2.44-MariaDB")),
        lambda: upgrade(frm="5.0.0", to="6.3.0", php="8.1.2", **database(server="5.5.5-10.2.44-MariaDB")),
        Severity.BLOCKER,
    ),
    "database-settings": on_upgrade("warning", **database(notes=("DB_DATABASE=x is relative",))),
    "database-engines": on_upgrade("warning", **database(other_engines=("lookup: MyISAM",))),
    "database-row-format": Case(
        lambda: upgrade(to="7.7.0", **database(row_format="compact")),
        lambda: upgrade(to="7.7.0", **database(row_format="dynamic")),
        Severity.BLOCKER,
    ),
    "database-clients": on_upgrade("warning", **database(clients=("10.0.0.7",))),
    "database-transaction": Case(
        lambda: upgrade(**database(oldest_transaction=3600)),
        lambda: upgrade(**database(oldest_transaction=2)),
    ),
    "scratch-database": on_upgrade("blocker", around={"scratch_error": "may not create a database"}),
    "artisan": on_upgrade("warning", **artisan(error="Class not found")),
    "pending-migrations": on_upgrade("warning", **artisan(pending=("2024_11_15_000000_create_x",))),
    "config-cached": on_upgrade("info", **artisan(config_cached=True)),
    "removed-connectors": on_upgrade(
        "blocker",
        frm="4.14.1",
        to="5.4.1",
        php="8.1.2",
        around={"services": (ServiceType("couchbase", 2, 1),)},
    ),
    "commercial-services": Case(
        lambda: upgrade(around={"services": (ServiceType("snowflake", 2, 1),)}),
        lambda: upgrade(around={"services": (ServiceType("pgsql", 2, 1), ServiceType("snowflake", 0, 0))}),
    ),
    "checklist-*": on_upgrade("info", around={"lists": {"event_script": ("user.login",)}}),
    "checklist-cron": on_upgrade(
        "info", **tree(crontabs=("/etc/cron.d/df: 1 * * * * df /opt/dreamfactory/run.sh",))
    ),
    "status-before": on_upgrade("warning", **status(code=500)),
    "no-administrator": on_upgrade("warning", **status(counts={"admin": 0}, front_code=0, admin_code=0)),
    "front-before": Case(
        lambda: upgrade(**status(front_location="/setup", admin_code=0)),
        lambda: upgrade(**status(code=500, front_code=500)),
    ),
    "maintenance-already": on_upgrade("info", **artisan(maintenance=True)),
    # a migration
    "same-database": on_migration("blocker", same="both hold the marker"),
    "engine-mismatch": on_migration("blocker", new=_target(**database(driver="pgsql"))),
    "database-server-older": on_migration("warning", new=_target(**database(server="10.6.1-MariaDB"))),
    "database-server-make": on_migration("warning", new=_target(**database(server="8.0.36"))),
    "sql-server": on_migration(
        "blocker", old=_source(**database(driver="sqlsrv")), new=_target(**database(driver="sqlsrv"))
    ),
    "target-empty": Case(
        lambda: migration(new=_target(**rows(user=1))),
        lambda: migration(new=_target(**rows(user=1)), names={"service": ("crm",)}),
        Severity.OK,
    ),
    "target-not-empty": Case(
        lambda: migration(names={"service": ("crm",)}),
        lambda: migration(new=_target(**rows(user=1))),
        Severity.BLOCKER,
    ),
    "same-instance-id": on_migration("warning", instance_ids=(("x",), ("x",))),
    "strict-mode": on_migration("blocker", zero_dates=("user.last_login_date",), strict=True),
    "dotenv-database": on_migration("blocker", redirected="mysql dreamfactory at db1"),
    "target-release": Case(migration, lambda: migration(new=samples.facts("5.4.1", "8.1.2")), Severity.OK),
    "target-older": on_migration("blocker", new=samples.facts("5.4.1", "8.1.2")),
    "target-not-working": on_migration("blocker", new=_target(**status(code=500))),
    "licence-differs": on_migration(
        "blocker", old=_source(**tree(licensed_packages=("dreamfactory/df-script",)))
    ),
    "crontabs-to-move": on_migration("warning", old=_source(**tree(crontabs=(_ROOTS,)))),
    "target-crontabs": on_migration("warning", new=_target(**tree(crontabs=(_ROOTS,)))),
    "source-local-changes": Case(migration, lambda: migration(old=_source(**git(dirty=())))),
    "files-carried": Case(lambda: migration(files=("storage/app",)), migration, Severity.INFO),
    "files-by-hand": on_migration("warning", extras=(_EXTRA,)),
    "web-stopped": Case(migration, lambda: migration(new=_target(web=WebFacts())), Severity.INFO),
    "web-open": on_migration("warning", new=_target(web=WebFacts())),
}


def _is(finding: Finding, finding_id: str) -> bool:
    """Whether a finding is the one of that id or pattern; one that only says that all is well is not, where it can be something else."""
    if entry(finding.id.removeprefix("source-") if finding.id not in CASES else finding.id).id != finding_id:
        return False
    return finding.severity is not Severity.OK or entry(finding_id).severities == (Severity.OK,)


@pytest.mark.parametrize("finding_id", CASES)
def test_it_is_found_where_it_is_and_nowhere_else(finding_id: str) -> None:
    case = CASES[finding_id]
    there = [one for one in case.there() if _is(one, finding_id)]
    assert there, sorted(one.id for one in case.there())
    assert {one.severity for one in there} == {case.severity}
    assert not [one for one in case.not_there() if _is(one, finding_id)]


@pytest.mark.parametrize("finding_id", CASES)
def test_each_finding_is_as_the_data_says(finding_id: str) -> None:
    """What a check says can be acted on: why it matters, and what to do, wherever it stops or warns."""
    for finding in CASES[finding_id].there():
        known = entry(finding.id.removeprefix("source-") if finding.id not in CASES else finding.id)
        assert finding.severity in known.severities, finding.id
        if finding.severity in (Severity.BLOCKER, Severity.WARNING):
            assert finding.why, finding.id
            assert finding.remedy or finding.command, finding.id
        if known.acceptable is not None:
            assert finding.acceptable == (bool(known.acceptable) and finding.severity is Severity.BLOCKER), (
                finding.id
            )


def test_the_data_explains_what_the_checks_can_say_and_nothing_else() -> None:
    said = {finding_id for path in sorted(CHECKS.glob("*.py")) for finding_id in _ids(path)}
    known = {one.id for one in catalogue()}
    assert said == known
    assert known == set(CASES)
    assert len(known) >= 45
    assert len(catalogue()) == len(known)


def _ids(path: Path) -> Iterator[str]:
    """Give the ids of the findings that a module makes; what is filled in as `*`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "explained":
            (first, *_) = node.args
            if isinstance(first, ast.Constant):
                yield str(first.value)
            else:
                assert isinstance(first, ast.JoinedStr), ast.unparse(node)
                start = first.values[0]
                assert isinstance(start, ast.Constant), ast.unparse(node)
                yield f"{start.value!s}*"


def test_no_check_makes_a_finding_that_the_data_does_not_explain() -> None:
    made = [
        f"{path.name}:{node.lineno}"
        for path in sorted(CHECKS.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"
    ]
    assert made == []


def test_every_entry_says_what_is_looked_at_and_why() -> None:
    for one in catalogue():
        assert one.looks_at, one.id
        assert one.of, one.id
        assert set(one.of) <= {"upgrade", "migration"}, one.id
        assert (one.acceptable is False) or Severity.BLOCKER in one.severities, one.id
        if set(one.severities) & {Severity.BLOCKER, Severity.WARNING}:
            assert one.reason, one.id


def test_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--list"]) == 0
    text = capsys.readouterr().out
    assert all(f"{one.id}: {one.title}"[:60] in text.replace("\n    ", " ") for one in catalogue())
    assert max(len(line) for line in text.splitlines()) <= 80
    assert main(["check", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in listed] == [one.id for one in catalogue()]
    assert set(listed[0]) == {
        "id",
        "title",
        "looks_at",
        "severities",
        "of",
        "why",
        "source",
        "remedy",
        "acceptable",
    }


def test_without_the_list_an_instance_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 2
    assert "needs an instance" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_a_container_is_told_how_it_is_upgraded(kind: str) -> None:
    (finding,) = [one for one in upgrade(**server(container=kind)) if one.id == f"container-{kind}"]
    assert "BRANCH=7.1.0" in finding.remedy
    assert "migrate --force" in finding.remedy


def test_opcache_that_is_restarted_is_only_told() -> None:
    (finding,) = [one for one in having(_FROZEN) if one.id == "opcache-frozen"]
    assert finding.severity is Severity.INFO
    assert "php8.3-fpm.service" in finding.title
