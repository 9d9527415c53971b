"""Everything that can be refused is refused here, before maintenance mode: checks give findings."""

from __future__ import annotations

from dfwizard.planning.checks.checkout import CHECKOUT_CHECKS
from dfwizard.planning.checks.context import Context, Needs, ServiceType
from dfwizard.planning.checks.data import DATA_CHECKS
from dfwizard.planning.checks.platform import PLATFORM_CHECKS
from dfwizard.planning.checks.road import ROAD_CHECKS
from dfwizard.planning.checks.server import SERVER_CHECKS
from dfwizard.planning.checks.settings import SETTINGS_CHECKS
from dfwizard.planning.checks.source import SOURCE_CHECKS
from dfwizard.planning.findings import Finding, Severity

__all__ = ["Context", "Needs", "ServiceType", "check"]

_ORDER = {Severity.BLOCKER: 0, Severity.WARNING: 1, Severity.INFO: 2, Severity.OK: 3}


def check(context: Context) -> tuple[Finding, ...]:
    """Run every check over what was found out; the gravest findings come first."""
    checks = (
        *SOURCE_CHECKS,
        *CHECKOUT_CHECKS,
        *ROAD_CHECKS,
        *PLATFORM_CHECKS,
        *SERVER_CHECKS,
        *DATA_CHECKS,
        *SETTINGS_CHECKS,
    )
    findings = [finding for one in checks for finding in one(context)]
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))
