"""The rules data against tables that were transcribed from the releases on another way than the data files were."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import pytest

from dfwizard.rules import Release, ServiceKind, Tier, load

RULES = load()
LOCKS = {"stale-lock", "broken-lock", "unsatisfiable-lock"}


def table(name: str) -> list[dict[str, str]]:
    with (Path(__file__).parent / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


RELEASES = table("releases.tsv")
LINES = table("requirements.tsv")


def column(release: Release, name: str) -> str:
    """Give what a release says, in the words of the table."""
    if name == "php_minors":
        return ",".join(release.php_minors)
    if name == "lock":
        # The table marks the locks whose hash is not that of composer.json; that 4.10.0's cannot be met is its window.
        return (
            "stale" if {warning.id for warning in release.warnings} & (LOCKS - {"unsatisfiable-lock"}) else ""
        )
    return str(getattr(release, name))


def test_the_table_and_the_rules_hold_the_same_releases_in_the_same_order() -> None:
    assert [row["tag"] for row in RELEASES] == [release.tag for release in RULES.releases]


@pytest.mark.parametrize("name", sorted(RELEASES[0]))
def test_a_column_is_the_same_for_every_release(name: str) -> None:
    assert {row["tag"]: row[name] for row in RELEASES} == {
        release.tag: column(release, name) for release in RULES.releases
    }


def test_every_column_of_a_release_is_compared() -> None:
    compared = {*RELEASES[0], *LINES[0], "version", "warnings"} - {"lock", "first", "last"}
    # These follow from others, or from the table of service types.
    derived = {"same_as", "usable_as_stop", "added_service_types", "removed_service_types"}
    assert {name for name in Release.__dataclass_fields__ if name not in derived} == compared


def test_what_a_line_of_releases_needs() -> None:
    tags = [release.tag for release in RULES.releases]
    covered: list[str] = []
    for row in LINES:
        line = RULES.releases[tags.index(row["first"]) : tags.index(row["last"]) + 1]
        covered += [release.tag for release in line]
        for release in line:
            said = (release.composer, release.ext_mongodb, release.admin_ui.value)
            assert said == (row["composer"], row["ext_mongodb"], row["admin_ui"]), release.tag
    assert covered == tags


def test_a_release_without_php_or_with_a_broken_lock_is_no_stop() -> None:
    for row in RELEASES:
        release = RULES.resolve(row["tag"])
        if not row["php_minors"]:
            assert not release.usable_as_stop
    assert not RULES.resolve("4.3.3").usable_as_stop
    repeated = [row for row in RELEASES if [one["commit"] for one in RELEASES].count(row["commit"]) > 1]
    assert [row["tag"] for row in repeated] == ["6.3.0", "7.0.0"]
    assert {release.tag: release.same_as for release in RULES.releases if release.same_as} == {
        "7.0.0": "6.3.0"
    }


# -- service types ------------------------------------------------------------------------------------------


def test_the_service_types_that_each_release_came_and_went_with() -> None:
    changes = [row for row in table("service_types.tsv") if row["change"] != "all"]
    said = {(row["release"], row["change"]): sorted(row["types"].split()) for row in changes}
    ours = {
        (release.tag, word): sorted(types)
        for release in RULES.releases[1:]
        for word, types in (("came", release.added_service_types), ("went", release.removed_service_types))
        if types
    }
    assert ours == said


def test_the_open_source_set_of_the_newest_release() -> None:
    (newest,) = [row for row in table("service_types.tsv") if row["change"] == "all"]
    assert RULES.service_types(newest["release"]) == set(newest["types"].split())


@pytest.mark.parametrize(
    ("release", "there", "gone"),
    [
        ("2.14.2", "mysql python v8js couchbase", "python3 alloydb mcp"),
        ("3.0.0", "bitbucket bitbucket2 couchbase", "mysql python3 gridfs"),
        ("4.14.1", "alloydb heroku_addon_sso mandrill_email", "bitbucket2 mqtt"),
        ("7.0.0", "pgsql", "couchbase amqp"),
        ("7.4.1", "oauth_azure_ad mcp amqp", "api_builder"),
        ("7.4.2", "mcp", "oauth_azure_ad"),
    ],
)
def test_the_open_source_set_of_a_release(release: str, there: str, gone: str) -> None:
    types = RULES.service_types(release)
    assert types >= set(there.split())
    assert not types & set(gone.split())


def commercial() -> Iterable[tuple[str, str]]:
    return ((row["name"], row["tier"]) for row in table("commercial.tsv"))


def test_what_needs_a_licence_and_which() -> None:
    ours = {each.name: each.tier.value for each in RULES.services if each.tier is not Tier.GONE}
    # Scripts are told apart further: the engine and resources that left with them.
    assert {
        name: tier for name, tier in ours.items() if name not in {"v8js", "event_script", "script_type"}
    } == dict(commercial())
    for row in table("commercial.tsv"):
        origin = RULES.service_origin(row["name"])
        assert origin is not None
        assert origin.source
        if row["package"]:
            assert origin.package == f"dreamfactory/{row['package']}"


def test_every_type_that_went_is_accounted_for() -> None:
    today = RULES.service_types("7.7.0")
    for release in RULES.releases:
        for name in release.removed_service_types:
            origin = RULES.service_origin(name)
            assert origin is not None, name
            assert origin.kind is ServiceKind.SERVICE
            assert origin.in_words
            assert name not in today
            assert not origin.becomes or origin.becomes in today


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mysql", "dreamfactory/df-mysqldb (commercial)"),
        ("python3", "dreamfactory/df-script (SILVER licence)"),
        ("snowflake", "dreamfactory/df-snowflake (GOLD licence)"),
        ("service_report", "GOLD licence"),
        ("couchbase", "no edition has it any more"),
        ("bitbucket2", "it is called bitbucket now"),
    ],
)
def test_where_a_type_is_to_be_had(name: str, words: str) -> None:
    origin = RULES.service_origin(name)
    assert origin is not None
    assert origin.in_words == words


# -- .env ---------------------------------------------------------------------------------------------------


def test_every_change_of_a_key_is_a_rule_and_every_rule_such_a_change() -> None:
    said = sorted((row["since"], row["old"], row["new"]) for row in table("env.tsv"))
    assert said == sorted((rule.since, rule.old, rule.new) for rule in RULES.env)


def test_a_key_that_must_become_explicit_says_when_and_what_happens_otherwise() -> None:
    (secret,) = [rule for rule in RULES.env if rule.new == "JWT_SECRET"]
    assert (secret.least_bytes, secret.fatal_since) == (32, "5.0.1")
    assert "APP_KEY has less than 32 bytes" in secret.when
    assert "Every login fails" in secret.otherwise
    assert all(rule.reason and rule.otherwise and rule.source for rule in RULES.env)


def test_where_releases_and_guide_disagree_both_name_their_source() -> None:
    for hop in RULES.hops_table:
        assert hop.source.startswith("guide: ")
        assert hop.facts
        assert all(fact.text and fact.source and "guide" not in fact.source for fact in hop.facts), hop.id
