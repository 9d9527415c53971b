"""known_hosts without a server: whose lines count, and what a key means against them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.errors import HostError
from dfwizard.hosts.address import Address
from dfwizard.hosts.prompts import Headless, UnknownKey
from dfwizard.hosts.ssh.known_hosts import Offered, algorithms, check, known_keys
from dfwizard.hosts.ssh.route import Route, route_to

SUPPORTED = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")
OURS = Offered("ssh-ed25519", b"\0\0\0\x0bssh-ed25519 ours", "10.0.0.7 port 22")
OTHER = replace(OURS, blob=b"\0\0\0\x0bssh-ed25519 other")
RSA = Offered("ssh-rsa", b"\0\0\0\x07ssh-rsa ours", "10.0.0.7 port 22")
ACCEPTING = Headless(accept_new=True)


def line(names: str, key: Offered = OURS) -> str:
    return f"{names} {key.kind} {base64.b64encode(key.blob).decode()} a comment\n"


def hashed(name: str) -> str:
    salt = bytes(range(20))
    digest = hmac.digest(salt, name.encode(), hashlib.sha1)
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def route(
    directory: Path, *contents: str, host: str = "web1", port: int | None = None, extra: str = ""
) -> Route:
    files = []
    for number, content in enumerate(contents):
        files.append(directory / f"known{number}")
        files[-1].write_text(content)
    config = directory / "config"
    config.write_text(extra)
    return route_to(Address(host, "jo", port, ""), config_file=config, known_hosts=tuple(files))


@pytest.mark.parametrize(
    "names",
    ["web1", "WEB1", "other,web1", "web*", "web?", "*,!db1", hashed("web1")],
)
def test_names_that_are_the_host(tmp_path: Path, names: str) -> None:
    check(route(tmp_path, "# nothing\n", line(names)), OURS, Headless())


@pytest.mark.parametrize(
    "names",
    [
        "web2",
        "web",
        "*,!web1",
        "[web1]:2222",
        hashed("web2"),
        "|1|bad|worse",
        "|1|",
        "# web1",
        "@cert-authority web1",
    ],
)
def test_names_that_are_not(tmp_path: Path, names: str) -> None:
    with pytest.raises(HostError, match="is unknown"):
        check(route(tmp_path, line(names)), OURS, Headless())


def test_ports(tmp_path: Path) -> None:
    for names in ("[web1]:2222", hashed("[web1]:2222"), "web1"):
        check(route(tmp_path, line(names), port=2222), OURS, Headless())
    # Another key for the host without its port says nothing about this port.
    with pytest.raises(HostError, match="is unknown"):
        check(route(tmp_path, line("web1", OTHER), port=2222), OURS, Headless())
    with pytest.raises(HostError, match="is unknown"):
        check(route(tmp_path, line("web1") + "@revoked " + line("web1"), port=2222), OURS, Headless())


def test_ipv6(tmp_path: Path) -> None:
    check(route(tmp_path, line("fe80::1"), host="fe80::1"), OURS, Headless())
    check(route(tmp_path, line("[fe80::1]:2222"), host="fe80::1", port=2222), OURS, Headless())


def test_lines_that_cannot_be_read_say_nothing(tmp_path: Path) -> None:
    rubbish = "web1\nweb1 ssh-ed25519\nweb1 ssh-ed25519 !!!\n\x00\xff web1 x y\nweb1 ssh-dss AAAA\n"
    found = route(tmp_path, rubbish + line("web1"))
    check(found, OURS, Headless())
    assert {entry.line for entry in known_keys(found)} == {5, 6}


def test_changed_and_revoked(tmp_path: Path) -> None:
    with pytest.raises(
        HostError, match=r"has changed: ssh-ed25519 SHA256:.* as in .*known1, line 2"
    ) as caught:
        check(route(tmp_path, "", "\n" + line("web1", OTHER)), OURS, ACCEPTING)
    assert f"ssh-keygen -f {tmp_path}/known1 -R web1" in str(caught.value)
    with pytest.raises(HostError, match="another type"):
        check(route(tmp_path, line("web1", RSA)), OURS, ACCEPTING)
    for known in (line("web1") + "@revoked " + line("*"), "@revoked " + line("web*")):
        with pytest.raises(HostError, match="revoked"):
            check(route(tmp_path, known), OURS, ACCEPTING)
    # One of two right ones is enough.
    check(route(tmp_path, line("web1", OTHER) + line("web1", RSA), line("web1")), OURS, Headless())


def test_what_was_accepted_is_appended(tmp_path: Path) -> None:
    asked: list[UnknownKey] = []

    class Asking:
        def secret(self, _: object) -> None:
            return None

        def accept_key(self, key: UnknownKey) -> bool:
            asked.append(key)
            return True

    found = route(tmp_path, "# no line end")
    for _ in range(2):
        check(found, OURS, Asking())
    assert found.known_hosts[0].read_text() == "# no line end\n" + " ".join(line("web1").split()[:3]) + "\n"
    (key,) = asked
    digest = base64.b64encode(hashlib.sha256(OURS.blob).digest()).decode().rstrip("=")
    assert key == UnknownKey("web1", OURS.address, "ssh-ed25519", f"SHA256:{digest}")
    with pytest.raises(HostError, match="has changed"):
        check(found, OTHER, Asking())


def test_a_file_that_cannot_be_written_does_not_stop_the_work(tmp_path: Path) -> None:
    found = route(tmp_path)
    for place in (tmp_path / "config" / "known_hosts", Path("/dev/null"), tmp_path):
        check(replace(found, known_hosts=(place,)), OURS, ACCEPTING)
    check(replace(found, known_hosts=()), OURS, ACCEPTING)


def test_strictness(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="StrictHostKeyChecking"):
        check(route(tmp_path, "", extra="StrictHostKeyChecking yes\n"), OURS, ACCEPTING)
    for value in ("no", "accept-new"):
        found = route(tmp_path, "", extra=f"StrictHostKeyChecking {value}\n")
        check(found, OURS, Headless())
        with pytest.raises(HostError, match="has changed"):
            check(found, OTHER, Headless())


def test_an_alias_is_the_name(tmp_path: Path) -> None:
    check(route(tmp_path, line("farm"), port=2222, extra="HostKeyAlias Farm\n"), OURS, Headless())


def test_the_known_type_is_asked_for_first(tmp_path: Path) -> None:
    assert algorithms(route(tmp_path, ""), SUPPORTED) == SUPPORTED
    assert algorithms(route(tmp_path, line("web1", RSA)), SUPPORTED)[:2] == ("rsa-sha2-512", "rsa-sha2-256")
    assert algorithms(route(tmp_path, "@revoked " + line("web1", RSA)), SUPPORTED) == SUPPORTED


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ecdsa-sha2-nistp256,ssh-ed25519", ("ecdsa-sha2-nistp256", "ssh-ed25519")),
        ("-ecdsa*", ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")),
        ("+ssh-dss", SUPPORTED),
        ("^rsa-sha2-256", ("rsa-sha2-256", "ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")),
        ("ssh-rsa", ("rsa-sha2-512", "rsa-sha2-256")),
    ],
)
def test_algorithms_that_ssh_config_chooses(tmp_path: Path, written: str, expected: tuple[str, ...]) -> None:
    assert algorithms(route(tmp_path, "", extra=f"HostKeyAlgorithms {written}\n"), SUPPORTED) == expected


def test_algorithms_that_leave_none(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="none of the host key algorithms"):
        algorithms(route(tmp_path, "", extra="HostKeyAlgorithms ssh-dss\n"), SUPPORTED)
