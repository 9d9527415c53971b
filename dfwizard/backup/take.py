"""Taking a backup: tree, `.env`, database and the system's own files into a new directory, the manifest last."""

from __future__ import annotations

import posixpath
import time
from datetime import datetime, timezone

from dfwizard import __version__, codec
from dfwizard.backup import commands
from dfwizard.backup.appkey import environment_key
from dfwizard.backup.context import BackupContext, failure
from dfwizard.backup.credentials import client_credentials
from dfwizard.backup.digests import DatabaseContent, differences, kinds_of, probe_content
from dfwizard.backup.files import save_files
from dfwizard.backup.manifest import (
    ENV,
    MANIFEST,
    UNFINISHED,
    DatabaseRecord,
    EnvRecord,
    Manifest,
    Owned,
    TreeRecord,
    read_manifest,
)
from dfwizard.backup.mounts import mounts_inside
from dfwizard.backup.parts import checksums, count_names, describe_parts
from dfwizard.backup.shows import shows_take
from dfwizard.backup.subject import CACHE_DIRECTORIES, LOG_DIRECTORY, Subject
from dfwizard.errors import BackupError, HostError
from dfwizard.hosts.base import FileStat
from dfwizard.hosts.command import Command
from dfwizard.hosts.sizes import size_text

INDEX = "tree.names"
LACKING = ("events", "event", "routine", "function", "procedure", "mysql.proc", "privilege")
"""Words in a dump program's refusal that mean that routines or events may not be read."""


def take(
    context: BackupContext,
    subject: Subject,
    directory: str,
    *,
    release: str | None = None,
    commit: str | None = None,
    system_files: tuple[str, ...] = (),
    only: tuple[str, ...] | None = None,
) -> Manifest:
    """Save the instance into the new directory `directory` and give its manifest.

    `only` are the files of the tree (relative paths) to save beside `.env` and database; None saves all of it.

    `system_files` are configuration files outside the tree that the upgrade may touch (web server, PHP, crontabs); one that cannot
    be read is noted, not an error.

    A directory that a killed attempt of the same run (`context.mark`) left is begun anew; a backup that it finished is given as it is.

    Raises:
        BackupError: something else is in the directory, a program failed, or the data changed while it was being saved.
        HostError: the host could not do what was asked.
    """
    began = time.monotonic()
    finished = _begin(context, directory, subject)
    if finished is not None:
        context.report(f"backup: it was finished before, at {directory}")
        return finished
    env = _save_env(context, subject, directory)
    database = _save_database(context, subject, directory)
    tree = _save_tree(context, subject, directory) if only is None else None
    files = save_files(context, subject, directory, only) if only else None
    system, notes = _save_system_files(context, directory, system_files)
    names = [*(archive.file for archive in (tree, files) if archive is not None), *system]
    names += [ENV] if env else []
    names += [database.file] if database else []
    if subject.settings is None:
        notes.append("there is no database that can be saved")
    if tree and tree.mounts:
        notes.append(f"mounted inside the instance, and saved with it: {', '.join(tree.mounts)}")
    if database and database.left_out:
        notes.append(
            f"the database user may not read {' and '.join(database.left_out)}: they are not in the dump"
        )
    manifest = Manifest(
        created_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        host=context.host.name,
        instance=subject.path,
        dfwizard=__version__,
        release=release,
        commit=commit,
        parts=describe_parts(context, directory, tuple(names)),
        tree=tree,
        env=env,
        database=database,
        versions=_versions(context, subject),
        commands=shows_take(subject, directory, context.private, only=only),
        notes=tuple(notes),
        run=context.mark or "",
        key_fingerprint=environment_key(context.host.read(posixpath.join(directory, ENV))).fingerprint
        if env
        else "",
        files=files,
    )
    text = codec.dumps(manifest, indent=1).encode() + b"\n"
    context.host.write(posixpath.join(directory, MANIFEST), text, mode=0o600)
    context.host.remove(posixpath.join(directory, UNFINISHED))
    for note in notes:
        context.report(f"note: {note}")
    context.report(f"backup: {size_text(manifest.size)} in {time.monotonic() - began:.1f} s at {directory}")
    return manifest


def _begin(context: BackupContext, directory: str, subject: Subject) -> Manifest | None:
    """Make the directory. One that the same run began and was killed over is begun anew; its finished backup is given.

    Raises:
        BackupError: something else is there, or the place is no place for a backup.
    """
    host = context.host
    _refuse_place(context, directory, subject)
    host.mkdir(posixpath.dirname(directory), mode=0o700)
    sign = posixpath.join(directory, UNFINISHED)
    text = f"{context.mark or ''}\n{subject.path}\n".encode("utf-8", "surrogateescape")
    found = host.stat(directory)
    if found is not None:
        finished = _left_by_this_run(context, directory, subject, found, text)
        if finished is None:
            context.report(f"backup: what an interrupted attempt left at {directory} is replaced")
            host.write(sign, text, mode=0o600)
        return finished
    context.run(
        Command(("mkdir", "-m", "0700", "--", directory)), "making the backup's directory", where=directory
    )
    host.write(sign, text, mode=0o600)
    return None


