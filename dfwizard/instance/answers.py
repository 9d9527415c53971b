"""Asking paths of the API, each twice, with and without a session: what is kept is status and shape, no value and no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from dfwizard.hosts.base import Host
from dfwizard.instance.http import Response, Secrets, fetch
from dfwizard.instance.shape import Shape, shape_of

SCHEMA = 1
"""Version of the answers' JSON form."""

TIMES = 2
SECONDS = 30
_TOKEN = re.compile(r"[\w.~+/=-]{8,4096}")
_ENDPOINTS = {True: "/api/v2/system/admin/session", False: "/api/v2/user/session"}
"""Where an administrator logs in, and where anybody else does: each answers 401 to the other."""


@dataclass(frozen=True)
class Credentials:
    """Who logs in, and whether as an administrator of the system."""

    email: str
    password: str = field(repr=False)
    admin: bool = True


@dataclass(frozen=True)
class Answer:
    """What was answered to a path, in a session or not: the `codes` in their order, and the shape of the first (None: no JSON)."""

    path: str
    session: bool
    codes: tuple[int, ...]
    shape: Shape | None


@dataclass(frozen=True)
class Login:
    """How a login went: `state` is `done`, `refused` or `untried`; `said` why, and how it went with closing the session."""

    email: str
    state: str
    said: str = ""


@dataclass(frozen=True)
class Answers:
    """All answers of one moment; `login` is None where none was wished."""

    answers: tuple[Answer, ...]
    login: Login | None = None
    schema: int = SCHEMA


@dataclass(frozen=True)
class Door:
    """Where an instance answers: `url` on `host`, with the site's name where the web server needs it."""

    host: Host
    url: str
    host_header: str | None = None

    def ask(self, paths: Sequence[str], secrets: Secrets | None = None) -> tuple[Response, ...]:
        """Ask each path once. Raises HostError."""
        base = self.url.rstrip("/")
        urls = [f"{base}{path}" for path in paths]
        return fetch(self.host, urls, host_header=self.host_header, secrets=secrets, seconds=SECONDS)


def ask_answers(
    door: Door, paths: Sequence[str], login: Credentials | Login | None = None
) -> tuple[Answers, tuple[bytes, ...]]:
    """Ask every path twice, and with credentials twice more within a session, which is closed afterwards.

    A `Login` given in place of credentials is one that is not tried. Gives what must not be written anywhere as well: the token.

    Raises:
        HostError: curl is missing or did not end.
    """
    answers = _asked(door, paths, session=False)
    if not isinstance(login, Credentials):
        return Answers(answers, login), ()
    with _session(door, login) as session:
        if session.token:
            answers += _asked(door, paths, session=True, headers=session.headers)
    done = Login(login.email, "done" if session.token else "refused", session.said)
    return Answers(answers, done), ((session.token.encode(),) if session.token else ())


def _asked(
    door: Door, paths: Sequence[str], *, session: bool, headers: Mapping[str, str] | None = None
) -> tuple[Answer, ...]:
    secrets = Secrets(headers) if headers else None
    found = door.ask([path for path in paths for _ in range(TIMES)], secrets)
    return tuple(
        Answer(path, session, tuple(one.code for one in mine), shape_of(mine[0].body))
        for number, path in enumerate(paths)
        if (mine := found[number * TIMES : (number + 1) * TIMES])
    )


@dataclass
class _Session:
    token: str = ""
    said: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"X-DreamFactory-Session-Token": self.token}


@contextmanager
def _session(door: Door, login: Credentials) -> Iterator[_Session]:
    """Log in, and out again whatever happens."""
    endpoint = _ENDPOINTS[login.admin]
    body = json.dumps({"email": login.email, "password": login.password})
    answer = door.ask([endpoint], Secrets({"Content-Type": "application/json"}, body, "POST"))[0]
    session = _Session(*_token(answer))
    try:
        yield session
    finally:
        if session.token:
            closed = door.ask([endpoint], Secrets(session.headers, method="DELETE"))[0]
            if closed.code != 200:
                session.said = f"its session could not be closed: {closed.code or closed.error}"


def _token(answer: Response) -> tuple[str, str]:
    """Give the session's token ("" for none), and why there is none."""
    if answer.code not in (200, 201):
        return "", f"{answer.code}{_message(answer.body)}" if answer.code else answer.error
    try:
        token = json.loads(answer.body).get("session_token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return "", f"{answer.code}, without a session token"
    return token, ""


def _message(body: bytes) -> str:
    """Give what DreamFactory says of its refusal, without what a statement in it may hold."""
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f", {' '.join(message.partition('(')[0].split())[:200]}" if isinstance(message, str) else ""
