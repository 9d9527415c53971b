"""The proof of APP_KEY by the MAC of encrypted values."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard.instance.key import key_bytes, key_fingerprint, prove_key
from dfwizard.instance.probe import EncryptedValue

RAW = b"0123456789abcdef0123456789abcdef"
KEY = "base64:" + base64.b64encode(RAW).decode()


def _encrypted(raw: bytes, *, tag: str = "") -> EncryptedValue:
    iv, value = base64.b64encode(b"i" * 16).decode(), base64.b64encode(b"v" * 32).decode()
    mac = "" if tag else hmac.new(raw, (iv + value).encode(), hashlib.sha256).hexdigest()
    payload = json.dumps({"iv": iv, "value": value, "mac": mac, "tag": tag})
    return EncryptedValue("lookup", "value", base64.b64encode(payload.encode()).decode())


def test_states() -> None:
    good, other, gcm = _encrypted(RAW), _encrypted(b"x" * 32), _encrypted(RAW, tag="dGFn")
    junk = EncryptedValue("lookup", "value", "eyJpdiI6junk")
    assert prove_key(KEY, [junk, good]).state == "proven"
    assert prove_key(RAW.decode(), [good]).state == "proven"
    assert prove_key(KEY, [other]).state == "wrong"
    mixed = prove_key(KEY, [other, good])
    assert (mixed.state, mixed.tried) == ("proven", 2)
    assert "not with: lookup.value" in mixed.where
    assert prove_key(KEY, [other], previous=["x" * 32]).state == "proven"
    assert prove_key(KEY, []).state == "nothing-encrypted"
    assert prove_key(KEY, [gcm]).state == "nothing-encrypted"
    assert "GCM" in prove_key(KEY, [gcm]).where
    assert prove_key("", [good]).state == "no-key"
    assert prove_key(None, [good]).state == "no-key"
    assert prove_key("base64:!!", [good]).state == "no-key"


@given(st.binary(min_size=1, max_size=64))
def test_a_key_in_base64_is_its_bytes(raw: bytes) -> None:
    text = base64.b64encode(raw).decode()
    assert key_bytes(f"base64:{text}") == raw
    assert key_bytes(f"base64:{text.rstrip('=')}") == raw


@given(st.text(max_size=60))
def test_no_value_breaks_the_proof(text: str) -> None:
    assert prove_key(KEY, [EncryptedValue("t", "c", text)]).state == "nothing-encrypted"


@pytest.mark.parametrize(
    "payload",
    [[], 1, None, {"iv": 1}, {"iv": "", "value": "", "mac": 3}, {"iv": "a", "value": "b", "mac": "é" * 64}],
)
def test_payloads_that_are_none_of_laravels(payload: object) -> None:
    value = base64.b64encode(json.dumps(payload).encode()).decode()
    assert prove_key(KEY, [EncryptedValue("t", "c", value)]).state in {"nothing-encrypted", "wrong"}


def test_the_fingerprint_tells_keys_apart_and_shows_none() -> None:
    assert key_fingerprint(KEY) == hashlib.sha256(f"dfwizard app-key:{KEY}".encode()).hexdigest()[:12]
    assert key_fingerprint("") == ""
    assert "0123456789abcdef" not in repr(_encrypted(RAW))
