"""Questions about a server's files put all at once: the work that will ask them is done first with guesses, to hear them.

What was guessed wrong leads to more questions, so that is repeated with what is known by then. An answer holds for one asking: whoever
asks a second time wants to know what has changed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NoReturn

from dfwizard.errors import DfwizardError, HostError
from dfwizard.hosts.base import FileStat
from dfwizard.hosts.foresight import Look
from dfwizard.hosts.ssh.files import Files
from dfwizard.hosts.ssh.host import SshHost
from dfwizard.hosts.ssh.worker import Answer
from dfwizard.hosts.ssh.workers import Workers

Known = dict[bytes, Answer]
"""Answers by the request that they are given to."""

_ROUNDS = 4
"""How often what was learned may lead to more questions; each round is a round trip."""

_MOST = 400
"""Questions at a time."""

_TOGETHER = 30
"""Questions in one request: the server's processors answer several requests at once."""

_PRESENT = FileStat("file", 0o644, 0, 0, "root", "root", size=0, mtime=0.0, device=0, inode=0)
"""Something that is there, as good as any."""


class _Unknown(Exception):
    """A question to which no answer is known yet; it has been noted."""


class _Listening(Files):
    """Files of which nothing is asked: what is not known is noted."""

    def __init__(self, workers: Workers, known: Known) -> None:
        super().__init__(workers)
        self._known = known
        self.wanted: dict[bytes, None] = {}

    def _ask(self, body: bytes, payload: bytes | None = None) -> Answer:
        if payload is None and body in self._known:
            return self._known[body]
        if payload is None:
            self.wanted[body] = None
        raise _Unknown


class _Knowing(Files):
    """Files about which some questions are answered already."""

    def __init__(self, workers: Workers, known: Known) -> None:
        super().__init__(workers)
        self._known = known
        self._taking = threading.Lock()

    def _ask(self, body: bytes, payload: bytes | None = None) -> Answer:
        with self._taking:
            answer = self._known.pop(body, None) if payload is None else None
        return super()._ask(body, payload) if answer is None else answer


class _Ahead(SshHost):
    """A server that looking ahead is done on: of what is not known it gives the `guess`, and commands are refused."""

    def __init__(self, host: SshHost, files: Files, guess: FileStat | None) -> None:
        self.__dict__.update(host.__dict__)
        self._files = files
        self._guess = guess

    def run(self, *_work: object, **_how: object) -> NoReturn:
        """Refuse: what a command would say is not guessed, and it may change something."""
        raise HostError("no command is run while looking ahead", where=self.name)

    write = mkdir = rename = remove = size_of = free_bytes = end_marked = run

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        """Give what is known."""
        with suppress(_Unknown):
            return super().stat(path, follow=follow)
        return self._guess

    def read(self, path: str, *, limit: int | None = None, offset: int = 0) -> bytes:
        """Give what is known."""
        with suppress(_Unknown):
            return super().read(path, limit=limit, offset=offset)
        return b""

    def listdir(self, path: str) -> tuple[str, ...]:
        """Give what is known."""
        with suppress(_Unknown):
            return super().listdir(path)
        return ()

    def which(self, program: str, *, user: str | None = None) -> str | None:
        """Give what is known."""
        with suppress(_Unknown):
            return super().which(program, user=user)
        return None


class _Foreseen(SshHost):
    """A server about which some questions are answered already."""

    def __init__(self, host: SshHost, files: Files) -> None:
        self.__dict__.update(host.__dict__)
        self._files = files


def foresee(host: SshHost, workers: Workers, look: Look) -> SshHost:
    """See `Foreseeing.foreseeing`. What cannot be asked now is left to whoever asks next."""
    known: Known = {}
    with suppress(HostError):
        assert host.user  # connected, and known who is there: what is asked depends on it
        for _ in range(_ROUNDS):
            listening = _Listening(workers, known)
            # What is asked next differs with what is there: both are heard, and asked about at the same time.
            for guess in (None, _PRESENT):
                with suppress(DfwizardError, OSError, ValueError, LookupError, TypeError):
                    look(_Ahead(host, listening, guess))
            if not listening.wanted:
                break
            wanted = list(listening.wanted)[:_MOST]
            parts = [wanted[at : at + _TOGETHER] for at in range(0, len(wanted), _TOGETHER)]
            with ThreadPoolExecutor(len(parts), "foresee") as pool:
                for answers in pool.map(lambda part: _answers(workers, part), parts):
                    known.update(answers)
    return _Foreseen(host, _Knowing(workers, known))


def _answers(workers: Workers, wanted: Sequence[bytes]) -> Known:
    """Put questions in one round trip, and give what was answered to each.

    Raises:
        HostError: the server does not answer, or not wholly.
    """
    mark = os.urandom(16).hex().encode()
    # Between two answers stands a line that nobody can guess, on both streams; on stdout with the exit code.
    after = (
        b"\ndfw_code=$?\nprintf '\\n%s %s\\n' "
        + mark
        + b' "$dfw_code"\n'
        + b"printf '\\n%s\\n' "
        + mark
        + b" >&2\n"
    )
    whole = workers.ask(b"".join(b"(\n" + body + b"\n)" + after for body in wanted))
    outs, errs = whole.out.split(b"\n" + mark), whole.err.split(b"\n" + mark + b"\n")
    if len(outs) != len(wanted) + 1 or len(errs) != len(wanted) + 1:
        raise HostError("not every question was answered", where=workers.name, remedy="Try again.")
    answers: Known = {}
    out = outs[0]
    for body, piece, err in zip(wanted, outs[1:], errs, strict=False):
        code, _, following = piece.partition(b"\n")
        answers[body] = Answer(int(code), out, err)
        out = following
    return answers
