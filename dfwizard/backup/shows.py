"""The commands of a backup as shell text, for plans, exports and manifests: made by the same functions that run."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import replace

from dfwizard.backup import commands
from dfwizard.backup.credentials import client_file
from dfwizard.backup.exchange import Places
from dfwizard.backup.manifest import ENV
from dfwizard.backup.restore import ENTRIES
from dfwizard.backup.subject import Subject
from dfwizard.hosts.command import Command, Pipeline, render, render_pipeline

SCRATCH = "dfwizard_scratch"
"""Stands for a scratch database's name, which is made when it is needed."""


def shows_take(
    subject: Subject, directory: str, private: str, *, only: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Give the shell lines that save the instance into `directory`; `private` is where the client file lies.

    `only` are the files of the tree to save beside `.env` and database (None: all of it).
    """
    target = commands.tree_file(directory, subject.tools)
    work: list[Command | Pipeline] = [
        Command(("mkdir", "-m", "0700", "--", directory)),
        Command(("cp", "--", posixpath.join(subject.path, ".env"), posixpath.join(directory, ENV))),
    ]
    settings = subject.settings
    if settings is not None and settings.driver in commands.DUMP_NAMES:
        dump = commands.dump_file(directory, settings.driver, subject.tools)
        if settings.driver == "sqlite":
            copy = dump.removesuffix(subject.tools.suffix)
            work += [commands.copy_sqlite(subject, copy), commands.compress_file(subject, copy, dump)]
            work.append(Command(("rm", "--", copy)))
        else:
            work.append(commands.dump_database(subject, dump, client_file(private, settings.driver)))
    if only is None:
        work.append(commands.archive_tree(subject, target, posixpath.join(directory, "tree.names")))
    elif only:
        files = commands.files_file(directory, subject.tools)
        work.append(commands.archive_files(subject, files, posixpath.join(directory, "files.names"), only))
    return _lines(subject, work)


def shows_prove(subject: Subject, directory: str, private: str) -> tuple[str, ...]:
    """Give the shell lines that read the backup back and restore its database into a scratch database."""
    tree = commands.tree_file(directory, subject.tools)
    names = [posixpath.basename(tree), ENV]
    work: list[Command | Pipeline] = [commands.list_archive(tree, "sha256sum")]
    settings = subject.settings
    if settings is not None and settings.driver in commands.DUMP_NAMES:
        dump = commands.dump_file(directory, settings.driver, subject.tools)
        names.append(posixpath.basename(dump))
        if settings.driver == "sqlite":
            copy = posixpath.join(private, f"{SCRATCH}.sqlite")
            work += [commands.unpack_file(dump, copy), commands.check_sqlite(subject, copy)]
            work.append(Command(("rm", "--", copy)))
        else:
            work += _fill(subject, dump, private, SCRATCH)
    return _lines(subject, [commands.checksum(directory, tuple(names)), *work])


def shows_restore_tree(subject: Subject, directory: str, run_id: str) -> tuple[str, ...]:
    """Give the shell lines that put the saved tree in the instance's place by renaming."""
    places = Places.beside(subject.path, run_id)
    work: list[Command | Pipeline] = [
        Command(("mkdir", "--", places.new)),
        Command(("chmod", "00700", "--", places.new)),
        commands.extract_tree(subject, commands.tree_file(directory, subject.tools), places.new),
        Command(("mv", "-T", "--", subject.path, places.aside)),
        Command(("mv", "-T", "--", places.new, subject.path)),
    ]
    return _lines(subject, work)


def shows_restore_database(subject: Subject, directory: str, private: str) -> tuple[str, ...]:
    """Give the shell lines that empty the live database and fill it from the backup."""
    settings = subject.settings
    if settings is None or settings.driver not in commands.DUMP_NAMES:
        return ()
    return _replacing(subject, commands.dump_file(directory, settings.driver, subject.tools), private)


def _replacing(subject: Subject, dump: str, private: str, *, foreign: bool = False) -> tuple[str, ...]:
    settings = subject.settings
    if settings is None:
        return ()
    if settings.file is not None:
        parent, name = posixpath.split(settings.file)
        new = posixpath.join(parent, f".{name}.dfwizard-restore")
        work: list[Command | Pipeline] = [
            commands.unpack_file(dump, new),
            Command(("rm", "-f", "--", *commands.sqlite_companions(settings.file))),
            Command(("mv", "-T", "--", new, settings.file)),
        ]
        return _lines(subject, work)
    file = client_file(private, settings.driver)
    empty = commands.empty_database(subject, file, settings.name)
    return _lines(subject, [empty, *_fill(subject, dump, private, settings.name, foreign=foreign)])


def shows_restore(subject: Subject, directory: str, private: str, run_id: str) -> tuple[str, ...]:
    """Give the shell lines of a whole restoration: the tree, then the database."""
    return (
        *shows_restore_tree(subject, directory, run_id),
        *shows_restore_database(subject, directory, private),
    )


def shows_import(subject: Subject, dump: str, private: str) -> tuple[str, ...]:
    """Give the shell lines that empty the live database and fill it from the `dump` of another server's."""
    return _replacing(subject, dump, private, foreign=True)


def shows_unpack(subject: Subject, archive: str) -> tuple[str, ...]:
    """Give the shell lines that put the files of an `archive` into the live tree."""
    return _lines(subject, [commands.extract_files(subject, archive)])


def _fill(
    subject: Subject, dump: str, private: str, database: str, *, foreign: bool = False
) -> list[Command | Pipeline]:
    file = client_file(private, subject.driver)
    if subject.driver != "pgsql":
        return [commands.import_database(subject, dump, file, database, foreign=foreign)]
    entries = posixpath.join(private, ENTRIES)
    return [
        commands.list_dump(dump, entries),
        commands.import_database(subject, dump, file, database, entries, foreign=foreign),
    ]


def _lines(subject: Subject, work: list[Command | Pipeline]) -> tuple[str, ...]:
    lines = []
    for item in work:
        if isinstance(item, Pipeline):
            lines.append(render_pipeline(item, me=subject.me))
        elif item.cwd is not None:
            bare = replace(item, cwd=None)
            lines.append(f"cd -- {shlex.quote(item.cwd)} && {render(bare, me=subject.me)}")
        else:
            lines.append(render(item, me=subject.me))
    return tuple(lines)
