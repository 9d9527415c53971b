"""What each named action of a plan does: backup, verification and `.env` bound to the executor.

Every function may be ended at any point and called again for the same step.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dfwizard import codec
from dfwizard.access import Access, open_instance
from dfwizard.answer_actions import (
    ANSWERS_BEFORE,
    answers_before,
    asked_answers,
    compared_answers,
    require_login,
)
from dfwizard.backup import fingerprint as fingerprints
from dfwizard.backup.context import BackupContext
from dfwizard.backup.digests import probe_content
from dfwizard.backup.manifest import ENV, MANIFEST, PROOF
from dfwizard.backup.prove import prove
from dfwizard.backup.restore import restore_database
from dfwizard.backup.take import take
from dfwizard.backup.tree import clear_aside, restore_tree
from dfwizard.content_actions import contents_compared, record_contents
from dfwizard.errors import DfwizardError, HostError
from dfwizard.execution.executor import ActionFunction, StepContext, StepRefused
from dfwizard.execution.state import StepStatus
from dfwizard.execution.store import Run
from dfwizard.hosts.naming import is_local
from dfwizard.instance import dotenv
from dfwizard.instance.dotenv_secrets import diff
from dfwizard.instance.facts import Facts
from dfwizard.instance.inspect import inspect
from dfwizard.instance.probe import probe_facts, probe_names
from dfwizard.planning import plan as actions
from dfwizard.planning.answers import RecordAnswers
from dfwizard.reports.run_backups import kept_name
from dfwizard.rules import Rules
from dfwizard.verification.answers import answer_checks
from dfwizard.verification.collect import tree_owners
from dfwizard.verification.compare import compare
from dfwizard.verification.contents import with_contents
from dfwizard.verification.log import LogState, log_state, new_errors
from dfwizard.verification.result import Check, Verification
from dfwizard.verification.situation import TreeOwners
from dfwizard.waiting import wait_for_person

if TYPE_CHECKING:
    from dfwizard.hosts.base import Host

RECORDED = "recorded-before.json"
FACTS_AFTER = "facts-after.json"
VERIFICATION = "verification.json"
LOSSES = "losses.json"
ROWS_AFTER = "rows-after.json"

_WARNING_LENGTH = 300


@dataclass(frozen=True)
class Recorded:
    """What a verification needs of the time before, beside the facts."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    log: LogState = field(default_factory=LogState)
    owners: TreeOwners | None = None


@dataclass(frozen=True)
class Rows:
    """Row counts and digests of the database right after the upgrade, by table: what is newer is lost by a rollback."""

    counts: Mapping[str, int]
    digests: Mapping[str, str]


def private_directory(backup: str) -> str:
    """Give the directory for files that hold secrets while a step needs them; it stands in the plan's commands."""
    return f"{backup}.private"


def make_actions(rules: Rules, password: str | None = None) -> dict[str, ActionFunction]:
    """Give the function for each KIND of action that a plan may hold; `password` is for the login that it may wish."""
    table: dict[str, Callable[[StepContext, Any], None]] = {
        actions.EditDotenv.KIND: _edit_dotenv,
        actions.TakeBackup.KIND: _take_backup,
        actions.ProveBackup.KIND: _prove_backup,
        actions.TakeFingerprint.KIND: lambda context, action: _take_fingerprint(context, action, rules),
        actions.CompareFingerprint.KIND: _compare_fingerprint,
        actions.ShowLosses.KIND: _show_losses,
        actions.RestoreTree.KIND: _restore_tree,
        actions.RestoreDatabase.KIND: _restore_database,
        actions.ClearAside.KIND: _clear_aside,
        actions.WaitForPerson.KIND: wait_for_person,
        RecordAnswers.KIND: lambda context, action: _record_answers(context, action, rules, password),
        actions.Verify.KIND: lambda context, action: _verify(context, action, rules, password),
    }
    return table


def _open(context: StepContext) -> Access:
    saved = posixpath.join(context.plan.backup, ENV)
    access = open_instance(context.host, context.run.facts(), env_from=saved)
    context.add_secret(*access.secrets)
    return access


def _backup_context(context: StepContext) -> BackupContext:
    return BackupContext(
        host=context.host,
        private=private_directory(context.plan.backup),
        mark=context.mark,
        report=lambda line: context.output(line + "\n"),
        timeout=context.step.timeout,
    )


