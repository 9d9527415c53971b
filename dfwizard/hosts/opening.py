"""Hosts by their names: this machine, or one that is reached over SSH."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dfwizard.errors import DfwizardError, UsageError
from dfwizard.hosts.address import parse_address
from dfwizard.hosts.local import LocalHost
from dfwizard.hosts.naming import is_local
from dfwizard.hosts.prompts import Headless, Keeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from dfwizard.hosts.base import Host
    from dfwizard.hosts.prompts import Prompts


def open_host(name: str, prompts: Prompts) -> Host:
    """Give the host of that name (`Host.name`, or an address without a path). Nothing is connected before it is asked something.

    Raises:
        UsageError: the name is no address.
        HostError: what ~/.ssh/config says of it cannot be used.
    """
    address = None if is_local(name) else parse_address(name)
    if address is None:
        if is_local(name):
            return LocalHost()
        raise UsageError(
            f"{name!r} is no host's address", remedy="Write it as user@host, host: or ssh://user@host:port."
        )
    # Late: paramiko takes longer to import than all the rest.
    from dfwizard.hosts.ssh.connection import Connection
    from dfwizard.hosts.ssh.host import SshHost

    return SshHost(Connection(replace(address, path=""), prompts))


class Hosts:
    """The hosts of one process, each opened once, with what was answered on the way to them. For any thread."""

    def __init__(
        self,
        prompts: Prompts | None = None,
        *,
        local: Host | None = None,
        opening: Callable[[str, Prompts], Host] = open_host,
    ) -> None:
        self.local: Host = local or LocalHost()
        self._keeper = prompts if isinstance(prompts, Keeper) else Keeper(prompts or Headless())
        self._opening = opening
        self._open: dict[str, Host] = {}
        self._lock = threading.Lock()

    def ask_with(self, prompts: Prompts) -> None:
        """Have whatever is asked from now on answered by these prompts; hosts that are open already stay as they are."""
        with self._lock:
            self._keeper = Keeper(prompts)

    def at(self, name: str) -> Host:
        """Give the host of that name; errors as `open_host`."""
        if is_local(name) or name == self.local.name:
            return self.local
        with self._lock:
            if name not in self._open:
                self._open[name] = self._opening(name, self._keeper)
            return self._open[name]

    def opened(self, name: str) -> Host | None:
        """Give the host of that name when it is this machine or has been asked something before, else None."""
        if is_local(name) or name == self.local.name:
            return self.local
        with self._lock:
            return self._open.get(name)

    def answers(self) -> bytes:
        """Give what was answered so far, for a pipe to a process of our own; never for a file."""
        with self._lock:
            return self._keeper.exported()

    def close(self, name: str | None = None) -> None:
        """End the connection to the host of that name, or to all."""
        with self._lock:
            names = list(self._open) if name is None else [name]
            ended = [self._open.pop(one) for one in names if one in self._open]
        for host in ended:
            closing = getattr(host, "close", None)
            if closing is not None:
                with suppress(DfwizardError):
                    closing()
