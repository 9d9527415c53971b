"""What a visit is about, an upgrade or a migration, and what the controller is asked for each: the screens after it are the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dfwizard.tui.carrying import Carrying

if TYPE_CHECKING:
    from dfwizard.controller import Controller, Prospect
    from dfwizard.execution.store import Run
    from dfwizard.instance.facts import Facts
    from dfwizard.migrating import MigrationProspect
    from dfwizard.planning.checklist import ChecklistItem
    from dfwizard.planning.findings import Finding
    from dfwizard.tui.session import Session

    Undertaken = Prospect | MigrationProspect


def plan_migration(controller: Controller, session: Session) -> Callable[[], MigrationProspect]:
    """Give what plans the visit's migration anew with what was chosen, from the facts at hand; nothing is changed by it."""
    carrying, target = session.carrying, session.facts
    assert carrying is not None
    assert carrying.facts is not None
    assert target is not None
    wishes = carrying.wishes(backup_dir=session.backup_dir, php=session.php)
    return partial(controller.propose_migration, carrying.facts, target, wishes)


def look_again(controller: Controller, session: Session) -> Callable[[], Undertaken] | None:
    """Give what looks at everything again, with the same wishes; None where nothing was chosen to be looked at."""
    accepted = frozenset(session.accepted)
    carrying = session.carrying
    if carrying is not None:
        if not (carrying.source and session.path):
            return None
        wishes = carrying.wishes(backup_dir=session.backup_dir, php=session.php)
        return partial(
            controller.prepare_migration,
            carrying.source,
            session.path,
            wishes,
            url=session.url,
            accepted=accepted,
        )
    target = session.target or (session.prospect.plan.to if session.prospect else "")
    if not session.path or not target:
        return None
    return partial(
        controller.prepare,
        session.path,
        target,
        php=session.php,
        url=session.url,
        backup_dir=session.backup_dir,
        admin_ui=session.admin_ui,
        course=session.course,
        accepted=accepted,
    )


def with_backup_in(
    controller: Controller, session: Session, prospect: Undertaken, place: str
) -> Callable[[], Undertaken]:
    """Give what plans the same with the backup in another directory."""
    source = source_of(prospect)
    if session.carrying is not None and source is not None:
        wishes = session.carrying.wishes(backup_dir=place, php=session.php)
        return partial(controller.propose_migration, source, prospect.facts, wishes)
    return partial(
        controller.propose,
        prospect.facts,
        prospect.plan.to,
        php=session.php,
        url=session.url,
        backup_dir=place,
        admin_ui=session.admin_ui,
        course=session.course,
        accepted=frozenset(session.accepted),
    )


def start(controller: Controller, session: Session, prospect: Undertaken) -> Callable[[], Run]:
    """Give what starts the run."""
    from dfwizard.migrating import MigrationProspect

    accepted, on_failure = frozenset(session.accepted), session.on_failure
    if isinstance(prospect, MigrationProspect):
        return partial(controller.start_migration, prospect, accepted=accepted, on_failure=on_failure)
    return partial(controller.start_upgrade, prospect, accepted=accepted, on_failure=on_failure)


def checklist(controller: Controller, prospect: Undertaken) -> tuple[ChecklistItem, ...]:
    """Give the guide's checklist before an upgrade; it has none for a migration."""
    from dfwizard.migrating import MigrationProspect

    return () if isinstance(prospect, MigrationProspect) else controller.checklist(prospect)


def is_of_source(session: Session, finding: Finding) -> bool:
    """Tell whether a finding is about a migration's source, where nothing is changed from here."""
    return session.carrying is not None and finding.id.startswith("source-")


def source_of(prospect: Undertaken) -> Facts | None:
    """Give the facts of a migration's source; None for an upgrade."""
    from dfwizard.migrating import MigrationProspect

    return prospect.source if isinstance(prospect, MigrationProspect) else None


def take(session: Session, prospect: Undertaken) -> None:
    """Take over what was planned and found; what was said of the very same findings before still holds."""
    from dfwizard.migrating import MigrationProspect
    from dfwizard.tui.screens.checks_rows import Said, carried

    before = session.prospect.findings if session.prospect else ()
    said = carried(
        before, prospect.findings, Said(frozenset(session.acknowledged), frozenset(session.accepted))
    )
    session.acknowledged, session.accepted = set(said.acknowledged), set(said.accepted)
    session.prospect, session.facts = prospect, prospect.facts
    if session.carrying is not None and isinstance(prospect, MigrationProspect):
        session.carrying.facts = prospect.source
        session.carrying.propose(prospect.proposed)
        session.carrying.extras = prospect.extras


def begin_migration(session: Session, source: str) -> None:
    """Take up a migration from `source`; where to is asked next."""
    session.begin_at("")
    session.carrying, session.work = Carrying(source), "migration"
