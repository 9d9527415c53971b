"""`dfwizard demo`: a sandbox that acts real, shown in the wizard or run through without a terminal."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard.cli.writing import Writer
from dfwizard.errors import BlockedError, DfwizardError, UsageError
from dfwizard.execution.attach import EventSeen, OutputSeen, RunnerGone, Update
from dfwizard.reports.failure import remedy_lines
from dfwizard.reports.terminal import wrap

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.demo import Sandbox, Scenario

BLOCKED = "blocked"


def demo(options: argparse.Namespace) -> int:
    """Carry out `dfwizard demo` and give its exit code: with --headless the scenario's own when all went as expected, else 1.

    Raises:
        DfwizardError: there is no such scenario, or the sandbox could not be built.
    """
    from dfwizard.demo import scenarios

    if options.list:
        print("\n\n".join(_told(one) for one in scenarios()))
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
    road = f"{scenario.installed} -> {scenario.target}"
    story = "\n".join(wrap(f"{scenario.story} {ending}", indent="    "))
    return f"{scenario.name}: {scenario.title} ({road})\n{story}"


def _sandbox(options: argparse.Namespace) -> AbstractContextManager[Sandbox]:
    from dfwizard.demo import attach_sandbox, open_sandbox

    if options.attach is not None:
        return attach_sandbox(Path(options.attach), keep=options.keep)
    return open_sandbox(options.scenario, speed=options.speed, keep=options.keep)


def _shown(options: argparse.Namespace) -> int:
    """Show the scenario in the wizard, or line by line where screens cannot be shown."""
    from dfwizard.cli.wizard import hindrance

    why = "" if options.plain else hindrance()
    if why:
        print(f"dfwizard: {why}, so the questions come line by line.", file=sys.stderr)
    with _sandbox(options) as sandbox:
        kept = sandbox.directory
        code = _show_lines(sandbox) if options.plain or why else _show_screens(sandbox, mouse=options.mouse)
    _say_kept(kept)
    return code


def _show_lines(sandbox: Sandbox) -> int:
    from dfwizard.cli.plain import run_plain

    _announce(sandbox.scenario)
    return run_plain(
        sandbox.controller(), path=sandbox.path, php=None, url=None, backup_dir=None, admin_ui=None
    )


def _show_screens(sandbox: Sandbox, *, mouse: bool) -> int:
    from dfwizard.tui import run_wizard
    from dfwizard.tui.session import Session

    scenario = sandbox.scenario
    return run_wizard(
        sandbox.controller(),
        Session(path=sandbox.path, target=scenario.target),
        demo=(scenario.title, scenario.story),
        mouse=mouse,
    )


def _announce(scenario: Scenario) -> None:
    print(f"DEMO {scenario.name}: {scenario.title}", file=sys.stderr)
    print("\n".join(wrap(scenario.story)), file=sys.stderr)


def _headless(options: argparse.Namespace) -> int:
    if options.attach is not None:
        raise UsageError(
            "--attach shows a sandbox in the wizard; it goes with no --headless",
            remedy="Leave one of the two out.",
        )
    for number in (signal.SIGHUP, signal.SIGTERM):  # the sandbox must go then, too
        signal.signal(number, _hung_up)
    with _sandbox(options) as sandbox:
        kept = sandbox.directory
        try:
            code = _run_through(sandbox)
        except KeyboardInterrupt:
            print("\nInterrupted.", file=sys.stderr)
            code = 130
    _say_kept(kept)
    return code


def _hung_up(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _run_through(sandbox: Sandbox) -> int:
    scenario = sandbox.scenario
    _announce(scenario)
    outcome, code = _outcome(sandbox)
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
    from dfwizard.demo.headless import drive, start
    from dfwizard.reports.findings_text import findings_text
    from dfwizard.reports.outcome import outcome_text

    controller: Controller = sandbox.controller()
    try:
        prospect = controller.prepare(
            sandbox.path, sandbox.scenario.target, accepted=frozenset(sandbox.scenario.accept)
        )
        print(findings_text(prospect.findings, accepted=frozenset(sandbox.scenario.accept)), file=sys.stderr)
        run = start(sandbox, controller, prospect)
    except BlockedError as error:
        print("\n".join(wrap(str(error))), file=sys.stderr)
        return BLOCKED, BlockedError.exit_code
    print(f"run {run.id}", file=sys.stderr)
    drive(sandbox, controller, run, _Shower())
    state = run.state()
    print(outcome_text(run, state, controller.backup_of(run)))
    return state.outcome or "failed", 1 if state.exit_code is None else state.exit_code


class _Shower:
    """Writes a run's updates as `dfwizard upgrade` does."""

    def __init__(self) -> None:
        self._out = Writer(sys.stderr)

    def __call__(self, update: Update) -> None:
        if isinstance(update, OutputSeen):
            self._out.output(update.data)
        elif isinstance(update, EventSeen):
            self._out.event(update)
            for line in remedy_lines(update.record.event):
                self._out.line(line)
        elif isinstance(update, RunnerGone):
            raise DfwizardError(update.message)


def _say_kept(directory: Path) -> None:
    """Tell where a sandbox is that was kept: because it was asked for, or because a run goes on in it."""
    if directory.exists():
        print(f"The sandbox is kept: {directory}", file=sys.stderr)
        print(f"Open it again with: dfwizard demo --attach {directory}", file=sys.stderr)
