"""Whether APP_KEY opens what the database holds: by the MAC of encrypted values, without decrypting any.

Laravel's payload is base64 of JSON `{"iv", "value", "mac", "tag"}`; with the CBC ciphers `mac` is the HMAC-SHA256, keyed with the
key's bytes, of `iv` and `value` as they are written. GCM ciphers have a `tag` and an empty `mac`: those cannot be proven so.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence

from dfwizard.instance.facts import KeyProof
from dfwizard.instance.probe import EncryptedValue


def key_fingerprint(key: str) -> str:
    """Give a short one-way mark of a key (12 hex digits), to compare keys without showing them; "" for no key."""
    if not key:
        return ""
    return hashlib.sha256(f"dfwizard app-key:{key}".encode("utf-8", "surrogateescape")).hexdigest()[:12]


def key_bytes(key: str) -> bytes | None:
    """Give the bytes of a key: `base64:...` decoded, anything else as it stands; None when it is no key."""
    if not key.startswith("base64:"):
        return key.encode("utf-8", "surrogateescape") or None
    try:
        # PHP's base64_decode ignores blanks and missing padding
        text = "".join(key.removeprefix("base64:").split())
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def prove_key(key: str | None, values: Iterable[EncryptedValue], *, previous: Sequence[str] = ()) -> KeyProof:
    """Check APP_KEY (and, where those fail, APP_PREVIOUS_KEYS) against encrypted values.

    The state is `proven` when a key fits at least one value, `wrong` when it fits none of those there are,
    `nothing-encrypted` when there was none to try, `no-key` without a usable key. `where` names the column of the
    first value that fits (or, when wrong, does not), and any that do not fit beside it: they were unreadable before.
    """
    fingerprint = key_fingerprint(key or "")
    keys = [raw for raw in map(key_bytes, (key or "", *previous)) if raw]
    if not key or key_bytes(key) is None:
        return KeyProof("no-key", fingerprint=fingerprint)
    fit: list[str] = []
    unfit: list[str] = []
    without_mac = ""
    for item in values:
        where = f"{item.table}.{item.column}"
        parts = _payload(item.value)
        if parts is None:
            continue
        if not parts[1]:
            without_mac = f"{where} is encrypted with a GCM cipher, which has no MAC to prove the key by"
            continue
        (fit if any(_fits(raw, *parts) for raw in keys) else unfit).append(where)
    tried = len(fit) + len(unfit)
    if fit:
        others = f"; not with: {', '.join(sorted(set(unfit)))}" if unfit else ""
        return KeyProof("proven", tried, fit[0] + others, fingerprint)
    if unfit:
        return KeyProof("wrong", tried, unfit[0], fingerprint)
    return KeyProof("nothing-encrypted", 0, without_mac, fingerprint)


def _payload(value: str) -> tuple[bytes, str] | None:
    """Give what the MAC is made over, and the MAC (empty with GCM); None when it is no payload of Laravel's."""
    try:
        data = json.loads(base64.b64decode(value + "=" * (-len(value) % 4)))
        signed, mac = f"{data['iv']}{data['value']}", data["mac"]
        if mac == "" and data.get("tag"):
            return signed.encode(), ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return (signed.encode("utf-8", "replace"), mac) if isinstance(mac, str) and len(mac) == 64 else None


def _fits(key: bytes, signed: bytes, mac: str) -> bool:
    return hmac.compare_digest(
        hmac.new(key, signed, hashlib.sha256).hexdigest().encode(), mac.encode("utf-8", "replace")
    )
