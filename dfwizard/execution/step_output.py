"""Looking into a step's output file: a piece of it, and where a text stands in it, in bounded memory however large it is."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution.store import Run

LARGEST_PIECE = 16 << 20
"""Bytes that are given at once at most."""

_BLOCK = 1 << 20
_DEEPEST = 2


def read_piece(run: Run, file: str, *, offset: int = 0, size: int = 1 << 20) -> bytes:
    """Give at most `size` bytes from `offset` of an output file (a name from `StepState.outputs`); b"" past its end.

    A file that was never made (the disk was full) is an empty one.

    Raises:
        UsageError: `file` does not name a file of the run.
        DfwizardError: it cannot be read.
    """
    opened = _open(run, file)
    if opened is None:
        return b""
    with opened as stream:
        stream.seek(max(0, offset))
        return stream.read(max(0, min(size, LARGEST_PIECE)))


def output_size(run: Run, file: str) -> int:
    """Give the bytes that an output file has now; 0 for one that was never made. See `read_piece` for errors."""
    opened = _open(run, file)
    if opened is None:
        return 0
    with opened as stream:
        return os.fstat(stream.fileno()).st_size


def search(run: Run, file: str, text: str, *, start: int = 0, backwards: bool = False) -> int | None:
    """Give the byte offset of the next match of `text`, upper or lower case, in an output file; None when there is none.

    Forwards it begins at `start` or later, backwards before `start`, of which a negative one is the end of the file.

    Raises:
        UsageError: `file` does not name a file of the run.
        DfwizardError: it cannot be read.
    """
    needle = _needle(text)
    opened = _open(run, file) if needle is not None else None
    if needle is None or opened is None:
        return None
    with opened as stream:
        if backwards:
            end = os.fstat(stream.fileno()).st_size
            return _backwards(stream, needle, end if start < 0 else min(start, end))
        return _forwards(stream, needle, max(0, start))


@dataclass(frozen=True)
class _Needle:
    """What is looked for: bytes in lower case, or a pattern where the text is more than ASCII; `longest` bytes a match may have."""

    plain: bytes
    pattern: re.Pattern[bytes] | None
    longest: int

    def first(self, block: bytes) -> int | None:
        """Give where the first match begins."""
        if self.pattern is None:
            found = block.lower().find(self.plain)
            return found if found >= 0 else None
        match = self.pattern.search(block)
        return match.start() if match else None

    def last(self, block: bytes, limit: int) -> int | None:
        """Give where the last match begins that begins before `limit`."""
        if self.pattern is None:
            found = block.lower().rfind(self.plain, 0, limit + len(self.plain) - 1)
            return found if found >= 0 else None
        starts = [match.start() for match in self.pattern.finditer(block) if match.start() < limit]
        return starts[-1] if starts else None


def _needle(text: str) -> _Needle | None:
    if text.isascii():
        return _Needle(text.lower().encode(), None, len(text)) if text else None
    longest = 0
    pieces = []
    for letter in text:
        try:
            forms = {
                form.encode("utf-8", "surrogateescape") for form in (letter, letter.lower(), letter.upper())
            }
        except UnicodeEncodeError:
            return None
        longest += max(map(len, forms))
        pieces.append(b"(?:" + b"|".join(re.escape(form) for form in sorted(forms)) + b")")
    # Looked at without being taken, so that of overlapping matches every one is seen.
    return _Needle(b"", re.compile(b"(?=" + b"".join(pieces) + b")", re.DOTALL), longest)


def _forwards(stream: BinaryIO, needle: _Needle, position: int) -> int | None:
    while True:
        stream.seek(position)
        block = stream.read(_BLOCK + needle.longest)
        found = needle.first(block)
        if found is not None:
            return position + found
        if len(block) < _BLOCK + needle.longest:
            return None
        position += _BLOCK


def _backwards(stream: BinaryIO, needle: _Needle, end: int) -> int | None:
    while end > 0:
        position = max(0, end - _BLOCK)
        stream.seek(position)
        block = stream.read(end - position + needle.longest)
        found = needle.last(block, end - position)
        if found is not None:
            return position + found
        end = position
    return None


def _open(run: Run, file: str) -> BinaryIO | None:
    """Open an output file; None when there is none. No symlink is followed, and no name leads out of the run's directory."""
    name = PurePosixPath(file)
    if not file or "\0" in file or name.is_absolute() or ".." in name.parts or len(name.parts) > _DEEPEST:
        raise UsageError(
            f"{file!r} names no output of the run",
            where=str(run.directory),
            remedy="Give a name that the step's outputs list.",
        )
    path = run.directory / name
    try:
        if path.parent.resolve() != run.directory.resolve() / name.parent:
            raise UsageError(
                f"{file!r} leads out of the run's directory",
                where=str(run.directory),
                remedy="Somebody has put a symlink there: look who.",
            )
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, ValueError) as error:
        raise DfwizardError(
            f"the output cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            remedy="See that it is a file of the account that made the run.",
        ) from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UsageError(
            f"{file!r} is not a file",
            where=str(run.directory),
            remedy="Give a name that the step's outputs list.",
        )
    return os.fdopen(fd, "rb")