def _edit_dotenv(context: StepContext, action: actions.EditDotenv) -> None:
    host, path = context.host, f"{context.plan.instance}/.env"
    before = host.read(path)
    after = dotenv.edit(before, action.on(dotenv.parse(before).values))
    found = host.stat(path, follow=True)
    if found is None:
        raise HostError(".env has gone", where=path, remedy="Put it back from the backup.")
    if after == before:
        context.output(".env holds these keys already\n")
        return
    root = host.user == "root"
    host.write(
        path,
        after,
        mode=found.mode,
        owner=found.owner if root else None,
        group=found.group if root else None,
    )
    context.output(diff(before, after))


def _take_backup(context: StepContext, action: actions.TakeBackup) -> None:
    take_backup(_backup_context(context), _open(context), context.run.facts(), action.directory)
    _keep_what_it_says(context, action.directory)


def _keep_what_it_says(context: StepContext, directory: str) -> None:
    """Keep with the run what a backup on another host says of itself: reports are made without that host."""
    host = context.host
    if is_local(host.name):
        return
    for name in (MANIFEST, PROOF):
        path = posixpath.join(directory, name)
        if host.stat(path) is not None:
            context.run.write(kept_name(directory, name), host.read(path).decode("utf-8"))


def take_backup(context: BackupContext, access: Access, facts: Facts, directory: str) -> None:
    """Save the instance into the new directory `directory`, with the configuration around it that is known.

    Raises:
        BackupError: it could not be taken.
    """
    accounts = dict.fromkeys((facts.tree.owner, facts.web.user or facts.tree.owner, "root"))
    crontabs = (f"/var/spool/cron/crontabs/{account}" for account in accounts)
    take(
        context,
        access.subject(),
        directory,
        release=facts.version.release,
        commit=facts.git.commit if facts.git else None,
        system_files=(*facts.web.sites, *(path for path in crontabs if _is_there(access.host, path))),
    )


def _is_there(host: Host, path: str) -> bool:
    try:
        return host.stat(path, follow=True) is not None
    except HostError:
        return False  # only root may look into the directory of crontabs


def _prove_backup(context: StepContext, action: actions.ProveBackup) -> None:
    prove(_backup_context(context), _open(context).subject(), action.directory)
    _keep_what_it_says(context, action.directory)


def _record_answers(context: StepContext, action: RecordAnswers, rules: Rules, password: str | None) -> None:
    context.add_secret(*([password.encode("utf-8", "surrogateescape")] if password else []))
    answers, secrets = asked_answers(_open(context), context.run.facts(), rules, action, password)
    context.add_secret(*secrets)
    require_login(answers)
    context.run.write(ANSWERS_BEFORE, codec.dumps(answers))
    for check in answer_checks(answers, answers):
        context.output(f"{check.title}: {check.after}\n")
    if answers.login is not None and answers.login.state == "untried":
        context.note(f"Nobody logs in as {answers.login.email}: {answers.login.said}.")


def _take_fingerprint(context: StepContext, action: actions.TakeFingerprint, rules: Rules) -> None:
    access = _open(context)
    recorded = Recorded(
        names=name_values(access, rules),
        log=log_state(context.host, context.plan.instance),
        owners=tree_owners(context.host, context.plan.instance, user=_tree_user(context)),
    )
    context.run.write(RECORDED, codec.dumps(recorded))
    record_contents(context, access, rules)
    taken = fingerprints.take_fingerprint(_backup_context(context), access.subject())
    context.run.write(context.run.fingerprint(action.name).name, codec.dumps(taken))


def _tree_user(context: StepContext) -> str | None:
    """Give who lists the tree: root sees all of it, anyone else does best as its owner."""
    return None if context.host.user == "root" else context.plan.owner


def name_values(access: Access, rules: Rules) -> dict[str, tuple[str, ...]]:
    """Give the values of each table's naming column: none of them may be lost."""
    columns = tuple(rules.tables.name_columns.items())
    return {table: values for (table, _), values in probe_names(access.probe(), columns).items()}


