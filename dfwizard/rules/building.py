"""From checked entries, plain tables as TOML has them, to `Rules`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dfwizard.rules.knowledge import Rules
from dfwizard.rules.model import (
    AdminUi,
    CarryChoice,
    CarryRule,
    EncryptedColumn,
    EnvGroup,
    EnvKind,
    EnvRule,
    Explained,
    Hop,
    HopFact,
    HopKind,
    PhpSwitch,
    Point,
    Release,
    ReleaseWarning,
    ServiceKind,
    ServiceOrigin,
    TableRule,
    TableRules,
    Tier,
    parse_version,
)


def build(entries: Mapping[str, Sequence[Mapping[str, Any]]], files: tuple[str, ...]) -> Rules:
    """Make rules of the checked entries of each section; `files` are those that they were read from."""

    def all_values(section: str) -> list[dict[str, Any]]:
        return [dict(values) for values in entries[section]]

    releases = [_release(values) for values in all_values("releases")]
    return Rules(
        releases=tuple(sorted(releases, key=lambda release: parse_version(release.version))),
        hops_table=tuple(_hop(values) for values in all_values("hops")),
        env=tuple(EnvRule(**{**values, "kind": EnvKind(values["kind"])}) for values in all_values("env")),
        tables=TableRules(
            tuple(_table(values) for values in all_values("tables")),
            points=tuple(
                Point(**{**values, "tables": tuple(values["tables"])}) for values in all_values("points")
            ),
            explained=tuple(_explained(values) for values in all_values("explained")),
        ),
        files=files,
        carry=tuple(_carry(values) for values in all_values("carry")),
        php_switches=tuple(_php_switch(values) for values in all_values("php_switches")),
        services=tuple(_service(values) for values in all_values("services")),
    )


def _release(values: dict[str, Any]) -> Release:
    return Release(
        **{
            **values,
            "date": values["date"].isoformat(),
            "php_minors": tuple(values["php_minors"]),
            "admin_ui": AdminUi(values["admin_ui"]),
            "added_service_types": tuple(values.get("added_service_types", ())),
            "removed_service_types": tuple(values.get("removed_service_types", ())),
            "warnings": tuple(ReleaseWarning(**warning) for warning in values.get("warnings", ())),
        }
    )


def _hop(values: dict[str, Any]) -> Hop:
    return Hop(
        from_line=values.pop("from"),
        to_line=values.pop("to"),
        kind=HopKind(values.pop("kind")),
        facts=tuple(HopFact(**fact) for fact in values.pop("facts", ())),
        additive=HopFact(**additive) if (additive := values.pop("additive", None)) else None,
        **values,
    )


def _service(values: dict[str, Any]) -> ServiceOrigin:
    kind = ServiceKind(values.get("kind", ServiceKind.SERVICE.value))
    return ServiceOrigin(**{**values, "kind": kind, "tier": Tier(values["tier"])})


def _php_switch(values: dict[str, Any]) -> PhpSwitch:
    lines = {name: tuple(values[name]) for name in ("install", "switch", "nginx", "apache")}
    return PhpSwitch(**{**values, **lines})


def _carry(values: dict[str, Any]) -> CarryRule:
    return CarryRule(
        **{
            **values,
            "keys": tuple(values["keys"]),
            "group": EnvGroup(values["group"]),
            "choice": CarryChoice(values["choice"]),
            "portable": tuple(values.get("portable", ())),
        }
    )


def _explained(values: dict[str, Any]) -> Explained:
    lists = {key: tuple(values.get(key, ())) for key in ("rows", "columns")}
    return Explained(**{**values, **lists})


def _table(values: dict[str, Any]) -> TableRule:
    encrypted = tuple(
        EncryptedColumn(column["column"], tuple(column.get("json_keys", ())))
        for column in values.get("encrypted", ())
    )
    return TableRule(**{**values, "left_out": tuple(values.get("left_out", ())), "encrypted": encrypted})
