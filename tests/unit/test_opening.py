"""Hosts by name: this machine and others are never taken for one another, and each is opened once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfwizard.errors import UsageError
from dfwizard.hosts import naming
from dfwizard.hosts.address import parse_address
from dfwizard.hosts.local import LocalHost
from dfwizard.hosts.naming import is_local, located, same_host
from dfwizard.hosts.opening import open_host
from dfwizard.hosts.prompts import Headless
from tests.unit.other_machine import NAME, other_hosts


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an ssh_config of the test, in a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".ssh/config"
    file.parent.mkdir(mode=0o700)
    naming._way.cache_clear()
    monkeypatch.setattr("dfwizard.hosts.ssh.route.default_files", lambda: (file,))
    return file


@pytest.mark.parametrize("name", ["", "localhost"])
def test_this_machine_needs_no_connection(name: str) -> None:
    assert is_local(name)
    assert isinstance(open_host(name, Headless()), LocalHost)
    assert located(name, "/opt/dreamfactory") == "/opt/dreamfactory"


@pytest.mark.parametrize(
    "text", ["admin@db1", "admin@db1:2222", "ssh://db1", "[::1]:22", "root@[fe80::1]:2200"]
)
def test_a_place_on_a_host_can_be_read_again(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    place = located(address.text, "/opt/a b:c@d")
    again = parse_address(place)
    assert again is not None
    assert (again.text, again.path) == (address.text, "/opt/a b:c@d")


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="no host's address"):
        open_host("/opt/dreamfactory", Headless())


def test_an_alias_and_what_it_stands_for_are_one_host(config: Path) -> None:
    config.write_text(
        "Host db1\n  HostName 192.0.2.7\n  User admin\nHost db2\n  HostName 192.0.2.7\n  Port 2222\n"
        "Host inner\n  HostName 192.0.2.7\n  ProxyJump gate\n"
    )
    assert same_host("ssh://db1", "root@192.0.2.7")
    assert same_host("admin@db1", "ssh://db1")
    assert same_host("ssh://db2", "admin@192.0.2.7:2222")
    assert not same_host("ssh://db1", "ssh://db2")
    assert not same_host("ssh://db1", "ssh://inner")  # the same numbers behind a gate are another machine
    assert not same_host("ssh://db1", "localhost")
    assert same_host("", "localhost")


def test_each_host_is_opened_once_and_closed_hosts_anew() -> None:
    opened: list[str] = []
    hosts = other_hosts(opened=opened)
    assert hosts.opened(NAME) is None
    assert hosts.at(NAME) is hosts.at(NAME)
    assert hosts.opened(NAME) is hosts.at(NAME)
    assert hosts.at("localhost") is hosts.at("") is hosts.opened("")
    assert opened == [NAME]
    hosts.close(NAME)
    assert hosts.opened(NAME) is None
    hosts.at(NAME)
    hosts.close()
    assert opened == [NAME, NAME]
