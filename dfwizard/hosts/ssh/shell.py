"""What is sent to a server's shell: words quoted for it, and the functions that lie beside this module as `.sh` files."""

from __future__ import annotations

import functools
import os
from pathlib import Path

LARGEST_WORD = 131_071
"""Bytes that one argument can have, without its NUL. See execve(2), MAX_ARG_STRLEN."""


def word(text: str) -> bytes:
    """Write `text` as one word for a POSIX shell, byte for byte.

    Raises:
        ValueError: it holds a NUL byte, or a surrogate that stands for no byte.
    """
    data = os.fsencode(text)
    if b"\0" in data:
        raise ValueError("embedded null byte")
    return b"'" + data.replace(b"'", b"'\\''") + b"'"


def place(path: str) -> bytes:
    """Write `path` as one word that no program takes for an option.

    Raises:
        ValueError: as `word`.
        FileNotFoundError: it is empty.
    """
    if not path:
        raise FileNotFoundError(2, "No such file or directory", path)
    return word(f"./{path}" if path.startswith("-") else path)


def call(function: str, *words: bytes | str | int) -> bytes:
    """Write the call of a shell function; bytes are words already quoted, texts and numbers are quoted here."""
    return b" ".join(
        [
            function.encode(),
            *(item if isinstance(item, bytes) else word(str(item)) for item in words),
        ]
    )


@functools.cache
def functions(*names: str) -> bytes:
    """Give the shell functions of these files beside this module, without comments and indentation."""
    lines = [
        line.lstrip() for name in names for line in Path(__file__).with_name(name).read_bytes().splitlines()
    ]
    return b"\n".join(line for line in lines if line and not line.startswith(b"#")) + b"\n"
