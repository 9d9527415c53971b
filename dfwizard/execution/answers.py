"""What a person has answered on the way to a host, handed to the detached runner: through a named pipe, never a file.

A pipe holds nothing on the disk, and unlike an inherited descriptor it reaches a process that systemd starts. Its name is in a
directory of this account alone (0700), it is read once, and gone then.
"""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from pathlib import Path

from dfwizard.errors import DfwizardError

WAIT_SECONDS = 15.0
"""How long the runner waits for who has launched it."""

_LARGEST = 1 << 16  # what a pipe takes at once


class Offer:
    """The launcher's end: answers lie ready until somebody reads them."""

    def __init__(self, path: Path, answers: bytes) -> None:
        """Make the pipe.

        Raises:
            OSError: it cannot be made.
        """
        self._path, self._answers = path, answers[:_LARGEST]
        os.mkfifo(path, 0o600)

    def hand_over(self) -> None:
        """Give the answers, once, to whoever reads now; where nobody does yet they stay. Never waits."""
        if not self._answers:
            return
        with suppress(OSError):  # nobody reads yet, or not any more
            pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(pipe, self._answers)
            finally:
                os.close(pipe)
            self._answers = b""

    def withdraw(self) -> None:
        """Take the pipe away."""
        with suppress(OSError):
            self._path.unlink()


def take_answers(path: Path) -> bytes:
    """Read what the launcher offers at `path`, and take the pipe away; empty where nothing is offered.

    Raises:
        DfwizardError: the launcher does not hand it over.
    """
    try:
        pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return b""
    try:
        return _read(pipe)
    finally:
        os.close(pipe)
        with suppress(OSError):
            path.unlink()


def _read(pipe: int) -> bytes:
    waiting, data = select.poll(), b""
    waiting.register(pipe, select.POLLIN)
    deadline = time.monotonic() + WAIT_SECONDS
    # Before somebody has opened the other end nothing is told of it; afterwards its closing is (POLLHUP).
    while waiting.poll(max(deadline - time.monotonic(), 0) * 1000):
        with suppress(BlockingIOError):
            piece = os.read(pipe, _LARGEST)
            if not piece:
                return data
            data += piece
    raise DfwizardError(
        "what was answered on the way to the host did not reach the runner",
        remedy="Go on with the run: `dfwizard resume` asks again.",
    )
