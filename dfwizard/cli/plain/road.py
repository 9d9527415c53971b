"""The stages in their order; each asks, and says which comes next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dfwizard.cli.following import Uninterrupted, attach_run, follow_run
from dfwizard.cli.plain import tell
from dfwizard.cli.plain.after import after_run, ask_rollback
from dfwizard.cli.plain.courses import other_ways
from dfwizard.cli.plain.findings import settle_findings
from dfwizard.cli.plain.menus import ask_text, ask_yes, choose, say, say_text
from dfwizard.cli.plain.running import run_in_words
from dfwizard.errors import DfwizardError
from dfwizard.execution.on_failure import OnFailure
from dfwizard.hosts.naming import located
from dfwizard.planning.needs import needs
from dfwizard.planning.road import USUAL, Course
from dfwizard.reports.facts_text import facts_text
from dfwizard.reports.measures import size
from dfwizard.reports.outline import ON_FAILURE
from dfwizard.reports.plan_text import plan_text
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from dfwizard.controller import Controller, Prospect
    from dfwizard.execution.store import Run
    from dfwizard.instance.facts import Facts

_OLDER = 5
_SUBJECTS = {
    "dotenv": ".env",
    "web": "web server",
    "php": "PHP",
    "key": "APP_KEY",
    "status": "HTTP",
    "tree": "directory",
    "space": "free space",
}
"""Answers of the inspection whose own names do not say it."""


@dataclass
class Visit:
    """What was said on the command line and chosen since."""

    host: str = ""
    path: str = ""
    php: str | None = None
    url: str | None = None
    backup_dir: str | None = None
    admin_ui: str | None = None
    target: str = ""
    facts: Facts | None = None
    prospect: Prospect | None = None
    accepted: frozenset[str] = field(default_factory=frozenset)
    on_failure: OnFailure = OnFailure.ASK
    course: Course = USUAL


class Road:
    """Goes from stage to stage until one of them ends the visit with an exit code."""

    def __init__(self, controller: Controller, visit: Visit) -> None:
        self.run: Run | None = None
        self._controller = controller
        self._visit = visit
        self._code = 0

    def go(self) -> int:
        """Go the road; give the exit code."""
        stages: dict[str, Callable[[], str]] = {
            "instance": self._instance,
            "detection": self._detection,
            "path": self._path,
            "checks": self._checks,
            "backup": self._backup,
            "migration": self._migration,
        }
        stage = "detection" if self._visit.path else "instance"
        while stage:
            try:
                stage = stages[stage]()
            except DfwizardError as error:
                tell(error)
                self._code = error.exit_code
                stage = self._after_error(stage)
        return self._code

    def _after_error(self, stage: str) -> str:
        again = choose(
            "What now?",
            [
                ("again", "try again"),
                ("instance", "choose another instance"),
                ("quit", "quit" if self.run else "quit; nothing was changed"),
            ],
        )
        return {"again": stage, "instance": "instance", "quit": ""}[again]

    def _instance(self) -> str:
        runs = self._controller.runs()
        going = [run for run in runs if not run.error and run.outcome is None]
        choices = [(f"run:{run.id}", run_in_words(run)) for run in going]
        choices += self._found()
        choices.append(("other", "another path"))
        choices.append(("server", "another server, over SSH"))
        choices.append(("migration", "migrate from one server to another"))
        if self._visit.host:
            choices.append(("here", "back to this machine"))
        ended = [run for run in runs if not run.error and run.outcome is not None][:_OLDER]
        choices += [(f"run:{run.id}", f"look at {run_in_words(run)}") for run in ended]
        choices.append(("quit", "quit"))
        chosen = choose("Which instance?", choices)
        if chosen in ("quit", "migration"):
            return "" if chosen == "quit" else chosen
        if chosen.startswith("run:"):
            return self._look_at(self._controller.store.find(chosen.removeprefix("run:")))
        if chosen in ("server", "here"):
            self._visit.host = self._other_server() if chosen == "server" else ""
            return "instance"
        if chosen == "other":
            path = ask_text("The instance's directory, such as /opt/dreamfactory.")
        else:
            path = chosen.removeprefix("at:")
        self._visit.path = located(self._visit.host, path) if path else ""
        return "detection" if self._visit.path else "instance"

    def _found(self) -> list[tuple[str, str]]:
        host = self._visit.host
        say("", f"Looking for DreamFactory on {plain(host) if host else 'this machine'} ...")
        choices = []
        for found in self._controller.discover(host):
            version = f", version {found.version}" if found.version else ""
            choices.append((f"at:{found.path}", f"{plain(found.path)}{version} ({plain(found.because)})"))
        if not choices:
            say("None was found in the usual places.")
        return choices

    def _migration(self) -> str:
        """Go the road from server to server; it comes back here when it was started, or given up."""
        from dfwizard.cli.plain.migration import Crossing

        crossing = Crossing(self._controller, self._visit.host, on_failure=self._visit.on_failure)
        chosen = crossing.go()
        if crossing.run is None:
            return "" if chosen == "quit" else chosen
        self.run = crossing.run
        self._code = follow_run(self._controller, self.run, plain_mode=True)
        return self._ended()

    def _other_server(self) -> str:
        """Ask which, and connect; gives the machine looked at so far when that does not work."""
        known = self._controller.known_hosts()
        chosen = ""
        if known:
            choices = [(host, plain(host)) for host in known]
            chosen = choose("Which server?", [*choices, ("other", "another one"), ("", "back")])
            if not chosen:
                return self._visit.host
        if not known or chosen == "other":
            chosen = ask_text("The server, such as admin@db1.example.com, or a Host of ~/.ssh/config.")
            if not chosen:
                return self._visit.host
        say("", f"Connecting to {plain(chosen)} ...")
        try:
            reached = self._controller.connect(chosen)
        except DfwizardError as error:
            tell(error)
            return self._visit.host
        say(f"Connected; commands run there as {plain(reached.user)}.")
        return reached.name

    def _look_at(self, run: Run) -> str:
        self.run = run
        state = run.state()
        if state.outcome is None and not self._controller.is_alive(run):
            what = choose(
                f"Run {run.id} was interrupted: its runner is gone.",
                [("resume", "go on with it"), ("rollback", "take it back"), ("back", "back")],
            )
            if what == "back":
                self.run = None
                return "instance"
            if what == "rollback":
                return self._roll_back()
            return self._watch(lambda: self._controller.resume(run), since=state.seq)
        self._code = attach_run(self._controller, run, plain_mode=True)
        return self._ended()

    def _detection(self) -> str:
        visit = self._visit
        say("", f"Looking at {plain(visit.path)}; nothing is changed.")
        visit.facts = self._controller.inspect(
            visit.path,
            php=visit.php,
            url=visit.url,
            on_fact=lambda name, _value: say(f"  {_SUBJECTS.get(name, name)}: looked at"),
        )
        say("")
        say_text(facts_text(visit.facts))
        return self._next(
            [("path", "go on: choose the release to go to"), ("detection", "look again")],
            back=("instance", "another instance"),
        )

    def _next(self, choices: list[tuple[str, str]], *, back: tuple[str, str]) -> str:
        chosen = choose("What now?", [*choices, back, ("quit", "quit; nothing was changed")])
        return "" if chosen == "quit" else chosen

    def _path(self) -> str:
        visit = self._visit
        assert visit.facts is not None
        releases = self._controller.releases(visit.facts)
        offered = [one for one in releases if not one.refused]
        if not offered:
            say(
                "",
                "There is no release to go to from here: it is the newest one known, or the installed one is not known.",
            )
            return self._next([], back=("instance", "another instance"))
        choices = [
            (
                one.tag,
                f"{one.tag}{_marks(one.newest, one.newest_of_major)}, {one.date}{_over(one.hops)}{_php(one.php_met)}",
            )
            for one in offered
        ]
        chosen = choose(
            f"From {visit.facts.version.release} to which release?",
            [*choices, ("back", "back"), ("quit", "quit; nothing was changed")],
            default=next(
                (one.tag for one in offered if one.tag == visit.target or (one.newest and not visit.target)),
                "",
            ),
        )
        if chosen in ("back", "quit"):
            return "detection" if chosen == "back" else ""
        visit.target, visit.course = chosen, Course(licence=visit.course.licence)
        return self._plan()

    def _plan(self) -> str:
        visit = self._visit
        assert visit.facts is not None
        say("", f"Planning the road to {visit.target} and checking what speaks against it ...")
        visit.prospect = self._controller.propose(
            visit.facts,
            visit.target,
            php=visit.php,
            url=visit.url,
            backup_dir=visit.backup_dir,
            admin_ui=visit.admin_ui,
            course=visit.course,
            accepted=visit.accepted,
        )
        plan = visit.prospect.plan
        say("", f"Road: {' -> '.join((plan.frm, *(hop.to for hop in plan.hops)))}, {len(plan.steps)} steps.")
        for hop in plan.hops:
            say(f"  {hop.frm} -> {hop.to}: {hop.method}. PHP {', '.join(hop.php) or 'not known'}.")
            for note in (*hop.notes, *hop.warnings):
                say(f"    - {note}")
        for need in needs(visit.facts, self._controller.rules, plan.hops, visit.prospect.findings):
            state = "not known" if need.met is None else "met" if need.met else "NOT met"
            say(f"  needs {need.what}: {state}, {need.found}")
        ways = other_ways(visit.prospect, visit.course, self._controller.releases(visit.facts))
        for way in ways:
            if way.reasons:
                say("  The guide's stops can be left out (the direct road):")
            for reason in way.reasons:
                say(f"    - {reason}")
        while True:
            chosen = self._next(
                [
                    ("checks", "go on: the checks"),
                    ("show", "show every step with its command, reason and undo"),
                    *((way.name, way.words) for way in ways),
                ],
                back=("path", "another release"),
            )
            course = next((way.course for way in ways if way.name == chosen), None)
            if course is not None:
                visit.course = course
                return self._plan()
            if chosen != "show":
                return chosen
            say("")
            say_text(plan_text(plan, host=visit.facts.host))

    def _checks(self) -> str:
        visit = self._visit
        assert visit.prospect is not None
        chosen, visit.accepted = settle_findings(self._controller, visit.prospect, visit.accepted)
        if chosen != "again":
            return chosen
        say("", "Looking again ...")
        visit.prospect = self._controller.prepare(
            visit.path,
            visit.target,
            php=visit.php,
            url=visit.url,
            backup_dir=visit.backup_dir,
            admin_ui=visit.admin_ui,
            course=visit.course,
            accepted=visit.accepted,
        )
        visit.facts = visit.prospect.facts
        return "checks"

    def _backup(self) -> str:
        visit = self._visit
        prospect = visit.prospect
        assert prospect is not None
        self._say_backup(prospect)
        policy = ON_FAILURE[visit.on_failure]
        chosen = choose(
            "What now?",
            [
                ("start", "start the upgrade"),
                ("place", "save the backup somewhere else"),
                ("policy", f"when a step fails: {policy} (change)"),
                ("checks", "back to the checks"),
                ("quit", "quit; nothing was changed"),
            ],
        )
        if chosen == "place":
            where = ask_text("The directory that backups go to; a directory is made in it.")
            visit.backup_dir = where or visit.backup_dir
            return self._plan() if where else "backup"
        if chosen == "policy":
            wanted = choose("When a step fails:", [(one.value, words) for one, words in ON_FAILURE.items()])
            visit.on_failure = OnFailure(wanted)
            return "backup"
        if chosen != "start":
            return "" if chosen == "quit" else chosen
        plan = prospect.plan
        if not ask_yes(
            f"Upgrade {plain(prospect.facts.place)} from {plan.frm} to {plan.to}? The API is closed meanwhile."
        ):
            return "backup"
        return self._start(prospect)

    def _say_backup(self, prospect: Prospect) -> None:
        outlook = self._controller.backup_estimate(prospect)
        say("", f"The backup goes to {plain(outlook.directory)}:")
        for part in outlook.parts:
            say(f"  {part.name}: {part.what}, about {size(part.size)}")
        if outlook.free_before is not None and outlook.free_after is not None:
            say(
                f"  in all about {size(outlook.size)}; free on {plain(outlook.mount)}: {size(outlook.free_before)} now, "
                f"{size(max(outlook.free_after, 0))} afterwards"
            )
        say(f"  {outlook.proof}")

    def _start(self, prospect: Prospect) -> str:
        with Uninterrupted():
            self.run = self._controller.start_upgrade(
                prospect, accepted=self._visit.accepted, on_failure=self._visit.on_failure
            )
        self._code = follow_run(self._controller, self.run, plain_mode=True)
        return self._ended()

    def _watch(self, begin: Callable[[], None], *, since: int) -> str:
        assert self.run is not None
        with Uninterrupted():
            begin()
        self._code = follow_run(self._controller, self.run, since=since, plain_mode=True)
        return self._ended()

    def _ended(self) -> str:
        """Go on after the watching has ended."""
        assert self.run is not None
        chosen = after_run(self._controller, self.run)
        if chosen == "rollback":
            return self._roll_back()
        if chosen == "resume":
            run = self.run
            return self._watch(lambda: self._controller.resume(run), since=run.state().seq)
        if chosen == "instance":
            self.run, self._visit.path = None, ""
        return "" if chosen == "quit" else chosen

    def _roll_back(self) -> str:
        run = self.run
        assert run is not None
        if not ask_rollback(self._controller, run):
            return self._ended()
        return self._watch(lambda: self._controller.start_rollback(run), since=run.state().seq)


def _marks(newest: bool, newest_of_major: bool) -> str:
    if newest:
        return " (the newest)"
    return " (newest of its major)" if newest_of_major else ""


def _over(hops: tuple[str, ...]) -> str:
    return f", over {', '.join(hops[:-1])}" if len(hops) > 1 else ""


def _php(met: bool | None) -> str:
    return "; NOT for the PHP that is installed" if met is False else ""
