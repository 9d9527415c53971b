"""Pieces of POSIX shell: commands and pipelines whose every member is checked, byte-exact edits of a file."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable

from dfwizard.errors import UsageError
from dfwizard.hosts.command import Command, Pipeline, render

PRIVATE = "/\0dfwizard-private"
"""Stands in paths for the script's private directory, whose name is known only when it runs; no path that there is can hold it."""

_EXTENDED = re.compile(r"\(\?|\\[dDwWsSbBAZ]|[*+?}]\?")


def words(line: str) -> str:
    """Give a rendered line of shell in which the private directory is the script's variable."""
    if PRIVATE not in line:
        return line
    parts: list[str] = []
    quoted = False
    for piece in re.split(f"({re.escape(PRIVATE)})", line):
        if piece == PRIVATE:
            if quoted:
                # A quote that has only just been opened need not be.
                parts[-1] = parts[-1][:-1] if parts[-1].endswith("'") else f"{parts[-1]}'"
            parts.append('"$private"\'' if quoted else '"$private"')
            continue
        parts.append(piece)
        quoted = _ends_quoted(piece, quoted)
    return "".join(parts)


def _ends_quoted(piece: str, quoted: bool) -> bool:
    """Tell whether a single-quoted string is open at the end; shlex writes a quote inside one as `'"'"'`."""
    text = piece.replace("'\"'\"'", "")
    return quoted ^ (text.count("'") % 2 == 1)


def quoted(text: str) -> str:
    """Quote a word for the shell, the private directory being the script's variable."""
    return words(shlex.quote(text))


def comment(text: str) -> list[str]:
    """Give comment lines; a line end in the text cannot begin a command."""
    from dfwizard.reports.terminal import plain, wrap

    return wrap(plain(text), width=100, indent="# ", first="# ")


def command(work: Command, *, me: str) -> str:
    """Give a command as shell, in its own directory."""
    line = words(render(work, me=me))
    return f"(cd {quoted(work.cwd)} && {line})" if work.cwd else line


def pipeline(work: Pipeline, *, me: str, what: str) -> list[str]:
    """Give the lines that run a pipeline and end the script when any of its members failed.

    A file that takes the output is made anew, 0600; an existing one is an error.
    """
    members = []
    for index, each in enumerate(work.commands):
        allowed = " ".join(str(code) for code in each.expect)
        member = f"{{ {command(each, me=me)} || failed $? '{allowed}' {quoted(each.argv[0])}; }}"
        if index == 0:
            member += f" <{quoted(work.stdin_file)}" if work.stdin_file else " </dev/null"
        if index == len(work.commands) - 1 and work.stdout_file:
            member += f" >{quoted(work.stdout_file)}"
        members.append(member)
    lines = [': >"$private/failed"']
    piped = " |\n    ".join(members)
    lines.append(f"(umask 077; set -C; {piped})" if work.stdout_file else piped)
    return [*lines, f"joined {quoted(what)}"]


def refusal(pattern: str) -> str:
    """Give the call that refuses output with a line that matches `pattern`, a regular expression of a plan.

    Raises:
        UsageError: grep -E does not know a construct of it.
    """
    options = "-Ei" if pattern.startswith("(?i)") else "-E"
    body = pattern.removeprefix("(?i)")
    if _EXTENDED.search(body):
        raise UsageError(
            f"the pattern {pattern!r} has no form that grep -E understands",
            remedy="Export the plan as text, md or json.",
        )
    return f"refuse {options} {shlex.quote(body)}"


def print_bytes(data: bytes) -> str:
    """Give the printf that prints exactly `data`."""
    escaped = "".join(_printf(byte) for byte in data)
    if escaped.startswith("-"):  # printf would take it for an option
        escaped = f"\\055{escaped[1:]}"
    return f"printf '{escaped}'"


def _printf(byte: int) -> str:
    character = chr(byte)
    if character == "\n":
        return "\\n"
    if character in "%":
        return "%%"
    if character in "\\'" or not 0x20 <= byte < 0x7F:
        return f"\\{byte:03o}"
    return character


def splice(before: bytes, after: bytes) -> list[str | bytes]:
    """Give the pieces of which `after` is made: commands that print a range of the file `"$1"`, and new bytes.

    Bytes that both have are never among the new ones, so that a file's secrets do not come into a script.
    """
    old, new = _tokens(before), _tokens(after)
    offsets = [0]
    for token in old:
        offsets.append(offsets[-1] + len(token))
    pieces: list[str | bytes] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, first, last, new_first, new_last in matcher.get_opcodes():
        if tag == "equal":
            length = offsets[last] - offsets[first]
            pieces.append(f'tail -c +{offsets[first] + 1} -- "$1" | head -c {length}')
        elif new_last > new_first:
            pieces.append(b"".join(new[new_first:new_last]))
    return pieces


def _tokens(data: bytes) -> list[bytes]:
    return [token for token in re.split(rb"(\r\n|\r|\n)", data) if token]


def inserted(pieces: Iterable[str | bytes]) -> bytes:
    """Give the new bytes of `splice`, joined."""
    return b"\n".join(piece for piece in pieces if isinstance(piece, bytes))
