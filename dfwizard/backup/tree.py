"""Putting the tree back: unpacked beside the live one, checked, and exchanged for it."""

from __future__ import annotations

import posixpath
import time
from contextlib import suppress
from dataclasses import dataclass

from dfwizard.backup import commands
from dfwizard.backup.context import BackupContext
from dfwizard.backup.exchange import BeforeExchange, Places, clear, exchange_content, swap, take_over_owner
from dfwizard.backup.manifest import ENV, Manifest, read_manifest
from dfwizard.backup.mounts import is_mount_point, mounts_inside
from dfwizard.backup.parts import DAMAGED, check_parts
from dfwizard.backup.restore import place_sqlite
from dfwizard.backup.subject import Subject
from dfwizard.errors import BackupError, DfwizardError, HostError
from dfwizard.hosts.command import Command, Pipeline
from dfwizard.hosts.sizes import size_text


@dataclass(frozen=True)
class Root:
    """One directory whose content is exchanged: `below` relative to the tree ("" for the tree itself)."""

    below: str
    places: Places
    nested: tuple[str, ...]


def restore_tree(
    context: BackupContext,
    subject: Subject,
    directory: str,
    run_id: str,
    *,
    before_exchange: BeforeExchange | None = None,
) -> None:
    """Put the tree of the backup in `directory` in the instance's place; what was there is kept aside until `clear_aside`.

    By renaming; where the tree is a mount point, has mounts inside or its parent cannot be written, by exchanging its content. A
    SQLite system database inside the tree comes back with it. `run_id` must be new for each restoration: with it a killed
    one is taken up again. `before_exchange` is called with the complete new directory before it is renamed into place.

    Raises:
        BackupError: the backup is damaged, or could not be unpacked; the live tree is then as it was.
        HostError: the host could not do what was asked.
    """
    host = context.host
    manifest = read_manifest(host, directory)
    began = time.monotonic()
    beside = Places.beside(subject.path, run_id)
    if _can_rename(context, subject, beside):
        _unpack_all(context, subject, directory, manifest, (Root("", beside, ()),))
        swap(context, beside, before_exchange)
    else:
        roots = _roots_within(context, subject.path, run_id)
        context.report("tree: its directory cannot be renamed, its content is exchanged instead")
        _unpack_all(context, subject, directory, manifest, roots)
        for root in reversed(roots):
            kept = tuple(sorted({_next_name(root.below, name) for name in root.nested}))
            exchange_content(context, root.places, kept)
    _restore_env(context, subject, directory, manifest)
    context.report(f"tree: {manifest.code.members} files restored in {time.monotonic() - began:.1f} s")


def clear_aside(context: BackupContext, path: str, run_id: str) -> None:
    """Remove what `restore_tree` put aside.

    Raises:
        BackupError: the exchange has not ended.
        HostError: something could not be removed.
    """
    clear(context, Places.beside(path, run_id))
    for root in _roots_within(context, path, run_id):
        clear(context, root.places)


def _can_rename(context: BackupContext, subject: Subject, beside: Places) -> bool:
    host = context.host
    if is_mount_point(context, subject.path) or mounts_inside(context, subject.path):
        return False
    if host.stat(beside.complete) is not None:
        return True
    try:
        host.mkdir(beside.new, mode=0o700)
    except HostError:
        return False
    return True


def _roots_within(context: BackupContext, path: str, run_id: str) -> tuple[Root, ...]:
    """Give the directories whose content is exchanged: the tree, each mount inside it, and what lies between."""
    chosen = {""}
    for mount in mounts_inside(context, path):
        found = context.host.stat(posixpath.join(path, mount))
        if found is None or found.kind != "directory":
            raise BackupError(
                "a single file is mounted inside the instance, and cannot be exchanged",
                where=posixpath.join(path, mount),
                remedy="Unmount it for the time of the rollback.",
            )
        words = mount.split("/")
        chosen |= {"/".join(words[:count]) for count in range(1, len(words) + 1)}
    ordered = sorted(chosen)
    return tuple(
        Root(
            below,
            Places.within(posixpath.join(path, below) if below else path, run_id),
            tuple(name for name in ordered if name != below and _is_below(name, below)),
        )
        for below in ordered
    )


def _is_below(name: str, below: str) -> bool:
    return not below or name.startswith(below + "/")


def _next_name(below: str, nested: str) -> str:
    rest = nested[len(below) + 1 :] if below else nested
    return rest.split("/", 1)[0]


def _unpack_all(
    context: BackupContext, subject: Subject, directory: str, manifest: Manifest, roots: tuple[Root, ...]
) -> None:
    """Unpack into each root's `new`, check, and say by the marker that it is complete; a failure leaves no part of it behind."""
    if all(context.host.stat(root.places.complete) is not None for root in roots):
        return
    _clear_partial(context, roots)
    try:
        _require_room(context, manifest, roots)
        check_parts(context, directory, manifest)
        _unpack(context, subject, directory, manifest, roots)
    except DfwizardError:
        with suppress(HostError):
            _clear_partial(context, roots)
        raise


