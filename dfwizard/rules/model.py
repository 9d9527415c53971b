"""The rules as data: releases, the guide's hops, `.env` changes and the tables of the system database."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from dfwizard.errors import UsageError

if TYPE_CHECKING:
    from packaging.version import Version


class AdminUi(enum.Enum):
    """How a release delivers its admin UI (composer.json of each release)."""

    DF_ADMIN_APP = "composer-df-admin-app"
    RELEASE_ZIP = "release-zip"
    DF_ADMIN_INTERFACE = "composer-df-admin-interface"


class HopKind(enum.Enum):
    """What dfwizard makes of the method that the guide's table names."""

    IN_PLACE = "in-place"
    IN_PLACE_OR_FRESH = "in-place-or-fresh"
    FRESH = "fresh"
    MIGRATION = "migration"


class Tier(enum.Enum):
    """The licence that a service type needs, where the open-source set does not carry it; services.toml says what each one means."""

    SILVER = "silver"
    GOLD = "gold"
    COMMERCIAL = "commercial"
    GONE = "gone"


class ServiceKind(enum.Enum):
    """What a package brings: a type of services, a resource of the service `system`, routes of its own."""

    SERVICE = "service"
    RESOURCE = "resource"
    INTERFACE = "interface"


class EnvKind(enum.Enum):
    """What happens to a key of `.env` at a release."""

    RENAME = "rename"
    EXPLICIT = "explicit"
    REMOVED = "removed"
    DEFAULT_CHANGED = "default-changed"


class EnvGroup(enum.Enum):
    """What a key of `.env` is about, as the guide groups them ("Why These Components Matter"), in its order."""

    APP_KEY = "app-key"
    DATABASE = "database"
    CACHING = "caching"
    API_KEYS = "api-keys"
    ENVIRONMENT = "environment"
    OTHER = "other"


class CarryChoice(enum.Enum):
    """What becomes of a key in a migration to another server; carry.toml says what each one means."""

    CARRY = "carry"
    KEEP = "keep"
    FILL = "fill"
    MATCH = "match"


@cache
def parse_version(version: str) -> Version:
    """Parse a version.

    Raises:
        UsageError: it is not a version.
    """
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version)
    except InvalidVersion:
        raise UsageError(
            f"{version!r} is not a version", remedy="Give three numbers with dots, such as 7.1.0."
        ) from None


@dataclass(frozen=True)
class ReleaseWarning:
    """Something to know before stopping at a release; `source` is where the fact was read."""

    id: str
    text: str
    source: str


@dataclass(frozen=True)
class Release:
    """One tag of DreamFactory. Locked versions are those of its composer.lock; "" is "not known" or "none"."""

    tag: str
    version: str
    """The tag as a version of three numbers: 7.3.0 for the tag 7.3."""
    date: str
    """ISO date of the commit."""
    commit: str
    config_version: str
    """What config/app.php and `GET /status` say, which differs from the tag in one release out of three or four."""
    lock_hash: str
    """The content-hash of composer.lock; several releases may share one."""
    php_constraint: str
    php_minors: tuple[str, ...]
    """PHP versions that satisfy composer.json and every locked package: ("8.3", "8.4"). Empty: none does."""
    laravel: str
    composer: str
    """Composer versions that can install the lock, as in ">=2.2"."""
    admin_ui: AdminUi
    tree: str = ""
    php_platform: str = ""
    """config.platform.php of composer.json: the PHP version that Composer is told, whichever runs."""
    laravel_constraint: str = ""
    df_core: str = ""
    df_sqldb: str = ""
    df_system: str = ""
    df_database: str = ""
    ui_version: str = ""
    ext_mongodb: str = ""
    """The weakest constraint known for the line; the lock of the release decides."""
    added_service_types: tuple[str, ...] = ()
    """Service types that the open-source set has from this release on; of the oldest release all that it has."""
    removed_service_types: tuple[str, ...] = ()
    """Service types that the open-source set has no more from this release on."""
    same_as: str = ""
    """The tag whose commit this tag repeats: 7.0.0 is 6.3.0."""
    usable_as_stop: bool = True
    warnings: tuple[ReleaseWarning, ...] = ()

    @property
    def behaves_as(self) -> str:
        """The version whose code this is: 6.3.0 for the tag 7.0.0."""
        return self.same_as or self.version

    @property
    def major(self) -> int:
        """The line that the release's code belongs to: 6 for the tag 7.0.0."""
        return parse_version(self.behaves_as).major


@dataclass(frozen=True)
class HopFact:
    """Where the releases themselves say something else than the guide."""

    text: str
    source: str


@dataclass(frozen=True)
class Hop:
    """A row of the guide's table "Upgrade Path by Version", in the guide's words."""

    id: str
    from_line: str
    """"4.x" or "any"."""
    to_line: str
    """"5.x", "cross-server", or "same" for an upgrade inside one line."""
    kind: HopKind
    method: str
    notes: str
    source: str
    breaking: str = ""
    facts: tuple[HopFact, ...] = ()
    additive: HopFact | None = None
    """Why the database may cross this boundary without a stop at the line's last release; None: it may not."""

    def crosses(self, major: int) -> bool:
        """Whether this is the row from line `major` to the next one."""
        return (self.from_line, self.to_line) == (f"{major}.x", f"{major + 1}.x")


