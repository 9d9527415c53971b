"""A failure's text as lines that can be searched: plain, unwrapped; and those of them that tell most."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

LONGEST = 2000
"""Characters of a line that are looked at: what is longer holds data, and a pattern would be tried on it for long."""

_CONTROL = re.compile(
    # Escape sequences; the same as `cat -v` spells them; colours whose escape character a copy has lost.
    r"(?:\x1b|\^\[)(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
    r"|\[\d{1,3}(?:;\d{1,3})*m|\^M$|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]",
    re.MULTILINE,
)
_ENDS = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")

_CONTINUED = re.compile(r" {2}(?:(?!- )\S| \S)")
"""What a line that Symfony's console has cut goes on with."""
_NARROWEST = 60
_RAGGED = 10
"""Columns by which a cut line may be shorter than the block is wide: a blank there was taken for the cut."""

_PROGRESS = re.compile(r"\s*\S.*? ?\.{2,} ?.*\b(?:DONE|FAIL|RUNNING|Ran|Pending|CACHED)\s*$|\s*\.{3,}")
"""A line of artisan's with dots to the console's edge: whole, however long it is."""

_NOISE = re.compile(
    r"\s*(?:#\d+ |\{main\}|Stack trace:|\[stacktrace\]|thrown in |In \S+ line \d+:$|Exception trace:|at \S+:\d+$"
    r"|\w+(?: \[-[^\]]*\])+|(?:\S+ )?\.{2,} |(?:INFO|WARN) "
    r"|Now trying to download|- Syncing |- (?:Downloading|Installing|Upgrading|Removing) )"
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
_SIGNS = (_STRONG, _WEAK)


def plain_lines(texts: Iterable[str]) -> list[str]:
    """Give the lines of `texts` that say something, without terminal control sequences and without blanks at their ends."""
    lines = (
        _CONTROL.sub("", line).expandtabs(4).rstrip()[:LONGEST]
        for text in texts
        for line in _ENDS.split(text)
    )
    return [line for line in lines if line]


def unwrapped(lines: Iterable[str], *, glue: str) -> list[str]:
    """Join what Symfony's console has cut at the terminal's width, which is 80 where there is no terminal.

    It indents the pieces by two blanks and cuts inside of words as well as at blanks, which are then lost: `glue` is "" for the
    one and " " for the other. A piece cannot tell which it was, so who searches tries both.
    """
    joined: list[str] = []
    block: list[str] = []
    for line in (*lines, ""):
        if line.startswith("  ") and not _PROGRESS.match(line):
            block.append(line)
            continue
        joined += _one_block(block, glue)
        block = []
        if line:
            joined.append(line)
    return joined


def _one_block(block: list[str], glue: str) -> list[str]:
    width = max(map(len, block), default=0)
    if len(block) < 2 or width < _NARROWEST:
        return block
    joined = [block[0]]
    for before, line in itertools.pairwise(block):
        if len(before) >= width - _RAGGED and _CONTINUED.match(line) and len(joined[-1]) < LONGEST:
            joined[-1] += glue + line[2:]
        else:
            joined.append(line)
    return joined


def telling_line(lines: Iterable[str]) -> str:
    """Give the line of a failed command's output that says most about why; "" when there is none.

    The first of those that name an error is the cause, those after it are what came of it. Where none does, the last that is
    not noise (stack traces, usage, progress).
    """
    known = unwrapped(plain_lines(lines), glue="")
    told = [line for line in known if not _NOISE.match(line)]
    return next(iter(_signed(told, 1)), (told or known or [""])[-1].strip())


def telling_lines(lines: Iterable[str], most: int = 5) -> tuple[str, ...]:
    """Give the lines that name an error, each once, those that do it clearly first: at most `most`; none where no line does."""
    known = unwrapped(plain_lines(lines), glue="")
    return _signed([line for line in known if not _NOISE.match(line)], most)


def _signed(told: list[str], most: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for signs in _SIGNS:
        for line in told:
            if len(found) == most:
                return tuple(found)
            if signs.search(line):
                found.setdefault(line.strip())
    return tuple(found)
