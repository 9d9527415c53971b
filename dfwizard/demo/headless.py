"""A scenario without a presenter: the run is started, watched, and its questions answered as the scenario says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dfwizard.execution import events as ev
from dfwizard.execution.attach import EventSeen, Update
from dfwizard.execution.on_failure import OnFailure

if TYPE_CHECKING:
    from dfwizard.controller import Controller, Prospect
    from dfwizard.demo.sandbox import Sandbox
    from dfwizard.execution.store import Run
    from dfwizard.migrating import MigrationProspect

LAST_ANSWER = "stop"
"""What a question is answered with when the scenario has no more decisions: it ends the run where it is."""


def prepare(sandbox: Sandbox, controller: Controller) -> Prospect | MigrationProspect:
    """Plan and check the scenario's upgrade or migration; nothing is changed.

    Raises:
        BlockedError: no road leads there.
    """
    wanted = sandbox.scenario
    accepted = frozenset(wanted.accept)
    if wanted.source is None:
        return controller.prepare(sandbox.path, wanted.target, accepted=accepted)
    from dfwizard.migrating import MigrationWishes

    wishes = MigrationWishes(source_backup_dir=sandbox.source_backups)
    return controller.prepare_migration(sandbox.source_place, sandbox.path, wishes, accepted=accepted)


def start(sandbox: Sandbox, controller: Controller, prospect: Prospect | MigrationProspect) -> Run:
    """Start the scenario's upgrade or migration; its warnings count as read.

    Raises:
        BlockedError: a finding forbids it that the scenario does not accept.
    """
    from dfwizard.migrating import MigrationProspect

    wanted = sandbox.scenario
    accepted, on_failure = frozenset(wanted.accept), OnFailure(wanted.on_failure)
    if isinstance(prospect, MigrationProspect):
        return controller.start_migration(prospect, accepted=accepted, on_failure=on_failure)
    return controller.start_upgrade(prospect, accepted=accepted, on_failure=on_failure)


def drive(sandbox: Sandbox, controller: Controller, run: Run, see: Callable[[Update], None]) -> None:
    """Show `see` everything that happens in `run` until it is over, and answer its questions as the scenario says."""
    decisions = list(sandbox.scenario.decisions)
    for update in controller.follow(run):
        see(update)
        if isinstance(update, EventSeen) and isinstance(update.record.event, ev.Asked):
            answer = decisions.pop(0) if decisions else LAST_ANSWER
            controller.decide(run, answer, question=update.record.seq)
