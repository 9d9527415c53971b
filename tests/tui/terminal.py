"""A program on a pseudo-terminal of its own: keys go in, every byte that it sends comes out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

PATIENCE = 60.0
"""Seconds after which something awaited is taken not to come."""

_LONGEST = 500
"""Bytes that something awaited may be long, with the sequences in it."""

_SEQUENCE = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")


class Terminal:
    """What runs `argv` on a terminal of `size` (columns, rows); `sent` is all that it has sent so far."""

    def __init__(
        self, argv: Sequence[str | Path], environ: Mapping[str, str], size: tuple[int, int] = (80, 24)
    ) -> None:
        self.sent = bytearray()
        self._code: int | None = None
        ready, go = os.pipe()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.close(go)
            os.read(ready, 1)  # the terminal has its size from the first moment on
            os.execve(argv[0], [str(one) for one in argv], dict(environ))
        os.close(ready)
        self.resize(*size)
        os.close(go)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.hang_up()

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the program hears of it."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes(self) -> list[object]:
        """Give the terminal's settings (echo, line mode, ...), which a program has to leave as it found them."""
        return termios.tcgetattr(self._fd)

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._fd, keys)

    def mark(self) -> int:
        """Give a place in what was sent, after all that has come by now."""
        while self._read(0):
            pass
        return len(self.sent)

    def until(self, text: bytes | re.Pattern[bytes], since: int = 0) -> float:
        """Read until `text` in one piece has been sent after place `since`, and give the moment (of `time.perf_counter`)."""
        limit = time.monotonic() + PATIENCE
        wanted = text if isinstance(text, re.Pattern) else re.compile(re.escape(text))
        while not wanted.search(self.sent, since):
            since = max(since, len(self.sent) - _LONGEST)
            if time.monotonic() > limit or not self._read(1):
                raise AssertionError(
                    f"waited in vain for {text!r}; the last that came:\n{self.shown()[-3000:]}"
                )
        return time.perf_counter()

    def shown(self, since: int = 0) -> str:
        """Give the text that was sent, without what a terminal obeys."""
        return _SEQUENCE.sub(b" ", bytes(self.sent[since:])).decode("utf-8", "replace")

    def wait(self) -> int:
        """Read until the program has ended, and give its exit code as a shell would."""
        limit = time.monotonic() + PATIENCE
        while self._code is None:
            if time.monotonic() > limit:
                raise AssertionError(f"it does not end; the last that came:\n{self.shown()[-3000:]}")
            self._read(0.02)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                self._code = code if code >= 0 else 128 - code
        while self._read(0):
            pass
        return self._code

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _read(self, patience: float) -> bool:
        """Read what there is; false when nothing can come any more, or nothing came at once where nothing was waited for."""
        if self._fd < 0:
            return False
        if not select.select([self._fd], [], [], patience)[0]:
            return patience > 0
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # the other side is closed
            data = b""
        self.sent += data
        return bool(data)
