"""Passwords and host keys, asked at the terminal itself: never read from a pipe, and what is typed is not shown."""

from __future__ import annotations

import io
import os
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from dfwizard.hosts.prompts import Headless
from dfwizard.reports.terminal import plain, wrap

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import TextIO

    from dfwizard.hosts.prompts import Prompts, Question, UnknownKey

_TERMINAL = "/dev/tty"


def prompts_for(options: argparse.Namespace) -> Prompts:
    """Give who answers what is asked on the way to a host: the person at the terminal, or nobody where there is none or --yes was said."""
    accept_new = bool(getattr(options, "accept_new_host_key", False))
    if getattr(options, "yes", False) or not _has_terminal():
        return Unattended(accept_new)
    return TerminalPrompts(accept_new=accept_new)


class Unattended(Headless):
    """Nobody to ask; what would have been asked is remembered, for what goes wrong may come of it."""

    unasked: ClassVar[list[str]] = []

    def secret(self, question: Question) -> str | None:
        """See `Prompts.secret`."""
        text = plain(question.what).strip().rstrip(":")
        if text not in self.unasked:
            self.unasked.append(text)
        return super().secret(question)


def _has_terminal() -> bool:
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class TerminalPrompts:
    """Asks the person at the terminal that this process belongs to, wherever its input and output go."""

    def __init__(self, *, accept_new: bool = False) -> None:
        self._accept_new = accept_new

    def secret(self, question: Question) -> str | None:
        """See `Prompts.secret`; an empty answer gives up, unless it is one that may be seen."""
        with _terminal() as terminal:
            if question.again:
                print("That was not accepted.", file=terminal)
            prompt = f"{plain(question.what).rstrip(': ')}: "
            try:
                answer = _line(terminal, prompt) if question.echo else _unseen(terminal, prompt)
            except EOFError:
                print(file=terminal)
                return None
        return answer if answer or question.echo else None

    def accept_key(self, key: UnknownKey) -> bool:
        """See `Prompts.accept_key`; only the word yes accepts."""
        if self._accept_new:
            return True
        with _terminal() as terminal:
            lines = (
                "",
                f"{plain(key.host)} ({plain(key.address)}) is not known here yet. Its key ({plain(key.kind)}) is",
                f"  {plain(key.sha256)}",
                *wrap(
                    "Compare it with what the server's owner tells you, or on its console: "
                    "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
                ),
            )
            print("\n".join(lines), file=terminal)
            try:
                return _line(terminal, "Type yes to trust it and keep it in known_hosts: ").lower() == "yes"
            except EOFError:
                print(file=terminal)
                return False


@contextmanager
def _terminal() -> Iterator[TextIO]:
    with (
        open(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC), "w+b", buffering=0) as raw,  # noqa: PTH123
        io.TextIOWrapper(raw, errors="replace", line_buffering=True, write_through=True) as terminal,
    ):
        yield terminal


def _line(terminal: TextIO, prompt: str) -> str:
    return _typed(terminal, prompt).strip()


def _unseen(terminal: TextIO, prompt: str) -> str:
    """Read a line without showing it. (getpass would read stdin where the terminal cannot be told so.)"""
    before = termios.tcgetattr(terminal)
    quiet = termios.tcgetattr(terminal)
    quiet[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
        line = _typed(terminal, prompt)
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
    print(file=terminal)
    return line


def _typed(terminal: TextIO, prompt: str) -> str:
    print(prompt, end="", file=terminal, flush=True)
    line = terminal.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n")