def _compare_fingerprint(context: StepContext, action: actions.CompareFingerprint) -> None:
    path = context.run.fingerprint(action.name)
    before = codec.loads(fingerprints.Fingerprint, path.read_bytes(), where=str(path))
    now = fingerprints.take_fingerprint(_backup_context(context), _open(context).subject())
    differences = fingerprints.compare(before, now)
    context.run.write(context.run.comparison.name, codec.dumps(differences))
    if not differences:
        files, tables = len(before.files), len(before.database.tables) if before.database else 0
        context.output(f"identical: commit, {files} files with owners and modes, .env, {tables} tables\n")
        return
    for difference in differences:
        context.output(f"differs: {difference.sentence}\n")
    raise StepRefused(
        f"The instance differs from what it was ({len(differences)} differences), the first: {differences[0].sentence}",
        remedy="Stop whatever writes there; `dfwizard resume` then puts everything back once more and compares.",
    )


def _show_losses(context: StepContext, _action: actions.ShowLosses) -> None:
    lines = losses(context.run, _open(context))
    context.run.write(LOSSES, codec.dumps(lines))
    for line in lines or ("nothing was written since the upgrade",):
        context.output(f"{line}\n")


def losses(run: Run, access: Access) -> tuple[str, ...]:
    """Give what users wrote since the end of the upgrade, table by table; empty when that moment was never reached."""
    path = run.directory / ROWS_AFTER
    if not path.exists():
        return ()
    before = codec.loads(Rows, path.read_bytes(), where=str(path))
    now = _rows(BackupContext(access.host, private_directory(run.plan().backup)), access)
    lines = []
    for table in sorted({*before.counts, *now.counts}):
        old, new = before.counts.get(table), now.counts.get(table)
        if old is None or new is None:
            lines.append(f"{table}: the table is {'new' if old is None else 'gone'}")
        elif old != new:
            lines.append(_change(table, old, new))
        elif before.digests.get(table) != now.digests.get(table):
            lines.append(f"{table}: {new} rows, some of them changed")
    return tuple(lines)


def _change(table: str, old: int, new: int) -> str:
    number = abs(new - old)
    rows = f"{number} {'row' if number == 1 else 'rows'}"
    if new > old:
        return f"{table}: {rows} more ({old} after the upgrade, {new} now)"
    return f"{table}: {rows} fewer ({old} after the upgrade, {new} now); what is gone comes back"


def _rows(context: BackupContext, access: Access) -> Rows:
    content = probe_content(context, access.subject())
    return Rows(
        counts={name: table.rows for name, table in content.tables.items() if table.digest},
        digests={name: table.digest for name, table in content.tables.items() if table.digest},
    )


def _restore_tree(context: StepContext, action: actions.RestoreTree) -> None:
    restore_tree(
        _backup_context(context),
        _open(context).subject(),
        action.directory,
        action.token,
        before_exchange=lambda path: _hold(context, path),
    )


def _hold(context: StepContext, path: str) -> None:
    """Lock the directory that takes the instance's place: the lock on the old one goes aside with it."""
    context.hold.hold_also(path)


def _restore_database(context: StepContext, action: actions.RestoreDatabase) -> None:
    restore_database(_backup_context(context), _open(context).subject(), action.directory)


def _clear_aside(context: StepContext, action: actions.ClearAside) -> None:
    phase = context.run.state().phase
    saved = phase.step("backup-present").status if phase else None
    if saved not in (StepStatus.DONE, StepStatus.ALREADY_DONE):
        context.warn(
            "The tree that was put aside stays beside the instance: the backup of the present state was not taken."
        )
        return
    clear_aside(_backup_context(context), context.plan.instance, action.token)


def _verify(context: StepContext, action: actions.Verify, rules: Rules, password: str | None) -> None:
    access, before = _open(context), context.run.facts()
    wish = context.plan.answers
    known = answers_before(context.run)

    def ask(now: Facts) -> tuple[Check, ...]:
        if wish is None:
            return ()
        return compared_answers(access, now, rules, wish, before=known, password=password)

    recorded_path = context.run.directory / RECORDED
    recorded = codec.loads(Recorded, recorded_path.read_bytes(), where=str(recorded_path))
    verification, after = verify_instance(
        access,
        before,
        recorded,
        rules,
        plan=context.plan,
        action=action,
        accepted=frozenset(context.run.record().accepted),
        redact=context.redactor.text,
        ask=ask,
    )
    contents = contents_compared(context, access, rules, release=action.release, final=action.final)
    verification = with_contents(verification, contents, rules.tables)
    write_verification(context, verification, after)
    if not action.final:
        record_gate(context, access, recorded)
    require_verified(verification)


