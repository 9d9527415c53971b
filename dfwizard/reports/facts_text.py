"""Facts for the terminal, as `inspect` shows them: sections of names and values; what disagrees stands first."""

from __future__ import annotations

from dfwizard.instance.facts import DatabaseFacts, Facts, PhpFacts
from dfwizard.reports.measures import count, moment, size, span
from dfwizard.reports.terminal import WIDTH, columns, heading, plain, wrap

Pairs = list[tuple[str, str]]

_PROOF = {
    "proven": "proven: it opens what the database holds",
    "wrong": "WRONG: it does not open what the database holds",
    "nothing-encrypted": "nothing is encrypted, so it cannot be proven",
    "no-key": "there is none",
}


def facts_text(facts: Facts, *, width: int = WIDTH) -> str:
    """Give the facts as text, `width` columns wide."""
    lines = heading(f"{facts.path} on {facts.host}", line="=")
    lines += ["", *_conflicts(facts, width)]
    for title, pairs in sections(facts):
        if pairs:
            lines += [*heading(title), *columns(pairs, width=width), ""]
    lines.append(
        f"Read at {moment(facts.taken_at)} as {plain(facts.me)} in {span(facts.seconds)}; nothing was changed."
    )
    return "\n".join(lines) + "\n"


def sections(facts: Facts) -> tuple[tuple[str, Pairs], ...]:
    """Give the facts by subject: each one's title, and its names and values in order; a subject may be empty."""
    return (
        ("Version", _version(facts)),
        ("Tree", _tree(facts)),
        ("Git", _git(facts)),
        ("PHP and composer", _php(facts)),
        ("Web server", _web(facts)),
        ("Database", _database(facts)),
        ("Settings (.env)", _dotenv(facts)),
        ("Application", _application(facts)),
        (
            "Free space",
            [
                (space.mount, f"{size(space.free)} of {size(space.total)}: {', '.join(space.purpose)}")
                for space in facts.space
            ],
        ),
        ("Tools", sorted(facts.tools.items())),
    )


def _conflicts(facts: Facts, width: int) -> list[str]:
    lines: list[str] = []
    for text in facts.version.conflicts:
        lines += wrap(text, width=width, indent="   ", first="!! CONFLICT: ")
    for text in facts.problems:
        lines += wrap(text, width=width, indent="   ", first="!! NOT FOUND OUT: ")
    return [*lines, ""] if lines else []


def _version(facts: Facts) -> Pairs:
    version = facts.version
    pairs = [("release", version.release or "not known"), ("because", version.because)]
    for item in version.evidence:
        fits = f" (fits {', '.join(item.fits[:3])}{' …' if len(item.fits) > 3 else ''})" if item.fits else ""
        note = f"; {item.note}" if item.note else ""
        pairs.append((item.source, f"{item.said}{fits}{note}"))
    return pairs


def _tree(facts: Facts) -> Pairs:
    tree = facts.tree
    pairs = [
        ("owner", f"{tree.owner}:{tree.group}, mode {tree.mode:o}"),
        ("size", f"{size(tree.size)} in {count(tree.files, 'file')}"),
        ("admin UI", tree.admin_ui),
    ]
    if tree.mount_point:
        pairs.append(("mount point", "yes: a rollback exchanges the content"))
    if not tree.parent_writable:
        pairs.append(("parent directory", "not writable: a rollback exchanges the content"))
    if tree.licensed:
        pairs.append(("licence files", ", ".join(tree.licensed)))
    if tree.licensed_packages:
        pairs.append(("licensed packages", ", ".join(tree.licensed_packages)))
    return pairs + [("crontab", line) for line in tree.crontabs]


def _git(facts: Facts) -> Pairs:
    git = facts.git
    if git is None:
        return [("checkout", "none: this is not a git working tree")]
    pairs = [
        ("commit", git.commit),
        ("branch", git.branch or "none (detached)"),
        ("tags here", ", ".join(git.tags) or "none"),
        ("describe", git.describe),
        ("origin", git.remote or "none"),
        ("differing files", _some([f"{item.state.strip()} {item.path}" for item in git.dirty])),
        ("untracked files", _some(list(git.untracked))),
    ]
    if git.stashes:
        pairs.append(("stashes", f"{git.stashes}"))
    if git.operation:
        pairs.append(("in progress", git.operation))
    if git.shallow:
        pairs.append(("history", "shallow clone"))
    return pairs


