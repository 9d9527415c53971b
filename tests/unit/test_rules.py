"""The rules: the data that comes with dfwizard, the way between releases, and what is said of a wrong file."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from dfwizard.errors import RulesError, UsageError
from dfwizard.rules import (
    AdminUi,
    EnvKind,
    HopKind,
    PathRefused,
    Problem,
    Release,
    Rules,
    UnknownRelease,
    check_file,
    describe,
    load,
    show,
    stops,
)
from dfwizard.rules.toml_lines import line_of

RULES = load()
TAGS = [release.tag for release in RULES.releases]


# -- the data -----------------------------------------------------------------------------------------------


def test_every_tag_is_there_once_and_in_order() -> None:
    assert len(RULES.releases) == 74
    versions = [Version(release.version) for release in RULES.releases]
    assert versions == sorted(set(versions))
    assert all(re.fullmatch("[0-9a-f]{40}", release.commit) for release in RULES.releases)
    assert len({release.commit for release in RULES.releases}) == 73  # 7.0.0 repeats 6.3.0
    per_major = {major: sum(version.major == major for version in versions) for major in range(2, 8)}
    assert per_major == {2: 3, 3: 10, 4: 29, 5: 7, 6: 6, 7: 19}


def test_the_config_version_is_wrong_in_nineteen_releases_and_spelt_otherwise_in_one() -> None:
    since_3 = [release for release in RULES.releases if Version(release.version) >= Version("3.0.0")]
    assert len(since_3) == 70
    assert sum(release.config_version != release.tag for release in since_3) == 20
    assert sum(release.config_version != release.version for release in since_3) == 19


def test_php_windows_of_neighbouring_lines_do_not_overlap() -> None:
    def php(first: str, last: str) -> set[str]:
        line = [each for each in RULES.releases if Version(first) <= Version(each.version) <= Version(last)]
        return {minor for each in line for minor in each.php_minors}

    assert php("4.9.0", "4.14.1") == {"7.4"}
    assert php("5.0.0", "7.0.0") == {"8.1"}
    assert php("7.0.1", "7.3.3") == {"8.3", "8.4"}
    assert php("7.4.0", "7.7.0") == {"8.3", "8.4", "8.5"}


def test_releases_that_are_never_installed() -> None:
    unusable = {release.tag for release in RULES.releases if not release.usable_as_stop}
    assert unusable == {"3.0-beta-1", "4.3.3", "4.10.0", "7.0.0"}
    for tag in unusable:
        assert RULES.resolve(tag).warnings, f"{tag} says why"


@pytest.mark.parametrize(
    ("tag", "warning"),
    [
        ("3.0.1", "stale-lock"),
        ("4.2.1", "stale-lock"),
        ("4.3.3", "broken-lock"),
        ("4.10.0", "unsatisfiable-lock"),
        ("6.2.0", "admin-ui-not-in-composer"),
        ("7.0.0", "same-commit-as-6.3.0"),
        ("7.3", "tag-without-patch-number"),
        ("7.4.0", "branch-of-the-same-name"),
        ("7.4.2", "branch-of-the-same-name"),
        ("7.7.0", "tag-re-cut"),
        ("7.7.0", "cache-store-defaults-to-database"),
    ],
)
def test_a_release_carries_its_warning(tag: str, warning: str) -> None:
    assert warning in {each.id for each in RULES.resolve(tag).warnings}


def test_admin_ui_and_composer_by_line() -> None:
    assert RULES.resolve("5.4.1").admin_ui is AdminUi.DF_ADMIN_APP
    assert RULES.resolve("6.0.0").admin_ui is RULES.resolve("7.0.0").admin_ui is AdminUi.RELEASE_ZIP
    assert RULES.resolve("7.0.1").admin_ui is AdminUi.DF_ADMIN_INTERFACE
    assert RULES.composer_allows(RULES.resolve("3.0.1"), "1.10.27")
    assert not RULES.composer_allows(RULES.resolve("3.0.1"), "2.5.5")
    assert RULES.composer_allows(RULES.resolve("7.1.0"), "2.5.5")
    assert not RULES.composer_allows(RULES.resolve("7.1.0"), "2.1.14")
    assert not RULES.composer_allows(RULES.resolve("6.3.0"), "1.10.27")


def test_the_hops_are_the_guides_rows() -> None:
    rows = [(hop.from_line, hop.to_line, hop.method, hop.notes) for hop in RULES.hops_table]
    assert rows[1:5] == [
        ("4.x", "5.x", "In-place (git pull)", "PHP 7.4+ required; run php artisan migrate --seed"),
        (
            "5.x",
            "6.x",
            "In-place (git pull)",
            "Review .env for new required variables; check deprecated connectors",
        ),
        (
            "6.x",
            "7.x",
            "In-place or fresh migration",
            "PHP 8.1+ required; significant dependency updates — test in staging first",
        ),
        (
            "any",
            "cross-server",
            "Full migration (see below)",
            "Use the Major Version Migration process to copy .env and system database",
        ),
    ]
    assert (rows[0][0], rows[0][1], RULES.hops_table[0].kind) == ("3.x", "4.x", HopKind.FRESH)
    assert RULES.cross_server() == RULES.hops_table[4]
    assert all(hop.source.startswith("guide: ") for hop in RULES.hops_table)


def test_the_tables_that_comparisons_need() -> None:
    tables = RULES.tables
    assert tables.volatile == {
        "token_map",
        "jobs",
        "failed_jobs",
        "task_log",
        "mcp_request_log",
        "cache",
        "cache_locks",
        "sessions",
    }
    for table, column in {
        "service": "name",
        "role": "name",
        "app": "name",
        "user": "email",
        "lookup": "name",
        "event_script": "name",
    }.items():
        assert tables.name_columns[table] == column
    assert tables.of("user").left_out == ("confirm_code", "last_login_date")
    encrypted = {(table, column.column): column.json_keys for table, column in tables.encrypted}
    assert encrypted["lookup", "value"] == ()
    assert encrypted["sql_db_config", "connection"] == ("username", "password")
    assert ("smtp_config", "password") in encrypted
    assert tables.of("unheard_of").volatile is False


# -- questions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "tag"),
    [
        ("latest", "7.7.0"),
        (" Latest ", "7.7.0"),
        ("7.1.0", "7.1.0"),
        ("v7.1.0", "7.1.0"),
        ("refs/tags/7.1.0", "7.1.0"),
        ("7.3", "7.3"),
        ("7.3.0", "7.3"),
        ("7.2", "7.2.0"),
        ("3.0-beta-1", "3.0-beta-1"),
    ],
)
def test_resolve_understands(wish: str, tag: str) -> None:
    assert RULES.resolve(wish).tag == tag


@pytest.mark.parametrize(
    "wish", ["", "7", "7.x", "5.2.0", "8.0.0", "--upload-pack=x", "7.1.0\n; rm", "\0", "²"]
)
def test_resolve_refuses_and_offers_neighbours(wish: str) -> None:
    with pytest.raises(UnknownRelease) as caught:
        RULES.resolve(wish)
    assert caught.value.exit_code == 2
    offered = re.findall(r"[0-9][0-9.]*[0-9]", caught.value.remedy or "")
    assert offered
    assert all(RULES.by_tag(tag) for tag in offered)


def test_the_neighbours_offered_are_near() -> None:
    with pytest.raises(UnknownRelease, match=r"5\.1\.1, 5\.3\.0"):
        RULES.resolve("5.2.0")


@settings(max_examples=200)
@given(st.text())
def test_resolve_gives_a_release_or_says_so(wish: str) -> None:
    with contextlib.suppress(UnknownRelease):
        assert RULES.resolve(wish) in RULES.releases


def test_newest() -> None:
    newest = [RULES.newest_of_major(major).tag for major in range(2, 8)]
    assert newest == ["2.14.2", "3.1.2", "4.14.1", "5.4.1", "6.3.0", "7.7.0"]
    assert RULES.newest().tag == "7.7.0"
    with pytest.raises(UnknownRelease):
        RULES.newest_of_major(8)


def test_evidence_of_several_kinds() -> None:
    def tags(releases: object) -> list[str]:
        assert isinstance(releases, tuple)
        return [release.tag for release in releases]

    assert tags(RULES.by_commit("68531bb6e632f3facb24657d8c39f9770fdeac7a")) == ["6.3.0", "7.0.0"]
    assert tags(RULES.by_commit("68531BB")) == ["6.3.0", "7.0.0"]
    assert RULES.by_commit("68531b") == RULES.by_commit("") == RULES.by_commit("HEAD") == ()
    assert tags(RULES.by_tree("b3f3a666253d9bb9594fe4735866bb25a7ec30cd")) == ["7.4.0"]
    assert RULES.by_tree("") == ()
    assert tags(RULES.by_lock_hash("002e080bc8a741e07bb1758537abba69")) == ["7.7.0"]
    assert len(RULES.by_lock_hash("e5e9655aa300bbf9a7bef3bf93dd25af")) == 7  # 6.0.0 to 7.0.0
    assert tags(RULES.by_config_version("7.4.1")) == ["7.4.1", "7.4.2"]
    assert tags(RULES.laravel_line("11.44.7")) == ["7.1.0"]
    assert tags(RULES.laravel_line("v13.99.0")) == ["7.7.0"]
    assert tags(RULES.laravel_line("5.5.99"))[0] == "2.14.0"
    assert tags(RULES.laravel_line("5.5.99"))[-1] == "3.0.5"
    assert RULES.laravel_line("5.6.1") == RULES.laravel_line("1.2.3") == RULES.laravel_line("?") == ()


@pytest.mark.parametrize(
    ("tag", "php", "allowed"),
    [
        ("7.1.0", "8.2", False),
        ("7.1.0", "8.3", True),
        ("7.1.0", "8.3.14-1+deb12u1", True),
        ("7.1.0", "8.30", False),
        ("7.1.0", "8", False),
        ("7.1.0", "", False),
        ("6.3.0", "8.1.29", True),
        ("6.3.0", "8.2.7", False),
        ("4.10.0", "7.4", False),
    ],
)
def test_php_window(tag: str, php: str, allowed: bool) -> None:
    assert RULES.php_allows(RULES.resolve(tag), php) is allowed


@pytest.mark.parametrize(
    ("start", "end", "ids"),
    [
        ("4.14.1", "7.7.0", ["4-to-5", "5-to-6", "6-to-7"]),
        ("5.4.1", "6.3.0", ["5-to-6"]),
        ("5.4.0", "6.3.0", ["5-to-6"]),
        ("7.0.0", "7.1.0", ["6-to-7"]),  # 7.0.0 is 6.3.0
        ("6.3.0", "7.0.0", []),
        ("7.1.0", "7.7.0", ["minor"]),
        ("7.7.0", "7.1.0", []),
        ("7.7.0", "7.7.0", []),
        ("7.7.0", "7.9.0", ["minor"]),
        ("3.1.2", "4.0.0", ["3-to-4"]),
        ("2.14.2", "3.0.0", []),
    ],
)
def test_hops_crossed(start: str, end: str, ids: list[str]) -> None:
    assert [hop.id for hop in RULES.hops(start, end)] == ids
    with pytest.raises(UsageError, match="not a version"):
        RULES.hops("nonsense", end)


def test_service_types_that_the_way_removes() -> None:
    removed = RULES.removed_service_types("4.14.1", "7.7.0")
    assert {name: release.tag for name, release in removed.items()} == {
        "couchbase": "5.0.0",
        "mandrill_email": "5.0.0",
        "sparkpost_email": "5.0.0",
        "oauth_azure_ad": "7.4.2",
    }
    assert not RULES.removed_service_types("5.4.1", "6.3.0")


# -- .env ---------------------------------------------------------------------------------------------------


def needed(start: str, end: str, **present: str) -> dict[str, str]:
    return {each.key: each.value for each in RULES.required_env(start, end, present)}


def test_required_keys_on_the_way_to_7() -> None:
    three = {"CACHE_STORE": "file", "QUEUE_CONNECTION": "sync", "BCRYPT_ROUNDS": "10"}
    assert needed("6.3.0", "7.1.0") == three
    assert needed("7.0.0", "7.7.0") == three
    assert needed("5.4.1", "6.3.0") == {}
    assert needed("6.3.0", "7.0.1") == {"QUEUE_CONNECTION": "sync", "BCRYPT_ROUNDS": "10"}
    assert needed("6.3.0", "7.7.0", **three) == {}


def test_the_cache_store_stays_what_it_is_in_effect() -> None:
    assert needed("6.3.0", "7.1.0", CACHE_DRIVER="redis")["CACHE_STORE"] == "redis"
    assert needed("6.3.0", "7.1.0", CACHE_DRIVER=" ")["CACHE_STORE"] == "file"
    assert needed("6.3.0", "7.7.0", CACHE_STORE="", CACHE_DRIVER="redis")["CACHE_STORE"] == "redis"
    assert needed("6.3.0", "7.7.0", CACHE_STORE="memcached", CACHE_DRIVER="redis").get("CACHE_STORE") is None
    # From 7.0.2 on CACHE_DRIVER was not read: the instance has been on the file store since.
    assert needed("7.1.0", "7.7.0", CACHE_DRIVER="redis") == {"CACHE_STORE": "file"}
    assert needed("7.1.0", "7.6.0", CACHE_DRIVER="redis") == {}


def test_a_dead_queue_driver_is_not_brought_to_life() -> None:
    assert needed("6.3.0", "7.1.0", QUEUE_DRIVER="redis")["QUEUE_CONNECTION"] == "sync"


def test_what_is_required_now_and_from_when() -> None:
    required = {(rule.new, rule.since, rule.fatal_since) for rule in RULES.env if rule.required}
    assert required == {
        ("CACHE_STORE", "7.0.2", "7.7.0"),
        ("CACHE_STORE", "7.7.0", "7.7.0"),
        ("QUEUE_CONNECTION", "7.0.1", ""),
        ("BCRYPT_ROUNDS", "7.0.1", ""),
    }


def test_env_changes_are_those_passed_oldest_first() -> None:
    changes = RULES.env_changes("3.0.5", "7.7.0")
    assert len(changes) == len(RULES.env) == 34
    since = [Version(rule.since) for rule in changes]
    assert since == sorted(since)
    assert [rule.id for rule in RULES.env_changes("7.0.1", "7.0.2")] == ["cache-store"]
    at_7_7 = RULES.env_changes("7.6.0", "7.7.0")
    assert {rule.since for rule in at_7_7} == {"7.7.0"}
    removed = [rule.old for rule in at_7_7 if rule.kind is EnvKind.REMOVED]
    assert removed == ["APP_TIMEZONE"]
    assert RULES.env_changes("7.7.0", "6.3.0") == ()


# -- the way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "way"),
    [
        ("5.4.1", "7.1.0", "5.4.1 -> 6.3.0 -> 7.1.0"),
        ("5.0.0", "7.7.0", "5.0.0 -> 6.3.0 -> 7.7.0"),
        ("4.14.1", "7.7.0", "4.14.1 -> 5.4.1 -> 6.3.0 -> 7.7.0"),
        ("6.3.0", "7.1.0", "6.3.0 -> 7.1.0"),
        ("7.0.0", "7.1.0", "7.0.0 -> 7.1.0"),
        ("6.0.0", "6.3.0", "6.0.0 -> 6.3.0"),
        ("4.3.3", "4.14.1", "4.3.3 -> 4.14.1"),
        ("7.7.0", "7.7.0", "7.7.0 is installed already: nothing to do"),
        ("6.3.0", "7.0.0", "7.0.0 is the same commit as 6.3.0: nothing to do"),
        ("7.0.0", "6.3.0", "6.3.0 is the same commit as 7.0.0: nothing to do"),
    ],
)
def test_the_way(start: str, end: str, way: str) -> None:
    assert describe(RULES, RULES.resolve(start), RULES.resolve(end)) == way


@pytest.mark.parametrize(
    ("start", "end", "words", "remedy"),
    [
        ("7.1.0", "6.3.0", "older than 7.1.0", "roll back"),
        ("5.4.1", "7.0.0", "same commit as 6.3.0", "Choose 6.3.0 or 7.0.1"),
        ("4.8.0", "4.10.0", "No PHP satisfies", "Choose 4.9.0 or 4.10.1"),
        ("4.0.0", "4.3.3", "df-exporter-prometheus", "Choose 4.3.2 or 4.4.0"),
        ("3.1.2", "4.0.0", "fresh migration.*additive", "3-to-4"),
        ("3.0.0", "7.7.0", "fresh migration", "migrate to a new server"),
        ("2.14.2", "3.1.2", "no upgrade from 2.x to 3.x", "Stay within 2.x"),
    ],
)
def test_a_way_refused_in_clear_words(start: str, end: str, words: str, remedy: str) -> None:
    with pytest.raises(PathRefused, match=words) as caught:
        stops(RULES, RULES.resolve(start), RULES.resolve(end))
    assert remedy in (caught.value.remedy or "")
    assert caught.value.exit_code == 3


def assert_way_is_sound(rules: Rules, start: str, end: str) -> None:
    frm, to = rules.resolve(start), rules.resolve(end)
    refusal: PathRefused | None = None
    way: tuple[Release, ...] = ()
    try:
        way = stops(rules, frm, to)
    except PathRefused as error:
        refusal = error
    if refusal is not None:
        assert refusal.what
        assert refusal.remedy
        return
    if not way:
        assert frm.commit == to.commit
        return
    assert way[-1] is to
    assert all(release.usable_as_stop for release in way)
    versions = [rules.behaves_as(release) for release in (frm, *way)]
    assert all(before < after for before, after in pairwise(versions))
    majors = [version.major for version in versions]
    assert all(after - before in {0, 1} for before, after in pairwise(majors))
    legs = zip((frm, *way), way, strict=False)
    assert all(len(rules.hops(before, after)) == 1 for before, after in legs), (
        "each leg has its row of the guide"
    )


def test_every_pair_has_a_way_or_a_clear_refusal() -> None:
    for start in TAGS:
        for end in TAGS:
            assert_way_is_sound(RULES, start, end)


@settings(max_examples=30, deadline=None)
@given(
    unusable=st.sets(st.sampled_from([tag for tag in TAGS if tag[0] in "4567"]), max_size=25),
    fresh=st.sets(st.sampled_from(["4-to-5", "5-to-6", "6-to-7"]), max_size=1),
    pairs=st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=20, max_size=20),
)
def test_the_way_is_sound_whatever_the_rules_say(
    tmp_path_factory: pytest.TempPathFactory,
    unusable: set[str],
    fresh: set[str],
    pairs: list[tuple[str, str]],
) -> None:
    file = tmp_path_factory.mktemp("rules") / "own.toml"
    text = [f'[[releases]]\ntag = "{tag}"\nusable_as_stop = false\n' for tag in sorted(unusable)]
    text += [f'[[hops]]\nid = "{hop}"\nkind = "fresh"\n' for hop in sorted(fresh)]
    file.write_text("".join(text))
    rules = load(file)
    for start, end in pairs:
        assert_way_is_sound(rules, start, end)


# -- a file of the user's own -------------------------------------------------------------------------------

NEW_RELEASE = """\
[[releases]]
tag = "8.0.0"
version = "8.0.0"
date = 2027-01-31
commit = "0123456789abcdef0123456789abcdef01234567"
config_version = "8.0.0"
lock_hash = "0123456789abcdef0123456789abcdef"
php_constraint = "^8.4"
php_minors = ["8.4", "8.5"]
laravel = "14.0.1"
admin_ui = "composer-df-admin-interface"
composer = ">=2.2"
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_adds_a_release_and_the_hop_to_it(tmp_path: Path) -> None:
    file = write(tmp_path, NEW_RELEASE)
    rules = load(file)
    assert rules.newest().tag == "8.0.0"
    assert rules.resolve("8.0.0").date == "2027-01-31"
    assert len(rules.releases) == len(RULES.releases) + 1
    assert rules.files[-1] == str(file)
    with pytest.raises(PathRefused, match=r"no upgrade from 7.x to 8.x"):
        stops(rules, rules.resolve("7.1.0"), rules.resolve("8.0.0"))
    hop = '[[hops]]\nid = "7-to-8"\nfrom = "7.x"\nto = "8.x"\nkind = "in-place"\nmethod = "m"\nnotes = ""\nsource = "s"\n'
    rules = load(write(tmp_path, NEW_RELEASE + hop))
    assert describe(rules, rules.resolve("6.3.0"), rules.newest()) == "6.3.0 -> 7.7.0 -> 8.0.0"
    assert load().newest().tag == "7.7.0", "the package's own rules are untouched"


