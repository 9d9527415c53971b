"""The one door for every face: inspect, plan, check, back up, start, follow, decide, roll back, verify, report."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard import codec
from dfwizard.access import open_instance
from dfwizard.actions import losses
from dfwizard.answer_actions import login_question
from dfwizard.backup.delete import delete, require_deletable
from dfwizard.backup.outlook import BackupOutlook, BackupProgress, backup_progress, outlook
from dfwizard.backup.prove import BackupCheck
from dfwizard.comparing import compare, last_good
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution.attach import Update, alive, follow
from dfwizard.execution.control import ask
from dfwizard.execution.launch import launch
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.step_output import output_size, read_piece, search
from dfwizard.execution.store import Run, Store, discard_unstarted
from dfwizard.hosts.address import parse_address
from dfwizard.hosts.naming import is_local, located
from dfwizard.hosts.opening import Hosts
from dfwizard.instance.completion import complete, expanded
from dfwizard.instance.discover import discover
from dfwizard.instance.inspect import inspect
from dfwizard.instance.paths import locate
from dfwizard.instance.places import absolute
from dfwizard.migrating import MigrationPlanner, MigrationProspect, MigrationWishes
from dfwizard.planning.checklist import ChecklistItem, checklist
from dfwizard.planning.choices import choices
from dfwizard.planning.road import USUAL
from dfwizard.prospects import Planner, Prospect, new_backup
from dfwizard.refusals import refuse_blocked, refuse_held, refuse_unfinished, refuse_used
from dfwizard.remedies import apply
from dfwizard.rules import Rules, load
from dfwizard.saving import examine, save
from dfwizard.serving import hosts_of, login_of, plan_back, serve_run

if TYPE_CHECKING:
    from dfwizard.execution.events import Request
    from dfwizard.hosts.base import Host
    from dfwizard.hosts.prompts import Prompts
    from dfwizard.instance.discover import Found
    from dfwizard.instance.facts import Facts
    from dfwizard.planning.answers import RecordAnswers
    from dfwizard.planning.choices import Choice
    from dfwizard.planning.findings import Finding
    from dfwizard.planning.plan import Plan
    from dfwizard.planning.road import Course
    from dfwizard.reports.backup_list import BackupSummary
    from dfwizard.reports.comparison import Compared
    from dfwizard.reports.run_report import RunReport
    from dfwizard.reports.run_summary import Known, RunSummary
    from dfwizard.verification.result import Verification

OnFact = Callable[[str, object], None]
OnOutput = Callable[[str], None]

REMOTE_START_SECONDS = 120.0
"""Longest time in which a runner reaches another host and begins."""

__all__ = ["Controller", "Prospect", "serve_run"]


@dataclass(frozen=True)
class Connected:
    """A host that was reached: its `name`, and the account that commands have there (`user`)."""

    name: str
    user: str


class Controller:
    """What screens and command line call. It holds no state of a run: that is in the run's journal.

    Where an instance is, or a backup, is told as on the command line: a path on this machine, or `user@host:port:path`. The hosts are
    connected when they are first asked something; `prompts` answers what only a person can. `answers` are the questions to the API
    that are asked before and after an upgrade, and in a comparison; `login_password` belongs to their login, where it is known already.
    """

    def __init__(
        self,
        *,
        host: Host | None = None,
        hosts: Hosts | None = None,
        prompts: Prompts | None = None,
        rules_file: Path | None = None,
        state: Path | None = None,
        answers: RecordAnswers | None = None,
        login_password: str | None = None,
    ) -> None:
        self._hosts = hosts or Hosts(prompts, local=host)
        self.host: Host = self._hosts.local
        self.store = Store(state)
        self._rules_file = rules_file.absolute() if rules_file else None
        self._rules: Rules | None = None
        self._answers = answers
        self._login_password = login_password
        self._read_runs: Known = {}
        self._outlooks: dict[str, BackupOutlook] = {}

    @property
    def rules(self) -> Rules:
        """Give the rules in force, read when first asked for.

        Raises:
            RulesError: the user's rules file is wrong.
        """
        if self._rules is None:
            self._rules = load(self._rules_file)
        return self._rules

    def ask_with(self, prompts: Prompts) -> None:
        """Have what is asked on the way to a host from now on answered by `prompts`."""
        self._hosts.ask_with(prompts)

    def close(self) -> None:
        """End all connections."""
        self._hosts.close()

    def connect(self, host: str) -> Connected:
        """Reach a host (its address, or its name alone; a path counts for nothing) and tell what there is; prompts may be asked meanwhile.

        Raises:
            UsageError: it is no address.
            HostError: it cannot be reached, or refuses us.
        """
        address = parse_address(host) or parse_address(f"ssh://{host}")
        assert address is not None
        name = address.text
        try:
            reached = self._hosts.at(name)
            return Connected(reached.name, reached.user)
        except DfwizardError:
            self._hosts.close(name)  # the next try begins anew
            raise

    def known_hosts(self) -> tuple[str, ...]:
        """Give the hosts that ~/.ssh/config names, and those of earlier runs; never raises."""
        from dfwizard.hosts.ssh.route import hosts

        found = [address.text for name in hosts() if (address := parse_address(f"ssh://{name}"))]
        with suppress(DfwizardError):
            found += [run.host for run in self.runs() if not run.error and not is_local(run.host)]
        return tuple(dict.fromkeys(found))

    def place(self, path: str, host: str) -> str:
        """Give a path on a host as all that asks for an instance takes it; one that names a host itself stays as it is.

        Raises:
            UsageError: it looks like an address and is none.
        """
        return path if is_local(host) or parse_address(path) is not None else located(host, path)

    def _at(self, place: str) -> tuple[Host, str]:
        """Give the host and the path on it of a place as it was typed (`~` understood).

        Raises:
            UsageError: it is no address, or names no path.
            HostError: the host cannot be reached.
        """
        address = parse_address(place)
        if address is None:
            return self.host, expanded(self.host, place)
        if not address.path:
            raise UsageError(
                "the address names a host, but no directory on it",
                where=place,
                remedy=f"Add the directory: {located(address.text, '/opt/dreamfactory')}",
            )
        host = self._hosts.at(address.text)
        return host, absolute(host, expanded(host, address.path))

    def _of(self, run: Run) -> Host:
        return self._hosts.at(run.record().host)

    def inspect(
        self, path: str, *, php: str | None = None, url: str | None = None, on_fact: OnFact | None = None
    ) -> Facts:
        """Find out what is installed at `path` (`~` understood); nothing is changed.

        Raises:
            UsageError: there is no DreamFactory.
        """
        host, path = self._at(path)
        return inspect(host, path, self.rules, php=php, url=url, on_fact=on_fact)

    def locate(self, path: str) -> str:
        """Give the directory of the DreamFactory at `path` (`~` understood), links resolved; nothing else is looked at.

        Raises:
            UsageError: there is none.
        """
        host, path = self._at(path)
        return located(host.name, locate(host, path))

    def discover(self, host: str = "") -> tuple[Found, ...]:
        """Give the installations on a host (by default this machine) that can be found quickly.

        Raises:
            DfwizardError: another machine than this one cannot be reached.
        """
        return discover(self._hosts.at(host))

    def complete(self, typed: str, host: str = "") -> tuple[str, ...]:
        """Give the directories on a host that complete what is typed, each with a slash at its end; never raises."""
        try:
            return complete(self._hosts.at(host), typed)
        except DfwizardError:
            return ()

    def runs(self) -> tuple[RunSummary, ...]:
        """Give every run in a few words, the newest first; a second look reads only what has changed.

        Raises:
            UsageError: the runs cannot be listed.
        """
        from dfwizard.reports.run_summary import summaries

        return summaries(self.store, self._read_runs)

    def releases(self, facts: Facts) -> tuple[Choice, ...]:
        """Give every release newer than the installed one, the newest first; none when the installed one is not known.

        Raises:
            RulesError: the user's rules file is wrong.
        """
        return choices(facts, self.rules)

    def prepare(
        self,
        path: str,
        target: str,
        *,
        php: str | None = None,
        url: str | None = None,
        backup_dir: str | None = None,
        admin_ui: str | None = None,
        course: Course = USUAL,
        accepted: frozenset[str] = frozenset(),
        on_fact: OnFact | None = None,
    ) -> Prospect:
        """Inspect, plan the road to `target` and check it; nothing is changed.

        Raises:
            UsageError: there is no DreamFactory, or no such release.
            BlockedError: no road leads there, or an earlier run has left the instance between two states (unless
                `accepted` holds `unfinished-run`).
        """
        refuse_unfinished(self.store, *self._at(path), accepted)
        facts = self.inspect(path, php=php, url=url, on_fact=on_fact)
        return self.propose(
            facts,
            target,
            php=php,
            url=url,
            backup_dir=backup_dir,
            admin_ui=admin_ui,
            course=course,
            accepted=accepted,
        )

    def propose(
        self,
        facts: Facts,
        target: str,
        *,
        php: str | None = None,
        url: str | None = None,
        backup_dir: str | None = None,
        admin_ui: str | None = None,
        course: Course = USUAL,
        accepted: frozenset[str] = frozenset(),
    ) -> Prospect:
        """Plan the road to `target` from facts that are at hand, and check it; nothing is changed.

        `php` and `url` are those that the facts were taken with. Free space for the backup is measured anew.

        Raises:
            UsageError: there is no such release.
            BlockedError: as `prepare`.
        """
        host = self._hosts.at(facts.host)
        refuse_unfinished(self.store, host, facts.path, accepted)
        if url is not None:
            facts = replace(facts, web=replace(facts.web, url=url, host_header=None))
        if backup_dir is not None:
            backup_dir = expanded(host, backup_dir)
        planner = Planner(host, self.rules, str(self.store.directory), self._answers)
        return planner.propose(
            facts, target, php=php, backup_dir=backup_dir, admin_ui=admin_ui, course=course
        )

    def checklist(self, prospect: Prospect) -> tuple[ChecklistItem, ...]:
        """Give the guide's checklist before an upgrade, with what was found out about each item."""
        return checklist(prospect.facts, prospect.plan, prospect.lists, prospect.services)

    def apply_remedy(self, facts: Facts, finding: Finding, *, on_output: Callable[[bytes], None]) -> int:
        """Run the finding's own command in the instance's directory and give its exit code; see `remedies.apply`.

        Raises:
            UsageError: the finding has no command.
            HeldError: a run holds the instance.
            HostError: it could not be run, or took too long.
        """
        host = self._hosts.at(facts.host)
        refuse_held(host, facts.path)
        return apply(host, facts, finding, on_output)

    def backup_estimate(self, prospect: Prospect | MigrationProspect) -> BackupOutlook:
        """Say what the prospect's backup will be: parts, size, time, room, proof; never raises."""
        return outlook(self._hosts.at(prospect.facts.host), prospect.facts, prospect.plan.backup)

    def backup_progress(self, run: Run) -> BackupProgress:
        """Say how far the run's backup is; never raises."""
        try:
            # Nobody is asked a password for numbers that go by.
            host = self._hosts.opened(run.record().host)
            if host is None:
                return BackupProgress()
            if run.id not in self._outlooks:
                self._outlooks[run.id] = outlook(host, run.facts(), run.plan().backup)
        except DfwizardError:
            return BackupProgress()
        found = self._outlooks[run.id]
        return backup_progress(host, found.directory, found.parts)

    def backups(self) -> tuple[BackupSummary, ...]:
        """Give the backups that are there, the newest first, with what each is needed for.

        Raises:
            UsageError: the runs cannot be listed.
        """
        from dfwizard.reports.backup_list import backup_list

        return backup_list(self._hosts.opened, self.store, self._read_runs)

    def delete_backup(self, directory: str) -> None:
        """Remove exactly one backup of dfwizard's, finished or not.

        Raises:
            UsageError: it is no backup of dfwizard's, a symlink, or there is more in it than a backup.
            HeldError: a run at work may need it.
            HostError: it could not be removed wholly; what is left is listed as unfinished.
        """
        host, directory = self._backup_at(directory)
        directory = require_deletable(host, directory)
        refuse_used(host, self.store, directory)
        delete(host, directory)

    def _backup_at(self, directory: str) -> tuple[Host, str]:
        """Give host and path of a backup; a path on this machine is taken as it stands, for nothing else may be deleted."""
        return self._at(directory) if parse_address(directory) is not None else (self.host, directory)

    def script(self, prospect: Prospect) -> str:
        """Give the prospect's plan as a POSIX shell script.

        Raises:
            DfwizardError: `.env` cannot be read, or the backup's tools are missing.
        """
        from dfwizard.reports.plan_script import Script, plan_script

        host = self._hosts.at(prospect.facts.host)
        access, goal = open_instance(host, prospect.facts), self.rules.by_tag(prospect.plan.to)
        script = Script(
            prospect.plan,
            prospect.facts,
            access.subject(),
            access.env,
            made_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            status_version=goal.config_version if goal else "",
        )
        return plan_script(script)

    def save_plan(self, prospect: Prospect, path: str) -> str:
        """Write the prospect's plan to the new file `path`: script, runbook or text, as its name says; give the file's full path.

        Raises:
            UsageError: something is there already, or it cannot be written.
            DfwizardError: the script cannot be made.
        """
        from dfwizard.reports.plan_saved import save_plan

        return save_plan(prospect.plan, path, host=prospect.facts.host, script=lambda: self.script(prospect))

    def backup(
        self, path: str, *, php: str | None = None, backup_dir: str | None = None, on_output: OnOutput
    ) -> str:
        """Take a backup of the instance on its own host, prove it, and give its directory, with the host's name.

        Raises:
            BackupError: it could not be taken or proven.
            HeldError: a run holds the instance, which is then between two states.
        """
        facts = self.inspect(path, php=php)
        host, state = self._hosts.at(facts.host), self.store.directory
        if backup_dir is not None:
            backup_dir = expanded(host, backup_dir)
        directory = new_backup(host, str(state), facts.path, backup_dir)
        save(host, facts, directory, locks=state / "locks", on_output=on_output)
        return located(host.name, directory)

    def verify_backup(self, directory: str, *, on_output: OnOutput) -> BackupCheck:
        """Show everything that can be shown of the backup in `directory`.

        With access to the instance's database it is restored into a scratch database as well.

        Raises:
            BackupError: it is unfinished or damaged.
        """
        host, directory = self._backup_at(directory)

        def looked_at(instance: str) -> Facts:
            return self.inspect(located(host.name, instance))

        return examine(host, directory, looked_at, on_output=on_output)

    def start_upgrade(
        self, prospect: Prospect, *, accepted: frozenset[str], on_failure: OnFailure = OnFailure.AUTO
    ) -> Run:
        """Start the prospect's plan in a process of its own, and give the run once it has begun.

        Raises:
            BlockedError: a finding forbids it.
            HeldError: another run holds the instance; the message says which and since when.
            UsageError: the plan wishes a login, and nobody gives its password.
        """
        refuse_blocked(prospect.facts.path, prospect.blockers(accepted))
        host = self._hosts.at(prospect.facts.host)
        refuse_held(host, prospect.facts.path)
        wish = prospect.plan.answers
        if wish is not None and wish.login:
            self._password(wish.login, prospect.facts.place)
        run = self.store.create(
            prospect.plan,
            prospect.facts,
            host=host.name,
            on_failure=on_failure,
            accepted=tuple(sorted(accepted & {finding.id for finding in prospect.findings})),
            versions={"python": sys.version.split()[0]},
        )
        run.write("findings.json", codec.dumps(prospect.findings))
        run.write("checklist.json", codec.dumps([item.sentence for item in self.checklist(prospect)]))
        try:
            self._launch(run, "run")
        except DfwizardError:
            discard_unstarted(run)
            raise
        return run

    def prepare_migration(
        self,
        source: str,
        target: str,
        wishes: MigrationWishes | None = None,
        *,
        url: str | None = None,
        accepted: frozenset[str] = frozenset(),
        on_fact: OnFact | None = None,
    ) -> MigrationProspect:
        """Inspect source and target, plan the migration and check it; nothing is changed.

        `url` is where the target answers. `on_fact` hears of the source first, then of the target.

        Raises:
            UsageError: there is no DreamFactory at one of them, or a wish cannot be.
            BlockedError: an earlier run has left one of them between two states (unless `accepted` holds `unfinished-run`), or no
                migration can be planned.
        """
        chosen = wishes or MigrationWishes()
        for place in (source, target):
            refuse_unfinished(self.store, *self._at(place), accepted)
        theirs = self.inspect(source, on_fact=on_fact)
        ours = self.inspect(target, php=chosen.php, url=url, on_fact=on_fact)
        return self.propose_migration(theirs, ours, chosen)

    def propose_migration(self, source: Facts, target: Facts, wishes: MigrationWishes) -> MigrationProspect:
        """Plan the migration from facts that are at hand, and check it; nothing is changed. Errors as `prepare_migration`."""
        hosts = self._hosts.at(source.host), self._hosts.at(target.host)
        return MigrationPlanner(*hosts, self.rules, str(self.store.directory)).propose(source, target, wishes)

    def start_migration(
        self,
        prospect: MigrationProspect,
        *,
        accepted: frozenset[str],
        on_failure: OnFailure = OnFailure.AUTO,
    ) -> Run:
        """Start the prospect's plan in a process of its own, and give the run once it has begun.

        Raises:
            BlockedError: a finding forbids it, or both databases were found to be one.
            HeldError: another run holds one of the instances.
        """
        refuse_blocked(prospect.facts.place, prospect.blockers(accepted), what="migration")
        for facts in (prospect.source, prospect.facts):
            refuse_held(self._hosts.at(facts.host), facts.path)
        run = self.store.create(
            prospect.plan,
            prospect.facts,
            host=prospect.facts.host,
            on_failure=on_failure,
            accepted=tuple(sorted(accepted & {finding.id for finding in prospect.findings})),
            versions={"python": sys.version.split()[0]},
        )
        try:
            prospect.lay_out(run)
            self._launch(run, "run")
        except DfwizardError:
            discard_unstarted(run)
            raise
        return run

    def start_rollback(self, run: Run) -> None:
        """Start taking back what `run` has done, in a process of its own.

        Raises:
            UsageError: there is nothing to take back.
            HeldError: another process holds the run or the instance.
        """
        self._launch(run, "rollback")

    def resume(self, run: Run) -> None:
        """Go on with a run whose runner is gone, or that ended with a failed step.

        Raises:
            UsageError: it is over.
            HeldError: its runner lives.
        """
        self._launch(run, "run")

    def _password(self, login: str, place: str) -> str:
        """Give the password of an account of the DreamFactory at `place`, asked for once.

        Raises:
            UsageError: nobody gives it.
        """
        password = self._hosts.secret(login_question(login, place), self._login_password)
        if not password:
            raise UsageError(
                f"the password of {login} was not given",
                remedy="Give it at the terminal, in a file of mode 0600 (--login-password-file FILE), on stdin "
                "(--login-password-file -), or in DFWIZARD_LOGIN_PASSWORD.",
            )
        return password

    def _launch(self, run: Run, request: Request) -> None:
        answers = b""
        remote = [name for name in hosts_of(run, request) if not is_local(name)]
        if remote:
            # Reached now: what has to be asked is asked here, where somebody may be.
            assert all(self._hosts.at(name).user for name in remote)
        login = login_of(run, request)
        if login is not None:
            self._hosts.secret(
                login, self._login_password
            )  # the run goes on without the login where nobody gives it
        if remote or login is not None:
            answers = self._hosts.answers()
        rules = ("--rules", str(self._rules_file)) if self._rules_file else ()
        os.environ["DFWIZARD_STATE_DIR"] = str(self.store.directory)
        module = (sys.executable, "-m", "dfwizard")
        argv = (*module, *rules, "run-detached", str(run.directory), "--request", request)
        launch(run, argv, answers=answers, **({"timeout": REMOTE_START_SECONDS} if answers else {}))

    def follow(self, run: Run, *, seq: int = 0, stop: threading.Event | None = None) -> Iterator[Update]:
        """Give what happens in a run, events after number `seq` and the output of the step going on, until `stop` is set."""
        return follow(run, seq=seq, stop=stop)

    def output(self, run: Run, file: str, *, offset: int = 0, size: int = 1 << 20) -> bytes:
        """Give a piece of a step's output file; `file` is one of `StepState.outputs`. See `step_output.read_piece`."""
        return read_piece(run, file, offset=offset, size=size)

    def output_size(self, run: Run, file: str) -> int:
        """Give how many bytes a step's output file has now. See `step_output.output_size`."""
        return output_size(run, file)

    def search_output(
        self, run: Run, file: str, text: str, *, start: int = 0, backwards: bool = False
    ) -> int | None:
        """Give the byte offset of the next match of `text` in a step's output file. See `step_output.search`."""
        return search(run, file, text, start=start, backwards=backwards)

    def decide(self, run: Run, decision: str, *, question: int | None = None) -> None:
        """Answer a run that waits (`remedy`, `retry`, `skip`, `rollback`, `stop`), or `pause` and `continue` one that goes.

        `question` is the number (`Question.seq`) of the question that was read; without it the one that is open is answered.

        Raises:
            UsageError: the runner does not wait for that, or somebody else has answered the question.
            DfwizardError: no runner answers.
        """
        if decision in ("pause", "continue"):
            ask(run.socket, {"do": decision})
            return
        if question is None:
            pending = run.state().question
            question = pending.seq if pending else None
        ask(run.socket, {"do": "decide", "decision": decision, "question": question})

    def is_alive(self, run: Run) -> bool:
        """Tell whether a runner works on the run."""
        return alive(run, run.state().runner)

    def backup_of(self, run: Run) -> str:
        """Give the directory of the run's backup, with its host's name."""
        return located(run.record().host, run.plan().backup)

    def losses(self, run: Run) -> tuple[str, ...]:
        """Give what users wrote since the run's upgrade ended, by table; empty where that cannot be told."""
        if run.state().outcome == "rolled-back":
            return ()
        try:
            return losses(run, open_instance(self._of(run), run.facts()))
        except DfwizardError:
            return ()

    def verify(self, path: str, *, php: str | None = None, url: str | None = None) -> Verification:
        """Compare the instance with what it was before its last finished upgrade; nothing is changed.

        The API is asked what it was asked then, and the controller's own questions; a login is made only where those name one.

        Raises:
            UsageError: no run of this instance has ended well, or nobody gives the password of the login.
        """
        host, path = self._at(path)
        run = last_good(self.store, host, path)
        wish = self._answers
        password = self._password(wish.login, run.record().place) if wish and wish.login else None
        return compare(host, self.rules, run, php=php, url=url, answers=wish, password=password)

    def report(self, run: Run) -> RunReport:
        """Give the report of a run, finished or not."""
        from dfwizard.reports.run_report import make_report

        return make_report(run)

    def save_report(self, run: Run, path: str) -> str:
        """Write the run's report as Markdown to `path`, and give the file's full path.

        Raises:
            UsageError: something else is there, or it cannot be written.
        """
        from dfwizard.reports.run_saved import save_report

        return save_report(run, path)

    def comparison(self, run: Run) -> tuple[Compared, ...] | None:
        """Give what the run's rollback found when it compared with the time before; None when nothing was compared.

        Raises:
            DfwizardError: what the run recorded is damaged.
        """
        from dfwizard.reports.comparison import comparison

        return comparison(run)

    def rollback_plan(self, run: Run) -> Plan:
        """Give the plan that a rollback of `run` would follow now; nothing is changed.

        Raises:
            DfwizardError: the run cannot be read.
        """
        return plan_back(self._of(run), run, run.plan(), run.state().begun)
