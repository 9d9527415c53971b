"""The client's side of SSH's user authentication (RFC 4252, RFC 4256), one request and one reply at a time.

paramiko's own asks no server whether it would take a key before the key is used, so that a passphrase would be asked for in vain; it
answers keyboard-interactive questions in the thread that keeps the connection alive, and gives them thirty seconds.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.common import (
    MSG_SERVICE_ACCEPT,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_SUCCESS,
)

from dfwizard.errors import ConnectionLost
from dfwizard.hosts.ssh.keys import Sign

_SERVICE = "ssh-connection"
_REQUEST = bytes([50])
_RESPONSE = bytes([61])
_Attempt = tuple[bytes, bool]
"""A key's blob, and whether it was used to log in or only offered."""
_METHOD_SPECIFIC = 60
"""One number with three meanings: the key would do, here are questions, the password must be changed."""
PATIENCE = 60.0
"""Seconds that the server may take for one reply; PAM modules that ask other servers are slow."""


@dataclass(frozen=True)
class Reply:
    """What the server says to a request.

    `refused` and `partial` (that was right, but more is needed) come with the `methods` that may go on. `wanted`: the key would do.
    `questions` come with `text` over them, each with whether the answer may be seen. `expired`: the password must be changed first.
    """

    kind: Literal["ready", "success", "partial", "refused", "wanted", "questions", "expired", "lost"]
    methods: tuple[str, ...] = ()
    text: str = ""
    prompts: tuple[tuple[str, bool], ...] = ()


