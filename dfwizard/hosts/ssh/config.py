"""Reading ssh_config as OpenSSH does (ssh_config(5)): Host, Match and Include, the first value wins.

paramiko has a reader too; it knows no Include, and cannot say in which line a file is wrong.
"""

from __future__ import annotations

import difflib
import getpass
import glob
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dfwizard.errors import HostError
from dfwizard.hosts.failures import shown
from dfwizard.hosts.ssh.patterns import concrete, matches

USED = (
    "AddressFamily",
    "BindAddress",
    "CertificateFile",
    "ConnectTimeout",
    "GlobalKnownHostsFile",
    "HashKnownHosts",
    "HostKeyAlgorithms",
    "HostKeyAlias",
    "HostName",
    "IdentitiesOnly",
    "IdentityAgent",
    "IdentityFile",
    "KbdInteractiveAuthentication",
    "PasswordAuthentication",
    "Port",
    "PreferredAuthentications",
    "ProxyCommand",
    "ProxyJump",
    "PubkeyAuthentication",
    "StrictHostKeyChecking",
    "User",
    "UserKnownHostsFile",
)
"""The keywords that dfwizard obeys, besides Host, Match and Include; all others are passed over."""

_KEYWORDS = {keyword.lower(): keyword for keyword in (*USED, "Host", "Match", "Include")}
_ALIASES = {"challengeresponseauthentication": "kbdinteractiveauthentication"}
_CUMULATIVE = ("identityfile", "certificatefile")
_LINE = re.compile(r"([A-Za-z0-9]+)(?:\s*=\s*|\s+|$)(.*)", re.DOTALL)
_WORD = re.compile(
    r"""(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|((?:[^\s"'\\]|\\.)+))(?=\s|$)\s*""", re.DOTALL
)
_DEPTH = 16
"""Files that may include each other, as in OpenSSH."""
_PATIENCE = 10.0
"""Seconds that the command of a `Match exec` may take."""


@dataclass(frozen=True)
class Line:
    """One line that says something: keyword in lower case, the rest as it stands."""

    file: Path
    number: int
    keyword: str
    argument: str

    @property
    def words(self) -> tuple[str, ...]:
        """Give the words of the argument without quotes and without a comment at the end."""
        found: list[str] = []
        rest = self.argument
        while rest and not rest.startswith("#"):
            match = _WORD.match(rest)
            if match is None:
                raise self.wrong("a quote is not closed")
            quoted = match[1] if match[1] is not None else match[2]
            text = match[3] if quoted is None else quoted
            found.append(re.sub(r"\\([\\\"' ])", r"\1", text))
            rest = rest[match.end() :]
        return tuple(found)

    def wrong(self, why: str) -> HostError:
        """Say that this line cannot be used, and why."""
        return HostError(
            f"{why}: {shown(self.keyword)} {shown(self.argument[:100])}".rstrip(),
            where=f"{self.file}:{self.number}",
            remedy="Mend that line of the SSH configuration, then try again. `ssh -G HOST` shows what ssh makes of it.",
        )


@dataclass(frozen=True)
class Value:
    """What a keyword was set to, and where."""

    line: Line

    @property
    def words(self) -> tuple[str, ...]:
        """Give the words of its argument."""
        return self.line.words

    @property
    def word(self) -> str:
        """Give its first word."""
        return self.line.words[0]


@dataclass
class Settings:
    """What the files say about one host: the first value of each keyword (in lower case), all values of those that add up."""

    host: str
    user: str | None
    values: dict[str, list[Value]] = field(default_factory=dict)

    def first(self, keyword: str) -> Value | None:
        """Give the value of `keyword`, or None where no file sets it."""
        found = self.values.get(keyword.lower())
        return found[0] if found else None

    def word(self, keyword: str, default: str) -> str:
        """Give the first word that `keyword` is set to."""
        value = self.first(keyword)
        return default if value is None else value.word

    def all(self, keyword: str) -> tuple[str, ...]:
        """Give the first words of all values of `keyword`, in order."""
        return tuple(value.word for value in self.values.get(keyword.lower(), ()))

    def take(self, line: Line) -> None:
        """Set what `line` says, unless an earlier one has."""
        keyword = _ALIASES.get(line.keyword, line.keyword)
        if not line.argument or (keyword != "proxycommand" and not line.words):
            raise line.wrong("an argument is missing")
        # Whichever of the two comes first keeps the other out.
        rivals = ("proxycommand", "proxyjump") if keyword in ("proxycommand", "proxyjump") else (keyword,)
        if keyword in _CUMULATIVE:
            known = self.values.setdefault(keyword, [])
            if line.words[0] not in (value.word for value in known):
                known.append(Value(line))
        elif not any(rival in self.values for rival in rivals):
            self.values[keyword] = [Value(line)]


def default_files() -> tuple[Path, ...]:
    """Give the files that ssh reads when it is told no other."""
    return (Path("~/.ssh/config").expanduser(), Path("/etc/ssh/ssh_config"))


def lookup(host: str, user: str | None, files: tuple[Path, ...]) -> Settings:
    """Give what `files` say about `host` as the person wrote it, logging in as `user` where they named one.

    Raises:
        HostError: a file cannot be read, or a line of it not be understood; `where` is file and line.
    """
    settings = Settings(host, user)
    reading = _Reading(settings)
    for final in (False, True):
        reading.final = final
        for file in files:
            reading.read(file, active=True, possible=True, depth=0)
        if not reading.wants_final:
            break
    return settings


