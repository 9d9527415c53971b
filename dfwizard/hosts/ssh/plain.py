"""One command through a worker, in one round trip: its output streams back unencoded, its end is marked behind its last byte.

It lives no longer than it has to: on a timeout or an interrupt it is ended on the server. What a lost link makes of it is not known,
so it is never run again here; commands that must survive that are `jobs`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts import process
from dfwizard.hosts.command import Secret
from dfwizard.hosts.ssh.ending import end_tree
from dfwizard.hosts.ssh.frames import Mark
from dfwizard.hosts.ssh.launching import Launch, refusal
from dfwizard.hosts.ssh.output import Output
from dfwizard.hosts.ssh.shell import call
from dfwizard.hosts.ssh.worker import Worker
from dfwizard.hosts.ssh.workers import Workers


def run_plain(
    workers: Workers, launch: Launch, output: Output, timeout: float | None, users: tuple[str, ...]
) -> int | None:
    """Run one command to its end and give the shell's exit code; None when it took longer than `timeout` and was ended.

    Raises:
        ConnectionLost: the link broke meanwhile; it is not known whether the command has ended.
        HostError: it cannot be started, or not be ended.
    """
    given = launch.command.stdin
    payload = given.value if isinstance(given, Secret) else given
    body = (
        b"dfw_checks() { " + launch.checks + b"\n}\ndfw_start() { " + launch.start + b"\n}\n"
        b"dfw_given=" + (b"yes" if payload is not None else b"") + b"\ndfw_plain\ndfw_end 0"
    )
    with workers.lent() as worker:
        worker.begin(body, payload=payload)
        return _Running(workers, worker, launch, output, users).finish(timeout)


class _Running:
    """A command while it runs in a worker."""

    def __init__(
        self, workers: Workers, worker: Worker, launch: Launch, output: Output, users: tuple[str, ...]
    ) -> None:
        self._workers = workers
        self._worker = worker
        self._launch = launch
        self._output = output
        self._users = users
        self._pid: int | None = None
        self._carriers: list[str] = []
        self._codes: list[int] = []
        self._ends = 0
        self._refused: str | None = None

    def finish(self, timeout: float | None) -> int | None:
        """Let it run to its end, or to the time limit; whatever happens, nothing of it stays behind."""
        until = None if timeout is None else time.monotonic() + timeout
        try:
            in_time = self._pump(lambda: len(self._codes) == 2, until)
        except ConnectionLost:
            raise
        except BaseException:
            self._output.mute()
            self._end()
            self._settle()
            raise
        if not in_time:
            self._end()
        self._settle()
        if self._refused is not None:
            kind, _, rest = self._refused.partition(" ")
            raise refusal(self._launch, kind, rest.partition(" ")[2], host=self._workers.name)
        return self._codes[0] if in_time else None

    def _pump(self, done: Callable[[], bool], until: float | None) -> bool:
        """Take what comes until `done` (True) or the monotonic clock passes `until` (False)."""
        while not done():
            if until is not None and time.monotonic() >= until:
                return False
            for stream, event in self._worker.events(until):
                if isinstance(event, Mark):
                    self._note(event)
                elif len(self._codes) < 2:
                    self._output.take(stream, event)
        return True

    def _note(self, mark: Mark) -> None:
        if mark.letter == "P":
            self._pid = int(mark.argument)
        elif mark.letter == "C":
            self._carriers.append(mark.argument)
        elif mark.letter == "R":
            self._refused = mark.argument
        elif mark.letter == "X":
            self._codes.append(int(mark.argument))
        elif mark.letter == "E":
            self._ends += 1

    def _end(self) -> None:
        """End the command on the server, hearing meanwhile what it says."""
        if (
            not self._pump(lambda: self._pid is not None, time.monotonic() + process.TERM_GRACE)
            or self._pid is None
        ):
            self._worker.spent = True
            return

        def pause(seconds: float) -> None:
            until = time.monotonic() + seconds
            self._pump(lambda: len(self._codes) == 2, until)
            time.sleep(max(0.0, until - time.monotonic()))

        end_tree(self._workers, [self._pid], grace=process.TERM_GRACE, pause=pause, users=self._users)
        self._pump(lambda: len(self._codes) == 2, time.monotonic() + 1)

    def _settle(self) -> None:
        """Get the worker ready for others, or give it up: who holds the output still may write into the next answer."""
        if not self._pump(lambda: self._ends == 2, time.monotonic() + process.LINGER) or self._worker.spent:
            self._worker.spent = True
            self._worker.close()
            with suppress(HostError):
                self._workers.ask(call("kill", *self._carriers) + b" 2>/dev/null\n:", urgent=True)