@dataclass(frozen=True)
class ServiceOrigin:
    """Where a service type (or another part of the API) comes from that the open-source set of today does not carry."""

    name: str
    tier: Tier
    source: str
    kind: ServiceKind = ServiceKind.SERVICE
    package: str = ""
    becomes: str = ""
    """The type that a migration gives to its services: nothing is lost; "" for none."""
    note: str = ""

    @property
    def in_words(self) -> str:
        """Say how it can be had: `dreamfactory/df-script (SILVER licence)`."""
        if self.tier is Tier.GONE:
            return f"it is called {self.becomes} now" if self.becomes else "no edition has it any more"
        licence = "commercial" if self.tier is Tier.COMMERCIAL else f"{self.tier.value.upper()} licence"
        return f"{self.package} ({licence})" if self.package else licence


@dataclass(frozen=True)
class PhpSwitch:
    """How PHP is switched in one family of distributions, as lines of shell; php.toml says what each key means."""

    id: str
    title: str
    unit: str
    install: tuple[str, ...]
    switch: tuple[str, ...]
    nginx: tuple[str, ...]
    apache: tuple[str, ...]
    site: str
    source: str
    beside: bool


@dataclass(frozen=True)
class EnvRule:
    """What happens to a key of `.env` from the release `since` on."""

    id: str
    kind: EnvKind
    since: str
    reason: str
    otherwise: str
    """What happens when nothing is done."""
    source: str
    old: str = ""
    new: str = ""
    value: str = ""
    """What to set where `old` has no value."""
    fatal_since: str = ""
    """First release that does not work when nothing is done; "" where it works in another way."""
    when: str = ""
    """The condition in words; "" for always."""
    only_if: str = ""
    """The condition as KEY=value, with the new names of keys; "" for always."""
    stale: bool = False
    """Whether a value that was written for the older release is wrong from `since` on."""
    required: bool = False
    """Whether dfwizard sets `new` before the code changes."""
    least_bytes: int = 0
    """Shortest value that works from `since` on; 0: any."""


@dataclass(frozen=True)
class EnvAddition:
    """A key to be set in `.env` before the code changes, and the rule that says so."""

    key: str
    value: str
    rule: EnvRule


@dataclass(frozen=True)
class CarryRule:
    """What becomes of some keys of `.env` (`keys`: names, or patterns with *) in a migration to another server."""

    id: str
    keys: tuple[str, ...]
    group: EnvGroup
    choice: CarryChoice
    reason: str
    source: str
    locked: bool = False
    """Whether nobody may choose otherwise."""
    portable: tuple[str, ...] = ()
    """Values that need nothing of the source's server (patterns); empty: all do without."""


@dataclass(frozen=True)
class EncryptedColumn:
    """A column with values encrypted by APP_KEY; `json_keys` says which, where the column holds JSON.

    `column` is "*" where any column of the table may hold such a value.
    """

    column: str
    json_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableRule:
    """How comparisons treat one table of the system database."""

    name: str
    volatile: bool = False
    name_column: str = ""
    left_out: tuple[str, ...] = ()
    encrypted: tuple[EncryptedColumn, ...] = ()


@dataclass(frozen=True)
class Point:
    """One of the five points of the guide's "Migration Verification": `tables` are names, or patterns with *."""

    id: str
    title: str
    guide: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Explained:
    """A difference between the source's rows and the target's that the target's migrations or seeders make.

    `kind` is `changed` or `new`; `rows` and `columns` are patterns (empty: all); `since` the release that does so ("" for every
    one); `follows` a table in which a row of the same key must be new as well.
    """

    id: str
    table: str
    kind: str
    reason: str
    source: str
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    since: str = ""
    follows: str = ""


@dataclass(frozen=True)
class TableRules:
    """The tables that are treated in a way of their own; all others are compared whole."""

    tables: tuple[TableRule, ...]
    points: tuple[Point, ...] = ()
    explained: tuple[Explained, ...] = ()

    def point_of(self, table: str) -> str:
        """Give the id of the guide's point that a table belongs to, "" for none; the longest pattern decides."""
        fitting = [
            ("*" not in pattern, len(pattern), point.id)
            for point in self.points
            for pattern in point.tables
            if fnmatchcase(table, pattern)
        ]
        return max(fitting)[2] if fitting else ""

    def of(self, table: str) -> TableRule:
        """Give the rule of a table; a table without one is compared whole."""
        return next((rule for rule in self.tables if rule.name == table), TableRule(table))

    @property
    def volatile(self) -> frozenset[str]:
        """Tables whose rows come and go by themselves."""
        return frozenset(rule.name for rule in self.tables if rule.volatile)

    @property
    def name_columns(self) -> Mapping[str, str]:
        """Table to the column that names a row to its owner: no value of it may be lost."""
        return {rule.name: rule.name_column for rule in self.tables if rule.name_column}

    @property
    def encrypted(self) -> tuple[tuple[str, EncryptedColumn], ...]:
        """(table, column) pairs that can prove APP_KEY."""
        return tuple((rule.name, column) for rule in self.tables for column in rule.encrypted)
