"""Asking the instance over HTTP with curl, on its own host. Secrets travel on curl's input alone, never in its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command, Secret
from dfwizard.instance.asking import ANY_CODE

LOGIN_PROBE = "/api/v2/system/service?fields=id,name,type,is_active"
"""What is asked where a login was given and no path: it reads services through database and cache."""

_KEPT = 64 << 20
_MARK = "\x1edfwizard "
_ANSWER = re.compile(rb"(.*?)\x1edfwizard (\d{3}) ([^\x1f]*)\x1f", re.DOTALL)


@dataclass(frozen=True)
class Response:
    """One answer: `code` (0: there was none), where it redirects to, its body, and curl's words when there was no answer."""

    code: int
    location: str
    body: bytes
    error: str = ""


@dataclass(frozen=True)
class Secrets:
    """What of a request nobody may see: header lines by name, and a body, with which `method` is POST."""

    headers: Mapping[str, str]
    body: str | None = None
    method: str = "GET"

    def config(self) -> Secret:
        """Give it in the form in which curl reads options from its input."""
        lines = [f"request = {_quoted(self.method)}"]
        lines += [f"header = {_quoted(f'{name}: {value}')}" for name, value in self.headers.items()]
        lines += [] if self.body is None else [f"data-raw = {_quoted(self.body)}"]
        return Secret(("\n".join(lines) + "\n").encode("utf-8"))


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    return '"' + "".join(escapes.get(character, character) for character in text) + '"'


def fetch(
    host: Host,
    urls: Sequence[str],
    *,
    host_header: str | None = None,
    secrets: Secrets | None = None,
    seconds: int = 5,
) -> tuple[Response, ...]:
    """Ask each URL once, one after the other over one connection, and give the answers in the same order.

    Redirects are not followed, certificates not compared with the name (they are for the public one, not for 127.0.0.1). Each
    answer may take `seconds`.

    Raises:
        HostError: curl is missing, did not end, or the answers are too large to be kept.
    """
    header = ("-H", f"Host: {host_header}") if host_header else ()
    trust = ("-k",) if any(url.startswith("https:") for url in urls) else ()
    given = ("-K", "-") if secrets is not None else ()
    argv = (
        "curl", "-q", "-sS", "-m", str(seconds), "--noproxy", "*", "--proto", "=http,https", "--globoff", "--path-as-is", *trust,
        "-H", "Accept: application/json, text/html", *header, *given,
        "-w", f"{_MARK}%{{http_code}} %{{redirect_url}}\x1f", "--", *urls,
    )  # fmt: skip
    command = Command(
        argv,
        cwd="/",
        stdin=secrets.config() if secrets is not None else None,
        timeout=seconds * len(urls) + 5.0,
        expect=ANY_CODE,
    )
    result = host.run(command, keep=_KEPT, check=False)
    found = _ANSWER.findall(result.stdout)
    if len(found) != len(urls):
        raise HostError(
            "curl did not answer as expected",
            where=urls[0],
            remedy="Run curl -V on the host; ask for less where an answer is larger than 60 MB.",
        )
    said = [line.removeprefix("curl: ") for line in result.error_text.splitlines() if line.strip()]
    error = said[0] if said else ""
    return tuple(
        Response(int(code), location.decode("utf-8", "replace"), body, "" if int(code) else error)
        for body, code, location in found
    )
