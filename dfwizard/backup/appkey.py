"""The key in a saved `.env`, and whether it opens what a database holds."""

from __future__ import annotations

from collections.abc import Iterable

from dfwizard.errors import DotenvError
from dfwizard.instance.dotenv import laravel_value, parse
from dfwizard.instance.facts import KeyProof
from dfwizard.instance.key import prove_key
from dfwizard.instance.probe import EncryptedValue


def environment_key(env: bytes, values: Iterable[EncryptedValue] = ()) -> KeyProof:
    """Check the APP_KEY (and APP_PREVIOUS_KEYS) that `.env` sets against encrypted values; `no-key` where it cannot be read."""
    try:
        found = parse(env).values
    except DotenvError:
        return KeyProof("no-key")
    key, previous = (laravel_value(found.get(name)) for name in ("APP_KEY", "APP_PREVIOUS_KEYS"))
    older = previous.split(",") if isinstance(previous, str) else []
    return prove_key(key if isinstance(key, str) else None, values, previous=[text.strip() for text in older])
