"""A remedy's command that is run from the screen of the checks, and its output as it comes."""

from __future__ import annotations

import queue
from collections import deque
from dataclasses import dataclass, field

from rich.text import Text

from dfwizard.reports.terminal import plain
from dfwizard.tui import signs
from dfwizard.tui.styles import BAD, LIVE, OK

KEPT_LINES = 10_000
"""Lines of a remedy's output that can be looked at."""


@dataclass
class Remedy:
    """A remedy's command that is running or was run (`code` is None until it has ended), and its output."""

    command: str
    code: int | None = None
    problem: str = ""
    arrived: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)
    lines: deque[bytes] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    rest: bytes = b""

    @property
    def running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self.code is None and not self.problem

    def drain(self) -> bool:
        """Take over the output that has arrived; tell whether there was any."""
        pieces = []
        while not self.arrived.empty():
            pieces.append(self.arrived.get())
        *lines, self.rest = (self.rest + b"".join(pieces)).split(b"\n")
        self.lines.extend(lines)
        return bool(pieces)

    def title(self) -> Text:
        """Say in a line what it is and how it ended."""
        if self.running:
            state = (f"{signs.RUNNING} running  ", LIVE)
        elif self.code == 0:
            state = (f"{signs.DONE} remedy   ", OK)
        else:
            state = (f"{signs.FAILED} FAILED   ", BAD)
        return Text.assemble("    ", state, plain(" ".join(self.command.split())))

    def ending(self) -> str:
        """Say how it ended."""
        if self.running:
            return ""
        return self.problem or f"[exit code {self.code}]"
