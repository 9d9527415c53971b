"""Durable commands over SSH: whatever happens to the link, to sshd or to this side, they are started once and lose no byte."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfwizard.errors import CommandFailed, CommandTimeout, ConnectionLost, HostError
from dfwizard.execution.store import Store
from dfwizard.hosts.command import Command, Pipeline
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import Connection, SshHost
from dfwizard.planning.plan import Plan
from tests.lab.link import Link, linked
from tests.lab.ssh_shells import SHELLS, path_with
from tests.lab.sshd import Sshd, running_sshd
from tests.unit.executor_rig import Rig
from tests.unit.real_host import living, sh

pytestmark = pytest.mark.lab

JOBS = Path("/var/lib/dfwizard/jobs")
ROUND_TRIP = 0.08
COUNTING = (
    'echo begun >> "$1"; i=0; while [ $i -lt 300 ]; do printf "line %d \\377\\n" $i; '
    'printf "error %d\\n" $i >&2; i=$((i+1)); sleep 0.01; done; exit 4'
)
LINES = b"".join(b"line %d \xff\n" % number for number in range(300))
ERRORS = b"".join(b"error %d\n" % number for number in range(300))


@dataclass
class Reached:
    """A host behind a link that the test can break."""

    server: Sshd
    link: Link
    host: SshHost
    mark: str

    def left(self) -> list[Path]:
        """Give the job directories that this test's commands have left."""
        if not JOBS.is_dir():
            return []
        return [
            job
            for job in JOBS.iterdir()
            if (job / "mark").exists() and (job / "mark").read_text() == self.mark
        ]


@pytest.fixture(scope="module", params=SHELLS)
def server(request: pytest.FixtureRequest, ssh_place: Path) -> Iterator[Sshd]:
    path = path_with(request.param, ssh_place / f"bin-{request.param}")
    with running_sshd(ssh_place / request.param, options=f"SetEnv PATH={path} HOME={ssh_place}\n") as server:
        yield server


@pytest.fixture
def reached(server: Sshd) -> Iterator[Reached]:
    with linked(server.port) as link:
        connection = Connection(server.address(port=link.port), Headless(), config_file=server.config_file)
        host = SshHost(connection)
        found = Reached(server, link, host, f"mark-{os.getpid()}-{time.monotonic_ns()}")
        yield found
        host.close()
        connection.close()
        assert found.left() == []


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do `work` in a thread; what it raises fails the test."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not errors, errors


def counted(reached: Reached, starts: Path) -> tuple[bytes, bytes]:
    """Run the command that counts, and give what was heard of it."""
    heard: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    result = reached.host.run(
        sh(COUNTING, str(starts), expect=(4,)),
        mark=reached.mark,
        on_output=lambda stream, data: heard[stream].extend(data),
    )
    assert result.code == 4
    assert starts.read_text() == "begun\n"
    return bytes(heard["stdout"]), bytes(heard["stderr"])