def _left_by_this_run(
    context: BackupContext, directory: str, subject: Subject, found: FileStat, text: bytes
) -> Manifest | None:
    """Give the backup that a killed attempt of this run had finished, or clear away what it left unfinished.

    Raises:
        BackupError: it is something else.
    """
    host = context.host
    if context.mark and found.kind == "directory":
        names = host.listdir(directory)
        if MANIFEST in names:
            manifest = read_manifest(host, directory)
            if manifest.run == context.mark and manifest.instance == subject.path:
                host.remove(posixpath.join(directory, UNFINISHED))
                return manifest
        # killed between making the directory and signing it, it is empty
        signed = UNFINISHED in names and host.read(posixpath.join(directory, UNFINISHED)) == text
        if signed or (not names and found.mode == 0o700):
            for name in names:
                if name != UNFINISHED:
                    host.remove(posixpath.join(directory, name))
            return None
    raise BackupError(
        "there is something already, and a backup never overwrites another",
        where=directory,
        remedy="Choose a new directory.",
    )


def _refuse_place(context: BackupContext, directory: str, subject: Subject) -> None:
    if not directory.startswith("/"):
        raise BackupError(
            "the path of a backup must be absolute", where=directory, remedy="Begin it with a slash."
        )
    for path in (directory, _resolved(context, directory)):
        if f"{path}/".startswith(f"{subject.path.rstrip('/')}/"):
            raise BackupError(
                "a backup inside the instance would contain itself, and be lost with it",
                where=directory,
                remedy="Choose a directory outside the instance, best on another disk.",
            )


def _resolved(context: BackupContext, path: str) -> str:
    result = context.run(commands.resolve(path), "resolving the path of the backup", where=path)
    return result.stdout.decode("utf-8", "surrogateescape").removesuffix("\0")


def _save_env(context: BackupContext, subject: Subject, directory: str) -> EnvRecord | None:
    host = context.host
    path = posixpath.join(subject.path, ".env")
    found = host.stat(path, follow=True)
    if found is None:
        return None
    if found.kind != "file":
        raise BackupError(".env is not a file", where=path, remedy="Put the instance's .env in its place.")
    link = host.stat(path)
    data = host.read(path)
    host.write(posixpath.join(directory, ENV), data, mode=0o600)
    digest = checksums(context, directory, (ENV,))[ENV]
    return EnvRecord(
        digest, Owned(found.owner, found.group, found.mode), link is not None and link.kind == "symlink"
    )


def _save_tree(context: BackupContext, subject: Subject, directory: str) -> TreeRecord:
    host = context.host
    target = commands.tree_file(directory, subject.tools)
    index = posixpath.join(directory, INDEX)
    size = host.size_of(subject.path)
    context.report(f"tree: {size_text(size)} at {subject.path}")
    changed: tuple[str, ...] = ()
    for attempt in (1, 2):
        work = commands.archive_tree(subject, target, index)
        began = time.monotonic()
        result = context.run(work, "archiving the tree", where=subject.path, growing=("tree", target))
        seconds = time.monotonic() - began
        changed = changed_files(result.error_text)
        disturbed = tuple(name for name in changed if not _changes_by_itself(name))
        if not disturbed:
            break
        if attempt == 2:
            raise BackupError(
                f"files were written while they were read, twice: {', '.join(disturbed[:10])}",
                where=subject.path,
                remedy="Stop what writes them (a deployment, a cron job, an editor), then try again.",
            )
        context.report(f"tree: changed while being read, once more: {', '.join(disturbed[:10])}")
        host.remove(target)
    members, digest = count_names(context, index)
    host.remove(index)
    packed = host.stat(target)
    packed_size = packed.size if packed else 0
    context.report(f"tree: {members} files, {size_text(size)} -> {size_text(packed_size)} in {seconds:.1f} s")
    return TreeRecord(
        posixpath.basename(target), members, digest, size, mounts_inside(context, subject.path), changed
    )


def changed_files(said: str) -> tuple[str, ...]:
    """Give the files, relative to the tree, that tar says were written or removed while it read them."""
    found = []
    for line in said.splitlines():
        for sign in (": file changed as we read it", ": File removed before we read it", ": File shrank by "):
            name, hit, _ = line.partition(sign)
            if hit and name.startswith("tar: "):
                found.append(name.removeprefix("tar: ").removeprefix("./"))
    return tuple(dict.fromkeys(found))


def _changes_by_itself(name: str) -> bool:
    return any(name == place or name.startswith(place + "/") for place in (LOG_DIRECTORY, *CACHE_DIRECTORIES))


