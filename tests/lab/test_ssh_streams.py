"""Streams over SSH keep the contract of hosts: the tests of this machine's, over a real sshd, with dash, bash and busybox, and by sudo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dfwizard.hosts.base import Host
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import Connection, SshHost
from tests.lab.accounts import Accounts
from tests.lab.ssh_fixtures import accounts, ssh_place
from tests.lab.ssh_shells import SHELLS, path_with
from tests.lab.sshd import running_sshd
from tests.unit.conftest import small_disk
from tests.unit.test_local_streams import TestDigests, TestGrowing, TestInflow, TestOutflow, TestReading

__all__ = [
    "TestDigests",
    "TestGrowing",
    "TestInflow",
    "TestOutflow",
    "TestReading",
    "accounts",
    "small_disk",
    "ssh_place",
]

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", params=(*SHELLS, "sudo"))
def ssh_host(request: pytest.FixtureRequest, ssh_place: Path, accounts: Accounts) -> Iterator[SshHost]:
    kind: str = request.param
    options = ""
    if kind != "sudo":
        options = f"SetEnv PATH={path_with(kind, ssh_place / f'bin-{kind}')}\n"
    with running_sshd(ssh_place / kind, options=options) as server:
        login = accounts.admin if kind == "sudo" else "root"
        connection = Connection(server.address(login), Headless(), config_file=server.config_file)
        host = SshHost(connection)
        yield host
        host.close()
        connection.close()


@pytest.fixture
def host(ssh_host: SshHost) -> Host:
    return ssh_host
