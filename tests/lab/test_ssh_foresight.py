"""Questions put all at once to a server get the answers that they get one by one, in a few journeys, each for one asking."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dfwizard.errors import HostError
from dfwizard.hosts.base import Host
from dfwizard.hosts.command import Command
from dfwizard.hosts.foresight import foreseen
from dfwizard.hosts.local import LocalHost
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import Connection, SshHost, login
from dfwizard.instance.inspect import inspect
from dfwizard.rules import load
from tests.lab.fixtures import StartLab
from tests.lab.journeys import counted
from tests.lab.lab import Lab
from tests.lab.link import linked
from tests.lab.ssh_fixtures import ssh_place, sshd
from tests.lab.sshd import Sshd
from tests.unit.real_host import HOST, NASTY

__all__ = ["ssh_place", "sshd"]

pytestmark = pytest.mark.lab


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Note every request about files that goes to the server."""
    from dfwizard.hosts.ssh.workers import Workers

    seen: list[bytes] = []
    ask = Workers.ask

    def noted(self: Workers, body: bytes, **how: object) -> object:
        seen.append(body)
        return ask(self, body, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Workers, "ask", noted)
    return seen


@pytest.fixture
def host(sshd: Sshd) -> Iterator[SshHost]:
    connection = Connection(sshd.address(), Headless(), config_file=sshd.config_file)
    reached = SshHost(connection)
    assert reached.user == "root"
    yield reached
    reached.close()
    connection.close()


def look_at(host: Host, place: Path) -> list[object]:
    """Look at what lies in a directory, at what does not, and at a program."""
    found: list[object] = [host.which("sh"), host.which("no-such-program")]
    for name in host.listdir(str(place)):
        path = f"{place}/{name}"
        found.append(host.stat(path))
        found.append(host.read(path) if host.stat(path, follow=True) else None)
    return [*found, host.stat(f"{place}/nothing"), host.read(str(place / NASTY[0]), limit=3, offset=2)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for number, name in enumerate(NASTY):
        (tmp_path / name).write_bytes(bytes(range(256)) * number + b"\n\ntoken 0\n")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("gone")
    return tmp_path


def test_the_answers_are_the_same_in_a_few_journeys(host: SshHost, asked: list[bytes], place: Path) -> None:
    ahead = foreseen(host, lambda there: look_at(there, place))
    journeys = len(asked)
    assert journeys <= 4
    assert look_at(ahead, place) == look_at(HOST, place)
    assert len(asked) == journeys, "everything was known"


def test_a_second_asking_sees_what_has_changed(host: SshHost, asked: list[bytes], place: Path) -> None:
    file = place / "empty"
    ahead = foreseen(host, lambda there: there.read(str(file)))
    assert ahead.read(str(file)) == b""
    assert len(asked) == 1
    file.write_bytes(b"now")
    assert ahead.read(str(file)) == b"now"
    assert len(asked) == 2


def test_looking_ahead_changes_nothing_and_a_refusal_stays_one(host: SshHost, place: Path) -> None:
    tried: list[str] = []

    def look(there: Host) -> None:
        changes = (
            lambda: there.run(Command(("touch", f"{place}/made"))),
            lambda: there.write(f"{place}/made", b""),
            lambda: there.mkdir(f"{place}/made"),
            lambda: there.remove(f"{place}/empty"),
            lambda: there.rename(f"{place}/empty", f"{place}/made"),
        )
        for change in changes:
            with pytest.raises(HostError, match="while looking ahead"):
                change()
            tried.append("refused")
        there.read(str(place))
        raise HostError("enough")

    ahead = foreseen(host, look)
    assert len(tried) >= 5
    assert not (place / "made").exists()
    assert (place / "empty").exists()
    with pytest.raises(HostError):
        ahead.read(str(place))
    ahead.write(f"{place}/made", b"by the host itself")
    assert (place / "made").read_bytes() == b"by the host itself"


def test_this_machine_is_asked_as_it_is(place: Path) -> None:
    assert foreseen(HOST, lambda there: look_at(there, place)) is HOST


# The versions, the algorithms, the keys, the login, the session, the shell's greeting; asked one by one, the login has three more.
@pytest.mark.parametrize(("known", "journeys"), [("SSH-2.0-OpenSSH", 6), ("SSH-2.0-another", 9)])
def test_a_login_and_its_shell_take_few_journeys(
    sshd: Sshd, known: str, journeys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "_PIPELINING", known)
    with linked(sshd.port, rtt=0.06) as link:
        connection = Connection(sshd.address(port=link.port), Headless(), config_file=sshd.config_file)
        host = SshHost(connection)
        assert host.user == "root"
        assert link.turns() == journeys
        host.close()
        connection.close()


def strangers(lab: Lab) -> int:
    """Count the web servers and PHP-FPM of others on this machine: each may have to be asked whether it serves the instance."""
    listed = subprocess.run(["ps", "-ww", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    masters = [line for line in listed.splitlines() if re.match(r"(nginx|php-fpm): master", line)]
    return sum(str(lab.directory) not in line for line in masters)


def test_an_inspection_over_ssh_finds_what_one_here_finds(
    host: SshHost, asked: list[bytes], start_lab: StartLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = start_lab("sqlite", "6.3.0", web=True)
    rules = load(None)
    others = strangers(lab)
    with monkeypatch.context() as counting:
        journeys = counted(counting)
        there = inspect(host, str(lab.instance), rules)
    others = max(others, strangers(lab))
    assert journeys.deepest <= 10 + 3 * others
    assert journeys.questions <= 75 + 10 * others
    assert len(asked) <= 24 + 5 * others, "files are asked about together"
    here = inspect(LocalHost(), str(lab.instance), rules)
    # Asked over HTTP, the instance writes files of its own.
    assert replace(there.tree, size=0, files=0) == replace(here.tree, size=0, files=0)
    for name in ("version", "git", "php", "dotenv", "database", "artisan", "key", "owner_home", "me"):
        assert getattr(there, name) == getattr(here, name), name
    assert there.host == host.name
