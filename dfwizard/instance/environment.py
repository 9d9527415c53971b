"""`.env` as it is on the host, without its secrets."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import replace

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.instance import dotenv
from dfwizard.instance.dotenv_secrets import secret_values
from dfwizard.instance.facts import DotenvFacts
from dfwizard.instance.secret_names import is_secret

_LARGEST = 1 << 20


def read_dotenv(host: Host, path: str) -> tuple[DotenvFacts, dotenv.DotenvFile | None]:
    """Give the facts of the `.env` of the instance at `path`, and the file itself (None when Laravel refuses it).

    Raises:
        HostError: it is missing, too large or cannot be read.
    """
    file = posixpath.join(path, ".env")
    stat = host.stat(file, follow=True)
    if stat is None:
        raise HostError(
            "there is no .env: the application has neither a key nor a database without it",
            where=file,
            remedy="Put the .env of this installation back; without its APP_KEY nothing encrypted can be read.",
        )
    if stat.size > _LARGEST:
        raise HostError(
            f".env is {stat.size} bytes large, which is none", where=file, remedy="Look into the file."
        )
    data = host.read(file)

    known = DotenvFacts(
        file, hashlib.sha256(data).hexdigest(), stat.mode, stat.owner, stat.group, values={}, secret_keys=()
    )
    try:
        parsed = dotenv.parse(data)
    except dotenv.DotenvSyntaxError as error:
        return replace(known, error=f"line {error.line}: {error.what}"), None
    shown, hidden = _sorted(parsed)
    odd = tuple(dotenv.second_opinion(data))
    signing = _signing_bytes(parsed)
    return replace(known, values=shown, secret_keys=hidden, odd=odd, signing_bytes=signing), parsed


def _signing_bytes(file: dotenv.DotenvFile) -> int | None:
    """Give the length of the secret that signs sessions: `env('JWT_SECRET', env('APP_KEY'))` as it stands (config/jwt.php)."""
    secret = file.values.get("JWT_SECRET")
    if secret is None:
        secret = file.values.get("APP_KEY")
    return len(secret.encode("utf-8", "surrogateescape")) if secret else None


def _sorted(file: dotenv.DotenvFile) -> tuple[dict[str, str], tuple[str, ...]]:
    """Part what may be shown from what may not: a harmless key may still hold a secret, such as a URL with a password."""
    secrets = secret_values(file)
    shown: dict[str, str] = {}
    hidden: list[str] = []
    for key, value in file.values.items():
        if value is None:
            continue
        if is_secret(key) or any(secret in value for secret in secrets):
            if value:
                hidden.append(key)
        else:
            shown[key] = value
    return shown, tuple(hidden)
