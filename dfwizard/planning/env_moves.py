"""What a source's `.env` says in the words of the target's release: renames, changed defaults, keys that are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dfwizard.rules import EnvKind, EnvRule, Release, Rules
from dfwizard.rules.model import parse_version

# What Laravel's env() makes no value of.
_BLANK = frozenset({"", "null", "(null)", "empty", "(empty)"})


@dataclass(frozen=True)
class Said:
    """What the source says of a key.

    `assumed`: it does not set the key, and behaves as with this value. `note` tells where the value comes from, where that is not the key
    itself; `obstacle` why it does not hold for the target's release ("" where it does); `old` is what the source calls a renamed key.
    """

    value: str = field(repr=False)
    assumed: bool = False
    note: str = ""
    obstacle: str = ""
    old: str = ""


def said_by(
    values: Mapping[str, str], rules: Rules, source: Release | str, target: Release | str
) -> dict[str, Said]:
    """Give every key that the source sets or means, under the name that the target's release reads."""
    said = {key: Said(value) for key, value in values.items()}
    crossed = rules.env_changes(source, target)
    # Conditions are about the new names: what is renamed without one comes first.
    for rule in sorted(crossed, key=lambda rule: bool(rule.only_if)):
        if rule.kind is EnvKind.RENAME and _applies(rule, said):
            _rename(said, rule)
    for rule in crossed:
        if rule.required and _is_blank(said.get(rule.new)):
            note = f"Without it the source behaves as with {rule.value}, and the target would not."
            said[rule.new] = Said(rule.value, assumed=True, note=note)
        elif rule.stale and rule.new in values and _applies(rule, said):
            obstacle = f"{rule.reason} {rule.otherwise}"
            said[rule.new] = Said(values[rule.new], obstacle=obstacle)
    return said


def _rename(said: dict[str, Said], rule: EnvRule) -> None:
    old = said.get(rule.old)
    if old is None or _is_blank(old) or not _is_blank(said.get(rule.new)):
        return
    said[rule.new] = Said(old.value, note=f"The source calls it {rule.old}.", old=rule.old)


def moved_away(
    values: Mapping[str, str],
    said: Mapping[str, Said],
    rules: Rules,
    source: Release | str,
    target: Release | str,
) -> dict[str, str]:
    """Give the source's keys that the target's release does not read, with the reason."""
    start, end = rules.behaves_as(source), rules.behaves_as(target)
    gone = {}
    for rule in rules.env:
        since = parse_version(rule.since)
        if rule.old not in values or since > end or not _applies(rule, said):
            continue
        if rule.kind is EnvKind.REMOVED:
            gone[rule.old] = f"{rule.reason} {rule.otherwise} ({rule.source})"
        elif rule.kind is EnvKind.RENAME:
            called = f"From {rule.since} on it is called {rule.new}."
            unread = " The source does not read it either." if since <= start else ""
            gone[rule.old] = f"{called}{unread} {rule.reason} ({rule.source})"
    return gone


def _applies(rule: EnvRule, said: Mapping[str, Said]) -> bool:
    if not rule.only_if:
        return True
    key, _, wanted = rule.only_if.partition("=")
    found = said.get(key)
    return found is not None and found.value.lower() == wanted.lower()


def _is_blank(said: Said | None) -> bool:
    return said is None or said.value.strip().lower() in _BLANK
