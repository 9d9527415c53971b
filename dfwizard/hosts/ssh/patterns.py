"""OpenSSH's patterns, as ssh_config and known_hosts have them: `*`, `?`, and `!` before one that must not match."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


def matches(patterns: Iterable[str], text: str) -> bool:
    """Tell whether `text` matches one of `patterns` and none of those that begin with `!`."""
    found = False
    for pattern in patterns:
        if _regex(pattern.removeprefix("!")).fullmatch(text):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def concrete(pattern: str) -> bool:
    """Tell whether a pattern is a plain name."""
    return not any(char in pattern for char in "*?!")


@lru_cache(maxsize=512)
def _regex(pattern: str) -> re.Pattern[str]:
    special = {"*": ".*", "?": "."}
    return re.compile("".join(special.get(char) or re.escape(char) for char in pattern), re.DOTALL)
