"""What the instance answers over HTTP: /status, the front page, the admin page. Asked with curl on its own host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from dfwizard.errors import HostError
from dfwizard.instance.asking import Asker
from dfwizard.instance.facts import StatusFacts

ADMIN_PAGE = "/dreamfactory/dist/index.html"
_END = "\x1e"
_FORBIDDEN = ("/setup", "/setup_db")


def status_facts(ask: Asker, url: str, host_header: str | None = None, *, prefix: str = "") -> StatusFacts:
    """Ask GET /status and, where that shows a working instance, the front page and the admin page.

    Redirects are not followed: /setup and /setup_db would act on being asked. The front page is left alone when /status finds no
    administrator, for it would be remembered in the cache that there is none.

    Raises:
        HostError: curl is missing or did not end.
    """
    base = url.rstrip("/")
    code, _, body, error = _get(ask, f"{base}{prefix.rstrip('/')}/status", host_header)
    if code == 0:
        return StatusFacts(url, 0, error=error)
    version, license_, counts = parse_status(body)
    if code == 200 and counts.get("admin") == 0:
        return StatusFacts(
            url, code, version, license_, counts, error="there is no administrator in the database"
        )
    front, location, _, front_error = _get(ask, f"{base}/", host_header)
    path = urlsplit(location).path if location else ""
    admin = front if front == 200 else 0
    if admin == 0 and not path.startswith(_FORBIDDEN):
        admin = _get(ask, f"{base}{path if path.endswith('.html') else ADMIN_PAGE}", host_header)[0]
    shown = location and location.removeprefix(base)
    return StatusFacts(
        url, code, version, license_, counts, front, shown or None, admin, error or front_error or None
    )


def parse_status(body: bytes) -> tuple[str | None, str | None, Mapping[str, int]]:
    """Read /status' JSON: version, license, and counts by resource. Anything else gives nothing."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None, None, {}
    if not isinstance(data, dict):
        return None, None, {}
    resources = data.get("resources")
    counts = {
        str(name): count
        for name, count in (resources.items() if isinstance(resources, dict) else ())
        if isinstance(count, int) and not isinstance(count, bool)
    }
    return _text(data.get("version")), _text(data.get("license")), counts


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _get(ask: Asker, url: str, host_header: str | None) -> tuple[int, str, bytes, str]:
    """Give code (0: no answer), where it redirects to, body, and curl's words when there was no answer."""
    header = ("-H", f"Host: {host_header}") if host_header else ()
    trust = (
        ("-k",) if url.startswith("https:") else ()
    )  # a certificate is for the public name, not for 127.0.0.1
    result = ask.as_me(
        "curl", "-q", "-sS", "-m", "5", "--noproxy", "*", "--proto", "=http,https", "--globoff", *trust,
        "-H", "Accept: application/json, text/html", *header,
        "-o", "-", "-w", f"{_END}%{{http_code}} %{{redirect_url}}", "--", url,
        timeout=10,
    )  # fmt: skip
    body, found, tail = result.stdout.rpartition(_END.encode())
    code, _, location = tail.decode("utf-8", "replace").partition(" ")
    if not found or not code.isdigit():
        raise HostError("curl did not answer as expected", where=url, remedy="Run curl -V on the host.")
    error = result.error_text.strip().removeprefix("curl: ") if int(code) == 0 else ""
    return int(code), location, body, error
