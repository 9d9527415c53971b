"""The runner's Unix socket: newline-separated JSON requests from the run's owner and root, one answer each.

    {"do": "status"}                        {"ok": true, "step": "migrate", "paused": false, "choices": [...], ...}
    {"do": "pause"} / {"do": "continue"}    {"ok": true}
    {"do": "decide", "decision": "retry",   {"ok": true}
     "question": 17}
    anything else                           {"ok": false, "error": "..."}

`question` is the number of the record in the journal that asks: an answer to one question must never be taken for another's.
A client can neither hold up nor harm the runner: one thread serves all of them without waiting for any.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution import processes

REQUEST_BYTES = 64 * 1024
CLIENTS = 32
IDLE_SECONDS = 30.0

_CREDENTIALS = struct.Struct("3i")


class Desk:
    """Where the runner's main thread and the socket's thread meet: pause, the open question, its answer."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._status: dict[str, Any] = {}
        self._pause_by: str | None = None
        self._continue_by = ""
        self._question = 0
        self._choices: tuple[str, ...] = ()
        self._answers: list[tuple[str, str]] = []
        self._answered: dict[int, str] = {}

    def publish(self, **status: Any) -> None:
        """Set what a status request is answered with."""
        with self._changed:
            self._status = status

    @property
    def pause_wanted(self) -> str | None:
        """Give who asked for a pause that still holds, else None."""
        with self._changed:
            return self._pause_by

    def wait_for_continue(self) -> str:
        """Wait until the pause is over; give who ended it."""
        with self._changed:
            self._changed.wait_for(lambda: self._pause_by is None)
            return self._continue_by

    def open(self, question: int, choices: tuple[str, ...]) -> None:
        """Take answers to the question of that number from now on; it is opened before anybody can read it."""
        with self._changed:
            self._question, self._choices = question, choices
            self._answers.clear()

    def wait_for_answer(self) -> tuple[str, str]:
        """Wait until the open question has been answered, close it, and give the choice and who chose."""
        with self._changed:
            try:
                self._changed.wait_for(lambda: bool(self._answers))
                return self._answers[0]
            finally:
                self._choices = ()
                self._answers.clear()

    def answer(self, request: object, by: str) -> dict[str, Any]:
        """Carry out a request of `by` and give what it is answered with."""
        if not isinstance(request, dict):
            return _refuse("a request is a JSON object")
        do = request.get("do")
        with self._changed:
            if do == "status":
                paused = self._pause_by is not None
                return {"ok": True, **self._status, "pause": paused, **self._open()}
            if do == "pause":
                self._pause_by = self._pause_by or by
            elif do == "continue":
                if self._pause_by is None:
                    return _refuse("the run is not paused")
                self._pause_by, self._continue_by = None, by
            elif do == "decide":
                return self._decide(request.get("decision"), request.get("question"), by)
            else:
                return _refuse("unknown request; known are status, pause, continue and decide")
            self._changed.notify_all()
        return {"ok": True}

    def _open(self) -> dict[str, Any]:
        return {"choices": list(self._choices), "asked": self._question if self._choices else None}

    def _decide(self, decision: object, question: object, by: str) -> dict[str, Any]:
        if isinstance(question, int) and question in self._answered:
            return _refuse(f"it has been answered by {self._answered[question]}")
        if not self._choices:
            return _refuse("there is nothing to decide at the moment")
        if question != self._question:
            return _refuse("another question is open than the one that was answered")
        if not isinstance(decision, str) or decision not in self._choices:
            return _refuse(f"the choices are {', '.join(self._choices)}")
        self._answered[self._question] = by
        self._answers.append((decision, by))
        self._changed.notify_all()
        return {"ok": True}


@dataclass
class _Client:
    connection: socket.socket
    by: str
    deadline: float
    received: bytes = b""
    unsent: bytes = b""


