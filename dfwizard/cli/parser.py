"""The arguments of the command line, with examples."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from dfwizard import __version__

if TYPE_CHECKING:
    from typing import TypeAlias

    _Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

WIZARD = "wizard"
"""The command that is meant where none is given."""

EPILOG = """\
examples:
  dfwizard                              the wizard, screen by screen
  dfwizard --plain                      the same as numbered questions, line by line
  dfwizard inspect /opt/dreamfactory
  dfwizard check /opt/dreamfactory --to latest
  dfwizard plan /opt/dreamfactory --to 7.1.0 --format sh > upgrade.sh
  dfwizard upgrade /opt/dreamfactory --to 7.1.0
  dfwizard upgrade /opt/dreamfactory --to 7.1.0 --yes --on-failure rollback
  dfwizard attach
  dfwizard rollback latest
  dfwizard inspect admin@db1.example.com:/opt/dreamfactory
  dfwizard upgrade admin@db1.example.com:/opt/dreamfactory --to 7.1.0
  dfwizard migrate --from old.example.com:/opt/dreamfactory --to /opt/dreamfactory --dry-run

An instance is a directory on this machine, or one on a server reached over SSH: user@host:/path, host:/path,
user@host:port:/path. What ~/.ssh/config says of the host holds; runs are kept on this machine, backups on the server.

exit codes:
  0 done   1 error   2 usage   3 blocked by checks or by another run   4 done with warnings
  5 failed and rolled back   6 rollback failed
  130 Ctrl-C, 129 hung up, 143 told to end: a run that was started goes on
"""


class _Parser(argparse.ArgumentParser):
    """A parser, and each of its commands', whose errors repeat an argument as text that no terminal obeys."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and exit with code 2."""
        from dfwizard.reports.terminal import one_line

        super().error(one_line(message))


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands; the chosen one is in `command`."""
    parser: argparse.ArgumentParser = _Parser(
        prog="dfwizard",
        description="Upgrade a DreamFactory installation, prove the result, and take it back if anything goes wrong.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"dfwizard {__version__}")
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        help="where runs and backups are kept (default: /var/lib/dfwizard for root)",
    )
    parser.add_argument("--rules", metavar="FILE", help="a rules file of your own, over the built-in ones")
    _face(parser, default=False)
    _new_key(parser, default=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _wizard(commands)
    _looking(commands)
    _backup(commands)
    _changing(commands)
    _runs(commands)
    _diagnose(commands)
    _rules(commands)
    _demo(commands)
    return parser


def _add(commands: _Commands, name: str, text: str, *examples: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog="examples:\n" + "\n".join(f"  dfwizard {line}" for line in examples) if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _new_key(parser: argparse.ArgumentParser, *, default: object = argparse.SUPPRESS) -> None:
    """Take the option before and after the command: no default of the latter's may take it back."""
    parser.add_argument(
        "--accept-new-host-key",
        action="store_true",
        default=default,
        help="over SSH: trust a host that is not in known_hosts yet (a changed key is always refused)",
    )


_PLACE = "the instance's directory, such as /opt/dreamfactory or admin@host:/opt/dreamfactory"