def test_a_file_changes_only_the_keys_it_gives(tmp_path: Path) -> None:
    text = (
        '[[releases]]\ntag = "7.7.0"\nusable_as_stop = false\n'
        '[[hops]]\nid = "3-to-4"\nkind = "in-place"\n'
        '[[env]]\nid = "db-connection"\nrequired = true\nvalue = "mysql"\n'
        '[[tables]]\nname = "user"\nleft_out = ["phone"]\n'
    )
    rules = load(write(tmp_path, text))
    assert rules.newest().tag == "7.6.0"
    assert rules.resolve("7.7.0").commit == RULES.resolve("7.7.0").commit
    assert describe(rules, rules.resolve("3.1.2"), rules.resolve("5.4.1")) == "3.1.2 -> 4.14.1 -> 5.4.1"
    required = {each.key: each.value for each in rules.required_env("6.3.0", "7.0.1", {"DB_DRIVER": "pgsql"})}
    assert required["DB_CONNECTION"] == "pgsql"
    assert rules.tables.of("user").left_out == ("phone",)
    assert rules.tables.of("user").name_column == "email"


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load(write(tmp_path, "\ufeff# nothing\r\n")).releases == RULES.releases


def test_windows_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(NEW_RELEASE.replace("\n", "\r\n").encode())
    assert load(file).newest().tag == "8.0.0"


