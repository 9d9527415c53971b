"""Directories that complete what somebody types, as a shell would."""

from __future__ import annotations

import posixpath

from dfwizard.errors import DfwizardError
from dfwizard.hosts.base import Host
from dfwizard.instance.tree import home_of

MOST = 50
"""How many completions are given at most."""

_MOST_LOOKED_AT = 2000


def expanded(host: Host, typed: str) -> str:
    """Give a path as typed with `~` as the home of the account that dfwizard has on the host."""
    if typed != "~" and not typed.startswith("~/"):
        return typed
    home = home_of(host, host.user)
    return home.rstrip("/") + typed[1:] if home else typed


def complete(host: Host, typed: str) -> tuple[str, ...]:
    """Give the directories whose path begins with `typed`, each with a slash at its end, sorted, at most `MOST`.

    `~` stays as it was typed. Hidden directories only when the name typed begins with a dot; names that no line can
    show, such as one with a line end in it, never. What cannot be read gives nothing: this never raises.
    """
    if typed == "~":
        return ("~/",)
    head, _, begun = typed.rpartition("/")
    base = "/" if typed.startswith("/") and not head else head
    try:
        place = expanded(host, base if base else ".")
        names = host.listdir(place)
    except DfwizardError:
        return ()
    wanted = [
        name
        for name in names
        if name.startswith(begun)
        and (begun.startswith(".") or not name.startswith("."))
        and name.isprintable()
    ]
    found: list[str] = []
    for name in wanted[:_MOST_LOOKED_AT]:
        if _is_directory(host, posixpath.join(place, name)):
            found.append(f"{typed[: len(typed) - len(begun)]}{name}/")
            if len(found) == MOST:
                break
    return tuple(found)


def _is_directory(host: Host, path: str) -> bool:
    try:
        found = host.stat(path, follow=True)
    except DfwizardError:
        return False
    return found is not None and found.kind == "directory"