def _instance(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    if required:
        parser.add_argument("path", metavar="INSTANCE", help=_PLACE)
    else:
        parser.add_argument("path", metavar="INSTANCE", nargs="?", default="", help=_PLACE)
    _new_key(parser)
    parser.add_argument(
        "--php", metavar="PATH", help="the php that runs artisan and composer (default: php on the PATH)"
    )
    parser.add_argument(
        "--url", metavar="URL", help="where this instance answers (default: found in the web server's sites)"
    )


def _face(parser: argparse.ArgumentParser, *, default: object) -> None:
    parser.add_argument(
        "--plain",
        action="store_true",
        default=default,
        help="the wizard as numbered questions, line by line: for screen readers and serial consoles",
    )
    parser.add_argument(
        "--mouse",
        action="store_true",
        default=default,
        help="let the wizard take the mouse (default: it is left to the terminal, text can be selected)",
    )


def _wizard(commands: _Commands) -> None:
    wizard = _add(
        commands,
        WIZARD,
        "go through an upgrade screen by screen (what `dfwizard` without a command does)",
        "wizard",
        "wizard /opt/dreamfactory",
        "wizard --plain /opt/dreamfactory",
        "wizard admin@db1.example.com:",
    )
    wizard.add_argument(
        "path",
        metavar="INSTANCE",
        nargs="?",
        default="",
        help="the instance, or only its host as user@host: (default: chosen from those found)",
    )
    _new_key(wizard)
    wizard.add_argument("--php", metavar="PATH", help="the php that runs artisan and composer")
    wizard.add_argument("--url", metavar="URL", help="where this instance answers")
    wizard.add_argument("--backup-dir", metavar="DIR", help="where the backup goes")
    wizard.add_argument("--admin-ui", metavar="FILE", help="release.zip of df-admin-interface")
    wizard.add_argument("--licence-files", metavar="DIR", default="", help="the target's licence files")
    _answers(wizard)
    # Given before the command they count as well: no default of this parser may take them back.
    _face(wizard, default=argparse.SUPPRESS)


def _target(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--to", metavar="RELEASE", required=required, help="the release to go to: 7.1.0, a tag, or latest"
    )
    parser.add_argument(
        "--direct",
        action="store_true",
        help="leave out the guide's stops between: one upgrade, where the migrations on the way only add to the database",
    )
    parser.add_argument(
        "--php-gates",
        action="store_true",
        help="where a stop needs another PHP, wait in maintenance mode until you have switched it, instead of refusing the road",
    )
    parser.add_argument(
        "--backup-dir",
        metavar="DIR",
        help="where the backup goes on the instance's host, a directory is made in it (default: the state directory)",
    )

    parser.add_argument(
        "--admin-ui",
        metavar="FILE",
        help="release.zip of df-admin-interface, for a target of 6.x, which comes without its admin UI",
    )
    parser.add_argument(
        "--licence-files",
        metavar="DIR",
        default="",
        help="where on the instance's host the target's licence files lie: composer.json, composer.lock (of several stops: DIR/RELEASE)",
    )


def _answers(parser: argparse.ArgumentParser, *, password: bool = True) -> None:
    parser.add_argument(
        "--probe",
        metavar="PATH",
        action="append",
        default=[],
        help="ask the API for this path before and after, such as /api/v2/db/_table/customer?limit=1, and compare status and shape "
        "of the answers (may be repeated)",
    )
    parser.add_argument(
        "--login-email",
        metavar="EMAIL",
        help="ask in a session of this account as well; its password is asked for, and kept nowhere",
    )
    if password:
        _login_password(parser)


def _login_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--login-password-file",
        metavar="FILE",
        help="the login's password: a file of mode 0600, or - for stdin (default: DFWIZARD_LOGIN_PASSWORD, else it is asked for)",
    )


