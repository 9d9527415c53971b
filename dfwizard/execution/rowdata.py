"""Row data stays out of what is passed on: programs quote failing statements and values, and messages and reports show neither.

A step's output file (0600) holds what was said in full. Journal, reports and messages have the error and the table's name:

- Laravel's `(SQL: ...)` and `(Connection: mysql, SQL: ...)`, bindings filled in, also wrapped as Symfony's console wraps it;
- the statement that MariaDB's and MySQL's clients repeat between two lines of dashes;
- values that MySQL and PostgreSQL quote (`Duplicate entry '...'`, `Failing row contains (...)`, `COPY t, line 1: ...`);
- password hashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_MOST = 64 * 1024
_DASHES = "-" * 14
_GONE = "values left out"

TURNING = re.compile(rb"SQL|line \d+:|-{14}|Failing row", re.IGNORECASE)
"""Output in which this is not found has no line after which a `RowFilter` holds lines back."""

_OPENING = re.compile(r"\(\s*(?:Connection:\s*[^(),]*,\s*)?(?:Host:.{0,300}?,\s*)?SQL:", re.IGNORECASE)
_HEADER = re.compile(r"In \S+ line \d+:")
# What begins something new, and so ends a statement of several lines whose end could not be told by its parentheses.
_LANDMARK = re.compile(
    r"\[\d{4}-\d\d-\d\d|\[stacktrace\]|#\d+ |In \S+ line \d+:|(?:psql|pg_restore|pg_dump|mysql|mariadb|ERROR|CONTEXT|HINT|WARNING)\b.*:"
)
_SQL = re.compile(
    r"\s*(?:/\*|\(|(?:alter|begin|call|commit|create|delete|drop|grant|insert|load|lock|rename|replace|select|set|start|truncate|"
    r"unlock|update|use|with)\b)",
    re.IGNORECASE,
)
_NAME = r"""[`"\w.$]{1,130}"""
_CHANGE = re.compile(
    r"\s*((?:insert\s+(?:ignore\s+)?into|replace\s+into|update|delete\s+from|(?:create|alter|drop|truncate|rename)\s+[a-z]+)"
    rf"\s+{_NAME})",
    re.IGNORECASE,
)
_SELECT = re.compile(rf"\s*select\b.*?\b(?:from|on)\s+({_NAME})", re.IGNORECASE | re.DOTALL)

_QUOTED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), shown)
    for pattern, shown in (
        (r"(Duplicate entry) '.*' (for key)", rf"\1 ({_GONE}) \2"),
        (r"((?:Incorrect|Truncated incorrect|Out of range) [\w ]*value:?) '.*'", rf"\1 ({_GONE})"),
        (r"(to use near) '.*' (at line)", rf"\1 ({_GONE}) \2"),
        (r"(Key \([^()]*\))=\(.*\)", rf"\1=({_GONE})"),
        (r'(invalid input [\w ]+:) ".*"', rf"\1 ({_GONE})"),
        (r"(\bLINE \d+:) (?!\().*?(?=\(SQL: |\s\^|$)", rf"\1 ({_GONE})"),
        (r"(\bCOPY [^,]+, line \d+[^:]*:) .*", rf"\1 ({_GONE})"),
        (r"(Command was:) .*", rf"\1 ({_GONE})"),
        (r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{10,}", "***"),
    )
)
_FAILING_ROW = re.compile(r"(Failing row contains) \(")


def without_rows(text: str) -> str:
    """Give `text` (any number of lines) without the row data in it."""
    if not text:
        return text
    return "\n".join(left_out(text.split("\n")))


def left_out(lines: Iterable[str]) -> list[str]:
    """Give `lines` without the row data in them; a statement's lines become one."""
    rows = RowFilter()
    shown = [kept for line in lines for kept in rows.feed(line)]
    return shown + rows.end()


@dataclass
class RowFilter:
    """Takes lines of output as they come, without line ends; gives those that may be shown.

    It remembers no more than 64 KiB of what it holds back.
    """

    _doing: str = ""  # "" | box | swallow | dashes | echo
    _held: list[str] = field(default_factory=list)
    _size: int = 0
    _depth: int = 0
    _ending: int = 0

    @property
    def busy(self) -> bool:
        """Tell whether the next line is judged by those before it."""
        return self._doing != ""

    def feed(self, line: str) -> list[str]:
        """Take the next line; give the lines that can be shown by now."""
        if self._doing == "box":
            if line.startswith("  ") or (not line and not self._held):
                self._hold(line)
                return []
            return [*self.end(), *self.feed(line)]
        if self._doing == "dashes":
            return self._after_dashes(line)
        if self._doing == "echo":
            return self._in_echo(line)
        if self._doing == "swallow":
            if not _LANDMARK.match(line):
                self._measure(line)
                return []
            self._doing = ""
        return self._start(line)

    def end(self) -> list[str]:
        """Give what was held back; the output, or the paragraph, is over."""
        doing, held = self._doing, self._held
        self._doing, self._held, self._size = "", [], 0
        if doing == "dashes":
            return [_DASHES]
        return _box(held) if doing == "box" else []

    def _start(self, line: str) -> list[str]:
        if line == _DASHES:
            self._doing = "dashes"
            return []
        if _HEADER.fullmatch(line.strip()):
            self._doing = "box"
            return [line]
        if line.startswith("  ") and ("SQLSTATE[" in line or _OPENING.search(line)):
            self._doing = "box"
            self._hold(line)
            return []
        opening = _OPENING.search(line) or _FAILING_ROW.search(line)
        if opening is not None:
            self._depth = 0
            self._measure(line[opening.start() :])
        return [_one(line)]

    def _measure(self, line: str) -> None:
        """Swallow what follows, unless the statement seems to be over; bindings are not quoted, so parentheses alone do not tell."""
        self._depth += line.count("(") - line.count(")")
        over = self._depth <= 0 and line.rstrip(". ").endswith((")", "]", "}"))
        self._doing = "" if over else "swallow"

    def _hold(self, line: str) -> None:
        if self._size < _MOST:
            self._held.append(line[:_MOST])
            self._size += len(line)

    def _after_dashes(self, line: str) -> list[str]:
        if not _SQL.match(line):
            self._doing = ""
            return [_DASHES, *self.feed(line)]
        self._doing, self._ending = "echo", 0
        return [f"({_statement(line)})"]

    def _in_echo(self, line: str) -> list[str]:
        """Skip the statement; a line of dashes, an empty one and an error end it, so that a value alone cannot."""
        if self._ending == 2 and line.startswith("ERROR"):
            self._doing = ""
            return self._start(line)
        if line == _DASHES:
            self._ending = 1
        else:
            self._ending = 2 if self._ending == 1 and not line else 0
        return []


def _one(text: str) -> str:
    """Give one line, or a paragraph joined to one, without statement and values."""
    opening = _OPENING.search(text)
    if opening is not None:
        text = f"{text[: opening.start()]}(SQL: {_statement(text[opening.end() :])})"
    failing = _FAILING_ROW.search(text)
    if failing is not None:
        text = f"{text[: failing.start()]}{failing[1]} ({_GONE})"
    for pattern, shown in _QUOTED:
        text = pattern.sub(shown, text)
    return text


def _statement(sql: str) -> str:
    """Name what a statement does and to which table, without its values."""
    change, select = _CHANGE.match(sql), _SELECT.match(sql)
    if change is not None:
        return f"{' '.join(change[1].split())} ... {_GONE}"
    what = f"select on {select[1]}," if select is not None else "statement,"
    return f"{what} {_GONE}"


def _box(lines: list[str]) -> list[str]:
    """Give the paragraph of an exception as one line when it is of a database, else as it is."""
    whole = _unwrapped(lines)
    if "SQL" not in whole and not any(pattern.search(whole) for pattern, _ in _QUOTED):
        return lines
    return [f"  {_one(whole)}"]


def _unwrapped(lines: list[str]) -> str:
    """Join lines that were cut at a fixed width, with two blanks before and after each."""
    lines = [line for line in lines if line.strip()]
    padded = all(line.endswith("  ") for line in lines)
    width = max((len(line) - 4 if padded else len(line.rstrip()) - 2 for line in lines), default=0)
    joined = ""
    for line in lines:
        piece = line[2:].rstrip()
        joined += piece if len(piece) == width and width < 250 else f"{piece} "
    return joined.rstrip()
