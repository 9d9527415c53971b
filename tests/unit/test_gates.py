"""Gates for another PHP, the direct road, and both over every pair of releases."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard import codec
from dfwizard.backup.subject import Subject, Tools
from dfwizard.errors import BlockedError
from dfwizard.execution.state import StepState
from dfwizard.instance.facts import Facts, WebFacts
from dfwizard.planning.checks import Context, check
from dfwizard.planning.choices import choices
from dfwizard.planning.findings import Finding, Severity
from dfwizard.planning.gates import gates, hindrance
from dfwizard.planning.needs import needs
from dfwizard.planning.php_switch import install_lines, switch_lines
from dfwizard.planning.plan import Execute, Plan, Step, Verify, WaitForPerson
from dfwizard.planning.road import Course, Wish
from dfwizard.planning.rollback import plan_rollback
from dfwizard.planning.upgrade import hop_between, plan_upgrade, road
from dfwizard.reports.plan_script import Script, plan_script
from dfwizard.reports.plan_text import plan_text
from dfwizard.rules import PathRefused, Release, stops
from dfwizard.tui.screens.failure_rows import failure_text, failure_title

from . import samples

RULES = samples.RULES
GATES = Course(gates=True)
DIRECT = Course(direct=True, gates=True)


def planned(found: Facts, to: str, course: Course = GATES, php: str | None = None) -> Plan:
    installed, way = road(found, RULES, to, course)
    origin = samples.origin(installed.tag, *(release.tag for release in way))
    return plan_upgrade(found, origin, RULES, installed, way, Wish("/b", php, None, course), None)


def findings(found: Facts, to: str, course: Course = GATES, php: str | None = None) -> dict[str, Finding]:
    installed, way = road(found, RULES, to, course)
    origin = samples.origin(installed.tag, *(release.tag for release in way))
    made = Context(found, origin, RULES, installed, way, planned(found, to, course, php))
    return {finding.id: finding for finding in check(made)}


def waits(plan: Plan) -> list[tuple[str, WaitForPerson]]:
    return [(step.id, step.action) for step in plan.steps if isinstance(step.action, WaitForPerson)]


def command(step: Step) -> tuple[str, ...]:
    assert isinstance(step.action, Execute)
    return step.action.argv


# -- where they stand ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("windows", "now", "expected"),
    [
        ([("8.1",), ("8.1",)], {"8.1"}, [(), ()]),
        ([("8.1",), ("8.3", "8.4")], {"8.1"}, [(), ("8.3", "8.4")]),
        ([("8.1",), ("8.3", "8.4")], {"7.4"}, [("8.1",), ("8.3", "8.4")]),
        ([("8.3", "8.4"), ("8.4", "8.5")], {"8.1"}, [("8.4",), ()]),
        ([("8.3", "8.4"), ("8.5",)], {"8.1"}, [("8.3", "8.4"), ("8.5",)]),
        ([("8.1",)], {"8.1", "8.2"}, [("8.1",)]),
        ([("8.1",), ()], {"7.4"}, [(), ()]),
        ([], {"7.4"}, []),
    ],
)
def test_as_few_gates_as_can_be(
    windows: list[tuple[str, ...]], now: set[str], expected: list[tuple[str, ...]]
) -> None:
    assert list(gates(windows, frozenset(now))) == expected


MINORS = ("7.4", "8.0", "8.1", "8.2", "8.3", "8.4")
WINDOWS = st.lists(
    st.sets(st.sampled_from(MINORS), min_size=1).map(lambda one: tuple(sorted(one))), max_size=6
)


@given(windows=WINDOWS, now=st.sampled_from(MINORS))
def test_whatever_a_gate_lets_through_runs_every_leg_up_to_the_next(
    windows: list[tuple[str, ...]], now: str
) -> None:
    here = {now}
    for window, gate in zip(windows, gates(windows, frozenset({now})), strict=True):
        if gate:
            assert not here <= set(window), "a gate where none was needed"
            here = set(gate)
        assert here <= set(window)


# -- every pair of releases ---------------------------------------------------------------------------------


def way_or_refusal(frm: Release, to: Release, direct: bool) -> tuple[Release, ...] | PathRefused:
    try:
        return stops(RULES, frm, to, direct=direct)
    except PathRefused as refusal:
        return refusal


@pytest.mark.parametrize("direct", [False, True])
def test_over_every_pair_there_is_a_road_that_can_be_travelled_or_a_clear_refusal(direct: bool) -> None:
    travelled = refused = 0
    legs = {}
    for frm in RULES.releases:
        for to in RULES.releases:
            way = way_or_refusal(frm, to, direct)
            if isinstance(way, PathRefused):
                assert way.what
                assert way.remedy
                refused += 1
                continue
            assert way or frm.commit == to.commit
            assert all(release.usable_as_stop and release.php_minors for release in way)
            for leg in zip((frm, *way), way, strict=False):
                if leg not in legs:
                    legs[leg] = hop_between(RULES, None, *leg)
            php = frm.php_minors[0] if frm.php_minors else "7.4"
            windows = [legs[leg].php for leg in zip((frm, *way), way, strict=False)]
            here: tuple[str, ...] = (php,)
            for window, gate in zip(windows, gates(windows, frozenset({php})), strict=True):
                here = gate or here
                assert here
                assert set(here) <= set(window)
            if direct:
                assert len(way) <= 1
            travelled += 1
    assert travelled + refused == len(RULES.releases) ** 2
    assert travelled > 1400
    for (frm, to), hop in legs.items():
        if len(RULES.hops(frm, to)) > 1:
            assert hop.method.startswith("Direct, without the guide's stop at ")
            assert hop.notes[0].startswith("Why the database can do without the stops: ")


def test_the_direct_road_is_offered_with_its_reasons_where_there_are_stops_to_leave_out() -> None:
    offered = {one.tag: one for one in choices(samples.facts("4.14.1", php="7.4.33"), RULES)}
    assert offered["5.4.1"].direct == ()
    assert offered["7.0.0"].direct == ()
    assert len(offered["6.3.0"].direct) == 2
    assert all("migration" in reason for reason in offered["7.7.0"].direct)
    assert choices(samples.facts("3.1.2", php="7.4.33"), RULES)[0].direct == ()


def test_the_direct_road_is_refused_where_nobody_knows_that_migrations_only_add() -> None:
    rows = tuple(replace(hop, additive=None) if hop.id == "5-to-6" else hop for hop in RULES.hops_table)
    rules = replace(RULES, hops_table=rows)
    with pytest.raises(PathRefused, match=r"no direct road from 4\.14\.1 to 7\.7\.0: .*from 5\.x to 6.x"):
        stops(rules, rules.resolve("4.14.1"), rules.resolve("7.7.0"), direct=True)
    assert stops(rules, rules.resolve("5.4.1"), rules.resolve("6.3.0"), direct=True)


def test_a_direct_plan_is_one_leg_and_says_what_it_leaves_out() -> None:
    found = samples.facts("5.4.1", php="8.3.10")
    plan = planned(found, "7.7.0", Course(direct=True))
    assert [(hop.frm, hop.to) for hop in plan.hops] == [("5.4.1", "7.7.0")]
    assert plan.hops[0].method == "Direct, without the guide's stop at 6.3.0"
    assert sum(step.id.startswith("migrate-") for step in plan.steps) == 1
    finding = findings(found, "7.7.0", Course(direct=True))["direct-road"]
    assert finding.severity is Severity.WARNING
    assert "6.3.0" in finding.title
    assert len(finding.evidence) == 2
    assert "direct-road" not in findings(found, "7.7.0", Course())
    assert "direct-road" not in findings(samples.facts(php="8.3.1"), "7.7.0", Course(direct=True))


# -- the step -----------------------------------------------------------------------------------------------


def test_a_road_over_three_php_lines_has_two_gates_before_anything_of_the_leg_changes() -> None:
    plan = planned(samples.facts("4.14.1", php="7.4.33"), "7.7.0")
    ids = [step.id for step in plan.steps]
    assert [hop.gate for hop in plan.hops] == [("8.1",), (), ("8.3", "8.4", "8.5")]
    assert [name for name, _ in waits(plan)] == ["php-5.4.1", "php-7.7.0"]
    assert ids.index("maintenance-on") < ids.index("prove") < ids.index("php-5.4.1") < ids.index("stash")
    assert ids.index("gate-6.3.0") < ids.index("php-7.7.0") < ids.index("checkout-7.7.0")
    (_, first), (_, second) = waits(plan)
    assert (first.before, second.before) == ("7.4", "7.4")
    assert "update-alternatives --set php /usr/bin/php8.1" in first.shows
    assert "update-alternatives --set php /usr/bin/php8.3" in second.shows
    assert any("s/php8.1-fpm/php8.3-fpm/g" in line for line in second.shows)
    assert "update-alternatives --set php /usr/bin/php7.4" in second.back
    assert codec.loads(Plan, codec.dumps(plan)) == plan


def test_the_direct_road_needs_one_gate_where_the_guides_needs_two() -> None:
    found = samples.facts("4.14.1", php="7.4.33")
    assert [name for name, _ in waits(planned(found, "7.7.0", DIRECT))] == ["php-7.7.0"]


def test_behind_a_gate_the_new_php_is_asked_and_composer_ignores_none_of_its_wishes() -> None:
    plan = planned(samples.facts(php="8.1.27"), "7.1.0")
    assert not any("ignore-platform-req=php" in word for word in command(plan.step("composer-7.1.0")))
    assert command(plan.step("restart-php-fpm")) == (
        "systemctl",
        "try-restart",
        "php8.3-fpm.service*",
        "php8.4-fpm.service*",
    )
    assert [step.action.php for step in plan.steps if isinstance(step.action, Verify)] == ["php", "php"]
    before = samples.plan(samples.facts(php="8.3.10"), "7.1.0")
    assert [step.action.php for step in before.steps if isinstance(step.action, Verify)] == ["", ""]


def test_a_unit_without_a_version_in_its_name_stays_the_same() -> None:
    web = WebFacts("nginx", "nginx", True, "php-fpm", True, "dreamfactory", "dreamfactory")
    plan = planned(samples.facts(php="8.1.27", web=web), "7.1.0")
    assert command(plan.step("restart-php-fpm")) == ("systemctl", "restart", "php-fpm")
    ((_, gate),) = waits(plan)
    assert "dnf -y module switch-to php:remi-8.3" in gate.shows
    assert not any("apt" in line or "update-alternatives" in line for line in gate.shows)


def test_without_the_wish_or_the_need_there_is_no_gate() -> None:
    assert not waits(planned(samples.facts(php="8.1.27"), "7.1.0", Course()))
    assert not waits(planned(samples.facts(php="8.3.10"), "7.1.0"))
    assert not waits(planned(samples.facts("5.4.1", php="8.1.27"), "6.3.0"))


# -- what is said before ------------------------------------------------------------------------------------


def test_unattended_a_php_that_does_not_fit_blocks_and_names_the_gate() -> None:
    found = findings(samples.facts(php="8.1.27"), "7.1.0", Course())
    assert found["php-window"].severity is Severity.BLOCKER
    assert "--php-gates" in (found["php-window"].remedy or "")
    assert "php-gate" not in found


def test_a_gate_is_a_warning_that_says_what_can_be_installed_before() -> None:
    found = findings(samples.facts("4.14.1", php="7.4.33"), "7.7.0")
    assert "php-window" not in found
    gate = found["php-gate"]
    assert gate.severity is Severity.WARNING
    assert "2 times" in gate.title
    assert [line.split(":")[0] for line in gate.evidence] == ["before 5.4.1", "before 7.7.0"]
    assert "side by side" in (gate.remedy or "")
    assert "^ii php7.4/php8.1" in (gate.remedy or "")
    assert "^ii php8.1/php8.3" in (gate.remedy or "")
    open_needs = needs(
        samples.facts("4.14.1", php="7.4.33"),
        RULES,
        planned(samples.facts("4.14.1", php="7.4.33"), "7.7.0").hops,
        None,
    )
    assert {one.met for one in open_needs if one.what.startswith("PHP 8")} == {None}


@pytest.mark.parametrize(
    ("changes", "php", "words"),
    [
        ({}, "/usr/bin/php8.1", "names one PHP that cannot be switched"),
        ({"php": ()}, None, "PHP was not found"),
    ],
)
def test_a_gate_that_cannot_be_is_refused_before_anything(
    changes: dict[str, Any], php: str | None, words: str
) -> None:
    found = samples.facts(php="8.1.27")
    found = replace(found, **changes)
    assert words in hindrance(found, php)
    assert not waits(planned(found, "7.1.0", GATES, php))
    blocked = findings(found, "7.1.0", GATES, php)
    if php:
        assert words in (blocked["php-window"].remedy or "")
        assert "have the run wait" not in (blocked["php-window"].remedy or "")
    assert Severity.BLOCKER in {blocked[name].severity for name in ("php", "php-window") if name in blocked}


def test_two_different_php_have_no_one_to_go_back_to() -> None:
    found = samples.facts(php="8.1.27")
    cli, fpm = found.php
    mixed = replace(found, php=(cli, replace(fpm, version="8.2.1", minor="8.2")))
    assert "no one PHP to go back to" in hindrance(mixed, None)
    assert "no one PHP to go back to" in (findings(mixed, "7.1.0")["php-window"].remedy or "")


def test_where_the_family_is_not_known_every_family_is_shown() -> None:
    found = samples.facts(php="8.1.27", web=WebFacts("apache", "apache2"))
    lines = switch_lines(RULES, found, "8.1", "8.3")
    assert [line for line in lines if line.startswith("# ") and line.endswith(":")] == [
        f"# {each.title}:" for each in RULES.php_switches
    ]
    assert "a2disconf php8.1-fpm && a2enconf php8.3-fpm" in lines
    assert not any("nginx" in line for line in lines)
    assert any("dpkg-query" in line for line in install_lines(RULES, found, "8.1", "8.3"))
    assert not any(
        "{" in line.replace("${", "") for line in (*lines, *install_lines(RULES, found, "8.1", "8.3"))
    )


def test_the_sites_file_is_named_as_it_was_found() -> None:
    web = replace(
        samples.facts().web, sites=("/etc/nginx/conf.d/the api.conf", "/etc/php/8.1/fpm/pool.d/www.conf")
    )
    lines = switch_lines(RULES, samples.facts(php="8.1.27", web=web), "8.1", "8.3")
    assert "sed -i 's/php8.1-fpm/php8.3-fpm/g' '/etc/nginx/conf.d/the api.conf'" in lines


# -- the way back -------------------------------------------------------------------------------------------


def back(plan: Plan, until: str) -> list[Step]:
    ids = [step.id for step in plan.steps]
    return list(plan_rollback(plan, ids[: ids.index(until) + 1], present_backup="/p", token="t").steps)


def test_the_way_back_waits_for_the_php_of_before_ahead_of_all_that_runs_the_old_code() -> None:
    plan = planned(samples.facts("4.14.1", php="7.4.33"), "7.7.0")
    steps = back(plan, "verify")
    ids = [step.id for step in steps]
    assert ids.index("restore-database") < ids.index("php-back") < ids.index("restart-php-fpm")
    assert (
        ids.index("php-back") < ids.index("compare") < ids.index("cache-clear") < ids.index("maintenance-off")
    )
    action = steps[ids.index("php-back")].action
    assert isinstance(action, WaitForPerson)
    assert action.window == ("7.4",)
    assert "update-alternatives --set php /usr/bin/php7.4" in action.shows
    assert command(steps[ids.index("restart-php-fpm")]) == ("systemctl", "restart", "php7.4-fpm.service")


def test_a_run_that_got_no_further_than_its_gate_has_php_switched_back_and_leaves_the_database_alone() -> (
    None
):
    ids = [step.id for step in back(planned(samples.facts(php="8.1.27"), "7.1.0"), "php-7.1.0")]
    assert "restore-database" not in ids
    assert ids.index("restore-tree") < ids.index("php-back") < ids.index("compare")


def test_a_run_that_ended_before_its_gate_waits_for_nobody() -> None:
    plan = planned(samples.facts(php="8.1.27"), "7.1.0")
    assert "php-back" not in [step.id for step in back(plan, "fetch")]
    with pytest.raises(BlockedError):
        road(samples.facts("7.7.0"), RULES, "7.7.0", DIRECT)


# -- as it is shown and exported ----------------------------------------------------------------------------


def test_while_the_run_waits_nothing_is_said_to_have_failed() -> None:
    plan = planned(samples.facts(php="8.1.27"), "7.1.0")
    known = StepState(
        "php-7.1.0", "Wait until PHP 8.3 or 8.4 is there", message="The command line runs PHP 8.1.27."
    )
    assert "waits for you" in failure_title(plan, known).plain
    text = "\n".join(line.plain for line in failure_text(plan, known, 78))
    assert "What you do on the server, as root (c copies it)" in text
    assert "update-alternatives --set php /usr/bin/php8.3" in text
    assert "failed" not in text + failure_title(plan, known).plain


def test_the_script_waits_in_a_loop_and_is_one_that_a_shell_reads() -> None:
    facts = samples.facts(php="8.1.27")
    plan = planned(facts, "7.1.0")
    subject = Subject(samples.PATH, "dreamfactory", "dreamfactory", "root", "php", None, Tools())
    text = plan_script(Script(plan, facts, subject, b"APP_ENV=local\n", "2026-01-05T00:41:00+00:00", "7.1.0"))
    assert "php -r 'exit(in_array(" in text
    assert "update-alternatives --set php /usr/bin/php8.3" in text
    assert text.index("until ") < text.index("checkout --quiet")
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert "A person types this" in plan_text(plan, host="localhost")
