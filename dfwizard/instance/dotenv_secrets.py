"""Which values of a `.env` are secret, and how to show changes of it without them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from urllib.parse import unquote

from dfwizard.instance.dotenv import (
    BOM,
    LARAVEL_WORDS,
    MASK,
    DotenvFile,
    DotenvSyntaxError,
    laravel_value,
    parse,
    php_text,
    printable,
)
from dfwizard.instance.secret_names import is_secret

_URL_PASSWORDS = (  # the second pattern is for a password with an @ of its own
    re.compile(r"://[^\s:/@]*:([^\s@/]+)@"),
    re.compile(r"://[^\s:/@]*:(\S+)@"),
)
_PASSWORD_IN_LINE = re.compile(r"(://[^\s:/@]*:)\S+@")
_ASSIGNMENT = re.compile(r"[\s#]*(?:export\s+)?['\"]?(?P<name>[\w.]+)['\"]?\s*=\s*")


def secret_values(file: DotenvFile) -> frozenset[str]:
    """Every text of the file that redaction must find: values of secret keys and passwords within URLs.

    Each also as it shows up elsewhere: APP_KEY without `base64:`, a URL's password decoded, a key file's single lines,
    the value as `env()` gives it. Texts shorter than four characters and words such as `null` are left out.
    """
    found: set[str] = set()
    for entry in file.entries:
        for value in {entry.value or "", entry.template or ""}:
            passwords = [match for pattern in _URL_PASSWORDS for match in pattern.findall(value)]
            found.update(passwords, map(unquote, passwords))
            if is_secret(entry.name):
                unwrapped = laravel_value(value)
                found.update((value, value.removeprefix("base64:")))
                found.update(line for line in value.splitlines() if len(line) >= 16 and "-----" not in line)
                found.add(unwrapped if isinstance(unwrapped, str) else "")
    return frozenset(
        text for text in found if len(text) >= 4 and text.lower().strip("()") not in LARAVEL_WORDS
    )


def diff(before: bytes, after: bytes, secret_keys: Collection[str] = ()) -> str:
    """A unified diff for people, without secrets: their values (`secret_keys`, and what `is_secret` says) are `***`.

    A secret that changed shows as a changed line with `***` on both sides. Empty when nothing changed.
    """
    secrets = _known_secrets(before, secret_keys) | _known_secrets(after, secret_keys)
    ordered = sorted(secrets, key=len, reverse=True)
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    old_shown, new_shown = (_masked_lines(data, secret_keys, ordered) for data in (before, after))
    output = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        output.append(f"@@ -{first[1] + 1},{last[2] - first[1]} +{first[3] + 1},{last[4] - first[3]} @@")
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                output += [f" {line}" for line in old_shown[old_from:old_to]]
            else:
                output += [f"-{line}" for line in old_shown[old_from:old_to]]
                output += [f"+{line}" for line in new_shown[new_from:new_to]]
    return "\n".join(["--- .env (before)", "+++ .env (after)", *output, ""]) if output else ""


def _known_secrets(data: bytes, secret_keys: Collection[str]) -> frozenset[str]:
    try:
        file = parse(data)
    except DotenvSyntaxError:
        return frozenset()
    named = {entry.value for entry in file.entries if entry.name in secret_keys}
    return secret_values(file) | {value for value in named if value and len(value) >= 4}


def _masked_lines(data: bytes, secret_keys: Collection[str], secrets: list[str]) -> list[str]:
    """The lines of the file for display; in a file or part that Laravel does not read, every value is masked."""
    try:
        file = parse(data)
        unread = file.unclosed_line or len(data) + 1
    except DotenvSyntaxError:
        file, unread = None, 1
    first_lines: set[int] = set()
    further_lines: set[int] = set()
    for entry in file.entries if file else ():
        known = any(text in (entry.value or "") for text in secrets)
        if known or is_secret(entry.name) or entry.name in secret_keys:
            first_lines.add(entry.line)
            further_lines.update(range(entry.line + 1, entry.last_line + 1))
    shown = []
    for number, raw in enumerate(data.removeprefix(BOM).splitlines(), 1):
        line = php_text(raw)
        found = _ASSIGNMENT.match(line)
        name = found["name"] if found else ""
        if number in further_lines or (number >= unread and not name.isupper() and line.strip()):
            line = MASK
        elif found and (number in first_lines or number >= unread or is_secret(name) or name in secret_keys):
            line = found[0] + (MASK if line[found.end() :] else "")
        line = _PASSWORD_IN_LINE.sub(rf"\1{MASK}@", line)
        for text in secrets:
            line = line.replace(text, MASK)
        shown.append(printable(line))
    return shown
