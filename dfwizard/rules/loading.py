"""Reading rules files: TOML to `Rules`, with every mistake named by file, line, key and reason."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from dfwizard.errors import RulesError
from dfwizard.rules.building import build
from dfwizard.rules.knowledge import Rules
from dfwizard.rules.model import EnvKind
from dfwizard.rules.schema import SCHEMA, Key, Section, type_name
from dfwizard.rules.toml_lines import Path as KeyPath
from dfwizard.rules.toml_lines import line_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

_PACKAGED = (
    "releases.toml",
    "hops.toml",
    "services.toml",
    "php.toml",
    "env.toml",
    "carry.toml",
    "tables.toml",
)
# A rules file is some 50 KB; more is another file, or a device that never ends.
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Problem:
    """One mistake in a rules file. `line` and `column` count from 1, 0 is "the file as a whole"."""

    file: str
    line: int
    key: str
    reason: str
    column: int = 0

    def __str__(self) -> str:
        numbers = "".join(f":{number}" for number in (self.line, self.column) if number)
        return f"{self.file}{numbers}: {self.key + ': ' if self.key else ''}{self.reason}"


@dataclass(frozen=True)
class _Document:
    """A parsed file, or the problem that it could not be parsed for."""

    label: str
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    problem: Problem | None = None

    def wrong(self, path: KeyPath, reason: str) -> Problem:
        """Make a problem of the value at `path`."""
        return Problem(self.label, line_of(self.text, path), _key_name(path), reason)


@dataclass
class _Entry:
    """One entry while the files are merged: its values, and the document and path that last spoke of it."""

    values: dict[str, Any]
    document: _Document
    path: KeyPath


_Merged = dict[str, dict[str, _Entry]]


def load(path: Path | None = None) -> Rules:
    """Read the rules of the package, and a file of the user's own over them.

    The file's releases (by tag), hops and env rules (by id) and tables (by name) are added; an entry that exists
    already keeps the keys that the file does not give.

    Raises:
        RulesError: a file cannot be read or is wrong; all problems are in `problems`.
    """
    if path is None:
        return _packaged_rules()
    merged, problems = _merge((*_packaged_documents(), _read(path)))
    if problems:
        count = f"{len(problems)} problems" if len(problems) > 1 else "a problem"
        raise RulesError(
            f"the rules file has {count}",
            where=_printable(str(path)),
            remedy="Mend the file and check it with: dfwizard rules check FILE",
            problems=tuple(str(problem) for problem in problems),
        )
    return build(_values(merged), (*_PACKAGED, str(path)))


def check_file(path: Path) -> tuple[Problem, ...]:
    """Give all problems of a user's rules file, in the order of their lines; none when `load` would take it."""
    return tuple(_merge((*_packaged_documents(), _read(path)))[1])


@cache
def _packaged_documents() -> tuple[_Document, ...]:
    folder = resources.files("dfwizard.rules") / "data"
    return tuple(_parse(name, (folder / name).read_bytes()) for name in _PACKAGED)


@cache
def _packaged_rules() -> Rules:
    merged, problems = _merge(_packaged_documents())
    if problems:
        raise RulesError(
            "the rules that come with dfwizard are damaged",
            remedy="Install dfwizard again.",
            problems=tuple(str(problem) for problem in problems),
        )
    return build(_values(merged), _PACKAGED)


# -- from a file to a document ------------------------------------------------------------------------------


def _read(path: Path) -> _Document:
    label = _printable(str(path))
    try:
        # A pipe without a writer would be waited for without end, a device read without end.
        if not path.is_file() and path.exists() and not path.is_dir():
            return _Document(label, problem=Problem(label, 0, "", "is no regular file"))
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return _Document(label, problem=Problem(label, 0, "", f"cannot be read: {reason}"))
    if len(content) > _LARGEST:
        reason = f"is larger than {_LARGEST // 1024 // 1024} MiB: no rules file"
        return _Document(label, problem=Problem(label, 0, "", reason))
    return _parse(label, content)


def _parse(label: str, content: bytes) -> _Document:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _Document(label, problem=Problem(label, line, "", "is not UTF-8"))
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        return _Document(label, problem=Problem(label, 0, "", "is nested too deeply"))
    except ValueError as error:
        return _Document(label, problem=_syntax_problem(label, text, str(error)))
    return _Document(label, text, data)


def _syntax_problem(label: str, text: str, message: str) -> Problem:
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if place:
        return Problem(label, int(place[1]), "", f"not TOML: {message[: place.start()]}", int(place[2]))
    last = text.rstrip("\n").count("\n") + 1 if "end of document" in message else 0
    return Problem(label, last, "", f"not TOML: {message.removesuffix(' (at end of document)')}")


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def _key_name(path: KeyPath) -> str:
    name = ""
    for part in path:
        if isinstance(part, int):
            name += f"[{part}]"
        else:
            plain = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else ascii(part)
            name += f".{plain}" if name else plain
    return name


# -- from documents to entries ------------------------------------------------------------------------------


def _merge(documents: tuple[_Document, ...]) -> tuple[_Merged, list[Problem]]:
    """Lay the documents over one another; give the entries and every problem found."""
    merged: _Merged = {section: {} for section in SCHEMA}
    problems: list[Problem] = []
    for document in documents:
        found = [document.problem] if document.problem else list(_check_document(document, merged))
        problems += sorted(found, key=lambda problem: problem.line)
        if not found:
            _lay_over(merged, document)
    if not problems:
        problems = list(_check_merged(merged))
    return merged, problems


