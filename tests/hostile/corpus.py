"""What names and values from outside may hold at their worst; the same in every run.

Names of files, branches and tags, values of `.env`, names and passwords of databases, what git and servers say: none of them is
dfwizard's to choose. `ATOMS` are the kinds, and every use gets them alone, joined in pairs, and in longer rows.
"""

from __future__ import annotations

import itertools
import random

CANARY = "pwned"
"""The file that is there when something from outside was run."""

ATOMS = {
    "substitution": f"$(touch {CANARY})",
    "backticks": f"`touch {CANARY}`",
    "end of a command": f"; touch {CANARY} #",
    "and": f"&& touch {CANARY}",
    "pipe": f"| touch {CANARY}",
    "line end": f"\ntouch {CANARY}\n",
    "carriage return": f"\rtouch {CANARY}\r\n",
    "redirection": f"> {CANARY} < /etc/passwd",
    "variable": "${IFS}$HOME$$",
    "single quote": f"'; touch {CANARY}; '",
    "double quote": f'"; touch {CANARY}; "',
    "quotes": "'\"'\"'",
    "backslash": "\\",
    "backslash and quote": "\\'\\\"",
    "glob": "*?[a-z]{a,b}~",
    "history": "!! !$",
    "option": "-rf",
    "long option": f"--upload-pack=touch {CANARY}",
    "blank": " ",
    "tab": "\t",
    "nothing": "",
    "comment": "#",
    "above": "../../etc/passwd",
    "dots": "..",
    "sql": "'; DROP TABLE user; --",
    "sql comment": "*/ -- #",
    "backtick in sql": "`; DROP TABLE user; -- `",
    "double quote in sql": '"; DROP TABLE user; -- "',
    "dollar quoting": "$$; DROP TABLE user; $dfwizard$",
    "like": "%_",
    "printf": "%s%n%%\\n",
    "php": "<?php touch('pwned'); ?>",
    "colour": "\x1b[31mred\x1b[0m",
    "cursor": "\x1b[2J\x1b[H\x1b[1A",
    "title": "\x1b]0;title\x07",
    "clipboard": "\x1b]52;c;cHduZWQ=\x1b\\",
    "link": "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "begun and not ended": "\x1b]0;",
    "device control": "\x1bP+q544e\x1b\\",
    "8-bit sequence": "\x9b31m\x9d0;t\x9c",
    "bell and backspace": "\a\b\b\b",
    "control": "\x01\x02\x03\x04\x05\x06\x0b\x0c\x0e\x0f\x10\x1a\x1c\x1f\x7f\x85",
    "right to left": "\u202egpj.exe\u202c",
    "isolates": "\u2066a\u2067b\u2068c\u2069",
    "marks": "\u200e\u200f\u061c",
    "nothing to be seen": "\u200b\u2060\ufeff\u00ad\u180e",
    "separators": "\u2028\u2029",
    "tags": "\U000e0041\U000e0042\U000e007f",
    "invalid UTF-8": "\udcff\udc80\udcc3",
    "wide": "日本語\N{PILE OF POO}",
    "combining": "e\u0301\u0323" * 3,
    "markup": "[bold]x[/bold]",
    "markup that does not end": "[red",
    "markup that closes": "[/]",
    "action": "[@click=app.quit]x[/]",
    "link in markup": "[link=http://evil.example]x[/link]",
    "variable in markup": "[$error]x[/]",
    "html": "<script>alert(1)</script>&amp;",
    "markdown": "](http://evil.example) **x** | ```",
    "fence": "```\n# heading\n```",
    "braces": "{instance}{0}{}%(name)s${name}",
    "json": '{"kind":"execute"}',
    "yes": "yes",
}
"""One of each kind, by what it is."""

_WORDS = ("x", "/srv/df", "a b", "é", "0", "name")


def texts(number: int, *, seed: int = 6, without: str = "") -> tuple[str, ...]:
    """Give `number` different texts: the kinds alone, then joined with each other and with words; none has a character of `without`."""
    rng = random.Random(seed)
    found = dict.fromkeys(_clean(text, without) for text in ATOMS.values())
    kinds = tuple(ATOMS.values())
    while len(found) < number:
        parts = [rng.choice((*kinds, *_WORDS)) for _ in range(rng.randint(2, 5))]
        found[_clean(rng.choice(("", " ", "/", "\n", "'")).join(parts), without)] = None
    return tuple(itertools.islice(found, number))


def _clean(text: str, without: str) -> str:
    return "".join(letter for letter in text if letter not in without)


def names(number: int, *, seed: int = 6) -> tuple[str, ...]:
    """Give `number` different names that a directory may have: no slash, not `.` or `..`, at most 255 bytes."""
    found = (text for text in texts(4 * number, seed=seed, without="/") if text.strip("."))
    return tuple(text for text in found if 0 < len(text.encode("utf-8", "surrogateescape")) < 200)[:number]


USES = {
    "words": 500,
    "variables": 250,
    "directories": 60,
    "remote words": 500,
    "comments": 300,
    "plain": 900,
    "screen": 150,
    "documents": 60,
    "identifiers": 300,
}
"""How many texts each test takes; together they are what is asked of the corpus."""


def cases(use: str, **options: str) -> tuple[str, ...]:
    """Give the texts of a use."""
    return texts(USES[use], seed=len(use), **options)
