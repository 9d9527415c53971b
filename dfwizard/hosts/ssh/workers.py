"""The shells that are open on one server: lent to one request at a time, opened when all are busy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.ssh.becoming import Entrance
from dfwizard.hosts.ssh.connection import Connection
from dfwizard.hosts.ssh.worker import Answer, Server, Worker

_LIMIT = 8
"""Workers at a time; sshd allows ten sessions for a connection (MaxSessions), and others need some."""
_RESERVE = 1
"""Workers beyond the limit for what must not wait: ending processes while everything is busy."""
_REPEATS = 3
_SOON = 5.0
"""Seconds that a worker which nobody has asked for yet may take to open."""
_PATIENCE = 10.0
"""Seconds that a worker which has rested has to say that it is there."""


class Workers:
    """The workers of one host. Safe for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._entrance = Entrance(connection, connection.prompts)
        self._free: list[Worker] = []
        self._count = 0
        self._server: Server | None = None
        self._changed = threading.Condition()
        self._closed = False

    @property
    def name(self) -> str:
        """Give the host's name."""
        return self._connection.name

    @property
    def entrance(self) -> Entrance:
        """Give how shells are opened there."""
        return self._entrance

    @property
    def server(self) -> Server:
        """Give what the server's shell told of itself last; connects when nothing is known yet."""
        if self._server is None:
            with self.lent():
                pass
        assert self._server is not None
        return self._server

    def expect_many(self) -> None:
        """Open as many workers as there may be, in the background, once it is known how: opening one takes two round trips.

        Raises:
            HostError: the host cannot be reached.
        """
        _ = self.server  # connected, and known how a worker is opened
        with self._changed:
            missing = _LIMIT - self._count
            self._count += missing
        for _ in range(missing):
            threading.Thread(target=self._add, name=f"shell on {self.name}", daemon=True).start()

    def ask(
        self,
        body: bytes,
        *,
        payload: bytes | None = None,
        wait: float | None = None,
        urgent: bool = False,
    ) -> Answer:
        """Have `body` executed and give its answer. It is asked again when the link is lost, so it must be fit for that.

        For `wait` and `urgent` see `lent`.

        Raises:
            ConnectionLost: the link was lost again and again.
            HostError: the host cannot be reached any more.
        """
        for _ in range(_REPEATS):
            try:
                with self.lent(wait=wait, urgent=urgent) as worker:
                    return worker.ask(body, payload=payload)
            except ConnectionLost as error:
                lost = error
        raise lost

    @contextmanager
    def lent(self, *, wait: float | None = None, urgent: bool = False) -> Iterator[Worker]:
        """Lend a worker; one that is not fit for another request afterwards is closed.

        `wait`: seconds that a connection may take to come back (None: the connection's own patience). `urgent` ones need
        not wait for the others to be given back.

        Raises:
            HostError: the host cannot be reached.
        """
        worker = self._take(wait, urgent)
        whole = False
        try:
            yield worker
            whole = True
        finally:
            self._give_back(worker, whole)

    def close(self) -> None:
        """End all workers that are free, and the others when they are given back."""
        with self._changed:
            self._closed = True
            free, self._free = self._free, []
            self._count -= len(free)
        for worker in free:
            worker.close()

    def _take(self, wait: float | None, urgent: bool) -> Worker:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._free or self._count < _LIMIT + (_RESERVE if urgent else 0)
                )
                worker = self._free.pop() if self._free else None
                if worker is None:
                    self._count += 1
            if worker is None:
                return self._open(wait)
            if self._is_there(worker):
                return worker
            self._drop(worker)

    def _open(self, wait: float | None) -> Worker:
        try:
            worker = self._entrance.open(wait)
        except BaseException:
            with self._changed:
                self._count -= 1
                self._changed.notify()
            raise
        self._server = worker.server
        self._closed = False
        return worker

    def _add(self) -> None:
        """Open a worker for whoever needs one."""
        try:
            worker = self._entrance.open(_SOON)
        except HostError:
            # Whoever needs one tries by itself, and hears why.
            with self._changed:
                self._count -= 1
                self._changed.notify()
        else:
            self._give_back(worker, whole=True)

    @staticmethod
    def _is_there(worker: Worker) -> bool:
        """Tell whether a free worker can be used; one that has rested is asked, so that a dead link is not noticed too late."""
        if not worker.alive:
            return False
        if not worker.rested:
            return True
        try:
            worker.ask(b":", until=time.monotonic() + _PATIENCE)
        except ConnectionLost:
            return False
        return True

    def _give_back(self, worker: Worker, whole: bool) -> None:
        if not whole or self._closed or not worker.alive:
            self._drop(worker)
            return
        with self._changed:
            self._free.append(worker)
            self._changed.notify()

    def _drop(self, worker: Worker) -> None:
        worker.close()
        with self._changed:
            self._count -= 1
            self._changed.notify()
