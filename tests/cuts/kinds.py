"""The kinds of cuts, and how each is made on a server's link or its sshd."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from tests.cuts.servers import Server


class Kind(Enum):
    """What is done to the connections; the value is how the table names it, the share how many of 100 are of it."""

    RESET = "connections reset", 28
    IN_A_PACKET = "reset in the middle of what is carried", 16
    KILLED = "sshd's sessions killed", 16
    REFUSED = "reset, and refused for 1 to 6 s", 12
    SILENT = "network silent for 1 to 8 s", 12
    LONG_SILENT = "network silent for 16 to 20 s", 6
    RESTARTED = "sshd restarted", 10

    @property
    def words(self) -> str:
        """Give the name for people."""
        return self.value[0]

    @property
    def share(self) -> int:
        """Give how many of 100 cuts are of this kind."""
        return self.value[1]


@dataclass(frozen=True)
class Cut:
    """One cut: `seconds` that it lasts, `count` bytes that are still carried before it."""

    kind: Kind
    seconds: float = 0.0
    count: int = 0


def deck(number: int, chance: random.Random, kinds: tuple[Kind, ...] = tuple(Kind)) -> list[Cut]:
    """Give `number` cuts of these kinds by their shares, in random order; every kind has its turn before one has its second."""
    shares = [kind for kind in kinds for _ in range(kind.share)]
    first = list(kinds)
    chance.shuffle(first)
    chance.shuffle(shares)
    whole, rest = divmod(number, len(shares))
    chosen = [*shares * whole, *[*first, *shares][:rest]]
    chance.shuffle(chosen)
    return [_cut(kind, chance) for kind in chosen]


def _cut(kind: Kind, chance: random.Random) -> Cut:
    if kind is Kind.REFUSED:
        return Cut(kind, chance.uniform(1, 6))
    if kind is Kind.SILENT:
        return Cut(kind, chance.uniform(1, 8))
    if kind is Kind.LONG_SILENT:
        return Cut(kind, chance.uniform(16, 20))
    if kind is Kind.IN_A_PACKET:
        return Cut(kind, count=chance.randrange(1, 6000))
    return Cut(kind)


def make(cut: Cut, server: Server, going: Callable[[], bool]) -> bool:
    """Make the cut and return once it is over; False when there was no connection to be cut, or `going` says no before."""
    link = server.link
    if not link.connections():
        return False
    if cut.kind is Kind.RESET:
        return link.cut() > 0
    if cut.kind is Kind.IN_A_PACKET:
        return _cut_in_a_packet(cut.count, server, going)
    if cut.kind is Kind.KILLED:
        return server.sshd.kill_sessions() > 0
    if cut.kind is Kind.RESTARTED:
        server.sshd.restart()
    elif cut.kind is Kind.REFUSED:
        link.refuse()
        link.cut()
        time.sleep(cut.seconds)
        link.admit()
    else:
        link.stall(cut.seconds)
        time.sleep(cut.seconds)
    return True


def _cut_in_a_packet(count: int, server: Server, going: Callable[[], bool]) -> bool:
    link = server.link
    end = link.carried() + count
    link.cut_after(count)
    while link.carried() < end:
        if not going():
            return False
        time.sleep(0.01)
    return True
