"""What a migration leaves to do, and how it is told: the source lives on, and what points at it has to be moved by people."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from dfwizard.execution.store import RunRecord
from dfwizard.hosts.naming import located
from dfwizard.planning.plan import Plan


def migrated(plan: Plan) -> Iterable[str]:
    """Say what a person has still to do after a migration that ended well."""
    source = located(plan.source_host, plan.source)
    yield (
        f"The source {source} still runs and still takes what users write: nothing of that comes over any more. Point clients, DNS and "
        "load balancers at the target, then close the source."
    )
    yield "Crontabs, the web server's and PHP's configuration of the source were not moved; the findings of the run name what was seen."
    if any(step.id == "strict-mode" for step in plan.steps):
        yield (
            "MySQL's strict mode was turned off in the target's config/database.php, a tracked file: the next upgrade puts that change "
            "into git's stash. Replace the dates of zeros, and turn it on again."
        )
    copies = [located(plan.source_host, plan.source_backup)]
    if plan.carried != plan.source_backup:
        copies.append(located(plan.host, plan.carried))
    yield f"The source's .env and database lie in {' and in '.join(copies)}: remove them once they are not needed, for they hold secrets."
    yield f"Keep the target's backup {located(plan.host, plan.backup)} until the target has proven itself; without it there is no way back."


def migrate_again(record: RunRecord, plan: Plan) -> str:
    """Give the command that begins the migration anew; what was chosen for single keys and files has to be added."""
    words = ["dfwizard", "migrate", "--from", located(plan.source_host, plan.source)]
    words += ["--to", located(plan.host, plan.instance)]
    words += [word for name in record.accepted for word in ("--accept", name)]
    return shlex.join(words)
