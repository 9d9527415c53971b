"""Which keys of a `.env` hold secrets, by their names."""

from __future__ import annotations

import re

_SECRET_KEY = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|LICEN[SC]E|WEBHOOK|(?:^|[_.])(?:PASS|PWD|KEYS?|DSN|SALT)(?=\d*(?:$|[_.]))"
    r"|APIKEY|PRIVATEKEY",
    re.IGNORECASE,
)
_ABOUT_A_SECRET = re.compile(  # PASSWORD_TIMEOUT, TOKEN_TTL and the like: their values are common numbers and words
    r"[_.](?:TTL|TIMEOUT|EXPIR\w*|LIFETIME|LENGTH|ROUNDS|PATH|FILE|DIR|HOST|PORT|ENABLED|DRIVER|TYPE|ALGO)$",
    re.IGNORECASE,
)


def is_secret(key: str) -> bool:
    """Whether the value of a key of this name is to be hidden (passwords, keys, tokens, licences, DSNs)."""
    return bool(_SECRET_KEY.search(key)) and not _ABOUT_A_SECRET.search(key)
