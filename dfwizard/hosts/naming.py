"""Names of hosts, and places on them as people write them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from dfwizard.errors import DfwizardError, UsageError
from dfwizard.hosts.address import parse_address

if TYPE_CHECKING:
    from dfwizard.hosts.ssh.route import Route

LOCAL = "localhost"
"""The name of this machine; a run of it bears that."""


def is_local(name: str) -> bool:
    """Tell whether a host's name is that of this machine."""
    return name in ("", LOCAL)


def located(host: str, path: str) -> str:
    """Write a place on a host as it is given on the command line: the path alone here, else `user@host:port:path`."""
    if is_local(host):
        return path
    try:
        address = parse_address(host)
    except UsageError:
        address = None
    return replace(address, path=path).location if address is not None else f"{host}:{path}"


def same_host(one: str, other: str) -> bool:
    """Tell whether two names lead to one host: an alias of ssh_config and the address it stands for do, whoever logs in there."""
    if is_local(one) or is_local(other):
        return is_local(one) and is_local(other)
    return one == other or _way(one) == _way(other)


@lru_cache(maxsize=256)
def _way(name: str) -> tuple[str, ...]:
    """Give what a name leads to; the name itself where that cannot be told."""
    # Late, and without paramiko: most runs are of this machine.
    from dfwizard.hosts.ssh.route import route_to

    try:
        address = parse_address(name)
        if address is None:
            return (name,)
        route = route_to(address)
    except DfwizardError:
        return (name,)
    found: tuple[str, ...] = ()
    jump: Route | None = route
    while jump is not None:
        found = (*found, jump.host.lower(), str(jump.port), jump.command or "")
        jump = jump.jump
    return found
