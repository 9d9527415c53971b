"""What was found out, a line for each subject: its answer in a word or two, what belongs to it, and whether it is odd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from dfwizard.instance.facts import (
    ArtisanFacts,
    DatabaseFacts,
    DotenvFacts,
    Facts,
    GitFacts,
    KeyProof,
    PhpFacts,
    Space,
    StatusFacts,
    TreeFacts,
    VersionFacts,
    WebFacts,
)
from dfwizard.reports.measures import count, size


class Look(Enum):
    """How an answer looks: as it should be, odd, or in the way of an upgrade."""

    FINE = 0
    ODD = 1
    BAD = 2


@dataclass(frozen=True)
class Answer:
    """The answer to one subject: `word` is the answer itself, `text` what belongs to it."""

    word: str
    text: str = ""
    look: Look = Look.FINE


SUBJECTS: tuple[tuple[str, str], ...] = (
    ("version", "Version"),
    ("tree", "Directory"),
    ("git", "Git"),
    ("php", "PHP"),
    ("composer", "Composer"),
    ("web", "Web server"),
    ("dotenv", ".env"),
    ("database", "Database"),
    ("key", "APP_KEY"),
    ("artisan", "Artisan"),
    ("maintenance", "Maintenance"),
    ("status", "HTTP"),
    ("space", "Free space"),
    ("crontabs", "Crontabs"),
    ("problems", "Questions"),
)
"""Subject and its name on the screen, in the order of the screen."""

TIGHT = 1 << 30
"""Bytes of free space below which it is odd; whether an upgrade fits is a check of its own."""


def heard(name: str, value: object) -> dict[str, object]:
    """Give what the inspection's fact `name` says, by subject; empty for what has no line of its own."""
    if isinstance(value, TreeFacts):
        return {"tree": value, "crontabs": value.crontabs}
    if isinstance(value, ArtisanFacts):
        return {"artisan": value, "maintenance": value.maintenance}
    return {name: value} if name in dict(SUBJECTS) else {}


def values(facts: Facts) -> dict[str, object]:
    """Give what complete facts say, by subject."""
    return {
        "version": facts.version,
        "git": facts.git,
        "php": facts.php,
        "composer": facts.composer,
        "web": facts.web,
        "dotenv": facts.dotenv,
        "database": facts.database,
        "key": facts.key,
        "status": facts.status,
        "space": facts.space,
        "problems": facts.problems,
        **heard("tree", facts.tree),
        **heard("artisan", facts.artisan),
    }


def answer(subject: str, value: object) -> Answer:
    """Put what was found out about a subject into words."""
    return _ANSWERS[subject](value)


def odd(said: Mapping[str, Answer]) -> tuple[str, ...]:
    """Give the subjects whose answer is odd, the worst first, else in their order."""
    found = [(name, said[name]) for name, _ in SUBJECTS if name in said and said[name].look is not Look.FINE]
    return tuple(name for name, one in sorted(found, key=lambda pair: -pair[1].look.value))


def _version(version: VersionFacts) -> Answer:
    conflicts = len(version.conflicts)
    if version.release is None:
        return Answer("NOT KNOWN", version.because, Look.BAD)
    if conflicts:
        return Answer(
            version.release, f"{count(conflicts, 'CONFLICT')}: {'; '.join(version.conflicts)}", Look.ODD
        )
    return Answer(version.release, version.because)


def _tree(tree: TreeFacts) -> Answer:
    text = f"{tree.owner}:{tree.group}, {count(tree.files, 'file')}"
    if tree.foreign:
        return Answer(size(tree.size), f"{text}; FOREIGN OWNERS in it", Look.ODD)
    return Answer(size(tree.size), text)


def _git(git: GitFacts | None) -> Answer:
    if git is None:
        return Answer("NONE", "this is not a git working tree", Look.BAD)
    where = f"{git.branch or 'detached'}, {git.commit[:10]}" + (
        f" ({', '.join(git.tags)})" if git.tags else ""
    )
    if git.operation:
        return Answer("UNFINISHED", f"a {git.operation} is in progress; {where}", Look.BAD)
    if git.locks:
        return Answer("LOCKED", f"{', '.join(git.locks)}; {where}", Look.ODD)
    if git.dirty:
        text = f"{count(len(git.dirty), 'file differs', 'files differ')}, {len(git.untracked)} untracked; {where}"
        return Answer("CHANGED", text, Look.ODD)
    untracked = f", {len(git.untracked)} untracked" if git.untracked else ""
    return Answer("unchanged", f"{where}{untracked}")


def _php(found: tuple[PhpFacts, ...]) -> Answer:
    cli = next((one for one in found if one.sapi == "cli"), None)
    fpm = next((one for one in found if one.sapi == "fpm"), None)
    served = f"web server {fpm.version}" if fpm else "web server's not known"
    if cli is None:
        return Answer("NOT FOUND", f"command line; {served}", Look.BAD)
    text = f"command line ({cli.binary}), {served}"
    if fpm is not None and fpm.minor != cli.minor:
        return Answer(cli.version, f"DIFFER: {text}", Look.ODD)
    return Answer(cli.version, text)


