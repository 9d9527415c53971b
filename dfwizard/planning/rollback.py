"""The rollback's plan: made from the upgrade's plan and the steps that were begun, nothing else.

No step of it uses the network. What was not begun is not undone: a run that only turned maintenance mode on is taken back by
turning it off.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from dfwizard.planning.frame import FINGERPRINT_BEFORE
from dfwizard.planning.moves import ProveApart, RemoveMarker
from dfwizard.planning.plan import (
    ClearAside,
    CompareFingerprint,
    Execute,
    Plan,
    RestoreDatabase,
    RestoreTree,
    ShowLosses,
    Step,
    TakeBackup,
    Undo,
    WaitForPerson,
)
from dfwizard.planning.weights import pace_of, weighed


def undone(plan: Plan, begun: Collection[str]) -> frozenset[Undo]:
    """Give what taking back the begun steps of `plan` requires."""
    return frozenset(step.undo for step in plan.steps if step.id in begun)


def plan_rollback(
    plan: Plan,
    begun: Collection[str],
    *,
    present_backup: str,
    token: str = "",
    earlier: tuple[str, ...] = (),
    shows: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] = ((), (), ()),
) -> Plan:
    """Plan the way back from the steps in `begun` of an upgrade's `plan`.

    `present_backup` is the directory (not yet there) in which the present state is saved first; `token` is part of the names of
    what is put aside, new for each rollback, and `earlier` are those of rollbacks that came to nothing; `shows` are the shell
    lines of the backup, of restoring the tree and of restoring the database.
    """
    needs = undone(plan, begun)
    deep = bool(needs & {Undo.TREE, Undo.DATABASE})
    steps: list[Step] = []
    if deep:
        # Once the API was open again users may have written: without their rows saved there is no going back.
        steps += _present(plan, present_backup, shows[0], required="maintenance-off" in begun)
    if Undo.DATABASE not in needs:
        steps += _marker(plan, begun)  # else it goes with all that is emptied
    if Undo.TREE in needs:
        steps.append(_tree(plan, shows[1], token))
    if Undo.DATABASE in needs:
        steps.append(_database(plan, shows[2]))
    gate = _last_gate(plan, begun)
    if gate is not None:
        steps.append(_php_back(gate))
    if deep or Undo.SERVICES in needs:
        steps += [_restart(step, gate) for step in plan.steps if step.id.startswith("restart-")]
    if "fingerprint" in begun and (deep or Undo.SERVICES in needs):
        steps += _proof((*earlier, token) if Undo.TREE in needs else ())
    if needs & {Undo.MAINTENANCE, Undo.TREE, Undo.DATABASE}:
        steps += _open(plan, deep=deep)
    return replace(
        plan, kind="rollback", frm=plan.to, to=plan.frm, hops=(), steps=weighed(steps, pace_of(plan))
    )


def _find(plan: Plan, step_id: str) -> Step | None:
    return next((step for step in plan.steps if step.id == step_id), None)


def _present(plan: Plan, directory: str, shows: tuple[str, ...], *, required: bool) -> list[Step]:
    steps = [
        Step(
            "losses",
            f"Show what was written since the {plan.kind}",
            "A rollback takes away what users have written since: it is named, and kept in the backup of the present state.",
            ShowLosses(),
            timeout=600,
            required=False,
        )
    ]
    closing = _find(plan, "maintenance-on")
    if closing is not None:
        steps.append(
            replace(
                closing,
                title="Turn maintenance mode on",
                reason="Nobody may write while the past comes back.",
                # Code and vendor of a failed run may not fit together: then artisan does not start, and nothing serves.
                required=False,
                undo=Undo.NOTHING,
                departs="",
            )
        )
    steps.append(
        Step(
            "backup-present",
            "Back up the present state",
            "Whatever the rollback takes away can be had back from here.",
            TakeBackup(directory, shows),
            departs="The guide restores over what is there.",
            timeout=6 * 3600,
            required=required,
        )
    )
    return steps


def _marker(plan: Plan, begun: Collection[str]) -> list[Step]:
    """Give the step that removes what a proof cut off may have left in the database, where a migration has begun one."""
    tokens = [
        step.action.token for step in plan.steps if step.id in begun and isinstance(step.action, ProveApart)
    ]
    return [
        Step(
            "remove-marker",
            "Remove the marker from the target's database",
            "A proof that was cut off leaves the table that it made.",
            RemoveMarker(token),
            timeout=120,
        )
        for token in tokens
    ]


def _tree(plan: Plan, shows: tuple[str, ...], token: str) -> Step:
    return Step(
        "restore-tree",
        "Put the old code tree back",
        "Code, vendor, .git, storage and .env as they were, put in place by renaming.",
        RestoreTree(plan.backup, shows, token),
        guide="Rolling Back an Upgrade, Steps 1 and 3",
        departs="`cp -r dreamfactory.backup dreamfactory` would put the copy inside the broken tree; git checkout and composer need "
        "the network, and composer fails on 6.3.0.",
        timeout=6 * 3600,
    )


def _database(plan: Plan, shows: tuple[str, ...]) -> Step:
    return Step(
        "restore-database",
        "Put the old database back",
        "The system database is emptied first: tables that the upgrade created would break the next one.",
        RestoreDatabase(plan.backup, shows),
        guide="Rolling Back an Upgrade, Step 2",
        departs="The guide imports over the upgraded tables.",
        timeout=12 * 3600,
    )


def _last_gate(plan: Plan, begun: Collection[str]) -> WaitForPerson | None:
    """Give the last wait for another PHP that was begun: its person may have switched it."""
    waits = [
        step.action for step in plan.steps if step.id in begun and isinstance(step.action, WaitForPerson)
    ]
    return waits[-1] if waits else None


def _php_back(gate: WaitForPerson) -> Step:
    """Give the step that waits until the PHP of before is back: the old code, opened again, runs on no other."""
    return Step(
        "php-back",
        f"Wait until PHP {gate.before} is back",
        "The old code does not run on the PHP that was switched to: command line and web server are switched back, by you.",
        replace(gate, window=(gate.before,), shows=gate.back, back=()),
        departs="The guide's rollback leaves the new PHP in place, on which the old code does not start.",
        timeout=300,
        skippable=True,
    )


def _restart(step: Step, gate: WaitForPerson | None) -> Step:
    """Give a restart as the way back needs it: php-fpm is the one of before again."""
    action = step.action
    if gate is not None and gate.unit and step.id == "restart-php-fpm":
        action = Execute(("systemctl", "restart", gate.unit))
    return replace(step, action=action, required=False)


def _proof(tokens: tuple[str, ...]) -> list[Step]:
    steps = [
        Step(
            "compare",
            "Compare with the state before the run",
            "Commit, files, owners, modes, .env, schema and rows must be identical.",
            CompareFingerprint(FINGERPRINT_BEFORE),
            guide="Rolling Back an Upgrade (verify)",
            timeout=3600,
        )
    ]
    for number, token in enumerate(tokens, 1):
        steps.append(
            Step(
                "clear-aside" if number == len(tokens) else f"clear-aside-{number}",
                "Remove the tree that was put aside",
                "The old state is proven to be back, and the present one is in its backup: without that it stays.",
                ClearAside(token),
                timeout=1800,
                required=False,
            )
        )
    return steps


def _open(plan: Plan, *, deep: bool) -> list[Step]:
    opening = _find(plan, "maintenance-off")
    if opening is None:
        return []
    caches = next((step for step in plan.steps if step.id.startswith("cache-clear-")), None)
    steps = []
    if deep and caches is not None and isinstance(caches.action, Execute):
        steps.append(
            replace(
                caches,
                id="cache-clear",
                reason="What the newer release put into a cache outside the tree (Redis, memcached) cannot be read by the old one.",
                guide="Rolling Back an Upgrade, Step 4",
                undo=Undo.NOTHING,
                hop=-1,
                required=False,
            )
        )
    steps.append(replace(opening, title="Turn maintenance mode off", undo=Undo.NOTHING))
    return steps
