"""Keys that a running ssh-agent holds (draft-miller-ssh-agent): what it has, and its signatures.

paramiko's own client finds the agent by SSH_AUTH_SOCK alone, and signs for certificates with another key than asked for.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

import paramiko

_REQUEST_IDENTITIES, _IDENTITIES = 11, 12
_SIGN_REQUEST, _SIGNATURE = 13, 14
_FLAGS = {"rsa-sha2-256": 2, "rsa-sha2-512": 4}
_LIMIT = 1 << 20
"""Bytes that an answer may have."""
PATIENCE = 60.0
"""Seconds that a signature may take: the agent may ask its owner, or wait for a touch."""


@dataclass(frozen=True)
class AgentKey:
    """A key of the agent at `path`: its public blob and the comment that it was added with."""

    path: str
    blob: bytes
    comment: str

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """Give the signature of `data`, in SSH's encoding.

        Raises:
            OSError: the agent is gone or refuses.
        """
        request = paramiko.Message()
        request.add_string(self.blob)
        request.add_string(data)
        request.add_int(_FLAGS.get(algorithm.removesuffix("-cert-v01@openssh.com"), 0))
        return _ask(self.path, _SIGN_REQUEST, request.asbytes(), _SIGNATURE).get_string()


def agent_keys(path: str) -> tuple[AgentKey, ...]:
    """Give the keys of the agent whose socket is `path`, in its order.

    Raises:
        OSError: there is no agent, or it does not answer as one.
    """
    answer = _ask(path, _REQUEST_IDENTITIES, b"", _IDENTITIES)
    return tuple(
        AgentKey(path, answer.get_string(), answer.get_string().decode("utf-8", "replace"))
        for _ in range(min(answer.get_int(), 1000))
    )


def _ask(path: str, request: int, content: bytes, expected: int) -> paramiko.Message:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
        agent.settimeout(PATIENCE)
        agent.connect(path)
        agent.sendall(struct.pack(">IB", len(content) + 1, request) + content)
        with agent.makefile("rb") as answers:
            head = answers.read(5)
            if len(head) < 5:
                raise OSError("the agent closed the connection")
            size, kind = struct.unpack(">IB", head)
            if kind != expected or not 1 <= size <= _LIMIT:
                raise OSError("the agent refuses")
            return paramiko.Message(answers.read(size - 1))
