"""What the checks of a migration look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dfwizard.instance.facts import Facts
from dfwizard.instance.origin import OriginFacts
from dfwizard.planning.checks.context import Context, Needs
from dfwizard.planning.extras import ExtraFiles
from dfwizard.planning.findings import Finding
from dfwizard.planning.plan import Plan
from dfwizard.rules import Release, Rules

MigrationCheck = Callable[["MigrationContext"], "list[Finding]"]


@dataclass(frozen=True)
class MigrationContext:
    """What the checks of a migration look at: facts, rules, plan, and what only the controller can find out.

    `same` says how both databases were found to be one ("": they are not, as far as their servers tell). `names` are the values
    of the naming columns in the target's database, `instance_ids` the ids that both databases hold. `zero_dates` are columns of
    the source with dates of zeros, `sql_modes` MySQL's global modes of source and target, `strict` whether the target's
    configuration asks for strict mode. `redirected` says how the chosen `.env` would lead the target to another database. `needs`
    are the bytes needed on the target, `source_needs` on the source. `backup_error` and `scratch_error` are as in `Context`.
    `extras` are the files beside `.env` and database that were seen, `files` those that are carried over.
    """

    source: Facts
    target: Facts
    rules: Rules
    frm: Release
    to: Release
    plan: Plan
    same: str = ""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instance_ids: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    zero_dates: tuple[str, ...] = ()
    sql_modes: tuple[str, str] = ("", "")
    strict: bool = False
    redirected: str = ""
    needs: tuple[Needs, ...] = ()
    source_needs: tuple[Needs, ...] = ()
    backup_error: str | None = None
    scratch_error: str | None = None
    extras: tuple[ExtraFiles, ...] = ()
    files: tuple[str, ...] = ()

    def at_target(self) -> Context:
        """Give the target as the checks of an upgrade see it."""
        return Context(
            self.target,
            OriginFacts(),
            self.rules,
            self.to,
            (self.to,),
            self.plan,
            needs=self.needs,
            backup_error=self.backup_error,
            scratch_error=self.scratch_error,
        )

    def at_source(self) -> Context:
        """Give the source as the checks of an upgrade see it."""
        return Context(
            self.source, OriginFacts(), self.rules, self.frm, (self.to,), self.plan, needs=self.source_needs
        )