def record_gate(context: StepContext, access: Access, recorded: Recorded) -> None:
    """Record rows and log as they are under maintenance: whatever is written after this comes from users."""
    context.run.write(ROWS_AFTER, codec.dumps(_rows(_backup_context(context), access)))
    _note_log(context, recorded)
    context.run.write(RECORDED, codec.dumps(replace(recorded, log=log_state(context.host, access.path))))


def write_verification(context: StepContext, verification: Verification, after: Facts) -> None:
    """Keep a verification and the facts of now with the run, and tell of them; what a final one warns of are the run's warnings."""
    context.run.write(FACTS_AFTER, codec.dumps(after))
    name = VERIFICATION if verification.final else f"verification-{verification.release}.json"
    context.run.write(name, codec.dumps(verification))
    for check in verification.checks:
        changed = check.before and check.before != check.after
        change = f"{check.before} -> {check.after}" if changed else check.after
        context.output(f"{check.verdict.value}: {check.title}: {change}. {check.explanation}\n")
    for check in verification.warnings if verification.final else ():
        context.warn(f"{check.title}: {_first_line(check.explanation or check.after)}")


def require_verified(verification: Verification) -> None:
    """Fail a step whose verification has failed.

    Raises:
        StepRefused: naming the first thing that failed.
    """
    if verification.failed:
        first = verification.failed[0]
        raise StepRefused(
            f"Not verified ({len(verification.failed)} failed), the first: {first.title}: {first.explanation or first.after}",
            remedy="Mend it and try the step again, or roll back.",
        )


def _note_log(context: StepContext, recorded: Recorded) -> None:
    """Tell of errors logged so far: they come from requests that met code and vendor in exchange. From here on they count."""
    found = new_errors(context.host, context.plan.instance, recorded.log, redact=context.redactor.text)
    if found:
        number = sum(error.times for error in found)
        context.note(
            f"Errors logged while code and packages were exchanged ({number}), the first: {_first_line(found[0].line)}"
        )


def _first_line(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(line) <= _WARNING_LENGTH else f"{line[:_WARNING_LENGTH]} ..."


def verify_instance(
    access: Access,
    before: Facts,
    recorded: Recorded,
    rules: Rules,
    *,
    plan: actions.Plan,
    action: actions.Verify,
    accepted: frozenset[str],
    redact: Callable[[str], str],
    ask: Callable[[Facts], tuple[Check, ...]] = lambda _: (),
) -> tuple[Verification, Facts]:
    """Inspect the instance and compare it with `before`; gives the comparison and the facts of now.

    `ask` puts more questions to an instance that is open, given the facts of now; what they make it log counts as well.

    Raises:
        DfwizardError: the release is not known any more, or the instance cannot be inspected.
    """
    release = rules.by_tag(action.release)
    if release is None:
        raise DfwizardError(
            f"the rules do not know {action.release}",
            remedy="Give the rules file that the run was started with.",
        )
    host, instance = access.host, access.path
    cli = before.cli()
    after = inspect(
        host,
        instance,
        rules,
        php=action.php or (cli.binary if cli else None),
        url=before.web.url,
        http=action.final,
    )
    asked = ask(after) if action.final else ()
    costs = probe_facts(access.probe()).password_costs
    commit = next((hop.commit for hop in plan.hops if hop.to == action.release), "")
    verification = compare(
        before,
        after,
        release=release,
        tables=rules.tables,
        came_from=rules.by_tag(plan.frm),
        commit=commit,
        names_before=recorded.names,
        names_after=name_values(access, rules),
        logged=new_errors(host, instance, recorded.log, redact=redact),
        owners_before=recorded.owners,
        owners_after=tree_owners(host, instance, user=None if host.user == "root" else access.owner),
        hash_costs=frozenset(int(cost) for cost in costs if cost.isdigit()),
        accepted=accepted,
        final=action.final,
    )
    return replace(verification, checks=_with_asked(verification.checks, asked)), after


def _with_asked(checks: tuple[Check, ...], asked: tuple[Check, ...]) -> tuple[Check, ...]:
    """Put what was asked behind what HTTP answered, before the log."""
    place = next((index for index, check in enumerate(checks) if check.id == "log"), len(checks))
    return (*checks[:place], *asked, *checks[place:])
