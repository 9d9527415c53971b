"""Looking ahead: what is about to be asked over a long way is got ready, or asked, before it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from dfwizard.hosts.base import Host

Look = Callable[[Host], object]
"""Work that only looks. It is done several times, at first with wrong answers, and what it gives is thrown away."""


@runtime_checkable
class Foreseeing(Protocol):
    """A host for which each question is a journey."""

    def expect_many(self) -> None:
        """Get ready, in the background, for many questions at the same time.

        Raises:
            HostError: the host cannot be reached.
        """
        ...

    def foreseeing(self, look: Look) -> Host:
        """Give this host with the answers to what `look` asks about files at hand, each for one asking."""
        ...


def expect_many(host: Host) -> None:
    """Have a host that is far away get ready for many questions at the same time; any other is so already.

    Raises:
        HostError: the host cannot be reached.
    """
    if isinstance(host, Foreseeing):
        host.expect_many()


def foreseen(host: Host, look: Look) -> Host:
    """Give a host that has the answers to the questions of `look` at hand where asking takes long, else the host as it is."""
    return host.foreseeing(look) if isinstance(host, Foreseeing) else host