def _some(items: list[str], most: int = 5) -> str:
    if not items:
        return "none"
    more = f", and {len(items) - most} more" if len(items) > most else ""
    return f"{len(items)}: {', '.join(items[:most])}{more}"


def _php(facts: Facts) -> Pairs:
    pairs = [(f"PHP ({php.sapi})", _one_php(php)) for php in facts.php]
    composer = f"{facts.composer or 'not found'}" + (
        f" at {facts.composer_path}" if facts.composer_path else ""
    )
    return [*pairs, ("composer", composer)]


def _one_php(php: PhpFacts) -> str:
    return f"{php.version} at {php.binary}, {count(len(php.extensions), 'extension')}"


def _web(facts: Facts) -> Pairs:
    web = facts.web
    return [
        ("server", f"{web.server or 'not known'}{_unit(web.server_service, web.server_active)}"),
        ("php-fpm", f"{web.fpm_service or 'not known'}{_unit(None, web.fpm_active)}"),
        ("PHP runs as", f"{web.user or 'not known'}:{web.group or 'not known'}"),
        ("address", web.url or "not known"),
        *(("site", site) for site in web.sites),
    ]


def _unit(service: str | None, active: bool | None) -> str:
    state = {True: "running", False: "STOPPED", None: "state not known"}[active]
    return f" ({service}, {state})" if service else f" ({state})"


def _database(facts: Facts) -> Pairs:
    database = facts.database
    if database is None:
        return [("system database", "not known")]
    pairs = [
        ("driver", f"{database.driver} {database.server or ''}".rstrip()),
        ("address", database.address),
        ("name", f"{database.name}, as {database.user}" if database.user else database.name),
        ("reachable", _reachable(database)),
    ]
    if database.reachable:
        rows = sum(database.tables.values())
        pairs.append(
            (
                "content",
                f"{size(database.size)}, {count(len(database.tables), 'table')}, {count(rows, 'row')}",
            )
        )
    return pairs


def _reachable(database: DatabaseFacts) -> str:
    if not database.reachable:
        return f"NO: {database.error or 'no answer'}"
    return {True: "yes, writable", False: "yes, NOT writable", None: "yes"}[database.writable]


def _dotenv(facts: Facts) -> Pairs:
    dotenv = facts.dotenv
    if dotenv is None:
        return [("file", "cannot be read")]
    pairs = [("file", f"{dotenv.path}, {dotenv.owner}:{dotenv.group}, mode {dotenv.mode:o}")]
    if dotenv.error:
        pairs.append(("error", dotenv.error))
    pairs += [("read differently", line) for line in dotenv.odd]
    pairs += sorted(dotenv.values.items())
    return [*pairs, ("kept secret", ", ".join(sorted(dotenv.secret_keys)) or "none")]


def _application(facts: Facts) -> Pairs:
    artisan, status = facts.artisan, facts.status
    pairs = [
        ("artisan", artisan.version_line or f"does not start: {artisan.error or 'no answer'}"),
        ("df:version", artisan.df_version or "not known"),
        ("migrations", f"{len(artisan.migrations)} run, {len(artisan.pending)} waiting"),
        ("maintenance", "ON" if artisan.maintenance else "off"),
        ("cached config", "YES: .env takes no effect" if artisan.config_cached else "no"),
        ("APP_KEY", _PROOF.get(facts.key.state, facts.key.state)),
    ]
    if status is None:
        return [*pairs, ("GET /status", "not asked: the address is not known")]
    counts = ", ".join(f"{name} {number}" for name, number in sorted(status.counts.items()))
    if status.code:
        said = ", ".join(item for item in (f"{status.code}", status.version, status.license, counts) if item)
    else:
        said = f"no answer: {status.error or ''}".rstrip()
    front = f"{status.front_code or 'no answer'} {status.front_location or ''}".rstrip()
    return [
        *pairs,
        ("GET /status", said),
        ("front page", front),
        ("admin page", f"{status.admin_code or 'no answer'}"),
    ]
