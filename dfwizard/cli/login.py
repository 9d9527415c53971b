"""The questions to the API that the command line names, and the login's password: from a file, stdin or the environment, else asked."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from typing import TYPE_CHECKING

from dfwizard.errors import UsageError

if TYPE_CHECKING:
    from dfwizard.planning.answers import RecordAnswers

VARIABLE = "DFWIZARD_LOGIN_PASSWORD"
_LONGEST = 4096


def wished(options: argparse.Namespace) -> RecordAnswers | None:
    """Give what the options want the API to be asked, None where they want nothing, or the command has no such options.

    Raises:
        UsageError: a path or the e-mail cannot be used.
    """
    from dfwizard.planning.answers import wished_answers

    return wished_answers(tuple(getattr(options, "probe", ())), getattr(options, "login_email", None))


def answer_arguments(options: argparse.Namespace) -> list[str]:
    """Give the arguments that name the same questions."""
    arguments = [word for path in options.probe for word in ("--probe", path)]
    return [*arguments, *(("--login-email", options.login_email) if options.login_email else ())]


def given_password(options: argparse.Namespace) -> str | None:
    """Give the login's password where it was given beforehand, in a file, on stdin or in the environment.

    The environment no longer holds it afterwards: what is started from here would show it.

    Raises:
        UsageError: the file cannot be read, others can read it, or there is no password in it.
    """
    password = os.environ.pop(VARIABLE, "") or None
    file = getattr(options, "login_password_file", None)
    if file is None:
        return password
    return _first_line(sys.stdin.buffer.readline(_LONGEST), "stdin") if file == "-" else _read(file)


def _read(path: str) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise UsageError("the login's password can be read from a file only", where=path)
            if found.st_mode & 0o077:
                raise UsageError(
                    "others may read this file, and it holds a password",
                    where=path,
                    remedy=f"chmod 600 {path}",
                )
            return _first_line(file.readline(_LONGEST), path)
    except OSError as error:
        raise UsageError(f"the login's password cannot be read: {error.strerror}", where=path) from None


def _first_line(line: bytes, where: str) -> str:
    password = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
    if not password:
        raise UsageError("there is no password in it", where=where, remedy="Put it into the first line.")
    return password
