"""Secrets never reach an output file, the journal or an error: known values are replaced by `***`, however written.

A value is recognised as it stands and as base64 (at any alignment), URL-encoded, JSON-escaped, HTML-escaped and shell-
or PHP-quoted. Values shorter than `SHORTEST` bytes are not looked for: they would blot out ordinary words and protect nothing.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote_from_bytes, quote_plus

SHORTEST = 4
"""Length in bytes of the shortest value that is looked for."""

MASK = b"***"

_SHORTEST_CORE = 8
"""Length of the shortest inner piece of a base64 text that is taken for the secret in it."""


def forms(secret: bytes) -> frozenset[bytes]:
    """Give the ways in which `secret` may be written; none when it is too short to be looked for."""
    secret = secret.strip()
    if len(secret) < SHORTEST:
        return frozenset()
    found = {secret, *_base64_forms(secret), *_url_forms(secret), *_quoted_forms(secret)}
    if secret.startswith(b"base64:"):  # Laravel's way to write a key; the key is the rest
        found |= forms(secret[len(b"base64:") :])
    return frozenset(form for form in found if len(form) >= SHORTEST)


def _base64_forms(secret: bytes) -> set[bytes]:
    found = {base64.b64encode(secret), base64.b64encode(secret).rstrip(b"=")}
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret)
        first = -(-shift * 8 // 6)
        core = encoded[first : (shift + len(secret)) * 8 // 6]
        if len(core) >= _SHORTEST_CORE:
            found.add(core)
    return found | {form.translate(bytes.maketrans(b"+/", b"-_")) for form in found}


def _url_forms(secret: bytes) -> set[bytes]:
    found = {quote_from_bytes(secret, safe="").encode(), quote_from_bytes(secret).encode()}
    found.add(quote_plus(secret).encode())
    return found | {re.sub(rb"%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in found}


def _quoted_forms(secret: bytes) -> set[bytes]:
    text = secret.decode("utf-8", "surrogateescape")
    texts = {
        text.replace("'", "'\"'\"'"),
        text.replace("'", "'\\''"),
        re.sub(r'([\\"$`])', r"\\\1", text),
        re.sub(r"([\\'\"])", r"\\\1", text),
        re.sub(r"([\\'])", r"\\\1", text),
        text.replace("'", "''"),
        re.sub(r"([^A-Za-z0-9_@%+=:,./-])", r"\\\1", text),
        html.escape(text),
        html.escape(text, quote=False),
    }
    for escaped in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        texts |= {escaped, escaped.replace("/", "\\/")}
    return {form.encode("utf-8", "surrogateescape") for form in texts}


class Redactor:
    """Knows the secrets; makes streams that share them. Secrets may be added while streams are open."""

    def __init__(self, secrets: Iterable[bytes] = ()) -> None:
        self.forms: tuple[bytes, ...] = ()
        self.pattern: re.Pattern[bytes] | None = None
        self.firsts: re.Pattern[bytes] | None = None
        """Finds where a form may begin."""
        self.longest = 0
        self.add(*secrets)

    def add(self, *secrets: bytes) -> None:
        """Look for these from now on."""
        known = set(self.forms).union(*(forms(secret) for secret in secrets))
        if len(known) == len(self.forms):
            return
        # The longest first: the pattern must not be content with a part of what it could cover.
        self.forms = tuple(sorted(known, key=lambda form: (-len(form), form)))
        self.pattern = re.compile(b"|".join(re.escape(form) for form in self.forms))
        first_bytes = b"".join(re.escape(bytes([byte])) for byte in sorted({form[0] for form in self.forms}))
        self.firsts = re.compile(b"[" + first_bytes + b"]")
        self.longest = len(self.forms[0])

    def clean(self, data: bytes) -> bytes:
        """Give `data` with every known secret replaced."""
        if self.pattern is None or not any(form in data for form in self.forms):
            return data
        return self.pattern.sub(MASK, data)

    def text(self, text: str) -> str:
        """Give `text` with every known secret replaced; bytes that are not UTF-8 stay as they are."""
        data = text.encode("utf-8", "surrogatepass" if _has_wide_surrogate(text) else "surrogateescape")
        cleaned = self.clean(data)
        return text if cleaned is data else cleaned.decode("utf-8", "surrogateescape")

    def stream(self) -> RedactingStream:
        """Give a redactor of a stream that comes in pieces."""
        return RedactingStream(self)


class RedactingStream:
    """Replaces secrets in a stream, also those cut by the border of two pieces.

    It holds back only what may be the beginning of a secret: fewer bytes than the longest form, however long a line is.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take the next piece; give what can be shown by now."""
        redactor = self._redactor
        if redactor.pattern is None:
            return chunk
        data = self._held + chunk
        hold = self._hold_from(data, 0)
        shown: list[bytes] = []
        position = 0
        if any(form in data for form in redactor.forms):
            for match in redactor.pattern.finditer(data):
                if match.start() >= hold:
                    break
                shown += (data[position : match.start()], MASK)
                position = match.end()
                if position > hold:
                    hold = self._hold_from(data, position)
        self._held = data[hold:]
        return b"".join((*shown, data[position:hold]))

    def end(self) -> bytes:
        """Give what was held back; the stream is over."""
        rest, self._held = self._held, b""
        return self._redactor.clean(rest)

    def _hold_from(self, data: bytes, position: int) -> int:
        """Give the first place from which `data` to its end may be the beginning of a form."""
        redactor = self._redactor
        assert redactor.firsts is not None
        start = max(position, len(data) - redactor.longest + 1)
        for match in redactor.firsts.finditer(data, start):
            tail = data[match.start() :]
            if any(len(form) > len(tail) and form.startswith(tail) for form in redactor.forms):
                return match.start()
        return len(data)


def _has_wide_surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" and not "\udc80" <= letter <= "\udcff" for letter in text)
