"""SshHost for logins that are not root's: becoming root through sudo in all its moods, not becoming it, and odd login shells."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dfwizard.errors import CommandTimeout, HostError
from dfwizard.hosts.command import Command, Secret
from dfwizard.hosts.prompts import Question, UnknownKey
from dfwizard.hosts.ssh import Connection, SshHost
from tests.lab.accounts import PASSWORD, Accounts
from tests.lab.sshd import Sshd
from tests.unit.real_host import NASTY, living, sh

pytestmark = pytest.mark.lab


@dataclass
class Person:
    """Answers what sudo asks, with one word after the other; the questions are kept."""

    words: list[str | None] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)

    def secret(self, question: Question) -> str | None:
        self.asked.append(question)
        return self.words.pop(0) if self.words else None

    def accept_key(self, key: UnknownKey) -> bool:
        raise AssertionError(f"known_hosts should know {key}")


@contextmanager
def reached(sshd: Sshd, login: str, person: Person | None = None) -> Iterator[SshHost]:
    connection = Connection(sshd.address(login), person or Person(), config_file=sshd.config_file)
    host = SshHost(connection)
    try:
        yield host
    finally:
        host.close()
        connection.close()


@contextmanager
def sudoers(accounts: Accounts, text: str) -> Iterator[None]:
    """Add lines to sudo's rules."""
    file = Path("/etc/sudoers.d", f"{accounts.plain}-more")
    file.write_text(f"{text}\n")
    file.chmod(0o440)
    try:
        yield
    finally:
        file.unlink()


def does_everything(host: SshHost, tmp_path: Path, as_whom: str) -> None:
    """Do one of each kind as root."""
    assert host.user == "root"
    assert host.run(Command(("id", "-un"))).text == "root\n"
    assert host.run(Command(("id", "-un")), mark=f"mark-{os.getpid()}").text == "root\n"
    assert host.run(Command(("id", "-un"), user=as_whom)).text == f"{as_whom}\n"
    assert host.run(Command(("cat",), stdin=Secret(b"\0hidden\xff" * 9000))).stdout == b"\0hidden\xff" * 9000
    path = str(tmp_path / NASTY[5])
    host.write(path, b"mine", owner=as_whom)
    found = host.stat(path)
    assert found is not None
    assert found.owner == as_whom
    assert host.read(path) == b"mine"


class TestSudo:
    def test_without_a_password(self, sshd: Sshd, accounts: Accounts, tmp_path: Path) -> None:
        person = Person()
        with reached(sshd, accounts.admin, person) as host:
            does_everything(host, tmp_path, accounts.plain)
        assert person.asked == []

    @pytest.mark.parametrize("more", ["", "lecture=always", "use_pty", "!use_pty", "timestamp_timeout=0"])
    def test_that_asks(self, sshd: Sshd, accounts: Accounts, tmp_path: Path, more: str) -> None:
        person = Person([PASSWORD])
        with (
            sudoers(accounts, f"Defaults:{accounts.asked} {more}" if more else ""),
            reached(sshd, accounts.asked, person) as host,
        ):
            does_everything(host, tmp_path, accounts.plain)
        assert [(question.kind, question.again, question.echo) for question in person.asked] == [
            ("sudo", False, False)
        ]
        assert accounts.asked in person.asked[0].what

    def test_a_wrong_password_is_asked_for_again(self, sshd: Sshd, accounts: Accounts) -> None:
        person = Person(["wrong", PASSWORD])
        with reached(sshd, accounts.asked, person) as host:
            assert host.user == "root"
        assert [question.again for question in person.asked] == [False, True]

    @pytest.mark.parametrize("words", [[], ["wrong"], ["wrong"] * 5])
    def test_whoever_knows_no_password_stays_the_login(
        self, sshd: Sshd, accounts: Accounts, words: list[str | None]
    ) -> None:
        person = Person(list(words))
        with reached(sshd, accounts.asked, person) as host:
            assert host.user == accounts.asked
            assert host.run(Command(("id", "-un"))).text == f"{accounts.asked}\n"
        assert len(person.asked) == min(3, len(words) + 1)

    def test_the_password_is_nowhere(self, sshd: Sshd, accounts: Accounts) -> None:
        """Not in any command line, environment or log, however slowly one looks."""
        person = Person([PASSWORD])
        with reached(sshd, accounts.asked, person) as host:
            assert host.user == "root"
            shown = host.run(sh("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; :")).stdout
        assert PASSWORD.encode() not in shown
        assert PASSWORD not in sshd.log.read_text(errors="replace")

    def test_a_terminal_that_is_required(self, sshd: Sshd, accounts: Accounts) -> None:
        with (
            sudoers(accounts, f"Defaults:{accounts.admin} requiretty"),
            reached(sshd, accounts.admin) as host,
        ):
            assert host.user == accounts.admin
            with pytest.raises(HostError, match="sudo wants a terminal"):
                host.run(Command(("id",), user=accounts.plain))

    def test_allowed_for_another_account_only(self, sshd: Sshd, accounts: Accounts, tmp_path: Path) -> None:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        os.chown(tmp_path, -1, -1)
        for place in (tmp_path, *list(tmp_path.parents)[:-2]):
            place.chmod(place.stat().st_mode | 0o055)
        subprocess.run(["chown", accounts.asked, str(closed)], check=True)
        rule = f"{accounts.plain} ALL=({accounts.asked}) NOPASSWD: ALL"
        with sudoers(accounts, rule), reached(sshd, accounts.plain) as host:
            assert host.user == accounts.plain
            seen = bytearray()
            for mark in (None, f"mark-{os.getpid()}"):
                told = host.run(
                    sh('id -un; pwd; echo "$A"', user=accounts.asked, cwd=str(closed), env={"A": "a b"}),
                    mark=mark,
                )
                assert told.text == f"{accounts.asked}\n{closed}\na b\n"
                seen.clear()
                with pytest.raises(CommandTimeout):
                    host.run(
                        sh("echo $$; exec sleep 300", user=accounts.asked, timeout=0.5),
                        on_output=lambda _, data: seen.extend(data),
                        mark=mark,
                    )
                assert not living(int(seen))


