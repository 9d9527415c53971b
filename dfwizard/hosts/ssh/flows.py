"""Pipelines over SSH whose output is read, or whose input is written, as it comes. See `Host.outflow` and `Host.inflow`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dfwizard.errors import HostError
from dfwizard.hosts.command import Pipeline, Secret
from dfwizard.hosts.failures import Said, stopped_reading, timed_out
from dfwizard.hosts.process import RECENT, TERM_GRACE, Tail
from dfwizard.hosts.ssh import messages
from dfwizard.hosts.ssh.ending import end_tree
from dfwizard.hosts.ssh.launching import Launch, code_of, launch, refusal
from dfwizard.hosts.ssh.pipe import Pipe
from dfwizard.hosts.ssh.shell import call, place
from dfwizard.hosts.ssh.streams import Streams
from dfwizard.hosts.ssh.workers import Workers
from dfwizard.hosts.verdict import Ended, refuse_impossible

_BLOCK = 1 << 20
"""Bytes that go into a pipeline at a time: one dd(1) there for each."""
_NOT_WHOLE = 255
"""Stands for the code of a command whose end has not been heard of."""


class Flows:
    """The pipelines of one host that have a stream to this process."""

    def __init__(self, workers: Workers, streams: Streams) -> None:
        self._workers = workers
        self._streams = streams

    @contextmanager
    def outflow(self, pipeline: Pipeline, *, mark: str | None) -> Iterator[_Outflow]:
        """See `Host.outflow`."""
        if pipeline.stdout_file is not None:
            raise ValueError("what a pipeline writes goes either into a file or to the reader")
        flow = _Outflow(*self._started(pipeline, mark, inwards=False))
        with flow.watched():
            yield flow

    @contextmanager
    def inflow(self, pipeline: Pipeline, *, mark: str | None) -> Iterator[_Inflow]:
        """See `Host.inflow`."""
        if pipeline.stdin_file is not None or pipeline.commands[0].stdin is not None:
            raise ValueError("a pipeline reads either what is written into it or an input of its own")
        if pipeline.stdout_file is not None:
            raise ValueError("what a pipeline that is written into writes itself cannot go into a file")
        flow = _Inflow(*self._started(pipeline, mark, inwards=True))
        with flow.watched():
            yield flow

    def _started(
        self, pipeline: Pipeline, mark: str | None, *, inwards: bool
    ) -> tuple[Workers, Pipe, Pipeline, tuple[Launch, ...]]:
        host = self._workers.name
        refuse_impossible(pipeline, host)
        me = self._workers.server.user
        launches = tuple(
            launch(command, number, me=me, host=host, mark=mark)
            for number, command in enumerate(pipeline.commands)
        )
        given = pipeline.commands[0].stdin
        payload = given.value if isinstance(given, Secret) else given
        if inwards:
            before = b"dfw_feed <&3 | "
        elif payload is not None:
            before = b"head -c %d <&3 | " % len(payload)
        else:
            before = b""
        after = b""
        if pipeline.stdin_file is not None:
            before, after = b"dfw_open " + place(pipeline.stdin_file) + b"\n", b" <&4"
        functions = b"".join(
            b"dfw_checks_%d() { %s\n}\ndfw_start_%d() { %s\n}\n" % (number, one.checks, number, one.start)
            for number, one in enumerate(launches)
        )
        members = [
            call("dfw_member", str(number), f"dfw_checks_{number}", f"dfw_start_{number}")
            for number in range(len(launches))
        ]
        members[0] += after
        pipe = self._streams.open(
            functions + before + b" | ".join(members) + b"\nexit 0", "commands.sh", "flows.sh"
        )
        if payload is not None:
            threading.Thread(target=pipe.send, args=(payload,), name="input", daemon=True).start()
        return self._workers, pipe, pipeline, launches


class _Flow:
    """A pipeline that runs."""

    exact = False

    def __init__(
        self, workers: Workers, pipe: Pipe, pipeline: Pipeline, launches: tuple[Launch, ...]
    ) -> None:
        self._workers = workers
        self._pipe = pipe
        self._pipeline = pipeline
        self._launches = launches
        self._timed_out = False
        self._output = Tail(RECENT)

    def close(self) -> None:
        """See `ByteSource.close`."""
        self._pipe.close()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Hold the commands to their time limit; end them when the context is left early."""
        limits = [command.timeout for command in self._pipeline.commands] + [self._pipeline.timeout]
        limit = min((seconds for seconds in limits if seconds is not None), default=None)
        timer = threading.Timer(limit or 0, self._too_long)
        timer.daemon = True
        if limit is not None:
            timer.start()
        try:
            yield
            whole = self._conclude()
        except BaseException:
            self._end()
            if self._timed_out:
                raise self._took_too_long(limit) from None
            raise
        finally:
            timer.cancel()
        if not whole:
            self._end()

    def _conclude(self) -> bool:
        """Bring the stream to its end; False when it was left before."""
        raise NotImplementedError

    def _end(self) -> None:
        self._pipe.close()
        users = {command.user for command in self._pipeline.commands if command.user is not None}
        with suppress(HostError):  # why they are ended matters more
            end_tree(self._workers, [self._pipe.leader], grace=TERM_GRACE, users=tuple(users))

    def _too_long(self) -> None:
        self._timed_out = True
        self._pipe.close()

    def _took_too_long(self, limit: float | None) -> HostError:
        return timed_out(
            self._pipeline.commands,
            limit or 0,
            self._said(),
            me=self._workers.server.user,
            host=self._workers.name,
        )

    def _said(self) -> Said:
        return Said(self._output.value(), self._pipe.errors)

    def _judge(self) -> None:
        """Wait for the commands and raise what is wrong with their ends."""
        code, _ = self._pipe.finish()
        codes = [_NOT_WHOLE] * len(self._launches)
        for mark in self._pipe.marks:
            words = mark.argument.split(" ", 2)
            if mark.letter == "R":
                kind, number, *detail = words
                raise refusal(
                    self._launches[int(number)], kind, detail[0] if detail else "", host=self._workers.name
                )
            if mark.letter == "X":
                which = int(words[0])
                codes[which] = code_of(int(words[1]), self._pipeline.commands[which].expect)
        if code and _NOT_WHOLE in codes:
            raise self._unopened()
        ended = Ended(codes, lambda _: self._said())
        culprit = ended.culprit(self._pipeline)
        if culprit is not None:
            complaint = ended.complaint(
                self._pipeline, culprit, me=self._workers.server.user, host=self._workers.name, check=True
            )
            assert complaint is not None
            raise complaint

    def _unopened(self) -> HostError:
        return messages.refusal(
            self._pipe.errors,
            doing="read",
            path=self._pipeline.stdin_file or "",
            host=self._workers.name,
        )