def _accept(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept",
        metavar="ID",
        action="append",
        default=[],
        help="override the blocking finding of this id, such as php-window; it is recorded (may be repeated)",
    )


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _looking(commands: _Commands) -> None:
    inspect = _add(
        commands,
        "inspect",
        "show what is installed: version with its evidence, PHP, .env, database, web server (read-only)",
        "inspect /opt/dreamfactory",
        "inspect /opt/dreamfactory --json",
        "inspect admin@db1.example.com:/opt/dreamfactory",
        "inspect ssh://admin@db1.example.com:2222/opt/dreamfactory --accept-new-host-key",
    )
    _instance(inspect)
    _json(inspect)
    plan = _add(
        commands,
        "plan",
        "show every step of an upgrade with its command, reason and undo (read-only)",
        "plan /opt/dreamfactory --to latest",
        "plan /opt/dreamfactory --to 7.1.0 --format sh > upgrade.sh",
        "plan /opt/dreamfactory --to 7.1.0 --format md > runbook.md",
    )
    _instance(plan)
    _target(plan)
    _accept(plan)
    _answers(plan, password=False)
    plan.add_argument(
        "--format", choices=("text", "json", "sh", "md"), default="text", help="how to print it"
    )
    check = _add(
        commands,
        "check",
        "show what would stop or endanger an upgrade (read-only)",
        "check /opt/dreamfactory --to 7.7.0",
        "check --list",
    )
    _instance(check, required=False)
    _target(check, required=False)
    _accept(check)
    _answers(check, password=False)
    check.add_argument(
        "--list",
        action="store_true",
        help="look at no instance: explain every finding that there can be, of upgrades and migrations",
    )
    _json(check)
    verify = _add(
        commands,
        "verify",
        "compare the instance with what it was before its last run (read-only)",
        "verify /opt/dreamfactory",
        "verify /opt/dreamfactory --probe /api/v2/db/_schema --login-email admin@example.com",
    )
    _instance(verify)
    _answers(verify)
    _json(verify)


def _backup(commands: _Commands) -> None:
    backup = _add(
        commands,
        "backup",
        "back up code, .env and database and prove it; or verify a backup",
        "backup /opt/dreamfactory",
        "backup /opt/dreamfactory --backup-dir /mnt/backups",
        "backup verify /var/lib/dfwizard/backups/dreamfactory-20260105-004100",
        "backup admin@db1.example.com:/opt/dreamfactory",
        "backup verify admin@db1.example.com:/var/lib/dfwizard/backups/dreamfactory-20260105-004100",
    )
    backup.add_argument(
        "path",
        metavar="INSTANCE",
        help="the instance's directory; or the word verify, and a backup's directory (either also as user@host:/path)",
    )
    _new_key(backup)
    backup.add_argument("directory", metavar="DIR", nargs="?", help="with verify: the backup to verify")
    backup.add_argument(
        "--backup-dir", metavar="DIR", help="where the backup goes; a directory is made in it"
    )
    backup.add_argument("--php", metavar="PATH", help="the php to ask the database with")
    _json(backup)


def _changing(commands: _Commands) -> None:
    upgrade = _add(
        commands,
        "upgrade",
        "upgrade an instance: check, back up, prove, run, verify",
        "upgrade /opt/dreamfactory --to latest",
        "upgrade /opt/dreamfactory --to 7.1.0 --yes --on-failure rollback",
        "upgrade /opt/dreamfactory --to 7.1.0 --yes --accept php-window",
        "upgrade /opt/dreamfactory --to 7.1.0 --probe /api/v2/db/_table/customer?limit=1 --login-email admin@example.com",
        "upgrade admin@db1.example.com:/opt/dreamfactory --to 7.1.0",
    )
    _instance(upgrade)
    _target(upgrade)
    _accept(upgrade)
    _answers(upgrade)
    upgrade.add_argument("--yes", action="store_true", help="do not ask; warnings count as read")
    upgrade.add_argument(
        "--on-failure",
        choices=("auto", "ask", "rollback", "stop"),
        help="what a failed step leads to; auto: roll back by itself before the first database change, "
        "ask after it (default: auto; with --yes: rollback)",
    )
    upgrade.add_argument(
        "--detach", action="store_true", help="start it and return at once; see `dfwizard attach`"
    )
    _migrate(commands)
    rollback = _add(
        commands,
        "rollback",
        "take a run back: the instance becomes identical to what it was before",
        "rollback latest",
        "rollback 20260105-004100-1f2e --yes",
    )
    rollback.add_argument("run", metavar="RUN", help="the run's id, its beginning, or latest")
    rollback.add_argument("--yes", action="store_true", help="do not ask")
    _new_key(rollback)
    rollback.add_argument("--detach", action="store_true", help="start it and return at once")


