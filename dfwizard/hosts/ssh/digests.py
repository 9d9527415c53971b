"""SHA-256 of files on a server, taken there. See `Host.sha256`."""

from __future__ import annotations

import re

from dfwizard.errors import HostError
from dfwizard.hosts.failures import os_failure, shown
from dfwizard.hosts.ssh import messages
from dfwizard.hosts.ssh.shell import call, functions, place
from dfwizard.hosts.ssh.workers import Workers

_HEX = re.compile(r"[0-9a-f]{64}")


def sha256(
    workers: Workers, path: str, *, offset: int, length: int | None, block: int | None
) -> tuple[str, ...]:
    """Have the server take the digests of a file; asked again when the link is lost."""
    host = workers.name
    try:
        request = call(
            "dfw_sha256",
            place(path),
            offset,
            "" if length is None else length,
            "" if block is None else block,
        )
    except (OSError, ValueError) as error:
        raise os_failure(error, doing="read", path=path, host=host) from error
    answer = workers.ask(functions("digests.sh") + request)
    found = tuple(answer.out.decode("ascii", "replace").split())
    if answer.code:
        raise messages.refusal(answer.err, doing="read", path=path, host=host)
    if not all(map(_HEX.fullmatch, found)) or (block is None and len(found) != 1):
        raise HostError(
            f"cannot take the SHA-256 of {shown(path)}: {shown(messages.said(answer.err)) or 'no program there gives one'}",
            where=host,
            remedy="See that the file can be read, and that `sha256sum` (coreutils) works there.",
        )
    return found