# Each: what is replaced in NEW_RELEASE, by what, and the line, key and reason that have to be named.
MISTAKES = [
    ('"8.0.0"\ndate', "7\ndate", 3, "releases[0].version", "must be a string, and is an integer"),
    (
        'version = "8.0.0"\ndate',
        'version = "8.0"\ndate',
        3,
        "releases[0].version",
        "a version of three numbers",
    ),
    ('version = "8.0.0"\ndate', 'version = "8.0.1"\ndate', 3, "releases[0].version", "the tag is '8.0.0'"),
    ("2027-01-31", '"2027-01-31"', 4, "releases[0].date", "must be a date.*is a string"),
    ("2027-01-31", "2027-01-31T00:00:00", 4, "releases[0].date", "is a date with a time"),
    ('commit = "0', 'commit = "X', 5, "releases[0].commit", "40 hexadecimal digits.*is 'X123"),
    ('commit = "0123456789abcdef0123456789abcdef01234567"\n', "", 1, "releases[0].commit", "is missing"),
    (
        "0123456789abcdef0123456789abcdef01234567",
        "61004db1b029f675368a344ee147cdc90f404ae7",
        5,
        "releases[0].commit",
        "is the commit of 7.7.0: say so with same_as",
    ),
    ("lock_hash", "lok_hash", 7, "releases[0].lok_hash", "unknown key: did you mean lock_hash"),
    ("laravel =", "colour =", 10, "releases[0].colour", "unknown key: known are tag, version"),
    (
        '["8.4", "8.5"]',
        '["8.4", 8.5]',
        9,
        "releases[0].php_minors",
        "element 1 must be a string, and is a float",
    ),
    ('["8.4", "8.5"]', '"8.4"', 9, "releases[0].php_minors", "must be an array, and is a string"),
    ('">=2.2"', '"2.2 or so"', 12, "releases[0].composer", "a version specifier"),
    ('"composer-df-admin-interface"', '"zip"', 11, "releases[0].admin_ui", "must be one of .*release-zip"),
    ("[[releases]]", "[[relases]]", 1, "relases", "unknown section: did you mean releases"),
    ("[[releases]]", "[releases]", 1, "releases", r"must be an array of tables \(\[\[releases\]\]\)"),
    ('"8.0.0"\nversion', '"-8.0.0"\nversion', 2, "releases[0].tag", "must be a git tag"),
    (
        'composer = ">=2.2"\n',
        'composer = ">=2.2"\nsame_as = "9.0"\n',
        13,
        "releases[0].same_as",
        "not the tag of",
    ),
    (
        'composer = ">=2.2"\n',
        'composer = ">=2.2"\nsame_as = "7.7.0"\n',
        13,
        "releases[0].same_as",
        "another commit",
    ),
    (
        'composer = ">=2.2"\n',
        'composer = ">=2.2"\nusable_as_stop = "no"\n',
        13,
        "releases[0].usable_as_stop",
        "true or",
    ),
    (
        'composer = ">=2.2"\n',
        (
            'composer = ">=2.2"\n[[releases.warnings]]\nid = "a"\ntext = "b"\nsource = "c"\n'
            '[[releases.warnings]]\nid = "d"\ntext = ""\nsource = "c"\n'
        ),
        19,
        "releases[0].warnings[1].text",
        "must not be empty",
    ),
    (
        'composer = ">=2.2"\n',
        'composer = ">=2.2"\n[[releases.warnings]]\nid = "a"\n',
        13,
        "releases[0].warnings[0].text",
        "is missing",
    ),
    ('composer = ">=2.2"\n', f'composer = ">=2.2"\n{NEW_RELEASE}', 14, "releases[1].tag", "first on line 2"),
]


