"""Who holds the lock on an instance, in words: the same for a lock of this machine and for one of a server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from dfwizard.errors import HeldError, UsageError

RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
"""What a run's id looks like: the moment it was made (UTC) and four random digits; ids sort by age."""


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock; `since` is when the process began (local time), `run` the id in its command line."""

    pid: int
    user: str
    since: datetime | None
    run: str | None

    def __str__(self) -> str:
        who = f"the run {self.run} (pid {self.pid}" if self.run else f"another process (pid {self.pid}"
        when = f", started {self.since:%Y-%m-%d %H:%M}" if self.since else ""
        return f"{who}{when} by {self.user})"


def held(found: Holder | None, what: str, *, where: str) -> HeldError:
    """Say that `what` is held by another, as far as is known by whom."""
    remedy = (
        f"Watch it with `dfwizard attach {found.run}`, or wait for its end. Nothing needs to be deleted."
        if found and found.run
        else "Wait for its end; the lock is gone with the process. Nothing needs to be deleted."
    )
    return HeldError(
        f"{found or 'another process'} holds {what}; nothing has been changed", where=where, remedy=remedy
    )


def not_opened(what: str, reason: str, *, where: str) -> UsageError:
    """Say that what is to be locked cannot be opened."""
    return UsageError(
        f"{what} cannot be locked: {reason}",
        where=where,
        remedy="See that it exists and that this account may read it.",
    )


def unlockable(what: str, reason: str, *, where: str) -> UsageError:
    """Say that the filesystem of what is to be locked has no locks."""
    return UsageError(
        f"{what} cannot be locked: {reason}",
        where=where,
        remedy="Its filesystem has no locks; mount it with them.",
    )
