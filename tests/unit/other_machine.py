"""This machine under another name: what is asked of it is really asked, but for dfwizard it is a host elsewhere.

It stands in for a server over SSH where only the telling apart of hosts is tested; what SSH itself does is tested with a real sshd.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dfwizard.execution.lock import Lock
from dfwizard.hosts.base import Hold, Host
from dfwizard.hosts.local import LocalHost
from dfwizard.hosts.opening import Hosts, open_host
from dfwizard.hosts.prompts import Prompts

NAME = "admin@other.example"


@dataclass(frozen=True)
class OtherMachine(LocalHost):
    """A host of another name, which locks for whoever works on it, as one over SSH does."""

    name: str = NAME

    def hold(self, path: str, *, run: str, what: str) -> Hold:  # noqa: ARG002
        """See `HoldingHost.hold`."""
        lock = Lock()
        lock.take(Path(path), what=what)
        return lock


def other_hosts(*, opened: list[str] | None = None) -> Hosts:
    """Give hosts of which `NAME` is this machine under another name; `opened` takes the names that are opened."""

    def opening(name: str, prompts: Prompts) -> Host:
        if opened is not None:
            opened.append(name)
        return OtherMachine() if name == NAME else open_host(name, prompts)

    return Hosts(opening=opening)
