"""Credentials that lie beside `.env`: in the URLs of git's remotes and composer's repositories, and in composer's auth.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host

_LARGEST = 1 << 20
_SHORTEST = 8
"""Letters that a credential must have to be looked for: shorter ones are words such as `git`."""
_LOGIN = re.compile(r"\b(https?|ftps?)://([^/\s\"'@:]*)(?::([^/\s\"']*))?@", re.IGNORECASE)
_AUTH = ("auth.json", ".composer/auth.json", ".config/composer/auth.json")
"""Where composer looks for credentials, in the project and below the home (getcomposer.org, "Authentication for private packages")."""


def tokens_in_urls(text: str) -> set[str]:
    """Give passwords and tokens of the URLs in `text`; a token may stand in the place of the user."""
    found = {part for _, user, password in _LOGIN.findall(text) for part in (user, password)}
    return {form for part in found for form in (part, unquote(part)) if len(form) >= _SHORTEST}


def tokens_of_composer(text: str) -> set[str]:
    """Give the credentials of an auth.json, or of COMPOSER_AUTH, which has the same form; nothing where it is no JSON."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    return {value for value in _values(data) if len(value) >= _SHORTEST}


def _values(data: Any) -> Iterable[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            if key != "username":
                yield from _values(value)
    elif isinstance(data, list):
        for value in data:
            yield from _values(value)


def stored_tokens(host: Host, tree: str, home: str, environ: str = "") -> tuple[bytes, ...]:
    """Give the credentials that git and composer use for the instance at `tree`, whose owner has that `home` ("" when it is not known).

    `environ` is what COMPOSER_AUTH holds. What cannot be read holds nothing that could be seen.
    """
    found = tokens_of_composer(environ)
    places = [f"{tree}/.git/config", f"{tree}/composer.json"]
    for base in (tree, home):
        places += [f"{base}/{name}" for name in _AUTH] if base else []
    for place in places:
        try:
            text = host.read(place, limit=_LARGEST).decode("utf-8", "surrogateescape")
        except HostError:
            continue
        found |= tokens_in_urls(text)
        if place.endswith("auth.json"):
            found |= tokens_of_composer(text)
    return tuple(sorted(token.encode("utf-8", "surrogateescape") for token in found))