def _migrate(commands: _Commands) -> None:
    migrate = _add(
        commands,
        "migrate",
        "move an instance to another one, here or over SSH: .env, system database and files; the source is only read",
        "migrate --from /opt/old --to /opt/dreamfactory --dry-run",
        "migrate --from admin@old.example.com:/opt/dreamfactory --to /opt/dreamfactory",
        "migrate --from old:/opt/dreamfactory --to new:/opt/dreamfactory --with storage/app --accept target-not-empty",
        "migrate --from old:/opt/dreamfactory --to new:/opt/dreamfactory --env-carry MAIL_FROM_ADDRESS --env-keep CACHE_STORE --yes",
        "migrate --from old:/opt/dreamfactory --to new:/opt/dreamfactory --dry-run --format md > runbook.md",
    )
    migrate.add_argument(
        "--from", dest="source", metavar="INSTANCE", required=True, help="the old instance: it is only read"
    )
    migrate.add_argument(
        "--to",
        metavar="INSTANCE",
        required=True,
        help="the new instance: a working DreamFactory with its own database, which is replaced by the old one's",
    )
    _new_key(migrate)
    migrate.add_argument(
        "--env-carry",
        metavar="KEY",
        action="append",
        default=[],
        help="set this key of the new .env to the old one's value (may be repeated)",
    )
    migrate.add_argument(
        "--env-keep",
        metavar="KEY",
        action="append",
        default=[],
        help="leave this key of the new .env as it is (may be repeated)",
    )
    migrate.add_argument(
        "--with",
        dest="files",
        metavar="PATH",
        action="append",
        default=[],
        help="carry these files of the old tree over as well, such as storage/app (may be repeated)",
    )
    migrate.add_argument(
        "--without",
        metavar="PATH",
        action="append",
        default=[],
        help="do not carry these files over, which are proposed (may be repeated)",
    )
    migrate.add_argument("--php", metavar="PATH", help="the php that runs the new instance's artisan")
    migrate.add_argument("--url", metavar="URL", help="where the new instance answers")
    migrate.add_argument(
        "--backup-dir", metavar="DIR", help="where the new instance's backup goes, on its host"
    )
    migrate.add_argument(
        "--source-backup-dir", metavar="DIR", help="where the old instance is saved, on its own host"
    )
    _accept(migrate)
    migrate.add_argument(
        "--dry-run", action="store_true", help="show plan, .env and findings, and change nothing"
    )
    migrate.add_argument(
        "--format",
        choices=("text", "json", "md", "sh"),
        default="text",
        help="with --dry-run: how to print the plan",
    )
    migrate.add_argument(
        "--json",
        action="store_true",
        help="print JSON: the run's report at its end, or with --dry-run plan, .env, files and findings",
    )
    migrate.add_argument("--yes", action="store_true", help="do not ask; warnings count as read")
    migrate.add_argument(
        "--on-failure",
        choices=("auto", "ask", "rollback", "stop"),
        help="what a failed step leads to; rolling back concerns the new instance alone "
        "(default: auto; with --yes: rollback)",
    )
    migrate.add_argument("--detach", action="store_true", help="start it and return at once")


