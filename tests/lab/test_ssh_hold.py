"""The lock on an instance of a server: it keeps others out, here and there, outlives the link, and ends when nobody needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfwizard.errors import HeldError, HostError, UsageError
from dfwizard.execution.lock import Lock, holder
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import Connection, SshHost
from dfwizard.hosts.ssh.hold import Lease
from tests.lab.link import linked
from tests.lab.ssh_shells import SHELLS, path_with
from tests.lab.sshd import Sshd, running_sshd
from tests.unit.real_host import living, sh

pytestmark = pytest.mark.lab

RUN = "20260101-120000-abcd"
OTHER = "20260101-130000-ef01"
HOLDS = Path("/var/lib/dfwizard/holds")


@pytest.fixture(scope="module", params=SHELLS)
def server(request: pytest.FixtureRequest, ssh_place: Path) -> Iterator[Sshd]:
    directory = ssh_place / f"bin-{request.param}"
    path = path_with(request.param, directory)
    if request.param == "busybox":
        (directory / "flock").symlink_to("/usr/bin/flock")  # Debian's busybox has none
    with running_sshd(ssh_place / request.param, options=f"SetEnv PATH={path} HOME={ssh_place}\n") as server:
        yield server


@pytest.fixture
def host(server: Sshd) -> Iterator[SshHost]:
    connection = Connection(server.address(), Headless(), config_file=server.config_file)
    host = SshHost(connection)
    yield host
    host.close()
    connection.close()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[str]:
    place = tmp_path / "an instance's"
    place.mkdir()
    what = f"{place.stat().st_dev} {place.stat().st_ino}\n"
    yield str(place)
    left = [
        hold for hold in HOLDS.glob("*") if (hold / "what").exists() and (hold / "what").read_text() == what
    ]
    assert left == []
    assert holder(place) is None


def test_a_dfwizard_on_the_server_is_kept_out_and_told_by_whom(host: SshHost, instance: str) -> None:
    hold = host.hold(instance, run=RUN, what="the instance")
    try:
        found = holder(Path(instance))
        assert found is not None
        assert (found.run, found.user) == (RUN, "root")
        with pytest.raises(
            HeldError, match=f"the run {RUN} .pid {found.pid}, started .* by root. holds the instance"
        ):
            Lock().take(Path(instance), what="the instance")
    finally:
        hold.release()
    lock = Lock()
    lock.take(Path(instance), what="the instance")
    lock.release()


def test_it_is_kept_out_itself_and_says_the_same(host: SshHost, instance: str) -> None:
    script = (
        "import sys; from pathlib import Path; from dfwizard.execution.lock import Lock;"
        "Lock().take(Path(sys.argv[1]), what='it'); print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, instance, OTHER],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(HeldError) as there:
        host.hold(instance, run=RUN, what="the instance")
    with pytest.raises(HeldError) as here:
        Lock().take(Path(instance), what="the instance")
    assert there.value.what == here.value.what
    assert there.value.remedy == here.value.remedy
    assert there.value.where == f"{host.name}:{instance}"
    other.communicate()
    host.hold(instance, run=RUN, what="the instance").release()


def test_two_runs_exclude_each_other_and_one_takes_over_its_own(host: SshHost, instance: str) -> None:
    first = host.hold(instance, run=RUN, what="the instance")
    with pytest.raises(HeldError, match=f"the run {RUN}"):
        host.hold(instance, run=OTHER, what="the instance")
    with pytest.raises(HeldError, match=f"the run {RUN}"):
        host.hold(instance, run="", what="the instance")
    before = holder(Path(instance))
    again = host.hold(instance, run=RUN, what="the instance")
    assert holder(Path(instance)) == before
    again.release()
    first.release()
    nameless = host.hold(instance, run="", what="the instance")
    with pytest.raises(HeldError, match="another process"):
        host.hold(instance, run="", what="the instance")
    nameless.release()


def test_another_directory_is_held_too(host: SshHost, instance: str, tmp_path: Path) -> None:
    other = tmp_path / "-other\n"
    other.mkdir()
    hold = host.hold(instance, run=RUN, what="the instance")
    hold.hold_also(str(other))
    with pytest.raises(HeldError):
        Lock().take(other, what="the directory")
    hold.release()
    Lock().take(other, what="the directory")


def test_what_cannot_be_held(host: SshHost, instance: str) -> None:
    for path in (f"{instance}/none", ""):
        with pytest.raises(UsageError, match="the instance cannot be locked: No such file or directory"):
            host.hold(path, run=RUN, what="the instance")
    Path(instance, "file").touch()
    with pytest.raises(UsageError, match="Not a directory"):
        host.hold(f"{instance}/file", run=RUN, what="the instance")


def test_without_flock(host: SshHost, server: Sshd, ssh_place: Path, instance: str) -> None:
    empty = ssh_place / f"without-{server.port}"
    path = path_with("busybox", empty)
    with running_sshd(
        ssh_place / f"sshd-{server.port}", options=f"SetEnv PATH={path} HOME={ssh_place}\n"
    ) as bare:
        connection = Connection(bare.address(), Headless(), config_file=bare.config_file)
        with pytest.raises(HostError, match="flock is not installed there"):
            SshHost(connection).hold(instance, run=RUN, what="the instance")
        connection.close()


def test_it_outlives_the_link_and_the_client(server: Sshd, host: SshHost, instance: str) -> None:
    with linked(server.port) as link:
        connection = Connection(server.address(port=link.port), Headless(), config_file=server.config_file)
        SshHost(connection).hold(instance, run=RUN, what="the instance")
        link.blackhole()
        connection.close()
    with pytest.raises(HeldError, match=f"the run {RUN}"):
        host.hold(instance, run=OTHER, what="the instance")
    host.hold(instance, run=RUN, what="the instance").release()


def test_the_lease_ends_when_nothing_of_the_run_lives(server: Sshd, instance: str) -> None:
    connection = Connection(server.address(), Headless(), config_file=server.config_file)
    host = SshHost(connection, lease=Lease(seconds=0, renewal=3600, watch=0.2))
    worker = subprocess.Popen(["sleep", "300"], env={**os.environ, "DFWIZARD_RUN": RUN})
    host.hold(instance, run=RUN, what="the instance")
    time.sleep(2.5)  # more than the lease, and several looks
    assert holder(Path(instance)) is not None
    worker.kill()
    worker.wait()
    awaited = time.monotonic() + 30
    while holder(Path(instance)) is not None:
        assert time.monotonic() < awaited
        time.sleep(0.05)
    host.close()
    connection.close()


def test_a_renewed_lease_goes_on_and_a_lost_holder_comes_back(server: Sshd, instance: str) -> None:
    connection = Connection(server.address(), Headless(), config_file=server.config_file)
    host = SshHost(connection, lease=Lease(seconds=2, renewal=0.3, watch=0.2))
    hold = host.hold(instance, run=RUN, what="the instance")
    time.sleep(4)
    first = holder(Path(instance))
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    awaited = time.monotonic() + 30
    while (second := holder(Path(instance))) is None or second.pid == first.pid:
        assert time.monotonic() < awaited
        time.sleep(0.05)
    assert second.run == RUN
    hold.release()
    assert not living(second.pid)
    host.close()
    connection.close()


def test_end_marked_leaves_it(host: SshHost, instance: str) -> None:
    hold = host.hold(instance, run=RUN, what="the instance")
    before = holder(Path(instance))
    host.run(sh("true"), mark=RUN)
    host.end_marked(RUN)
    assert holder(Path(instance)) == before
    hold.release()
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert RUN not in shown
