"""A network link in user space: a TCP proxy on loopback that delays, cuts, refuses and stalls.

It stands in for `tc netem` where the kernel has none. What it cannot do: packet loss, and TCP's own answer to a long way (each side's
TCP talks to the proxy without delay). What SSH makes of a long way, its windows and its round trips, is as on a real one.

The proxy is a process of its own, so that it takes no time from the interpreter under test; it ends with its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_CHUNK = 1 << 18
_ON_THE_WAY = 1 << 26
"""Bytes that one direction of a connection holds at most: more than 300 MB/s need at 80 ms."""
_RESET = struct.pack("ii", 1, 0)


class Link:
    """The link to a port of this machine, seen from the test. Every method returns once it is in force."""

    def __init__(self, target: int, *, rtt: float = 0.0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.link", str(target)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.port = int(self._ask("port"))
        if rtt:
            self.set_rtt(rtt)

    def set_rtt(self, seconds: float) -> None:
        """Delay every byte by half of `seconds` on each way, at full bandwidth."""
        self._ask("delay", seconds / 2)

    def cut(self) -> int:
        """Reset every connection; give how many there were. New ones are let in."""
        return int(self._ask("cut"))

    def cut_after(self, count: int) -> None:
        """Reset every connection once `count` more bytes have passed, both ways together."""
        self._ask("cut_after", count)

    def refuse(self) -> None:
        """Refuse new connections until `admit`; those that are there stay."""
        self._ask("refuse")

    def admit(self) -> None:
        """Let new connections in again."""
        self._ask("admit")

    def stall(self, seconds: float | None = None) -> None:
        """Carry nothing, silently, for `seconds` or until `resume`; what is on its way is held. A new connection hears nothing."""
        self._ask("stall", seconds)

    def resume(self) -> None:
        """Carry again, what was held first."""
        self._ask("resume")

    def blackhole(self) -> None:
        """Swallow everything from now on, also of new connections, and never say a word."""
        self._ask("stall")

    def connections(self) -> int:
        """How many connections are open."""
        return int(self._ask("connections"))

    def accepted(self) -> int:
        """How many connections there have been."""
        return int(self._ask("accepted"))

    def carried(self) -> int:
        """How many bytes have passed, both ways together."""
        return int(self._ask("carried"))

    def turns(self) -> int:
        """How often bytes have arrived there since some came back: with a delay, and on one connection, the journeys that it took."""
        return int(self._ask("turns"))

    def close(self) -> None:
        """End the proxy and its connections."""
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()

    def _ask(self, command: str, argument: float | None = None) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([command, argument]) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextlib.contextmanager
def linked(target: int, *, rtt: float = 0.0) -> Iterator[Link]:
    """Make a link that is closed at the end."""
    link = Link(target, rtt=rtt)
    try:
        yield link
    finally:
        link.close()


@dataclass(eq=False)
class _Way:
    """One direction of a connection: what has been read from `source` and waits for its time, or for room in `target`."""

    source: socket.socket
    target: socket.socket
    outward: bool
    """Towards the port that the link leads to."""
    waiting: deque[tuple[float, memoryview]] = field(default_factory=deque)
    size: int = 0
    ended: bool = False
    """`source` has said its last; None of it may be lost before `target` hears so."""
    closed: bool = False


class _Proxy:
    """The loop of the proxy's process."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._ways: dict[socket.socket, _Way] = {}
        self._listener: socket.socket | None = None
        self._port = 0
        self._listen()
        self._delay = 0.0
        self._stalled = False
        self._stalled_until: float | None = None
        self._cut_at: int | None = None
        self._accepted = 0
        self._carried = 0
        self._turns = 0
        self._came_back = True
        self._pending = b""

    def run(self) -> None:
        """Carry until standard input ends."""
        os.set_blocking(0, False)
        self._selector.register(0, selectors.EVENT_READ)
        while True:
            for key, events in self._selector.select(self._patience()):
                if key.fileobj == 0:
                    if not self._obey():
                        return
                elif key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and events & selectors.EVENT_READ:
                    self._take(key.fileobj)
            if self._stalled_until is not None and time.monotonic() >= self._stalled_until:
                self._stall(False)
            if not self._stalled:
                self._deliver()

    def _patience(self) -> float | None:
        if self._stalled:
            return None if self._stalled_until is None else max(0.0, self._stalled_until - time.monotonic())
        due = [way.waiting[0][0] for way in self._ways.values() if way.waiting and not self._blocked(way)]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _blocked(self, way: _Way) -> bool:
        """Whether the target had no room the last time: then its room is waited for, not the time."""
        return bool(self._interest(way.target) & selectors.EVENT_WRITE)

    def _obey(self) -> bool:
        try:
            data = os.read(0, 4096)
        except BlockingIOError:
            return True
        if not data:
            return False
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            command, argument = json.loads(line)
            sys.stdout.write(f"{self._answer(command, argument)}\n")
            sys.stdout.flush()
        return True

    def _answer(self, command: str, argument: float | None) -> float:
        if command == "delay" and argument is not None:
            self._delay = argument
        elif command == "cut":
            return self._cut()
        elif command == "cut_after" and argument is not None:
            self._cut_at = self._carried + int(argument)
        elif command == "refuse" and self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None
        elif command == "admit" and self._listener is None:
            self._listen()
        elif command in ("stall", "resume"):
            self._stalled_until = None if argument is None else time.monotonic() + argument
            self._stall(command == "stall")
        figures = {
            "port": self._port,
            "connections": len(self._ways) // 2,
            "accepted": self._accepted,
            "carried": self._carried,
            "turns": self._turns,
        }
        return figures.get(command, 0)

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=128)
        self._listener.setblocking(False)
        self._port = self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ)

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(BlockingIOError):
            near, _ = self._listener.accept()
            self._accepted += 1
            try:
                far = socket.create_connection(("127.0.0.1", self._target), 10)
            except OSError:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                near.close()
                return
            for one, other, outward in ((near, far, True), (far, near, False)):
                one.setblocking(False)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._ways[one] = _Way(one, other, outward)
            for way in (self._ways[near], self._ways[far]):
                self._listen_to(way)

    def _take(self, source: socket.socket) -> None:
        way = self._ways.get(source)
        if way is None:
            return
        try:
            data = source.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._reset(way)
            return
        if not data:
            way.ended = True
        else:
            way.waiting.append((time.monotonic() + self._delay, memoryview(data)))
            way.size += len(data)
        self._listen_to(way)

    def _deliver(self) -> None:
        for way in list(self._ways.values()):
            if way.waiting or way.ended:
                self._send(way)
        if self._cut_at is not None and self._carried >= self._cut_at:
            self._cut_at = None
            self._cut()

    def _send(self, way: _Way) -> None:
        if self._ways.get(way.source) is not way:
            return
        full = False
        now = time.monotonic()
        while way.waiting and way.waiting[0][0] <= now and not full:
            due, data = way.waiting[0]
            if self._cut_at is not None:
                data = data[: max(0, self._cut_at - self._carried)]
                if not data:
                    return
            try:
                sent = way.target.send(data)
            except BlockingIOError:
                full = True
                continue
            except OSError:
                self._reset(way)
                return
            self._carried += sent
            self._turns += way.outward and self._came_back
            self._came_back = not way.outward
            way.size -= sent
            rest = way.waiting[0][1][sent:]
            if rest:
                way.waiting[0] = (due, rest)
            else:
                way.waiting.popleft()
        if way.ended and not way.waiting and not way.closed:
            way.closed = True
            with contextlib.suppress(OSError):
                way.target.shutdown(socket.SHUT_WR)
            other = self._ways[way.target]
            if other.closed:
                self._forget(way)
                return
        self._await_room(way, full)
        self._listen_to(way)

    def _interest(self, end: socket.socket) -> int:
        key = self._selector.get_map().get(end)
        return key.events if key is not None else 0

    def _want(self, end: socket.socket, events: int) -> None:
        before = self._interest(end)
        if before == events:
            return
        if not before:
            self._selector.register(end, events)
        elif not events:
            self._selector.unregister(end)
        else:
            self._selector.modify(end, events)

    def _listen_to(self, way: _Way) -> None:
        reading = not (self._stalled or way.ended or way.size >= _ON_THE_WAY)
        events = self._interest(way.source) & selectors.EVENT_WRITE
        self._want(way.source, events | (selectors.EVENT_READ if reading else 0))

    def _await_room(self, way: _Way, full: bool) -> None:
        events = self._interest(way.target) & selectors.EVENT_READ
        self._want(way.target, events | (selectors.EVENT_WRITE if full else 0))

    def _stall(self, stalled: bool) -> None:
        self._stalled = stalled
        if not stalled:
            self._stalled_until = None
        for way in self._ways.values():
            self._await_room(way, False)
            self._listen_to(way)

    def _cut(self) -> int:
        count = len(self._ways) // 2
        for way in list(self._ways.values()):
            self._reset(way)
        return count

    def _reset(self, way: _Way) -> None:
        for end in (way.source, way.target):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._forget(way)

    def _forget(self, way: _Way) -> None:
        for end in (way.source, way.target):
            if self._ways.pop(end, None) is not None:
                self._want(end, 0)
                end.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Proxy(int(sys.argv[1])).run()