class ControlServer:
    """Serves the socket at `path` in a thread of its own until `close`."""

    def __init__(self, path: Path, desk: Desk) -> None:
        self._desk = desk
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, _Client] = {}
        self._path = path
        # Only the holder of the run's lock comes here, so a socket found is one of a dead runner.
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        before = os.umask(0o177)
        try:
            with _short(path) as address:
                self._listener.bind(address)
        finally:
            os.umask(before)
        self._listener.listen(CLIENTS)
        self._wake, self._woken = os.pipe()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving and remove the socket."""
        os.close(self._woken)
        self._thread.join()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select(1.0 if self._clients else None):
                if key.fd == self._wake:
                    self._shut()
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fd in self._clients:
                    self._attend(self._clients[key.fd])
            now = time.monotonic()
            for client in [client for client in self._clients.values() if client.deadline < now]:
                self._drop(client)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone already, or no descriptor free: nothing that concerns the run
            return
        uid = _peer(connection)[1]
        if uid not in (0, os.geteuid()) or len(self._clients) >= CLIENTS:
            connection.close()
            return
        connection.setblocking(False)
        client = _Client(connection, processes.account_name(uid), time.monotonic() + IDLE_SECONDS)
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ)

    def _attend(self, client: _Client) -> None:
        try:
            if not client.unsent:
                data = client.connection.recv(REQUEST_BYTES)
                if not data:
                    self._drop(client)
                    return
                client.deadline = time.monotonic() + IDLE_SECONDS
                client.received += data
                *lines, client.received = client.received.split(b"\n")
                client.unsent = b"".join(self._answer(line, client.by) for line in lines)
            if client.unsent:
                client.unsent = client.unsent[client.connection.send(client.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        if len(client.received) > REQUEST_BYTES:
            self._drop(client)
            return
        wanted = selectors.EVENT_WRITE if client.unsent else selectors.EVENT_READ
        self._selector.modify(client.connection, wanted)

    def _answer(self, line: bytes, by: str) -> bytes:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            answer = _refuse("not JSON")
        else:
            answer = self._desk.answer(request, by)
        return json.dumps(answer).encode("ascii") + b"\n"

    def _drop(self, client: _Client) -> None:
        self._selector.unregister(client.connection)
        del self._clients[client.connection.fileno()]
        client.connection.close()

    def _shut(self) -> None:
        for client in tuple(self._clients.values()):
            self._drop(client)
        self._listener.close()
        self._selector.close()
        os.close(self._wake)


def ask(path: Path, request: dict[str, Any], *, timeout: float = 5.0) -> dict[str, Any]:
    """Send one request to the runner's socket at `path` and give its answer; `timeout` is in seconds.

    Raises:
        UsageError: the socket belongs to somebody else, or the runner refused the request.
        DfwizardError: no runner answers.
    """
    try:
        info = path.lstat()
        if not stat.S_ISSOCK(info.st_mode) or info.st_uid not in (0, os.geteuid()):
            raise UsageError(
                "this is not a socket of a runner of yours",
                where=str(path),
                remedy="Run dfwizard as the account that made the run.",
            )
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            with _short(path) as address:
                connection.connect(address)
            if _peer(connection)[1] not in (0, info.st_uid):
                raise UsageError("somebody else answers there", where=str(path))
            connection.sendall(json.dumps(request).encode("ascii") + b"\n")
            answer = json.loads(_line(connection.recv))
    except (OSError, ValueError) as error:
        raise DfwizardError(
            f"no runner answers ({error.strerror if isinstance(error, OSError) and error.strerror else error})",
            where=str(path),
            remedy="`dfwizard runs` tells whether it is still at work; `dfwizard resume` goes on with it.",
        ) from None
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        reason = answer.get("error", "no reason given") if isinstance(answer, dict) else "no reason given"
        raise UsageError(f"the runner refused: {reason}", where=str(path))
    return answer


def _line(receive: Callable[[int], bytes]) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < 1 << 20:
        piece = receive(REQUEST_BYTES)
        if not piece:
            raise ValueError("the connection was closed without an answer")
        data += piece
    return data


def _refuse(reason: str) -> dict[str, Any]:
    return {"ok": False, "error": reason}


def _peer(connection: socket.socket) -> tuple[int, int, int]:
    """Give pid, uid and gid of the other end."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(data)
    return pid, uid, gid


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give an address for `path` that fits the 108 bytes the kernel has for it."""
    if len(os.fsencode(path)) < 108:
        yield str(path)
        return
    fd = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)
