"""What the instance answers over HTTP: /status, the API's environment, the front page, the admin page. Asked on its own host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from dfwizard.instance.asking import Asker
from dfwizard.instance.facts import StatusFacts
from dfwizard.instance.http import Response, fetch

ADMIN_PAGE = "/dreamfactory/dist/index.html"
ENVIRONMENT = "/api/v2/system/environment"
"""Needs no login, and goes through cache, database and services as a login does; answers 500 where every login would."""

_FORBIDDEN = ("/setup", "/setup_db")


def status_facts(ask: Asker, url: str, host_header: str | None = None, *, prefix: str = "") -> StatusFacts:
    """Ask GET /status and, where that shows a working instance, the API, the front page and the admin page.

    /status and the API are asked twice: what the first answer puts into the cache may be unreadable for the second. Redirects are
    not followed: /setup and /setup_db would act on being asked. API and front page are left alone when /status finds no
    administrator, for it would be remembered in the cache that there is none.

    Raises:
        HostError: curl is missing or did not end.
    """
    base = url.rstrip("/")

    def get(*paths: str) -> tuple[Response, ...]:
        return fetch(ask.host, [f"{base}{path}" for path in paths], host_header=host_header)

    path = f"{prefix.rstrip('/')}/status"
    first, second = get(path, path)
    code = first.code
    if code == 0:
        return StatusFacts(url, 0, error=first.error)
    version, license_, counts = parse_status(first.body)
    codes: dict[str, tuple[int, ...]] = {"/status": (code, second.code)}
    if code == 200 and counts.get("admin") == 0:
        return StatusFacts(
            url,
            code,
            version,
            license_,
            counts,
            error="there is no administrator in the database",
            codes=codes,
        )
    *api, front = get(ENVIRONMENT, ENVIRONMENT, "/")
    codes[ENVIRONMENT] = tuple(one.code for one in api)
    location = front.location
    leads = urlsplit(location).path if location else ""
    admin = front.code if front.code == 200 else 0
    if admin == 0 and not leads.startswith(_FORBIDDEN):
        admin = get(leads if leads.endswith(".html") else ADMIN_PAGE)[0].code
    return StatusFacts(
        url,
        code,
        version,
        license_,
        counts,
        front.code,
        (location and location.removeprefix(base)) or None,
        admin,
        first.error or front.error or None,
        codes,
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
