"""nginx's configuration as `nginx -T` prints it: a small reader of its block syntax."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

_FILE = re.compile(r"^# configuration file (.+):$", re.MULTILINE)
_TOKENS = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>\#[^\n]*)
      | (?P<quoted>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*')
      | (?P<mark>[{};])
      | (?P<word>(?:\$\{[^}]*\} | \\. | [^\s{};\\])+ | \\)""",
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 64


@dataclass(frozen=True)
class Directive:
    """One directive with its arguments; `block` holds what stands between its braces, `file` where it is written."""

    name: str
    args: tuple[str, ...] = ()
    block: tuple[Directive, ...] = ()
    file: str = ""

    def each(self, name: str) -> Iterator[Directive]:
        """Give the directives of that name directly in this block."""
        return (one for one in self.block if one.name == name)

    def deep(self, name: str) -> Iterator[Directive]:
        """Give the directives of that name in this block, however deep."""
        for one in self.block:
            if one.name == name:
                yield one
            yield from one.deep(name)


@dataclass(frozen=True)
class Server:
    """One `server` block: the roots it serves from, where it listens, its names, where PHP requests go."""

    file: str
    roots: tuple[str, ...]
    listens: tuple[Listen, ...]
    names: tuple[str, ...]
    passes: tuple[str, ...]


@dataclass(frozen=True)
class Listen:
    """An address to reach a server at: `host` for a URL, `port`, and whether it speaks TLS."""

    host: str
    port: int
    tls: bool


def parse(text: str, file: str = "") -> tuple[Directive, ...]:
    """Read configuration text. Braces that do not match are forgiven: what can be read is given."""
    stack: list[list[Directive]] = [[]]
    heads: list[tuple[str, ...]] = []
    words: list[str] = []
    too_deep = 0
    for match in _TOKENS.finditer(text):
        kind, read = match.lastgroup, match.group()
        if kind == "quoted":
            words.append(_unescaped(read[1:-1]))
        elif kind == "word":
            words.append(_unescaped(read))
        elif read == ";":
            _close(stack[-1], tuple(words), (), file)
            words = []
        elif read == "{" and len(heads) == _DEEPEST:
            too_deep += 1
        elif read == "{":
            heads.append(tuple(words))
            stack.append([])
            words = []
        elif read == "}" and too_deep:
            too_deep -= 1
        elif read == "}" and heads:
            block = tuple(stack.pop())
            _close(stack[-1], heads.pop(), block, file)
            words = []
    while heads:
        block = tuple(stack.pop())
        _close(stack[-1], heads.pop(), block, file)
    return tuple(stack[0])


def _close(into: list[Directive], words: tuple[str, ...], block: tuple[Directive, ...], file: str) -> None:
    if words:
        into.append(Directive(words[0], words[1:], block, file))


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\"'\\ ;{}])", r"\1", text)


def parse_dump(text: str) -> Directive:
    """Read the output of `nginx -T`: the first file's directives, with every include put in its place."""
    parts = _FILE.split(text)
    files = {parts[i]: parts[i + 1] for i in range(1, len(parts) - 1, 2)}
    return with_includes({name: parse(content, name) for name, content in files.items()})


def with_includes(files: dict[str, tuple[Directive, ...]]) -> Directive:
    """Give the first file's directives, with what is included from the others in its place."""
    main = next(iter(files), "")
    return Directive("main", block=_with_includes(files.get(main, ()), files, posixpath.dirname(main), 0))


def _with_includes(
    block: tuple[Directive, ...], files: dict[str, tuple[Directive, ...]], base: str, depth: int
) -> tuple[Directive, ...]:
    result: list[Directive] = []
    for one in block:
        if one.name == "include" and one.args and depth < _DEEPEST:
            pattern = posixpath.normpath(posixpath.join(base, one.args[0]))
            for name, content in files.items():
                if _matches(posixpath.normpath(name), pattern):
                    result += _with_includes(content, files, base, depth + 1)
        elif one.block and depth < _DEEPEST:
            result.append(
                Directive(one.name, one.args, _with_includes(one.block, files, base, depth + 1), one.file)
            )
        else:
            result.append(one)
    return tuple(result)


def _matches(name: str, pattern: str) -> bool:
    """Match as glob(3): `*` does not cross directories."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def servers(main: Directive) -> tuple[Server, ...]:
    """Give every `server` of every `http` block."""
    found = []
    for http in main.each("http"):
        upstreams = {
            one.args[0]: tuple(member.args[0] for member in one.each("server") if member.args)
            for one in http.each("upstream")
            if one.args
        }
        inherited = [one.args[0] for one in http.each("root") if one.args]
        found += [_server(server, inherited, upstreams) for server in http.each("server")]
    return tuple(found)


def _server(server: Directive, inherited: list[str], upstreams: dict[str, tuple[str, ...]]) -> Server:
    own = [one.args[0] for one in server.deep("root") if one.args]
    passes: list[str] = []
    for one in server.deep("fastcgi_pass"):
        if one.args:
            passes += upstreams.get(one.args[0], (one.args[0],))
    tls_everywhere = any(one.args[:1] == ("on",) for one in server.each("ssl"))
    listens = [listen(one.args, tls_everywhere=tls_everywhere) for one in server.each("listen") if one.args]
    names = tuple(name for one in server.each("server_name") for name in one.args)
    return Server(
        file=server.file,
        roots=tuple(own or inherited),
        listens=tuple(one for one in listens if one) if listens else (Listen("127.0.0.1", 80, False),),
        names=names,
        passes=tuple(dict.fromkeys(passes)),
    )


def listen(args: tuple[str, ...], *, tls_everywhere: bool = False) -> Listen | None:
    """Read the arguments of `listen`; None for a Unix socket, or what is no address."""
    tls = tls_everywhere or "ssl" in args[1:]
    address = args[0]
    match = re.fullmatch(r"(?:(\[[0-9a-fA-F:.]*\]|[^:\[\]]+):)?(\d{1,5})", address)
    if match:
        host, port = match[1] or "*", int(match[2])
    elif re.fullmatch(r"\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.*_-]+", address):
        host, port = address, 80
    else:
        return None
    host = {"*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104
    return Listen(host, port, tls) if 0 < port < 65536 else None
