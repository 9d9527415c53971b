"""Where an instance is, as a person writes it: a path here, or a host over SSH with a path there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from dfwizard.errors import UsageError
from dfwizard.hosts.failures import shown

_URL = "ssh://"
_PARTS = re.compile(r"(?:([^:/\[]*)@)?(\[[^\]/]*\]|[^:/\[\]]*)(.*)", re.DOTALL)
"""User (up to the last @ before the host), host (IPv6 in brackets), and the rest."""
_PORT_AND_PATH = re.compile(r":([0-9]+)(?::(.*))?", re.DOTALL)
_FORMS = "Write it as user@host:/path, host:/path, user@host:port:/path, or ssh://user@host:port/path."
_HOST_FORBIDDEN = frozenset("'\"`$\\;&<>|(){}@/[]*?!,#")
_USER_FORBIDDEN = frozenset("'\"`;&<>|(){}:/[]#")
"""What OpenSSH refuses too (its `valid_hostname` and `valid_ruser`): a ProxyCommand is read by a shell."""


@dataclass(frozen=True)
class Address:
    """A place over SSH: `host` is a name, an alias of ssh_config or an IP address (IPv6 without brackets), `path` may be empty.

    `user` and `port` are None where the person named none: then ssh_config decides, else the login name here and 22.
    """

    host: str
    user: str | None
    port: int | None
    path: str

    @property
    def text(self) -> str:
        """Give `user@host:port` without the path; `parse_address` reads it again (a bare host stands as `ssh://host` for that)."""
        user = f"{self.user}@" if self.user is not None else ""
        port = f":{self.port}" if self.port is not None else ""
        url = "" if user or port or ":" in self.host else _URL
        return f"{url}{user}{self._host}{port}"

    @property
    def location(self) -> str:
        """Give the whole address, `user@host:port:path`, as `parse_address` reads it again."""
        user = f"{self.user}@" if self.user is not None else ""
        port = f":{self.port}" if self.port is not None else ""
        return f"{user}{self._host}{port}:{self.path}"

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_address(text: str) -> Address | None:
    """Read what a person wrote; None when it is a path on this machine.

    A local path begins with `/`, `.` or `~`, or has neither `@` nor `:` before its first `/`.

    Raises:
        UsageError: it looks like an address and is none (empty host, leading dash, control characters, bad port).
    """
    if text[: len(_URL)].lower() == _URL:
        return _from_url(text)
    before_path = text.partition("/")[0]
    if text.startswith((".", "~")) or not ("@" in before_path or ":" in before_path):
        return None
    _refuse_bare_ipv6(text)
    user, host, rest = _parts(text)
    if not rest:
        return _address(text, host, user, None, "")
    if not rest.startswith(":"):
        raise _wrong(text, "a colon must stand between the host and the path", local=True)
    found = _PORT_AND_PATH.fullmatch(rest)
    if found:
        return _address(text, host, user, _port(text, found[1]), found[2] or "")
    if re.match(r":[0-9]+/", rest):
        raise _wrong(text, "a colon must stand between the port and the path")
    if re.match(r":-[0-9]+(?::|$)", rest):
        raise _wrong(text, "the port must be a number from 1 to 65535")
    return _address(text, host, user, None, rest[1:])


def _from_url(text: str) -> Address:
    authority, slash, path = text[len(_URL) :].partition("/")
    user, host, rest = _parts(authority)
    if user is None and "@" in authority:
        raise _wrong(_without_password(text), "a password must not stand in an address")
    if rest and not re.fullmatch(":[0-9]*", rest):
        raise _wrong(text, "the port must be a number from 1 to 65535")
    port = _port(text, rest[1:]) if rest[1:] else None
    path = unquote(path, errors="surrogateescape")
    # `/~` is the home directory, as git reads such addresses.
    path = path if path.startswith("~") else f"{slash}{path}"
    return _address(text, host, None if user is None else unquote(user), port, path)


def _without_password(text: str) -> str:
    return re.sub(r":[^@]*@", ":***@", text[len(_URL) :]).join((_URL, ""))


def _parts(text: str) -> tuple[str | None, str, str]:
    found = _PARTS.fullmatch(text)
    assert found is not None  # every part may be empty
    return found[1], found[2], found[3]


def _address(text: str, host: str, user: str | None, port: int | None, path: str) -> Address:
    host = host.removeprefix("[").removesuffix("]")
    if not host:
        raise _wrong(text, "it names no host")
    if ":" in host and not _is_ipv6(host):
        raise _wrong(text, "what stands in brackets is no IPv6 address")
    if not _clean(host, _HOST_FORBIDDEN):
        raise _wrong(text, f"{shown(host)!r} cannot be a host's name", local=True)
    if user is not None and not (user and _clean(user, _USER_FORBIDDEN)):
        raise _wrong(text, f"{shown(user)!r} cannot be a user's name", local=True)
    if "\0" in path:
        raise _wrong(text, "a path cannot hold a NUL byte")
    return Address(host, user, port, path)


def _clean(name: str, forbidden: frozenset[str]) -> bool:
    # A dash would be read as an option, the other two would make a path of what is written.
    if name.startswith(("-", ".", "~")):
        return False
    return name.isprintable() and not any(char.isspace() or char in forbidden for char in name)


def _port(text: str, digits: str) -> int:
    if len(digits) > 5 or not 1 <= int(digits) <= 65535:
        raise _wrong(text, "the port must be a number from 1 to 65535")
    return int(digits)


def _refuse_bare_ipv6(text: str) -> None:
    authority = text.partition("/")[0].rpartition("@")[2]
    for candidate in (authority, authority.removesuffix(":")):
        if _is_ipv6(candidate):
            raise _wrong(text, f"an IPv6 address stands in brackets: [{candidate}]")


def _is_ipv6(text: str) -> bool:
    # Late, for the few addresses that need it.
    from ipaddress import AddressValueError, IPv6Address

    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


def _wrong(text: str, why: str, *, local: bool = False) -> UsageError:
    remedy = f"{_FORMS} A path on this machine begins with / or ./ ." if local else _FORMS
    return UsageError(f"{shown(text)!r} is no address of an instance: {why}", remedy=remedy)
