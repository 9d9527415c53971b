"""A plan as a POSIX shell script that does the same when it is run by hand on the server.

Host commands stand in it as the executor runs them; named actions are expanded from the builders that the executor uses. What needs
dfwizard itself (fingerprints, the scratch restore, the comparison of every table) is left out and said so.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from importlib.resources import files

from dfwizard import __version__
from dfwizard.backup.subject import Subject
from dfwizard.errors import UsageError
from dfwizard.hosts.naming import is_local
from dfwizard.instance.facts import Facts
from dfwizard.planning.plan import (
    EditDotenv,
    Execute,
    Plan,
    ProveBackup,
    Step,
    TakeBackup,
    Undo,
    Verify,
    WaitForPerson,
)
from dfwizard.reports import script_backup
from dfwizard.reports.commands import described, shell_line
from dfwizard.reports.shell import comment, inserted, print_bytes, quoted, refusal, splice
from dfwizard.reports.terminal import plain


@dataclass(frozen=True)
class Script:
    """What a script is made from besides its plan.

    `subject` is the instance as a backup sees it, `dotenv` the bytes of its `.env`, `made_at` ISO 8601, `status_version` what
    `GET /status` says on the target (the release's config_version, "": not checked).
    """

    plan: Plan
    facts: Facts
    subject: Subject
    dotenv: bytes | None
    made_at: str
    status_version: str = ""


def plan_script(script: Script) -> str:
    """Give the shell script of an upgrade's plan.

    Raises:
        UsageError: the plan has a step that a shell script cannot do.
    """
    plan = script.plan
    if plan.kind != "upgrade":
        raise UsageError(f"a plan of kind {plan.kind} has no script", remedy="Export it as text, md or json.")
    lines = [
        *_header(script),
        files("dfwizard.reports").joinpath("prelude.sh").read_text("utf-8").rstrip(),
        "",
    ]
    lines += [*script_backup.credentials(script.subject), ""]
    lines += [*_put_back(script), ""]
    lines += _opening(script)
    for number, step in enumerate(plan.steps, 1):
        lines += ["", *comment(step.reason), f"begin {number} {quoted(plain(step.title))}"]
        if step.undo is not Undo.NOTHING:
            lines.append("changed=1")
        lines += _step(script, step)
    lines += ["", "doing=", 'say ""', f"say {quoted(plain(f'Done: {plan.instance} is at {plan.to}.'))}"]
    kept = plain(f"The backup stays at {plan.backup}; delete it when you no longer need it.")
    lines.append(f"say {quoted(kept)}")
    return "\n".join(lines) + "\n"


def _header(script: Script) -> list[str]:
    plan = script.plan
    host = script.facts.host
    on = "" if is_local(host) else f" on {host}"
    purpose = f"upgrade {plan.instance}{on} from {plan.frm} to {plan.to}"
    there = "on that server" if is_local(host) else f"on {host} itself: copy it there first"
    return [
        "#!/bin/sh",
        *comment(f"Upgrade of {plan.instance} on {host}: {plan.frm} -> {plan.to}."),
        *comment(f"Made by dfwizard {__version__} at {script.made_at}. Run it as {plan.me}, {there}."),
        *comment(
            "The commands are those that dfwizard runs. It leaves out what only dfwizard does: the restore of the backup into a "
            "scratch database, fingerprints, and the comparison of all tables. Its backup has SHA256SUMS instead of a manifest."
        ),
        "set -eu",
        "",
        f"instance={quoted(plan.instance)}",
        f"backup={quoted(plan.backup)}",
        f"account={quoted(plan.me)}",
        f"purpose={quoted(plain(purpose))}",
        f"total={len(plan.steps)}",
        "",
    ]


def _opening(script: Script) -> list[str]:
    plan = script.plan
    lines = [
        'if [ -n "$restore" ]; then',
        '    confirm "Put $instance back from $backup?"',
        "    put_back",
        "    exit 0",
        "fi",
        "",
    ]
    lines.append(
        '[ ! -e "$backup" ] || die "$backup: there is something already, and a backup never overwrites another"'
    )
    if script.facts.git is not None:
        head = _head(plan)
        lines += [
            f'[ "$({head})" = {quoted(script.facts.git.commit)} ] ||',
            '    die "the code is no longer what this script was made for: export it again"',
        ]
    return [*lines, 'confirm "This will $purpose. Begin?"']


def _head(plan: Plan) -> str:
    """Give the command that prints the commit; it begins with no parenthesis, which `$((` would make arithmetic."""
    return shell_line(Execute(("git", "-C", plan.instance, "rev-parse", "HEAD"), user=plan.owner), me=plan.me)


def _step(script: Script, step: Step) -> list[str]:
    action = step.action
    if isinstance(action, Execute):
        return _execute(script.plan, step, action)
    if isinstance(action, EditDotenv):
        return _edit(script, action)
    if isinstance(action, TakeBackup):
        return script_backup.take(script.subject, action.directory)
    if isinstance(action, ProveBackup):
        return script_backup.prove(script.subject, action.directory)
    if isinstance(action, Verify):
        return _verify(script, step, action)
    if isinstance(action, WaitForPerson):
        return _wait(script, action)
    return [f"say {quoted(plain('Left out: ' + described(action)))}"]


def _execute(plan: Plan, step: Step, action: Execute) -> list[str]:
    allowed = " ".join(str(code) for code in action.expect)
    body = [
        f'{{ code=0; {shell_line(action, me=plan.me)} || code=$?; echo "$code" >"$private/code"; }} \\',
        '    </dev/null 9<&- 2>&1 | tee "$private/output"',
        f"expect {allowed}",
        *(refusal(pattern) for pattern in (*action.stop_on, *action.refuse)),
    ]
    if step.done_when is not None:
        done = f"{shell_line(step.done_when, me=plan.me)} </dev/null >/dev/null 2>&1"
        body.append(f"{done} || trouble 'it said that it succeeded, and it did not'")
        body = [f"if {done}; then", "    say 'Already done.'", "else", *body, "fi"]
    return body if step.required else ["optional=1", *body, "optional="]


_ITS_MINOR = 'exit(in_array(PHP_MAJOR_VERSION.".".PHP_MINOR_VERSION, $argv) ? 0 : 1);'


def _wait(script: Script, action: WaitForPerson) -> list[str]:
    """Give the loop that waits for a person; the web server's PHP it cannot look at."""
    plan, wanted = script.plan, " or ".join(action.window)
    asked = Execute((action.php, "-r", _ITS_MINOR, "--", *action.window), cwd=plan.instance, user=plan.owner)
    return [
        f"until {shell_line(asked, me=plan.me)} </dev/null >/dev/null 2>&1; do",
        f"    say {quoted(f'PHP {wanted} is needed for the command line and the web server. As root:')}",
        *(f"    say {quoted('  ' + line)}" for line in action.shows),
        f"    [ -t 0 ] || die {quoted(f'nobody can be asked to switch PHP to {wanted}')}",
        "    printf '%s ' 'Press Enter once it is switched.'",
        "    read -r answer",
        "done",
        f"say {quoted(f'The command line runs PHP {wanted}; see that the web server does as well.')}",
    ]


def _edit(script: Script, action: EditDotenv) -> list[str]:
    from dfwizard.instance.dotenv import edit, parse
    from dfwizard.instance.dotenv_secrets import secret_values

    before = script.dotenv
    if before is None:
        raise UsageError(
            "the plan changes .env, and it could not be read", remedy="Export it as root or as its owner."
        )
    after = edit(before, action.on(parse(before).values))
    pieces = splice(before, after)
    new = inserted(pieces).decode("utf-8", "replace")
    if any(secret in new for secret in secret_values(parse(before))):
        raise UsageError(
            "the change of .env cannot be written into a script without a secret of the file",
            remedy="Let dfwizard do the upgrade, or export the plan as md and make this change by hand.",
        )
    lines = [
        'env_file=$(readlink -f -- "$instance/.env")',
        'new_env=$(dirname -- "$env_file")/.env.dfwizard-new',
    ]
    lines += [_same("$env_file", before, "it has changed since this script was made: export it again")]
    lines += ["edited() {"]
    lines += [f"    {print_bytes(piece) if isinstance(piece, bytes) else piece}" for piece in pieces]
    lines += ["}"]
    lines += ['cp -p -- "$env_file" "$new_env"', 'edited "$env_file" >"$new_env"']
    lines += [_same("$new_env", after, "the change did not come out as intended; .env is as it was")]
    return [*lines, 'mv -f -- "$new_env" "$env_file"']


def _same(file: str, data: bytes, otherwise: str) -> str:
    import hashlib

    digest = hashlib.sha256(data).hexdigest()
    return f'[ "$(sha256sum <"{file}" | cut -d" " -f1)" = {digest} ] || die ".env: {otherwise}"'


def _verify(script: Script, step: Step, action: Verify) -> list[str]:
    plan = script.plan
    hop = next((hop for hop in plan.hops if hop.to == action.release), None)
    lines = []
    if hop is not None:
        otherwise = quoted(f"the code is not {plain(hop.to)}")
        lines.append(f'[ "$({_head(plan)})" = {shlex.quote(hop.commit)} ] || die {otherwise}')
    artisan = next(
        (
            item.action
            for item in plan.steps
            if isinstance(item.action, Execute) and "artisan" in item.action.argv[:2]
        ),
        None,
    )
    if artisan is not None:
        status = replace(
            artisan,
            argv=(*artisan.argv[:2], "migrate:status", "--no-interaction", "--no-ansi"),
            refuse=(),
            expect=(0,),
        )
        pending = replace(
            step, action=replace(status, refuse=(r"Pending *$", r"^\| *No ")), required=True, done_when=None
        )
        assert isinstance(pending.action, Execute)
        lines += _execute(plan, pending, pending.action)
    if action.final:
        lines += _over_http(script)
    return lines


def _over_http(script: Script) -> list[str]:
    web = script.facts.web
    if web.url is None:
        return [
            "say 'The address of the instance is not known: look at GET /status and the front page yourself.'"
        ]
    if script.plan.steps and script.facts.artisan.maintenance:
        return ["say 'Maintenance mode was on before, and is left on: HTTP answers 503.'"]
    host = f"-H {quoted(f'Host: {web.host_header}')} " if web.host_header else ""
    curl = f"curl -sS -m 30 --noproxy '*' {host}"
    lines = [
        f"answer=$({curl}-o \"$private/status\" -w '%{{http_code}}' {quoted(web.url.rstrip('/') + '/status')})",
        '[ "$answer" = 200 ] || die "GET /status answers $answer"',
    ]
    if script.status_version:
        said = f'"version":"{script.status_version}"'
        otherwise = quoted(f"GET /status does not say {plain(script.status_version)}")
        lines.append(f'grep -F -q -e {quoted(said)} "$private/status" || die {otherwise}')
    return [
        *lines,
        f"answer=$({curl}-o /dev/null -w '%{{http_code}} %{{redirect_url}}' {quoted(web.url.rstrip('/') + '/')})",
        "case $answer in",
        '*/setup | */setup_db) die "the front page leads to $answer: the database is empty or cannot be queried" ;;',
        "200* | 30?*) ;;",
        '*) die "the front page answers $answer" ;;',
        "esac",
    ]


def _put_back(script: Script) -> list[str]:
    plan = script.plan
    services = [
        step.action for step in plan.steps if step.undo is Undo.SERVICES and isinstance(step.action, Execute)
    ]
    opening = [
        step.action
        for step in plan.steps
        if step.id == "maintenance-off" and isinstance(step.action, Execute)
    ]
    after = [f"{shell_line(action, me=plan.me)} </dev/null 9<&-" for action in (*services, *opening)]
    return script_backup.put_back(script.subject, plan.backup, after)
