"""The connection to a real sshd: through jump hosts and commands, over a link that is cut, stalls and comes back, by many threads."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import paramiko
import pytest

from dfwizard.errors import ConnectionLost, HostError
from dfwizard.hosts.address import Address, parse_address
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import connecting
from dfwizard.hosts.ssh.connection import Connection
from tests.lab.link import Link, linked
from tests.lab.person import person
from tests.lab.sshd import Sshd, running_sshd, ssh_config

pytestmark = pytest.mark.lab

NOBODY = Headless()


def run(
    connection: Connection, command: str = "echo here", *, bulk: bool = False, wait: float | None = None
) -> str:
    channel = connection.channel(bulk=bulk, wait=wait)
    channel.exec_command(command)
    with channel.makefile("rb") as output:
        said = output.read()
    channel.close()
    return bytes(said).decode().strip()


def opened(sshd: Sshd, port: int | None = None) -> closing[Connection]:
    return closing(Connection(sshd.address(port=port), NOBODY, config_file=sshd.config_file))


@pytest.fixture
def link(sshd: Sshd) -> Iterator[Link]:
    with linked(sshd.port) as link:
        yield link


class TestBrokenLinks:
    def test_a_cut_one_is_made_again_for_each_transport(
        self, sshd: Sshd, link: Link, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with opened(sshd, link.port) as connection:
            assert run(connection) == run(connection, bulk=True) == "here"
            assert connection.generation == 0
            waiting = connection.channel()
            waiting.exec_command("sleep 60")
            assert link.cut() == 2
            assert waiting.recv(1) == b""  # who reads hears of it at once
            assert waiting.exit_status == -1
            assert run(connection) == run(connection, bulk=True) == "here"
            assert connection.generation == 2
            sshd.restart()
            assert run(connection) == "here"
        assert capfd.readouterr() == ("", "")

    def test_a_dead_one_is_noticed_within_fifteen_seconds(self, sshd: Sshd, link: Link) -> None:
        with opened(sshd, link.port) as connection:
            reading, bulk = connection.channel(), connection.channel(bulk=True)
            for channel in (reading, bulk):
                channel.exec_command("cat")
                channel.sendall(b"x")
                assert channel.recv(1) == b"x"
            link.blackhole()
            begun = time.monotonic()
            writer = threading.Thread(target=fill, args=(bulk,))
            writer.start()  # the transport's pulse now waits behind what cannot be written
            assert reading.recv(1) == b""
            writer.join()
            assert 5 < time.monotonic() - begun < 25
            link.resume()
            assert run(connection) == run(connection, bulk=True) == "here"

    def test_one_that_only_stalls_goes_on(self, sshd: Sshd, link: Link) -> None:
        with opened(sshd, link.port) as connection:
            channel = connection.channel()
            channel.exec_command("cat")
            link.stall(5)
            channel.sendall(b"held")
            assert channel.recv(4) == b"held"
            assert connection.generation == 0

    def test_one_that_comes_back_after_a_while_is_waited_for(self, sshd: Sshd, link: Link) -> None:
        with opened(sshd, link.port) as connection:
            run(connection)
            link.refuse()
            link.cut()
            threading.Timer(2, link.admit).start()
            assert run(connection) == "here"

    def test_one_that_stays_away_is_said(self, sshd: Sshd, link: Link) -> None:
        with opened(sshd, link.port) as connection:
            run(connection)
            link.refuse()
            link.cut()
            begun = time.monotonic()
            with pytest.raises(
                ConnectionLost, match=r"did not come back within 2 s: .*nothing listens"
            ) as caught:
                connection.channel(wait=2)
            assert 1.5 < time.monotonic() - begun < 20
            assert str(caught.value).startswith(f"{connection.name}: ")

    def test_closing_ends_what_waits(self, sshd: Sshd, link: Link) -> None:
        with opened(sshd, link.port) as connection:
            run(connection)
            channel = connection.channel()
            channel.exec_command("sleep 60")
            link.refuse()
            threading.Timer(0.5, connection.close).start()
            assert channel.recv(1) == b""
            with pytest.raises(HostError, match="has been closed"):
                connection.channel()
        deadline = time.monotonic() + 20
        while link.connections():
            assert time.monotonic() < deadline
            time.sleep(0.05)


def fill(channel: paramiko.Channel) -> None:
    """Write until the link takes no more and dies."""
    with pytest.raises(OSError):  # noqa: PT011, PT012 -- paramiko says no more than that
        for _ in range(256):
            channel.sendall(bytes(1 << 20))


class TestManyThreads:
    def test_more_sessions_than_a_server_allows(self, sshd: Sshd) -> None:
        with opened(sshd) as connection, ThreadPoolExecutor(16) as pool:
            said = list(pool.map(lambda number: run(connection, f"sleep 0.2; echo {number}"), range(24)))
            assert said == [str(number) for number in range(24)]
            assert connection.generation == 0

    def test_a_server_that_allows_fewer(self, ssh_place: Path) -> None:
        with running_sshd(ssh_place / "few", options="MaxSessions 3\n") as sshd, opened(sshd) as connection:
            with ThreadPoolExecutor(12) as pool:
                said = list(pool.map(lambda number: run(connection, f"echo {number}"), range(24)))
            assert said == [str(number) for number in range(24)]
            held = [connection.channel() for _ in range(3)]
            with pytest.raises(HostError, match="session"):
                connection.channel(wait=1)
            held.pop().close()
            assert run(connection) == "here"

    def test_a_server_that_allows_none(self, ssh_place: Path) -> None:
        with (
            running_sshd(ssh_place / "none", options="MaxSessions 0\n") as sshd,
            opened(sshd) as connection,
            pytest.raises(HostError, match="opens no session"),
        ):
            connection.channel()

    def test_one_connects_for_all_and_asks_once(self, sshd: Sshd, tmp_path: Path, link: Link) -> None:
        jo = person(accept=True)
        connection = Connection(
            sshd.address(port=link.port), jo, config_file=sshd.config_file, known_hosts=(tmp_path / "known",)
        )
        with closing(connection), ThreadPoolExecutor(8) as pool:
            said = list(pool.map(lambda number: run(connection, bulk=number % 2 == 0), range(8)))
        assert said == ["here"] * 8
        assert link.accepted() == 2
        assert len(jo.keys) == 1

    def test_what_fails_for_one_fails_for_all_that_wait(self, sshd: Sshd, tmp_path: Path, link: Link) -> None:
        jo = person(accept=False)
        connection = Connection(
            sshd.address(port=link.port), jo, config_file=sshd.config_file, known_hosts=(tmp_path / "known",)
        )
        start = threading.Barrier(4)

        def attempt(_: int) -> str:
            start.wait()
            try:
                connection.channel()
            except HostError as error:
                return error.what
            return ""

        with closing(connection), ThreadPoolExecutor(4) as pool:
            assert all("is unknown" in what for what in pool.map(attempt, range(4)))
        assert len(jo.keys) == 1


@pytest.fixture(scope="module")
def inner(ssh_place: Path) -> Iterator[Sshd]:
    """A second server."""
    with running_sshd(ssh_place / "inner") as server:
        yield server


class TestWaysThere:
    def test_jump_hosts(self, sshd: Sshd, inner: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "ssh_config"
        jumps = "Host lab2\n    ProxyJump lab\nHost far\n    HostName 127.0.0.1\n    User root\n"
        file.write_text(f"{jumps}    Port {inner.port}\n    ProxyJump lab,lab2\n{ssh_config(sshd, inner)}")
        for name in ("lab2", "far"):
            before = inner.log.read_text().count("Accepted publickey")
            with closing(Connection(Address(name, None, None, ""), NOBODY, config_file=file)) as connection:
                # It is the inner server that runs it, and the outer one that it comes from.
                assert run(connection, "echo $SSH_CONNECTION").endswith(f" {inner.port}")
                sshd.kill_sessions()
                assert run(connection, "echo $SSH_CONNECTION").endswith(f" {inner.port}")
            assert inner.log.read_text().count("Accepted publickey") > before

    def test_a_jump_host_that_may_not_be_passed(self, inner: Sshd, ssh_place: Path, tmp_path: Path) -> None:
        with running_sshd(ssh_place / "closed", options="AllowTcpForwarding no\n") as sshd:
            file = tmp_path / "ssh_config"
            file.write_text(f"Host lab2\n    ProxyJump lab\n{ssh_config(sshd, inner)}")
            text = refusal(Address("lab2", None, None, ""), file)
            assert "through ssh://lab" in text
            assert "AllowTcpForwarding" in text

    def test_a_jump_host_that_is_not_there(self, inner: Sshd, sshd: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "ssh_config"
        file.write_text(f"Host lab2\n    ProxyJump root@127.0.0.1:1\n{ssh_config(sshd, inner)}")
        assert "nothing listens on port 1" in refusal(Address("lab2", None, None, ""), file)

    def test_a_proxy_command(self, sshd: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "ssh_config"
        proxy = f"echo $$ > {tmp_path}/pid; exec {shutil.which('busybox')} nc %h %p"
        file.write_text(f"Host lab\n    ProxyCommand sh -c '{proxy}'\n{sshd.config_file.read_text()}")
        with closing(Connection(Address("lab", None, None, ""), NOBODY, config_file=file)) as connection:
            assert run(connection) == "here"
            begun = time.monotonic()
            for _ in range(10):
                channel = connection.channel()
                channel.close()
            assert time.monotonic() - begun < 20  # paramiko's own takes a tenth of a second for every packet
            process = Path("/proc", (tmp_path / "pid").read_text().strip())
            assert process.exists()
        assert not process.exists()

    def test_a_proxy_command_that_fails_is_quoted(self, sshd: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "ssh_config"
        file.write_text(
            f"ProxyCommand printf 'no such \\033[31mtunnel\\n' >&2\n{sshd.config_file.read_text()}"
        )
        text = refusal(Address("lab", None, None, ""), file)
        assert "its ProxyCommand carries nothing: no such \\x1b[31mtunnel" in text

    def test_what_openssh_reaches_by_its_name(self, sshd: Sshd) -> None:
        address = parse_address("lab:/opt/dreamfactory")
        assert address is not None
        with closing(Connection(address, NOBODY, config_file=sshd.config_file)) as connection:
            assert connection.name == "ssh://lab"
            assert connection.login == "root"
            assert run(connection) == "here"


def refusal(address: Address, file: Path) -> str:
    with (
        closing(Connection(address, NOBODY, config_file=file)) as connection,
        pytest.raises(HostError) as caught,
    ):
        connection.channel()
    text = str(caught.value)
    assert text.startswith(f"{address.text}: ")
    assert caught.value.remedy
    assert text.replace("\n", "").isprintable()
    return text


@contextmanager
def listening(greeting: bytes, *, hold: bool = False) -> Iterator[int]:
    """A server that says `greeting` and hangs up, or holds the line."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1)
                client.sendall(greeting)
                if hold:
                    done.wait(30)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        done.set()
        thread.join()


