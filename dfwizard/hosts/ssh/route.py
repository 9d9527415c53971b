"""The way to a host: what the person wrote and what ssh_config says of it, made into everything that connecting needs."""

from __future__ import annotations

import getpass
import os
import re
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from dfwizard.errors import HostError, UsageError
from dfwizard.hosts.address import Address, parse_address
from dfwizard.hosts.failures import shown
from dfwizard.hosts.ssh.config import Settings, Value, default_files, expand, host_names, lookup, tokens

Strict = Literal["ask", "yes", "accept-new"]
METHODS = ("publickey", "keyboard-interactive", "password")
"""Ways to log in, in the order in which OpenSSH tries them."""

_DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ed25519")
_STRICT: dict[str, Strict] = {
    "ask": "ask",
    "yes": "yes",
    "true": "yes",
    "accept-new": "accept-new",
    # ssh would take changed keys as well; dfwizard never does.
    "no": "accept-new",
    "off": "accept-new",
    "false": "accept-new",
}
_FAMILIES: dict[str, int] = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
_JUMPS = 8
_Chosen = TypeVar("_Chosen")


@dataclass(frozen=True)
class Route:
    """Everything that connecting to one host needs.

    `name` is what people know it by; `host` and `port` where it is; `key_name` the name under which known_hosts files have it.
    New host keys go to the first of `known_hosts` (hashed where `hash_names`). `key_algorithms` is ssh_config's HostKeyAlgorithms
    as it stands. `identities` are files with private keys, in order (`named`: by ssh_config, not only ssh's default names), with
    `certificates` for them; `only`: no other key of the agent. `agent` is the agent's socket. `methods` are the ways to log in,
    in order. `timeout` is in seconds. `command` is run and carries the connection, or else `jump` is the host to go through.
    """

    name: str
    host: str
    port: int
    user: str
    key_name: str
    known_hosts: tuple[Path, ...]
    system_known_hosts: tuple[Path, ...]
    hash_names: bool
    strict: Strict
    key_algorithms: str | None
    identities: tuple[Path, ...]
    named: bool
    certificates: tuple[Path, ...]
    only: bool
    agent: str | None
    methods: tuple[str, ...]
    timeout: float | None
    family: int
    bind: str | None
    command: str | None
    jump: Route | None


def route_to(
    address: Address, *, config_file: Path | None = None, known_hosts: tuple[Path, ...] | None = None
) -> Route:
    """Find the way to `address`, by `config_file` (None: ~/.ssh/config and /etc/ssh/ssh_config).

    `known_hosts` stands for the files that ssh_config would name.

    Raises:
        HostError: an ssh_config is wrong; `where` is file and line.
    """
    files = default_files() if config_file is None else (config_file,)
    route = _route(address, files, via=None, depth=0)
    return route if known_hosts is None else _with_known_hosts(route, known_hosts)


def hosts(config_file: Path | None = None) -> tuple[str, ...]:
    """Give the hosts that ssh_config names one by one, in order, as `ssh://NAME` is an address; what cannot be read is passed over."""
    names = host_names(default_files() if config_file is None else (config_file,))
    return tuple(name for name in names if _addressable(name))


def _addressable(name: str) -> bool:
    try:
        return parse_address(f"ssh://{name}") is not None
    except UsageError:
        return False


def _with_known_hosts(route: Route, files: tuple[Path, ...]) -> Route:
    jump = None if route.jump is None else _with_known_hosts(route.jump, files)
    return replace(route, known_hosts=files, system_known_hosts=(), jump=jump)


def _route(address: Address, files: tuple[Path, ...], *, via: Route | None, depth: int) -> Route:
    settings = lookup(address.host, address.user, files)
    port = address.port or _port(settings.first("port"))
    user = address.user or settings.word("user", getpass.getuser())
    known = tokens(settings, user=user, port=port)
    host = known["h"]
    # An alias stands without the port, as ssh has it.
    key_name = known["k"] if port == 22 or settings.first("hostkeyalias") else f"[{host}]:{port}"
    command, jump = (None, via) if via else _proxy(settings, known, address, files, depth)
    return Route(
        name=address.text,
        host=host,
        port=port,
        user=user,
        key_name=key_name,
        known_hosts=_paths(
            settings, "userknownhostsfile", known, ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
        ),
        system_known_hosts=_paths(
            settings, "globalknownhostsfile", known, ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
        ),
        hash_names=_yes(settings, "hashknownhosts", default=False),
        strict=_choice(settings, "stricthostkeychecking", _STRICT, "ask"),
        key_algorithms=_word(settings, "hostkeyalgorithms"),
        identities=_files(settings, "identityfile", known) or _default_identities(settings),
        named="identityfile" in settings.values,
        certificates=_files(settings, "certificatefile", known),
        only=_yes(settings, "identitiesonly", default=False),
        agent=_agent(settings, known),
        methods=_methods(settings),
        timeout=_timeout(settings.first("connecttimeout")),
        family=_choice(settings, "addressfamily", _FAMILIES, socket.AF_UNSPEC),
        bind=_word(settings, "bindaddress"),
        command=command,
        jump=jump,
    )


