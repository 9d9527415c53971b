"""A shell on the server that is kept open: one request at a time goes to its stdin, one answer comes back. One round trip each.

A request is one compound command, which a shell reads whole before it executes anything: a request that a broken link has cut in the
middle is never executed in part.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.base import Stream
from dfwizard.hosts.process import CHUNK
from dfwizard.hosts.ssh.frames import Frames, Mark, new_token
from dfwizard.hosts.ssh.shell import functions

INLINE = 1 << 15
"""Bytes of a payload that travel inside the request; bash reads a script byte by byte, so that more is sent behind it."""
_IDLE = 15.0
"""Seconds after which a worker is asked whether it is still there: a dead link is noticed by then."""
_FUNCTIONS = functions(
    "greeting.sh", "common.sh", "files.sh", "commands.sh", "plain.sh", "processes.sh", "follow.sh", "hold.sh"
)
_FEW = functions("greeting.sh", "common.sh")
"""Enough for a request that brings its own: bash reads all that it is sent byte by byte."""
_LINK = (paramiko.SSHException, EOFError, OSError)


@dataclass(frozen=True)
class Server:
    """What the shell told of itself: its account, process and boot.

    `pid` and `started` (clock ticks since boot) tell the worker's shell from all other processes of this `boot`; `sessions`:
    setsid(1) is there; `seeks`: dd(1) counts in bytes.
    """

    uid: int
    user: str
    pid: int
    started: int
    boot: str
    sessions: bool
    seeks: bool


@dataclass(frozen=True)
class Answer:
    """What a request left: its exit code and what it wrote."""

    code: int
    out: bytes
    err: bytes


Event = tuple[Stream, bytes | Mark]


class _Bell(threading.Event):
    """Rings when something comes or ends on one of a channel's two buffers."""

    def clear(self) -> None:
        """Do nothing: that one buffer is empty says nothing about the other."""

    def silence(self) -> None:
        """Forget what has rung so far: the buffers are looked at next."""
        super().clear()


