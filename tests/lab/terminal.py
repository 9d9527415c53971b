"""A command in a terminal of its own (a pty, 80 by 24), driven by what it says."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

ROWS, COLUMNS = 24, 80


class Terminal:
    """Runs `command` with a pty as its controlling terminal. All that it says is in `said`, with plain line ends."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.said = ""
        self._read = 0
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        try:
            self._child = subprocess.Popen(
                ["setsid", "--ctty", *command],
                env=dict(environment),
                stdin=slave,
                stdout=slave,
                stderr=slave,
            )
        finally:
            os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._child.kill()
        self._child.wait()
        os.close(self._master)

    def expect(self, text: str, *, patience: float = 60) -> str:
        """Wait until it says `text`, and give what it said before that since the last time."""
        deadline = time.monotonic() + patience
        while (found := self.said.find(text, self._read)) < 0:
            assert self._more(deadline), f"it never said {text!r}, but:\n{self.said[self._read :]}"
        before = self.said[self._read : found]
        self._read = found + len(text)
        return before

    def type(self, text: str) -> None:
        """Type `text` as it is: a line ends with a newline."""
        os.write(self._master, text.encode())

    def end(self, code: int, *, patience: float = 60) -> str:
        """Wait for its end with exit code `code`, and give what it said since the last time."""
        deadline = time.monotonic() + patience
        while self._more(deadline):
            pass
        assert self._child.wait(max(1, deadline - time.monotonic())) == code, self.said
        return self.said[self._read :]

    def _more(self, deadline: float) -> bool:
        """Read on; False at its end or at the deadline."""
        if not select.select([self._master], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
        with contextlib.suppress(OSError):  # the last process has closed its end
            if piece := os.read(self._master, 65536):
                self.said = (self.said + piece.decode("utf-8", "replace")).replace("\r\n", "\n")
                return True
        return False
