"""One attempt to reach a host and log in: the way there, the server's key, the login, each failure in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.failures import shown
from dfwizard.hosts.prompts import Keeper
from dfwizard.hosts.ssh import known_hosts
from dfwizard.hosts.ssh.dialing import Line, dial
from dfwizard.hosts.ssh.known_hosts import Offered
from dfwizard.hosts.ssh.login import Login, Memory
from dfwizard.hosts.ssh.route import Route, place, unreachable
from dfwizard.hosts.ssh.wire import Tunnel, Wire

HANDSHAKE = 15.0
"""Seconds for the server's first words and for the exchange of keys."""
_HANGUPS = 6
"""Connections that one login may take when the server hangs up after too many attempts, each refusing keys that others did not."""

_PONDERED = 3.0
"""Seconds that an answer may take before a connection that is gone afterwards counts as timed out, and is made anew."""


@dataclass
class Memories:
    """What is remembered of the hosts on the way, by their place: how logging in went, and which key each had."""

    logins: dict[str, Memory] = field(default_factory=dict)
    keys: dict[str, Offered] = field(default_factory=dict)

    def of(self, route: Route) -> Memory:
        """Give the memory of one host."""
        return self.logins.setdefault(f"{route.user}@{place(route)}", Memory())


def connect(route: Route, keeper: Keeper, memories: Memories) -> Wire:
    """Reach the host, by its jump hosts where it has some, and log in. The caller closes what it gets.

    Raises:
        Unreachable, ConnectionLost: it cannot be reached now, or the link broke; another attempt may do.
        HostError: another attempt would not do: the host key, the login or the configuration is refused.
    """
    memory = memories.of(route)
    memory.begin()
    for _ in range(_HANGUPS):
        refused = len(memory.refused)
        wire = _reached(route, keeper, memories)
        try:
            Login(wire, route, keeper, memory).run()
        except ConnectionLost as error:
            wire.close()
            if memory.pondered > _PONDERED:
                continue  # the answer is known by now
            if "too many authentication failures" not in wire.farewell.lower():
                raise _broken(route, wire, "while logging in") from error
            if len(memory.refused) == refused:
                memory.refused.clear()
                raise _too_many(route) from error
        except HostError:
            wire.close()
            memory.refused.clear()  # the next time the server may know them
            raise
        except BaseException:
            wire.close()
            raise
        else:
            wire.watch()
            return wire
    memory.refused.clear()
    raise _too_many(route)


def _reached(route: Route, keeper: Keeper, memories: Memories) -> Wire:
    """Give a transport to the host whose key has been checked."""
    line = _through(route, keeper, memories) if route.jump else dial(route)
    wire = Wire(line.sock, line.close)
    try:
        patience = max(HANDSHAKE, route.timeout or 0)
        wire.banner_timeout = patience
        wire.handshake_timeout = patience
        supported = tuple(wire.get_security_options().key_types)
        wire.get_security_options().key_types = known_hosts.algorithms(route, supported)
        _shake_hands(route, wire, line, patience)
        offered = _offered(route, wire)
        earlier = memories.keys.get(route.key_name)
        if earlier is not None and earlier.kind == offered.kind and earlier.blob != offered.blob:
            raise known_hosts.changed_meanwhile(route, offered, earlier)
        known_hosts.check(route, offered, keeper)
        memories.keys[route.key_name] = offered
    except BaseException:
        wire.close()
        raise
    return wire


def _through(route: Route, keeper: Keeper, memories: Memories) -> Line:
    """Connect through the jump host."""
    assert route.jump is not None
    try:
        jump = connect(route.jump, keeper, memories)
    except HostError as error:
        what = f"the way leads through {shown(error.where or route.jump.name)}: {error.what}"
        raise type(error)(what, where=shown(route.name), remedy=error.remedy) from error
    try:
        channel = jump.open_channel(
            "direct-tcpip", (route.host, route.port), ("127.0.0.1", 0), timeout=route.timeout or HANDSHAKE
        )
    except paramiko.ChannelException as error:
        jump.close()
        raise unreachable(
            route,
            f"{shown(route.jump.name)} cannot reach it, or does not allow it ({shown(error.text)})",
            f"Check on {shown(route.jump.name)} that port {route.port} answers, and AllowTcpForwarding in its sshd_config.",
        ) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        jump.close()
        raise _broken(route.jump, jump, f"while {shown(route.host)} was being reached") from error
    return Line(Tunnel(channel), jump.close, str)


def _shake_hands(route: Route, wire: Wire, line: Line, patience: float) -> None:
    begun = time.monotonic()
    try:
        wire.start_client(timeout=2 * patience)
        wire.get_remote_server_key()
    except IncompatiblePeer as error:
        raise HostError(
            f"cannot agree with {shown(place(route))} on how to encrypt: {shown(str(error))}",
            where=shown(route.name),
            remedy="The server's OpenSSH is very old, or its sshd_config allows only ciphers that dfwizard lacks: look at Ciphers, "
            "KexAlgorithms, MACs and HostKeyAlgorithms there.",
        ) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        wire.close()
        raise _no_handshake(route, wire, line, error, time.monotonic() - begun) from error


def _no_handshake(route: Route, wire: Wire, line: Line, error: Exception, seconds: float) -> HostError:
    greeting = next((words for words in wire.greeting if words), "")
    if wire.remote_version:
        return _broken(
            route, wire, f"while keys were exchanged ({shown(str(error)) or type(error).__name__})"
        )
    if greeting:
        return unreachable(
            route,
            f'what answers there is no SSH server; it says "{shown(greeting)}"',
            "Check the port: sshd's is in its sshd_config.",
        )
    said = line.said()
    if route.command:
        return unreachable(
            route,
            f"its ProxyCommand carries nothing{f': {said}' if said else ''}",
            f"Try that command by itself: {shown(route.command)}",
        )
    if seconds >= HANDSHAKE:
        return unreachable(
            route,
            f"the port is open, but nothing was said within {seconds:.0f} s",
            "Check that it is sshd's port, and whether the server is overloaded.",
        )
    return unreachable(
        route,
        "the connection was ended before the server said a word",
        "Check the port, and on the server the log of sshd (MaxStartups, hosts.deny, fail2ban).",
    )


def _offered(route: Route, wire: Wire) -> Offered:
    key = wire.get_remote_server_key()
    return Offered(key.get_name(), key.asbytes(), _peer(wire.sock, route))


def _peer(sock: object, route: Route) -> str:
    """Give where the key was met: the IP and port, or the place where only a proxy knows the IP."""
    ask: Callable[[], object] | None = getattr(sock, "getpeername", None)
    try:
        found = ask() if ask is not None else None
    except (OSError, EOFError):
        found = None
    if route.command is None and route.jump is None and isinstance(found, tuple) and len(found) >= 2:
        return f"{found[0]} port {found[1]}"
    return place(route)


def _broken(route: Route, wire: Wire, when: str) -> HostError:
    why = f'; the server says: "{shown(wire.farewell)}"' if wire.farewell else ""
    return ConnectionLost(
        f"the connection to {shown(place(route))} ended {when}{why}",
        where=shown(route.name),
        remedy="Check the network, and on the server the log of sshd, then try again.",
    )


def _too_many(route: Route) -> HostError:
    return HostError(
        f"{shown(route.host)} hangs up after too many attempts to log in as {shown(route.user)}",
        where=shown(route.name),
        remedy="Name the right key with IdentityFile and `IdentitiesOnly yes` in ~/.ssh/config, or raise MaxAuthTries on the server.",
    )