def _clear_partial(context: BackupContext, roots: tuple[Root, ...]) -> None:
    """Remove what was unpacked, the markers first: a marker beside half a tree would be believed."""
    for root in roots:
        context.host.remove(root.places.complete)
    for root in roots:
        context.host.remove(root.places.new)


def _require_room(context: BackupContext, manifest: Manifest, roots: tuple[Root, ...]) -> None:
    """Refuse before anything is unpacked when the tree cannot fit; its size was taken without what is mounted inside."""
    place = posixpath.dirname(roots[0].places.new)
    needed, free = manifest.code.size, context.host.free_bytes(place)
    if free < needed:
        raise BackupError(
            f"the tree of the backup needs {size_text(needed)} in {place}, and there are {size_text(free)} free; "
            "the live tree is as it was",
            where=place,
            remedy=f"Free {size_text(needed - free)} on the disk of {place}, then try again.",
        )


def _unpack(
    context: BackupContext, subject: Subject, directory: str, manifest: Manifest, roots: tuple[Root, ...]
) -> None:
    host = context.host
    file = posixpath.join(directory, manifest.code.file)
    for root in roots:
        host.mkdir(root.places.new, mode=0o700)
        # tar does not notice a setgid bit that a directory inherits from the one it is made in
        bare = Command(("chmod", "00700", "--", root.places.new))
        context.run(bare, "making a private directory", where=root.places.new)
        context.run(
            commands.extract_tree(
                subject, file, root.places.new, below=root.below, left_out=_topmost(root.nested)
            ),
            "unpacking the tree",
            where=root.places.new,
            remedy=f"It needs {size_text(manifest.code.size)} there. The live tree is as it was.",
        )
    _take_over_roots(context, roots)
    _check_count(context, manifest, roots)
    _place_sqlite_inside(context, subject, directory, manifest, roots)
    for root in roots:
        context.run(Command(("sync", "-f", "--", root.places.new)), "writing to disk", where=root.places.new)
    for root in roots:
        host.write(root.places.complete, directory.encode("utf-8", "surrogateescape"))


def _topmost(nested: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        name for name in nested if not any(_is_below(name, other) for other in nested if other != name)
    )


def _take_over_roots(context: BackupContext, roots: tuple[Root, ...]) -> None:
    """Give each nested `new` the owner and mode that the directory has in the one around it: tar leaves them out."""
    by_path = {root.below: root for root in roots}
    for root in roots:
        if root.below:
            outer = by_path[posixpath.dirname(root.below)]
            model = posixpath.join(outer.places.new, posixpath.basename(root.below))
            take_over_owner(context, model, root.places.new)


def _check_count(context: BackupContext, manifest: Manifest, roots: tuple[Root, ...]) -> None:
    count = 1 - len(roots)
    for root in roots:
        work = Pipeline((Command(("find", root.places.new, "-printf", ".")), Command(("wc", "-c"))))
        count += int(context.run(work, "counting the files", where=root.places.new).text)
    if count != manifest.code.members:
        raise BackupError(
            f"{count} files came out of the archive instead of {manifest.code.members}; the live tree is as it was",
            where=manifest.code.file,
            remedy=DAMAGED,
        )


def _place_sqlite_inside(
    context: BackupContext, subject: Subject, directory: str, manifest: Manifest, roots: tuple[Root, ...]
) -> None:
    inside, record = subject.sqlite_inside, manifest.database
    if inside is None or record is None or record.driver != "sqlite":
        return
    root = next(root for root in reversed(roots) if _is_below(inside, root.below))
    relative = inside[len(root.below) + 1 :] if root.below else inside
    target = posixpath.join(root.places.new, relative)
    place_sqlite(context, posixpath.join(directory, record.file), target, record.sqlite)


def _restore_env(context: BackupContext, subject: Subject, directory: str, manifest: Manifest) -> None:
    """Make `.env` what the backup holds byte for byte, also where it is a link that leads out of the tree."""
    record = manifest.env
    if record is None:
        return
    host = context.host
    path = posixpath.join(subject.path, ".env")
    saved = host.read(posixpath.join(directory, ENV))
    found = host.stat(path, follow=True)
    same = found is not None and found.kind == "file" and host.read(path) == saved
    owned = found is not None and (found.owner, found.group, found.mode) == (
        record.owned.owner,
        record.owned.group,
        record.owned.mode,
    )
    if same and owned:
        return
    if host.user == "root":
        host.write(path, saved, mode=record.owned.mode, owner=record.owned.owner, group=record.owned.group)
    else:
        host.write(path, saved, mode=record.owned.mode)
    context.report("tree: .env put back as saved")
