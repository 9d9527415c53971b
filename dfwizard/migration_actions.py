"""What each named action does that only a migration has, bound to the executor.

Every function may be ended at any point and called again for the same step. The source is only read: what is saved of it lies in a
new directory on its host.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dfwizard import codec
from dfwizard.access import Access, open_instance
from dfwizard.actions import (
    RECORDED,
    Recorded,
    name_values,
    private_directory,
    record_gate,
    require_verified,
    verify_instance,
    write_verification,
)
from dfwizard.backup import apart, dialect, fingerprint
from dfwizard.backup.appkey import environment_key
from dfwizard.backup.context import BackupContext
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.files import unpack_files
from dfwizard.backup.importing import import_database
from dfwizard.backup.manifest import ENV, read_manifest
from dfwizard.backup.parts import check_parts
from dfwizard.backup.take import take
from dfwizard.errors import DfwizardError, HostError
from dfwizard.execution.executor import ActionFunction, StepContext, StepRefused
from dfwizard.hosts.command import Command
from dfwizard.hosts.sizes import size_text
from dfwizard.hosts.transfer import Progress, copy_directory
from dfwizard.instance import dotenv
from dfwizard.instance.dotenv_secrets import diff, secret_values
from dfwizard.instance.facts import Facts
from dfwizard.instance.probe import probe_facts
from dfwizard.planning import moves
from dfwizard.planning.env_carry import CarriedKey, carry, changes, with_choices
from dfwizard.planning.plan import Verify
from dfwizard.rules import Rules
from dfwizard.verification.connections import try_connections
from dfwizard.verification.migration import MigrationPicture, compare_migration, take_picture
from dfwizard.verification.result import Check, Verification

if TYPE_CHECKING:
    from dfwizard.execution.store import Run
    from dfwizard.hosts.base import Host

SOURCE_FACTS = "source-facts.json"
SOURCE_NAMES = "source-names.json"
SOURCE_PICTURE = "source-picture.json"
DATA_COMPARED = "migration-data.json"
"""The file of the run that holds what the comparison with the source, row by row, came to under maintenance."""

EDITED = "dotenv-edited.json"
"""The file of the run that holds the values of a person's own for the target's `.env`; they may be secret."""

SOURCE_COMPARED = "source-differences.json"
ODDITIES = "dump-oddities.json"
_SHOWN = 10
_TELL_SECONDS = 5.0
"""The least time between two lines about a transfer."""


_COUNTED = ("rows", "names")
"""Checks of an upgrade that the comparison row by row makes better."""


@dataclass(frozen=True)
class _Oddities:
    found: tuple[dialect.DumpOddity, ...]


def migration_actions(rules: Rules) -> dict[str, ActionFunction]:
    """Give the function for each KIND of action that only a migration's plan holds."""
    table: dict[str, Callable[[StepContext, Any], None]] = {
        moves.RecordSource.KIND: lambda context, action: _record_source(context, action, rules),
        moves.SaveSource.KIND: _save_source,
        moves.ReadDump.KIND: _read_dump,
        moves.Transfer.KIND: _transfer,
        moves.ProveApart.KIND: _prove_apart,
        moves.RemoveMarker.KIND: _remove_marker,
        moves.ImportDatabase.KIND: _import,
        moves.CarryDotenv.KIND: lambda context, action: _carry_dotenv(context, action, rules),
        moves.ProveKey.KIND: _prove_key,
        moves.UnpackFiles.KIND: _unpack,
        moves.VerifyMigration.KIND: lambda context, action: _verify(context, action, rules),
        moves.CompareSource.KIND: _compare_source,
    }
    return table


def source_facts(run: Run) -> Facts:
    """Read the facts of the source that a migration's plan was made from.

    Raises:
        DfwizardError: they cannot be read.
    """
    path = run.directory / SOURCE_FACTS
    try:
        return codec.loads(Facts, path.read_bytes(), where=str(path))
    except OSError as error:
        raise DfwizardError(
            f"what was found out of the source cannot be read: {error.strerror}", where=str(path)
        ) from None


def _source(context: StepContext) -> Host:
    if context.source is None:
        raise DfwizardError(
            "the migration's source is not connected",
            where=context.plan.source_host,
            remedy="Resume the run: dfwizard connects to both hosts then.",
        )
    return context.source


def _open_source(context: StepContext) -> Access:
    access = open_instance(_source(context), source_facts(context.run))
    context.add_secret(*access.secrets)
    return access