class TestPlain:
    def test_what_only_root_may(self, sshd: Sshd, accounts: Accounts) -> None:
        with reached(sshd, accounts.plain) as host:
            assert host.user == accounts.plain
            home = str(accounts.home(accounts.plain))
            with pytest.raises(HostError, match="only root can give"):
                host.write(f"{home}/file", b"x", owner="daemon")
            with pytest.raises(HostError, match="only root can give"):
                host.mkdir(f"{home}/new", group="daemon")
            with pytest.raises(HostError, match="permission denied"):
                host.read("/etc/shadow")
            with pytest.raises(HostError, match=f"{accounts.plain} may not run id as daemon"):
                host.run(Command(("id",), user="daemon"), check=False)
            host.write(f"{home}/file", b"x", owner=accounts.plain, group=accounts.plain)
            assert host.read(f"{home}/file") == b"x"

    def test_its_jobs_leave_nothing_in_its_home(self, sshd: Sshd, accounts: Accounts) -> None:
        with reached(sshd, accounts.plain) as host:
            before = host.listdir(".")
            assert host.run(sh("echo said; exit 3", expect=(3,)), mark="a mark").stdout == b"said\n"
            assert host.listdir(".") == before

    def test_read_only_directories_of_its_own(self, sshd: Sshd, accounts: Accounts) -> None:
        with reached(sshd, accounts.plain) as host:
            host.run(
                sh(
                    "mkdir -p tree/locked/deep && touch tree/locked/deep/file && chmod 0 tree/locked/deep tree/locked"
                )
            )
            host.remove("tree")
            assert host.stat("tree") is None

    def test_what_may_not_be_removed(self, sshd: Sshd, accounts: Accounts) -> None:
        theirs = accounts.home(accounts.plain) / "theirs"
        (theirs / "sub").mkdir(parents=True)
        (theirs / "sub" / "file").touch()
        with (
            reached(sshd, accounts.plain) as host,
            pytest.raises(HostError, match=r"could not remove all of (?s:.*)Permission denied"),
        ):
            host.remove(str(theirs))
        assert (theirs / "sub" / "file").exists()

    @pytest.mark.parametrize("path", ["/", "/.", "//", ".", "..", "/tmp/.."])
    def test_what_nobody_means_to_remove(self, sshd: Sshd, accounts: Accounts, path: str) -> None:
        with reached(sshd, accounts.plain) as host, pytest.raises(HostError, match="will not remove"):
            host.remove(path)


@pytest.mark.parametrize("shell", ["/bin/csh", "/bin/bash"])
def test_login_shells(sshd: Sshd, accounts: Accounts, shell: str) -> None:
    home = accounts.home(accounts.asked)
    (home / (".cshrc" if "csh" in shell else ".bashrc")).write_text("echo hello from the shell\n")
    subprocess.run(["usermod", "--shell", shell, accounts.asked], check=True)
    try:
        with reached(sshd, accounts.asked, Person([PASSWORD])) as host:
            assert host.user == "root"
            assert host.run(sh('printf "%s\\0" "$@"', *NASTY)).stdout == b"".join(
                os.fsencode(f"{word}\0") for word in NASTY
            )
    finally:
        subprocess.run(["usermod", "--shell", "/bin/sh", accounts.asked], check=True)


def test_an_account_without_a_shell(sshd: Sshd, accounts: Accounts) -> None:
    subprocess.run(["usermod", "--shell", "/usr/sbin/nologin", accounts.plain], check=True)
    try:
        with (
            reached(sshd, accounts.plain) as host,
            pytest.raises(
                HostError, match="no shell can be opened there: This account is currently not available"
            ),
        ):
            host.stat("/")
    finally:
        subprocess.run(["usermod", "--shell", "/bin/sh", accounts.plain], check=True)
