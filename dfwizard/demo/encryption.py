"""Values encrypted as Laravel's `Crypt::encrypt` does (AES-256-CBC, HMAC-SHA256), the same every time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

APP_KEY = "base64:ZGZ3aXphcmQgZGVtbyBhcHBsaWNhdGlvbiBrZXkhISE="
"""The sandbox's key; it protects nothing."""


def encrypt(text: str, app_key: str = APP_KEY) -> str:
    """Encrypt `text` with an APP_KEY of the form `base64:…`; the vector is made from the text, so that runs are alike."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    key = base64.b64decode(app_key.removeprefix("base64:"))
    data = text.encode()
    serialized = b's:%d:"%b";' % (len(data), data)
    vector = hashlib.sha256(b"vector" + data).digest()[:16]
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    padded = padder.update(serialized) + padder.finalize()
    value = base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()
    iv = base64.b64encode(vector).decode()
    mac = hmac.new(key, f"{iv}{value}".encode(), hashlib.sha256).hexdigest()
    payload = json.dumps({"iv": iv, "value": value, "mac": mac, "tag": ""}, separators=(",", ":"))
    return base64.b64encode(payload.encode()).decode()