def _open_target(context: StepContext) -> Access:
    saved = posixpath.join(context.plan.backup, ENV)
    access = open_instance(context.host, context.run.facts(), env_from=saved)
    context.add_secret(*access.secrets)
    return access


def _work(context: StepContext, host: Host, directory: str) -> BackupContext:
    return BackupContext(
        host=host,
        private=private_directory(directory),
        mark=context.mark,
        report=lambda line: context.output(line + "\n"),
        timeout=context.step.timeout,
    )


def _at_source(context: StepContext) -> BackupContext:
    return _work(context, _source(context), context.plan.source_backup)


def _at_target(context: StepContext) -> BackupContext:
    return _work(context, context.host, context.plan.backup)


def _record_source(context: StepContext, action: moves.RecordSource, rules: Rules) -> None:
    access = _open_source(context)
    context.run.write(SOURCE_NAMES, codec.dumps(name_values(access, rules)))
    context.run.write(SOURCE_PICTURE, codec.dumps(take_picture(access, rules, mark=context.mark)))
    taken = fingerprint.take_fingerprint(_at_source(context), access.subject())
    context.run.write(context.run.fingerprint(action.name).name, codec.dumps(taken))
    tables = len(taken.database.tables) if taken.database else 0
    context.output(f"recorded: {len(taken.files)} files and directories, {tables} tables\n")


def _save_source(context: StepContext, action: moves.SaveSource) -> None:
    access, facts, work = _open_source(context), source_facts(context.run), _at_source(context)
    take(
        work,
        access.subject(),
        action.directory,
        release=facts.version.release,
        commit=facts.git.commit if facts.git else None,
        only=action.paths,
    )
    work.host.remove(work.private)


def _read_dump(context: StepContext, action: moves.ReadDump) -> None:
    work = _at_source(context)
    record = read_manifest(work.host, action.directory).database
    if record is None:
        raise StepRefused(
            "the source has no database that could be saved", remedy="Correct DB_* in the source's .env."
        )
    file = posixpath.join(action.directory, record.file)
    oddities = dialect.scan_dump(work, file, record.driver)
    context.run.write(ODDITIES, codec.dumps(oddities))
    server = _target_server(context)
    for judged in dialect.judge(oddities, server):
        context.output(f"{judged.fate}: {judged.words}\n")
        if judged.fate == "remedied":
            context.note(f"On its way into the target the dump is changed: {judged.words}")
    dialect.import_filters(oddities, server)


def _target_server(context: StepContext) -> dialect.TargetServer:
    access, work = _open_target(context), _at_target(context)
    if access.database is None:
        raise StepRefused("the target has no database", remedy="Correct DB_* in the target's .env.")
    with client_credentials(context.host, access.database, work.private) as client_file:
        return dialect.ask_target(work, access.subject(), client_file)


def _filters(context: StepContext) -> tuple[Command, ...]:
    path = context.run.directory / ODDITIES
    oddities = codec.loads(_Oddities, b'{"found": ' + path.read_bytes() + b"}", where=str(path)).found
    return dialect.import_filters(oddities, _target_server(context)) if oddities else ()


