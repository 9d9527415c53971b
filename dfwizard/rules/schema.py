"""What a rules file may hold, as one table: sections, their keys, and what each value must be.

A rules file is TOML with the arrays of tables `releases`, `hops`, `services`, `php_switches`, `env`, `carry`, `tables`, `points` and
`explained`. An entry is known by its
`tag`, `id` or `name`; in a file that extends others, an entry of a known name changes the keys it gives.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dfwizard.rules.model import AdminUi, CarryChoice, EnvGroup, EnvKind, HopKind, ServiceKind, Tier

Check = Callable[[object], "str | None"]
"""Takes a value and says what is wrong with it, or None."""


@dataclass(frozen=True)
class Key:
    """One key: what its value must be, and whether an entry can be without it.

    `items` describes the tables of an array of tables; `check` is not used then.
    """

    check: Check
    required: bool = False
    items: Mapping[str, Key] | None = None


@dataclass(frozen=True)
class Section:
    """One array of tables; `identity` is the key that tells its entries apart."""

    identity: str
    keys: Mapping[str, Key]


def type_name(value: object) -> str:
    """Name the TOML type of a value."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a float"),
        (str, "a string"),
        (datetime.datetime, "a date with a time"),
        (datetime.date, "a date"),
        (datetime.time, "a time"),
        (list, "an array"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "a table")


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return f"must be a string, and is {type_name(value)}"
    return None


def _filled(value: object) -> str | None:
    if isinstance(value, str) and not value.strip():
        return "must not be empty"
    return _text(value)


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, and is {type_name(value)}"


def _positive(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return None if value > 0 else f"must be greater than 0, and is {value}"
    return f"must be an integer, and is {type_name(value)}"


def _date(value: object) -> str | None:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return None
    return f"must be a date such as 2024-05-16 (without quotes), and is {type_name(value)}"


def _like(pattern: str, meaning: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: object) -> str | None:
        if isinstance(value, str) and compiled.fullmatch(value):
            return None
        return _text(value) or f"must be {meaning}, and is {value!r}"

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: object) -> str | None:
        if isinstance(value, str) and value in allowed:
            return None
        return _text(value) or f"must be one of {', '.join(allowed)}, and is {value!r}"

    return check


def _list_of(item: Check) -> Check:
    def check(value: object) -> str | None:
        if not isinstance(value, list):
            return f"must be an array, and is {type_name(value)}"
        for index, each in enumerate(value):
            reason = item(each)
            if reason:
                return f"element {index} {reason}"
        return None

    return check


def _tables(value: object) -> str | None:
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return None
    return f"must be an array of tables, and is {type_name(value)}"


def _sourced(value: object) -> str | None:
    if not isinstance(value, dict):
        return f"must be a table of text and source, and is {type_name(value)}"
    if set(value) != {"text", "source"}:
        return "must have exactly the keys text and source"
    return next((f"{name} {reason}" for name, each in value.items() if (reason := _filled(each))), None)


def tables_of(keys: Mapping[str, Key]) -> Key:
    """Describe a key that holds an array of tables with these keys."""
    return Key(_tables, items=keys)


_RELEASE_NUMBER = r"\d+\.\d+\.\d+"
_VERSION = _like(
    _RELEASE_NUMBER + r"((a|b|rc)\d+)?", "a version of three numbers such as 7.1.0 (a beta: 7.1.0b1)"
)
_RELEASE_VERSION = _like(_RELEASE_NUMBER, "a version of three numbers such as 7.1.0")
_VERSION_OR_NONE = _like(rf"({_RELEASE_NUMBER})?", 'a version of three numbers such as 7.1.0, or ""')
_TAG = _like(r"[A-Za-z0-9][A-Za-z0-9._+-]*", "a git tag (letters, digits, dots and dashes)")
_ID = _like(r"[A-Za-z0-9][A-Za-z0-9._-]*", "a name of letters, digits, dots and dashes")
_SHA1 = _like(r"[0-9a-f]{40}", "the 40 hexadecimal digits of a git object")
_MD5 = _like(r"[0-9a-f]{32}", "the 32 hexadecimal digits of a composer.lock content-hash")
_PHP_MINOR = _like(r"\d+\.\d+", "a PHP version of two numbers such as 8.3")
_COMPOSER = _like(
    r"(>=|<=|<|>|==|~=|!=)\s*\d+(\.\d+)*(\s*,\s*(>=|<=|<|>|==|~=|!=)\s*\d+(\.\d+)*)*",
    "a version specifier such as >=2.2 or >=1,<2",
)
_LARAVEL = _like(r"\d+\.\d+\.\d+", "a locked version such as 11.44.7, without v")
_ENV_KEY = _like(r"([A-Z_][A-Z0-9_]*)?", "a key of .env such as CACHE_STORE")
_TABLE = _like(r"[a-z_][a-z0-9_]*", "a table or column in lower case")
_TABLES = _like(r"[a-z0-9_*]+", "a table or column in lower case, or a pattern with *")
_COLUMN = _like(r"([a-z_][a-z0-9_]*|\*)", "a column in lower case, or *")
_SOURCED: Mapping[str, Key] = {"text": Key(_filled, required=True), "source": Key(_filled, required=True)}

