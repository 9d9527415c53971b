"""Private keys in files: what can be said of them without their passphrase, and signing with them.

The formats are those that ssh-keygen writes: OpenSSH's own, PEM and PKCS8; the kinds ed25519, RSA and ECDSA.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PrivateKey = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Sign = Callable[[bytes, str], bytes]
"""Gives the signature of bytes by an algorithm, in SSH's encoding."""

_MAGIC = b"openssh-key-v1\0"
_CERTIFICATE = "-cert-v01@openssh.com"
_LIMIT = 1 << 20


class WrongPassphrase(Exception):
    """The key needs a passphrase, or another one."""


class UnusableKey(Exception):
    """The file holds no key that dfwizard can use; the text says why."""


@dataclass(frozen=True)
class KeyFile:
    """One identity file: its public blob, where that is known without a passphrase, and whether a private key is in it."""

    path: Path
    blob: bytes | None
    private: bool

    def load(self, passphrase: str | None) -> PrivateKey:
        """Decrypt the key.

        Raises:
            WrongPassphrase: it is encrypted, and not with this.
            UnusableKey: it is not a key, or of another kind.
        """
        return _load(_read(self.path), passphrase)


def key_file(path: Path) -> KeyFile:
    """Look at an identity file; one with only the public part chooses a key of the agent.

    Raises:
        UnusableKey, OSError
    """
    data = _read(path)
    if b"PRIVATE KEY-----" not in data:
        return KeyFile(path, public_blob(path), private=False)
    blob = _blob_in_header(data)
    if blob is None:
        try:
            blob = blob_of(_load(data, None))
        except WrongPassphrase:
            beside = path.with_name(f"{path.name}.pub")
            blob = public_blob(beside) if beside.is_file() else None
    return KeyFile(path, blob, private=True)


def public_blob(path: Path) -> bytes:
    """Give the key, or certificate, of a public key file.

    Raises:
        UnusableKey, OSError
    """
    fields = _read(path).split(None, 2)
    try:
        blob = base64.b64decode(fields[1], validate=True)
    except (IndexError, binascii.Error) as error:
        raise UnusableKey("it holds no key") from error
    if kind_of(blob).encode() != fields[0]:
        raise UnusableKey("it holds no key")
    return blob


def kind_of(blob: bytes) -> str:
    """Give the type that a public blob names: `ssh-ed25519`, `ssh-rsa`, a certificate's."""
    return paramiko.Message(blob).get_string().decode("ascii", "replace")


def certified(blob: bytes) -> bytes | None:
    """Give the public blob of the key that a certificate is for; None when the blob is no certificate of a known kind."""
    message = paramiko.Message(blob)
    kind = message.get_string().decode("ascii", "replace")
    fields = {"ssh-ed25519": 1, "ssh-rsa": 2}.get(
        kind.removesuffix(_CERTIFICATE), 2 if kind.startswith("ecdsa") else 0
    )
    if not kind.endswith(_CERTIFICATE) or not fields:
        return None
    message.get_string()  # a nonce
    plain = paramiko.Message()
    plain.add_string(kind.removesuffix(_CERTIFICATE))
    for _ in range(fields):
        plain.add_string(message.get_string())
    return plain.asbytes()


def signature_algorithm(blob: bytes, accepted: tuple[str, ...]) -> str:
    """Give the algorithm to sign with for a key, when the server has said which it takes (empty: nothing said)."""
    kind = kind_of(blob)
    if kind.removesuffix(_CERTIFICATE) != "ssh-rsa":
        return kind
    suffix = _CERTIFICATE if kind.endswith(_CERTIFICATE) else ""
    weaker = accepted and "rsa-sha2-512" not in accepted and "rsa-sha2-256" in accepted
    return ("rsa-sha2-256" if weaker else "rsa-sha2-512") + suffix


def signer(key: PrivateKey) -> Sign:
    """Give the function that signs with `key`."""

    def sign(data: bytes, algorithm: str) -> bytes:
        name = algorithm.removesuffix(_CERTIFICATE)
        message = paramiko.Message()
        message.add_string(name)
        if isinstance(key, rsa.RSAPrivateKey):
            digest = hashes.SHA256() if name == "rsa-sha2-256" else hashes.SHA512()
            message.add_string(key.sign(data, padding.PKCS1v15(), digest))
        elif isinstance(key, ec.EllipticCurvePrivateKey):
            message.add_string(_ecdsa(key, data))
        else:
            message.add_string(key.sign(data))
        return message.asbytes()

    return sign


def blob_of(key: PrivateKey) -> bytes:
    """Give the public blob of a private key."""
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return base64.b64decode(public.split()[1])


def _ecdsa(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    digests: dict[int, hashes.HashAlgorithm] = {
        256: hashes.SHA256(),
        384: hashes.SHA384(),
        521: hashes.SHA512(),
    }
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digests[key.key_size])))
    pair = paramiko.Message()
    pair.add_mpint(r)
    pair.add_mpint(s)
    return pair.asbytes()


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LIMIT)


def _load(data: bytes, passphrase: str | None) -> PrivateKey:
    secret = passphrase.encode("utf-8", "surrogateescape") if passphrase else None
    loader = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH PRIVATE KEY" in data
        else serialization.load_pem_private_key
    )
    try:
        key = loader(data, secret)
    except TypeError:
        if secret is None:
            raise WrongPassphrase from None
        return _load(data, None)  # a passphrase for a key that has none
    except ValueError:
        if secret is not None or _encrypted(data):
            raise WrongPassphrase from None
        raise UnusableKey("it cannot be read") from None
    except UnsupportedAlgorithm:
        raise UnusableKey("it is encrypted in a way that is not known here") from None
    if isinstance(key, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return key
    raise UnusableKey("it is neither ed25519, RSA nor ECDSA")


def _encrypted(data: bytes) -> bool:
    return b"ENCRYPTED" in data


def _blob_in_header(data: bytes) -> bytes | None:
    """Give the public blob that OpenSSH's format holds in the clear; None for the other formats."""
    begin, end = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END"
    if begin not in data:
        return None
    try:
        content = base64.b64decode(data.partition(begin)[2].partition(end)[0])
    except binascii.Error as error:
        raise UnusableKey("it cannot be read") from error
    if not content.startswith(_MAGIC):
        raise UnusableKey("it cannot be read")
    try:
        at = len(_MAGIC)
        for _ in range(3):  # cipher, key derivation and its options
            (size,) = struct.unpack_from(">I", content, at)
            at += 4 + size
        count, size = struct.unpack_from(">II", content, at)
        blob = content[at + 8 : at + 8 + size]
    except struct.error as error:
        raise UnusableKey("it cannot be read") from error
    if count != 1 or len(blob) != size:
        raise UnusableKey("it cannot be read")
    return blob
