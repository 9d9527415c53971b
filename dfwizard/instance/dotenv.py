"""`.env` as Laravel reads it, and edits that leave every other byte alone.

The reading follows vlucas/phpdotenv 5 (Laravel 8 and later) on an immutable repository, as Laravel's
`LoadEnvironmentVariables` sets it up, rule by rule and message by message. What surprises people: `#` begins a
comment even without a space before it, an unquoted space is an error, a quote that is never closed makes
Laravel ignore the rest of the file in silence, and of two lines with one name the last one counts (in
phpdotenv 2 and 3, with which DreamFactory before 5.0 comes, the first). Names are ASCII, as in phpdotenv 5.0 to 5.4.

Everything here is text in, text out; offsets and spans are in bytes of the file, lines count from 1.
"""

from __future__ import annotations

import re
from collections import ChainMap, Counter
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from types import MappingProxyType

from dfwizard.errors import DotenvError
from dfwizard.instance.secret_names import is_secret

ADDED_COMMENT = "# Added by dfwizard"
MASK = "***"

BOM = b"\xef\xbb\xbf"
_REPLACEMENT = "\ufffd"
_TRIM = b" \t\n\r\0\x0b"  # what PHP's trim() takes off; a form feed is not among it
_NAME = re.compile(rb"[a-zA-Z0-9_.]+")
_TOKEN = re.compile(rb"[\r\n]{1,1000}|[^\S\r\n]{1,1000}|[\\'\"#$]|[^\s\\'\"#$]{1,1000}")
_REFERENCE = re.compile(rb"\$\{([a-zA-Z0-9_.]+)\}")
_WRITTEN_VALUE = re.compile(rb"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\S\r\n]{0,1000}[^\s#]*", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9_.:/+=@-]+")
_ESCAPES = {b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
LARAVEL_WORDS: dict[str, str | bool | None] = {"true": True, "false": False, "empty": "", "null": None}

_INITIAL, _UNQUOTED, _SINGLE, _DOUBLE, _ESCAPE, _WHITESPACE, _COMMENT = range(7)


class DotenvSyntaxError(DotenvError):
    """Laravel refuses the file.

    `line` is where the entry begins. `laravel_message` is what Laravel prints, word for word; it quotes the file and
    may hold a secret, so the text of the error itself leaves the quotation out where that could be.
    """

    def __init__(self, line: int, cause: str, subject: str, *, showable: bool) -> None:
        template = "Failed to parse dotenv file. Encountered {} at [{}]."
        self.line = line
        self.laravel_message = template.format(cause, subject)
        super().__init__(
            template.format(cause, printable(subject) if showable else MASK),
            where=f".env line {line}",
            remedy='Correct this line. Names are letters, digits, _ and .; a value with spaces or # needs quotes: A="b c".',
        )


class _Rejected(Exception):
    """phpdotenv's reason for refusing an entry, and what it quotes."""

    def __init__(self, cause: str, subject: bytes) -> None:
        super().__init__(cause)
        self.cause = cause
        self.subject = subject.lstrip(b"\n").split(b"\n", 1)[0]


@dataclass(frozen=True)
class Entry:
    """One assignment of the file.

    `template` is the value before `${NAME}` is filled in, `value` the one after; both are None when there is no `=`.
    `span` covers the entry without its last line end, `value_span` the written value with its quotes (empty when there
    is none); `quote` is the quotation mark, or "".
    """

    name: str
    value: str | None
    template: str | None
    line: int
    last_line: int
    span: tuple[int, int]
    value_span: tuple[int, int]
    quote: str


@dataclass(frozen=True)
class DotenvFile:
    """What Laravel makes of a `.env`.

    `values` holds what the file sets; None means that the file clears the name (a line without `=`). Lines from
    `unclosed_line` on, if it is not None, are ignored by Laravel: a quote is opened there and never closed.
    """

    data: bytes
    entries: tuple[Entry, ...]
    values: Mapping[str, str | None]
    unclosed_line: int | None


@dataclass(frozen=True)
class _Block:
    """One entry, comment or blank line as phpdotenv's `Lines` joins them; `text` is what its parser gets."""

    line: int
    last_line: int
    span: tuple[int, int]
    text: bytes

    @property
    def is_entry(self) -> bool:
        text = self.text.strip(_TRIM)
        return text != b"" and not text.startswith(b"#")


@dataclass(frozen=True)
class _Parsed:
    name: bytes
    value: bytes | None
    references: tuple[int, ...]


def parse(text: str | bytes, environment: Mapping[str, str] | None = None) -> DotenvFile:
    """Read a `.env` as Laravel does in a process whose environment is `environment` (default: empty).

    Bytes that are not UTF-8 become `?`, as in PHP. Names that `environment` sets keep their value there, so they
    are missing in `values`. Raises DotenvSyntaxError where Laravel refuses the file.
    """
    data = _encode(text) if isinstance(text, str) else bytes(text)
    blocks, unclosed_line = _blocks(data)
    pairs = [(block, _parse_block(block)) for block in blocks if block.is_entry]

    external = {name.encode(): _encode(value) for name, value in (environment or {}).items()}
    loaded: dict[bytes, bytes] = {}
    values: dict[str, str | None] = {}
    entries = []
    for block, parsed in pairs:
        value = _resolve(parsed, ChainMap(external, loaded))
        entries.append(_entry(data, block, parsed, value))
        if parsed.name in external:
            continue
        values[parsed.name.decode()] = None if value is None else php_text(value)
        if value is None:
            loaded.pop(parsed.name, None)
        else:
            loaded[parsed.name] = value
    return DotenvFile(data, tuple(entries), MappingProxyType(values), unclosed_line)


def laravel_value(raw: str | None) -> str | bool | None:
    """What Laravel's `env()` returns for a raw value: `true`, `(null)`, `empty`... mapped, one pair of quotes taken off."""
    if raw is None:
        return None
    word = raw.lower()
    word = word[1:-1] if word.startswith("(") and word.endswith(")") else word
    if word in LARAVEL_WORDS:
        return LARAVEL_WORDS[word]
    quoted = re.fullmatch(r"(['\"])([^\n]*)\1", raw)
    return quoted[2] if quoted else raw


def quote(value: str) -> str:
    """Write a value so that Laravel reads exactly it, on one line: bare, single-quoted or double-quoted.

    Raises DotenvError for what an environment variable cannot hold: a NUL byte, or text that is not Unicode.
    """
    if _BARE.fullmatch(value):
        return value
    # phpdotenv takes `="` anywhere in a line, in single quotes too, for the possible start of a multi-line value.
    if set(value) & set("'\\\r\n") or '="' in value:
        return _double_quote(value)
    _check_storable(value)
    return f"'{value}'"


def edit(data: bytes, changes: Mapping[str, str | None]) -> bytes:
    """Set (or, with None, remove) keys; every byte that does not have to change stays.

    A key that exists is changed where it stands, on each of its lines if there are several, and keeps its inline
    comment. A new key goes below its commented-out default (`#KEY=...`), or to the end of the file below a comment.
    Raises DotenvError when the result would not read as intended; nothing else is then lost, for nothing is written here.
    """
    for key in changes:
        if not _NAME.fullmatch(_encode(key)):
            raise DotenvError(
                "this is not a name that Laravel accepts in .env",
                where=printable(key),
                remedy="Use letters, digits, underscores and dots.",
            )
    before = parse(data)
    result = _changed_in_place(before, changes)
    present = {entry.name for entry in before.entries}
    for key, value in changes.items():
        if value is not None and key not in present:
            result = _with_added(result, key, value)
    _check_edit(before, result, changes)
    return result


def second_opinion(text: str | bytes) -> list[str]:
    """The keys that python-dotenv reads differently from Laravel, sorted: lines worth a person's look.

    Raises DotenvSyntaxError where Laravel refuses the file.
    """
    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    file = parse(text)
    theirs: dict[str, str | None] = {}
    for binding in parse_stream(StringIO(php_text(file.data.removeprefix(BOM)), newline=None)):
        if binding.key is not None:
            atoms = None if binding.value is None else parse_variables(binding.value)
            theirs[binding.key] = None if atoms is None else "".join(atom.resolve(theirs) for atom in atoms)
    ours = file.values
    return sorted(
        key for key in {*ours, *theirs} if key not in ours or key not in theirs or ours[key] != theirs[key]
    )


def _blocks(data: bytes) -> tuple[list[_Block], int | None]:
    """phpdotenv's Lines::process: join the lines of multi-line values; with the line of a quote never closed."""
    blocks: list[_Block] = []
    buffer: list[bytes] = []
    offset = len(BOM) if data.startswith(BOM) else 0
    start, line = offset, 1
    for number, raw in enumerate(data[offset:].splitlines(keepends=True), 1):
        content = raw.rstrip(b"\r\n")
        text = php_text(content).encode()
        if not buffer:
            start, line = offset, number
        starts = b'="' in text and not _closes(text, started=True)
        if starts or buffer:
            buffer.append(text)
        if not buffer or _closes(text, started=starts):
            joined = b"\n".join(buffer) if buffer else text
            blocks.append(_Block(line, number, (start, offset + len(content)), joined))
            buffer = []
        offset += len(raw)
    return blocks, (line if buffer else None)


def _closes(text: bytes, *, started: bool) -> bool:
    """Whether phpdotenv takes this line for the end of a multi-line value (looksLikeMultilineStop)."""
    if text == b'"':
        return True
    quotes = len(re.findall(rb'(?=[^\\]")', text.replace(b"\\\\", b"")))
    return quotes > (1 if started else 0)


def _parse_block(block: _Block) -> _Parsed:
    name, equals, written = block.text.partition(b"=")
    if equals:
        name, written = name.strip(_TRIM), written.strip(_TRIM)
    valid = None
    try:
        if not name:
            raise _Rejected("an unexpected equals", block.text)
        valid = _parse_name(name)
        value, references = _parse_value(written) if equals else (None, ())
    except _Rejected as error:
        subject = php_text(error.subject)
        showable = valid is not None and not is_secret(valid.decode()) and "://" not in subject
        raise DotenvSyntaxError(block.line, error.cause, subject, showable=showable) from None
    return _Parsed(valid, value, references)


def _parse_name(name: bytes) -> bytes:
    # "export" counts only before a name of two letters or more: phpdotenv compares the length with 8.
    if len(name.decode()) > 8 and name.startswith(b"export") and name[6:7].isspace():
        name = name[6:].lstrip(_TRIM)
    if len(name.decode()) > 2 and name[:1] == name[-1:] and name[:1] in (b'"', b"'"):
        name = name[1:-1]
    if not _NAME.fullmatch(name):
        raise _Rejected("an invalid name", name)
    return name


def _parse_value(written: bytes) -> tuple[bytes, tuple[int, ...]]:
    """phpdotenv's value machine: the value's bytes and the offsets in it at which a `${NAME}` may stand."""
    value = b""
    references = []
    state = _INITIAL
    for token in _TOKEN.findall(written):
        step = _in_quotes if state in (_SINGLE, _DOUBLE, _ESCAPE) else _outside_quotes
        try:
            output, after = step(state, token)
        except ValueError as error:
            raise _Rejected(str(error), written) from None
        if output == b"$" and state in (_INITIAL, _UNQUOTED, _DOUBLE):
            references.append(len(value))
        value += output
        state = after
    if state in (_SINGLE, _DOUBLE, _ESCAPE):
        raise _Rejected("a missing closing quote", written)
    return value, tuple(references)


def _outside_quotes(state: int, token: bytes) -> tuple[bytes, int]:
    if state == _COMMENT or token == b"#":
        return b"", _COMMENT
    if state == _INITIAL and token in (b"'", b'"'):
        return b"", _SINGLE if token == b"'" else _DOUBLE
    if state != _INITIAL and token.isspace():
        return b"", _WHITESPACE
    if state == _WHITESPACE:
        raise ValueError("unexpected whitespace")
    return token, _UNQUOTED


def _in_quotes(state: int, token: bytes) -> tuple[bytes, int]:
    if state == _ESCAPE:
        if token in (b'"', b"\\", b"$"):
            return token, _DOUBLE
        if token[:1] not in _ESCAPES:
            raise ValueError("an unexpected escape sequence")
        return _ESCAPES[token[:1]] + token[1:], _DOUBLE
    if token == (b"'" if state == _SINGLE else b'"'):
        return b"", _WHITESPACE
    if state == _DOUBLE and token == b"\\":
        return b"", _ESCAPE
    return token, state


def _resolve(parsed: _Parsed, known: Mapping[bytes, bytes]) -> bytes | None:
    """Fill in `${NAME}` from right to left; an unknown name stays as it is written."""
    value = parsed.value
    if value is None:
        return None
    for offset in reversed(parsed.references):
        match = _REFERENCE.match(value, offset)
        if match and match[1] in known:
            value = value[:offset] + known[match[1]] + value[match.end() :]
    return value


def _entry(data: bytes, block: _Block, parsed: _Parsed, value: bytes | None) -> Entry:
    start, end = block.span
    value_span = (end, end)
    if parsed.value is not None:
        after_equals = data.index(b"=", start, end) + 1
        written = data[after_equals:end].lstrip(_TRIM)
        value_span = (after_equals, after_equals)
        if written and not written.startswith(b"#"):
            match = _WRITTEN_VALUE.match(data, end - len(written), end)
            value_span = match.span() if match else value_span
    mark = data[value_span[0] : value_span[0] + 1] if value_span[0] < value_span[1] else b""
    return Entry(
        name=parsed.name.decode(),
        value=None if value is None else php_text(value),
        template=None if parsed.value is None else php_text(parsed.value),
        line=block.line,
        last_line=block.last_line,
        span=block.span,
        value_span=value_span,
        quote=mark.decode() if mark in (b'"', b"'") else "",
    )


def _changed_in_place(file: DotenvFile, changes: Mapping[str, str | None]) -> bytes:
    data = file.data
    for entry in reversed(file.entries):
        if entry.name not in changes:
            continue
        value = changes[entry.name]
        if value is not None and entry.template == entry.value == value and not _takes_in(value, changes):
            continue
        if value is None:
            data = data[: entry.span[0]] + re.sub(rb"\A(?:\r\n|\r|\n)", b"", data[entry.span[1] :])
            continue
        start, end = entry.value_span
        rest = data[end : entry.span[1]]
        double = entry.quote == '"' or b'="' in rest
        written = (_double_quote(value) if double else quote(value)).encode()
        gap = b" " if rest.startswith(b"#") else b""
        data = data[:start] + (b"=" if entry.value is None else b"") + written + gap + data[end:]
    if data != file.data and not file.data.endswith((b"\n", b"\r")):
        data = re.sub(rb"(?<=[^\r\n])(?<!\A\xef\xbb\xbf)(?:\r\n|\r|\n)\Z", b"", data)
    return data


def _takes_in(template: str, changes: Mapping[str, str | None]) -> bool:
    """Whether a value that reads as it is written could read otherwise once `changes` are made: `${NAME}` of an unknown name."""
    return any(name.decode() in changes for name in _REFERENCE.findall(_encode(template)))


def _with_added(data: bytes, key: str, value: str) -> bytes:
    blocks, unclosed_line = _blocks(data)
    ends = Counter(re.findall(rb"\r\n|\r|\n", data))
    line_end = ends.most_common(1)[0][0] if ends else b"\n"
    added = [f"{key}={quote(value)}".encode()]
    default = re.compile(rb"\s*#[#\s]*" + re.escape(key.encode()) + rb"\s*=")
    defaults = [block for block in blocks if block.line == block.last_line and default.match(block.text)]
    if defaults:
        position = defaults[-1].span[1]
    elif unclosed_line is None:
        position = len(data)
        if not any(block.text == ADDED_COMMENT.encode() for block in blocks):
            added.insert(0, ADDED_COMMENT.encode())
    else:
        raise DotenvError(
            f"Laravel ignores everything from here on, so {key} cannot be added at the end: a quote is never closed",
            where=f".env line {unclosed_line}",
            remedy="Close the quote on this line.",
        )
    if defaults or (data.removeprefix(BOM) and not data.endswith((b"\n", b"\r"))):
        return data[:position] + b"".join(line_end + line for line in added) + data[position:]
    return data + b"".join(line + line_end for line in added)


def _check_edit(before: DotenvFile, result: bytes, changes: Mapping[str, str | None]) -> None:
    def others(file: DotenvFile) -> list[tuple[str, str | None]]:
        return [(entry.name, entry.template) for entry in file.entries if entry.name not in changes]

    remedy = "Edit .env by hand; nothing has been changed."
    try:
        after = parse(result)
    except DotenvSyntaxError as error:
        raise DotenvError(
            "the edited .env would be refused by Laravel", where=error.where, remedy=remedy
        ) from error
    wrong = [key for key, value in changes.items() if after.values.get(key) != value]
    wrong += [entry.name for entry in after.entries if changes.get(entry.name, "") is None]
    if wrong:
        raise DotenvError("the edited .env would not read as intended", where=", ".join(wrong), remedy=remedy)
    if others(after) != others(before) or (after.unclosed_line is None) != (before.unclosed_line is None):
        raise DotenvError("the edit would change how Laravel reads other keys", where=".env", remedy=remedy)


def _double_quote(value: str) -> str:
    _check_storable(value)
    escaped = re.sub(r'[\\"$]', r"\\\g<0>", value).replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _check_storable(value: str) -> None:
    if re.search("[\0\ud800-\udfff]", value):
        raise DotenvError(
            "a value with a NUL byte, or one that is not valid Unicode, cannot be written to .env",
            remedy="Choose another value.",
        )


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def php_text(data: bytes) -> str:
    """Decode as PHP's mb_convert_encoding does: each ill-formed sequence becomes one `?`."""
    parts = data.split(_REPLACEMENT.encode())
    return _REPLACEMENT.join(part.decode("utf-8", "replace").replace(_REPLACEMENT, "?") for part in parts)


def printable(text: str) -> str:
    """Text for a terminal: control characters, which could move its cursor, are shown as escapes."""
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode-escape").decode() for c in text)
