"""An upgrade that could be started: planned and checked from facts that are at hand. Nothing is changed."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from dfwizard.access import Access, open_instance
from dfwizard.actions import private_directory
from dfwizard.backup import scratch, shows
from dfwizard.backup.context import BackupContext
from dfwizard.backup.estimate import estimate
from dfwizard.errors import DfwizardError, DotenvError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from dfwizard.hosts.naming import is_local
from dfwizard.instance import dotenv
from dfwizard.instance.asking import Asker
from dfwizard.instance.dotenv_secrets import diff
from dfwizard.instance.facts import Facts
from dfwizard.instance.licence import LicenceFiles, read_licence
from dfwizard.instance.origin import OriginFacts, ask_tags, read_targets, with_packages
from dfwizard.instance.places import absolute, state_on
from dfwizard.instance.space import spaces, with_spaces
from dfwizard.planning.answering import with_answers
from dfwizard.planning.answers import RecordAnswers
from dfwizard.planning.checks import Context, Needs, ServiceType, check
from dfwizard.planning.findings import Finding, blockers
from dfwizard.planning.plan import EditDotenv, Plan
from dfwizard.planning.road import USUAL, Course, Wish
from dfwizard.planning.upgrade import dotenv_changes, dotenv_renames, plan_upgrade, road
from dfwizard.rules import Release, Rules

_CHECKLIST = (
    ("event_script", "name"),
    ("scheduler_tasks", "name"),
    ("script_config", "service_id"),
    ("limits", "name"),
)


@dataclass(frozen=True)
class Prospect:
    """An upgrade that could be started: what is there, what would be done, what speaks against it.

    `lists` are names of scripts, scripted services, scheduled tasks and limits by table, `services` the service types in use.
    """

    facts: Facts
    plan: Plan
    findings: tuple[Finding, ...]
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: tuple[ServiceType, ...] = ()

    def blockers(self, accepted: frozenset[str]) -> tuple[Finding, ...]:
        """Give the findings that forbid to begin, given the accepted ones."""
        return blockers(self.findings, accepted)


@dataclass(frozen=True)
class Planner:
    """Who plans: the host asked, the rules in force, dfwizard's state directory on this machine, where runs go.

    `answers` is what the API is asked before and after.
    """

    host: Host
    rules: Rules
    state: str
    answers: RecordAnswers | None = None

    def propose(
        self,
        facts: Facts,
        target: str,
        *,
        php: str | None,
        backup_dir: str | None,
        admin_ui: str | None,
        course: Course = USUAL,
    ) -> Prospect:
        """Plan the road to `target` and check it.

        Raises:
            UsageError: there is no such release, or the API cannot be asked what is wished.
            BlockedError: no road leads there.
        """
        installed, way = road(facts, self.rules, target, course)
        origin = self._ask_origin(facts, installed, way)
        licence, licence_error = self._licence(facts, origin, way, course.licence)
        origin = _licensed(origin, licence)
        backup = new_backup(self.host, self.state, facts.path, backup_dir)
        # Runs are kept here: where the instance is elsewhere they take no room there.
        runs = self.state if is_local(self.host.name) else None
        facts = self.with_space_for(facts, posixpath.dirname(backup), runs)
        try:
            access = open_instance(self.host, facts)
        except DfwizardError:
            access = None  # the checks say so
        edit, edit_error = self._edit(access, facts, installed, way[-1]) if access else (None, None)
        lines = _shows(access, backup) if access else ((), ())
        places = {files.tag: files.directory for files in licence}
        wish = Wish(backup, php, absolute(self.host, admin_ui) if admin_ui else None, course, places)
        plan = plan_upgrade(facts, origin, self.rules, installed, way, wish, edit, lines)
        plan = with_answers(plan, facts, self.answers)
        context = Context(
            facts,
            origin,
            self.rules,
            installed,
            way,
            plan,
            needs=needs(facts, backup, runs),
            licence=licence,
            licence_error=licence_error,
            dotenv_error=edit_error,
            backup_error=self.place_error(facts.path, posixpath.dirname(backup)),
        )
        if wish.admin_ui:
            context = replace(context, admin_ui_error=self._admin_ui_error(wish.admin_ui, facts.tree.owner))
        if access is not None and facts.database is not None and facts.database.reachable:
            context = self._ask_database(access, context)
        return Prospect(facts, plan, check(context), context.lists, context.services)

    def _ask_origin(self, facts: Facts, installed: Release, way: tuple[Release, ...]) -> OriginFacts:
        account = {"owner": facts.tree.owner, "home": facts.owner_home}
        origin = ask_tags(self.host, facts.path, **account)
        if origin.error:
            return origin
        tags = (installed.tag, *(one.tag for one in way))
        return read_targets(self.host, facts.path, origin, tags, **account)

    def _licence(
        self, facts: Facts, origin: OriginFacts, way: tuple[Release, ...], directory: str
    ) -> tuple[tuple[LicenceFiles, ...], str | None]:
        """Give the licence files of each stop, or why those that were named cannot be put in place."""
        targets = [target for one in way if (target := origin.target(one.tag)) is not None]
        if not directory or len(targets) < len(way):
            return (), None  # the checks say so of the origin
        ask = Asker(self.host, facts.path, facts.tree.owner)
        try:
            return read_licence(ask, absolute(self.host, directory), targets), None
        except DfwizardError as error:
            return (), f"{error.what} ({error.where})" if error.where else error.what

    def with_space_for(self, facts: Facts, backups: str, runs: str | None) -> Facts:
        """Measure anew where run and backup go: the wish may be another one than at the inspection."""
        ask = Asker(self.host, facts.path, facts.tree.owner)
        try:
            measured = spaces(ask, {**({runs: "runs"} if runs else {}), backups: "backups"})
        except DfwizardError:
            return facts  # the place itself is refused, and the finding says why
        return replace(facts, space=with_spaces(facts.space, measured))

    def place_error(self, instance: str, place: str) -> str | None:
        """Say why no backup can be put into `place`, which need not exist; None when it can."""
        try:
            found = self.host.run(Command(("realpath", "-mz", "--", place), timeout=10), check=False)
            real = found.stdout.decode("utf-8", "surrogateescape").rstrip("\0") or place
            if f"{real}/".startswith(f"{instance.rstrip('/')}/"):
                return (
                    f"{place} lies inside the instance: the backup would contain itself, and be lost with it"
                )
            existing = real
            while (stat := self.host.stat(existing, follow=True)) is None and existing not in ("/", ""):
                existing = posixpath.dirname(existing)
            if stat is not None and stat.kind != "directory":
                return f"{existing} is no directory"
            writable = Command(("test", "-w", existing, "-a", "-x", existing), timeout=10, expect=(0, 1))
            if self.host.run(writable, check=False).code != 0:
                return f"{self.host.user} may not write in {existing}"
        except DfwizardError as error:
            return error.what
        return None

    def _admin_ui_error(self, file: str, owner: str) -> str | None:
        """Say why the owner cannot install this release.zip; None when it can."""
        if self.host.which("unzip", user=owner) is None:
            return "unzip is not installed"
        listing = self.host.run(
            Command(("unzip", "-l", file, "dist/index.html"), user=owner, timeout=60), check=False
        )
        return None if listing.code == 0 else f"{owner} cannot read {file}, or it holds no dist/index.html"

    def _edit(
        self, access: Access, facts: Facts, installed: Release, goal: Release
    ) -> tuple[EditDotenv | None, str | None]:
        """Give the edit of `.env` that the road needs, or why it cannot be made."""
        changes = dotenv_changes(facts, self.rules, installed, goal)
        edit = EditDotenv(changes, "", dotenv_renames(facts, self.rules, installed, goal, changes))
        if not edit.keys:
            return None, None
        try:
            edited = dotenv.edit(access.env, edit.on(access.file.values))
        except DotenvError as error:
            return None, str(error)
        return replace(edit, diff=diff(access.env, edited)), None

    def _ask_database(self, access: Access, context: Context) -> Context:
        from dfwizard.instance.probe import probe_names

        database = context.facts.database
        assert database is not None
        try:
            lists = probe_names(access.probe(), _CHECKLIST)
        except DfwizardError:
            return context
        services = tuple(
            ServiceType(name, count, database.active_types.get(name, 0))
            for name, count in database.service_types.items()
        )
        return replace(
            context,
            services=services,
            lists={table: names for (table, _), names in lists.items()},
            scratch_error=self.scratch_hindrance(access),
        )

    def scratch_hindrance(self, access: Access) -> str | None:
        """Say why the backup could not be proven, None when it could."""
        made = self.host.run(Command(("mktemp", "-d", "-t", "dfwizard-check.XXXXXXXX"))).text.strip()
        try:
            return scratch.hindrance(BackupContext(self.host, made), access.subject())
        except DfwizardError as error:
            return error.what
        finally:
            self.host.remove(made)


def _licensed(origin: OriginFacts, licence: tuple[LicenceFiles, ...]) -> OriginFacts:
    """Give what the releases ask for with their licence files in place."""
    files = {one.tag: one for one in licence}
    return replace(
        origin,
        targets=tuple(
            with_packages(target, one.manifest, one.lock) if (one := files.get(target.tag)) else target
            for target in origin.targets
        ),
    )


def new_backup(host: Host, state: str, instance: str, backup_dir: str | None) -> str:
    """Give the directory of a new backup of `instance` on its host: in `backup_dir`, or below dfwizard's state directory there.

    `state` is the state directory on this machine.

    Raises:
        HostError: there is no place for it on the host.
    """
    parent = absolute(host, backup_dir) if backup_dir else posixpath.join(state_on(host, state), "backups")
    moment = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    name = posixpath.basename(instance.rstrip("/")) or "instance"
    return posixpath.join(parent, f"{name}-{moment}")


def needs(facts: Facts, backup: str, state: str | None) -> tuple[Needs, ...]:
    """Give the space that an upgrade needs: backup, the present state's before a rollback, the tree beside itself, scratch database.

    `state` is where the run keeps its journal and outputs; None: on another machine.
    """
    found = estimate(facts)
    wanted = [
        # Twice: a rollback saves the present state first.
        Needs(posixpath.dirname(backup), 2 * found.backup, "the backup, and the one before a rollback"),
        *([Needs(state, 16 << 20, "the run's journal, outputs and report")] if state else []),
        Needs(
            facts.path,
            found.restore + (256 << 20),
            "new packages, and the old tree beside the new one in a rollback",
        ),
    ]
    if facts.database is not None and facts.database.driver == "sqlite":
        wanted.append(Needs(posixpath.dirname(backup), found.scratch, "the proof of the backup"))
    return tuple(wanted)


def _shows(access: Access, backup: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    private = private_directory(backup)
    try:
        subject = access.subject()
    except DfwizardError:
        return (), ()  # a tool is missing: the checks say which
    return shows.shows_take(subject, backup, private), shows.shows_prove(subject, backup, private)