class TestCuts:
    def test_no_byte_is_lost_or_doubled(self, reached: Reached, tmp_path: Path) -> None:
        seed = time.monotonic_ns()
        dice = random.Random(seed)

        def cut() -> None:
            for _ in range(5):
                time.sleep(dice.uniform(0.05, 1.0))
                reached.link.cut()

        assert reached.host.user == "root"
        with meanwhile(cut):
            heard = counted(reached, tmp_path / "starts")
        assert heard == (LINES, ERRORS), f"seed {seed}"

    def test_sshd_is_restarted(self, reached: Reached, tmp_path: Path) -> None:
        assert reached.host.user == "root"

        def restart() -> None:
            time.sleep(0.7)
            reached.server.kill_sessions()
            time.sleep(1)
            reached.server.restart()

        with meanwhile(restart):
            assert counted(reached, tmp_path / "starts") == (LINES, ERRORS)

    def test_a_start_that_is_cut_anywhere_is_one_start(self, reached: Reached, tmp_path: Path) -> None:
        """The cut comes after any number of bytes of the request, or of the answer."""
        dice = random.Random(4)
        for number in range(8):
            starts = tmp_path / f"starts {number}"
            assert reached.host.stat("/") is not None  # there is a worker
            reached.link.cut_after(dice.randrange(1, 12_000))
            result = reached.host.run(sh('echo begun >> "$1"; echo said', str(starts)), mark=reached.mark)
            assert result.stdout == b"said\n"
            assert starts.read_text() == "begun\n"

    def test_a_link_that_stays_away(self, reached: Reached) -> None:
        """The run is given up after the patience; the command goes on, and `end_marked` finds it."""
        connection = Connection(
            reached.server.address(port=reached.link.port), Headless(), config_file=reached.server.config_file
        )
        host = SshHost(connection, patience=1.5)
        seen = bytearray()

        def part(_: str, data: bytes) -> None:
            seen.extend(data)
            reached.link.refuse()
            reached.link.cut()

        with pytest.raises(ConnectionLost, match="goes on there"):
            host.run(sh("echo $$; exec sleep 300"), mark=reached.mark, on_output=part)
        connection.close()
        assert living(int(seen))
        reached.link.admit()
        assert reached.host.end_marked(reached.mark) > 0
        assert not living(int(seen))

    def test_a_server_that_was_restarted_meanwhile(self, reached: Reached) -> None:
        """A restart ends every process and changes the boot's id; both are done here by hand."""

        def restart(_: str, data: bytes) -> None:
            reached.link.refuse()
            reached.link.cut()
            [job] = reached.left()
            words = (job / "pid").read_text().split()
            (job / "pid").write_text(" ".join([*words[:2], "another-boot", *words[3:]]))
            os.kill(int(words[0]), signal.SIGKILL)
            os.kill(int(data), signal.SIGKILL)
            reached.link.admit()

        with pytest.raises(HostError, match="was ended by a restart of the server"):
            reached.host.run(sh("echo $$; exec sleep 300"), mark=reached.mark, on_output=restart)