def _composer(version: str | None) -> Answer:
    return Answer(version) if version else Answer("NOT FOUND", "or it does not start", Look.BAD)


def _web(web: WebFacts) -> Answer:
    text = ", ".join(
        f"{unit} {_UNIT_STATES[active]}"
        for unit, active in ((web.server_service, web.server_active), (web.fpm_service, web.fpm_active))
        if unit
    )
    if web.server is None:
        return Answer("NOT KNOWN", text, Look.ODD)
    stopped = web.server_active is False or web.fpm_active is False
    return Answer(web.server, text, Look.ODD if stopped else Look.FINE)


_UNIT_STATES = {True: "running", False: "STOPPED", None: "(state not known)"}


def _dotenv(dotenv: DotenvFacts | None) -> Answer:
    if dotenv is None:
        return Answer("UNREADABLE", "missing, or this account may not read it", Look.BAD)
    text = f"{dotenv.owner}:{dotenv.group}, mode {dotenv.mode:o}"
    if dotenv.error:
        return Answer("BROKEN", f"Laravel refuses it: {dotenv.error}", Look.BAD)
    if dotenv.odd:
        return Answer(
            "AMBIGUOUS",
            f"{count(len(dotenv.odd), 'line is', 'lines are')} read in two ways; {text}",
            Look.ODD,
        )
    return Answer("readable", f"{count(len(dotenv.values) + len(dotenv.secret_keys), 'key')}; {text}")


def _database(database: DatabaseFacts | None) -> Answer:
    if database is None:
        return Answer("NOT KNOWN", "the settings do not say which", Look.BAD)
    where = f"{database.name} at {database.address}"
    if database.driver == "sqlite":
        where = database.address
    if not database.reachable:
        return Answer(
            "NO ANSWER", f"{database.driver}, {where}: {database.error or 'no reason given'}", Look.BAD
        )
    text = f"{database.server or ''}, {size(database.size)}, {count(len(database.tables), 'table')}; {where}"
    if database.writable is False:
        return Answer("READ-ONLY", f"{database.driver} {text}", Look.BAD)
    return Answer(database.driver, text.removeprefix(", "))


def _key(key: KeyProof) -> Answer:
    return {
        "proven": Answer("proven", f"it opens what the database holds ({count(key.tried, 'value')} tried)"),
        "wrong": Answer("WRONG", "it does not open what the database holds", Look.BAD),
        "nothing-encrypted": Answer("not proven", "nothing is encrypted that it could open"),
        "no-key": Answer("NONE", ".env has no APP_KEY", Look.BAD),
    }.get(key.state, Answer(key.state, "", Look.ODD))


def _artisan(artisan: ArtisanFacts) -> Answer:
    if artisan.version_line is None:
        return Answer("NO START", artisan.error or "no answer", Look.BAD)
    version = artisan.version_line.rpartition(" ")[2]
    text = f"{artisan.version_line.rpartition(' ')[0]}, {count(len(artisan.migrations), 'migration')} run"
    if artisan.pending:
        return Answer(version, f"{text}, {len(artisan.pending)} WAITING", Look.ODD)
    if artisan.config_cached:
        return Answer(version, f"{text}; CACHED CONFIGURATION: .env takes no effect", Look.ODD)
    return Answer(version, f"{text}, none waiting")


def _maintenance(on: bool) -> Answer:
    return Answer("ON", "the API answers 503 to everybody", Look.ODD) if on else Answer("off")


def _status(status: StatusFacts | None) -> Answer:
    if status is None:
        return Answer("NOT ASKED", "no address is known: e gives one", Look.ODD)
    if not status.code:
        return Answer("NO ANSWER", f"{status.url}: {status.error or ''}", Look.ODD)
    said = ", ".join(one for one in (status.version, status.license) if one)
    text = f"{status.url}/status{f' says {said}' if said else ''}"
    return Answer(f"{status.code}", text, Look.FINE if status.code == 200 else Look.ODD)


def _space(spaces: tuple[Space, ...]) -> Answer:
    if not spaces:
        return Answer("NOT KNOWN", "", Look.ODD)
    least = min(spaces, key=lambda one: one.free)
    others = f"; {count(len(spaces) - 1, 'other place')}" if len(spaces) > 1 else ""
    text = f"of {size(least.total)} on {least.mount} ({', '.join(least.purpose)}){others}"
    return Answer(size(least.free), text, Look.ODD if least.free < TIGHT else Look.FINE)


def _crontabs(lines: tuple[str, ...]) -> Answer:
    return Answer(count(len(lines), "line"), "; ".join(lines)) if lines else Answer("none")


def _problems(lines: tuple[str, ...]) -> Answer:
    if not lines:
        return Answer("all answered")
    return Answer(f"{len(lines)} OPEN", "; ".join(lines), Look.ODD)


_ANSWERS: dict[str, Callable[[Any], Answer]] = {
    "version": _version,
    "tree": _tree,
    "git": _git,
    "php": _php,
    "composer": _composer,
    "web": _web,
    "dotenv": _dotenv,
    "database": _database,
    "key": _key,
    "artisan": _artisan,
    "maintenance": _maintenance,
    "status": _status,
    "space": _space,
    "crontabs": _crontabs,
    "problems": _problems,
}
