"""Which release is installed: reading the signs, and judging them by the real release table."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard.instance.facts import GitFacts
from dfwizard.instance.version import Packages, Signs, config_version, decide, read_packages
from dfwizard.rules import Release, load

RULES = load()
_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def _single(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@given(
    _TEXT,
    st.lists(st.tuples(_TEXT, _TEXT), max_size=5),
    st.sampled_from(["", "// 'version' => '0.0.0',\n", "/* 'version' => '0', ' */", "# don't\n"]),
    st.sampled_from(["[{}]", "array({})"]),
)
def test_the_version_is_read_among_anything(
    version: str, others: list[tuple[str, str]], comment: str, form: str
) -> None:
    entries = [f"{_single(key)} => {_single(value)}" for key, value in others if key != "version"]
    nested = "'nested' => ['version' => 'inner', 'more' => env('X', \"a\")]"
    own = f"'version' {comment} => {_single(version)}"
    body = f",\n{comment}".join([*entries, nested, own, *entries])
    assert config_version(f"<?php\n{comment}\nreturn {form.format(comment + body)};") == version


@given(st.text(alphabet="'\"[]()/*#=>version\\ \n", max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    config_version(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<?php return ['version' => env('V')];",
        "<?php return ['a' => ['version' => '1']];",
        "'version' => '1'",
    ],
)
def test_no_literal_no_version(text: str) -> None:
    assert config_version(text) is None


def test_both_forms_of_installed_json() -> None:
    packages = [{"name": "laravel/framework", "version": "v9.52.16"}, {"name": "x"}, 3]
    new = read_packages(json.dumps({"packages": packages}).encode())
    assert new == read_packages(json.dumps(packages).encode())
    assert new is not None
    assert new.laravel == "9.52.16"
    assert read_packages(b"{") is None
    assert read_packages(b'{"packages": {}}') is None
    assert read_packages(b"[" * 100_000) is None


def _git(commit: str = "0" * 40, tags: tuple[str, ...] = (), describe: str = "") -> GitFacts:
    return GitFacts(commit, "1" * 40, "master", tags, describe, None, (), (), ())


def _signs(tag: str, **changes: object) -> Signs:
    """Give the signs of an installation in order."""
    release = RULES.by_tag(tag)
    assert release is not None
    versions = {"laravel/framework": release.laravel, "dreamfactory/df-core": release.df_core}
    made = Signs(
        git=_git(release.commit, (tag,)),
        config=release.config_version,
        lock=Packages(versions, release.lock_hash),
        installed=Packages(versions),
        artisan=f"Laravel Framework {release.laravel}",
        status=release.config_version,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("release", RULES.releases, ids=lambda release: release.tag)
def test_every_release_is_known_by_its_commit_without_conflict(release: Release) -> None:
    tag = release.tag
    found = decide(_signs(tag), RULES)
    assert found.release == ("6.3.0" if tag == "7.0.0" else tag)
    assert found.conflicts == ()


def test_7_0_0_is_6_3_0_and_says_so() -> None:
    found = decide(_signs("7.0.0"), RULES)
    assert found.release == "6.3.0"
    assert "7.0.0 is the same commit" in found.because


@pytest.mark.parametrize("tag", ["5.4.1", "6.3.0", "7.1.0", "7.3", "7.7.0"])
def test_without_git_the_lock_and_config_decide(tag: str) -> None:
    assert decide(_signs(tag, git=None), RULES).release == tag


def test_unknown_commit_with_a_tag_believes_the_tag() -> None:
    found = decide(_signs("7.1.0", git=_git(tags=("7.1.0", "mine"))), RULES)
    assert (found.release, found.conflicts) == ("7.1.0", ())
    assert any("not the published commit" in one.note for one in found.evidence)


def test_commits_on_top_of_a_release() -> None:
    found = decide(_signs("6.3.0", git=_git(describe="6.3.0-2-gabcdef0")), RULES)
    assert found.release == "6.3.0"
    assert any("2 commits after 6.3.0" in one.note for one in found.evidence)


def test_old_vendor_under_new_code() -> None:
    old = _signs("6.3.0")
    found = decide(_signs("7.1.0", installed=old.installed, artisan=old.artisan), RULES)
    assert found.release == "7.1.0"
    (conflict,) = found.conflicts
    assert "vendor is 9.52.16" in conflict
    assert "the code is 7.1.0: composer install never finished" in conflict


def test_no_vendor_at_all() -> None:
    found = decide(_signs("7.1.0", installed=None, artisan=None, vendor_missing=True), RULES)
    assert ["vendor/composer/installed.json is missing" in one for one in found.conflicts] == [True]


@pytest.mark.parametrize(("cached", "words"), [(True, "is cached"), (False, "php-fpm was not restarted")])
def test_a_stale_status(cached: bool, words: str) -> None:
    (conflict,) = decide(_signs("7.1.0", status="6.3.0", config_cached=cached), RULES).conflicts
    assert "GET /status says 6.3.0 but the code is 7.1.0" in conflict
    assert words in conflict


def test_an_edited_config_and_a_foreign_lock() -> None:
    found = decide(_signs("7.1.0", config="9.9.9", lock=_signs("7.7.0").lock), RULES)
    assert found.release == "7.1.0"
    assert [one.split(" ")[0] for one in found.conflicts][:2] == ["config/app.php", "composer.lock"]


def test_nothing_sure_is_no_release() -> None:
    assert decide(Signs(), RULES).release is None
    assert decide(Signs(artisan="Laravel Framework 11.44.7"), RULES).release is None
    assert decide(_signs("7.1.0"), None).release is None
