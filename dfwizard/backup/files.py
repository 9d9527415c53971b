"""Chosen files of a tree: saved into an archive of their own, to be carried to another server and unpacked there."""

from __future__ import annotations

import posixpath
import time

from dfwizard.backup import commands
from dfwizard.backup.context import BackupContext
from dfwizard.backup.manifest import TreeRecord, read_manifest
from dfwizard.backup.parts import check_parts, count_names
from dfwizard.backup.subject import Subject
from dfwizard.hosts.sizes import size_text

INDEX = "files.names"


def save_files(
    context: BackupContext, subject: Subject, directory: str, paths: tuple[str, ...]
) -> TreeRecord:
    """Archive `paths` (relative to the tree) into the backup directory, and give the archive's record.

    What is written while it is read is named in the record: those files are in use, and carried as they were read.

    Raises:
        BackupError: tar failed.
    """
    host = context.host
    target = commands.files_file(directory, subject.tools)
    index = posixpath.join(directory, INDEX)
    size = sum(host.size_of(posixpath.join(subject.path, path)) for path in paths)
    began = time.monotonic()
    work = commands.archive_files(subject, target, index, paths)
    context.run(work, "archiving the chosen files", where=subject.path, growing=("files", target))
    members, digest = count_names(context, index)
    host.remove(index)
    context.report(f"files: {members} files, {size_text(size)} in {time.monotonic() - began:.1f} s")
    return TreeRecord(posixpath.basename(target), members, digest, size)


def unpack_files(context: BackupContext, subject: Subject, directory: str) -> int:
    """Put the chosen files of a backup into the live tree, and give how many there are; may be run again.

    Raises:
        BackupError: the archive is damaged (then nothing was changed), or tar failed.
    """
    manifest = read_manifest(context.host, directory)
    record = manifest.files
    if record is None:
        return 0
    check_parts(context, directory, manifest, only=(record.file,))
    file = posixpath.join(directory, record.file)
    context.run(
        commands.extract_files(subject, file),
        "unpacking the chosen files",
        where=subject.path,
        remedy=f"The owner {subject.owner} must be able to write what the words above name.",
    )
    return record.members
