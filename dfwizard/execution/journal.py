"""The journal: append-only JSON lines with sequence number and checksum; each is on the disk before work goes on.

A line is `{"v":1,"seq":7,"time":"...","event":{...},"sum":"<16 hex>"}`; the sum is the head of the SHA-256 of the text before
`,"sum"`. A line counts when it is whole, its sum fits and its number follows the one before. What comes after the first
line that does not count is damage: a power cut in the middle of a write, a disk error. It is put aside when the
journal is opened for writing, never believed and never thrown away.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from dfwizard import codec
from dfwizard.errors import CodecError, JournalError
from dfwizard.execution import durable
from dfwizard.execution.events import KINDS, Event

SCHEMA = 1
"""Version of the journal's lines; a journal with a higher one is refused."""

RESERVE_BYTES = 256 * 1024
"""Size of the file that is given back when the disk is full, so that the end can still be recorded."""

_SUM_DIGITS = 16
_SUM_KEY = b',"sum":"'
_TAIL_BYTES = len(_SUM_KEY) + _SUM_DIGITS + len(b'"}')


@dataclass(frozen=True)
class Record:
    """One line of a journal: `time` is ISO 8601 in UTC, `end` the offset in bytes just behind the line."""

    seq: int
    time: str
    event: Event
    end: int = 0


@dataclass(frozen=True)
class JournalContent:
    """The good records, up to offset `good_bytes`; `damage` says in words what follows them, "" when nothing does."""

    records: tuple[Record, ...]
    good_bytes: int
    damage: str = ""


def encode(seq: int, time: str, event: Event) -> bytes:
    """Give the line (with its newline) for an event."""
    data = {"v": SCHEMA, "seq": seq, "time": time, "event": codec.to_data(event)}
    body = json.dumps(data, separators=(",", ":"))[:-1].encode("ascii")
    return body + _SUM_KEY + _digest(body) + b'"}\n'


