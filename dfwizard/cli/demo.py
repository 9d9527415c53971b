"""`dfwizard demo`: a sandbox that acts real, shown in the wizard or run through without a terminal."""

from __future__ import annotations

import argparse
import shlex
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard.cli.following import attach_run
from dfwizard.cli.writing import Writer
from dfwizard.errors import BlockedError, DfwizardError, UsageError
from dfwizard.execution import events as ev
from dfwizard.execution.attach import EventSeen, OutputSeen, RunnerGone, Update
from dfwizard.reports.choices import choice_lines
from dfwizard.reports.failure import failure_lines, remedy_lines
from dfwizard.reports.terminal import columns, wrap

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.demo import Sandbox, Scenario
    from dfwizard.execution.state import RunState
    from dfwizard.execution.store import Run
    from dfwizard.tui.session import Session

BLOCKED = "blocked"
_HUNG_UP = 128 + signal.SIGHUP


def demo(options: argparse.Namespace) -> int:
    """Carry out `dfwizard demo` and give its exit code: with --headless the scenario's own when all went as expected, else 1.

    Raises:
        DfwizardError: there is no such scenario, or the sandbox could not be built.
    """
    from dfwizard.demo import kept_sandboxes, scenarios

    if options.list:
        print("\n\n".join(_told(one) for one in scenarios()))
        for place in kept_sandboxes():
            print(f"\nA sandbox is there, open it with: dfwizard demo --attach {shlex.quote(str(place))}")
        return 0
    if options.state_dir or options.rules:
        raise UsageError(
            "a demo keeps its runs in its own sandbox and has rules of its own",
            remedy="Leave --state-dir and --rules out.",
        )
    if options.headless:
        return _headless(options)
    return _shown(options)


def _told(scenario: Scenario) -> str:
    ending = f"Ends: {scenario.outcome} (exit code {scenario.exit_code})."
    story = "\n".join(wrap(f"{scenario.story} {ending}", indent="    "))
    return f"{scenario.name}: {scenario.title} ({scenario.road})\n{story}"


def _sandbox(options: argparse.Namespace) -> AbstractContextManager[Sandbox]:
    from dfwizard.demo import attach_sandbox, kept_sandboxes, open_sandbox

    if options.attach == "":
        if not (found := kept_sandboxes()):
            raise UsageError("there is no sandbox to attach to", remedy="Say `dfwizard demo` for a new one.")
        return attach_sandbox(found[0], keep=options.keep)
    if options.attach is not None:
        return attach_sandbox(Path(options.attach), keep=options.keep)
    return open_sandbox(options.scenario, speed=options.speed, keep=options.keep)


def _shown(options: argparse.Namespace) -> int:
    """Show the scenario in the wizard, or line by line where screens cannot be shown."""
    from dfwizard.cli.wizard import hindrance

    why = "" if options.plain else hindrance()
    if why:
        print(f"dfwizard: {why}, so the questions come line by line.", file=sys.stderr)
    attached = options.attach is not None
    with _sandbox(options) as sandbox:
        kept = sandbox.directory
        code = (
            _show_lines(sandbox, attached=attached)
            if options.plain or why
            else _show_screens(sandbox, mouse=options.mouse, attached=attached)
        )
        if code == _HUNG_UP and _going_on(sandbox) is not None:
            print("This terminal was hung up, as by a lost connection. The run goes on.", file=sys.stderr)
    _say_kept(kept)
    return code


def _show_lines(sandbox: Sandbox, *, attached: bool) -> int:
    from dfwizard.cli.plain import run_plain

    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _hung_up)
    going_on = sandbox.run() if attached else _going_on(sandbox)
    try:
        if going_on is not None:
            return attach_run(
                sandbox.controller(), going_on, plain_mode=True, attached=sandbox.be_the_terminal
            )
        sandbox.be_the_terminal()
        if sandbox.scenario.source:
            return _migrate_in_words(sandbox)
        return run_plain(
            sandbox.controller(),
            path=sandbox.path,
            target=sandbox.scenario.target,
            demo=(sandbox.scenario.title, sandbox.scenario.story),
        )
    except _TerminalLost as lost:
        return lost.status


def _migrate_in_words(sandbox: Sandbox) -> int:
    """Show a migration line by line: it is that of the command line."""
    from dfwizard.cli.following import follow_run
    from dfwizard.cli.migrate import migrate
    from dfwizard.cli.parser import make_parser

    _announce(sandbox.scenario)
    controller = sandbox.controller()
    words = ["migrate", "--from", sandbox.source_place, "--to", sandbox.path]
    options = make_parser().parse_args([*words, "--source-backup-dir", sandbox.source_backups or ""])
    return migrate(controller, options, lambda run, _interrupt: follow_run(controller, run))


def visit(sandbox: Sandbox, run: Run | None = None) -> Session:
    """Give what the wizard is told of a scenario: the instance, or both ends of a migration; and the run to attach to."""
    from dfwizard.tui.carrying import Carrying
    from dfwizard.tui.session import Session

    session = Session(path=sandbox.path, target=sandbox.scenario.target, run=run)
    if sandbox.scenario.source:
        session.work = "migration"
        session.carrying = Carrying(sandbox.source_place, source_backup_dir=sandbox.source_backups)
    return session


def _show_screens(sandbox: Sandbox, *, mouse: bool, attached: bool) -> int:
    from dfwizard.tui import run_wizard

    scenario = sandbox.scenario
    sandbox.be_the_terminal()
    return run_wizard(
        sandbox.controller(),
        visit(sandbox, sandbox.run() if attached else _going_on(sandbox)),
        demo=(
            scenario.title,
            scenario.story,
            f"dfwizard demo --attach {shlex.quote(str(sandbox.directory))}",
        ),
        mouse=mouse,
    )


