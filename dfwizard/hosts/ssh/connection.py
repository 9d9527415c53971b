"""The connection to one host: made when it is needed, made again when it breaks, shared by all threads.

Two transports, so that a long stream (bulk) never stands in the way of a short command (control).
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import paramiko

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.address import Address
from dfwizard.hosts.failures import shown
from dfwizard.hosts.prompts import Keeper, Prompts
from dfwizard.hosts.ssh.connecting import Memories, connect
from dfwizard.hosts.ssh.route import Route, Unreachable, route_to
from dfwizard.hosts.ssh.wire import Wire

WAIT = 30.0
"""Seconds in which a broken link is to come back, where the caller says nothing else."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0

__all__ = ["Connection", "ConnectionLost"]


class Connection:
    """The way to one host, for as long as it is needed; made on first use. Every method may be called by any thread.

    `prompts` are asked once for each thing: their answers are kept in memory (see `Keeper`) for reconnects. `config_file` stands for
    ~/.ssh/config and /etc/ssh/ssh_config, `known_hosts` for the files that those name.
    """

    def __init__(
        self,
        address: Address,
        prompts: Prompts,
        *,
        config_file: Path | None = None,
        known_hosts: tuple[Path, ...] | None = None,
    ) -> None:
        self._address = address
        self._keeper = prompts if isinstance(prompts, Keeper) else Keeper(prompts)
        self._config_file = config_file
        self._known_hosts = known_hosts
        self._found: Route | None = None
        self._memories = Memories()
        self._wires: dict[bool, Wire] = {}
        self._connecting = threading.Lock()
        self._failed: tuple[float, HostError] | None = None
        self._closed = threading.Event()
        self._generation = 0

    @property
    def name(self) -> str:
        """Give the host's name for people, `user@host:port`."""
        return self._address.text

    @property
    def address(self) -> Address:
        """Give the address that this is the way to."""
        return self._address

    @property
    def login(self) -> str:
        """Give the user's name on the server.

        Raises:
            HostError: an ssh_config is wrong.
        """
        return self._route.user

    @property
    def prompts(self) -> Keeper:
        """Give what asks the person, and knows their answers."""
        return self._keeper

    @property
    def generation(self) -> int:
        """Give how often a transport has been lost and made again."""
        return self._generation

    def channel(self, *, bulk: bool = False, wait: float | None = None) -> paramiko.Channel:
        """Open a session channel on the control transport, or on the one for `bulk`.

        A transport that is not there is made. One that has broken is made again, with growing pauses, for at most `wait` seconds in
        all (None: 30; but the very first connection is tried once only, for a mistyped host would be waited for).

        Raises:
            ConnectionLost: it had been there, and did not come back.
            HostError: it cannot be reached, or refuses the host key, the login or the session.
        """
        begun = time.monotonic()
        deadline = begun + (WAIT if wait is None else wait)
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._session(bulk, deadline)
            except (Unreachable, ConnectionLost) as error:
                known = bool(self._wires)
                left = deadline - time.monotonic()
                if not known and (wait is None or left <= 0):
                    raise
                if left <= 0:
                    raise self._gone(error, time.monotonic() - begun) from error
                if self._closed.wait(min(pause, left)):
                    raise self._closed_error() from error
                pause = min(2 * pause, _LONGEST_PAUSE)

    def close(self) -> None:
        """End both transports and everything that waits for them; no new ones are made."""
        self._closed.set()
        for wire in tuple(self._wires.values()):
            wire.close()

    @property
    def _route(self) -> Route:
        if self._found is None:
            self._found = route_to(
                self._address, config_file=self._config_file, known_hosts=self._known_hosts
            )
        return self._found

    def _session(self, bulk: bool, deadline: float) -> paramiko.Channel:
        wire = self._wire(bulk)
        try:
            return wire.session(deadline)
        except TimeoutError as error:
            raise HostError(
                "every session that the server allows was taken all the time",
                where=shown(self.name),
                remedy="Try again when less is running, or raise MaxSessions in the server's sshd_config.",
            ) from error
        except paramiko.ChannelException as error:
            raise HostError(
                f"the server opens no session: {shown(error.text)}",
                where=shown(self.name),
                remedy="Check MaxSessions in its sshd_config, and that the account may run commands.",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if wire.is_active():
                wire.close()  # it does not answer
            raise ConnectionLost(
                f"the connection broke: {shown(str(error)) or 'the other side is gone'}",
                where=shown(self.name),
                remedy="Check the network and the server, then try again.",
            ) from error

    def _wire(self, bulk: bool) -> Wire:
        """Give a living transport; one thread makes it, and what it fails at fails for those that waited as well."""
        wire = self._wires.get(bulk)
        if wire is not None and wire.alive:
            return wire
        asked = time.monotonic()
        with self._connecting:
            if self._closed.is_set():
                raise self._closed_error()
            wire = self._wires.get(bulk)
            if wire is not None and wire.alive:
                return wire
            if self._failed is not None and self._failed[0] >= asked:
                raise self._failed[1]
            try:
                made = connect(self._route, self._keeper, self._memories)
            except HostError as error:
                self._failed = (time.monotonic(), error)
                raise
            self._failed = None
            if wire is not None:
                self._generation += 1
            self._wires[bulk] = made
        if self._closed.is_set():
            made.close()
            raise self._closed_error()
        return made

    def _gone(self, error: HostError, seconds: float) -> ConnectionLost:
        return ConnectionLost(
            f"the connection was lost, and did not come back within {seconds:.0f} s: {error.what}",
            where=shown(self.name),
            remedy=error.remedy,
        )

    def _closed_error(self) -> HostError:
        return HostError(
            "the connection has been closed", where=shown(self.name), remedy="Open the host again."
        )
