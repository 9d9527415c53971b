"""Output that somebody pasted or kept: read from a file or from stdin, whatever bytes and however many there are."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from dataclasses import dataclass
from typing import BinaryIO

from dfwizard.errors import DfwizardError, UsageError

HEAD = 256 * 1024
TAIL = 1024 * 1024
"""Bytes that are looked at of something longer: its beginning and its end."""

_MOST = 64 * 1024 * 1024
"""Bytes that are read of what cannot be asked for its end, such as a pipe."""
_CHUNK = 1 << 16
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MOST_NULS = 0.01


@dataclass(frozen=True)
class Pasted:
    """What was read: `parts` are its beginning and its end where `left_out` bytes between were not looked at, else all of it."""

    parts: tuple[str, ...]
    left_out: int = 0


def read_pasted(path: str) -> Pasted:
    """Read the file `path`, or stdin for "-"; bytes that are no UTF-8 are kept as lone surrogates.

    Raises:
        UsageError: it is not there, is a directory, may not be read, is empty, or holds no text.
        DfwizardError: reading it failed.
    """
    name = "stdin" if path == "-" else path
    try:
        head, tail, left_out = _from_stdin() if path == "-" else _from_file(path)
    except FileNotFoundError:
        raise UsageError("there is no such file", where=path, remedy="Name a file, or - for stdin.") from None
    except IsADirectoryError:
        raise UsageError("it is a directory", where=path, remedy="Name a file, or - for stdin.") from None
    except PermissionError:
        raise UsageError("it may not be read", where=path, remedy="Run it as somebody who may.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DfwizardError(f"it could not be read: {why}", where=name) from None
    parts = tuple(_text(part, name) for part in ((head, tail) if left_out else (head + tail,)))
    if not any(part.strip() for part in parts):
        raise UsageError(
            "there is nothing in it", where=name, remedy="Give it what the failed command printed."
        )
    return Pasted(parts, left_out)


def _from_file(path: str) -> tuple[bytes, bytes, int]:
    # A pipe without a writer would be waited for without end; so it is opened, and then looked at.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISDIR(os.fstat(number).st_mode):
        os.close(number)
        raise IsADirectoryError
    with os.fdopen(number, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.set_blocking(number, True)
            return _ends(file)
        head = _exactly(file, HEAD + TAIL)
        between = os.fstat(number).st_size - len(head)
        if between <= 0:
            return head, b"", 0
        file.seek(-TAIL, os.SEEK_END)
        return head[:HEAD], _exactly(file, TAIL), between + len(head) - HEAD - TAIL


def _from_stdin() -> tuple[bytes, bytes, int]:
    if sys.stdin is None:
        raise UsageError("there is no stdin", remedy="Name a file instead of -.")
    if sys.stdin.isatty():
        print(
            "Paste what the failed command printed, then press Ctrl-D on a line of its own.", file=sys.stderr
        )
    return _ends(sys.stdin.buffer)


def _exactly(file: BinaryIO, most: int) -> bytes:
    """Read up to `most` bytes: one read may give fewer."""
    pieces = []
    while most > 0 and (piece := file.read(min(most, _CHUNK))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


def _ends(file: BinaryIO) -> tuple[bytes, bytes, int]:
    """Read all there is, and keep beginning and end; what has no end is given up after `_MOST` bytes."""
    head = _exactly(file, HEAD)
    rest, total = bytearray(), len(head)
    while total < _MOST and (piece := file.read(_CHUNK)):
        rest += piece
        total += len(piece)
        if len(rest) > 2 * TAIL:
            del rest[:-TAIL]
    tail = bytes(rest[-TAIL:])
    return head, tail, total - len(head) - len(tail)


def _text(data: bytes, name: str) -> str:
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8")
    if encoding != "utf-16" and data.count(b"\0") > _MOST_NULS * len(data):
        raise UsageError(
            "it holds no text (a dump, an archive or a program)",
            where=name,
            remedy="Give it what the failed command printed.",
        )
    return data.decode(encoding, "replace" if encoding == "utf-16" else "surrogateescape")