class TestEnds:
    def test_a_client_that_was_killed(self, reached: Reached) -> None:
        script = (
            "import sys; from pathlib import Path; from dfwizard.hosts.address import parse_address;"
            "from dfwizard.hosts.prompts import Headless; from dfwizard.hosts.ssh import Connection, SshHost;"
            "from dfwizard.hosts.command import Command;"
            "host = SshHost(Connection(parse_address(sys.argv[1]), Headless(), config_file=Path(sys.argv[2])));"
            "host.run(Command(('sh', '-c', 'echo $$; while :; do sleep 1; done')), mark=sys.argv[3],"
            "         on_output=lambda _, data: print(data.decode(), end='', flush=True))"
        )
        address = reached.server.address(port=reached.link.port).text
        client = subprocess.Popen(
            [sys.executable, "-c", script, address, str(reached.server.config_file), reached.mark],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None
        pid = int(client.stdout.readline())
        client.kill()
        client.wait()
        client.stdout.close()
        assert living(pid)
        assert len(reached.left()) == 1
        assert reached.host.end_marked(reached.mark) >= 2
        assert not living(pid)
        assert reached.left() == []
        assert reached.host.end_marked(reached.mark) == 0

    def test_a_timeout_lets_it_clean_up(self, reached: Reached) -> None:
        heard = bytearray()
        script = "trap 'echo cleaned; exit 1' TERM; echo $$; while :; do sleep 0.05; done"
        with pytest.raises(CommandTimeout, match=r"took longer than 0\.5 s"):
            reached.host.run(
                sh(script, timeout=0.5), mark=reached.mark, on_output=lambda _, data: heard.extend(data)
            )
        pid, said = heard.split()
        assert said == b"cleaned"
        assert not living(int(pid))

    def test_an_interrupt_ends_it(self, reached: Reached) -> None:
        seen = bytearray()

        def interrupt(_: str, data: bytes) -> None:
            seen.extend(data)
            os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            reached.host.run(sh("sleep 300 & echo $! $$; wait"), mark=reached.mark, on_output=interrupt)
        assert not any(living(int(pid)) for pid in seen.split())

    def test_killed_from_outside(self, reached: Reached) -> None:
        def kill(_: str, data: bytes) -> None:
            [job] = reached.left()
            os.kill(int((job / "pid").read_text().split()[0]), signal.SIGKILL)
            os.kill(int(data), signal.SIGKILL)

        with pytest.raises(HostError, match="was killed from outside"):
            reached.host.run(sh("echo $$; exec sleep 300"), mark=reached.mark, on_output=kill)

    def test_a_daemon_that_keeps_the_output_holds_up_nothing(self, reached: Reached) -> None:
        for mark in (None, reached.mark):
            result = reached.host.run(sh("sleep 300 & echo $!; yes >&2 &"), mark=mark, keep=10)
            pid = int(result.stdout)
            assert result.seconds < 60  # it is quick, but for what else the machine does
            assert living(pid)
            assert reached.host.run(sh("echo clean"), mark=mark).stdout == b"clean\n"
            os.kill(pid, signal.SIGKILL)

    def test_each_member_of_a_pipeline_is_told(self, reached: Reached, tmp_path: Path) -> None:
        out = tmp_path / "out"
        work = Pipeline(
            (sh("echo data; echo first >&2"), sh("cat; echo second >&2; exit 6"), Command(("cat",))),
            stdout_file=str(out),
        )
        with pytest.raises(CommandFailed) as caught:
            reached.host.run(work, mark=reached.mark)
        assert (caught.value.code, caught.value.tail) == (6, "second")
        assert not out.exists()

    def test_signals_are_not_ignored(self, reached: Reached) -> None:
        """A shell without job control has what runs in its background ignore SIGINT."""
        for mark in (None, reached.mark):
            result = reached.host.run(sh("kill -INT $$; echo alive"), mark=mark, check=False)
            assert (result.code, result.stdout) == (-signal.SIGINT, b"")


def test_output_ends_a_command_there_with_all_that_it_started(reached: Reached, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    plan = Plan("upgrade", str(tmp_path), "1", "2", "/b", "o", "root", (), ())
    rig = Rig(Store(tmp_path / "state").create(plan, None, host="there"), host=reached.host)
    script = f"sleep 600 & echo $! $$ >{pids}; echo no such host; sleep 600"
    assert not rig.command(script, stop_on=("no such host",))
    assert rig.failure.message == "The command was ended; its output says that it must fail:\nno such host"
    assert rig.failure.seconds < 30
    assert not any(living(int(pid)) for pid in pids.read_text().split())


@pytest.mark.parametrize("server", ["dash"], indirect=True)
class TestMeasure:
    def test_a_short_one_adds_few_round_trips(self, reached: Reached) -> None:
        def took(rtt: float) -> float:
            reached.link.set_rtt(rtt)
            return reached.host.run(Command(("true",)), mark=reached.mark).seconds

        assert reached.host.user == "root"
        near, far = zip(*((took(0), took(ROUND_TRIP)) for _ in range(8)), strict=True)
        added = (min(far) - min(near)) / ROUND_TRIP
        print(f"a durable command adds {added:.2f} round trips")
        assert added < 3

    def test_much_output_takes_little_memory(self, reached: Reached) -> None:
        size = 200 << 20
        taken = [0]

        def take(_: str, data: bytes) -> None:
            taken[0] += len(data)

        assert reached.host.user == "root"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        reached.host.run(Command(("head", "-c", str(size), "/dev/zero")), mark=reached.mark, on_output=take)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert taken[0] == size
        assert grown < 100 << 10, f"{grown} KiB more"
