"""The known_hosts files: what is known of a host's keys, whether the key it shows is the one, and writing a new one down.

Read as OpenSSH does (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): hashed names, patterns, `[host]:port`, `@revoked`; a line that cannot be
read says nothing.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dfwizard.errors import HostError
from dfwizard.hosts.failures import shown
from dfwizard.hosts.prompts import Prompts, UnknownKey
from dfwizard.hosts.ssh.patterns import matches
from dfwizard.hosts.ssh.route import Route


@dataclass(frozen=True)
class Entry:
    """One key of one line: `marker` is `@revoked`, `@cert-authority` or empty, `kind` as `ssh-ed25519`."""

    file: Path
    line: int
    marker: str
    kind: str
    blob: bytes


@dataclass(frozen=True)
class Offered:
    """The key that a host shows: its type and public blob, and where it was met (IP and port as text)."""

    kind: str
    blob: bytes
    address: str

    @property
    def sha256(self) -> str:
        """Give its fingerprint as OpenSSH writes it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


def known_keys(route: Route) -> tuple[Entry, ...]:
    """Give what the files know of the host, markers included."""
    return tuple(_entries(route.key_name, (*route.known_hosts, *route.system_known_hosts)))


def algorithms(route: Route, supported: tuple[str, ...]) -> tuple[str, ...]:
    """Give the host key algorithms to ask for: those of keys that are known already first, then the rest.

    Raises:
        HostError: HostKeyAlgorithms leaves none that dfwizard has.
    """
    wanted = _chosen(route.key_algorithms, supported)
    if not wanted:
        raise HostError(
            f"none of the host key algorithms that the SSH configuration allows is known to dfwizard: {route.key_algorithms}",
            where=shown(route.name),
            remedy=f"Allow one of these with HostKeyAlgorithms: {', '.join(supported)}.",
        )
    known = {entry.kind for entry in known_keys(route) if not entry.marker}
    return tuple(sorted(wanted, key=lambda algorithm: _kind(algorithm) not in known))


def check(route: Route, offered: Offered, prompts: Prompts) -> None:
    """Make sure that the host is the one that is known; ask about one that is not, and write its key down when it is accepted.

    Raises:
        HostError: the key is revoked, another one than before, or unknown and not accepted.
    """
    entries = known_keys(route)
    for entry in entries:
        if entry.marker == "@revoked" and hmac.compare_digest(entry.blob, offered.blob):
            raise _revoked(route, offered, entry)
    known = tuple(entry for entry in entries if not entry.marker)
    if any(hmac.compare_digest(entry.blob, offered.blob) for entry in known):
        return
    if known:
        raise _changed(route, offered, known)
    if _known_without_port(route, offered):
        return
    if route.strict == "yes":
        raise _unknown(route, offered, "StrictHostKeyChecking is on, so it is not asked about")
    if route.strict == "ask" and not prompts.accept_key(
        UnknownKey(route.key_name, offered.address, offered.kind, offered.sha256)
    ):
        raise _unknown(route, offered, "it was not accepted")
    if route.known_hosts:
        # As ssh does where the file cannot be written: go on. This process remembers, and asks again the next time.
        with suppress(OSError):
            _remember(route, offered)


def _remember(route: Route, offered: Offered) -> None:
    """Append the key to the host's first known_hosts file, durably, unless another thread or process has by now."""
    path = route.known_hosts[0]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        return  # /dev/null
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if any(entry.blob == offered.blob for entry in _entries(route.key_name, (path,))):
            return
        name = _hashed(route.key_name, secrets.token_bytes(20)) if route.hash_names else route.key_name
        line = f"{name} {offered.kind} {base64.b64encode(offered.blob).decode()}\n".encode()
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _entries(name: str, files: tuple[Path, ...]) -> Iterator[Entry]:
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # as ssh does: the host is then unknown, which is asked about
        for number, line in enumerate(text.split("\n"), 1):
            fields = line.split()
            marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
            if len(fields) < 3 or fields[0].startswith("#") or not _named(name, fields[0]):
                continue
            try:
                yield Entry(file, number, marker, fields[1], base64.b64decode(fields[2], validate=True))
            except binascii.Error:
                continue


def _named(name: str, names: str) -> bool:
    if not names.startswith("|1|"):
        return matches(names.lower().split(","), name)
    try:
        salt = base64.b64decode(names.split("|")[2], validate=True)
    except (binascii.Error, IndexError):
        return False
    return hmac.compare_digest(_hashed(name, salt), names)


