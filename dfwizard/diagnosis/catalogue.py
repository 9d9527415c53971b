"""The known failures: `data/*.toml`, read once, every mistake in them named by file, line, entry and key.

What each key of an entry means:

patterns  regular expressions, tried on each line of the failure's message and output (plain, unwrapped, letters in either
          case); one is enough
also      further ones, each of which has to stand in some line
without   such as may stand in no line
states    SQLSTATEs (`SQLSTATE[42S02]`, `(42S02)`), of which one has to be there; left out: none is asked for
steps     ids of the steps at which the entry is about (with * for any text); left out: all
codes     exit codes at which it is about, negative for a signal; left out: all
tier      "root" for what causes other failures (a full disk), "general" for warnings and for what says that something failed and
          not why; left out: "particular"
cause     one to three sentences; {owner} is filled in
remedy    what a person can do, in words
source    where this is known from
commands  what the remedy says as lines of shell, in their order; each has
  run       the line; {instance}, {owner}, {php}, {composer} and {install} (composer's install as the plan runs it) are filled in
            and quoted, {as_owner} is what makes a command run as the owner of the tree. Every line can be run a second time
  does      what it does, a few words
  safety    see `Safety`
  retried   ids of the steps that do the same: left out where one of them is tried again anyway

Which of several entries that fit is taken: see `matching.rank`; their order in the files has no part in it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal

from dfwizard import codec
from dfwizard.diagnosis.signs import Sign, sign
from dfwizard.errors import CodecError
from dfwizard.rules.toml_lines import line_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

Safety = Literal["look", "cache", "tree", "hand"]
"""What a remedy's command may change.

look   nothing: it reads, or waits
cache  only what is made anew by itself
tree   files of the instance: offered only where a rollback puts them back
hand   something else (packages, services, .env, the database): it is shown and never run by dfwizard
"""

Tier = Literal["root", "particular", "general"]

FILES = ("files", "composer", "git", "php", "database", "dumps", "laravel", "web", "ssh")
"""The files of `data/`, one for each area."""

PLACEHOLDERS = frozenset(("instance", "owner", "php", "composer", "install", "as_owner"))

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_STATE = re.compile(r"[0-9A-Z]{5}")
_SHORTEST = 4
"""Characters that a pattern has to spell out: with less it would fit anything."""


@dataclass(frozen=True)
class KnownCommand:
    """One line of shell of a remedy, its placeholders not filled in."""

    run: str
    does: str
    safety: Safety
    retried: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """One known failure; what its keys mean stands above."""

    id: str
    title: str
    patterns: tuple[str, ...]
    cause: str
    remedy: str
    source: str
    also: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    tier: Tier = "particular"
    commands: tuple[KnownCommand, ...] = ()

    @cached_property
    def signs(self) -> tuple[Sign, ...]:
        """Give the patterns ready to be searched for, those that spell out most first."""
        return tuple(sorted(map(sign, self.patterns), key=lambda one: -one.weight))


@cache
def known_failures() -> tuple[Failure, ...]:
    """Read the known failures.

    Raises:
        CodecError: an entry is wrong; the message names file, line, entry and key.
    """
    folder = resources.files("dfwizard.diagnosis") / "data"
    texts = {f"{name}.toml": (folder / f"{name}.toml").read_text(encoding="utf-8") for name in FILES}
    return read_failures(texts)


def read_failures(texts: dict[str, str]) -> tuple[Failure, ...]:
    """Read the entries of files, given as their texts by their names; raises as `known_failures` does."""
    found: dict[str, Failure] = {}
    for name, text in texts.items():
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise CodecError(str(error), where=name) from None
        unknown = sorted(set(document) - {"failure"})
        if unknown or not isinstance(document.get("failure"), list):
            raise CodecError(
                f"holds {', '.join(unknown) or 'no entries'}, expected are [[failure]]", where=name
            )
        for number, entry in enumerate(document["failure"]):
            failure = _entry(entry, _Spot(name, text, number))
            if failure.id in found:
                raise _Spot(name, text, number).wrong(failure.id, "id", "is there already")
            found[failure.id] = failure
    return tuple(found.values())


@dataclass(frozen=True)
class _Spot:
    """Where an entry stands."""

    file: str
    text: str
    number: int

    def wrong(self, entry: str, key: str, reason: str) -> CodecError:
        line = line_of(self.text, ("failure", self.number, key.partition("[")[0]))
        return CodecError(f"{key}: {reason}", where=f"{self.file}:{line}: {entry}")


def _entry(data: Any, spot: _Spot) -> Failure:
    name = data.get("id") if isinstance(data, dict) else None
    entry = name if isinstance(name, str) and name else f"entry {spot.number + 1}"
    try:
        failure = codec.from_data(Failure, data, where="entry")
    except CodecError as error:
        key = (error.where or "").removeprefix("entry").lstrip(".")
        raise spot.wrong(entry, key or "entry", error.what) from None
    for key, reason in _problems(failure):
        raise spot.wrong(entry, key, reason)
    return failure


def _problems(one: Failure) -> Iterator[tuple[str, str]]:
    """Give what is wrong with an entry whose keys have the right types, as key and reason."""
    if not _ID.fullmatch(one.id):
        yield "id", f"{one.id!r} is not small letters, digits and hyphens"
    for key in ("title", "cause", "remedy", "source", "patterns"):
        value = getattr(one, key)
        if not (value.strip() if isinstance(value, str) else value):
            yield key, "is empty"
    for key in ("patterns", "also", "without"):
        yield from _wrong_patterns(key, getattr(one, key))
    for state in one.states:
        if not _STATE.fullmatch(state):
            yield "states", f"{state!r} is no SQLSTATE: five digits and capital letters"
    yield from _wrong_words(one)


def _wrong_words(one: Failure) -> Iterator[tuple[str, str]]:
    for name in _PLACEHOLDER.findall(one.cause):
        if name != "owner":
            yield "cause", f"{{{name}}} is not known; there is {{owner}}"
    if _PLACEHOLDER.search(one.remedy):
        yield "remedy", "a placeholder is not filled in here"
    for number, command in enumerate(one.commands):
        for reason in _wrong_command(command):
            yield f"commands[{number}]", reason


def _wrong_patterns(key: str, patterns: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for number, pattern in enumerate(patterns):
        where = f"{key}[{number}]"
        try:
            known = sign(pattern)
        except re.error as error:
            yield where, f"{pattern!r} is no regular expression: {error}"
            continue
        if known.pattern.search(""):
            yield where, f"{pattern!r} fits an empty line"
        if known.weight < _SHORTEST:
            yield where, f"{pattern!r} spells out less than {_SHORTEST} characters"


def _wrong_command(command: KnownCommand) -> Iterator[str]:
    if not command.run.strip() or "\n" in command.run:
        yield "run is not one line"
    if not command.does.strip():
        yield "does is empty"
    unknown = sorted(set(_PLACEHOLDER.findall(command.run)) - PLACEHOLDERS)
    if unknown:
        yield f"run: {', '.join(unknown)} is not known; there are {', '.join(sorted(PLACEHOLDERS))}"