def _runs(commands: _Commands) -> None:
    runs = _add(commands, "runs", "list runs: going, finished, interrupted", "runs", "runs --json")
    _json(runs)
    attach = _add(
        commands,
        "attach",
        "watch a run; Ctrl-C stops the watching, never the run",
        "attach",
        "attach 20260105",
    )
    attach.add_argument("run", metavar="RUN", nargs="?", default="latest", help="the run (default: latest)")
    resume = _add(commands, "resume", "go on with a run whose runner was killed or stopped", "resume latest")
    resume.add_argument("run", metavar="RUN", help="the run's id, its beginning, or latest")
    _new_key(resume)
    _login_password(resume)
    resume.add_argument("--detach", action="store_true", help="start it and return at once")
    decide = _add(
        commands,
        "decide",
        "answer a run that waits, or steer one that goes",
        "decide latest retry",
        "decide latest remedy",
        "decide latest rollback",
        "decide latest pause",
    )
    decide.add_argument("run", metavar="RUN", help="the run's id, its beginning, or latest")
    decide.add_argument(
        "decision",
        choices=("remedy", "retry", "skip", "rollback", "stop", "pause", "continue"),
        help="what to do; remedy: run the commands that the question names, then try the step again",
    )
    report = _add(
        commands,
        "report",
        "print the report of a run",
        "report latest",
        "report latest --format md > report.md",
    )
    report.add_argument("run", metavar="RUN", help="the run's id, its beginning, or latest")
    report.add_argument("--format", choices=("text", "json", "md"), default="text", help="how to print it")
    detached = commands.add_parser("run-detached")  # what the runner's own process is; not for people
    detached.add_argument("directory")
    detached.add_argument("--request", choices=("run", "rollback"), default="run")


def _diagnose(commands: _Commands) -> None:
    diagnose = _add(
        commands,
        "diagnose",
        "say what a failed command's output comes from, and what helps (nothing is run)",
    )
    diagnose.epilog = (
        "examples:\n"
        "  dfwizard diagnose migrate.log\n"
        "  php artisan migrate 2>&1 | dfwizard diagnose -\n"
        "  dfwizard diagnose --step composer-7.1.0 --code 1 composer.log\n"
        "  tail -n 200 storage/logs/dreamfactory.log | dfwizard diagnose --json -\n\n"
        "exit codes:\n"
        "  0 the failure is known   4 it is not: the lines that tell most and guesses are printed\n"
        "  1 it could not be read   2 no such file, or no text in it"
    )
    diagnose.add_argument("file", metavar="FILE", help="a file with the output, or - for stdin")
    diagnose.add_argument(
        "--step",
        metavar="ID",
        default="",
        help="the step that failed, where it was one of a run: composer-7.1.0",
    )
    diagnose.add_argument("--code", metavar="N", type=int, help="the exit code; negative for a signal")
    diagnose.add_argument(
        "--instance",
        metavar="DIR",
        default="/opt/dreamfactory",
        help="the instance's directory, for the commands (default: /opt/dreamfactory)",
    )
    diagnose.add_argument(
        "--owner",
        metavar="NAME",
        default="",
        help="the account that owns it (default: asked of the directory)",
    )
    _json(diagnose)


def _rules(commands: _Commands) -> None:
    rules = _add(
        commands,
        "rules",
        "show what is known of DreamFactory's releases, or check a rules file",
        "rules show",
        "rules show --json",
        "rules check my-rules.toml",
    )
    rules.add_argument("action", choices=("show", "check"), help="show the rules in force, or check a file")
    rules.add_argument("file", metavar="FILE", nargs="?", help="with check: the file")
    _json(rules)


def _demo(commands: _Commands) -> None:
    demo = _add(
        commands,
        "demo",
        "show an upgrade in a sandbox: no PHP, no root, no network, nothing of this machine is touched",
        "demo",
        "demo --list",
        "demo --scenario migration-fails",
        "demo --headless --speed 0",
    )
    demo.add_argument("--scenario", metavar="NAME", default="smooth", help="what to show (default: smooth)")
    demo.add_argument("--list", action="store_true", help="explain all scenarios")
    demo.add_argument(
        "--speed",
        metavar="N",
        type=_speed,
        default=1.0,
        help="1: the steps take believable time (default); 4: a quarter of it; 0: no waits",
    )
    demo.add_argument("--headless", action="store_true", help="run it through without a terminal")
    demo.add_argument("--keep", action="store_true", help="keep the sandbox, and say where it is")
    demo.add_argument(
        "--attach",
        metavar="DIR",
        nargs="?",
        const="",
        help="open a sandbox that was kept (default: the newest)",
    )
    _face(demo, default=argparse.SUPPRESS)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: give 1, a larger number, or 0 for no waits")
    return speed
