"""One function for each command: call the controller, print, give the exit code. Errors are told in words here alone."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dfwizard.errors import BlockedError, DfwizardError, UsageError

if TYPE_CHECKING:
    from dfwizard.cli.following import Uninterrupted
    from dfwizard.controller import Controller, Prospect
    from dfwizard.execution.store import Run

Options = argparse.Namespace


def dispatch(options: Options) -> int:
    """Carry out the command in `options` and give the exit code; nothing is raised."""
    try:
        code = _COMMANDS[options.command](options)
        sys.stdout.flush()
        return code
    except DfwizardError as error:
        _say(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted. The instance was not changed.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output (head, less) has gone: no more can be said, and the interpreter must not try.
        _drop(sys.stdout)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT) or error.filename is not None:
            return _broken(error)
        return _unwritten(error)
    except Exception as error:
        return _broken(error)
    finally:
        while _CONTROLLERS:
            _CONTROLLERS.pop().close()


_CONTROLLERS: list[Controller] = []
"""Those made for the command: their connections are ended with it."""


def _drop(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _unwritten(error: OSError) -> int:
    """Tell that what was to be printed could not be written: `dfwizard plan ... > file` on a full disk."""
    _drop(sys.stdout)
    with suppress(OSError):
        print(
            f"dfwizard: the output could not be written: {error.strerror}\n"
            "  Make room where it goes, and print it again; a run that was started goes on.",
            file=sys.stderr,
        )
    return 1


def _say(error: DfwizardError) -> None:
    from dfwizard.reports.terminal import plain_lines

    first, *rest = plain_lines(str(error)) or [""]
    print(f"dfwizard: {first}", file=sys.stderr)
    for line in rest:
        print(f"  {line}", file=sys.stderr)
    _say_unasked()


def _say_unasked() -> None:
    """Name what could not be asked on the way to a host: what went wrong may come of it."""
    from dfwizard.cli.prompting import Unattended

    for question in Unattended.unasked:
        print(f"  Not asked, for there is no terminal or --yes was given: {question}", file=sys.stderr)


def _broken(error: Exception) -> int:
    """Tell of a fault of dfwizard itself without a traceback; that goes to a file."""
    from dfwizard.execution.faults import keep_fault
    from dfwizard.reports.terminal import plain

    kept = plain(keep_fault(error))
    print(f"dfwizard: this is a fault of dfwizard itself ({type(error).__name__}){kept}", file=sys.stderr)
    print("  A run that was started goes on: `dfwizard runs` shows it.", file=sys.stderr)
    return 1


def _choose_state(options: Options) -> None:
    if options.state_dir == "":
        raise UsageError(
            "--state-dir is empty", remedy="Name the directory for runs and backups, or leave the option out."
        )
    if options.state_dir:
        os.environ["DFWIZARD_STATE_DIR"] = str(Path(options.state_dir).absolute())


def _controller(options: Options) -> Controller:
    from dfwizard.cli.login import given_password, wished
    from dfwizard.cli.prompting import prompts_for
    from dfwizard.controller import Controller as Door

    _choose_state(options)
    rules = Path(options.rules) if options.rules else None
    door = Door(
        rules_file=rules,
        prompts=prompts_for(options),
        answers=wished(options),
        login_password=given_password(options),
    )
    _CONTROLLERS.append(door)
    return door


def _print_json(value: object) -> None:
    from dfwizard import codec

    print(codec.dumps(value, indent=2))


def _inspect(options: Options) -> int:
    from dfwizard.reports.facts_text import facts_text

    facts = _controller(options).inspect(options.path, php=options.php, url=options.url)
    if options.json:
        _print_json(facts)
    else:
        print(facts_text(facts))
    return 0


def _plan(options: Options) -> int:
    controller = _controller(options)
    prospect = _prepare(controller, options)
    if options.format == "json":
        _print_json(prospect.plan)
    elif options.format == "sh":
        _print_exactly(controller.script(prospect))
    elif options.format == "md":
        from dfwizard.reports.plan_markdown import plan_markdown

        print(plan_markdown(prospect.plan, host=prospect.facts.host))
    else:
        from dfwizard.reports.plan_text import plan_text

        print(plan_text(prospect.plan, host=prospect.facts.host))
        _mention_blockers(prospect)
    return 0


def _print_exactly(text: str) -> None:
    """Print names that are no UTF-8 as the bytes they are: a script must name the file that is there.

    Raises:
        UsageError: it would go to a terminal, which would obey what is in a name.
    """
    from dfwizard.reports.terminal import plain_lines

    if sys.stdout.isatty() and plain_lines(text) != text.expandtabs(4).splitlines():
        raise UsageError(
            "the script holds a name with characters that this terminal would obey",
            remedy="Write it to a file: add > upgrade.sh to the command.",
        )
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def _mention_blockers(prospect: Prospect) -> None:
    blocking = prospect.blockers(frozenset())
    if blocking:
        names = ", ".join(finding.id for finding in blocking)
        print(f"\nThis plan is blocked by {names}: see `dfwizard check`.", file=sys.stderr)


def _prepare(controller: Controller, options: Options) -> Prospect:
    from dfwizard.planning.road import Course

    return controller.prepare(
        options.path,
        options.to,
        php=options.php,
        url=options.url,
        backup_dir=options.backup_dir,
        admin_ui=options.admin_ui,
        course=Course(direct=options.direct, gates=options.php_gates, licence=options.licence_files),
        accepted=frozenset(options.accept),
    )


def _accepted(options: Options, prospect: Prospect) -> frozenset[str]:
    """Give the findings that the user overrides; one that is not there is told, for it may be mistyped."""
    from dfwizard.reports.terminal import plain

    known = {finding.id for finding in prospect.findings}
    for name in options.accept:
        if name not in known:
            print(f"dfwizard: --accept {plain(name)}: there is no such finding now", file=sys.stderr)
    return frozenset(options.accept)


def _check(options: Options) -> int:
    from dfwizard.planning.findings import Severity
    from dfwizard.reports.findings_text import findings_text

    if options.list:
        return _list_findings(options)
    if not options.path or not options.to:
        raise UsageError(
            "`check` needs an instance and --to RELEASE",
            remedy="Say `dfwizard check /opt/dreamfactory --to latest`, or `dfwizard check --list` for what is looked at.",
        )
    prospect = _prepare(_controller(options), options)
    accepted = _accepted(options, prospect)
    if options.json:
        _print_json(prospect.findings)
    else:
        print(findings_text(prospect.findings, accepted=accepted))
    if prospect.blockers(accepted):
        return BlockedError.exit_code
    return 4 if any(finding.severity is Severity.WARNING for finding in prospect.findings) else 0


def _list_findings(options: Options) -> int:
    from dfwizard.planning.catalogue import catalogue
    from dfwizard.reports.catalogue_text import catalogue_text

    if options.json:
        _print_json(catalogue())
    else:
        print(catalogue_text(catalogue()))
    return 0


def _verify(options: Options) -> int:
    from dfwizard.reports.verification_text import verification_text
    from dfwizard.verification.result import Verdict

    verification = _controller(options).verify(options.path, php=options.php, url=options.url)
    if options.json:
        _print_json(verification)
    else:
        print(verification_text(verification))
    return {Verdict.FAILED: 1, Verdict.WARNING: 4}.get(verification.verdict, 0)


def _hung_up(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _backup(options: Options) -> int:
    from dfwizard.reports.terminal import plain

    # No run of its own owns this: a closed terminal must still end the programs and take away what holds secrets.
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _hung_up)
    controller = _controller(options)
    if options.path == "verify" and not options.directory and not Path("verify").exists():
        raise UsageError(
            "`backup verify` needs the directory of a backup", remedy="Say `dfwizard backup verify DIR`."
        )
    if options.path == "verify" and options.directory:
        check = controller.verify_backup(options.directory, on_output=_progress)
        if options.json:
            _print_json(check)
        else:
            said = (*(f"proven: {line}" for line in check.proven), *(f"note: {line}" for line in check.notes))
            print("\n".join(map(plain, said)))
        return 0
    if options.directory:
        raise UsageError(
            f"`backup` takes one directory, not also {options.directory!r}",
            remedy="Say `dfwizard backup PATH`, or `dfwizard backup verify DIR`.",
        )
    directory = controller.backup(
        options.path, php=options.php, backup_dir=options.backup_dir, on_output=_progress
    )
    if options.json:
        print(json.dumps({"backup": directory}))
    else:
        print(f"Backup taken and proven: {plain(directory)}")
    return 0


def _progress(line: str) -> None:
    from dfwizard.reports.terminal import plain

    print(f"    {plain(line)}", file=sys.stderr, flush=True)


def _upgrade(options: Options) -> int:
    from dfwizard.cli.asking import confirm_upgrade
    from dfwizard.cli.following import Uninterrupted
    from dfwizard.execution.on_failure import OnFailure
    from dfwizard.planning.findings import Severity
    from dfwizard.reports.findings_text import findings_text

    controller = _controller(options)
    prospect = _prepare(controller, options)
    accepted = _accepted(options, prospect)
    policy = OnFailure(options.on_failure or ("rollback" if options.yes else "auto"))
    if options.yes or prospect.blockers(accepted) or not sys.stdin.isatty():
        grave = tuple(f for f in prospect.findings if f.severity in (Severity.BLOCKER, Severity.WARNING))
        print(findings_text(grave, accepted=accepted), file=sys.stderr)
    if not options.yes and not prospect.blockers(accepted):
        confirm_upgrade(_same_road(options, prospect.plan.to), prospect, accepted, policy)
    with Uninterrupted() as interrupt:
        run = controller.start_upgrade(prospect, accepted=accepted, on_failure=policy)
    return _started(controller, run, options, interrupt)


def _migrate(options: Options) -> int:
    from dfwizard.cli.migrate import migrate

    controller = _controller(options)
    return migrate(controller, options, lambda run, interrupt: _started(controller, run, options, interrupt))


def _same_road(options: Options, to: str) -> list[str]:
    """Give the arguments with which `plan` and `check` show the upgrade to release `to` that `options` ask for."""
    from dfwizard.cli.login import answer_arguments

    arguments = [options.path, "--to", to, *answer_arguments(options)]
    for name in ("php", "url", "backup_dir", "admin_ui", "licence_files"):
        if getattr(options, name):
            arguments += [f"--{name.replace('_', '-')}", getattr(options, name)]
    arguments += [f"--{name.replace('_', '-')}" for name in ("direct", "php_gates") if getattr(options, name)]
    return arguments


def _started(
    controller: Controller, run: Run, options: Options, interrupt: Uninterrupted, *, since: int = 0
) -> int:
    from dfwizard.cli.following import follow_run, say_detached

    print(f"run {run.id}", file=sys.stderr)
    if interrupt.noted:
        return say_detached(run)
    if options.detach:
        print(f"Started. Watch it with: dfwizard attach {run.id}")
        return 0
    return follow_run(controller, run, since=since)


def _rollback(options: Options) -> int:
    from dfwizard.cli.asking import confirm
    from dfwizard.cli.following import Uninterrupted
    from dfwizard.reports.outline import rollback_outline, rollback_question

    controller = _controller(options)
    run = controller.store.find(options.run)
    if run.state().outcome == "rolled-back":
        raise UsageError(
            "the run has been rolled back already", where=run.id, remedy=f"See `dfwizard report {run.id}`."
        )
    record = run.record()
    print(rollback_outline(record, run.plan(), controller.losses(run)), file=sys.stderr)
    if not options.yes:
        confirm(rollback_question(record))
    since = run.state().seq
    with Uninterrupted() as interrupt:
        controller.start_rollback(run)
    return _started(controller, run, options, interrupt, since=since)


def _runs(options: Options) -> int:
    from dfwizard.cli.listing import runs_json, runs_text
    from dfwizard.execution.store import Store

    _choose_state(options)
    store = Store()
    if options.json:
        print(json.dumps(runs_json(store), indent=2))
    else:
        print(runs_text(store))
    return 0


def _attach(options: Options) -> int:
    from dfwizard.cli.following import attach_run

    controller = _controller(options)
    return attach_run(controller, controller.store.find(options.run))


def _resume(options: Options) -> int:
    from dfwizard.cli.following import Uninterrupted

    controller = _controller(options)
    run = controller.store.find(options.run)
    since = run.state().seq
    with Uninterrupted() as interrupt:
        controller.resume(run)
    return _started(controller, run, options, interrupt, since=since)


def _decide(options: Options) -> int:
    controller = _controller(options)
    run = controller.store.find(options.run)
    controller.decide(run, options.decision)
    print(f"{options.decision}: taken by the runner. Watch it with: dfwizard attach {run.id}")
    return 0


def _report(options: Options) -> int:
    from dfwizard.reports.run_report import render

    controller = _controller(options)
    print(render(controller.report(controller.store.find(options.run)), options.format))
    return 0


def _wizard(options: Options) -> int:
    from dfwizard.cli.wizard import show_wizard

    _choose_state(options)
    return show_wizard(lambda: _controller(options), options)


def _run_detached(options: Options) -> int:
    from dfwizard.controller import serve_run

    rules = Path(options.rules) if options.rules else None
    return serve_run(Path(options.directory), request=options.request, rules_file=rules)


def _rules(options: Options) -> int:
    from dfwizard.cli.listing import rules_text
    from dfwizard.reports.terminal import plain
    from dfwizard.rules import check_file, load, show

    if options.action == "check":
        if not options.file:
            raise UsageError("`rules check` needs a file", remedy="Say `dfwizard rules check FILE`.")
        problems = check_file(Path(options.file))
        if options.json:
            _print_json(problems)
        else:
            lines = [str(problem) for problem in problems] or [f"{options.file}: fine"]
            print("\n".join(plain(line) for line in lines))
        return UsageError.exit_code if problems else 0
    rules = load(Path(options.file or options.rules) if options.file or options.rules else None)
    print(json.dumps(show(rules), indent=2) if options.json else rules_text(rules))
    return 0


def _diagnose(options: Options) -> int:
    from dfwizard.cli.diagnose import diagnose

    return diagnose(options)


def _demo(options: Options) -> int:
    from dfwizard.cli.demo import demo

    return demo(options)


_COMMANDS: dict[str, Callable[[Options], int]] = {
    "wizard": _wizard,
    "inspect": _inspect,
    "plan": _plan,
    "check": _check,
    "verify": _verify,
    "backup": _backup,
    "upgrade": _upgrade,
    "migrate": _migrate,
    "rollback": _rollback,
    "runs": _runs,
    "attach": _attach,
    "resume": _resume,
    "decide": _decide,
    "report": _report,
    "diagnose": _diagnose,
    "rules": _rules,
    "demo": _demo,
    "run-detached": _run_detached,
}
