"""The guide's checklist before an upgrade, with what was found out about each item. A pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dfwizard.instance.facts import Facts
from dfwizard.planning.checks.context import ServiceType
from dfwizard.planning.findings import counted
from dfwizard.planning.plan import Plan


@dataclass(frozen=True)
class ChecklistItem:
    """One thing to do before an upgrade (guide: Pre-Upgrade Checklist).

    `found` is what was found out, a line each; `by_hand` tells whether a person has to do something about it, for only they can.
    """

    id: str
    title: str
    found: tuple[str, ...]
    by_hand: bool

    @property
    def sentence(self) -> str:
        """Give it in a line, for the report."""
        return f"{self.title}: {'; '.join(self.found)}" if self.found else self.title


def checklist(
    facts: Facts, plan: Plan, lists: Mapping[str, tuple[str, ...]], services: Iterable[ServiceType]
) -> tuple[ChecklistItem, ...]:
    """Give the items in the guide's order. `lists` and `services` are those that the checks were made with."""
    unasked = _unasked(facts)
    return (
        ChecklistItem(
            "env-backup", "Back up .env", (f"A step of the upgrade: byte for byte into {plan.backup}",), False
        ),
        ChecklistItem(
            "database-backup",
            "Back up the system database",
            (f"A step of the upgrade, restored and compared before anything changes: {plan.backup}",),
            False,
        ),
        ChecklistItem("php", "Note the PHP version", _php(facts), False),
        ChecklistItem(
            "scripts",
            "Note custom scripts, and try them after the upgrade",
            (*_scripts(lists), *unasked),
            True,
        ),
        ChecklistItem(
            "connectors",
            "Note services and custom connectors, and try them after the upgrade",
            (*_connectors(facts, services), *unasked),
            True,
        ),
        ChecklistItem(
            "limits",
            "Note API limits, and see after the upgrade that they still count",
            (*(f"limit {name}" for name in lists.get("limits", ())), *unasked),
            True,
        ),
        ChecklistItem(
            "scheduled-jobs",
            "Document the scheduler's tasks",
            (*(f"task {name}" for name in lists.get("scheduler_tasks", ())), *unasked),
            True,
        ),
        ChecklistItem(
            "cron",
            "Document cron jobs here and elsewhere that call the APIs, and stop those that write for the time of the upgrade",
            (*facts.tree.crontabs, *facts.server.processes, *facts.server.units),
            True,
        ),
        ChecklistItem("staging", "Try the upgrade on a staging server first", (), True),
    )


def _php(facts: Facts) -> tuple[str, ...]:
    names = {"cli": "command line", "fpm": "web server"}
    return tuple(f"{names.get(php.sapi, php.sapi)}: PHP {php.version} ({php.binary})" for php in facts.php)


def _scripts(lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return (
        *(f"event script {name}" for name in lists.get("event_script", ())),
        *(f"scripted service, id {name}" for name in lists.get("script_config", ())),
    )


def _connectors(facts: Facts, services: Iterable[ServiceType]) -> tuple[str, ...]:
    return (
        *(
            f"{one.type}: {counted(one.count, 'service')}, {one.active} active"
            for one in sorted(services, key=lambda one: one.type)
            if one.count
        ),
        *(f"licensed package {name}" for name in facts.tree.licensed_packages),
    )


def _unasked(facts: Facts) -> tuple[str, ...]:
    reachable = facts.database is not None and facts.database.reachable
    return () if reachable else ("not known: the system database does not answer",)