@pytest.mark.parametrize(("before", "after", "line", "key", "reason"), MISTAKES)
def test_a_mistake_is_named_by_file_line_key_and_reason(
    tmp_path: Path, before: str, after: str, line: int, key: str, reason: str
) -> None:
    assert before in NEW_RELEASE
    file = write(tmp_path, NEW_RELEASE.replace(before, after, 1))
    found = [problem for problem in check_file(file) if problem.key == key]
    assert len(found) == 1
    assert found[0].file == str(file)
    assert found[0].line == line
    assert re.search(reason, found[0].reason)
    with pytest.raises(RulesError) as caught:
        load(file)
    assert f"{file}:{line}: {key}: {found[0].reason}" in str(caught.value).splitlines()
    assert str(found[0]) in caught.value.problems


@pytest.mark.parametrize(
    ("text", "line", "key", "reason"),
    [
        ('[[hops]]\nid = "4-to-5"\nto = "6.x"\n', 3, "hops[0].to", "must be the line after 4.x"),
        ('[[hops]]\nid = "minor"\nto = "6.x"\n', 3, "hops[0].to", "cannot be '6.x' with from = 'any'"),
        ('[[hops]]\nid = "4-to-5"\nfrom = "four"\n', 3, "hops[0].from", "a line such as 4.x"),
        (
            '[[env]]\nid = "db-url"\nrequired = true\n',
            1,
            "env[0].value",
            "kind = 'rename' and required = true",
        ),
        ('[[env]]\nid = "db-url"\nold = ""\n', 3, "env[0].old", "is missing: kind = 'rename' needs it"),
        ('[[env]]\nid = "db-url"\nnew = "A=B"\n', 3, "env[0].new", "a key of .env"),
        ('[[env]]\nid = "db-url"\nvalue = "a\\nB=c"\n', 3, "env[0].value", "a value of one line"),
        ('[[env]]\nid = "db-url"\nsince = "soon"\n', 3, "env[0].since", "a version of three numbers"),
        ('[[tables]]\nname = "user; --"\n', 2, "tables[0].name", "a table or column in lower case"),
        (
            '[[tables]]\nname = "x"\nencrypted = [\n  {column = "A B"},\n]\n',
            3,
            "tables[0].encrypted[0].column",
            "a column in lower case",
        ),
    ],
)
def test_mistakes_in_the_other_sections(tmp_path: Path, text: str, line: int, key: str, reason: str) -> None:
    problems = check_file(write(tmp_path, text))
    assert [(problem.line, problem.key) for problem in problems] == [(line, key)]
    assert reason in problems[0].reason


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = NEW_RELEASE.replace("2027-01-31", "1").replace("lock_hash", "hash").replace('"^8.4"', "true")
    problems = check_file(write(tmp_path, text))
    assert [(problem.line, problem.key) for problem in problems] == [
        (1, "releases[0].lock_hash"),
        (4, "releases[0].date"),
        (7, "releases[0].hash"),
        (8, "releases[0].php_constraint"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "column", "reason"),
    [
        (b'[[releases]]\ntag = "8.0.0\n', 2, 13, "not TOML"),
        (b"[[releases]]\ntag == 1\n", 2, 6, "not TOML"),
        (b'a = 1\nb = """open\n', 2, 0, "not TOML"),
        (b"a = 1\na = 2\n", 2, 6, "not TOML"),
        (b'# fine\ntag = "\xff"\n', 2, 0, "is not UTF-8"),
        (b"a = " + b"[" * 100_000, 0, 0, "nested too deeply"),
        (b"#" * (4 * 1024 * 1024 + 1), 0, 0, "larger than 4 MiB"),
    ],
    ids=["open string", "double equals", "open text", "key twice", "latin 1", "nesting", "size"],
)
def test_a_file_that_cannot_be_parsed(
    tmp_path: Path, content: bytes, line: int, column: int, reason: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(content)
    [problem] = check_file(file)
    assert reason in problem.reason
    assert (problem.line, problem.column) == (line, column)
    with pytest.raises(RulesError, match=re.escape(str(problem))):
        load(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    [missing] = check_file(tmp_path / "none.toml")
    assert missing.reason == "cannot be read: No such file or directory"
    [directory] = check_file(tmp_path)
    assert directory.reason == "cannot be read: Is a directory"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    [waiting] = check_file(pipe)
    assert waiting.reason == "is no regular file"
    [null] = check_file(Path("a\0b"))
    assert null.reason.startswith("cannot be read: ")
    assert null.file == r"'a\x00b'"


def test_a_hostile_name_stays_on_its_line(tmp_path: Path) -> None:
    file = write(tmp_path, '"re\\nleases\\u001b[31m" = 1\n')
    [problem] = check_file(file)
    assert str(problem).isprintable()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_a_list_of_problems_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = (NEW_RELEASE + '[[env]]\nid = "x"\nkind = "explicit"\nnew = "A"\n').splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key = lines[at].partition(" =")[0]
        lines[at] = data.draw(
            st.sampled_from(
                [
                    "",
                    f"{key} = []",
                    f"{key} = {{}}",
                    f"{key} = -1",
                    f"{key} = ['']",
                    f"[[{key}]]",
                    f"{key} = nan",
                ]
            )
            | st.text(max_size=10)
        )
    file = tmp_path_factory.mktemp("rules") / "own.toml"
    file.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    problems = check_file(file)
    assert all(problem.reason and str(problem).isprintable() for problem in problems)
    assert all(0 <= problem.line <= len(lines) + 20 for problem in problems)
    if problems:
        with pytest.raises(RulesError):
            load(file)
    else:
        assert load(file).releases


def test_lines_are_found_through_strings_arrays_and_comments() -> None:
    text = (
        "top = [ # [[trap]]\n"  # 1
        '  "]", """a\n'  # 2
        "[[trap]]\n"  # 3
        'b""",\n'  # 4
        "]\n"  # 5
        "[[a]]\n"  # 6
        "x.y = 1\n"  # 7
        "[[a.b]]\n"  # 8
        "[[a.b]]\n"  # 9
        "'k' = '''\n"  # 10
        "z = 3\n"  # 11
        "'''\n"  # 12
        "[a.c]\n"  # 13
        'z = "#"\n'  # 14
        '[["a"]]\n'  # 15
        "z = {p = [1]}\n"  # 16
    )
    expected = {
        ("top",): 1,
        ("a", 0): 6,
        ("a", 0, "x", "y"): 7,
        ("a", 0, "b", 0): 8,
        ("a", 0, "b", 1, "k"): 10,
        ("a", 0, "b", 1, "missing"): 9,
        ("a", 0, "c", "z"): 14,
        ("a", 1): 15,
        ("a", 1, "z", "p", 0): 16,
        ("trap", 0): 1,
        ("a", 0, "b", 1, "z"): 9,
        ("nowhere",): 1,
    }
    assert {path: line_of(text, path) for path in expected} == expected


# -- what the command line shows ----------------------------------------------------------------------------


def test_show_is_plain_data() -> None:
    rows = json.loads(json.dumps(show(RULES)))
    assert {name: len(section) for name, section in rows.items()} == {
        "releases": 74,
        "hops": 6,
        "services": len(RULES.services),
        "php_switches": 2,
        "env": 34,
        "carry": len(RULES.carry),
        "tables": len(RULES.tables.tables),
        "points": 5,
        "explained": len(RULES.tables.explained),
    }
    assert rows["releases"][-1]["tag"] == "7.7.0"
    assert rows["hops"][1]["kind"] == "in-place"


def test_a_problem_without_a_line_reads_well() -> None:
    assert str(Problem("f.toml", 0, "", "cannot be read")) == "f.toml: cannot be read"
    assert str(Problem("f.toml", 2, "", "not TOML", column=5)) == "f.toml:2:5: not TOML"


def test_loading_takes_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys, dfwizard.rules as r; r.load()\n"
        "print([m for m in ('textual', 'rich', 'paramiko', 'difflib', 'packaging.specifiers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
