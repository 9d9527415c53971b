"""Where holes of Textual 8.2 are closed: a byte that is no UTF-8, a closing terminal, frames over slow links."""

from __future__ import annotations

import asyncio
import codecs
import os
import signal
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codecs import IncrementalDecoder

SLOW_FPS = "15"
"""Frames per second over a network connection; a local terminal gets Textual's own 60."""


def prepare_environment(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what Textual reads when it is first imported; what the user has set stays."""
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        environ.setdefault("TEXTUAL_FPS", SLOW_FPS)


def accept_any_byte() -> None:
    """Have input that is no UTF-8 read with replacement characters instead of ending the app (Textual issue 6668)."""
    from textual.drivers import linux_driver

    def lenient(encoding: str) -> Callable[[], IncrementalDecoder]:
        return partial(codecs.getincrementaldecoder(encoding), errors="replace")

    setattr(linux_driver, "getincrementaldecoder", lenient)  # noqa: B010


def outlive_the_terminal() -> None:
    """Have the thread that writes take frames also when the terminal has gone: nobody must wait for it, nor hear of it."""
    from textual.drivers._writer_thread import WriterThread

    write = WriterThread.run

    def run(self: WriterThread) -> None:
        try:
            write(self)
        except OSError:
            while self._queue.get() is not None:
                pass

    setattr(WriterThread, "run", run)  # noqa: B010


def let_go() -> None:
    """Write to a terminal that has gone no more: the interpreter would fail at its end with what is left to be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)


def end_on_signals(end: Callable[[int], None]) -> None:
    """Call `end` with the signal in the event loop on SIGHUP and SIGTERM; else the terminal is left as it is and nothing is said."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
