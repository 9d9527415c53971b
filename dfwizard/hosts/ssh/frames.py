"""Marks in a stream of bytes: how the parts of a shell's answer are told from the content between them.

A mark is the request's random token, a letter, a space, an argument and a newline. Content is never encoded: no program that runs
knows the token, so none can write one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """One mark: its letter and what stands behind it."""

    letter: str
    argument: str


def new_token() -> str:
    """Give a token that nobody can guess: 24 hexadecimal digits."""
    return secrets.token_hex(12)


class Frames:
    """Cuts one stream at its marks. What lies before the first mark is noise (a login script's greeting) and is dropped."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self._rest = b""
        self._begun = False
        self.noise = b""
        """The last 4 KiB of what was dropped."""

    def feed(self, data: bytes) -> Iterator[bytes | Mark]:
        """Give the content and the marks in `data`; what may yet become a mark waits for the next call."""
        self._rest += data
        while True:
            at = self._rest.find(self._token)
            if at < 0:
                at = len(self._rest) - self._begins_token()
                yield from self._content(at)
                return
            yield from self._content(at)
            line, newline, rest = self._rest.partition(b"\n")
            if not newline:
                return
            self._rest = rest
            letter, _, argument = line[len(self._token) :].decode("ascii", "replace").partition(" ")
            self._begun = True
            yield Mark(letter, argument)

    def _content(self, size: int) -> Iterator[bytes]:
        content, self._rest = self._rest[:size], self._rest[size:]
        if content and self._begun:
            yield content
        elif content:
            self.noise = (self.noise + content)[-4096:]

    def _begins_token(self) -> int:
        """Give how many of the last bytes are a beginning of the token."""
        for size in range(min(len(self._rest), len(self._token) - 1), 0, -1):
            if self._token.startswith(self._rest[-size:]):
                return size
        return 0
