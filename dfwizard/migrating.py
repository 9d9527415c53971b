"""A migration that could be started: both instances inspected, planned and checked; and what its runner is given to work with.

Nothing is changed here: the source and the target are only asked.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dfwizard import codec
from dfwizard.access import Access, open_instance
from dfwizard.actions import name_values, private_directory
from dfwizard.backup import apart, commands, shows
from dfwizard.backup.context import BackupContext
from dfwizard.errors import BlockedError, DfwizardError, UsageError
from dfwizard.guards import require_beginning, require_unchanged
from dfwizard.hosts.naming import is_local, located, same_host
from dfwizard.instance import dotenv
from dfwizard.instance.database import settings
from dfwizard.instance.dotenv_secrets import diff
from dfwizard.instance.facts import Facts
from dfwizard.instance.probe import probe_identity, probe_names
from dfwizard.migration_actions import EDITED, SOURCE_FACTS, carried_keys, source_facts
from dfwizard.planning.checks.context import Needs
from dfwizard.planning.checks.migration import MigrationContext, check_migration
from dfwizard.planning.env_carry import CarriedKey, changes, with_choices
from dfwizard.planning.extras import ExtraFiles, extra_files
from dfwizard.planning.findings import Finding, blockers
from dfwizard.planning.migration import (
    Migration,
    MigrationShows,
    MigrationWish,
    plan_migration,
    strict_line,
    strict_off,
)
from dfwizard.planning.moves import CarryDotenv, ProveApart
from dfwizard.planning.plan import Plan
from dfwizard.prospects import Planner, needs, new_backup
from dfwizard.rules import Release, Rules

if TYPE_CHECKING:
    from dfwizard.execution.events import Request
    from dfwizard.execution.state import RunState
    from dfwizard.execution.store import Run
    from dfwizard.hosts.base import Host


@dataclass(frozen=True)
class MigrationWishes:
    """What is wished of a migration, beside the two instances.

    `carry` and `keep` are keys of `.env` that a person chose for the source's or the target's value, `edited` values of a person's own
    (None: not set). `files` are paths of the source's tree to carry over, `without` those that are not, though they
    are proposed. `backup_dir` is where the target's backup goes,
    `source_backup_dir` where the source is saved on its host; `php` runs the target's artisan.
    """

    carry: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    edited: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    files: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    backup_dir: str | None = None
    source_backup_dir: str | None = None
    php: str | None = None


@dataclass(frozen=True)
class MigrationProspect:
    """A migration that could be started: what is there, what would be done, what speaks against it.

    `facts` are the target's, for a run belongs to the instance that it changes; `source` those of the source. `keys` say what becomes
    of each key of the target's `.env`, `proposed` what would without the wishes; their values may be secret.
    """

    source: Facts
    facts: Facts
    plan: Plan
    findings: tuple[Finding, ...]
    keys: tuple[CarriedKey, ...] = field(repr=False)
    proposed: tuple[CarriedKey, ...] = field(repr=False)
    wishes: MigrationWishes = field(default_factory=MigrationWishes, repr=False)
    extras: tuple[ExtraFiles, ...] = ()

    def blockers(self, accepted: frozenset[str]) -> tuple[Finding, ...]:
        """Give the findings that forbid to begin, given the accepted ones."""
        return blockers(self.findings, accepted)

    def lay_out(self, run: Run) -> None:
        """Put into a new run's directory what its steps need beside plan and facts.

        Raises:
            DfwizardError: it cannot be written.
        """
        run.write(SOURCE_FACTS, codec.dumps(self.source))
        run.write("findings.json", codec.dumps(self.findings))
        if self.wishes.edited:
            run.write(EDITED, codec.dumps(dict(self.wishes.edited)))


@dataclass(frozen=True)
class MigrationPlanner:
    """Who plans a migration: both hosts, the rules in force, and dfwizard's state directory on this machine."""

    source: Host
    target: Host
    rules: Rules
    state: str

    def propose(self, source: Facts, target: Facts, wishes: MigrationWishes) -> MigrationProspect:
        """Plan the migration from `source` to `target`, and check it; nothing is changed.

        Raises:
            UsageError: a wish cannot be: a key or a file is not there.
            BlockedError: the release of one of the instances could not be told, or both are one instance.
            DfwizardError: a `.env` cannot be read.
        """
        if same_host(source.host, target.host) and source.path == target.path:
            raise BlockedError(
                "source and target are one instance",
                where=source.path,
                remedy="Name another instance as the target (--to).",
            )
        frm, to = self._release(source), self._release(target)
        theirs, ours = open_instance(self.source, source), open_instance(self.target, target)
        extras = extra_files(self.source, source, theirs.file)
        files = self._files(source, wishes, extras)
        wish = self._wish(source, target, wishes, files)
        target = self._planner().with_space_for(target, posixpath.dirname(wish.backup), self._runs())
        source = Planner(self.source, self.rules, self.state).with_space_for(
            source, posixpath.dirname(wish.source_backup), None
        )
        proposed = carried_keys(theirs.env, ours.env, (frm.tag, to.tag), self.rules)
        keys = with_choices(proposed, carry=wishes.carry, keep=wishes.keep, edited=wishes.edited)
        after = dotenv.edit(ours.env, changes(keys))
        found = self._ask(theirs, ours)
        config = self._config(target)
        connection = target.dotenv.values.get("DB_CONNECTION", "mysql") if target.dotenv else "mysql"
        strict = strict_line(config, connection)
        migration = Migration(
            source,
            target,
            frm,
            to,
            wish,
            CarryDotenv(
                wish.carried,
                hashlib.sha256(after).hexdigest(),
                _chosen(wishes),
                diff(ours.env, after),
            ),
            relax=strict_off(target, strict) if strict and found.zero_dates else None,
            shows=self._shows(theirs, ours, wish),
        )
        plan = plan_migration(migration, self.rules)
        context = MigrationContext(
            source,
            target,
            self.rules,
            frm,
            to,
            plan,
            same=found.same,
            names=found.names,
            instance_ids=found.instance_ids,
            zero_dates=found.zero_dates,
            sql_modes=found.sql_modes,
            strict=strict is not None,
            redirected=_redirected(ours, after, target, config),
            needs=self._needs(source, target, wish),
            source_needs=self._source_needs(source, wish),
            backup_error=self._planner().place_error(target.path, posixpath.dirname(wish.backup)),
            scratch_error=self._planner().scratch_hindrance(ours) if ours.database else None,
            extras=extras,
            files=files,
        )
        findings = check_migration(context)
        return MigrationProspect(source, target, plan, findings, keys, proposed, wishes, extras)

    def _planner(self) -> Planner:
        return Planner(self.target, self.rules, self.state)

    def _runs(self) -> str | None:
        return self.state if is_local(self.target.name) else None

    def _release(self, facts: Facts) -> Release:
        found = self.rules.by_tag(facts.version.release) if facts.version.release else None
        if found is None:
            place = located(facts.host, facts.path)
            raise BlockedError(
                "the installed release could not be told, so no migration can be planned",
                where=place,
                remedy=f"`dfwizard inspect {place}` shows what was found and what disagrees.",
            )
        return found

    def _files(
        self, source: Facts, wishes: MigrationWishes, extras: tuple[ExtraFiles, ...]
    ) -> tuple[str, ...]:
        """Give the files to carry over: what is proposed and what was wished, without what was not, none twice."""
        without = {posixpath.normpath(path) for path in wishes.without}
        unknown = without - {extra.path for extra in extras}
        if unknown:
            raise UsageError(
                "these files are not proposed, so they need not be left out",
                where=", ".join(sorted(unknown)),
                remedy="`dfwizard migrate ... --dry-run` lists what is.",
            )
        proposed = [
            extra.path for extra in extras if extra.default and extra.inside and extra.path not in without
        ]
        chosen = dict.fromkeys([*proposed, *(self._file(source, path) for path in wishes.files)])
        return tuple(path for path in chosen if not any(path.startswith(f"{other}/") for other in chosen))

    def _file(self, source: Facts, path: str) -> str:
        """Give a wished path relative to the source's tree, in which it must lie."""
        full = posixpath.normpath(posixpath.join(source.path, path))
        inside = posixpath.relpath(full, source.path)
        if inside.startswith("../") or inside in (".", "..", ".env"):
            raise UsageError(
                "only files inside the source's tree can be carried over, not .env and not all of it",
                where=path,
                remedy="Name a file or directory in it, such as storage/app.",
            )
        if self.source.stat(full) is None:
            raise UsageError(
                "the source has no such file or directory",
                where=full,
                remedy="Leave it out, or correct the path.",
            )
        return inside

    def _wish(
        self, source: Facts, target: Facts, wishes: MigrationWishes, files: tuple[str, ...]
    ) -> MigrationWish:
        backup = new_backup(self.target, self.state, target.path, wishes.backup_dir)
        saved = new_backup(self.source, self.state, source.path, wishes.source_backup_dir) + "-source"
        carried = saved
        if not same_host(source.host, target.host):
            # Two names of one host must not make one directory of two.
            carried = posixpath.join(posixpath.dirname(backup), f"{posixpath.basename(saved)}-carried")
        return MigrationWish(backup, saved, carried, secrets.token_hex(8), files, wishes.php)

    def _config(self, target: Facts) -> str:
        try:
            file = self.target.read(f"{target.path}/config/database.php", limit=1 << 20)
        except DfwizardError:
            return ""
        return file.decode("utf-8", "replace")

    def _ask(self, source: Access, target: Access) -> _Asked:
        """Ask both databases what tells them apart, and what the checks want to know of them; what does not answer is left empty."""
        said: list[Mapping[str, str]] = []
        for access in (source, target):
            try:
                said.append(probe_identity(access.probe())[0])
            except DfwizardError:
                said.append({})
        theirs, ours = said
        zero_dates: tuple[str, ...] = ()
        with suppress(DfwizardError):
            zero_dates = probe_identity(source.probe(), zero_dates=True, timeout=300)[1]
        same = ""
        if theirs and ours and apart.is_same(theirs, ours):
            same = "both servers say the same of themselves: " + ", ".join(
                value for name, value in theirs.items() if name.startswith("server")
            )
        names: Mapping[str, tuple[str, ...]] = {}
        ids: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        with suppress(DfwizardError):
            names = name_values(target, self.rules)
            ids = (_instance_ids(source), _instance_ids(target))
        return _Asked(same, names, ids, zero_dates, (theirs.get("sql_mode", ""), ours.get("sql_mode", "")))

    def _shows(self, source: Access, target: Access, wish: MigrationWish) -> MigrationShows:
        try:
            theirs, ours = source.subject(), target.subject()
        except DfwizardError:
            return MigrationShows()  # a tool is missing: the checks say which
        private = private_directory(wish.backup)
        dump = archive = ""
        if theirs.driver in commands.DUMP_NAMES:
            dump = commands.dump_file(wish.carried, theirs.driver, theirs.tools)
            archive = commands.files_file(wish.carried, theirs.tools)
        return MigrationShows(
            take=shows.shows_take(ours, wish.backup, private),
            prove=shows.shows_prove(ours, wish.backup, private),
            save=shows.shows_take(
                theirs, wish.source_backup, private_directory(wish.source_backup), only=wish.paths
            ),
            copy=(
                f"scp -pr {located(source.host.name, wish.source_backup)} {located(target.host.name, wish.carried)}",
            ),
            fill=shows.shows_import(ours, dump, private) if dump and theirs.driver == ours.driver else (),
            unpack=shows.shows_unpack(ours, archive) if archive else (),
        )

    def _needs(self, source: Facts, target: Facts, wish: MigrationWish) -> tuple[Needs, ...]:
        runs = self._runs()
        carried = self._saved(source, wish)
        return (
            *needs(target, wish.backup, runs),
            *(
                (Needs(posixpath.dirname(wish.carried), carried, "the source's backup"),)
                if wish.carried != wish.source_backup or same_host(source.host, target.host)
                else ()
            ),
        )

    def _source_needs(self, source: Facts, wish: MigrationWish) -> tuple[Needs, ...]:
        return (
            Needs(posixpath.dirname(wish.source_backup), self._saved(source, wish), "the source's backup"),
        )

    def _saved(self, source: Facts, wish: MigrationWish) -> int:
        """Give the bytes that the source's backup may take: compressed it is less."""
        files = sum(self.source.size_of(posixpath.join(source.path, path)) for path in wish.paths)
        database = source.database.size or 0 if source.database else 0
        return files + database + (1 << 20)


