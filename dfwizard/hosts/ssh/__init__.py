"""Machines reached over SSH. The only room that knows paramiko, which takes longer to import than all the rest.

So what is here is loaded when it is first used: `route` and `config`, which read ssh_config, need no paramiko.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dfwizard.hosts.ssh.connection import Connection
    from dfwizard.hosts.ssh.host import SshHost

__all__ = ["Connection", "SshHost"]


def __getattr__(name: str) -> object:
    if name == "Connection":
        from dfwizard.hosts.ssh.connection import Connection

        return Connection
    if name == "SshHost":
        from dfwizard.hosts.ssh.host import SshHost

        return SshHost
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
