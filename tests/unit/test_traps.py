"""The table of traps: each is caught where it says, by something that exists, and each names tests that exist."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfwizard.diagnosis import known_failures
from dfwizard.planning.catalogue import entry
from dfwizard.planning.rollback import plan_rollback
from tests.unit import samples

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

TESTS = Path(__file__).parents[1]
SOURCES = Path(samples.__file__).parents[2] / "dfwizard"
NUMBERS = {"basics": 10, "env": 20, "guide": 28, "to-7.1.0": 20, "to-7.7.0": 11}
"""How many are known of each group: a new one gets the next number."""


@dataclass(frozen=True)
class Trap:
    """One row of the table."""

    group: str
    number: int
    trap: str
    where: tuple[str, ...]
    tests: tuple[str, ...]


TRAPS = [
    Trap(row["group"], row["number"], row["trap"], tuple(row["where"]), tuple(row["tests"]))
    for row in tomllib.loads((TESTS / "traps.toml").read_text("utf-8"))["trap"]
]


def step_ids() -> set[str]:
    """The ids of all steps of upgrades, migrations and rollbacks, as the planning spells them, without the release."""
    found = set()
    for name in ("frame", "hop", "migration", "rollback", "gates"):
        text = (SOURCES / "planning" / f"{name}.py").read_text("utf-8")
        found |= {word.rstrip("-") for word in re.findall(r'Step\(\s*f?"([a-z-]+)', text)}
    return found


def verification_ids() -> set[str]:
    """The ids of all comparisons."""
    texts = [path.read_text("utf-8") for path in (SOURCES / "verification").glob("*.py")]
    return {word for text in texts for word in re.findall(r'Check\(\s*"([a-z-]+)"', text)}


STEPS, COMPARISONS = step_ids(), verification_ids()
DIAGNOSES = {one.id for one in known_failures()}
RULES = {rule.id for rule in samples.RULES.env} | {"releases"}


def test_none_is_missing() -> None:
    assert Counter(trap.group for trap in TRAPS) == NUMBERS
    for group, most in NUMBERS.items():
        assert [trap.number for trap in TRAPS if trap.group == group] == list(range(1, most + 1))


def test_the_steps_are_those_of_the_plans() -> None:
    planned = samples.plan(samples.facts("5.4.1"), "7.7.0")
    back = plan_rollback(planned, [step.id for step in planned.steps], present_backup="/b")
    ids = {re.sub(r"-\d.*", "", step.id) for step in (*planned.steps, *back.steps)}
    assert {"checkout", "composer", "migrate", "restore-tree", "compare"} <= ids & STEPS


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap.group}-{trap.number}")
def test_it_is_caught_where_the_table_says(trap: Trap) -> None:
    assert trap.where
    for place in trap.where:
        kind, _, name = place.partition(":")
        if kind == "finding":
            entry(name)
        elif kind != "guard":
            known = {"step": STEPS, "verify": COMPARISONS, "diagnosis": DIAGNOSES, "rule": RULES}[kind]
            assert name in known, place


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap.group}-{trap.number}")
def test_its_tests_are_there(trap: Trap) -> None:
    assert trap.tests
    for test in trap.tests:
        file, _, name = test.partition("::")
        path = TESTS / file if "/test_" in file else TESTS / f"{file}"
        assert re.search(rf"def {name}\(", path.read_text("utf-8")), test
