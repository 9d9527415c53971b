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
    from dfwizard.hosts.prompts import Prompts, Question


def open_host(name: str, prompts: Prompts, *, mark: str | None = None) -> Host:
    """Give the host of that name (`Host.name`, or an address without a path). Nothing is connected before it is asked something.

    With `mark`, the id of a run, all that is run there survives a lost link.

    Raises:
        UsageError: the name is no address.
        HostError: what ~/.ssh/config says of it cannot be used.
    """
    return _opened(name, prompts, mark)[0]


def _opened(name: str, prompts: Prompts, mark: str | None) -> tuple[Host, Callable[[], object]]:
    """Give a host, and what ends all that was opened for it."""
    if is_local(name):
        return LocalHost(), lambda: None
    address = parse_address(name)
    if address is None:
        raise UsageError(
            f"{name!r} is no host's address", remedy="Write it as user@host, host: or ssh://user@host:port."
        )
    # Late: paramiko takes longer to import than all the rest.
    from dfwizard.hosts.ssh import Connection, SshHost

    connection = Connection(replace(address, path=""), prompts)
    host = SshHost(connection, mark=mark)

    def close() -> None:
        host.close()
        connection.close()

    return host, close


class Hosts:
    """The hosts of one process, each opened once, with what was answered on the way to them. For any thread.

    `mark` is the id of the run that they are for, where there is one; see `open_host`.
    """

    def __init__(
        self,
        prompts: Prompts | None = None,
        *,
        local: Host | None = None,
        mark: str | None = None,
        opening: Callable[[str, Prompts], Host] | None = None,
    ) -> None:
        self.local: Host = local or LocalHost()
        self._keeper = prompts if isinstance(prompts, Keeper) else Keeper(prompts or Headless())
        self._mark = mark
        self._opening = opening
        self._open: dict[str, tuple[Host, Callable[[], object]]] = {}
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
                if self._opening is None:
                    self._open[name] = _opened(name, self._keeper, self._mark)
                else:
                    self._open[name] = self._opening(name, self._keeper), lambda: None
            return self._open[name][0]

    def opened(self, name: str) -> Host | None:
        """Give the host of that name when it is this machine or has been asked something before, else None."""
        if is_local(name) or name == self.local.name:
            return self.local
        with self._lock:
            return self._open[name][0] if name in self._open else None

    def secret(self, question: Question, given: str | None = None) -> str | None:
        """Give the answer to a question that is no host's own, remembered like theirs; None where there is nobody to ask.

        An answer that was `given` beforehand is the answer.
        """
        with self._lock:
            keeper = self._keeper
        if given is not None:
            keeper.remember(question.key, given)
        return keeper.secret(question)

    def answers(self) -> bytes:
        """Give what was answered so far, for a pipe to a process of our own; never for a file."""
        with self._lock:
            return self._keeper.exported()

    def close(self, name: str | None = None) -> None:
        """End the connection to the host of that name, or to all."""
        with self._lock:
            names = list(self._open) if name is None else [name]
            ended = [self._open.pop(one) for one in names if one in self._open]
        for _, close in ended:
            with suppress(DfwizardError):
                close()
