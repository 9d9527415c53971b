"""Looking ahead: the questions of some work put all at once, before it asks them one by one over a long way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from dfwizard.hosts.base import Host

Look = Callable[[Host], object]
"""Work that only looks. It is done several times, at first with wrong answers, and what it gives is thrown away."""


@runtime_checkable
class Foreseeing(Protocol):
    """A host for which each question is a journey."""

    def foreseeing(self, look: Look) -> Host:
        """Give this host with the answers to what `look` asks about files at hand, each for one asking."""
        ...


def foreseen(host: Host, look: Look) -> Host:
    """Give a host that has the answers to the questions of `look` at hand where asking takes long, else the host as it is."""
    return host.foreseeing(look) if isinstance(host, Foreseeing) else host
