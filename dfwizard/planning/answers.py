"""What a person wants asked before and after an upgrade, to have the answers compared: paths of the API, and a login."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from dfwizard.errors import UsageError
from dfwizard.instance.facts import Facts
from dfwizard.instance.http import LOGIN_PROBE

_FORBIDDEN = ("/setup", "/setup_db")
"""Asking for these acts: they migrate, seed, or make an administrator."""

_SECRETS = re.compile(r"(?i)[?&](session_token|api_key|token|password|key)=")


@dataclass(frozen=True)
class RecordAnswers:
    """Ask the API for `paths`, twice each, and record status and shape of the answers; `login` is an e-mail ("": no login).

    With a login each path is asked within a session as well. The password is no part of any plan.
    """

    KIND: ClassVar[str] = "record-answers"
    paths: tuple[str, ...]
    login: str = ""


def wished_answers(paths: tuple[str, ...], login: str | None) -> RecordAnswers | None:
    """Give what is to be asked; None where nothing was wished.

    Raises:
        UsageError: a path cannot be asked, or the e-mail is none.
    """
    if login is not None and not re.fullmatch(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+", login):
        raise UsageError(
            f"{login!r} is no e-mail address", remedy="Name the account as it logs in, by its e-mail."
        )
    for path in paths:
        require_path(path)
    if not paths and login is None:
        return None
    return RecordAnswers(tuple(dict.fromkeys(paths)) or (LOGIN_PROBE,), login or "")


def require_path(path: str) -> None:
    """See that a path can be asked without doing anything, and be shown.

    Raises:
        UsageError: it cannot.
    """
    if not re.fullmatch(r"/[\x21-\x7e]*", path) or "#" in path or path.startswith("//"):
        raise UsageError(
            f"{path!r} is no path of the API",
            remedy="Write it as a URL has it, such as /api/v2/db/_table/customer?limit=1",
        )
    plain = posixpath.normpath(unquote(urlsplit(path).path))
    if plain in _FORBIDDEN or plain.startswith(tuple(f"{place}/" for place in _FORBIDDEN)):
        raise UsageError(f"{path} is never asked: it acts on the database", remedy="Leave it out.")
    if _SECRETS.search(path):
        raise UsageError(
            "the path holds a key or token, and paths are shown and recorded",
            remedy="Leave it out, and let a login ask: --login-email.",
        )


def require_answering(facts: Facts, wish: RecordAnswers | None) -> None:
    """See that the instance can be asked now.

    Raises:
        UsageError: it is closed, or nobody knows where it answers.
    """
    if wish is None:
        return
    if facts.artisan.maintenance:
        raise UsageError(
            "maintenance mode is on: the API gives no answers that could be compared",
            where=facts.path,
            remedy="Turn it off first, or leave --probe and --login-email out.",
        )
    if not facts.web.url:
        raise UsageError(
            "nobody knows where this instance answers, so nothing can be asked",
            where=facts.path,
            remedy="Name it: --url http://127.0.0.1:8080",
        )