def read(path: Path) -> JournalContent:
    """Read a journal from its beginning; an absent file is an empty journal.

    Raises:
        JournalError: it cannot be read, or a newer dfwizard wrote it.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return JournalContent((), 0)
    except OSError as error:
        raise _unreadable(path, error) from None
    return parse(data, where=str(path))


def parse(data: bytes, *, where: str = "journal", seq: int = 0, offset: int = 0) -> JournalContent:
    """Read the lines in `data`, which begin after record `seq` at `offset` of the file; see `read`."""
    records: list[Record] = []
    position = 0
    damage = ""
    while position < len(data):
        newline = data.find(b"\n", position)
        if newline < 0:
            damage = f"the last line is cut off after {len(data) - position} bytes"
            break
        line = data[position:newline]
        found = _parse_line(line, where)
        if isinstance(found, str):
            damage = f"line {seq + 1}: {found}"
            break
        if found.seq != seq + 1:
            damage = f"line {seq + 1}: number {found.seq} where {seq + 1} was expected"
            break
        seq += 1
        position = newline + 1
        records.append(Record(found.seq, found.time, found.event, offset + position))
    return JournalContent(tuple(records), offset + position, damage)


def _parse_line(line: bytes, where: str) -> Record | str:
    body, tail = line[:-_TAIL_BYTES], line[-_TAIL_BYTES:]
    if tail != _SUM_KEY + _digest(body) + b'"}':
        return "the checksum does not fit"
    # The sum fits, so this is what a dfwizard wrote: whatever cannot be understood comes from a newer one.
    try:
        data: Any = json.loads(body + b"}")
        if data["v"] > SCHEMA:
            raise CodecError(f"written in form {data['v']}, known is {SCHEMA}")
        kind = KINDS.get(data["event"]["kind"])
        if kind is None:
            raise CodecError(f"unknown event {data['event']['kind']!r}")
        return Record(int(data["seq"]), str(data["time"]), codec.from_data(kind, data["event"]))
    except (ValueError, KeyError, TypeError, RecursionError, CodecError) as error:
        what = error.what if isinstance(error, CodecError) else f"unknown form ({error!r})"
        raise JournalError(
            f"the journal cannot be understood: {what}",
            where=where,
            remedy="A newer dfwizard wrote it: use that version. Nothing has been changed.",
        ) from None


class JournalReader:
    """Reads on in a journal that another process writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._seq = 0

    def read_new(self) -> tuple[Record, ...]:
        """Give the records written since the last call. A line that is not whole yet is left for the next call.

        Raises:
            JournalError: see `read`.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _unreadable(self._path, error) from None
        content = parse(data, where=str(self._path), seq=self._seq, offset=self._offset)
        self._offset = content.good_bytes
        self._seq += len(content.records)
        return content.records


class Journal:
    """A journal open for writing. One process at a time: the caller holds the run's lock."""

    def __init__(
        self,
        path: Path,
        fd: int,
        content: JournalContent,
        *,
        quarantine: str = "",
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self.path = path
        self.records = content.records
        """What was there when it was opened."""
        self.quarantine = quarantine
        """In words: what was damaged and where it has been put; "" when nothing was."""
        self.exhausted = False
        """The disk was full and the reserve has been given back: record the end and begin nothing."""
        self._fd = fd
        self._size = content.good_bytes
        self._seq = len(content.records)
        self._write = write

    def append(self, event: Event) -> Record:
        """Write an event and wait until it is on the disk.

        On a full disk the reserve beside the journal is released, the event written, and `exhausted` set.

        Raises:
            JournalError: it could not be written; the journal is as it was.
        """
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = encode(self._seq + 1, time, event)
        try:
            self._put(line)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise self._unwritable(error) from None
            self.exhausted = True
            with contextlib.suppress(OSError):
                self._reserve().unlink()
            try:
                self._put(line)
            except OSError as again:
                raise self._unwritable(again) from None
        self._seq += 1
        self._size += len(line)
        return Record(self._seq, time, event, self._size)

    def close(self) -> None:
        """Close the file; everything is on the disk already."""
        os.close(self._fd)

    def _put(self, line: bytes) -> None:
        try:
            written = self._write(self._fd, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise

    def _reserve(self) -> Path:
        return self.path.with_name("reserve")

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(
            f"the journal cannot be written: {error.strerror}",
            where=str(self.path),
            remedy="Make room or mend the disk, then resume the run: what was recorded so far is intact.",
        )


def open_journal(path: Path, *, write: Callable[[int, bytes], int] = os.write) -> Journal:
    """Open a journal for appending; it is made when absent. A damaged tail is put aside in a file beside it.

    `write` is what puts bytes into the file.

    Raises:
        JournalError: it cannot be opened, its reserve cannot be laid aside, or a newer dfwizard wrote it.
    """
    content = read(path)
    fd = -1
    try:
        fresh = not path.exists()
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode=0o600)
        quarantine = _put_aside(path, fd, content) if content.damage else ""
        _lay_reserve(path.with_name("reserve"))
        if fresh:
            durable.sync_directory(path.parent)
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        raise JournalError(
            f"the journal cannot be opened for writing: {error.strerror}",
            where=str(path),
            remedy="Make room on the disk and see that the directory belongs to you, then try again.",
        ) from None
    return Journal(path, fd, content, quarantine=quarantine, write=write)


def _put_aside(path: Path, fd: int, content: JournalContent) -> str:
    with path.open("rb") as file:
        file.seek(content.good_bytes)
        damaged = file.read()
    number = 1
    while path.with_name(f"{path.name}.damaged-{number}").exists():
        number += 1
    aside = path.with_name(f"{path.name}.damaged-{number}")
    durable.write_file(aside, damaged)
    os.ftruncate(fd, content.good_bytes)
    os.fsync(fd)
    return (
        f"The end of the journal was damaged ({content.damage}); {len(damaged)} bytes are kept in {aside.name}, "
        f"{len(content.records)} good records remain."
    )


def _lay_reserve(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode=0o600)
    try:
        os.posix_fallocate(fd, 0, RESERVE_BYTES)
    finally:
        os.close(fd)


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:_SUM_DIGITS].encode("ascii")


def _unreadable(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"the journal cannot be read: {error.strerror}",
        where=str(path),
        remedy="Run dfwizard as the account that made the run.",
    )
