"""Scenarios: one small TOML file each, read once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from dfwizard.errors import DfwizardError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

DEFAULT = "smooth"
_ORDER = (
    "smooth",
    "migration",
    "migration-fails",
    "composer-network",
    "php-too-old",
    "dirty-tree",
    "wrong-app-key",
    "password-trap",
    "long-road",
    "disk-full",
    "lost-connection",
)


Faults = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Source:
    """The other server of a migration.

    `address` is where it is, without a path, `installed` the release on it; `faults` are as in `Scenario`.
    """

    address: str
    installed: str
    faults: Faults = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Give the server's name."""
        return self.address.rpartition("@")[2]

    @property
    def php_version(self) -> str:
        """Give the version of the server's PHP, "" where it is the usual one."""
        return _php_version(self.faults)


@dataclass(frozen=True)
class Scenario:
    """What a demo shows.

    `story` says in two to four sentences what to look at. `installed` and `target` are releases; `odd` names what the builder
    makes wrong, with parameters (see `oddities`), `faults` is what the stand-ins read: program -> fault -> parameters.
    `accept` are findings that the presenter overrides, `decisions` the answers to the run's questions in their order;
    `outcome` and `exit_code` are what a run of it ends with ("blocked" where it never begins). With a `source` it is a migration from
    there, `installed` being what is on the new server already.
    """

    name: str
    title: str
    story: str
    installed: str
    target: str
    outcome: str
    exit_code: int
    odd: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: Faults = field(default_factory=dict)
    accept: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    on_failure: str = "auto"
    source: Source | None = None

    @property
    def road(self) -> str:
        """Give where it begins and where it leads."""
        if self.source:
            return f"{self.source.installed} on {self.source.host} -> {self.target} here"
        return f"{self.installed} -> {self.target}"

    @property
    def loses_terminal(self) -> bool:
        """Tell whether the presenter's terminal is taken away in the middle."""
        return "hangup" in self.faults.get("composer", {})

    @property
    def php_version(self) -> str:
        """Give the version that the server's PHP has in this scenario, "" where it is the usual one."""
        return _php_version(self.faults)


def _php_version(faults: Faults) -> str:
    return str(faults.get("php", {}).get("version", ""))


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Give all scenarios, in the order in which they are best shown.

    Raises:
        DfwizardError: a scenario's file is damaged.
    """
    folder = resources.files("dfwizard.demo") / "scenarios"
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    found = [_read(one.name.removesuffix(".toml"), one.read_text(encoding="utf-8")) for one in files]
    return tuple(
        sorted(
            found, key=lambda one: (_ORDER.index(one.name) if one.name in _ORDER else len(_ORDER), one.name)
        )
    )


def scenario(name: str) -> Scenario:
    """Give the scenario of that name.

    Raises:
        UsageError: there is none; the message has the names.
    """
    for one in scenarios():
        if one.name == name:
            return one
    names = ", ".join(one.name for one in scenarios())
    raise UsageError(
        f"there is no scenario {name!r}", remedy=f"Choose one of: {names} (see dfwizard demo --list)."
    )


def _read(name: str, text: str) -> Scenario:
    try:
        data = tomllib.loads(text)
        return Scenario(
            name=name,
            title=str(data["title"]),
            story=" ".join(str(data["story"]).split()),
            installed=str(data["installed"]),
            target=str(data["target"]),
            outcome=str(data["outcome"]),
            exit_code=int(data["exit_code"]),
            odd=dict(data.get("odd", {})),
            faults=dict(data.get("faults", {})),
            accept=tuple(map(str, data.get("accept", ()))),
            decisions=tuple(map(str, data.get("decisions", ()))),
            on_failure=str(data.get("on_failure", "auto")),
            source=_source(data["source"]) if "source" in data else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DfwizardError(
            f"the scenario's file is damaged: {error}", where=f"{name}.toml", remedy="Install dfwizard again."
        ) from None


def _source(data: Mapping[str, Any]) -> Source:
    return Source(str(data["address"]), str(data["installed"]), dict(data.get("faults", {})))
