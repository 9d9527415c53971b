"""The comparison of before and after: each check passes where it should and fails where it should."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dfwizard import codec
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.facts import DirtyFile, Evidence, Facts, StatusFacts, VersionFacts
from dfwizard.verification import (
    Check,
    LoggedError,
    LogState,
    TreeOwners,
    Verdict,
    Verification,
    compare,
    log_state,
    new_errors,
    tree_owners,
)
from tests.unit.samples import RULES, facts

SETTINGS = {
    "APP_ENV": "local",
    "DB_CONNECTION": "mysql",
    "DB_DATABASE": "dreamfactory",
    "CACHE_DRIVER": "redis",
    "CACHE_STORE": "redis",
    "QUEUE_CONNECTION": "sync",
    "BCRYPT_ROUNDS": "10",
}
OWNERS = TreeOwners("df", "df", {"df:df": 10}, places={".env": "df:df 640", "storage": "df:df 2775"})
API = "/api/v2/system/environment"
NAMES = {"service": ("db", "files"), "role": ("guests",)}


def signs(tag: str) -> VersionFacts:
    release = RULES.resolve(tag)
    laravel = f"laravel/framework {release.laravel}"
    return VersionFacts(
        tag,
        "its commit",
        (
            Evidence("commit", release.commit, (tag,), True),
            Evidence("config", release.config_version, (tag,)),
            Evidence("composer.lock", laravel, (tag,)),
            Evidence("installed.json", laravel, (tag,)),
        ),
    )


def instance(tag: str, **changes: Any) -> Facts:
    """A healthy instance at a release, on a PHP that the release allows."""
    release = RULES.resolve(tag)
    made = facts(tag, php=f"{release.php_minors[0]}.5")
    assert made.database is not None
    assert made.dotenv is not None
    made = replace(
        made,
        version=signs(tag),
        web=replace(made.web, fpm_service="php-fpm.service"),
        tree=replace(made.tree, admin_ui="composer"),
        database=replace(made.database, tables={"user": 3, "service": 9, "migrations": 63, "jobs": 0}),
        dotenv=replace(made.dotenv, values=SETTINGS),
    )
    return replace(made, **changes)


def verify(before: Facts, after: Facts, tag: str = "7.1.0", **changes: Any) -> Verification:
    arguments: dict[str, Any] = {
        "names_before": NAMES,
        "names_after": NAMES,
        "owners_before": OWNERS,
        "owners_after": OWNERS,
        "came_from": RULES.resolve(before.version.release or tag),
    }
    release = RULES.resolve(tag)
    return compare(before, after, release=release, tables=RULES.tables, **{**arguments, **changes})


def check(verification: Verification, identity: str) -> Check:
    return next(item for item in verification.checks if item.id == identity)


@pytest.mark.parametrize("tag", ["6.3.0", "7.1.0", "7.3", "7.7.0"])
def test_a_good_upgrade_is_clean(tag: str) -> None:
    found = verify(instance("5.4.1"), instance(tag), tag)
    assert [item for item in found.checks if item.verdict in (Verdict.WARNING, Verdict.FAILED)] == []
    assert found.verdict in (Verdict.OK, Verdict.EXPECTED)


def test_every_check_has_an_id_of_its_own() -> None:
    found = verify(instance("6.3.0"), instance("7.1.0"))
    ids = [item.id for item in found.checks]
    assert len(ids) == len(set(ids))


def _database(**changes: Any) -> Callable[[Facts], Facts]:
    def change(found: Facts) -> Facts:
        assert found.database is not None
        return replace(found, database=replace(found.database, **changes))

    return change


def _tables(**changes: int | None) -> Callable[[Facts], Facts]:
    def change(found: Facts) -> Facts:
        assert found.database is not None
        tables = {**found.database.tables, **changes}
        kept = {name: number for name, number in tables.items() if number is not None}
        return replace(found, database=replace(found.database, tables=kept))

    return change


def _artisan(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda found: replace(found, artisan=replace(found.artisan, **changes))


def _tree(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda found: replace(found, tree=replace(found.tree, **changes))


def _status(**changes: Any) -> Callable[[Facts], Facts]:
    def change(found: Facts) -> Facts:
        assert found.status is not None
        return replace(found, status=replace(found.status, **changes))

    return change


def _settings(**changes: str | None) -> Callable[[Facts], Facts]:
    def change(found: Facts) -> Facts:
        assert found.dotenv is not None
        values = {**found.dotenv.values, **changes}
        kept = {key: value for key, value in values.items() if value is not None}
        return replace(found, dotenv=replace(found.dotenv, values=kept))

    return change


def _git(**changes: Any) -> Callable[[Facts], Facts]:
    def change(found: Facts) -> Facts:
        assert found.git is not None
        return replace(found, git=replace(found.git, **changes))

    return change


def _says(source: str, said: str, fits: tuple[str, ...] = ()) -> Callable[[Facts], Facts]:
    def change(found: Facts) -> Facts:
        others = tuple(item for item in found.version.evidence if item.source != source)
        return replace(
            found, version=replace(found.version, evidence=(*others, Evidence(source, said, fits)))
        )

    return change


def _whole(**changes: Any) -> Callable[[Facts], Facts]:
    return lambda found: replace(found, **changes)


def _fpm(version: str, minor: str) -> Callable[[Facts], Facts]:
    def change(found: Facts) -> Facts:
        cli, fpm = found.php
        return replace(found, php=(cli, replace(fpm, version=version, minor=minor)))

    return change


FAILED, WARNING, EXPECTED, OK = Verdict.FAILED, Verdict.WARNING, Verdict.EXPECTED, Verdict.OK

WRONG = [
    (_whole(git=None), "commit", FAILED, "git"),
    (_git(commit="a" * 40), "commit", FAILED, "did not arrive"),
    (_git(dirty=(DirtyFile("config/app.php", " M"),)), "changed-files", WARNING, "config/app.php"),
    (_says("config", "6.3.0"), "config-version", FAILED, "7.1.0 says 7.1.0"),
    (_says("installed.json", "laravel/framework 9.52.16", ("6.3.0",)), "vendor", FAILED, "did not finish"),
    (_says("composer.lock", "laravel/framework 9.52.16", ("6.3.0",)), "vendor", FAILED, "composer.lock"),
    (_artisan(version_line=None, error="could not be opened"), "laravel", FAILED, "could not be opened"),
    (_artisan(version_line="Laravel Framework 9.52.16"), "laravel", FAILED, "11.44.7"),
    (_artisan(version_line="Laravel Framework 11.48.0"), "laravel", EXPECTED, "another patch"),
    (_fpm("8.1.30", "8.1"), "php", WARNING, "8.1"),
    (_database(reachable=False, error="refused"), "database", FAILED, "refused"),
    (_database(driver="sqlite", name="database.sqlite"), "database", FAILED, "another database"),
    (_settings(DB_CONNECTION=None), "database", FAILED, "DB_CONNECTION"),
    (_artisan(pending=("2026_x",)), "migrations", FAILED, "2026_x"),
    (_artisan(migrations=()), "migrations", FAILED, "No longer"),
    (_tables(service=8), "rows:service", FAILED, "1 rows are missing"),
    (_tables(user=None), "rows:user", FAILED, "gone"),
    (_tables(service=10), "rows:service", EXPECTED, "--seed"),
    (_tables(user=4), "rows:user", WARNING, "Nothing known"),
    (_tables(mqtt_config=2), "rows:mqtt_config", EXPECTED, "brought"),
    (_tables(jobs=4), "jobs", WARNING, "worker"),
    (_settings(BCRYPT_ROUNDS=None), "bcrypt-rounds", FAILED, "password"),
    (_settings(BCRYPT_ROUNDS="12"), "bcrypt-rounds", FAILED, "password"),
    (_settings(QUEUE_CONNECTION=None), "queue-connection", WARNING, "sync"),
    (_settings(CACHE_STORE=None), "cache-store", WARNING, "CACHE_STORE=redis"),
    (_settings(CACHE_STORE=None, CACHE_DRIVER="file"), "cache-store", OK, "as before"),
    (_artisan(config_cached=True), "config-cached", WARNING, "config:clear"),
    (_artisan(maintenance=True), "maintenance", FAILED, "off before"),
    (_status(code=500), "status", FAILED, "log"),
    (_status(code=503), "status", FAILED, "maintenance"),
    (_status(code=0, front_code=0, error="refused"), "status", FAILED, "refused"),
    (_whole(status=None), "status", FAILED, "No address"),
    (_status(version="6.3.0"), "status-version", FAILED, "php-fpm"),
    (_status(counts={"service": 8}), "status-counts", FAILED, "service"),
    (_status(counts={"service": 12}), "status-counts", EXPECTED, "service"),
    (_status(license="SILVER"), "license", EXPECTED, "SILVER"),
    (_status(license="GOLD"), "license", WARNING, "No release"),
    (_status(front_location="http://x/setup"), "front", FAILED, "administrator"),
    (_status(front_location="/setup_db"), "front", FAILED, "schema"),
    (_status(front_code=500), "front", FAILED, "View [index]"),
    (_status(admin_code=404), "admin", FAILED, "plugins"),
    (_status(codes={"/status": (200, 200)}), "answers:/status", OK, ""),
    (_status(codes={"/status": (200, 500)}), "answers:/status", FAILED, "the first put into the cache"),
    (_status(codes={API: (500, 500)}), f"answers:{API}", FAILED, "no login"),
    (_status(codes={API: (400, 400)}), f"answers:{API}", FAILED, "row is missing"),
    (_tree(admin_ui="missing"), "admin-files", FAILED, "without its plugins"),
    (_tree(admin_ui="release-zip"), "admin-files", FAILED, "without its plugins"),
]


@pytest.mark.parametrize(("change", "identity", "verdict", "words"), WRONG)
def test_what_is_wrong_is_found(
    change: Callable[[Facts], Facts], identity: str, verdict: Verdict, words: str
) -> None:
    found = verify(
        instance("6.3.0", git=replace_dirty()), change(instance("7.1.0", git=replace_dirty("7.1.0")))
    )
    assert check(found, identity).verdict is verdict
    assert words in check(found, identity).explanation


def replace_dirty(tag: str = "6.3.0") -> Any:
    found = facts(tag).git
    assert found is not None
    return replace(found, dirty=())


def test_a_commit_that_the_plan_named_counts_and_a_same_tree_is_explained() -> None:
    after = _git(commit="b" * 40)(instance("7.1.0"))
    assert check(verify(instance("6.3.0"), after, commit="b" * 40), "commit").verdict is OK
    tree = RULES.resolve("7.4.0").tree
    same_tree = _git(commit="b" * 40, tree=tree)(instance("7.4.0"))
    assert check(verify(instance("6.3.0"), same_tree, "7.4.0"), "commit").verdict is (
        EXPECTED if tree else FAILED
    )


def test_an_api_that_was_broken_before_is_not_the_upgrades_doing() -> None:
    broken = _status(codes={API: (500, 500)})
    found = check(verify(broken(instance("6.3.0")), broken(instance("7.1.0"))), f"answers:{API}")
    assert (found.verdict, found.after) == (WARNING, "500")


def test_a_gate_finds_a_changed_key_and_a_missing_admin_ui_while_the_api_is_closed() -> None:
    after = _tree(admin_ui="missing")(instance("7.1.0"))
    after = replace(after, key=replace(after.key, state="proven", fingerprint="another"))
    gate = verify(instance("6.3.0"), after, final=False)
    assert {item.id for item in gate.failed} == {"app-key", "admin-files"}


def test_a_licence_that_falls_to_open_source_has_failed() -> None:
    before = _status(license="GOLD")(instance("6.3.0"))
    assert check(verify(before, instance("7.1.0")), "license").verdict is FAILED


def test_a_licensed_lock_is_not_the_open_source_one() -> None:
    after = _says("composer.lock", "licensed", ())(instance("7.1.0"))
    assert check(verify(instance("6.3.0"), after), "vendor").verdict is EXPECTED
    licensed = replace(after, tree=replace(after.tree, licensed=("composer.lock",)))
    assert "licence" in check(verify(instance("6.3.0"), licensed), "vendor").explanation


def test_php_outside_the_window_fails_unless_accepted() -> None:
    after = replace(instance("7.1.0"), php=instance("6.3.0").php)
    before = instance("6.3.0")
    assert check(verify(before, after), "php").verdict is FAILED
    accepted = verify(before, after, accepted=frozenset({"php-window"}))
    assert check(accepted, "php").verdict is EXPECTED


@pytest.mark.parametrize(
    ("before", "after", "fingerprint", "verdict"),
    [
        ("proven", "proven", "same", OK),
        ("proven", "wrong", "same", FAILED),
        ("proven", "proven", "other", FAILED),
        ("proven", "nothing-encrypted", "same", FAILED),
        ("nothing-encrypted", "nothing-encrypted", "same", OK),
        ("proven", "no-key", "same", FAILED),
    ],
)
def test_the_key(before: str, after: str, fingerprint: str, verdict: Verdict) -> None:
    old, new = instance("6.3.0"), instance("7.1.0")
    old = replace(old, key=replace(old.key, state=before, fingerprint="same"))
    new = replace(new, key=replace(new.key, state=after, fingerprint=fingerprint))
    assert check(verify(old, new), "app-key").verdict is verdict


def test_a_lost_name_fails_even_when_the_count_is_the_same() -> None:
    found = verify(
        instance("6.3.0"), instance("7.1.0"), names_after={"service": ("db", "other"), "role": ("guests",)}
    )
    assert check(found, "names:service").verdict is FAILED
    assert "files" in check(found, "names:service").explanation


def test_a_table_that_comes_and_goes_may_shrink() -> None:
    before = _tables(token_map=5, jobs=7)(instance("6.3.0"))
    after = _tables(token_map=0, jobs=0)(instance("7.1.0"))
    assert verify(before, after).verdict in (OK, EXPECTED)


@pytest.mark.parametrize("value", [None, "database", "null"])
def test_the_missing_cache_store_of_the_newest_release_fails(value: str | None) -> None:
    after = _settings(CACHE_STORE=value)(instance("7.7.0"))
    assert check(verify(instance("6.3.0"), after, "7.7.0"), "cache-store").verdict is FAILED
    with_table = _tables(cache=0)(after)
    assert check(verify(instance("6.3.0"), with_table, "7.7.0"), "cache-store").verdict is OK


def test_the_time_zone_that_the_newest_release_ignores_is_a_warning() -> None:
    after = _settings(APP_TIMEZONE="Europe/Vienna")(instance("7.7.0"))
    assert check(verify(instance("6.3.0"), after, "7.7.0"), "app-timezone").verdict is WARNING
    elsewhere = verify(instance("6.3.0"), _settings(APP_TIMEZONE="Europe/Vienna")(instance("7.1.0")))
    assert not [item for item in elsewhere.checks if item.id == "app-timezone"]


def test_hashes_of_another_cost_need_that_cost() -> None:
    after = _settings(BCRYPT_ROUNDS=None)(instance("7.1.0"))
    new_hashes = verify(instance("6.3.0"), after, hash_costs=frozenset({12}))
    assert check(new_hashes, "bcrypt-rounds").verdict is OK
    mixed = verify(instance("6.3.0"), after, hash_costs=frozenset({10, 12}))
    assert check(mixed, "bcrypt-rounds").verdict is FAILED


def test_an_older_target_needs_none_of_the_new_settings() -> None:
    bare = _settings(BCRYPT_ROUNDS=None, QUEUE_CONNECTION=None, CACHE_STORE=None)
    found = verify(bare(instance("5.4.1")), bare(instance("6.3.0")), "6.3.0")
    assert found.verdict in (OK, EXPECTED)


def test_an_unreadable_dotenv_fails() -> None:
    after = instance("7.1.0")
    assert after.dotenv is not None
    broken = replace(after, dotenv=replace(after.dotenv, error="unexpected whitespace"))
    assert check(verify(instance("6.3.0"), broken), "dotenv").verdict is FAILED
    assert check(verify(instance("6.3.0"), replace(after, dotenv=None)), "dotenv").verdict is FAILED


@pytest.mark.parametrize(
    ("after", "identity", "verdict"),
    [
        (replace(OWNERS, strangers=("vendor/x",), stranger_count=1), "owners", WARNING),
        (replace(OWNERS, strangers=("storage/logs/x.log",), stranger_count=1), "owners", FAILED),
        (replace(OWNERS, owner="root"), "owners", FAILED),
        (replace(OWNERS, places={**OWNERS.places, ".env": "df:df 644"}), "mode:.env", FAILED),
        (replace(OWNERS, places={**OWNERS.places, "storage": "df:df 755"}), "mode:storage", WARNING),
        (OWNERS, "owners", OK),
    ],
)
def test_owners_and_modes(after: TreeOwners, identity: str, verdict: Verdict) -> None:
    found = verify(instance("6.3.0"), instance("7.1.0"), owners_after=after)
    assert check(found, identity).verdict is verdict


def test_crontabs_services_and_the_log() -> None:
    after = instance("7.1.0")
    after = replace(
        after,
        tree=replace(after.tree, crontabs=("root: * * * * * php artisan",)),
        web=replace(after.web, fpm_active=False),
    )
    found = verify(instance("6.3.0"), after, logged=(LoggedError("[2026-01-05 00:00:00] local.ERROR: x", 3),))
    assert check(found, "crontabs").verdict is WARNING
    assert check(found, "service:php-fpm.service").verdict is FAILED
    assert check(found, "log").verdict is WARNING
    assert {item.id for item in found.failed} == {"service:php-fpm.service"}


def test_a_gate_leaves_http_out_and_maintenance_on() -> None:
    after = _status(code=503, front_code=503)(_artisan(maintenance=True)(instance("6.3.0")))
    found = verify(instance("5.4.1"), after, "6.3.0", final=False)
    assert found.verdict is EXPECTED
    assert not [item for item in found.checks if item.id in ("status", "front", "log")]


def test_an_instance_that_was_in_maintenance_stays_so() -> None:
    down = _artisan(maintenance=True)
    after = replace(down(instance("7.1.0")), status=StatusFacts("http://x", 503, front_code=503))
    found = verify(down(instance("6.3.0")), after)
    assert found.failed == ()
    assert check(found, "status").verdict is EXPECTED


def test_a_verification_goes_to_json_and_back() -> None:
    found = verify(instance("6.3.0"), instance("7.1.0"))
    assert codec.loads(Verification, codec.dumps(found)) == found


def line(text: str, level: str = "ERROR") -> str:
    return f"[2026-01-05 00:41:00] local.{level}: {text}\n"


def logs(tmp_path: Path) -> Path:
    directory = tmp_path / "storage/logs"
    directory.mkdir(parents=True)
    return directory


def test_only_new_error_lines_are_found_and_redacted(tmp_path: Path) -> None:
    host, directory = LocalHost(), logs(tmp_path)
    log = directory / "dreamfactory.log"
    log.write_text(line("old"))
    before = log_state(host, str(tmp_path))
    with log.open("a") as file:
        file.write(
            line("fine", "WARNING") + line("secret word") + "#0 stack\n" + line("worse", "CRITICAL").rstrip()
        )
    found = new_errors(host, str(tmp_path), before, redact=lambda text: text.replace("secret", "***"))
    assert [error.text.split(": ", 1)[1] for error in found] == ["*** word", "worse"]


def test_a_rotated_log_is_known_again(tmp_path: Path) -> None:
    host, directory = LocalHost(), logs(tmp_path)
    log = directory / "dreamfactory.log"
    log.write_text(line("old"))
    before = log_state(host, str(tmp_path))
    with log.open("a") as file:
        file.write(line("before the rotation"))
    log.rename(directory / "dreamfactory.log.1")
    log.write_text(line("after the rotation"))
    found = new_errors(host, str(tmp_path), before)
    assert sorted(error.text.split(": ", 1)[1] for error in found) == [
        "after the rotation",
        "before the rotation",
    ]


def test_a_log_that_was_cut_short_is_read_from_its_beginning(tmp_path: Path) -> None:
    host, directory = LocalHost(), logs(tmp_path)
    log = directory / "dreamfactory.log"
    log.write_text(line("old " * 50))
    before = log_state(host, str(tmp_path))
    log.write_text(line("new"))
    assert len(new_errors(host, str(tmp_path), before)) == 1


def test_the_same_message_is_told_once_with_its_number_over_all_files(tmp_path: Path) -> None:
    host, directory = LocalHost(), logs(tmp_path)
    later = line("no database").replace("00:41:00", "00:42:07")
    (directory / "dreamfactory-2026-01-05.log").write_text(line("no database") + later + line("other"))
    (directory / "dreamfactory-2026-01-06.log").write_text(later)
    found = new_errors(host, str(tmp_path), LogState())
    assert [error.text for error in found] == [
        "[2026-01-05 00:41:00] local.ERROR: no database (3 times)",
        "[2026-01-05 00:41:00] local.ERROR: other",
    ]
    after = check(verify(instance("6.3.0"), instance("7.1.0"), logged=found), "log")
    assert (after.after, after.verdict) == ("4, 2 different", WARNING)
    assert "no database (3 times)" in after.explanation


def test_error_lines_are_bounded(tmp_path: Path) -> None:
    host, directory = LocalHost(), logs(tmp_path)
    different = "".join(line(f"{number} {'y' * 600}") for number in range(300))
    (directory / "dreamfactory.log").write_text(line("x" * 3_000_000) + different)
    found = new_errors(host, str(tmp_path), LogState())
    assert len(found) == 200
    assert max(len(error.line) for error in found) == 500
    shown = check(verify(instance("6.3.0"), instance("7.1.0"), logged=found), "log").explanation
    assert shown.endswith("\nand 180 other messages")


def test_no_log_is_no_error(tmp_path: Path) -> None:
    assert log_state(LocalHost(), str(tmp_path)) == LogState()
    assert new_errors(LocalHost(), str(tmp_path), LogState()) == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another owner")
def test_owners_of_a_tree_with_hostile_names(tmp_path: Path) -> None:
    tree = tmp_path / "opt with 'quotes'"
    (tree / "storage/logs").mkdir(parents=True)
    odd = tree / "storage" / "a\nb\t--c"
    odd.write_text("")
    os.chown(odd, 65534, 65534)
    (tree / ".env").write_text("")
    (tree / ".env").chmod(0o640)
    found = tree_owners(LocalHost(), str(tree))
    assert (found.owner, found.stranger_count, found.strangers) == ("root", 1, ("storage/a\nb\t--c",))
    assert found.places[".env"].endswith(" 640")
    assert set(found.places) == {".", ".env", "storage", "storage/logs"}
    assert sum(found.counts.values()) == 5


def test_stacks_and_what_the_own_question_logs_are_left_out(tmp_path: Path) -> None:
    host, directory = LocalHost(), logs(tmp_path)
    text = line('Class "X" not found {"exception":"[object] (Error)"}') + line(
        'Command "df:version" is not defined.'
    )
    (directory / "dreamfactory.log").write_text(text)
    found = new_errors(host, str(tmp_path), LogState())
    assert [error.text.split(": ", 1)[1] for error in found] == ['Class "X" not found']
