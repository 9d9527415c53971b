"""The comparison of an instance before and after: every check there is, in the order in which they are read."""

from __future__ import annotations

from dfwizard.instance.facts import Facts
from dfwizard.rules import Release, TableRules
from dfwizard.verification import code, data, settings, surroundings, web
from dfwizard.verification.log import LoggedError
from dfwizard.verification.result import Check, Verification
from dfwizard.verification.situation import Names, Situation, TreeOwners


def compare(
    before: Facts,
    after: Facts,
    *,
    release: Release,
    tables: TableRules,
    came_from: Release | None = None,
    commit: str = "",
    names_before: Names | None = None,
    names_after: Names | None = None,
    logged: tuple[LoggedError, ...] = (),
    owners_before: TreeOwners | None = None,
    owners_after: TreeOwners | None = None,
    hash_costs: frozenset[int] | None = None,
    accepted: frozenset[str] = frozenset(),
    final: bool = True,
) -> Verification:
    """Compare an instance with the facts taken before the run; every difference is explained or flagged.

    What the parameters mean stands at `Situation`. At a gate between hops (`final` false) what HTTP answers is left out, for
    maintenance mode answers 503, and so are the services and the log, which the last gate looks at.
    """
    situation = Situation(
        before,
        after,
        release,
        tables,
        came_from=came_from,
        commit=commit,
        names_before=names_before or {},
        names_after=names_after or {},
        logged=logged,
        owners_before=owners_before,
        owners_after=owners_after,
        hash_costs=hash_costs,
        accepted=accepted,
        final=final,
    )
    checks: list[Check] = [
        code.commit(situation),
        code.changed_files(situation),
        code.config_version(situation),
        code.vendor(situation),
        *code.admin_ui(situation),
        code.laravel(situation),
        *code.conflicts(situation),
        code.php(situation),
        data.connection(situation),
        data.migrations(situation),
        *data.rows(situation),
        *data.names(situation),
        data.key(situation),
        *settings.traps(situation),
        *surroundings.owners(situation),
        surroundings.maintenance(situation),
        surroundings.crontabs(situation),
    ]
    if final:
        checks += [*surroundings.services(situation), *web.answers(situation), surroundings.log(situation)]
    return Verification(release.tag, final, tuple(checks))
