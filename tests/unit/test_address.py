"""Addresses: what is remote, what is a path here, what is nonsense; and that what is written can be read again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfwizard.errors import UsageError
from dfwizard.hosts.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("admin@web1", Address("web1", "admin", None, "")),
        ("admin@web1:/opt/df", Address("web1", "admin", None, "/opt/df")),
        ("admin@web1:2222", Address("web1", "admin", 2222, "")),
        ("admin@web1:2222:", Address("web1", "admin", 2222, "")),
        ("admin@web1:2222:/opt/df", Address("web1", "admin", 2222, "/opt/df")),
        ("web1:/opt/df", Address("web1", None, None, "/opt/df")),
        ("web1:", Address("web1", None, None, "")),
        ("web1:22", Address("web1", None, 22, "")),
        ("web1:df", Address("web1", None, None, "df")),
        ("web1:~/df", Address("web1", None, None, "~/df")),
        ("web1:/a:b@c/d e", Address("web1", None, None, "/a:b@c/d e")),
        ("jo@corp.example@web1:/opt", Address("web1", "jo@corp.example", None, "/opt")),
        ("CORP\\jo@web1:/opt", Address("web1", "CORP\\jo", None, "/opt")),
        ("[::1]:22:/opt/df", Address("::1", None, 22, "/opt/df")),
        ("[::1]:/opt/df", Address("::1", None, None, "/opt/df")),
        ("jo@[fe80::1%eth0]:22", Address("fe80::1%eth0", "jo", 22, "")),
        ("[web1]:22:/opt", Address("web1", None, 22, "/opt")),
        ("10.0.0.7:/opt", Address("10.0.0.7", None, None, "/opt")),
        ("ssh://web1", Address("web1", None, None, "")),
        ("SSH://jo@web1:2222/opt/my%20df", Address("web1", "jo", 2222, "/opt/my df")),
        ("ssh://[::1]:22/opt", Address("::1", None, 22, "/opt")),
        ("ssh://web1/~/df", Address("web1", None, None, "~/df")),
        ("ssh://web1:/opt", Address("web1", None, None, "/opt")),
        ("localhost:/opt", Address("localhost", None, None, "/opt")),
    ],
)
def test_what_is_remote(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/opt/df",
        "/opt/a:b",
        "./a@b:c",
        "../x:y",
        "~/df",
        "~jo/df",
        "opt/df",
        "df",
        "opt/a:b@c",
        "localhost",
    ],
)
def test_what_is_a_path_here(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (":/opt", "names no host"),
        ("jo@:/opt", "names no host"),
        ("[]:/opt", "names no host"),
        ("ssh:///opt", "names no host"),
        ("@web1:/opt", "user's name"),
        ("-oProxyCommand=x:/opt", "host's name"),
        ("jo@-oProxyCommand=x", "host's name"),
        ("-l@web1:/opt", "user's name"),
        ("we b:/opt", "host's name"),
        ("web\x1b7:/opt", "host's name"),
        ("web`id`:/opt", "host's name"),
        ("$(id)@web1:/opt", "user's name"),
        ("web1:0", "port"),
        ("web1:65536:/opt", "port"),
        ("web1:999999999999:/opt", "port"),
        ("web1:-22:/opt", "port"),
        ("ssh://web1:x/opt", "port"),
        ("web1:22/opt", "colon must stand between the port and the path"),
        ("jo@web1/opt", "colon must stand between the host and the path"),
        ("2001:db8::1", "brackets"),
        ("jo@2001:db8::1:/opt", "brackets"),
        ("[web1::x]:/opt", "no IPv6"),
        ("web1:/opt\0x", "NUL"),
    ],
)
def test_what_is_nonsense(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        parse_address(text)
    assert str(caught.value).replace("\n", "").isprintable()


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="password") as caught:
        parse_address("ssh://jo:secret@web1/opt")
    assert "secret" not in str(caught.value)


def _named(name: str) -> bool:
    return not name.startswith(("-", ".", "~"))


_names = st.text("abcxyzABC0189._-~", min_size=1, max_size=12).filter(_named)
_hosts = st.one_of(_names, st.ip_addresses(v=6).map(str), st.ip_addresses(v=4).map(str))
_users = st.none() | st.text("abcxyz019._-~$\\@", min_size=1, max_size=12).filter(_named)
_paths = st.just("") | st.text(max_size=20).filter(lambda path: "\0" not in path).map(lambda path: f"/{path}")
_addresses = st.builds(Address, _hosts, _users, st.none() | st.integers(1, 65535), _paths)


@given(_addresses)
def test_what_is_written_can_be_read_again(address: Address) -> None:
    assert parse_address(address.location) == address
    assert parse_address(address.text) == replace(address, path="")


@given(st.text(max_size=30) | st.text("a@:/[]0-.~\n\0", max_size=12))
def test_any_text_is_an_address_a_path_or_refused_in_words(text: str) -> None:
    address, said = None, ""
    try:
        address = parse_address(text)
    except UsageError as error:
        said = str(error)
    assert said.replace("\n", "").isprintable()
    if address is not None:
        assert address.host
        assert address.text.isprintable()