class _Outflow(_Flow):
    """What a pipeline writes."""

    _ended = False

    def read(self, size: int, /) -> bytes:
        """See `ByteSource.read`."""
        data = b"" if self._ended else self._pipe.receive(size)
        if not data and not self._ended:
            self._pipe.finish()
            self._ended = True
        return data

    def _conclude(self) -> bool:
        if self._ended:
            self._judge()
        return self._ended


class _Inflow(_Flow):
    """What a pipeline reads."""

    def __init__(
        self, workers: Workers, pipe: Pipe, pipeline: Pipeline, launches: tuple[Launch, ...]
    ) -> None:
        super().__init__(workers, pipe, pipeline, launches)
        self._gathered = bytearray()
        self._drain = threading.Thread(target=self._take_output, name="output", daemon=True)
        self._drain.start()

    def write(self, data: bytes, /) -> None:
        """See `ByteSink.write`."""
        self._gathered += data
        while len(self._gathered) >= _BLOCK:
            block = bytes(self._gathered[:_BLOCK])
            del self._gathered[:_BLOCK]
            if not self._send(block):
                self._judge()
                raise stopped_reading(self._pipeline.commands[0].argv[0], host=self._workers.name)

    def _send(self, block: bytes) -> bool:
        return self._pipe.send(b"%d\n" % len(block)) and self._pipe.send(block)

    def _conclude(self) -> bool:
        taken = (not self._gathered or self._send(bytes(self._gathered))) and self._pipe.send(b"0\n")
        self._pipe.end_input()
        self._drain.join()
        self._judge()
        if not taken:
            raise stopped_reading(self._pipeline.commands[0].argv[0], host=self._workers.name)
        return True

    def _take_output(self) -> None:
        with suppress(HostError):  # whoever writes hears of it
            while data := self._pipe.receive(RECENT):
                self._output.add(data)
