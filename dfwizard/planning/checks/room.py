"""Checks of the room on the disks: for what the run writes, and for the scratch copy on the database server's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dfwizard.instance.facts import Space
from dfwizard.instance.space import DATABASE_SERVER
from dfwizard.planning.catalogue import explained
from dfwizard.planning.checks.context import Context, Needs
from dfwizard.planning.findings import Finding, Severity

SCRATCH_SPARE = 64 << 20
"""Bytes that a database server needs besides while a scratch copy is made: logs, sorting, its own growth."""


@dataclass(frozen=True)
class Room:
    """What one mount point has and what is to be written there."""

    space: Space
    needs: tuple[Needs, ...]

    @property
    def needed(self) -> int:
        """Give the bytes needed there together."""
        return sum(need.amount for need in self.needs)

    @property
    def is_enough(self) -> bool:
        """Tell whether it all fits."""
        return self.space.free >= self.needed

    def title(self) -> str:
        """Say in a line what is there and what is needed."""
        return f"{self.space.mount} has {_size(self.space.free)} free, {_size(self.needed)} are needed"

    def reasons(self) -> tuple[str, ...]:
        """Say what each part is for."""
        return tuple(f"{_size(need.amount)} for {need.what_for}" for need in self.needs)


def backup_place(context: Context) -> list[Finding]:
    """The backup's parent directory must be one that can be written, or made, outside of the instance."""
    if context.backup_error is None:
        return []
    return [
        explained(
            "backup-place",
            Severity.BLOCKER,
            "No backup can be put where it was wished",
            (context.backup_error,),
        )
    ]


def disk_space(context: Context) -> list[Finding]:
    """Each mount point must have room for what the run writes there."""
    findings = []
    for room in _rooms(context.facts.space, context.needs):
        if room.is_enough:
            findings.append(explained("disk-space", Severity.OK, room.title(), room.reasons()))
            continue
        findings.append(
            explained(
                "disk-space",
                Severity.BLOCKER,
                room.title(),
                room.reasons(),
            )
        )
    return findings


def scratch_space(context: Context) -> list[Finding]:
    """The proof of the backup makes a second database on the server; its disk should bear that, and a live database beside it.

    Known only of a server on the instance's own host. Twice the database's size, for while a dump is read in the server writes
    each row to its logs as well.
    """
    database = context.facts.database
    server = next((one for one in context.facts.space if DATABASE_SERVER in one.purpose), None)
    if server is None or database is None or database.size is None:
        return []
    beside = [
        need
        for room in _rooms(context.facts.space, context.needs)
        if room.space.mount == server.mount
        for need in room.needs
    ]
    amount = 2 * database.size + SCRATCH_SPARE
    scratch = Needs(server.path, amount, "a scratch copy of the database, to prove the backup")
    room = Room(server, (*beside, scratch))
    if room.is_enough:
        return []
    return [
        explained(
            "scratch-space",
            Severity.WARNING,
            f"The database server may run out of space: {room.title()}",
            room.reasons(),
        )
    ]


def _rooms(spaces: tuple[Space, ...], needs: Iterable[Needs]) -> list[Room]:
    found: dict[str, Room] = {}
    for need in needs:
        under = [one for one in spaces if _is_under(need.path, one)]
        if not under:
            continue
        best = max(under, key=lambda one: len(one.mount))
        before = found[best.mount].needs if best.mount in found else ()
        found[best.mount] = Room(best, (*before, need))
    return list(found.values())


def _is_under(path: str, space: Space) -> bool:
    mount = space.mount
    return mount in ("/", path) or path.startswith(mount.rstrip("/") + "/")


def _size(number: int) -> str:
    import humanize

    return humanize.naturalsize(number)
