"""A shell that is opened before it is needed: starting one takes a login shell's start and two round trips."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.ssh.worker import Worker

_PATIENCE = 10.0
"""Seconds that a shell which has waited for long has to say that it is there."""


class ReadyShell:
    """One shell, opened in the background by `opening`; for one taker."""

    def __init__(self, opening: Callable[[], Worker]) -> None:
        self._worker: Worker | None = None
        self._unwanted = False
        self._lock = threading.Lock()

        def open_shell() -> None:
            try:
                worker = opening()
            except HostError:
                return  # whoever needs a shell tries by itself, and hears why
            with self._lock:
                self._worker = worker
                if self._unwanted:
                    worker.close()

        self._thread = threading.Thread(target=open_shell, name="ready shell", daemon=True)
        self._thread.start()

    def take(self) -> Worker | None:
        """Give the shell, once it is there; None when it could not be opened or is not there any more."""
        self._thread.join()
        worker = self._worker
        if worker is None or not worker.alive:
            return None
        if worker.rested:
            try:
                worker.ask(b":", until=time.monotonic() + _PATIENCE)
            except ConnectionLost:
                worker.close()
                return None
        return worker

    def discard(self) -> None:
        """End it, now or when it is there."""
        with self._lock:
            self._unwanted = True
            if self._worker is not None:
                self._worker.close()