class TestWrongPlaces:
    def test_nothing_listens(self, sshd: Sshd) -> None:
        text = refusal(Address("127.0.0.1", "root", 1, ""), sshd.config_file)
        assert "nothing listens on port 1" in text
        assert "systemctl status ssh" in text

    def test_a_name_that_nobody_knows(self, sshd: Sshd) -> None:
        text = refusal(Address("no-such-host.invalid", "root", None, ""), sshd.config_file)
        assert "no-such-host.invalid" in text
        assert "getent hosts" in text

    def test_another_kind_of_server(self, sshd: Sshd) -> None:
        with listening(b"HTTP/1.1 400 Bad Request\r\n\x1b]0;owned\x07\r\n\r\n") as port:
            text = refusal(Address("127.0.0.1", "root", port, ""), sshd.config_file)
        assert 'no SSH server; it says "HTTP/1.1 400 Bad Request"' in text

    def test_a_server_that_paints_the_screen(self, sshd: Sshd) -> None:
        with listening(b"\x1b[2J\x1b]0;owned\x07\xff\xfe\r\n") as port:
            text = refusal(Address("127.0.0.1", "root", port, ""), sshd.config_file)
        assert "\\x1b[2J" in text

    def test_a_server_that_hangs_up_at_once(self, sshd: Sshd) -> None:
        with listening(b"") as port:
            assert "before the server said a word" in refusal(
                Address("127.0.0.1", "root", port, ""), sshd.config_file
            )

    def test_a_version_that_paints_the_screen_and_nonsense_after_it(self, sshd: Sshd) -> None:
        with listening(b"SSH-2.0-\x1b[31mX\r\n" + bytes(range(256)) * 20) as port:
            assert "while keys were exchanged" in refusal(
                Address("127.0.0.1", "root", port, ""), sshd.config_file
            )

    def test_a_server_without_a_common_cipher(self, ssh_place: Path) -> None:
        options = "Ciphers chacha20-poly1305@openssh.com\n"
        with running_sshd(ssh_place / "chacha", options=options) as sshd:
            text = refusal(sshd.address(), sshd.config_file)
            assert "how to encrypt" in text
            assert "Ciphers" in text

    def test_a_configuration_that_is_wrong(self, sshd: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "ssh_config"
        file.write_text(f"Port 65536\n{sshd.config_file.read_text()}")
        connection = Connection(Address("lab", None, None, ""), NOBODY, config_file=file)
        with closing(connection), pytest.raises(HostError, match=f"{file}:1: "):
            connection.channel()


def test_a_server_that_says_nothing_is_not_waited_for_without_end(
    sshd: Sshd, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "HANDSHAKE", 2.0)
    link.blackhole()
    begun = time.monotonic()
    text = refusal(sshd.address(port=link.port), sshd.config_file)
    assert "nothing was said within" in text
    assert time.monotonic() - begun < 30


def test_the_streams_are_tuned(sshd: Sshd) -> None:
    with opened(sshd) as connection:
        channel = connection.channel(bulk=True)
        transport = channel.get_transport()
        assert channel.in_window_size == 16 << 20
        assert transport.local_cipher == "aes128-gcm@openssh.com"
        assert transport.packetizer.REKEY_BYTES == transport.packetizer.REKEY_PACKETS == 2**35


def test_a_failure_in_paramiko_writes_nothing_to_the_terminal(sshd: Sshd, link: Link) -> None:
    script = """
import sys
from pathlib import Path
from dfwizard.errors import HostError
from dfwizard.hosts.address import Address
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh.connection import Connection
connection = Connection(Address("127.0.0.1", "root", int(sys.argv[1]), ""), Headless(), config_file=Path(sys.argv[2]))
channel = connection.channel()
print("ready", flush=True)
assert channel.recv(1) == b""
try:
    connection.channel(wait=1)
except HostError as error:
    print(error.what)
"""
    sshd.trust(link.port)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(link.port), str(sshd.config_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    link.refuse()
    link.cut()
    out, err = process.communicate(timeout=60)
    assert "did not come back" in out
    assert (process.returncode, err) == (0, "")