@dataclass(frozen=True)
class _Asked:
    """What both databases answered, as `MigrationContext` wants it."""

    same: str
    names: Mapping[str, tuple[str, ...]]
    instance_ids: tuple[tuple[str, ...], tuple[str, ...]]
    zero_dates: tuple[str, ...]
    sql_modes: tuple[str, str]


def _instance_ids(access: Access) -> tuple[str, ...]:
    return probe_names(access.probe(), (("instance_id", "instance_id"),)).get(
        ("instance_id", "instance_id"), ()
    )


def _chosen(wishes: MigrationWishes) -> dict[str, str]:
    return {
        **dict.fromkeys(wishes.carry, "carry"),
        **dict.fromkeys(wishes.keep, "keep"),
        **dict.fromkeys(wishes.edited, "edit"),
    }


def _redirected(target: Access, after: bytes, facts: Facts, config: str) -> str:
    """Say where the chosen `.env` would lead the target's application; "" when it stays with its own database."""
    before = target.database
    try:
        now = settings(dotenv.parse(after).values, facts.path, config=config or None)
    except DfwizardError as error:
        return error.what
    if before is None or (before.driver, before.address, before.name) == (now.driver, now.address, now.name):
        return ""
    return f"{before.driver} {before.name} at {before.address} would become {now.driver} {now.name} at {now.address}"


