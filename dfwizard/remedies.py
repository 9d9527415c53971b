"""Applying the remedy of a finding: the command that the finding shows, run as dfwizard's own account, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from dfwizard.access import open_instance
from dfwizard.errors import DfwizardError, HostError, UsageError
from dfwizard.execution.redaction import RedactingStream, Redactor
from dfwizard.hosts.command import Command

if TYPE_CHECKING:
    from dfwizard.hosts.base import Host, Stream
    from dfwizard.instance.facts import Facts
    from dfwizard.planning.findings import Finding

SECONDS = 600.0
"""How long a remedy may take."""


def apply(host: Host, facts: Facts, finding: Finding, on_output: Callable[[bytes], None]) -> int:
    """Run the finding's command in the instance's directory and give its exit code; what it prints is given without secrets.

    Raises:
        UsageError: the finding has no command.
        HostError: it could not be run, or took longer than `SECONDS`.
    """
    if not finding.command.strip():
        raise UsageError(
            f"the finding {finding.id} has no command that could be run",
            where=facts.path,
            remedy=finding.remedy or "Do what the finding says by hand.",
        )
    redactor = Redactor()
    with suppress(DfwizardError):
        redactor.add(*open_instance(host, facts).secrets)
    streams: dict[str, RedactingStream] = {}

    def heard(stream: Stream, chunk: bytes) -> None:
        clean = streams.setdefault(stream, redactor.stream()).feed(chunk)
        if clean:
            on_output(clean)

    command = Command(("sh", "-c", finding.command), cwd=facts.path, timeout=SECONDS)
    try:
        return host.run(command, on_output=heard, keep=1 << 16, check=False).code
    except HostError as error:
        # What the program said stands in the message.
        raise HostError(redactor.text(error.what), where=error.where, remedy=error.remedy) from None
    finally:
        for stream in streams.values():
            rest = stream.end()
            if rest:
                on_output(rest)
