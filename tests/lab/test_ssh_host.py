"""SshHost keeps the contract of hosts: the tests of LocalHost, over a real sshd, with dash, bash and busybox as the server's sh."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfwizard.hosts.base import Host
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import Connection, SshHost
from tests.lab.ssh_shells import path_with
from tests.lab.sshd import running_sshd
from tests.thorough import wide
from tests.unit.conftest import open_directory, small_disk
from tests.unit.test_local_accounts import TestMarked, TestRunAs
from tests.unit.test_local_files import TestLooking, TestRemoving, TestWriting
from tests.unit.test_local_host import TestEnding, TestPipeline, TestRefusals, TestRun

# What pytest finds here: classes and fixtures of the tests of LocalHost.
__all__ = [
    "TestEnding",
    "TestLooking",
    "TestMarked",
    "TestPipeline",
    "TestRefusals",
    "TestRemoving",
    "TestRun",
    "TestRunAs",
    "TestWriting",
    "open_directory",
    "small_disk",
]

pytestmark = pytest.mark.lab

BEYOND_BUSYBOX = {
    "test_a_very_deep_tree[busybox]": "its rm takes no path longer than 4096 bytes",
    "test_attributes_are_kept[busybox]": "its cp knows no extended attributes",
}


@pytest.fixture(scope="module", params=["dash", wide("bash"), wide("busybox"), "durable"])
def ssh_host(request: pytest.FixtureRequest, ssh_place: Path) -> Iterator[SshHost]:
    """With `durable`, every command survives a lost link, as those of a run do."""
    kind: str = request.param
    path = path_with("dash" if kind == "durable" else kind, ssh_place / f"bin-{kind}")
    with running_sshd(ssh_place / kind, options=f"SetEnv PATH={path} HOME={ssh_place}\n") as server:
        connection = Connection(server.address("root"), Headless(), config_file=server.config_file)
        host = SshHost(connection, mark=f"mark-{os.getpid()}" if kind == "durable" else None)
        yield host
        host.close()
        connection.close()


@pytest.fixture
def host(request: pytest.FixtureRequest, ssh_host: SshHost) -> Host:
    if request.node.name in BEYOND_BUSYBOX:
        pytest.xfail(BEYOND_BUSYBOX[request.node.name])
    return ssh_host
