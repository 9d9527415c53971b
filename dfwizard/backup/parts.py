"""Whether the files of a backup are what its manifest says."""

from __future__ import annotations

import posixpath

from dfwizard.backup import commands
from dfwizard.backup.context import BackupContext
from dfwizard.backup.manifest import Manifest, Part
from dfwizard.errors import BackupError
from dfwizard.hosts.command import Command

DAMAGED = "The backup is damaged. Use another backup; its undamaged parts can be restored by hand."


def checksums(context: BackupContext, directory: str, names: tuple[str, ...]) -> dict[str, str]:
    """Give the SHA-256 of files of a directory by name."""
    if not names:
        return {}
    result = context.run(
        commands.checksum(directory, names), "computing checksums", where=directory, keep=1 << 24
    )
    found = {}
    for record in result.stdout.split(b"\0"):
        digest, _, name = record.partition(b"  ")
        if name:
            found[name.decode("utf-8", "surrogateescape")] = digest.decode()
    return found


def count_names(context: BackupContext, index: str) -> tuple[int, str]:
    """Give how many names a list holds, one a line, and the SHA-256 of the list."""
    counted = context.run(Command(("wc", "-l", "--", index)), "counting the archive's names", where=index)
    digest = context.run(Command(("sha256sum", "--", index)), "reading the archive's names", where=index)
    return int(counted.text.split()[0]), digest.text.lstrip("\\").split()[0]


def describe_parts(context: BackupContext, directory: str, names: tuple[str, ...]) -> tuple[Part, ...]:
    """Give size and SHA-256 of files of a directory."""
    digests = checksums(context, directory, names)
    parts = []
    for name in names:
        found = context.host.stat(posixpath.join(directory, name))
        parts.append(Part(name, found.size if found else 0, digests[name]))
    return tuple(parts)


def check_parts(
    context: BackupContext, directory: str, manifest: Manifest, *, only: tuple[str, ...] | None = None
) -> None:
    """Compare presence, size and SHA-256 of the parts with the manifest; `only` looks at those named.

    Raises:
        BackupError: a part is missing or differs; every one is named.
    """
    chosen = [part for part in manifest.parts if only is None or part.name in only]
    wrong = []
    present = []
    for part in chosen:
        found = context.host.stat(posixpath.join(directory, part.name))
        if found is None:
            wrong.append(f"{part.name} is missing")
        elif found.kind != "file" or found.size != part.size:
            wrong.append(f"{part.name} has {found.size} bytes instead of {part.size}")
        else:
            present.append(part)
    digests = checksums(context, directory, tuple(part.name for part in present))
    wrong += [
        f"{part.name} has other content (SHA-256)" for part in present if digests[part.name] != part.sha256
    ]
    if wrong:
        raise BackupError("; ".join(wrong), where=directory, remedy=DAMAGED)
