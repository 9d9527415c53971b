"""Becoming root on the server: `sudo` without a password, else with the one that a person gives, else not at all.

The password goes to sudo's stdin when sudo has asked for it, and nowhere else. What works is found out once for a host.
"""

from __future__ import annotations

import threading
import time

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.prompts import Prompts, Question
from dfwizard.hosts.ssh.connection import Connection
from dfwizard.hosts.ssh.frames import new_token
from dfwizard.hosts.ssh.worker import Worker

_TRIES = 3
_PATIENCE = 30.0
"""Seconds that sudo has for its answer; PAM makes it wait after a wrong password."""
_ASKS = ("a password is required", "a terminal is required")
_PLAIN = "exec sh"
_FREE = "exec env LC_ALL=C sudo -n -H -- sh"
_ASKING = "exec env LC_ALL=C sudo -S -H -p {prompt} -- sh -c 'echo {sign}; exec sh'"
"""Every login shell reads these alike, csh and fish too. `sign` says that what was typed ahead is not read as a script."""


class Entrance:
    """How shells are opened on one host, with the most that its login is allowed."""

    def __init__(self, connection: Connection, prompts: Prompts) -> None:
        self._connection = connection
        self._prompts = prompts
        self._way: str | None = None
        self._password: str | None = None
        self._finding = threading.Lock()

    def open(self, wait: float | None, *, bulk: bool = False) -> Worker:
        """Open a shell, on the connection for `bulk` where that is wanted; the first call finds out how.

        Raises:
            HostError: the host cannot be reached, or its shell is none.
        """
        with self._finding:
            if self._way is None:
                return self._first(wait, bulk)
        if self._way == _ASKING:
            found = self._with_password(wait, bulk)
            if found is not None:
                return found
            raise HostError(
                "sudo no longer takes the password that it took before",
                where=self._connection.name,
                remedy="Start again, and give the account's password when you are asked.",
            )
        return self._shell(self._way, wait, bulk)

    def _first(self, wait: float | None, bulk: bool) -> Worker:
        worker = self._shell(_PLAIN, wait, bulk)
        if worker.server.uid != 0:
            found = self._root(wait, bulk)
            if found is not None:
                worker.close()
                return found
        self._way = _PLAIN
        return worker

    def _root(self, wait: float | None, bulk: bool) -> Worker | None:
        worker = self._worker(_FREE, wait, bulk)
        try:
            server = worker.greet()
        except ConnectionLost:
            worker.close()
            if not any(words in worker.noise for words in _ASKS):
                return None
            found = self._with_password(wait, bulk)
            if found is not None:
                self._way = _ASKING
            return found
        if server.uid != 0:
            worker.close()
            return None
        self._way = _FREE
        return worker

    def _with_password(self, wait: float | None, bulk: bool) -> Worker | None:
        """Open a shell through a sudo that asks; None when it was told nothing that it takes."""
        prompt, sign = new_token(), new_token()
        worker = self._worker(_ASKING.format(prompt=prompt, sign=sign), wait, bulk)
        tries = 0
        said: dict[str, bytes] = {"stdout": b"", "stderr": b""}
        until = time.monotonic() + _PATIENCE
        try:
            while sign.encode() not in said["stdout"]:
                received = worker.receive(until)
                if not received:
                    break
                for stream, data in received:
                    said[stream] += data
                if said["stderr"].count(prompt.encode()) > tries:
                    password = self._secret(again=tries > 0) if tries < _TRIES else None
                    if password is None:
                        break
                    tries += 1
                    worker.send(password.encode("utf-8", "surrogateescape") + b"\n")
                    until = time.monotonic() + _PATIENCE
            else:
                if worker.greet().uid == 0:
                    return worker
        except ConnectionLost:
            pass
        worker.close()
        self._password = None
        return None

    def _secret(self, *, again: bool) -> str | None:
        if self._password is not None and not again:
            return self._password
        connection = self._connection
        self._password = self._prompts.secret(
            Question(
                "sudo",
                connection.name,
                f"Password of {connection.login} for sudo on {connection.name}",
                f"sudo {connection.name}",
                again=again,
            )
        )
        return self._password

    def _shell(self, way: str, wait: float | None, bulk: bool) -> Worker:
        worker = self._worker(way, wait, bulk)
        try:
            worker.greet()
        except ConnectionLost as error:
            worker.close()
            if not worker.noise:
                raise
            raise HostError(
                f"no shell can be opened there: {worker.noise.splitlines()[-1]}",
                where=self._connection.name,
                remedy="See that this account may run commands: ssh with `exec sh` behind it.",
            ) from error
        except BaseException:
            worker.close()
            raise
        return worker

    def _worker(self, way: str, wait: float | None, bulk: bool) -> Worker:
        channel = self._connection.channel(wait=wait, bulk=bulk)
        worker = Worker(channel, self._connection.name, brief=bulk)
        worker.execute(way)
        return worker