def guard_migration(host: Host, source: Host, run: Run, state: RunState, request: Request) -> None:
    """Refuse to begin a migration whose source has changed, or whose databases are one; else as `require_beginning`.

    Raises:
        BlockedError: nothing was changed.
    """
    require_beginning(host, run, state, request)
    if request != "run" or state.phases:
        return
    facts, plan = source_facts(run), run.plan()
    require_unchanged(source, facts)
    marker = next(step.action for step in plan.steps if isinstance(step.action, ProveApart))
    asked = []
    for where, of, directory in (
        (source, facts, plan.source_backup),
        (host, run.facts(), plan.backup),
    ):
        access = open_instance(where, of)
        context = BackupContext(where, private_directory(directory), mark=run.id, timeout=60)
        asked.append(apart.Asked(context, access.subject(), access.probe()))
    try:
        apart.prove_apart(asked[0], asked[1], marker.token)
    finally:
        for one in asked:
            one.context.host.remove(one.context.private)


def migration_secrets(source: Host, run: Run) -> tuple[bytes, ...]:
    """Give the values of the source's `.env`, and of what a person set, that must not be written anywhere."""
    found: tuple[bytes, ...] = ()
    with suppress(DfwizardError):
        found = open_instance(source, source_facts(run)).secrets
    edited = run.directory / EDITED
    with suppress(OSError, ValueError):
        values = json.loads(edited.read_bytes()).values()
        found += tuple(
            str(value).encode("utf-8", "surrogateescape") for value in values if value and len(value) >= 4
        )
    return found
