"""A backup without an upgrade: taken and proven, or looked at again later."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from dfwizard.access import open_instance
from dfwizard.actions import private_directory, take_backup
from dfwizard.backup.context import BackupContext
from dfwizard.backup.manifest import ENV, read_manifest
from dfwizard.backup.prove import BackupCheck, prove, verify
from dfwizard.errors import DfwizardError
from dfwizard.execution.holding import hold_instance
from dfwizard.instance.places import absolute

if TYPE_CHECKING:
    from pathlib import Path

    from dfwizard.hosts.base import Host
    from dfwizard.instance.facts import Facts


def save(host: Host, facts: Facts, directory: str, *, locks: Path, on_output: Callable[[str], None]) -> None:
    """Take a backup of the instance into the new directory `directory`, and prove it.

    `locks` is where a file stands for an instance whose filesystem has no locks.

    Raises:
        BackupError: it could not be taken or proven.
        HeldError: a run holds the instance, which is then between two states.
    """
    hold = hold_instance(host, facts.path, run="", stand_ins=locks)
    context = BackupContext(host, private_directory(directory), report=on_output)
    try:
        access = open_instance(host, facts)
        take_backup(context, access, facts, directory)
        prove(context, access.subject(), directory)
    finally:
        host.remove(context.private)
        hold.release()


def examine(
    host: Host, directory: str, inspect: Callable[[str], Facts], *, on_output: Callable[[str], None]
) -> BackupCheck:
    """Show everything that can be shown of the backup in `directory`; `inspect` tells of its instance, where that still is.

    Raises:
        BackupError: it is unfinished or damaged.
    """
    directory = absolute(host, directory)
    context = BackupContext(host, private_directory(directory), report=on_output)
    manifest = read_manifest(host, directory)
    subject = None
    with suppress(DfwizardError):
        facts = inspect(manifest.instance)
        subject = open_instance(host, facts, env_from=posixpath.join(directory, ENV)).subject()
    try:
        return verify(context, directory, subject)
    finally:
        host.remove(context.private)
