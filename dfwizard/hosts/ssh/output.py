"""What a command on a server writes, as it arrives here."""

from __future__ import annotations

from dfwizard.hosts import failures
from dfwizard.hosts.base import OnOutput, Stream
from dfwizard.hosts.process import RECENT, Tail


class Output:
    """What a command writes: the last of each stream for the result and for messages, everything for the listener."""

    def __init__(self, keep: int, deliver: OnOutput | None) -> None:
        self.stdout = Tail(keep)
        self.stderr = Tail(keep)
        self._recent = {"stdout": Tail(RECENT), "stderr": Tail(RECENT)}
        self._deliver = deliver

    def take(self, stream: Stream, data: bytes) -> None:
        """Keep and pass on what has come."""
        (self.stdout if stream == "stdout" else self.stderr).add(data)
        self._recent[stream].add(data)
        if self._deliver is not None:
            self._deliver(stream, data)

    def mute(self) -> None:
        """Pass no more output on."""
        self._deliver = None

    def said(self) -> failures.Said:
        """Give the last that was said."""
        return failures.Said(self._recent["stdout"].value(), self._recent["stderr"].value())
