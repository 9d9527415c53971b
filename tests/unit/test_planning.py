"""The upgrade's plan, its rollback and the checks, over invented facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard import codec
from dfwizard.errors import BlockedError, UsageError
from dfwizard.instance.facts import ArtisanFacts, Facts, KeyProof, Space, WebFacts
from dfwizard.planning.checks import Context, Needs, ServiceType, check
from dfwizard.planning.findings import Finding, Severity, blockers
from dfwizard.planning.plan import ClearAside, EditDotenv, Execute, Plan, Undo
from dfwizard.planning.rollback import plan_rollback
from dfwizard.planning.upgrade import dotenv_changes, dotenv_renames, road
from dfwizard.rules import Release

from . import samples

EDIT = EditDotenv({"CACHE_STORE": "redis"}, "+CACHE_STORE=redis\n")


def ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


def context(**changes: Any) -> Context:
    to = "7.1.0"
    found = samples.facts(php="8.3.10")
    installed, way = road(found, samples.RULES, to)
    made = Context(
        facts=found,
        origin=samples.origin(*(release.tag for release in way)),
        rules=samples.RULES,
        installed=installed,
        way=way,
        plan=samples.plan(found, to, EDIT),
    )
    return replace(made, **changes)


def by_id(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.id: finding for finding in findings}


def test_the_plan_follows_the_guide_with_backup_proof_and_env_before_the_code() -> None:
    plan = samples.plan(samples.facts(), "7.1.0", EDIT)
    assert ids(plan) == [
        "maintenance-on",
        "fingerprint",
        "note-versions",
        "backup",
        "prove",
        "dotenv",
        "fetch",
        "stash",
        "checkout-7.1.0",
        "owners-7.1.0",
        "compiled-7.1.0",
        "composer-7.1.0",
        "migrate-7.1.0",
        "config-clear-7.1.0",
        "cache-clear-7.1.0",
        "restart-php-fpm",
        "restart-web",
        "gate-7.1.0",
        "maintenance-off",
        "verify",
    ]


def test_several_majors_stop_at_each_with_a_gate() -> None:
    plan = samples.plan(samples.facts("5.4.1"), "7.1.0")
    assert [(hop.frm, hop.to) for hop in plan.hops] == [("5.4.1", "6.3.0"), ("6.3.0", "7.1.0")]
    assert ids(plan).index("gate-6.3.0") < ids(plan).index("checkout-7.1.0")
    assert ids(plan).count("stash") == 1
    assert ids(plan).count("backup") == 1


def test_a_release_is_checked_out_by_its_commit() -> None:
    plan = samples.plan(samples.facts(), "7.4.0")
    action = plan.step("checkout-7.4.0").action
    assert isinstance(action, Execute)
    assert action.argv[-1] == samples.RULES.resolve("7.4.0").commit
    assert action.user == "dreamfactory"


def test_a_maintenance_mode_that_was_on_is_left_alone() -> None:
    plan = samples.plan(samples.facts(artisan=ArtisanFacts(maintenance=True)), "7.1.0")
    assert not any(step.undo is Undo.MAINTENANCE for step in plan.steps)
    assert not any(
        "maintenance" in step.id for step in plan_rollback(plan, ids(plan), present_backup="/b").steps
    )


def test_an_owner_without_a_home_gets_one_first() -> None:
    plan = samples.plan(samples.facts(owner_home="/var/cache/dfwizard/home-dreamfactory"), "7.1.0")
    assert ids(plan)[0] == "home"
    assert ids(plan_rollback(plan, ["home"], present_backup="/b")) == []


def test_php_outside_the_window_is_the_only_requirement_ignored() -> None:
    inside = samples.plan(samples.facts(php="8.3.10"), "7.1.0").step("composer-7.1.0").action
    outside = samples.plan(samples.facts(php="8.2.36"), "7.1.0").step("composer-7.1.0").action
    assert isinstance(inside, Execute)
    assert isinstance(outside, Execute)
    assert not any("ignore" in word for word in inside.argv)
    assert "--ignore-platform-req=php" in outside.argv
    assert "--ignore-platform-reqs" not in outside.argv


def test_a_plugin_that_the_target_does_not_allow_is_not_loaded() -> None:
    action = samples.plan(samples.facts("5.4.1"), "6.3.0").step("composer-6.3.0").action
    later = samples.plan(samples.facts("6.3.0"), "7.1.0").step("composer-7.1.0").action
    assert isinstance(action, Execute)
    assert isinstance(later, Execute)
    assert "--no-plugins" in action.argv
    assert "--no-plugins" not in later.argv  # there the plugin must run: it installs the admin UI


def test_plans_survive_json() -> None:
    plan = samples.plan(samples.facts("5.4.1"), "7.7.0", EDIT)
    assert codec.loads(Plan, codec.dumps(plan)) == plan


def test_the_keys_that_the_target_needs_keep_todays_behaviour() -> None:
    changes = dotenv_changes(
        samples.facts(), samples.RULES, samples.RULES.resolve("6.3.0"), samples.RULES.resolve("7.7.0")
    )
    assert changes == {"CACHE_STORE": "redis", "QUEUE_CONNECTION": "sync", "BCRYPT_ROUNDS": "10"}


def with_keys(values: dict[str, str], *secret: str) -> Facts:
    facts = samples.facts()
    assert facts.dotenv is not None
    return replace(facts, dotenv=replace(facts.dotenv, values=values, secret_keys=secret))


def test_keys_that_the_target_calls_otherwise_are_set_by_their_new_names_too() -> None:
    here, there = samples.RULES.resolve("6.3.0"), samples.RULES.resolve("7.7.0")
    old = {
        "BROADCAST_DRIVER": "pusher",
        "DB_DRIVER": "pgsql",
        "CACHE_TABLE": "df_cache",
        "FILESYSTEM_DRIVER": "",
        "CACHE_STORE": "file",
    }
    facts = with_keys(old, "DATABASE_URL")
    renames = dotenv_renames(facts, samples.RULES, here, there)
    assert renames == {
        "BROADCAST_CONNECTION": "BROADCAST_DRIVER",
        "DB_CONNECTION": "DB_DRIVER",
        "DB_URL": "DATABASE_URL",
    }, "what is blank, or not in force, needs no new name"
    in_database = with_keys({**old, "CACHE_STORE": "database", "DB_CONNECTION": "mysql"})
    again = dotenv_renames(in_database, samples.RULES, here, there)
    assert again == {"BROADCAST_CONNECTION": "BROADCAST_DRIVER", "DB_CACHE_TABLE": "CACHE_TABLE"}
    assert dotenv_renames(facts, samples.RULES, there, there) == {}
    edit = EditDotenv({"CACHE_STORE": "file"}, "", renames)
    values = {**old, "DATABASE_URL": "mysql://u:p@h/d"}
    assert edit.on(values)["DB_URL"] == "mysql://u:p@h/d"
    assert "p@h" not in codec.dumps(edit), "a secret is taken from the file when the step runs"
    assert "DB_URL" not in edit.on(old), "what has gone meanwhile cannot be copied"


@pytest.mark.parametrize("target", ["6.3.0", "7.0.0", "5.4.1", "4.10.0", "7.3.0.1", "no-such"])
def test_a_target_that_makes_no_sense_is_refused_in_words(target: str) -> None:
    with pytest.raises((BlockedError, UsageError)) as caught:
        road(samples.facts(), samples.RULES, target)
    assert caught.value.remedy


def test_nothing_begun_needs_nothing_undone() -> None:
    assert plan_rollback(samples.plan(samples.facts(), "7.1.0"), [], present_backup="/b").steps == ()


def test_a_run_that_stopped_before_the_backup_only_opens_the_api_again() -> None:
    plan = samples.plan(samples.facts(), "7.1.0")
    undo = plan_rollback(plan, ["maintenance-on", "fingerprint"], present_backup="/b")
    assert not {"restore-tree", "restore-database", "backup-present"} & set(ids(undo))
    assert ids(undo) == ["maintenance-off"]


@given(st.data())
def test_every_prefix_of_an_upgrade_has_a_way_back_that_covers_it(data: st.DataObject) -> None:
    plan = samples.plan(samples.facts("5.4.1"), "7.7.0", EDIT)
    begun = ids(plan)[: data.draw(st.integers(0, len(plan.steps)))]
    undo = plan_rollback(plan, begun, present_backup="/b")
    undos = {step.undo for step in plan.steps if step.id in begun}
    assert ("restore-tree" in ids(undo)) == (Undo.TREE in undos)
    assert ("restore-database" in ids(undo)) == (Undo.DATABASE in undos)
    assert ("compare" in ids(undo)) == bool(undos & {Undo.TREE, Undo.DATABASE, Undo.SERVICES})
    assert len(set(ids(undo))) == len(ids(undo))
    if "restore-database" in ids(undo):
        order = [
            ids(undo).index(name)
            for name in ("backup-present", "restore-tree", "restore-database", "compare")
        ]
        assert order == sorted(order)
    commands = [step.action.argv[0] for step in undo.steps if isinstance(step.action, Execute)]
    assert not {"git", "composer"} & set(commands)  # no network on the way back


@pytest.mark.parametrize(("last", "required"), [("migrate-7.1.0", False), ("maintenance-off", True)])
def test_once_the_api_was_open_again_the_present_state_must_be_saved(last: str, required: bool) -> None:
    plan = samples.plan(samples.facts(), "7.1.0", EDIT)
    begun = ids(plan)[: ids(plan).index(last) + 1]
    undo = plan_rollback(plan, begun, present_backup="/b", token="2", earlier=("1",))
    assert undo.step("backup-present").required is required
    tokens = [step.action.token for step in undo.steps if isinstance(step.action, ClearAside)]
    assert tokens == ["1", "2"]


def test_a_sound_instance_has_no_blocker() -> None:
    assert blockers(check(context()), frozenset()) == ()


BROKEN = [
    ("php-window", {"facts": samples.facts(php="8.2.36")}, True),
    ("app-key", {"facts": samples.facts(php="8.3.1", key=KeyProof("wrong", 3))}, True),
    ("app-key", {"facts": samples.facts(php="8.3.1", key=KeyProof("no-key"))}, False),
    ("git-repository", {"facts": samples.facts(php="8.3.1", git=None)}, False),
    ("git-remote", {"origin": replace(samples.origin(), error="Could not resolve host", refs={})}, False),
    ("composer", {"facts": samples.facts(php="8.3.1", composer=None)}, False),
    ("composer", {"facts": samples.facts(php="8.3.1", composer="2.1.9")}, True),
    ("dotenv", {"facts": samples.facts(php="8.3.1", dotenv=None)}, False),
    ("database", {"facts": samples.facts(php="8.3.1", database=None)}, False),
    ("scratch-database", {"scratch_error": "may not create a database\nGRANT ..."}, False),
    ("account", {"facts": samples.facts(php="8.3.1", me="nobody")}, False),
    (
        "disk-space",
        {
            "facts": samples.facts(php="8.3.1", space=(Space("/", "/", 10, 100, ("instance",)),)),
            "needs": (Needs("/var/backups/one", 11, "the backup"),),
        },
        False,
    ),
    ("tools", {"facts": samples.facts(php="8.3.1", tools={"git": "/usr/bin/git"})}, False),
]


@pytest.mark.parametrize(("finding_id", "changes", "acceptable"), BROKEN)
def test_what_must_be_refused_is_refused_before_maintenance_mode(
    finding_id: str, changes: dict[str, Any], acceptable: bool
) -> None:
    found = check(context(**changes))
    assert by_id(found)[finding_id].severity is Severity.BLOCKER
    assert by_id(found)[finding_id].remedy
    accepted = frozenset({finding_id})
    assert (finding_id in {one.id for one in blockers(found, accepted)}) is not acceptable


def test_removed_connectors_in_use_are_blockers() -> None:
    found = samples.facts("4.14.1", php="8.1.2")
    installed, way = road(found, samples.RULES, "5.4.1")
    made = context(
        facts=found,
        installed=installed,
        way=way,
        origin=samples.origin("5.4.1"),
        plan=samples.plan(found, "5.4.1"),
        services=(ServiceType("couchbase", 2, 1), ServiceType("local_file", 3, 3)),
    )
    evidence = by_id(check(made))["removed-connectors"].evidence
    assert any("couchbase" in line for line in evidence)
    assert not any("local_file" in line for line in evidence)


def test_an_old_name_of_the_connection_is_a_blocker() -> None:
    found = samples.facts(php="8.3.10")
    assert found.dotenv is not None
    values = {"DB_DRIVER": "mysql"}
    made = context(facts=replace(found, dotenv=replace(found.dotenv, values=values)))
    findings = [one for one in check(made) if "DB_CONNECTION" in one.title]
    assert [one.severity for one in findings] == [Severity.BLOCKER]


def test_releases_that_only_the_origin_knows_are_named() -> None:
    refs = {
        **samples.origin().refs,
        "refs/tags/7.10.0": "a" * 40,
        "refs/tags/7.9.0": "b" * 40,
        "refs/tags/v8": "c" * 40,
    }
    found = by_id(check(context(origin=replace(samples.origin("7.1.0"), refs=refs))))
    assert "7.9.0, 7.10.0" in found["newer-releases"].title
    assert "newer-releases" not in by_id(check(context()))


def test_a_target_of_6x_asks_for_its_admin_ui() -> None:
    found = samples.facts("5.4.1", tree=replace(samples.facts().tree, admin_ui="composer"))
    installed, way = road(found, samples.RULES, "6.3.0")
    made = context(
        facts=found,
        installed=installed,
        way=way,
        origin=samples.origin("6.3.0"),
        plan=samples.plan(found, "6.3.0"),
    )
    assert by_id(check(made))["admin-ui"].severity is Severity.BLOCKER
    assert "admin-ui" not in by_id(check(context(facts=found)))


def test_a_moved_tag_of_the_official_origin_is_a_blocker_and_of_a_mirror_a_warning() -> None:
    moved = replace(samples.origin("7.1.0"), refs={**samples.origin().refs, "refs/tags/7.1.0": "f" * 40})
    found = samples.facts(php="8.3.10")
    assert found.git is not None
    mirror = replace(found, git=replace(found.git, remote="https://git.example.org/df.git"))
    assert by_id(check(context(origin=moved)))["target-commit"].severity is Severity.BLOCKER
    assert by_id(check(context(origin=moved, facts=mirror)))["target-commit"].severity is Severity.WARNING


def test_unknown_services_leave_out_the_restart_and_say_so() -> None:
    found = samples.facts(php="8.3.10", web=WebFacts())
    assert not any(step.id.startswith("restart-") for step in samples.plan(found, "7.1.0").steps)
    assert by_id(check(context(facts=found)))["services"].severity is Severity.WARNING


def test_the_road_is_described_by_releases() -> None:
    installed, way = road(samples.facts("5.4.1"), samples.RULES, "latest")
    assert isinstance(installed, Release)
    assert way[-1] == samples.RULES.newest()
