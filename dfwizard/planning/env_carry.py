"""The three-way `.env` of a migration: what the source sets, what the target sets, and what the target is to set.

The files are what Laravel makes of them; the rules (carry.toml, env.toml) say which key is whose and how each release
reads it. Everything here is a pure function of the two files; the choices become the target's file through
`instance.dotenv.edit(target.data, changes(keys))`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

from dfwizard.errors import DotenvError, UsageError
from dfwizard.instance.dotenv import MASK, DotenvFile, laravel_value, printable, quote
from dfwizard.instance.dotenv_secrets import secret_values
from dfwizard.instance.secret_names import is_secret
from dfwizard.planning.env_moves import Said, moved_away, said_by
from dfwizard.rules import CarryChoice, CarryRule, EnvGroup, Release, Rules

Choice = Literal["carry", "keep", "edit", "drop"]

GROUPS: Mapping[EnvGroup, str] = {
    EnvGroup.APP_KEY: "APP_KEY",
    EnvGroup.DATABASE: "database credentials",
    EnvGroup.CACHING: "caching",
    EnvGroup.API_KEYS: "API keys",
    EnvGroup.ENVIRONMENT: "environment settings",
    EnvGroup.OTHER: "other",
}
"""The groups by the guide's names, in its order."""

_REFERENCE = re.compile(r"\$\{([a-zA-Z0-9_.]+)\}")
_OF_THIS_SERVER = re.compile(r"^/|\blocalhost\b|\b127\.\d+\.\d+\.\d+\b|\[?::1\b")
"""What an unknown key's value looks like when it means one server: an absolute path, or the server itself."""

_OWN_RULE = CarryRule(
    "other",
    (),
    EnvGroup.OTHER,
    CarryChoice.CARRY,
    "No release reads this key: it is the owner's, for a script or a package.",
    ".env-dist of 2.14.0 to 7.7.0",
)


@dataclass(frozen=True)
class CarriedKey:
    """One key of the three-way `.env`.

    `source` and `target` are the values as Laravel reads them (None: not set); where the target's release calls a key otherwise, `source`
    is what the old one said. `value` is what the target will read (None: nothing) and `choice` how that came about: the source's
    value (`carry`), the target's own (`keep`), another one (`edit`), or none (`drop`). `locked` forbids another choice. `refers`
    names the keys that the target's own line takes in as `${NAME}`.

    The values may be secret and are in no `repr`; `shown` writes one for people.
    """

    key: str
    group: str
    source: str | None = field(repr=False)
    target: str | None = field(repr=False)
    choice: Choice
    value: str | None = field(repr=False)
    reason: str
    secret: bool
    locked: bool = False
    refers: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether there is something to decide: the servers do not say the same, and a choice is free."""
        return not self.locked and not self.source == self.target == self.value

    def shown(self, value: str | None) -> str:
        """Write one of the key's values for people: secret ones as asterisks, control characters as escapes."""
        if value is None:
            return "not set"
        return MASK if self.secret and value else printable(value)


def carry(
    source: DotenvFile,
    target: DotenvFile,
    *,
    source_release: Release | str,
    target_release: Release | str,
    rules: Rules,
) -> tuple[CarriedKey, ...]:
    """Propose what the target's `.env` is to say, key by key, in the order of the guide's groups.

    Every key that either file sets is there, and those that the target's release needs. Raises UsageError where a release is no version.
    """
    mine = {key: value for key, value in source.values.items() if value is not None}
    theirs = {key: value for key, value in target.values.items() if value is not None}
    said = said_by(mine, rules, source_release, target_release)
    gone = moved_away(mine, said, rules, source_release, target_release)
    refers = _references(target)
    secrets = secret_values(source) | secret_values(target)
    keys = []
    for key in dict.fromkeys((*mine, *said, *theirs)):
        made = _proposed(key, said.get(key), theirs.get(key), gone.get(key), rules)
        values = (made.source or "", made.target or "")
        hidden = is_secret(key) or any(secret in value for secret in secrets for value in values)
        keys.append(replace(made, secret=hidden, refers=refers.get(key, ())))
    order = list(GROUPS.values())
    return tuple(sorted(keys, key=lambda item: order.index(item.group)))