def _word(settings: Settings, keyword: str) -> str | None:
    value = settings.first(keyword)
    return None if value is None else value.word


def _choice(settings: Settings, keyword: str, choices: dict[str, _Chosen], default: _Chosen) -> _Chosen:
    value = settings.first(keyword)
    if value is None:
        return default
    if value.word.lower() not in choices:
        raise value.line.wrong(f"{shown(value.word)!r} is not one of {', '.join(choices)}")
    return choices[value.word.lower()]


def _yes(settings: Settings, keyword: str, *, default: bool) -> bool:
    choices = {"yes": True, "true": True, "no": False, "false": False}
    return _choice(settings, keyword, choices, default)


def _port(value: Value | None) -> int:
    if value is None:
        return 22
    if not re.fullmatch("[0-9]{1,5}", value.word) or not 1 <= int(value.word) <= 65535:
        raise value.line.wrong("the port must be a number from 1 to 65535")
    return int(value.word)


def _timeout(value: Value | None) -> float | None:
    """Read seconds, or a time as sshd_config(5) writes it (`1m30s`)."""
    if value is None or value.word.lower() == "none":
        return None
    parts = re.findall(r"([0-9]+)([smhdw]?)", value.word.lower())
    if "".join(map("".join, parts)) != value.word.lower() or not parts:
        raise value.line.wrong("this is no time")
    seconds = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    return float(sum(int(count) * seconds[unit] for count, unit in parts)) or None


def _methods(settings: Settings) -> tuple[str, ...]:
    wanted = settings.first("preferredauthentications")
    order = METHODS if wanted is None else tuple(m for m in wanted.word.split(",") if m in METHODS)
    switches = {
        "publickey": "pubkeyauthentication",
        "keyboard-interactive": "kbdinteractiveauthentication",
        "password": "passwordauthentication",
    }
    return tuple(
        method for method in order if settings.word(switches[method], "yes").lower() not in ("no", "false")
    )


def _path(text: str, known: dict[str, str], value: Value) -> Path:
    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise value.line.wrong(f"the environment has no {shown(match[1])}")
        return os.environ[match[1]]

    filled = re.sub(r"\$\{([^}]*)\}", variable, expand(text, known, value.line))
    return Path(filled).expanduser()


def _paths(
    settings: Settings, keyword: str, known: dict[str, str], default: tuple[str, ...]
) -> tuple[Path, ...]:
    """Read a keyword with several files in one line; `none` is no file."""
    value = settings.first(keyword)
    if value is None:
        return tuple(Path(name).expanduser() for name in default)
    return tuple(_path(word, known, value) for word in value.words if word.lower() != "none")


def _files(settings: Settings, keyword: str, known: dict[str, str]) -> tuple[Path, ...]:
    """Read a keyword that may be given several times, one file each."""
    values = settings.values.get(keyword, ())
    return tuple(_path(value.word, known, value) for value in values if value.word.lower() != "none")


def _default_identities(settings: Settings) -> tuple[Path, ...]:
    if "identityfile" in settings.values:
        return ()  # `IdentityFile none`
    return tuple(Path(f"~/.ssh/{name}").expanduser() for name in _DEFAULT_KEYS)


def _agent(settings: Settings, known: dict[str, str]) -> str | None:
    value = settings.first("identityagent")
    if value is None or value.word == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if value.word.lower() == "none":
        return None
    if re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", value.word):
        return os.environ.get(value.word[1:]) or None
    return str(_path(value.word, known, value))


def _proxy(
    settings: Settings, known: dict[str, str], address: Address, files: tuple[Path, ...], depth: int
) -> tuple[str | None, Route | None]:
    """Give the command that carries the connection, or the host that it goes through."""
    command = settings.first("proxycommand")
    if command is not None and command.line.argument.lower() != "none":
        return expand(command.line.argument, known, command.line), None
    jumps = settings.first("proxyjump")
    if jumps is None or jumps.word.lower() == "none":
        return None, None
    if depth >= _JUMPS:
        raise jumps.line.wrong("the jump hosts lead to each other without end")
    via: Route | None = None
    for written in jumps.word.split(","):
        name = expand(written, known, jumps.line)
        try:
            there = parse_address(name if name.lower().startswith("ssh://") else f"ssh://{name}")
        except UsageError as error:
            raise jumps.line.wrong(f"{shown(name)!r} is no host to jump through") from error
        assert there is not None  # what begins with ssh:// is remote, or refused
        if (there.host, there.port or 22) == (address.host, address.port or 22):
            raise jumps.line.wrong(f"the way to {shown(address.host)} leads through {shown(name)} itself")
        via = _route(there, files, via=via, depth=depth + 1)
    return None, via


class Unreachable(HostError):
    """Nothing answers there now; it may later."""


def unreachable(route: Route, why: str, remedy: str) -> Unreachable:
    """Say that the host cannot be connected to."""
    return Unreachable(
        f"cannot connect to {shown(place(route))}: {why}", where=shown(route.name), remedy=remedy
    )


def place(route: Route) -> str:
    """Give where the host is, as far as that says more than its name: `10.0.0.7 port 2222, through bastion`."""
    text = f"{route.host} port {route.port}"
    return text if route.jump is None else f"{text} through {route.jump.name}"
