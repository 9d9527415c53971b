"""What only a person can answer while a host is reached: passwords, passphrases, and whether an unknown host key is right.

A face of dfwizard implements `Prompts`. `Keeper` remembers the answers for as long as the process lives, so that a reconnect asks
nothing again; they are never written to a file, only handed to the detached runner through a pipe.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Literal, Protocol

from dfwizard.errors import CodecError

Kind = Literal["password", "passphrase", "keyboard", "sudo"]


@dataclass(frozen=True)
class Question:
    """One secret to ask for.

    `host` is the host's name as people know it, `what` the line to show (fit for a terminal), `key` the id under which the answer
    is remembered (empty: never, for it holds once only). `echo`: the answer may be seen. `again`: the last answer was wrong.
    """

    kind: Kind
    host: str
    what: str
    key: str
    echo: bool = False
    again: bool = False


@dataclass(frozen=True)
class UnknownKey:
    """A host key that no known_hosts file holds.

    `host` is the name that it will be remembered under, `address` where it was met (IP and port as text), `kind` as `ssh-ed25519`,
    `sha256` as OpenSSH writes it, `SHA256:...`.
    """

    host: str
    address: str
    kind: str
    sha256: str


class Prompts(Protocol):
    """Asks a person. Both methods may be called from any thread, one call at a time."""

    def secret(self, question: Question) -> str | None:
        """Give the answer, or None when the person gave up or there is nobody to ask."""
        ...

    def accept_key(self, key: UnknownKey) -> bool:
        """Tell whether the key is the host's own: the person has compared the fingerprint."""
        ...


@dataclass(frozen=True)
class Headless:
    """Nobody to ask: no secret is known; an unknown host key is refused unless `accept_new` (a changed one always is)."""

    accept_new: bool = False

    def secret(self, question: Question) -> str | None:  # noqa: ARG002
        """See `Prompts.secret`."""
        return None

    def accept_key(self, key: UnknownKey) -> bool:  # noqa: ARG002
        """See `Prompts.accept_key`."""
        return self.accept_new


class Keeper:
    """Remembers what other `Prompts` were answered, in memory only, and asks each thing once.

    A question with `again` forgets the wrong answer and asks anew; `forget` does so where nobody will be asked again. One question
    is asked at a time: a second thread with the same question gets the first one's answer. What is known already can be had
    while a question waits for its answer, also by the thread that is to answer it.
    """

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._answers: dict[str, str] = {}
        self._accepted: set[tuple[str, str, str]] = set()
        self._asking = threading.RLock()
        self._knowing = threading.Lock()

    @classmethod
    def imported(cls, data: bytes, prompts: Prompts) -> Keeper:
        """Make a keeper that knows what another one `exported`.

        Raises:
            CodecError: `data` is not what `exported` gives.
        """
        keeper = cls(prompts)
        try:
            document = json.loads(data)
            keeper._answers = {str(key): str(answer) for key, answer in document["answers"].items()}
            keeper._accepted = {
                (str(host), str(kind), str(sha256)) for host, kind, sha256 in document["accepted"]
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            # The cause would quote the data: it holds secrets.
            raise CodecError("the answers that were handed over cannot be read") from None
        return keeper

    def exported(self) -> bytes:
        """Give all answers, for a pipe to a process of our own; never for a file."""
        with self._knowing:
            return json.dumps({"answers": self._answers, "accepted": sorted(self._accepted)}).encode()

    def secret(self, question: Question) -> str | None:
        """See `Prompts.secret`."""
        if question.again:
            self.forget(question.key)
        known = self._known(question.key)
        if known is not None:
            return known
        with self._asking:
            known = self._known(question.key)
            if known is not None:
                return known
            answer = self._prompts.secret(question)
            if answer is not None and question.key:
                with self._knowing:
                    self._answers[question.key] = answer
            return answer

    def accept_key(self, key: UnknownKey) -> bool:
        """See `Prompts.accept_key`."""
        identity = (key.host, key.kind, key.sha256)
        with self._asking:
            with self._knowing:
                if identity in self._accepted:
                    return True
            accepted = self._prompts.accept_key(key)
            if accepted:
                with self._knowing:
                    self._accepted.add(identity)
            return accepted

    def remember(self, key: str, answer: str) -> None:
        """Take an answer that was given beforehand: nobody is asked for it."""
        with self._knowing:
            self._answers[key] = answer

    def knows(self, key: str) -> bool:
        """Tell whether an answer is remembered under `key`."""
        return self._known(key) is not None

    def forget(self, key: str) -> None:
        """Forget the answer remembered under `key`: it was wrong."""
        with self._knowing:
            self._answers.pop(key, None)

    def _known(self, key: str) -> str | None:
        with self._knowing:
            return self._answers.get(key)
