"""Logging in as OpenSSH does: the agent's keys, key files, keyboard-interactive, password; each secret asked for at most three times.

A server counts failed attempts (MaxAuthTries) and hangs up at its limit. So the key that worked is offered first the next time, a refused
one not again, and a passphrase is asked for only once the server has said that it would take the key.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import paramiko

from dfwizard.errors import HostError
from dfwizard.hosts.failures import shown
from dfwizard.hosts.prompts import Keeper, Question
from dfwizard.hosts.ssh.agent import agent_keys
from dfwizard.hosts.ssh.keys import (
    KeyFile,
    PrivateKey,
    Sign,
    UnusableKey,
    WrongPassphrase,
    blob_of,
    certified,
    key_file,
    public_blob,
    signature_algorithm,
    signer,
)
from dfwizard.hosts.ssh.route import Route
from dfwizard.hosts.ssh.userauth import Reply, UserAuth

TRIES = 3
"""How often a wrong password or passphrase may be given."""
_ROUNDS = 16
"""Sets of questions that one keyboard-interactive attempt may have, and methods that one login may go through."""
_PIPELINING = "SSH-2.0-OpenSSH"
"""Servers known to take requests that do not wait for the answers to those before."""
_ONCE = re.compile(
    r"one.?time|\botp\b|verification|passcode|token|authenticat(?:or|ion) code|\bcode\b|challenge|duo",
    re.IGNORECASE,
)
"""Questions whose answer holds once, so that it is not remembered."""


@dataclass
class Memory:
    """What earlier logins to one host have shown, for the next.

    `taken` is the key that it took, `refused` those that it did not, `decrypted` the keys whose passphrase has been asked for. `wrong`
    counts the wrong passwords and answers, `given_up` says that there was none: both hold across the connections that one opening
    takes when the server hangs up after too many attempts. `pondered` is the longest time in seconds that an answer took in the last
    login: a server hangs up when its LoginGraceTime is over.
    """

    taken: bytes | None = None
    refused: set[bytes] = field(default_factory=set)
    decrypted: dict[Path, PrivateKey] = field(default_factory=dict)
    wrong: int = 0
    given_up: bool = False
    pondered: float = 0.0

    def begin(self) -> None:
        """Begin an opening: nobody has answered anything yet."""
        self.wrong, self.given_up = 0, False


@dataclass(frozen=True)
class _Candidate:
    """A key to offer: its public blob (None: only its passphrase will show it), and what signs for it."""

    what: str
    blob: bytes | None
    sign: Sign | None = None
    file: KeyFile | None = None


class Login:
    """One login over one transport. `run` returns when the server has let us in."""

    def __init__(self, transport: paramiko.Transport, route: Route, keeper: Keeper, memory: Memory) -> None:
        self._auth = UserAuth(transport, route.user)
        self._route = route
        self._keeper = keeper
        self._memory = memory
        extensions: dict[str, bytes] = getattr(transport, "server_extensions", {})  # not in the type stubs
        accepted = extensions.get("server-sig-algs", b"")
        self._algorithms = tuple(accepted.decode("ascii", "replace").split(",")) if accepted else ()
        self._who = f"{route.user}@{route.host}:{route.port}"
        self._notes: list[str] = []
        self._known: tuple[_Candidate, ...] | None = None
        self._pipelines = transport.remote_version.startswith(_PIPELINING)
        memory.pondered = 0.0

    def run(self) -> None:
        """Log in.

        Raises:
            HostError: the server refuses, or nobody knew the secret.
            ConnectionLost: the connection ended meanwhile.
        """
        reply = self._auth.begin(self._send_first if self._pipelines else None)
        done: set[str] = set()
        for _ in range(_ROUNDS):
            if reply.kind == "success":
                return
            method = next((m for m in self._route.methods if m in reply.methods and m not in done), None)
            if method is None:
                raise self._refusal(reply.methods)
            attempt = {
                "publickey": self._by_key,
                "keyboard-interactive": self._by_keyboard,
                "password": self._by_password,
            }[method]
            after = attempt(reply)
            if after.kind == "partial":
                done.discard(method)  # a second key may be wanted
            elif after.kind != "success":
                done.add(method)
            reply = after
        raise self._refusal(reply.methods)

    def _send_first(self) -> None:
        """Send the first key before the server has said what it takes; one that may need a person is only offered."""
        if self._route.methods[:1] != ("publickey",):
            return
        refused = self._memory.refused
        first = next((one for one in self._candidates() if one.blob is None or one.blob not in refused), None)
        if first is None or first.blob is None:
            return
        algorithm = signature_algorithm(first.blob, self._algorithms)
        sign = self._ready_sign(first)
        if sign is None:
            self._auth.send_offer(algorithm, first.blob)
            return
        try:
            self._auth.send_proof(algorithm, first.blob, sign)
        except OSError as error:
            self._notes.append(f"{first.what}: {error}")

    def _ready_sign(self, candidate: _Candidate) -> Sign | None:
        """Give what signs without asking anybody: an agent may ask, or wait for a touch, unless the key has been taken before."""
        if candidate.sign is not None:
            return candidate.sign if candidate.blob == self._memory.taken else None
        file = candidate.file
        assert file is not None
        if file.path not in self._memory.decrypted:
            try:
                self._memory.decrypted[file.path] = file.load(None)
            except (WrongPassphrase, UnusableKey, OSError):
                return None
        return signer(self._memory.decrypted[file.path])

    def _by_key(self, reply: Reply) -> Reply:
        """Offer the keys one by one; give the last reply."""
        for candidate in self._candidates():
            blob, sign = candidate.blob, candidate.sign
            if blob is None:
                key = self._decrypted(candidate)
                if key is None:
                    continue
                blob, sign = blob_of(key), signer(key)
            if blob in self._memory.refused:
                continue
            algorithm = signature_algorithm(blob, self._algorithms)
            proved = self._auth.awaits_proof(blob)
            offered = Reply("wanted") if proved else self._auth.offer(algorithm, blob)
            if offered.kind != "wanted":
                reply = self._key_refused(candidate, blob, offered)
                if reply.kind in ("success", "partial") or "publickey" not in reply.methods:
                    return reply
                continue
            if sign is None:
                key = self._decrypted(candidate)
                if key is None:
                    continue
                sign = signer(key)
            try:
                reply = self._auth.prove(algorithm, blob, sign)
            except OSError as error:
                self._notes.append(f"{candidate.what}: {error}")
                continue
            if reply.kind in ("success", "partial"):
                self._memory.taken = blob
                return reply
            self._key_refused(candidate, blob, reply)
            if "publickey" not in reply.methods:
                return reply
        return Reply("refused", reply.methods)

    def _key_refused(self, candidate: _Candidate, blob: bytes, reply: Reply) -> Reply:
        self._memory.refused.add(blob)
        self._notes.append(f"{candidate.what}: not accepted")
        return reply

    def _candidates(self) -> Iterator[_Candidate]:
        """Give the keys in OpenSSH's order: the agent's that ssh_config names, its others, then files; what worked before comes first."""
        if self._known is None:
            self._known = tuple(self._found())
        found = self._known
        taken = [
            candidate
            for candidate in found
            if candidate.blob is not None and candidate.blob == self._memory.taken
        ]
        yield from taken
        yield from (candidate for candidate in found if candidate not in taken)

    def _found(self) -> Iterator[_Candidate]:
        files = [file for path in self._route.identities if (file := self._file(path)) is not None]
        held: dict[bytes, _Candidate] = {}
        if self._route.agent is not None:
            try:
                for key in agent_keys(self._route.agent):
                    what = f"the agent's key {shown(key.comment)}"
                    held.setdefault(key.blob, _Candidate(what, key.blob, key.sign))
            except OSError as error:
                self._notes.append(f"the agent at {shown(self._route.agent)}: {error}")
        by_file = [_Candidate(str(file.path), file.blob, file=file) for file in files if file.private]
        named = [
            replace(held.pop(file.blob), what=f"{file.path}, held by the agent")
            for file in files
            if file.blob is not None and file.blob in held
        ]
        others = [] if self._route.only else list(held.values())
        by_agent = {candidate.blob for candidate in (*named, *others)}
        rest = [
            candidate for candidate in by_file if candidate.blob is None or candidate.blob not in by_agent
        ]
        plain = (*named, *others, *rest)
        yield from self._with_certificates(plain)
        yield from plain

    def _with_certificates(self, plain: tuple[_Candidate, ...]) -> Iterator[_Candidate]:
        beside = [path.with_name(f"{path.name}-cert.pub") for path in self._route.identities]
        for path in (*self._route.certificates, *beside):
            try:
                blob = public_blob(path)
            except (UnusableKey, OSError):
                continue
            subject = certified(blob)
            for candidate in plain:
                if subject is not None and candidate.blob == subject:
                    yield _Candidate(str(path), blob, candidate.sign, candidate.file)

    def _file(self, path: Path) -> KeyFile | None:
        try:
            return key_file(path)
        except FileNotFoundError:
            if self._route.named:
                self._notes.append(f"{path}: there is no such file")
        except OSError as error:
            self._notes.append(f"{path}: {error.strerror}")
        except UnusableKey as error:
            self._notes.append(f"{path}: {error}")
        return None

    def _decrypted(self, candidate: _Candidate) -> PrivateKey | None:
        """Load a key file, asking for its passphrase; None when that is not known."""
        file = candidate.file
        assert file is not None  # the agent's keys sign by themselves
        if file.path in self._memory.decrypted:
            return self._memory.decrypted[file.path]
        passphrase: str | None = None
        question = Question(
            "passphrase",
            self._route.name,
            f"Passphrase of the key {shown(str(file.path))}",
            f"passphrase:{file.path}",
        )
        for attempt in range(TRIES + 1):
            try:
                self._memory.decrypted[file.path] = file.load(passphrase)
            except WrongPassphrase:
                if attempt == TRIES:
                    break
                passphrase = self._ask(question, again=attempt > 0)
                if passphrase is None:
                    self._notes.append(f"{file.path}: its passphrase is not known")
                    return None
            except (UnusableKey, OSError) as error:
                self._notes.append(f"{file.path}: {error}")
                return None
            else:
                return self._memory.decrypted[file.path]
        self._keeper.forget(question.key)
        self._notes.append(f"{file.path}: the passphrase was wrong {TRIES} times")
        return None

    def _by_password(self, reply: Reply) -> Reply:
        question = Question(
            "password",
            self._route.name,
            f"Password of {shown(self._route.user)} on {shown(self._route.host)}",
            f"password:{self._who}",
        )
        again = False
        while self._memory.wrong < TRIES and not self._memory.given_up:
            password = self._ask(question, again=again)
            if password is None:
                self._memory.given_up = True
                return reply
            reply = self._auth.try_password(password.encode("utf-8", "surrogateescape"))
            if reply.kind in ("success", "partial"):
                return reply
            if reply.kind == "expired":
                raise self._expired()
            self._keeper.forget(question.key)
            self._memory.wrong += 1
            again = True
            if "password" not in reply.methods:
                break
        return reply

    def _by_keyboard(self, reply: Reply) -> Reply:
        again = False
        while self._memory.wrong < TRIES and not self._memory.given_up:
            asked: list[str] = []
            reply = self._auth.try_keyboard()
            for _ in range(_ROUNDS):
                if reply.kind != "questions":
                    break
                answers = self._answers(reply, asked, again=again)
                if answers is None:
                    self._memory.given_up = True
                    return Reply("refused", ("keyboard-interactive", "password"))
                reply = self._auth.answer(answers)
            if reply.kind in ("success", "partial"):
                return reply
            if not asked:  # nothing was asked, so that nothing can be answered better
                break
            for key in asked:
                self._keeper.forget(key)
            self._memory.wrong += 1
            again = True
            if "keyboard-interactive" not in reply.methods:
                break
        return reply

    def _answers(self, reply: Reply, asked: list[str], *, again: bool) -> tuple[bytes, ...] | None:
        answers: list[bytes] = []
        for number, (prompt, echo) in enumerate(reply.prompts):
            text = " ".join(f"{reply.text if number == 0 else ''} {prompt}".split())[:500]
            once = _ONCE.search(text) is not None
            key = "" if once else f"keyboard:{self._who}:{prompt.strip()}"
            what = f"{shown(self._route.user)} on {shown(self._route.host)} is asked: {shown(text)}"
            answer = self._ask(Question("keyboard", self._route.name, what, key, echo=echo), again=again)
            if answer is None:
                return None
            asked.append(key)
            answers.append(answer.encode("utf-8", "surrogateescape"))
        return tuple(answers)

    def _ask(self, question: Question, *, again: bool) -> str | None:
        begun = time.monotonic()
        answer = self._keeper.secret(replace(question, again=again))
        self._memory.pondered = max(self._memory.pondered, time.monotonic() - begun)
        return answer

    def _refusal(self, methods: tuple[str, ...]) -> HostError:
        tried = "; ".join(dict.fromkeys(self._notes)) or "there was no key to try"
        offers = ", ".join(shown(method) for method in methods) or "nothing more"
        greeting = " ".join(shown(self._auth.greeting.decode("utf-8", "replace")).split())[:300]
        what = f"{shown(self._route.user)} is not let in on {shown(self._route.host)}: {tried}"
        if self._memory.wrong:
            what += f"; the password, or an answer, was wrong {self._memory.wrong} times"
        elif self._memory.given_up:
            what += "; the password was not given"
        said = f' The server says: "{greeting}".' if greeting else ""
        return HostError(
            f"{what}. The server offers: {offers}",
            where=shown(self._route.name),
            remedy=f"Check that `ssh` to it works, with the same user.{said} Without a terminal only keys work that an agent holds or "
            "that have no passphrase.",
        )

    def _expired(self) -> HostError:
        return HostError(
            f"the password of {shown(self._route.user)} on {shown(self._route.host)} has expired",
            where=shown(self._route.name),
            remedy="Log in with ssh once and choose a new one, then try again.",
        )