def host_names(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Give the plain names that stand in Host lines, in order; what cannot be read is passed over."""
    names: dict[str, None] = {}
    for file in files:
        for line in _all_lines(file, 0):
            try:
                words = line.words
            except HostError:
                continue
            names.update(dict.fromkeys(word for word in words if concrete(word)))
    return tuple(names)


def _all_lines(file: Path, depth: int) -> Iterator[Line]:
    try:
        for line in _lines(file):
            if line.keyword == "host":
                yield line
            elif line.keyword == "include" and depth < _DEPTH:
                for included in _included(line):
                    yield from _all_lines(included, depth + 1)
    except HostError:
        return


def _lines(file: Path) -> Iterator[Line]:
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise HostError(
            f"the SSH configuration {shown(str(file))} cannot be read: {error.strerror}",
            remedy="Check its owner and mode.",
        ) from error
    for number, raw in enumerate(text.split("\n"), 1):
        content = raw.strip()
        if not content or content.startswith("#"):
            continue
        match = _LINE.fullmatch(content)
        if match is None:
            raise Line(file, number, content.split()[0], "").wrong("this is no keyword")
        line = Line(file, number, match[1].lower(), match[2])
        if line.keyword not in _KEYWORDS:
            _refuse_typo(line)
        yield line


def _refuse_typo(line: Line) -> None:
    """Refuse a keyword that differs from one of ours by a slip: ssh would refuse it too, and the host be another one."""
    if line.keyword in _ALIASES:
        return
    close = difflib.get_close_matches(line.keyword, _KEYWORDS, n=1, cutoff=0.86)
    if close:
        raise line.wrong(f"an unknown keyword; is {_KEYWORDS[close[0]]} meant?")


def _included(line: Line) -> Iterator[Path]:
    """Give the files that an Include names; relative ones lie beside the user's, or the system's, configuration."""
    system = line.file.is_relative_to("/etc/ssh")
    place = "/etc/ssh" if system else os.path.expanduser("~/.ssh")  # noqa: PTH111 -- joined as text, for glob
    for word in line.words:
        pattern = os.path.join(place, os.path.expanduser(word))  # noqa: PTH111, PTH118
        yield from map(Path, sorted(glob.glob(pattern)))  # noqa: PTH207


class _Reading:
    """One walk over the files for one host."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.final = False
        self.wants_final = False

    def read(self, file: Path, *, active: bool, possible: bool, depth: int) -> None:
        """Take what applies in `file`. Where it is not `possible`, no block in it can apply: it is included by one that does not."""
        for line in _lines(file):
            if line.keyword == "host":
                if not line.words:
                    raise line.wrong("an argument is missing")
                active = possible and matches(line.words, self._settings.host)
            elif line.keyword == "match":
                active = self._match(line) and possible
            elif line.keyword == "include":
                if depth >= _DEPTH:
                    raise line.wrong("files include each other without end")
                for included in _included(line):
                    self.read(included, active=active, possible=active, depth=depth + 1)
            elif active and (line.keyword in _KEYWORDS or line.keyword in _ALIASES):
                self._settings.take(line)

    def _match(self, line: Line) -> bool:
        words = list(line.words)
        if not words:
            raise line.wrong("an argument is missing")
        applies = True
        while words:
            criterion = words.pop(0)
            name = criterion.removeprefix("!").lower()
            argument = None
            if name not in ("all", "canonical", "final"):
                if not words:
                    raise line.wrong(f"{name} needs an argument")
                argument = words.pop(0)
            # A command runs only where everything before it applies.
            if applies or name == "final":
                applies = (self._holds(line, name, argument or "") != criterion.startswith("!")) and applies
        return applies

    def _holds(self, line: Line, name: str, argument: str) -> bool:
        settings = self._settings
        if name == "all":
            return True
        if name == "canonical":
            return False  # dfwizard leaves it to the resolver to complete a name
        if name == "final":
            self.wants_final = True
            return self.final
        if name == "exec":
            return _succeeds(expand(argument, tokens(settings), line))
        subjects = {
            "host": expand(settings.word("hostname", settings.host), {"h": settings.host}, line),
            "originalhost": settings.host,
            "user": settings.user or settings.word("user", getpass.getuser()),
            "localuser": getpass.getuser(),
            "tagged": "",
            "localnetwork": "",
        }
        if name not in subjects:
            raise line.wrong(f"Match knows no {shown(name)!r}")
        return matches(argument.split(","), subjects[name])


def _succeeds(command: str) -> bool:
    shell = os.environ.get("SHELL") or "/bin/sh"
    try:
        done = subprocess.run(
            [shell, "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def tokens(settings: Settings, *, user: str | None = None, port: int | None = None) -> dict[str, str]:
    """Give what the %-tokens of ssh_config(5) stand for."""
    here = os.uname().nodename
    me = getpass.getuser()
    found = {
        "d": str(Path.home()),
        "h": settings.host.lower(),
        "n": settings.host,
        "k": settings.host.lower(),
        "p": str(port or settings.word("port", "22")),
        "r": user or settings.user or settings.word("user", me),
        "u": me,
        "i": str(os.getuid()),
        "L": here.split(".")[0],
        "l": here,
    }
    hostname = settings.first("hostname")
    if hostname is not None:
        found["h"] = found["k"] = expand(hostname.word, {"h": settings.host}, hostname.line).lower()
    alias = settings.first("hostkeyalias")
    if alias is not None:
        found["k"] = alias.word.lower()
    return found


def expand(text: str, known: dict[str, str], line: Line) -> str:
    """Replace the %-tokens in `text`; one that is not `known` is an error of `line`."""

    def value(match: re.Match[str]) -> str:
        if match[1] == "%":
            return "%"
        if match[1] not in known:
            raise line.wrong(f"the token {shown(match[0])} is not known here")
        return known[match[1]]

    return re.sub(r"%(.?)", value, text, flags=re.DOTALL)
