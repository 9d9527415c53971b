"""Licence files: which ones are taken for a release's, what the plan does with them, and what is said when they are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dfwizard.errors import UsageError
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.asking import Asker
from dfwizard.instance.licence import LicenceFiles, read_licence
from dfwizard.instance.origin import TargetFacts, with_packages
from dfwizard.planning.checks import Context, check
from dfwizard.planning.findings import Finding, Severity
from dfwizard.planning.plan import Execute, Plan
from dfwizard.planning.road import Wish
from dfwizard.planning.upgrade import plan_upgrade, road

from . import samples

HOST = LocalHost()
CORE, SCRIPT, LARAVEL = "dreamfactory/df-core", "dreamfactory/df-script", "laravel/framework"


def target(tag: str = "7.1.0", laravel: str = "v11.44.7", core: str = "1.0.6") -> TargetFacts:
    return samples.target(tag, packages={CORE: core, LARAVEL: laravel})


def write(place: Path, required: tuple[str, ...] = (CORE, SCRIPT), **locked: str) -> Path:
    """Write licence files; `locked` are the versions of core, script and laravel ("" leaves one out)."""
    versions = {"core": "1.0.6", "script": "1.2.0", "laravel": "v11.44.7", **locked}
    names = {"core": CORE, "script": SCRIPT, "laravel": LARAVEL}
    place.mkdir(parents=True, exist_ok=True)
    packages: list[dict[str, Any]] = [
        {"name": names[key], "version": version} for key, version in versions.items() if version
    ]
    packages.append({"name": "ext/user", "version": "1", "require": {"ext-v8js": "*", "php": "^8.3"}})
    (place / "composer.json").write_text(
        json.dumps({"require": {"php": "^8.3", **dict.fromkeys(required, "*")}})
    )
    (place / "composer.lock").write_text(json.dumps({"packages": packages}))
    return place


def read(place: Path, *targets: TargetFacts) -> tuple[LicenceFiles, ...]:
    return read_licence(Asker(HOST, str(place), HOST.user), str(place), targets or (target(),))


def test_those_of_one_release_lie_in_the_directory_itself(tmp_path: Path) -> None:
    (found,) = read(write(tmp_path / "licence"))
    assert (found.tag, found.directory, found.packages) == ("7.1.0", str(tmp_path / "licence"), (SCRIPT,))
    assert found.doubt == ""


def test_those_of_several_stops_lie_in_directories_called_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "6.3.0", core="1.0.3", laravel="v9.52.16")
    write(tmp_path / "7.1.0")
    found = read(tmp_path, target("6.3.0", "v9.52.16", "1.0.3"), target())
    assert [(one.tag, one.directory) for one in found] == [
        ("6.3.0", str(tmp_path / "6.3.0")),
        ("7.1.0", str(tmp_path / "7.1.0")),
    ]
    with pytest.raises(UsageError, match="cannot read the licence file") as caught:
        read(write(tmp_path), target("5.4.1"), target())
    assert caught.value.where == str(tmp_path / "5.4.1/composer.json")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda place: place.mkdir(), "cannot read the licence file"),
    "half": (lambda place: (write(place) / "composer.lock").unlink(), "cannot read the licence file"),
    "torn": (lambda place: (write(place) / "composer.lock").write_text('{"packages": ['), "no JSON document"),
    "a list": (lambda place: (write(place) / "composer.json").write_text("[]"), "no JSON document"),
    "nothing": (lambda place: write(place, required=()), "asks for no package of DreamFactory"),
    "open": (lambda place: write(place, required=(CORE,)), "no licensed package in it"),
    "two releases": (lambda place: write(place, script=""), "not in composer.lock"),
    "another release": (
        lambda place: write(place, laravel="v9.52.16"),
        "Laravel 9.52.16, 7.1.0 has Laravel 11.44.7",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_this_releases_licence_is_refused_in_words(tmp_path: Path, name: str) -> None:
    make, said = REFUSED[name]
    make(tmp_path / "licence")
    with pytest.raises(UsageError, match=said) as caught:
        read(tmp_path / "licence")
    assert caught.value.remedy


def test_another_core_makes_doubtful_and_no_more(tmp_path: Path) -> None:
    (found,) = read(write(tmp_path / "licence", core="1.0.3"))
    assert found.doubt == "composer.lock has df-core 1.0.3, the open source 7.1.0 has df-core 1.0.6"


def test_a_release_asks_for_what_its_licence_files_ask_for(tmp_path: Path) -> None:
    (found,) = read(write(tmp_path / "licence"))
    asked = with_packages(target(), found.manifest, found.lock)
    assert asked.extensions == {"ext-v8js": ("ext/user",)}
    assert asked.php == {"(root)": "^8.3", "ext/user": "^8.3"}
    assert (asked.tag, asked.commit, asked.paths) == (target().tag, target().commit, target().paths)


def planned(licence: dict[str, str]) -> Plan:
    facts = samples.facts("5.4.1", "8.3.10")
    installed, way = road(facts, samples.RULES, "7.1.0")
    origin = samples.origin(installed.tag, *(one.tag for one in way))
    return plan_upgrade(facts, origin, samples.RULES, installed, way, Wish("/b", licence=licence), None)


def test_each_stops_files_go_over_the_open_ones_before_composer_runs() -> None:
    plan = planned({"6.3.0": "/l/6.3.0", "7.1.0": "/l/7.1.0"})
    ids = [step.id for step in plan.steps]
    for tag in ("6.3.0", "7.1.0"):
        assert ids.index(f"checkout-{tag}") < ids.index(f"licence-{tag}") < ids.index(f"composer-{tag}")
        action = plan.step(f"licence-{tag}").action
        assert isinstance(action, Execute)
        assert action.argv[-2:] == (f"/l/{tag}", samples.PATH)
        assert action.user == "dreamfactory"
    assert not [step for step in planned({}).steps if step.id.startswith("licence-")]


def said(**around: Any) -> list[Finding]:
    tree = replace(samples.facts().tree, licensed=("composer.json",), licensed_packages=(SCRIPT,))
    facts = samples.facts("6.3.0", "8.3.10", tree=tree)
    installed, way = road(facts, samples.RULES, "7.1.0")
    made = Context(
        facts, samples.origin("7.1.0"), samples.RULES, installed, way, samples.plan(facts, "7.1.0")
    )
    return [one for one in check(replace(made, **around)) if one.id == "licence-files"]


def test_named_files_lift_the_blocker_and_doubts_stay() -> None:
    files = LicenceFiles("7.1.0", "/l", {}, {}, (SCRIPT, "dreamfactory/df-limits"))
    assert [one.severity for one in said()] == [Severity.BLOCKER]
    assert "--licence-files DIR" in said()[0].remedy
    assert [one.severity for one in said(licence=(files,))] == [Severity.INFO]
    (doubted,) = said(licence=(replace(files, doubt="another df-core"),))
    assert (doubted.severity, "7.1.0: another df-core" in doubted.evidence) == (Severity.WARNING, True)
    (fewer,) = said(licence=(replace(files, packages=("dreamfactory/df-limits",)),))
    assert fewer.severity is Severity.WARNING
    assert f"{SCRIPT} is here now, and does not come with them" in fewer.evidence
    (wrong,) = said(licence_error="composer.json is no JSON document")
    assert (wrong.severity, wrong.evidence[0]) == (Severity.BLOCKER, "composer.json is no JSON document")
