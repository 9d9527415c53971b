"""The rules as plain rows, for `rules show`."""

from __future__ import annotations

from typing import Any

from dfwizard.codec import to_data
from dfwizard.rules.knowledge import Rules


def show(rules: Rules) -> dict[str, list[dict[str, Any]]]:
    """Give every rule as plain data: a list of rows for each section of a rules file."""
    return {
        "releases": to_data(rules.releases),
        "hops": to_data(rules.hops_table),
        "services": to_data(rules.services),
        "php_switches": to_data(rules.php_switches),
        "env": to_data(rules.env),
        "carry": to_data(rules.carry),
        "tables": to_data(rules.tables.tables),
        "points": to_data(rules.tables.points),
        "explained": to_data(rules.tables.explained),
    }