def _save_database(context: BackupContext, subject: Subject, directory: str) -> DatabaseRecord | None:
    settings = subject.settings
    if settings is None:
        return None
    if settings.driver not in commands.DUMP_NAMES:
        raise BackupError(
            f"a database of the kind {settings.driver} cannot be backed up yet",
            where=settings.address,
            remedy="Back it up with its own tools; the upgrade cannot be taken back without.",
        )
    target = commands.dump_file(directory, settings.driver, subject.tools)
    before = probe_content(context, subject)
    left_out: tuple[str, ...] = ()
    for attempt in (1, 2):
        began = time.monotonic()
        if settings.driver == "sqlite":
            _copy_sqlite(context, subject, target)
        else:
            with client_credentials(context.host, settings, context.private) as client_file:
                left_out = _dump(context, subject, target, client_file)
        seconds = time.monotonic() - began
        after = probe_content(context, subject)
        changed = differences(before, after)
        if not changed:
            break
        if attempt == 2:
            raise BackupError(
                f"tables changed while being dumped, twice: {'; '.join(changed[:10])}",
                where=f"database {settings.name}",
                remedy="Put the instance into maintenance mode, stop its queue workers and cron jobs, then try again.",
            )
        context.report(f"database: tables changed while being dumped, once more: {'; '.join(changed[:10])}")
        context.host.remove(target)
        before = after
    found = context.host.stat(target)
    rows = sum(table.rows for table in after.tables.values())
    context.report(
        f"database: {len(after.tables)} tables, {rows} rows -> {size_text(found.size if found else 0)} in {seconds:.1f} s"
    )
    content = after.fewer_objects(kinds_of(left_out))
    return _database_record(context, subject, posixpath.basename(target), content, left_out)


def _database_record(
    context: BackupContext, subject: Subject, file: str, content: DatabaseContent, left_out: tuple[str, ...]
) -> DatabaseRecord:
    settings = subject.settings
    assert settings is not None
    owned = None
    if subject.sqlite_file:
        found = context.host.stat(subject.sqlite_file, follow=True)
        owned = Owned(found.owner, found.group, found.mode) if found else None
    return DatabaseRecord(
        file=file,
        driver=settings.driver,
        name=settings.name,
        server=content.server,
        tables=content.tables,
        objects=content.objects,
        sqlite=owned,
        left_out=left_out,
    )


def _dump(context: BackupContext, subject: Subject, target: str, client_file: str) -> tuple[str, ...]:
    """Dump the database; what MySQL does not let this user read of routines and events is left out and named."""
    choices: tuple[tuple[str, ...], ...] = (("--routines", "--events"), ("--routines",), ("--events",), ())
    if subject.driver != "mysql":
        choices = ((),)
    for extras in choices:
        work = commands.dump_database(subject, target, client_file, extras=extras)
        result = context.attempt(work, growing=("database", target))
        if result.failed is None:
            named = ("routines", "events") if subject.driver == "mysql" else ()
            return tuple(name for name in named if f"--{name}" not in extras)
        said = result.error_text.lower()
        if not extras or not any(word in said for word in LACKING):
            break
    settings = subject.settings
    assert settings is not None
    remedy = None
    if "server version mismatch" in said:
        remedy = "pg_dump is older than the server: install postgresql-client of the server's version."
    raise failure(
        context.host, work, result, "dumping the database", where=f"database {settings.name}", remedy=remedy
    )


def _copy_sqlite(context: BackupContext, subject: Subject, target: str) -> None:
    assert subject.sqlite_file is not None
    copy = target.removesuffix(subject.tools.suffix)
    context.host.remove(copy)
    context.run(commands.copy_sqlite(subject, copy), "copying the SQLite database", where=copy)
    context.run(commands.compress_file(subject, copy, target), "compressing the database", where=copy)
    for name in (copy, *commands.sqlite_companions(copy)):
        context.host.remove(name)


def _save_system_files(
    context: BackupContext, directory: str, system_files: tuple[str, ...]
) -> tuple[list[str], list[str]]:
    names, notes = [], []
    for path in dict.fromkeys(system_files):
        try:
            found = context.host.stat(path, follow=True)
            if found is None or found.kind != "file":
                notes.append(f"{path} is not a file, and not in the backup")
                continue
            name = posixpath.join("system", path.lstrip("/"))
            context.host.mkdir(posixpath.dirname(posixpath.join(directory, name)), mode=0o700)
            context.host.write(posixpath.join(directory, name), context.host.read(path), mode=0o600)
            names.append(name)
        except HostError as error:
            notes.append(f"{path} is not in the backup: {error.what}")
    return names, notes


def _versions(context: BackupContext, subject: Subject) -> dict[str, str]:
    """Give the first line of `--version` of the programs used, for whoever restores this by hand years later."""
    programs = ["tar", subject.tools.compressor[0], subject.php]
    programs += {"mysql": [subject.tools.dump], "pgsql": ["pg_dump"]}.get(subject.driver, [])
    found = {}
    for program in programs:
        result = context.host.run(Command((program, "--version"), timeout=20), check=False)
        found[posixpath.basename(program)] = (result.text.splitlines() or [""])[0]
    return found
