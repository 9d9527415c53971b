"""What the server's programs say, as the system error it means: their last line ends with the system's own words for it."""

from __future__ import annotations

import errno
import os
import re

from dfwizard.errors import HostError
from dfwizard.hosts.failures import os_failure, shown

_OTHERS = {
    # musl's words, and a shell's own
    "Symbolic link loop": errno.ELOOP,
    "Filename too long": errno.ENAMETOOLONG,
    "Resource busy": errno.EBUSY,
    "Cross-device link": errno.EXDEV,
    "I/O error": errno.EIO,
    "Quota exceeded": errno.EDQUOT,
    "Out of memory": errno.ENOMEM,
    "Directory nonexistent": errno.ENOENT,
    "No such file": errno.ENOENT,
    "nonexistent directory": errno.ENOENT,
    "cannot overwrite existing file": errno.EEXIST,
    "Text file busy": errno.ETXTBSY,
}
_TEXTS = {
    text.lower(): number
    for text, number in ({os.strerror(number): number for number in errno.errorcode} | _OTHERS).items()
}
_OVERWRITE = (
    (re.compile(r"cannot overwrite (?:directory|.* with non-directory)"), errno.EISDIR),
    (re.compile(r"cannot overwrite non-directory"), errno.ENOTDIR),
)
_OWN = "dfw: "
"""Begins the words that our own functions give where the system has none."""


def said(text: bytes) -> str:
    """Give the last line that says something."""
    lines = [line for line in text.decode("utf-8", "surrogateescape").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def number_of(text: bytes) -> int | None:
    """Give the system error that a program's last line speaks of; None when it speaks of none."""
    line = said(text)
    for pattern, number in _OVERWRITE:
        if pattern.search(line):
            return number
    known = [words for words in _TEXTS if line.lower().endswith(words)]
    return _TEXTS[max(known, key=len)] if known else None


def refusal(text: bytes, *, doing: str, path: str, host: str, free: int | None = None) -> HostError:
    """Say why `doing` something with `path` failed, in the same words as for this machine."""
    number = number_of(text)
    if number is not None:
        error = OSError(number, os.strerror(number))
        return os_failure(error, doing=doing, path=path, host=host, free=free)
    line = said(text)
    if line.startswith(_OWN):
        return HostError(
            f"cannot {doing} {shown(path)}: {line[len(_OWN) :]}", where=host, remedy="Check the path."
        )
    reason = shown(line) or "the server gave no reason"
    return HostError(
        f"cannot {doing} {shown(path)}: {reason}", where=host, remedy="Mend that, then try again."
    )