def _proposed(key: str, said: Said | None, target: str | None, gone: str | None, rules: Rules) -> CarriedKey:
    rule = rules.carry_rule(key) or _OWN_RULE
    source = said.value if said else None
    blank = CarriedKey(key, GROUPS[rule.group], source, target, "keep", target, "", False, rule.locked)
    if gone is not None:
        return replace(blank, choice="keep" if target is not None else "drop", reason=gone, locked=False)
    if source is not None and source == target:
        return replace(blank, reason="Both servers say the same.")
    because = f"{rule.reason} ({rule.source})"
    if said is None:
        if rule.choice is CarryChoice.MATCH:
            return replace(blank, choice="drop", value=None, reason=f"The source does not set it. {because}")
        return replace(blank, reason=f"Only the target sets it. {because}")
    because = f"{said.note} {because}".lstrip()
    if rule.choice is CarryChoice.CARRY and _is_blank(said.value) and not _is_blank(target):
        return replace(blank, reason=f"The source leaves it empty. {because}")
    obstacle = said.obstacle or _obstacle(said.value, rule)
    if obstacle:
        return replace(blank, reason=f"{obstacle} {because}")
    if rule.choice is CarryChoice.KEEP or (rule.choice is CarryChoice.FILL and not _is_blank(target)):
        return replace(blank, reason=because, source=None if said.assumed else source)
    if said.assumed:
        return replace(blank, source=None, choice="edit", value=source, reason=because)
    return replace(blank, choice="carry", value=source, reason=because)


def _obstacle(value: str, rule: CarryRule) -> str:
    """Say why a value cannot go over as it stands; "" when it can."""
    if not _can_be_written(value):
        return "The source's value holds bytes that cannot be written to .env."
    if rule.portable and not any(fnmatchcase(value.lower(), pattern) for pattern in rule.portable):
        return "The source's value needs something that the target may not have."
    if rule is _OWN_RULE and _OF_THIS_SERVER.search(value):
        return "The source's value names a place on its own server."
    return ""


def _can_be_written(value: str) -> bool:
    try:
        quote(value)
    except DotenvError:
        return False
    return True


def _is_blank(value: str | None) -> bool:
    return laravel_value(value) in (None, "")


def _references(target: DotenvFile) -> dict[str, tuple[str, ...]]:
    """Give the names that each key's lines take in, of the lines that have any."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in target.entries:
        names = tuple(_REFERENCE.findall(entry.template or ""))
        if names:
            found[entry.name] = (*found.get(entry.name, ()), *names)
    return found


def changes(keys: Collection[CarriedKey]) -> dict[str, str | None]:
    """Give the changes of the target's file, for `instance.dotenv.edit`; empty when it stays as it is.

    A key that is kept is written out where its line takes in one that changes: it goes on reading as it did.
    """
    made = {item.key: item.value for item in keys if item.value != item.target}
    kept = {item.key: item.value for item in keys if made.keys() & set(item.refers)}
    return {**kept, **made}


def with_choices(
    keys: Collection[CarriedKey],
    *,
    carry: Collection[str] = (),
    keep: Collection[str] = (),
    edited: Mapping[str, str | None] | None = None,
) -> tuple[CarriedKey, ...]:
    """Give the keys with other choices; `edited` holds values of a person's own (None: the key is not set).

    Raises:
        UsageError: a key is not there, locked or chosen twice, the source does not set one that is to go over, or a value
            cannot be written.
    """
    edited = edited or {}
    known = {item.key: item for item in keys}
    chosen = [*carry, *keep, *edited]
    for key in chosen:
        _check_choice(key, known, chosen)
    return tuple(_chosen(item, set(carry), set(keep), edited) for item in keys)


def _check_choice(key: str, known: Mapping[str, CarriedKey], chosen: Collection[str]) -> None:
    item = known.get(key)
    if item is None:
        raise UsageError(
            "neither server's .env sets this key",
            where=printable(key),
            remedy="Choose among the keys that are listed.",
        )
    if item.locked:
        raise UsageError(
            f"this key cannot be chosen otherwise: {item.reason}", where=key, remedy="Leave it as it is."
        )
    if list(chosen).count(key) > 1:
        raise UsageError(
            "this key is chosen twice", where=key, remedy="Carry it over, keep it, or give a value."
        )


def _chosen(
    item: CarriedKey, carry: Collection[str], keep: Collection[str], edited: Mapping[str, str | None]
) -> CarriedKey:
    if item.key in keep:
        return replace(item, choice="keep", value=item.target, reason=f"Chosen: {item.reason}")
    if item.key in carry:
        if item.source is None:
            raise UsageError(
                "the source does not set this key", where=item.key, remedy="Keep it, or give a value."
            )
        if not _can_be_written(item.source):
            raise _unwritable(item.key)
        return replace(item, choice="carry", value=item.source, reason=f"Chosen: {item.reason}")
    if item.key in edited:
        value = edited[item.key]
        if value is not None and not _can_be_written(value):
            raise _unwritable(item.key)
        choice: Choice = "drop" if value is None else "edit"
        return replace(item, choice=choice, value=value, reason="Chosen: a value of its own.")
    return item


def _unwritable(key: str) -> UsageError:
    return UsageError(
        "this value holds a NUL byte or is not valid Unicode, and cannot be written to .env",
        where=key,
        remedy="Choose another value.",
    )


def groups(keys: Collection[CarriedKey]) -> Iterator[tuple[str, tuple[CarriedKey, ...]]]:
    """Give the keys by group, in the guide's order, without the groups that are empty."""
    for name in GROUPS.values():
        found = tuple(item for item in keys if item.group == name)
        if found:
            yield name, found