class UserAuth(AuthHandler):
    """Authenticates one transport as `user`. Its requests wait for their replies and raise `ConnectionLost` when none comes."""

    def __init__(self, transport: paramiko.Transport, user: str) -> None:
        super().__init__(transport)
        self._wire = transport
        self._user = user
        self._method = ""
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self.greeting = b""
        """What the server wanted to be shown before logging in."""
        self._ahead: _Attempt | None = None
        transport.auth_handler = self

    def begin(self, first: Callable[[], None] | None = None) -> Reply:
        """Ask for the service, then which methods there are (by the method `none`, which rarely succeeds).

        `first` sends an attempt (`send_offer` or `send_proof`) before the answers have come, as RFC 4252, 5.1 allows. With None
        each request waits for the answer to the one before.
        """
        message = paramiko.Message()
        message.add_byte(bytes([5]))
        message.add_string("ssh-userauth")
        self._send(message)
        if first is None:
            self._wait()
            return self._ask("none")
        self._request("none")
        first()
        self._wait()
        return self._wait()

    def awaits_proof(self, blob: bytes) -> bool:
        """Tell whether a proof with that key has been sent, and its reply not been taken yet."""
        return self._ahead == (blob, True)

    def offer(self, algorithm: str, blob: bytes) -> Reply:
        """Ask whether a key would do; `wanted` or `refused`, which counts as an attempt."""
        if self._ahead != (blob, False):
            return self._after_ahead() or self._answered(lambda: self.send_offer(algorithm, blob))
        return self._answered()

    def prove(self, algorithm: str, blob: bytes, sign: Sign) -> Reply:
        """Log in with a key; `sign` gives the signature of bytes by an algorithm, in SSH's encoding."""
        if not self.awaits_proof(blob):
            return self._after_ahead() or self._answered(lambda: self.send_proof(algorithm, blob, sign))
        return self._answered()

    def send_offer(self, algorithm: str, blob: bytes) -> None:
        """Send what `offer` asks, for the reply to be taken later."""

        def add(message: paramiko.Message) -> None:
            message.add_boolean(False)
            message.add_string(algorithm)
            message.add_string(blob)

        self._request("publickey", add)
        self._ahead = blob, False

    def send_proof(self, algorithm: str, blob: bytes, sign: Sign) -> None:
        """Send what `prove` does, for the reply to be taken later."""
        signed = paramiko.Message()
        signed.add_string(self._wire.session_id or b"")
        signed.add_byte(_REQUEST)
        for text in (self._user, _SERVICE, "publickey"):
            signed.add_string(text)
        signed.add_boolean(True)
        signed.add_string(algorithm)
        signed.add_string(blob)
        signature = sign(signed.asbytes(), algorithm)

        def add(message: paramiko.Message) -> None:
            message.add_boolean(True)
            message.add_string(algorithm)
            message.add_string(blob)
            message.add_string(signature)

        self._request("publickey", add)
        self._ahead = blob, True

    def try_password(self, password: bytes) -> Reply:
        """Log in with a password."""

        def add(message: paramiko.Message) -> None:
            message.add_boolean(False)
            message.add_string(password)

        return self._ask("password", add)

    def try_keyboard(self) -> Reply:
        """Begin keyboard-interactive: the first `questions`, or the end."""

        def add(message: paramiko.Message) -> None:
            message.add_string("")
            message.add_string("")

        return self._ask("keyboard-interactive", add)

    def answer(self, answers: tuple[bytes, ...]) -> Reply:
        """Answer the questions: more of them, or the end."""
        message = paramiko.Message()
        message.add_byte(_RESPONSE)
        message.add_int(len(answers))
        for answer in answers:
            message.add_string(answer)
        self._send(message)
        return self._wait()

    def abort(self) -> None:
        """Wake whoever waits: the transport has ended. Called by paramiko."""
        self._replies.put(Reply("lost"))

    def _ask(self, method: str, add: Callable[[paramiko.Message], None] | None = None) -> Reply:
        earlier = self._after_ahead()
        if earlier is not None:
            return earlier
        self._request(method, add)
        return self._wait()

    def _answered(self, send: Callable[[], None] | None = None) -> Reply:
        """Take the reply to the key that is on its way, or that `send` sends."""
        if send is not None:
            send()
        self._ahead = None
        return self._wait()

    def _after_ahead(self) -> Reply | None:
        """Take the reply to what was sent ahead and is not wanted any more; give it where it lets us in all the same."""
        if self._ahead is None:
            return None
        reply = self._answered()
        return reply if reply.kind in ("success", "partial") else None

    def _request(self, method: str, add: Callable[[paramiko.Message], None] | None = None) -> None:
        self._method = method
        message = paramiko.Message()
        message.add_byte(_REQUEST)
        for text in (self._user, _SERVICE, method):
            message.add_string(text)
        if add is not None:
            add(message)
        self._send(message)

    def _send(self, message: paramiko.Message) -> None:
        try:
            self._wire._send_message(message)  # type: ignore[attr-defined]  # noqa: SLF001 -- as its own handler does
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise _lost() from error

    def _wait(self) -> Reply:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                reply = self._replies.get(timeout=0.2)
            except queue.Empty:
                if time.monotonic() < deadline and self._wire.is_active():
                    continue
                raise _lost() from None
            if reply.kind == "lost":
                raise _lost()
            return reply

    @property
    def _client_handler_table(self) -> dict[int, Callable[[Any], None]]:
        """What paramiko calls in its own thread for each kind of message."""
        return {
            MSG_SERVICE_ACCEPT: lambda _: self._replies.put(Reply("ready")),
            MSG_USERAUTH_SUCCESS: self._succeed,
            MSG_USERAUTH_FAILURE: self._fail,
            MSG_USERAUTH_BANNER: self._greet,
            _METHOD_SPECIFIC: self._go_on,
        }

    def _succeed(self, _: paramiko.Message) -> None:
        self.authenticated = True
        self._wire._auth_trigger()  # type: ignore[attr-defined]  # noqa: SLF001 -- lets channels be opened
        self._replies.put(Reply("success"))

    def _fail(self, message: paramiko.Message) -> None:
        methods = tuple(message.get_list())
        self._replies.put(Reply("partial" if message.get_boolean() else "refused", methods))

    def _greet(self, message: paramiko.Message) -> None:
        self.greeting = (self.greeting + message.get_string())[:4096]

    def _go_on(self, message: paramiko.Message) -> None:
        if self._method == "publickey":
            self._replies.put(Reply("wanted"))
        elif self._method == "password":
            self._replies.put(Reply("expired"))
        else:
            title, instructions, _ = (message.get_string().decode("utf-8", "replace") for _ in range(3))
            count = min(message.get_int(), 32)
            prompts = tuple(
                (message.get_string().decode("utf-8", "replace"), message.get_boolean()) for _ in range(count)
            )
            self._replies.put(Reply("questions", text=f"{title}\n{instructions}".strip(), prompts=prompts))


def _lost() -> ConnectionLost:
    return ConnectionLost("the connection ended while logging in")