def _announce(scenario: Scenario) -> None:
    print(f"DEMO {scenario.name}: {scenario.title}", file=sys.stderr)
    print("\n".join(wrap(scenario.story)), file=sys.stderr)


def _going_on(sandbox: Sandbox) -> Run | None:
    """Give the run that goes on in a sandbox, for a terminal that comes later."""
    run = sandbox.run()
    return run if run is not None and run.state().outcome is None else None


def _headless(options: argparse.Namespace) -> int:
    from dfwizard.demo import scenario

    for number in (signal.SIGHUP, signal.SIGTERM):  # the sandbox must go then, too
        signal.signal(number, _hung_up)
    if options.attach is None and scenario(options.scenario).loses_terminal:
        return _two_terminals(options)
    with _sandbox(options) as sandbox:
        kept = sandbox.directory
        try:
            code = _run_through(sandbox)
        except _TerminalLost as lost:
            print("\nThe terminal is gone.", file=sys.stderr)
            code = lost.status
        except KeyboardInterrupt:
            print("\nInterrupted.", file=sys.stderr)
            code = 130
    _say_kept(kept)
    return code


class _TerminalLost(SystemExit):
    """SIGHUP or SIGTERM has come; `status` is what a shell says of a program that such a signal has ended.

    It is no KeyboardInterrupt: nobody is there any more who could be asked what now.
    """

    def __init__(self, number: int) -> None:
        self.status = 128 + number
        super().__init__(self.status)


def _hung_up(number: int, _frame: object) -> None:
    raise _TerminalLost(number)


def _two_terminals(options: argparse.Namespace) -> int:
    """Show the scenario in a process that is hung up in the middle, as a terminal is, and go on looking in a second one."""
    with _sandbox(options) as sandbox:
        words = (
            "demo",
            "--headless",
            *(("--keep",) if options.keep else ()),
            "--attach",
            str(sandbox.directory),
        )
        argv = (sys.executable, "-m", "dfwizard", *words)
        ended = subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode
        is_lost = ended == _HUNG_UP and _going_on(sandbox) is not None
    if not is_lost:
        print(f"DEMO {options.scenario}: the first terminal ended with {ended} by itself, NOT as expected")
        return 1
    print("The connection is lost; the run goes on. A second terminal attaches:", file=sys.stderr)
    return subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode


def _run_through(sandbox: Sandbox) -> int:
    scenario = sandbox.scenario
    going_on = _going_on(sandbox)
    if going_on is None:
        sandbox.be_the_terminal()
        _announce(scenario)
        outcome, code = _outcome(sandbox)
    else:
        code = attach_run(sandbox.controller(), going_on, attached=sandbox.be_the_terminal)
        outcome = going_on.state().outcome or "failed"
    if (outcome, code) == (scenario.outcome, scenario.exit_code):
        print(f"DEMO {scenario.name}: {outcome}, exit code {code}, as expected")
        return code
    print(
        f"DEMO {scenario.name}: {outcome}, exit code {code}, NOT as expected: "
        f"{scenario.outcome}, exit code {scenario.exit_code}"
    )
    return 1


def _outcome(sandbox: Sandbox) -> tuple[str, int]:
    """Run the scenario through; give how its run ended and the exit code that the command line would have."""
    from dfwizard.demo.headless import drive, prepare, start
    from dfwizard.reports.findings_text import findings_text
    from dfwizard.reports.outcome import outcome_text

    controller: Controller = sandbox.controller()
    try:
        prospect = prepare(sandbox, controller)
        print(findings_text(prospect.findings, accepted=frozenset(sandbox.scenario.accept)), file=sys.stderr)
        run = start(sandbox, controller, prospect)
    except BlockedError as error:
        print("\n".join(wrap(str(error))), file=sys.stderr)
        return BLOCKED, BlockedError.exit_code
    print(f"run {run.id}", file=sys.stderr)
    drive(sandbox, controller, run, _Shower(run))
    state = run.state()
    print(outcome_text(run, state, controller.backup_of(run)))
    return state.outcome or "failed", 1 if state.exit_code is None else state.exit_code


class _Shower:
    """Writes a run's updates as `dfwizard upgrade` does."""

    def __init__(self, run: Run) -> None:
        self._out = Writer(sys.stderr)
        self._run = run

    def __call__(self, update: Update) -> None:
        if isinstance(update, OutputSeen):
            self._out.output(update.data)
        elif isinstance(update, EventSeen):
            self._out.event(update)
            for line in remedy_lines(update.record.event):
                self._out.line(line)
            if isinstance(update.record.event, ev.Asked):
                self._asked(update.state)
        elif isinstance(update, RunnerGone):
            raise DfwizardError(update.message)

    def _asked(self, state: RunState) -> None:
        """Write what a person would be asked, as `dfwizard upgrade` puts it."""
        choices = columns((one.decision, one.meaning) for one in choice_lines(self._run, state))
        question = wrap(state.question.text) if state.question else []
        for line in (*failure_lines(state.failed_step), *question, *choices):
            self._out.line(line)


def _say_kept(directory: Path) -> None:
    """Tell where a sandbox is that was kept: because it was asked for, or because a run goes on in it."""
    if directory.exists():
        print(f"The sandbox is kept: {directory}", file=sys.stderr)
        print(f"Open it again with: dfwizard demo --attach {shlex.quote(str(directory))}", file=sys.stderr)
