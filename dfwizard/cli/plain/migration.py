"""From one server to another, line by line: the two ends, what becomes of each key of `.env`, the checks, the backup, the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from getpass import getpass
from typing import TYPE_CHECKING

from dfwizard.cli.following import Uninterrupted
from dfwizard.cli.plain import tell
from dfwizard.cli.plain.findings import settle_findings
from dfwizard.cli.plain.menus import ask_text, ask_yes, choose, say, say_text
from dfwizard.errors import DfwizardError
from dfwizard.execution.on_failure import OnFailure
from dfwizard.migrating import MigrationProspect, MigrationWishes
from dfwizard.reports.measures import count, size
from dfwizard.reports.migration_text import keys_text
from dfwizard.reports.outline import ON_FAILURE, first_change
from dfwizard.reports.plan_text import plan_text
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.execution.store import Run
    from dfwizard.instance.facts import Facts
    from dfwizard.planning.env_carry import CarriedKey

_NO_PAIR = ("same-database", "engine-mismatch", "target-older", "target-not-working")
_QUIT = ("quit", "quit; nothing was changed")


@dataclass
class Crossing:
    """What was chosen of a migration so far: `host` is the machine whose instances are listed, `run` the run once it has been started."""

    controller: Controller
    host: str = ""
    source: Facts | None = None
    target: Facts | None = None
    wishes: MigrationWishes = field(default_factory=MigrationWishes, repr=False)
    prospect: MigrationProspect | None = field(default=None, repr=False)
    accepted: frozenset[str] = frozenset()
    on_failure: OnFailure = OnFailure.ASK
    run: Run | None = None

    def go(self) -> str:
        """Go from stage to stage; gives "instance" to choose something else, "quit", or "started" with `run` set."""
        stages: dict[str, Callable[[], str]] = {
            "source": self._source,
            "target": self._target,
            "keys": self._keys,
            "checks": self._checks,
            "backup": self._backup,
        }
        stage = "source"
        while stage in stages:
            try:
                stage = stages[stage]()
            except DfwizardError as error:
                tell(error)
                stage = choose(
                    "What now?",
                    [(stage, "try again"), ("source", "choose the two servers again"), _QUIT],
                )
        return stage

    # The two ends ----------------------------------------------------------------------------------------------------

    def _source(self) -> str:
        self.source = self.target = self.prospect = None
        self.wishes = MigrationWishes()
        found = self._end("From which instance? It is only read.")
        if found is None:
            return "instance"
        self.source = found
        return "target"

    def _target(self) -> str:
        assert self.source is not None
        found = self._end("To which instance? Its database is replaced by the source's.")
        if found is None:
            return "source"
        self.target = found
        say("", "Comparing the two; nothing is changed ...")
        self._propose()
        assert self.prospect is not None
        refused = [one for one in self.prospect.findings if one.id in _NO_PAIR and not one.acceptable]
        for one in refused:
            say("", f"! {one.title}", *(f"  {text}" for text in (one.why, one.remedy) if text))
        if not refused:
            return "keys"
        return choose(
            "These two are no pair.",
            [("target", "another target"), ("source", "another source"), _QUIT],
        )

    def _end(self, question: str) -> Facts | None:
        machine = plain(self.host) if self.host else "this machine"
        say("", f"Looking for DreamFactory on {machine} ...")
        choices = [
            (self.controller.place(one.path, self.host), f"{plain(one.path)}, version {one.version or '?'}")
            for one in self.controller.discover(self.host)
        ]
        other = ("other", "another path, or one on another server (user@host:path)")
        place = choose(question, [*choices, other, ("", "back")])
        if place == "other":
            place = ask_text(
                "The instance, such as /opt/dreamfactory or admin@old.example.com:/opt/dreamfactory."
            )
        if not place:
            return None
        say("", f"Looking at {plain(place)}; nothing is changed.")
        facts = self.controller.inspect(place)
        _tell_end(facts)
        return facts

    def _propose(self) -> None:
        assert self.source is not None
        assert self.target is not None
        self.prospect = self.controller.propose_migration(self.source, self.target, self.wishes)

    # What goes over --------------------------------------------------------------------------------------------------

    def _keys(self) -> str:
        assert self.prospect is not None
        say("")
        say_text(keys_text(self.prospect.keys))
        inside = [one for one in self.prospect.extras if one.inside]
        choices = [("checks", "go on: the checks"), ("key", "choose otherwise for a key")]
        if inside:
            going = sum(self._goes(one.path, one.default) for one in inside)
            choices.append(("files", f"files beside .env and database ({going} of {len(inside)} go over)"))
        choices += [("plan", "show every step with its command, reason and undo")]
        chosen = choose("What now?", [*choices, ("source", "choose the two servers again"), _QUIT])
        if chosen == "key":
            self._choose_key()
            return "keys"
        if chosen == "files":
            self._choose_files()
            return "keys"
        if chosen == "plan":
            say("")
            say_text(plan_text(self.prospect.plan, host=self.prospect.facts.host))
            return "keys"
        return chosen

    def _choose_key(self) -> None:
        assert self.prospect is not None
        name = ask_text("Which key? Type its name.")
        key = next((one for one in self.prospect.keys if one.key == name), None)
        if not name or key is None:
            say("" if not name else "There is no such key.")
            return
        if key.locked:
            say(f"{key.key} cannot be chosen otherwise: {plain(key.reason)}")
            return
        ways = [("carry", "carry the source's value over")] if key.source is not None else []
        ways += [
            ("keep", "keep the target's own"),
            ("edit", "another value"),
            ("unset", "not set on the target"),
        ]
        chosen = choose(f"{plain(key.key)}:", [*ways, ("reset", "as it is proposed"), ("back", "back")])
        if chosen == "back" or (chosen in ("carry", "edit", "unset") and not _may_change(key)):
            return
        before = self.wishes
        self.wishes = _wished(before, key, chosen)
        try:
            self._propose()
        except DfwizardError:
            self.wishes = before
            raise

    def _goes(self, path: str, default: bool) -> bool:
        return path in self.wishes.files or (default and path not in self.wishes.without)

    def _choose_files(self) -> None:
        assert self.prospect is not None
        while True:
            choices = [
                (
                    one.path,
                    f"{'[x]' if self._goes(one.path, one.default) else '[ ]'} {plain(one.path)}, {size(one.size)}: {one.why}",
                )
                for one in self.prospect.extras
                if one.inside
            ]
            chosen = choose("Choosing one takes it along, or leaves it.", [*choices, ("", "done")])
            if not chosen:
                break
            default = next(one.default for one in self.prospect.extras if one.path == chosen)
            going = self._goes(chosen, default)
            files = set(self.wishes.files) - {chosen} | ({chosen} if not going and not default else set())
            without = set(self.wishes.without) - {chosen} | ({chosen} if going and default else set())
            self.wishes = replace(self.wishes, files=tuple(sorted(files)), without=tuple(sorted(without)))
        self._propose()

    # The checks, the backup, the start -------------------------------------------------------------------------------

    def _checks(self) -> str:
        assert self.prospect is not None
        back = ("keys", "back to what goes over")
        chosen, self.accepted = settle_findings(self.controller, self.prospect, self.accepted, back=back)
        if chosen != "again":
            return chosen or "quit"
        say("", "Looking again ...")
        self.prospect = self.controller.prepare_migration(
            self.prospect.source.place, self.prospect.facts.place, self.wishes, accepted=self.accepted
        )
        self.source, self.target = self.prospect.source, self.prospect.facts
        return "checks"

    def _backup(self) -> str:
        prospect = self.prospect
        assert prospect is not None
        outlook = self.controller.backup_estimate(prospect)
        say("", f"The target's backup goes to {plain(outlook.directory)}:")
        for part in outlook.parts:
            say(f"  {part.name}: {part.what}, about {size(part.size)}")
        say(f"  {outlook.proof}")
        say(
            f"The source's .env and database are saved to {plain(prospect.plan.source_backup)} on {plain(prospect.source.host)}."
        )
        say(first_change(prospect.plan))
        chosen = choose(
            "What now?",
            [
                ("start", "start the migration"),
                ("place", "save the target's backup somewhere else"),
                ("policy", f"when a step fails: {ON_FAILURE[self.on_failure]} (change)"),
                ("checks", "back to the checks"),
                _QUIT,
            ],
        )
        if chosen == "place":
            where = ask_text("The directory that backups go to; a directory is made in it.")
            if where:
                self.wishes = replace(self.wishes, backup_dir=where)
                self._propose()
                return "checks"
            return "backup"
        if chosen == "policy":
            wanted = choose("When a step fails:", [(one.value, words) for one, words in ON_FAILURE.items()])
            self.on_failure = OnFailure(wanted)
            return "backup"
        if chosen != "start":
            return chosen
        question = f"Replace the database of {plain(prospect.facts.place)} by that of {plain(prospect.source.place)}?"
        if not ask_yes(f"{question} The target's API is closed meanwhile; the source is only read."):
            return "backup"
        with Uninterrupted():
            self.run = self.controller.start_migration(
                prospect, accepted=self.accepted, on_failure=self.on_failure
            )
        return "started"


def _tell_end(facts: Facts) -> None:
    """Say in a few lines what is installed at an end."""
    cli, database = facts.cli(), facts.database
    say(f"  {plain(facts.place)}, as {plain(facts.me)}")
    say(f"  release {facts.version.release or 'NOT KNOWN'}, PHP {cli.version if cli else 'NOT FOUND'}")
    if database is None or not database.reachable:
        say(f"  database: NO ANSWER{f' ({database.error})' if database and database.error else ''}")
        return
    users, services = (database.tables.get(table, 0) for table in ("user", "service"))
    say(
        f"  database {database.driver} {database.server or ''}, {plain(database.name)}: {count(users, 'user')}, "
        f"{count(services, 'service')}, {size(database.size)}"
    )


def _may_change(key: CarriedKey) -> bool:
    """Ask whether one of the target's own database credentials is to be another; of other keys nothing is asked."""
    from dfwizard.planning.env_carry import GROUPS
    from dfwizard.rules import EnvGroup

    if key.group != GROUPS[EnvGroup.DATABASE]:
        return True
    return ask_yes(
        f"{plain(key.key)} belongs to the target's own database credentials. Where the new value leads to another database the target "
        "would write there; dfwizard then refuses to begin. Change it all the same?"
    )


def _wished(wishes: MigrationWishes, key: CarriedKey, chosen: str) -> MigrationWishes:
    """Give the wishes with another choice for one key; a secret is typed unseen."""
    name = key.key
    carry, keep = set(wishes.carry) - {name}, set(wishes.keep) - {name}
    edited = {one: value for one, value in wishes.edited.items() if one != name}
    if chosen == "carry":
        carry.add(name)
    elif chosen == "keep":
        keep.add(name)
    elif chosen == "unset":
        edited[name] = None
    elif chosen == "edit":
        edited[name] = (
            getpass(f"Value of {plain(name)} (it is not shown): ")
            if key.secret
            else ask_text(f"The value of {plain(name)}, without quotes.")
        )
    return replace(wishes, carry=tuple(sorted(carry)), keep=tuple(sorted(keep)), edited=edited)
