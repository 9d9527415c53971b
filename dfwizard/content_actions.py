"""The steps' part in comparing contents: a picture before the first change, another at each gate, while nobody else can write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard import codec
from dfwizard.errors import DfwizardError
from dfwizard.instance.probe import probe_facts
from dfwizard.verification.contents import compare_contents, take_contents
from dfwizard.verification.picture import MigrationPicture
from dfwizard.verification.result import Verification

if TYPE_CHECKING:
    from dfwizard.access import Access
    from dfwizard.execution.executor import StepContext
    from dfwizard.rules import Rules
    from dfwizard.verification.result import Check

CONTENTS_BEFORE = "contents-before.json"
CONTENTS_COMPARED = "contents-compared.json"


def record_contents(context: StepContext, access: Access, rules: Rules) -> None:
    """Keep the picture of the time before with the run.

    Raises:
        HostError: the database cannot be asked.
    """
    context.run.write(CONTENTS_BEFORE, codec.dumps(_contents(context, access, rules)))


def _contents(context: StepContext, access: Access, rules: Rules) -> MigrationPicture:
    tables = probe_facts(access.probe(), mark=context.mark).tables
    prefix = access.database.prefix if access.database else ""
    return take_contents(access, rules, tuple(tables), prefix=prefix, mark=context.mark)


def contents_compared(
    context: StepContext, access: Access, rules: Rules, *, release: str, final: bool
) -> tuple[Check, ...]:
    """Compare at a gate with what was recorded before; after the API has opened give what the last gate came to.

    Raises:
        DfwizardError: what was recorded cannot be read, or the database cannot be asked.
    """
    run = context.run
    before, compared = run.directory / CONTENTS_BEFORE, run.directory / CONTENTS_COMPARED
    if final:
        if not compared.exists():
            return ()
        return codec.loads(Verification, compared.read_bytes(), where=str(compared)).checks
    if not before.exists():
        return ()  # the run was begun by a dfwizard that recorded none
    came_from, to = rules.by_tag(context.plan.frm), rules.by_tag(release)
    if came_from is None or to is None:
        raise DfwizardError(
            f"the rules do not know {context.plan.frm if came_from is None else release}",
            remedy="Give the rules file that the run was started with.",
        )
    checks = compare_contents(
        codec.loads(MigrationPicture, before.read_bytes(), where=str(before)),
        _contents(context, access, rules),
        came_from=came_from,
        release=to,
        rules=rules,
    )
    run.write(CONTENTS_COMPARED, codec.dumps(Verification(release, final, checks)))
    return checks
