"""The lock on an instance, wherever it is: this process holds it here, on another host one of that host's own does."""

from __future__ import annotations

from pathlib import Path

from dfwizard.execution.lock import Lock
from dfwizard.hosts.base import Hold, HoldingHost, Host

WHAT = "the instance"


def hold_instance(host: Host, path: str, *, run: str, stand_ins: Path) -> Hold:
    """Lock the instance at `path` for `run` ("" outside of a run).

    `stand_ins` is where a file stands for an instance on this machine whose filesystem has no locks.

    Raises:
        HeldError: another process holds it; the message says who and since when.
        UsageError: there is no such path, or it cannot be opened.
        HostError: the host cannot be asked.
    """
    if isinstance(host, HoldingHost):
        return host.hold(path, run=run, what=WHAT)
    lock = Lock()
    lock.take(Path(path), what=WHAT, fallback=stand_ins)
    return lock


class LaterHold:
    """Holds nothing before there is something to hold: a rollback killed between its two renames leaves no instance for a moment."""

    def __init__(self, host: Host, *, run: str, stand_ins: Path) -> None:
        self._host, self._run, self._stand_ins = host, run, stand_ins
        self._held: Hold | None = None

    def hold_also(self, path: str) -> None:
        """See `Hold.hold_also`."""
        if self._held is None:
            self._held = hold_instance(self._host, path, run=self._run, stand_ins=self._stand_ins)
        else:
            self._held.hold_also(path)

    def release(self) -> None:
        """See `Hold.release`."""
        if self._held is not None:
            self._held.release()