def _values(merged: _Merged) -> dict[str, list[dict[str, Any]]]:
    return {section: [entry.values for entry in entries.values()] for section, entries in merged.items()}


def _lay_over(merged: _Merged, document: _Document) -> None:
    for section, entries in document.data.items():
        for index, values in enumerate(entries):
            name = values[SCHEMA[section].identity]
            before = merged[section].get(name)
            all_values = {**before.values, **values} if before else values
            merged[section][name] = _Entry(all_values, document, (section, index))


def _check_document(document: _Document, known: _Merged) -> Iterator[Problem]:
    for name, entries in document.data.items():
        section = SCHEMA.get(name)
        if section is None:
            yield document.wrong((name,), _unknown("section", name, SCHEMA))
        elif not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            reason = f"must be an array of tables ([[{name}]]), and is {type_name(entries)}"
            yield document.wrong((name,), reason)
        else:
            yield from _check_section(document, name, section, entries, known[name])


def _check_section(
    document: _Document,
    name: str,
    section: Section,
    entries: list[dict[str, Any]],
    known: Mapping[str, _Entry],
) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, entry in enumerate(entries):
        path: KeyPath = (name, index)
        identity = entry.get(section.identity)
        extends = isinstance(identity, str) and identity in known
        yield from _check_table(document, path, section.keys, entry, partial=extends)
        if not isinstance(identity, str):
            continue
        if identity in first:
            line = line_of(document.text, (name, first[identity], section.identity))
            reason = f"{identity!r} is there twice: first on line {line}"
            yield document.wrong((*path, section.identity), reason)
        first.setdefault(identity, index)


def _check_table(
    document: _Document, path: KeyPath, keys: Mapping[str, Key], table: Mapping[str, Any], *, partial: bool
) -> Iterator[Problem]:
    for name, value in table.items():
        key = keys.get(name)
        if key is None:
            yield document.wrong((*path, name), _unknown("key", name, keys))
            continue
        reason = key.check(value)
        if reason:
            yield document.wrong((*path, name), reason)
        elif key.items is not None:
            for index, item in enumerate(value):
                yield from _check_table(document, (*path, name, index), key.items, item, partial=False)
    if not partial:
        for name, key in keys.items():
            if key.required and name not in table:
                yield document.wrong((*path, name), "is missing")


def _unknown(what: str, name: str, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"is an unknown {what}: {advice}"


# -- what the entries must be together ----------------------------------------------------------------------


def _check_merged(merged: _Merged) -> Iterator[Problem]:
    yield from _check_releases(merged["releases"])
    for entry in merged["hops"].values():
        yield from _check_hop(entry)
    for entry in merged["env"].values():
        yield from _check_env(entry)


def _wrong(entry: _Entry, key: str, reason: str) -> Problem:
    return entry.document.wrong((*entry.path, key), reason)


def _check_releases(releases: Mapping[str, _Entry]) -> Iterator[Problem]:
    versions: dict[str, str] = {}
    commits: dict[str, str] = {}
    for tag, entry in releases.items():
        values = entry.values
        version, commit, same_as = values["version"], values["commit"], values.get("same_as", "")
        if _is_other_version(tag, version):
            yield _wrong(entry, "version", f"is {version!r}, and the tag is {tag!r}")
        if version in versions:
            yield _wrong(entry, "version", f"{version!r} is the version of {versions[version]} already")
        versions.setdefault(version, tag)
        if same_as and (same_as not in releases or same_as == tag):
            yield _wrong(entry, "same_as", f"{same_as!r} is not the tag of another release")
        elif same_as and releases[same_as].values["commit"] != commit:
            yield _wrong(entry, "same_as", f"{same_as} has another commit")
        elif not same_as and commit in commits:
            yield _wrong(entry, "commit", f"is the commit of {commits[commit]}: say so with same_as")
        if not same_as:
            commits.setdefault(commit, tag)


def _is_other_version(tag: str, version: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(tag) != Version(version)
    except InvalidVersion:
        # A tag of somebody's own ("our-fork") says nothing of the version.
        return False


def _check_hop(entry: _Entry) -> Iterator[Problem]:
    start, end = entry.values["from"], entry.values["to"]
    if (start == "any") != (end in {"same", "cross-server"}):
        yield _wrong(entry, "to", f"cannot be {end!r} with from = {start!r}")
    elif start != "any" and int(end[:-2]) != int(start[:-2]) + 1:
        yield _wrong(entry, "to", f"must be the line after {start}, and is {end!r}")


def _check_env(entry: _Entry) -> Iterator[Problem]:
    values, kind = entry.values, EnvKind(entry.values["kind"])
    needed = {
        EnvKind.RENAME: ("old", "new"),
        EnvKind.EXPLICIT: ("new",) if values.get("least_bytes") else ("new", "value"),
        EnvKind.REMOVED: ("old",),
        EnvKind.DEFAULT_CHANGED: ("new",),
    }[kind]
    for key in (*needed, *(("new", "value") if values.get("required") else ())):
        if not values.get(key):
            required = " and required = true" if values.get("required") else ""
            yield _wrong(entry, key, f"is missing: kind = {kind.value!r}{required} needs it")
            return
