"""Streams of this machine: files that are read or grow, and what goes into or comes out of running commands. See `Host`."""

from __future__ import annotations

import errno
import hashlib
import os
import select
import stat as modes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dfwizard.errors import HostError
from dfwizard.hosts import files, local_run
from dfwizard.hosts.command import Pipeline
from dfwizard.hosts.failures import given_up, no_regular_file, shown, stopped_reading, too_short
from dfwizard.hosts.process import Stopped

_CHUNK = 1 << 20
_KEEP = 1 << 16
"""Bytes of what the commands of a stream say that are kept for messages."""


class LocalFile:
    """An open regular file; `read` and `write` may be given up from another thread."""

    exact = True

    def __init__(self, fd: int, path: str, host: str) -> None:
        self._fd = fd
        self._path = path
        self._host = host
        self._closed = False
        self._lock = threading.Lock()

    def read(self, size: int, /) -> bytes:
        """See `ByteSource.read`."""
        with self._open("read") as fd:
            return os.read(fd, size)

    def write(self, data: bytes, /) -> None:
        """See `ByteSink.write`."""
        rest = memoryview(data)
        with self._open("write") as fd:
            while rest:
                rest = rest[os.write(fd, rest) :]

    def sync(self) -> None:
        """See `FileSink.sync`."""
        with self._open("write") as fd:
            os.fsync(fd)
            files.sync_directory(files.parent_of(self._path))
        self.close()

    def close(self) -> None:
        """See `ByteSource.close`."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._fd)

    @contextmanager
    def _open(self, doing: str) -> Iterator[int]:
        with self._lock, files.telling(doing, self._path, self._host):
            if self._closed:
                raise given_up(f"{doing} {shown(self._path)}", host=self._host)
            yield self._fd


@contextmanager
def reading(path: str, *, offset: int, host: str) -> Iterator[LocalFile]:
    """See `Host.reading`."""
    with files.telling("read", path, host):
        fd = files.open_to_read(path, host)
        try:
            os.set_blocking(fd, True)
            os.lseek(fd, offset, os.SEEK_SET)
        except BaseException:
            os.close(fd)
            raise
    file = LocalFile(fd, path, host)
    try:
        yield file
    finally:
        file.close()


@contextmanager
def appending(path: str, *, mode: int, offset: int | None, host: str) -> Iterator[LocalFile]:
    """See `Host.appending`."""
    with files.telling("write", path, host):
        fd = _open_to_append(path, host)
        try:
            os.fchmod(fd, mode)
            size = os.fstat(fd).st_size
            if offset is not None and size < offset:
                raise too_short(path, size, offset, host=host)
            if offset is not None and size > offset:
                os.ftruncate(fd, offset)
            os.lseek(fd, 0, os.SEEK_END)
        except BaseException:
            os.close(fd)
            raise
    file = LocalFile(fd, path, host)
    try:
        yield file
    finally:
        file.close()


def _open_to_append(path: str, host: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        # A symlink, or a FIFO that nobody reads; a directory says so itself.
        if error.errno in (errno.ELOOP, errno.ENXIO) and files.describe(path, follow=False) is not None:
            raise no_regular_file("write", path, host=host) from error
        raise
    if not modes.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise no_regular_file("write", path, host=host)
    return fd


class _Flow:
    """A pipeline that runs in a thread of its own, and our end of the pipe to it."""

    exact = False

    def __init__(self, pipeline: Pipeline, *, inwards: bool, me: str, host: str, mark: str | None) -> None:
        self._host = host
        self._name = pipeline.commands[0 if inwards else -1].argv[0]
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Lock()
        self._given_up = False
        self._stop_seen, self._stop = os.pipe()
        reads, writes = os.pipe()
        self._fd = writes if inwards else reads
        os.set_blocking(self._fd, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLOUT if inwards else select.POLLIN)
        self._poll.register(self._stop_seen, select.POLLIN)
        joint = local_run.Joint(self._stop_seen, *((reads, None) if inwards else (None, writes)))

        def run() -> None:
            try:
                local_run.run(
                    pipeline, me=me, host=host, on_output=None, keep=_KEEP, check=True, mark=mark, joint=joint
                )
            except BaseException as error:
                self._error = error
            finally:
                joint.close()

        self._thread = threading.Thread(target=run, name=f"stream of {self._name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """See `ByteSource.close`: ends the commands."""
        with self._stopping:
            if not self._given_up:
                self._given_up = True
                os.close(self._stop)

    def finish(self, *, whole: bool) -> None:
        """Close our end and wait for the commands: for their own end when the stream is `whole`; raise what they failed with."""
        if whole:
            self._close_ours()
            self._thread.join()
        given_up_before = self._given_up
        self.close()
        self._thread.join()  # only then: an input that breaks off must not look like one that ends
        self._close_ours()
        os.close(self._stop_seen)
        if whole and given_up_before:
            raise self._gone()
        if whole and self._error is not None:
            raise self._error

    def _close_ours(self) -> None:
        with self._lock:
            if self._fd >= 0:
                self._poll.unregister(self._fd)
                os.close(self._fd)
                self._fd = -1

    def _await(self) -> int:
        """Wait until our end is ready, and give it. The lock is held."""
        if not self._given_up and self._fd >= 0:
            self._poll.poll()
        if self._given_up or self._fd < 0:
            raise self._gone()
        return self._fd

    def _gone(self) -> HostError:
        return given_up(f"exchange bytes with {shown(self._name)}", host=self._host)


class _Outflow(_Flow):
    """What a pipeline writes."""

    ended = False

    def read(self, size: int, /) -> bytes:
        """See `ByteSource.read`."""
        with self._lock:
            while not self.ended:
                fd = self._await()
                with suppress(BlockingIOError):
                    data = os.read(fd, size)
                    if data:
                        return data
                    self.ended = True
        return b""


class _Inflow(_Flow):
    """What a pipeline reads."""

    def write(self, data: bytes, /) -> None:
        """See `ByteSink.write`."""
        rest = memoryview(data)
        with self._lock:
            while rest:
                fd = self._await()
                try:
                    rest = rest[os.write(fd, rest) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    break
        if rest:
            self._thread.join()
            if self._error is None or isinstance(self._error, Stopped):
                raise stopped_reading(self._name, host=self._host)
            raise self._error


@contextmanager
def outflow(pipeline: Pipeline, *, me: str, host: str, mark: str | None) -> Iterator[_Outflow]:
    """See `Host.outflow`."""
    if pipeline.stdout_file is not None:
        raise ValueError("what a pipeline writes goes either into a file or to the reader")
    flow = _Outflow(pipeline, inwards=False, me=me, host=host, mark=mark)
    try:
        yield flow
    except BaseException:
        flow.finish(whole=False)
        raise
    flow.finish(whole=flow.ended)


@contextmanager
def inflow(pipeline: Pipeline, *, me: str, host: str, mark: str | None) -> Iterator[_Inflow]:
    """See `Host.inflow`."""
    if pipeline.stdin_file is not None or pipeline.commands[0].stdin is not None:
        raise ValueError("a pipeline reads either what is written into it or an input of its own")
    if pipeline.stdout_file is not None:
        raise ValueError("what a pipeline that is written into writes itself cannot go into a file")
    flow = _Inflow(pipeline, inwards=True, me=me, host=host, mark=mark)
    try:
        yield flow
    except BaseException:
        flow.finish(whole=False)
        raise
    flow.finish(whole=True)


def sha256(path: str, *, offset: int, length: int | None, block: int | None, host: str) -> tuple[str, ...]:
    """See `Host.sha256`."""
    found: list[str] = []
    left = length
    with reading(path, offset=offset, host=host) as file:
        while True:
            size = min(n for n in (left, block, sys.maxsize) if n is not None)
            digest, count = hashlib.sha256(), 0
            while count < size and (data := file.read(min(_CHUNK, size - count))):
                digest.update(data)
                count += len(data)
            left = None if left is None else left - count
            if block is None:
                return (digest.hexdigest(),)
            if count:
                found.append(digest.hexdigest())
            if count < block or left == 0:
                return tuple(found)
