"""A failure's text as lines that can be searched: plain, unwrapped; and the one of them that tells most."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
_CUT = re.compile(r"  .{68,78}")
"""A line that Symfony's console may have cut: without a terminal it takes 80 columns for its width."""
_CONTINUED = re.compile(r"   ?\S")
"""What such a line may go on with."""

_NOISE = re.compile(
    r"\s*(?:#\d+ |\{main\}|Stack trace:|\[stacktrace\]|thrown in |In \S+ line \d+:$|Exception trace:|at \S+:\d+$"
    r"|\w+(?: \[-[^\]]*\])+|(?:\S+ )?\.{2,} |(?:INFO|WARN) |Now trying to download|- Syncing |- (?:Downloading|Installing) )"
)
"""Lines that never tell why: stack traces, where an exception was thrown, composer's usage, progress."""

_STRONG = re.compile(
    r"SQLSTATE\[|\bfatal\b|\berror:|\berror\]|\bexception:|\b(?:could|can) ?not\b|\bdenied\b|\brefused\b|\bno space left\b"
    r"|\bout of memory\b|\bexhausted\b|\bnot found\b|\bno such file\b|\bunable to\b|\bmissing from\b|\bunknown\b",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\berror\b|\bfail(?:ed|ure|s)?\b|\binvalid\b|\bmissing\b|\brequires?\b|\babort(?:ed|ing)?\b|\bproblem\b|\bexpected\b"
    r"|\bnot\b|\bwarning\b",
    re.IGNORECASE,
)


def plain_lines(texts: Iterable[str]) -> list[str]:
    """Give the lines of `texts` that say something, without terminal control sequences and without blanks at their ends."""
    lines = (line.rstrip() for text in texts for line in _CONTROL.sub("", text.expandtabs(4)).split("\n"))
    return [line for line in lines if line]


def unwrapped(lines: Iterable[str], *, glue: str) -> list[str]:
    """Join what Symfony's console has cut at the terminal's width.

    It indents the pieces by two blanks and cuts inside of words as well as at blanks, which are then lost: `glue` is "" for the
    one and " " for the other. A piece cannot tell which it was, so who searches tries both.
    """
    joined: list[str] = []
    cut = False
    for line in lines:
        if cut and _CONTINUED.match(line):
            joined[-1] += glue + line[2:]
        else:
            joined.append(line)
        cut = _CUT.fullmatch(line) is not None
    return joined


def telling_line(lines: Iterable[str]) -> str:
    """Give the line of a failed command's output that says most about why; "" when there is none.

    The first of those that name an error is the cause, those after it are what came of it. Where none does, the last that is
    not noise (stack traces, usage, progress).
    """
    known = unwrapped(plain_lines(lines), glue="")
    told = [line for line in known if not _NOISE.match(line)]
    for signs in (_STRONG, _WEAK):
        for line in told:
            if signs.search(line):
                return line.strip()
    return (told or known or [""])[-1].strip()
