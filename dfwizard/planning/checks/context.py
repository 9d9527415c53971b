"""What the checks look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dfwizard.instance.facts import Facts
from dfwizard.instance.licence import LicenceFiles
from dfwizard.instance.origin import OriginFacts, TargetFacts
from dfwizard.planning.findings import Finding
from dfwizard.planning.plan import Plan
from dfwizard.rules import Release, Rules

Check = Callable[["Context"], list[Finding]]


@dataclass(frozen=True)
class Needs:
    """Bytes that a run needs free: `path` is where, `amount` how many, `what_for` in words."""

    path: str
    amount: int
    what_for: str


@dataclass(frozen=True)
class ServiceType:
    """How many services of one type there are, and how many of them are active."""

    type: str
    count: int
    active: int


@dataclass(frozen=True)
class Context:
    """Facts, the origin, the rules, the road and the plan; with what only the controller can find out.

    `needs` is the space that the run needs; `backup_error` says why no backup can be put where it was wished (None: it can);
    `scratch_error` says why no scratch database can be had (None: it can);
    `licence` are the licence files that the plan puts in place, `licence_error` says why those that were named cannot be;
    `admin_ui_error` why the release.zip that was named cannot be installed; `dotenv_error` why the keys that the target
    needs cannot be added to `.env`; `services` the service types in use; `lists` names of scripts, scripted services and
    scheduled tasks by table.
    """

    facts: Facts
    origin: OriginFacts
    rules: Rules
    installed: Release
    way: tuple[Release, ...]
    plan: Plan
    needs: tuple[Needs, ...] = ()
    backup_error: str | None = None
    scratch_error: str | None = None
    admin_ui_error: str | None = None
    licence: tuple[LicenceFiles, ...] = ()
    licence_error: str | None = None
    dotenv_error: str | None = None
    services: tuple[ServiceType, ...] = ()
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[TargetFacts, ...]:
        """Give what each release on the road asks for, as far as it could be read."""
        found = (self.origin.target(release.tag) for release in self.way)
        return tuple(target for target in found if target is not None)

    @property
    def goal(self) -> Release:
        """Give the release at the end of the road."""
        return self.way[-1]