def _hashed(name: str, salt: bytes) -> str:
    # SHA-1 is the format's own; it hides names, nothing rests on it.
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def _known_without_port(route: Route, offered: Offered) -> bool:
    """Tell whether the same key is known for the host without its port, which OpenSSH takes as well."""
    if not route.key_name.startswith("["):
        return False
    entries = tuple(_entries(route.host, (*route.known_hosts, *route.system_known_hosts)))
    return any(entry.blob == offered.blob and not entry.marker for entry in entries) and not any(
        entry.blob == offered.blob and entry.marker == "@revoked" for entry in entries
    )


def _kind(algorithm: str) -> str:
    """Give the key type that an algorithm signs with, as known_hosts files name it."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def _chosen(written: str | None, supported: tuple[str, ...]) -> tuple[str, ...]:
    """Read HostKeyAlgorithms: a list, or a change to the defaults (`+` appends, `-` removes, `^` puts first)."""
    if written is None or written.startswith("+"):
        return supported
    patterns = written.lstrip("-^").split(",")
    # ssh-rsa, the SHA-1 signature, is gone; who writes it means RSA keys.
    patterns += ["rsa-sha2-512", "rsa-sha2-256"] if "ssh-rsa" in patterns else []
    if written.startswith("-"):
        return tuple(algorithm for algorithm in supported if not matches(patterns, algorithm))
    named = tuple(
        dict.fromkeys(found for pattern in patterns for found in supported if matches((pattern,), found))
    )
    if written.startswith("^"):
        return (*named, *(algorithm for algorithm in supported if algorithm not in named))
    return named


def _unknown(route: Route, offered: Offered, why: str) -> HostError:
    return HostError(
        f"the {offered.kind} host key of {shown(route.key_name)} is unknown, {offered.sha256}; {why}",
        where=shown(route.name),
        remedy="Compare it with what the server itself says (on its console: ssh-keygen -lf "
        f"/etc/ssh/ssh_host_{_short(offered.kind)}_key.pub), then connect once with ssh, or accept the key here.",
    )


def _revoked(route: Route, offered: Offered, entry: Entry) -> HostError:
    return HostError(
        f"the host showed a {offered.kind} key that {entry.file}, line {entry.line}, marks as revoked: {offered.sha256}",
        where=shown(route.name),
        remedy="Do not connect: the key may be in wrong hands. Ask who runs the server for its new key.",
    )


def _changed(route: Route, offered: Offered, known: tuple[Entry, ...]) -> HostError:
    same = [entry for entry in known if entry.kind == offered.kind]
    entry = (same or list(known))[0]
    before = Offered(entry.kind, entry.blob, "").sha256
    if same:
        what = f"the host key has changed: {offered.kind} {offered.sha256}, and not {before} as in {entry.file}, line {entry.line}"
    else:
        what = (
            f"the host shows a key of another type than the known one: {offered.kind} {offered.sha256}, and not "
            f"{entry.kind} {before} as in {entry.file}, line {entry.line}"
        )
    commands = [
        f"ssh-keygen -f {shlex.quote(str(file))} -R {shlex.quote(route.key_name)}"
        for file in dict.fromkeys(entry.file for entry in known)
    ]
    return HostError(
        f"{shown(what)}. Somebody may be between you and the server, or it was installed anew",
        where=shown(route.name),
        remedy=f"Check on the server's own console: ssh-keygen -lf /etc/ssh/ssh_host_{_short(offered.kind)}_key.pub. "
        f"Only when it says the new one, forget the old one: {'; '.join(commands)}",
    )


def changed_meanwhile(route: Route, offered: Offered, before: Offered) -> HostError:
    """Say that the host shows another key than it had shown to this process."""
    return HostError(
        f"the host key has changed while dfwizard was at work: {offered.kind} {offered.sha256}, and not {before.sha256}. "
        "Somebody may be between you and the server, or it was installed anew",
        where=shown(route.name),
        remedy="Check on the server's own console which key is its own: "
        f"ssh-keygen -lf /etc/ssh/ssh_host_{_short(offered.kind)}_key.pub",
    )


def _short(kind: str) -> str:
    """Give the part of sshd's file names that tells key types apart."""
    return "ed25519" if "ed25519" in kind else "ecdsa" if "ecdsa" in kind else "rsa"
