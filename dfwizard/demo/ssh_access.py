"""The way from the sandbox to its other server: keys, what ~/.ssh/config says of it, and its key in known_hosts.

The connection is carried by a ProxyCommand, so that there is neither port nor network; everything else is as on any server.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from dfwizard.demo.server import Server


def give_access(address: str, server: Server, home: Path) -> None:
    """Let whoever has `home` log in to `server` at `address` (user@host), by a key made for this sandbox."""
    user, _, host = address.rpartition("@")
    own, theirs = home / ".ssh", server.directory / "home" / ".ssh"
    for directory in (own, theirs):
        directory.mkdir(mode=0o700)
    host_keys = server.directory / "etc" / "ssh"
    host_keys.mkdir()
    (theirs / "authorized_keys").write_text(_make_key(own / "id_ed25519"))
    (own / "known_hosts").write_text(f"{host} {_make_key(host_keys / 'ssh_host_ed25519_key')}")
    carrier = shlex.join((str(server.directory / "bin" / "sshd"), "-i")).replace("%", "%%")
    (own / "config").write_text(
        f"Host {host}\n  User {user}\n  ProxyCommand {carrier}\n"
        f"  IdentityFile {_quoted(own / 'id_ed25519')}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        f"  UserKnownHostsFile {_quoted(own / 'known_hosts')}\n  GlobalKnownHostsFile none\n"
    )


def _quoted(path: Path) -> str:
    return f'"{path}"'.replace("%", "%%")


def _make_key(file: Path) -> str:
    """Make a key in `file`, and give its public half as a line."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return public.decode("ascii") + "\n"