SCHEMA: Mapping[str, Section] = {
    "releases": Section(
        "tag",
        {
            "tag": Key(_TAG, required=True),
            "version": Key(_VERSION, required=True),
            "date": Key(_date, required=True),
            "commit": Key(_SHA1, required=True),
            "tree": Key(_SHA1),
            "config_version": Key(_filled, required=True),
            "lock_hash": Key(_MD5, required=True),
            "php_constraint": Key(_text, required=True),
            "php_platform": Key(_text),
            "php_minors": Key(_list_of(_PHP_MINOR), required=True),
            "laravel_constraint": Key(_text),
            "laravel": Key(_LARAVEL, required=True),
            "df_core": Key(_text),
            "df_sqldb": Key(_text),
            "df_system": Key(_text),
            "df_database": Key(_text),
            "ui_version": Key(_text),
            "admin_ui": Key(_one_of(*(kind.value for kind in AdminUi)), required=True),
            "composer": Key(_COMPOSER, required=True),
            "ext_mongodb": Key(_text),
            "added_service_types": Key(_list_of(_filled)),
            "removed_service_types": Key(_list_of(_filled)),
            "same_as": Key(_TAG),
            "usable_as_stop": Key(_boolean),
            "warnings": tables_of({"id": Key(_ID, required=True), **_SOURCED}),
        },
    ),
    "hops": Section(
        "id",
        {
            "id": Key(_ID, required=True),
            "from": Key(_like(r"\d{1,4}\.x|any", "a line such as 4.x, or any"), required=True),
            "to": Key(
                _like(r"\d{1,4}\.x|same|cross-server", "a line such as 5.x, same, or cross-server"),
                required=True,
            ),
            "kind": Key(_one_of(*(kind.value for kind in HopKind)), required=True),
            "method": Key(_filled, required=True),
            "notes": Key(_text, required=True),
            "breaking": Key(_text),
            "source": Key(_filled, required=True),
            "facts": tables_of(_SOURCED),
            "additive": Key(_sourced),
        },
    ),
    "services": Section(
        "name",
        {
            "name": Key(_like(r"[a-z][a-z0-9_-]*", "a service type such as mysql"), required=True),
            "kind": Key(_one_of(*(kind.value for kind in ServiceKind))),
            "tier": Key(_one_of(*(tier.value for tier in Tier)), required=True),
            "package": Key(
                _like(r"([a-z0-9-]+/[a-z0-9-]+)?", "a composer package such as dreamfactory/df-script")
            ),
            "becomes": Key(_text),
            "note": Key(_text),
            "source": Key(_filled, required=True),
        },
    ),
    "php_switches": Section(
        "id",
        {
            "id": Key(_ID, required=True),
            "title": Key(_filled, required=True),
            "unit": Key(_filled, required=True),
            "beside": Key(_boolean, required=True),
            "install": Key(_list_of(_filled), required=True),
            "switch": Key(_list_of(_filled), required=True),
            "nginx": Key(_list_of(_filled), required=True),
            "apache": Key(_list_of(_filled), required=True),
            "site": Key(_filled, required=True),
            "source": Key(_filled, required=True),
        },
    ),
    "env": Section(
        "id",
        {
            "id": Key(_ID, required=True),
            "kind": Key(_one_of(*(kind.value for kind in EnvKind)), required=True),
            "old": Key(_ENV_KEY),
            "new": Key(_ENV_KEY),
            "since": Key(_RELEASE_VERSION, required=True),
            "fatal_since": Key(_VERSION_OR_NONE),
            "value": Key(_like(r"[^\r\n\x00]*", "a value of one line")),
            "when": Key(_text),
            "only_if": Key(_like(r"([A-Z_][A-Z0-9_]*=.+)?", "a condition such as CACHE_STORE=redis")),
            "stale": Key(_boolean),
            "required": Key(_boolean),
            "least_bytes": Key(_positive),
            "reason": Key(_filled, required=True),
            "otherwise": Key(_filled, required=True),
            "source": Key(_filled, required=True),
        },
    ),
    "carry": Section(
        "id",
        {
            "id": Key(_ID, required=True),
            "keys": Key(_list_of(_like(r"[A-Z0-9_*]+", "a key of .env, or a pattern with *")), required=True),
            "group": Key(_one_of(*(group.value for group in EnvGroup)), required=True),
            "choice": Key(_one_of(*(choice.value for choice in CarryChoice)), required=True),
            "portable": Key(_list_of(_filled)),
            "locked": Key(_boolean),
            "reason": Key(_filled, required=True),
            "source": Key(_filled, required=True),
        },
    ),
    "tables": Section(
        "name",
        {
            "name": Key(_TABLE, required=True),
            "volatile": Key(_boolean),
            "name_column": Key(_TABLE),
            "left_out": Key(_list_of(_TABLE)),
            "encrypted": tables_of(
                {"column": Key(_COLUMN, required=True), "json_keys": Key(_list_of(_filled))}
            ),
        },
    ),
    "points": Section(
        "id",
        {
            "id": Key(_ID, required=True),
            "title": Key(_filled, required=True),
            "guide": Key(_filled, required=True),
            "tables": Key(_list_of(_TABLES), required=True),
        },
    ),
    "explained": Section(
        "id",
        {
            "id": Key(_ID, required=True),
            "table": Key(_TABLES, required=True),
            "kind": Key(_one_of("changed", "new"), required=True),
            "rows": Key(_list_of(_filled)),
            "columns": Key(_list_of(_TABLES)),
            "since": Key(_VERSION_OR_NONE),
            "follows": Key(_TABLE),
            "reason": Key(_filled, required=True),
            "source": Key(_filled, required=True),
        },
    ),
}