class Worker:
    """One session channel with a shell behind it; one that is `brief` brings the functions of its one request with it."""

    def __init__(self, channel: paramiko.Channel, host: str, *, brief: bool = False) -> None:
        self._channel = channel
        self._brief = brief
        self.host = host
        self._bell = _Bell()
        # Not Channel.fileno(): its two halves can miss each other's news.
        channel.in_buffer.set_event(self._bell)
        channel.in_stderr_buffer.set_event(self._bell)
        self._frames: dict[Stream, Frames] = {}
        self._waiting: bytes | None = None
        self._broken = False
        self._used = time.monotonic()
        self._server: Server | None = None
        self.token = ""
        self.spent = False
        """It has served its one request, or something of another request may still come out of it."""

    @property
    def channel(self) -> paramiko.Channel:
        """Give the channel itself: to one whose request is the last (see `spent`)."""
        return self._channel

    @property
    def alive(self) -> bool:
        """Whether it can take a request, as far as is known here."""
        transport = self._channel.get_transport()
        return not (
            self.spent
            or self._channel.closed
            or self._channel.eof_received
            or not transport.is_active()
            or self._channel.recv_ready()
            or self._channel.recv_stderr_ready()
        )

    @property
    def server(self) -> Server:
        """Give what `greet` heard."""
        assert self._server is not None
        return self._server

    @property
    def noise(self) -> str:
        """Give the last that came from something else than the shell: sudo's refusal, a login script's words."""
        parts = [frames.noise for frames in self._frames.values()]
        return b"\n".join(part for part in parts if part).decode("utf-8", "replace").strip()

    @property
    def rested(self) -> bool:
        """Whether it has been idle so long that the link may have died unnoticed."""
        return time.monotonic() - self._used > _IDLE

    def execute(self, command: str) -> None:
        """Start what will read the requests. A server that refuses to closes the channel: who reads the answer hears of it.

        Raises:
            ConnectionLost
        """
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(self._channel.remote_chanid)
        message.add_string("exec")
        message.add_boolean(True)
        message.add_string(command)
        try:
            # Not Channel.exec_command(): it waits for a round trip in which the first request can be on its way already.
            self._channel.get_transport()._send_user_message(message)  # type: ignore[attr-defined]  # noqa: SLF001
        except _LINK as error:
            raise self._lost() from error

    def greet(self) -> Server:
        """Hand over the functions that requests use, and hear who is there."""
        answer = self.ask(b"dfw_greet", before=_FEW if self._brief else _FUNCTIONS)
        words = answer.out.decode("utf-8", "replace").split("\n")
        if len(words) < 7:
            raise HostError(
                f"the shell there did not answer as a POSIX shell does: {answer.err[-200:].decode('utf-8', 'replace')!r}",
                where=self.host,
                remedy="See that `sh` and the programs of coreutils (or busybox) work for this account.",
            )
        self._server = Server(
            uid=int(words[0]),
            user="root" if words[0] == "0" else words[1],
            pid=int(words[2]),
            started=int(words[3]),
            boot=words[4],
            sessions=words[5] == "yes",
            seeks=words[6] == "yes",
        )
        return self._server

    def ask(
        self, body: bytes, *, payload: bytes | None = None, before: bytes = b"", until: float | None = None
    ) -> Answer:
        """Have `body` executed in a subshell and give its answer. See `begin`.

        Raises:
            ConnectionLost: the link or the shell ended first; whether the request was executed is not known.
        """
        self.begin(b"(\n" + body + b"\n)\ndfw_end $?", payload=payload, before=before)
        parts: dict[Stream, list[bytes]] = {"stdout": [], "stderr": []}
        codes: list[int] = []
        while len(codes) < 2:
            for stream, event in self.events(until):
                if isinstance(event, bytes):
                    parts[stream].append(event)
                elif event.letter == "E":
                    codes.append(int(event.argument))
            if until is not None and time.monotonic() >= until:
                raise self._lost()
        return Answer(codes[0], b"".join(parts["stdout"]), b"".join(parts["stderr"]))

    def begin(self, body: bytes, *, payload: bytes | None = None, before: bytes = b"") -> None:
        """Send a request; `events` gives what comes of it, between the marks S and E on each stream.

        `body` finds `payload` on its descriptor 3 as `dfw_input` gives it, and nothing on its stdin. `before` is executed first.
        """
        self._used = time.monotonic()
        self.token = new_token()
        self._frames = {"stdout": Frames(self.token), "stderr": Frames(self.token)}
        source, document, after = b"3</dev/null", b"", b""
        if payload is not None and len(payload) <= INLINE:
            source = f"3<<'{self.token}'".encode()
            document = base64.encodebytes(payload) + f"{self.token}\n".encode()
            before += b"dfw_input() { base64 -d; }\n"
        elif payload is not None:
            # Nothing may be left over that the shell would read as a request: it ends with this one.
            source, after, self.spent = b"3<&0", b"\nexit 0", True
            before += f"dfw_input() {{ head -c {len(payload)}; }}\n".encode()
            self._waiting = payload
        request = (
            f"{{\ndfw_token={self.token}\n".encode()
            + before
            + b"dfw_begin\n"
            + body
            + after
            + b"\n} "
            + source
            + b" </dev/null\n"
            + document
        )
        try:
            self._channel.sendall(request)
        except _LINK:
            self._broken = True  # what it said before it ended is worth hearing

    def events(self, until: float | None = None) -> Iterator[Event]:
        """Give what has come, waiting for something at most until the monotonic clock shows `until`.

        Raises:
            ConnectionLost: nothing more can come.
        """
        data = self.receive(until)
        for stream, chunk in data:
            for event in self._frames[stream].feed(chunk):
                if isinstance(event, Mark) and event.letter == "S" and self._waiting is not None:
                    self._send_behind()
                yield stream, event

    def receive(self, until: float | None = None) -> list[tuple[Stream, bytes]]:
        """Give the bytes that have come, as `events` does."""
        try:
            while True:
                self._bell.silence()
                found: list[tuple[Stream, bytes]] = []
                if self._channel.recv_stderr_ready() and (data := self._channel.recv_stderr(CHUNK)):
                    found.append(("stderr", data))
                if self._channel.recv_ready() and (data := self._channel.recv(CHUNK)):
                    found.append(("stdout", data))
                if found:
                    self._used = time.monotonic()
                    return found
                if self._ended():
                    raise self._lost()
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    return []
                self._bell.wait(left)
        except _LINK as error:
            raise self._lost() from error

    def send(self, data: bytes) -> None:
        """Send bytes as they are: what is asked for before there is a shell."""
        try:
            self._channel.sendall(data)
        except _LINK as error:
            raise self._lost() from error

    def close(self) -> None:
        """End the channel; the shell ends when it next reads or writes."""
        with suppress(*_LINK):
            self._channel.close()

    def _ended(self) -> bool:
        ready = self._channel.recv_ready() or self._channel.recv_stderr_ready()
        over = self._broken or self._channel.closed or self._channel.eof_received
        return bool(over and not ready)

    def _send_behind(self) -> None:
        payload, self._waiting = self._waiting, None

        def send() -> None:
            # Where nobody reads it to its end, the answer says so.
            with suppress(*_LINK):
                self._channel.sendall(payload or b"")

        threading.Thread(target=send, name=f"payload to {self.host}", daemon=True).start()

    def _lost(self) -> ConnectionLost:
        self.spent = True
        return ConnectionLost(
            "the connection was lost in the middle of a request; whether it was carried out is not known",
            where=self.host,
            remedy="Look at the network and at sshd there (`journalctl -u ssh`), then try again.",
        )
