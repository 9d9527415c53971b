"""Running processes on this machine: starting them joined by pipes, moving their bytes, ending them.

One loop in the calling thread watches the outputs, the input and the exits (pidfd) at once, so that nothing waits for
anything else: no line is waited for, a full pipe stops nobody, and the end is seen when it happens.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from dfwizard.hosts import procfs
from dfwizard.hosts.base import OnOutput, Stream
from dfwizard.hosts.failures import Said

CHUNK = 1 << 16
LINGER = 0.2
"""Seconds that outputs may stay open after the last command has ended, before they are closed on whoever holds them."""
TERM_GRACE = 5.0
"""Seconds between TERM and KILL."""
RECENT = 1 << 16
"""Bytes of each stream kept for messages, whatever the caller keeps."""
_DRAIN_LIMIT = 1 << 20


class Stopped(Exception):
    """Whoever holds the other end of a pipe to the processes has given up."""


@dataclass(frozen=True)
class Launch:
    """One process to start: its complete argv, environment and directory."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None = None


class Tail:
    """The last `limit` bytes of what was put in."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()

    def add(self, data: bytes) -> None:
        """Append, forgetting what lies further back than the limit."""
        self._data += data
        if len(self._data) > 2 * self._limit:
            del self._data[: len(self._data) - self._limit]

    def value(self) -> bytes:
        """Give the last `limit` bytes."""
        return bytes(self._data[-self._limit :]) if self._limit else b""


class Running:
    """Processes joined by pipes while they run. One alone leads a session of its own; the members of a pipeline share this
    process's: in sessions of their own the kernel's autogroups would make them wait for each other (a quarter slower, measured).

    `stdin` is written to the first, or `stdin_fd` is its input; `stdout_fd` takes the output of the last instead of `stdout`.
    Exited processes stay zombies until `close`, so that their pids (and sessions) cannot be given to others while the rest is
    still running.

    Raises OSError and ValueError as `subprocess.Popen` does; what had started by then has been ended.
    """

    def __init__(
        self,
        launches: Sequence[Launch],
        *,
        stdin: bytes | None,
        stdin_fd: int | None,
        stdout_fd: int | None,
        keep: int,
        on_output: OnOutput | None,
    ) -> None:
        self.stdout = Tail(keep)
        self.stderr = Tail(keep)
        self._errors = tuple(Tail(RECENT) for _ in launches)
        self._output = Tail(RECENT)
        self._deliver = on_output
        self._selector = selectors.DefaultSelector()
        self._open: set[int] = set()
        self._reading: dict[int, Callable[[], bool]] = {}
        self._exits: dict[int, int] = {}
        self._input: memoryview | None = None
        self._input_fd: int | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            self._start(launches, stdin, stdin_fd, stdout_fd)
        except BaseException:
            self._deliver = None
            self.end()
            self.close()
            raise

    def said(self, index: int) -> Said:
        """Give the last that a process said."""
        last = index == len(self._errors) - 1
        return Said(self._output.value() if last else b"", self._errors[index].value())

    def pump(self, until: float | None = None) -> bool:
        """Move bytes until all processes have ended (True), or the monotonic clock passes `until` (False)."""
        linger: float | None = None
        while self._exits or self._reading:
            now = time.monotonic()
            if self._exits:
                if until is not None and now >= until:
                    return False
                limit = until
            else:
                linger = now + LINGER if linger is None else linger
                if now >= linger:
                    break
                limit = linger
            for key, _ in self._selector.select(None if limit is None else limit - now):
                key.data()
        for read in tuple(self._reading.values()):
            taken = 0
            while taken < _DRAIN_LIMIT and read():
                taken += CHUNK
        self._forget(*self._reading)
        self._stop_input()
        return True

    def stop_at(self, fd: int) -> None:
        """Have `pump` raise `Stopped`, once, when `fd` becomes readable; it stays the caller's."""

        def stop() -> None:
            self._selector.unregister(fd)
            raise Stopped

        self._selector.register(fd, selectors.EVENT_READ, stop)

    def kill(self, send: procfs.Send = procfs.send_signal) -> None:
        """KILL everything at once, the last of a pipeline and parents first: nobody may take a broken input for one that ends."""
        for leader in reversed([started.pid for started in self._processes]):
            for target in sorted(procfs.tree([leader]), key=lambda p: (p.started, p.pid)):
                send(target, signal.SIGKILL)

    def end(self, send: procfs.Send = procfs.send_signal) -> tuple[int, ...]:
        """End the processes, their sessions and descendants; give the pids of those that could not be ended."""
        leaders = [started.pid for started in self._processes]
        if not leaders:
            return ()
        _, left = procfs.end(lambda: procfs.tree(leaders), grace=TERM_GRACE, pause=self._pause, send=send)
        self.pump(time.monotonic() + 1)
        # /proc may hide another account's processes (hidepid), so what it shows is not all there is.
        return tuple(sorted({process.pid for process in left} | set(self._exits.values())))

    def mute(self) -> None:
        """Pass no more output on."""
        self._deliver = None

    def close(self) -> tuple[int, ...]:
        """Close everything, reap the processes and give their exit codes (minus the signal's number).

        One that could not be ended counts as 0; `end` has told of it.
        """
        self._stop_input()
        self._selector.close()
        for fd in self._open:
            os.close(fd)
        self._open.clear()
        return tuple(started.poll() or 0 for started in self._processes)

    def _start(
        self, launches: Sequence[Launch], stdin: bytes | None, stdin_fd: int | None, stdout_fd: int | None
    ) -> None:
        source = stdin_fd if stdin_fd is not None else subprocess.DEVNULL
        between: list[int] = []
        try:
            if stdin is not None and stdin_fd is None:
                source, self._input_fd = os.pipe()
                between.append(source)
                self._begin_input(stdin)
            for index, launch in enumerate(launches):
                output = stdout_fd if index == len(launches) - 1 else None
                following = subprocess.DEVNULL
                if output is None:
                    following, output = os.pipe()
                    between += (following, output)
                errors, errors_in = os.pipe()
                between.append(errors_in)
                self._read_from(errors, "stderr", self.stderr, self._errors[index])
                started = subprocess.Popen(
                    launch.argv,
                    stdin=source,
                    stdout=output,
                    stderr=errors_in,
                    cwd=launch.cwd,
                    env=launch.env,
                    start_new_session=len(launches) == 1,
                )
                self._processes.append(started)
                self._watch_exit(started.pid)
                source = following
            if stdout_fd is None:
                between.remove(source)
                self._read_from(source, "stdout", self.stdout, self._output)
        finally:
            for fd in between:
                os.close(fd)

    def _read_from(self, fd: int, stream: Stream, kept: Tail, recent: Tail) -> None:
        def read() -> bool:
            """Take one chunk; False when there is nothing (more) to take."""
            try:
                data = os.read(fd, CHUNK)
            except BlockingIOError:
                return False
            if not data:
                self._forget(fd)
                return False
            kept.add(data)
            recent.add(data)
            if self._deliver is not None:
                self._deliver(stream, data)
            return True

        os.set_blocking(fd, False)
        self._open.add(fd)
        self._reading[fd] = read
        self._selector.register(fd, selectors.EVENT_READ, read)

    def _begin_input(self, data: bytes) -> None:
        def write() -> None:
            if self._input is None or self._input_fd is None:
                return
            try:
                self._input = self._input[os.write(self._input_fd, self._input[: 1 << 20]) :]
            except BlockingIOError:
                return
            except BrokenPipeError:
                self._input = self._input[:0]
            if not self._input:
                self._stop_input()

        if self._input_fd is None:
            return
        os.set_blocking(self._input_fd, False)
        self._input = memoryview(data)
        self._selector.register(self._input_fd, selectors.EVENT_WRITE, write)

    def _stop_input(self) -> None:
        if self._input_fd is not None:
            self._selector.unregister(self._input_fd)
            os.close(self._input_fd)
            self._input_fd = self._input = None

    def _watch_exit(self, pid: int) -> None:
        fd = exit_watch(pid)

        def ended() -> None:
            del self._exits[fd]
            self._forget(fd)

        self._open.add(fd)
        self._exits[fd] = pid
        self._selector.register(fd, selectors.EVENT_READ, ended)

    def _forget(self, *fds: int) -> None:
        for fd in fds:
            self._selector.unregister(fd)
            self._open.discard(fd)
            self._reading.pop(fd, None)
            os.close(fd)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self.pump(until)
        time.sleep(max(0.0, until - time.monotonic()))


def exit_watch(pid: int) -> int:
    """Give a descriptor that becomes readable when the child `pid` has ended; the child stays to be reaped.

    That is a pidfd (Linux 5.3) where there is one; else a pipe that a thread closes.
    """
    opener = getattr(os, "pidfd_open", None)
    if opener is not None:
        with suppress(OSError):
            return int(opener(pid))
    watched, kept = os.pipe()

    def wait() -> None:
        with suppress(OSError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        os.close(kept)

    threading.Thread(target=wait, name=f"exit of {pid}", daemon=True).start()
    return watched
