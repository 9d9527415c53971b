"""Where dfwizard keeps what it leaves on a host: backups lie beside the instance, not on the machine that dfwizard runs on."""

from __future__ import annotations

import posixpath

from dfwizard.errors import DfwizardError, HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from dfwizard.hosts.naming import is_local
from dfwizard.instance.tree import home_of

_OF_ROOT = "/var/lib/dfwizard"


def state_on(host: Host, here: str) -> str:
    """Give the state directory on a host; `here` is the one on this machine.

    Elsewhere it is /var/lib/dfwizard where commands run as root, else in the account's home.

    Raises:
        HostError: the account has no home there.
    """
    if is_local(host.name):
        return here
    if host.user == "root":
        return _OF_ROOT
    home = home_of(host, host.user)
    if home is None:
        raise HostError(
            f"the account {host.user} has no home directory there, so there is no place for backups",
            where=host.name,
            remedy="Name one with --backup-dir.",
        )
    return posixpath.join(home, ".local/state/dfwizard")


def absolute(host: Host, path: str) -> str:
    """Give a path in full: a relative one counts from the working directory here, from the account's home elsewhere."""
    if is_local(host.name):
        return posixpath.abspath(path)
    if path.startswith("/"):
        return posixpath.normpath(path)
    home = home_of(host, host.user)
    if home is None:
        raise HostError(
            f"the account {host.user} has no home directory there, from which {path!r} would count",
            where=host.name,
            remedy="Give the path in full, from / on.",
        )
    return posixpath.normpath(posixpath.join(home, path))


def real_path(host: Host, path: str) -> str:
    """Give a path with its links resolved, as far as it exists; as it is where the host does not tell."""
    if is_local(host.name):
        return posixpath.realpath(path)
    try:
        answer = host.run(Command(("realpath", "-mz", "--", path), timeout=10), check=False)
    except DfwizardError:
        return path
    return answer.stdout.decode("utf-8", "surrogateescape").rstrip("\0") or path