def _transfer(context: StepContext, action: moves.Transfer) -> None:
    source, host = _source(context), context.host
    told = 0.0

    def tell(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() >= told + _TELL_SECONDS or progress.done == progress.total:
            told = time.monotonic()
            context.output(f"{progress_text(progress)}\n")

    host.mkdir(posixpath.dirname(action.directory), mode=0o700)
    copy_directory(source, action.source, host, action.directory, progress=tell)
    manifest = read_manifest(host, action.directory)
    check_parts(_at_target(context), action.directory, manifest)
    context.output(f"all {len(manifest.parts)} files have the recorded SHA-256 on {host.name}\n")


def progress_text(progress: Progress) -> str:
    """Say how far a transfer is."""
    total = f" of {size_text(progress.total)}" if progress.total is not None else ""
    left = f", {progress.eta:.0f} s left" if progress.eta else ""
    return f"{size_text(progress.done)}{total}, {size_text(int(progress.speed))}/s{left}"


def _asked(context: BackupContext, access: Access) -> apart.Asked:
    return apart.Asked(context, access.subject(), access.probe())


def _prove_apart(context: StepContext, action: moves.ProveApart) -> None:
    source, target = _open_source(context), _open_target(context)
    apart.prove_apart(_asked(_at_source(context), source), _asked(_at_target(context), target), action.token)
    assert source.database is not None
    assert target.database is not None
    context.output(
        f"two databases: {source.database.name} ({source.database.address}) on {source.host.name}, "
        f"{target.database.name} ({target.database.address}) on {target.host.name}\n"
    )


def _remove_marker(context: StepContext, action: moves.RemoveMarker) -> None:
    apart.remove_marker(_asked(_at_target(context), _open_target(context)), action.token)


def _import(context: StepContext, action: moves.ImportDatabase) -> None:
    source = dotenv.parse(context.host.read(posixpath.join(action.directory, ENV)))
    own = read_manifest(context.host, context.plan.backup).database
    import_database(
        _at_target(context),
        _open_target(context).subject(),
        action.directory,
        prefix=source.values.get("DB_PREFIX") or "",
        owned=own.sqlite if own else None,
        filters=_filters(context),
    )


def carried_keys(
    source: bytes, target: bytes, releases: tuple[str, str], rules: Rules
) -> tuple[CarriedKey, ...]:
    """Give what becomes of each key of the target's `.env`, by the rules; `releases` are the tags of source and target.

    Raises:
        DotenvError: Laravel refuses one of the files.
    """
    return carry(
        dotenv.parse(source),
        dotenv.parse(target),
        source_release=releases[0],
        target_release=releases[1],
        rules=rules,
    )


def _carry_dotenv(context: StepContext, action: moves.CarryDotenv, rules: Rules) -> None:
    host, plan, path = context.host, context.plan, f"{context.plan.instance}/.env"
    now = host.read(path)
    edited = context.run.directory / EDITED
    if hashlib.sha256(now).hexdigest() == action.result:
        edited.unlink(missing_ok=True)
        context.output(".env holds these keys already\n")
        return
    source = host.read(posixpath.join(action.directory, ENV))
    context.add_secret(*_secrets_of(source))
    values = json.loads(edited.read_bytes()) if edited.exists() else {}
    keys = with_choices(
        carried_keys(source, now, (plan.frm, plan.to), rules),
        carry=[key for key, choice in action.chosen.items() if choice == "carry"],
        keep=[key for key, choice in action.chosen.items() if choice == "keep"],
        edited={key: values.get(key) for key, choice in action.chosen.items() if choice == "edit"},
    )
    after = dotenv.edit(now, changes(keys))
    if hashlib.sha256(after).hexdigest() != action.result:
        raise StepRefused(
            "the .env that would come out is not the one that was shown",
            remedy="One of the two .env files, or the rules, have changed since the plan was made: roll back and plan anew.",
        )
    found = host.stat(path, follow=True)
    if found is None:
        raise HostError(".env has gone", where=path, remedy="Put it back from the backup.")
    root = host.user == "root"
    host.write(
        path,
        after,
        mode=found.mode,
        owner=found.owner if root else None,
        group=found.group if root else None,
    )
    edited.unlink(missing_ok=True)  # what it held is in .env now, and may be secret
    context.output(diff(now, after))


def _secrets_of(env: bytes) -> tuple[bytes, ...]:
    return tuple(value.encode("utf-8", "surrogateescape") for value in secret_values(dotenv.parse(env)))


def _prove_key(context: StepContext, _action: moves.ProveKey) -> None:
    access = _open_target(context)
    values = probe_facts(access.probe(), mark=context.mark, timeout=600).encrypted
    proof = environment_key(access.env, values)
    if proof.state == "proven":
        context.output(f"APP_KEY opens the {proof.tried} encrypted values tried\n")
        return
    if proof.state == "nothing-encrypted":
        context.note("The imported data holds nothing encrypted: APP_KEY cannot be proven against it.")
        return
    raise StepRefused(
        f"APP_KEY of the target's .env does not open the imported data ({proof.where or proof.state})",
        remedy="The source's APP_KEY is not the one its data was encrypted with; roll back, and find the right one.",
    )


def _unpack(context: StepContext, action: moves.UnpackFiles) -> None:
    number = unpack_files(_at_target(context), _open_target(context).subject(), action.directory)
    context.output(f"{number} files and directories put in place\n")


def as_migrated(run: Run, before: Facts, recorded: Recorded) -> tuple[Facts, Recorded]:
    """Give what the target of a migration has to be, of what it was before (`before`, `recorded`) and what the source was.

    Raises:
        DfwizardError: what the run recorded cannot be read.
    """
    path = run.directory / SOURCE_NAMES
    try:
        names = {table: tuple(values) for table, values in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise DfwizardError(
            f"what was recorded of the source cannot be read: {error}", where=str(path)
        ) from None
    return expected_facts(source_facts(run), before), replace(recorded, names=names)


def expected_facts(source: Facts, target: Facts) -> Facts:
    """Give what the target has to be after the migration, as facts: its own code and surroundings, the source's data."""
    database = target.database
    if database is not None and source.database is not None:
        database = replace(
            database,
            tables=source.database.tables,
            service_types=source.database.service_types,
            active_types=source.database.active_types,
            password_costs=source.database.password_costs,
        )
    status = target.status
    if status is not None and source.status is not None:
        status = replace(status, counts=source.status.counts)
    elif status is not None:
        status = replace(status, counts={})
    artisan = replace(target.artisan, migrations=source.artisan.migrations, pending=())
    return replace(target, database=database, key=source.key, artisan=artisan, status=status)


def _verify(context: StepContext, action: moves.VerifyMigration, rules: Rules) -> None:
    access, run = _open_target(context), context.run
    path = run.directory / RECORDED
    recorded = codec.loads(Recorded, path.read_bytes(), where=str(path))
    verification, after = verify_instance(
        access,
        *as_migrated(run, run.facts(), recorded),
        rules,
        plan=context.plan,
        action=Verify(action.release, action.final),
        accepted=frozenset(run.record().accepted),
        redact=context.redactor.text,
    )
    compared = _compared(context, access, action, rules)
    others = (check for check in verification.checks if not check.id.startswith(_COUNTED))
    tried = _tried(context, access) if action.final else ()
    verification = replace(verification, checks=(*compared.checks, *tried, *others))
    write_verification(context, verification, after)
    if not action.final:
        record_gate(context, access, recorded)
    require_verified(verification)


def _tried(context: StepContext, access: Access) -> tuple[Check, ...]:
    """Try the services' databases from the target: its address may be one that their servers let nobody in from."""
    try:
        return try_connections(access, context.plan.instance, mark=context.mark)
    except HostError as error:
        context.note(f"The databases of the services were not tried: {DfwizardError.__str__(error)}")
        return ()


def _compared(
    context: StepContext, access: Access, action: moves.VerifyMigration, rules: Rules
) -> Verification:
    """Compare the data with the source's, row by row, as long as nobody else can write; later give what that came to."""
    run, plan = context.run, context.plan
    path = run.directory / DATA_COMPARED
    if action.final:
        return codec.loads(Verification, path.read_bytes(), where=str(path))
    before = run.directory / SOURCE_PICTURE
    releases = rules.by_tag(plan.frm), rules.by_tag(plan.to)
    if releases[0] is None or releases[1] is None:
        raise DfwizardError(
            f"the rules do not know {plan.frm if releases[0] is None else plan.to}",
            remedy="Give the rules file that the run was started with.",
        )
    verification = compare_migration(
        codec.loads(MigrationPicture, before.read_bytes(), where=str(before)),
        take_picture(access, rules, mark=context.mark),
        source_release=releases[0],
        target_release=releases[1],
        rules=rules,
    )
    run.write(DATA_COMPARED, codec.dumps(verification))
    return verification


def _compare_source(context: StepContext, action: moves.CompareSource) -> None:
    path = context.run.fingerprint(action.name)
    before = codec.loads(fingerprint.Fingerprint, path.read_bytes(), where=str(path))
    work = _at_source(context)
    now = fingerprint.take_fingerprint(work, _open_source(context).subject())
    work.host.remove(work.private)
    differences = fingerprint.compare(before, now)
    context.run.write(SOURCE_COMPARED, codec.dumps(differences))
    if not differences:
        tables = len(before.database.tables) if before.database else 0
        context.output(
            f"the source is as it was: {len(before.files)} files and directories, {tables} tables\n"
        )
        return
    for difference in differences:
        context.output(f"differs: {difference.sentence}\n")
    shown = "; ".join(one.sentence for one in differences[:_SHOWN])
    context.warn(
        f"The source has changed since it was saved, and the target does not have that ({len(differences)}): {shown}. "
        "dfwizard has not written to it: close it, and migrate again, if that matters."
    )
