"""Logging in to a real sshd: keys of each kind, passphrases, an agent, passwords, questions; host keys known, unknown and changed."""

from __future__ import annotations

import base64
import hmac
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dfwizard.errors import HostError
from dfwizard.hosts.address import Address
from dfwizard.hosts.prompts import Headless, Keeper, Prompts
from dfwizard.hosts.ssh.connection import Connection
from tests.lab.accounts import PASSWORD, Accounts
from tests.lab.person import person
from tests.lab.sshd import OTP_SECRET, KeyKind, Sshd, running_sshd

pytestmark = pytest.mark.lab

NOBODY = Headless()


def run(connection: Connection, command: str = "id -un", *, bulk: bool = False) -> str:
    channel = connection.channel(bulk=bulk)
    channel.exec_command(command)
    with channel.makefile("rb") as output:
        said = output.read()
    channel.close()
    return bytes(said).decode().strip()


def config(directory: Path, sshd: Sshd, *lines: str) -> Path:
    """An ssh_config with `lines` before what every connection to `sshd` needs."""
    file = directory / "ssh_config"
    own = (f"UserKnownHostsFile {sshd.known_hosts}", "GlobalKnownHostsFile /dev/null", "IdentityAgent none")
    file.write_text("".join(f"{line}\n" for line in (*lines, *own)))
    return file


@contextmanager
def connected(
    address: Address, prompts: Prompts, file: Path, **options: tuple[Path, ...]
) -> Iterator[Connection]:
    with closing(Connection(address, prompts, config_file=file, **options)) as connection:
        yield connection


def refusal(address: Address, prompts: Prompts, file: Path) -> str:
    with connected(address, prompts, file) as connection, pytest.raises(HostError) as caught:
        connection.channel()
    text = str(caught.value)
    assert text.startswith(f"{address.text}: ")
    assert caught.value.remedy
    assert text.replace("\n", "").isprintable()
    return text


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_of_each_kind(sshd: Sshd, accounts: Accounts, tmp_path: Path, kind: KeyKind) -> None:
    file = config(tmp_path, sshd, f"IdentityFile {sshd.key(kind)}")
    for user in ("root", accounts.plain):
        with connected(sshd.address(user), NOBODY, file) as connection:
            assert connection.login == user
            assert run(connection) == user


@pytest.mark.parametrize("format_", ["PEM", "PKCS8"])
def test_a_key_in_an_older_format_with_a_passphrase(sshd: Sshd, tmp_path: Path, format_: str) -> None:
    key = tmp_path / "key"
    key.write_bytes(sshd.key("rsa").read_bytes())
    key.chmod(0o600)
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-m", format_, "-P", "", "-N", "open sesame", "-f", str(key)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    jo = person("wrong", "open sesame")
    with connected(sshd.address(), jo, config(tmp_path, sshd, f"IdentityFile {key}")) as connection:
        assert run(connection) == "root"
    assert [question.again for question in jo.asked] == [False, True]


def test_a_passphrase_is_asked_for_once_for_both_transports_and_reconnects(
    sshd: Sshd, tmp_path: Path
) -> None:
    key = sshd.key("ed25519", passphrase="öpen sesame")
    jo = person("wrong", "öpen sesame")
    with connected(sshd.address(), jo, config(tmp_path, sshd, f"IdentityFile {key}")) as connection:
        assert run(connection) == "root"
        assert run(connection, bulk=True) == "root"
        sshd.kill_sessions()
        assert run(connection) == "root"
    assert [(question.kind, question.again) for question in jo.asked] == [
        ("passphrase", False),
        ("passphrase", True),
    ]
    assert str(key) in jo.asked[0].what
    heir = Keeper.imported(connection.prompts.exported(), NOBODY)
    with connected(sshd.address(), heir, config(tmp_path, sshd, f"IdentityFile {key}")) as connection:
        assert run(connection) == "root"


def test_a_passphrase_is_not_asked_for_when_the_server_does_not_want_the_key(
    sshd: Sshd, accounts: Accounts, tmp_path: Path
) -> None:
    key = stranger(tmp_path, "stranger", passphrase="open sesame")
    jo = person(PASSWORD)
    with connected(
        sshd.address(accounts.plain), jo, config(tmp_path, sshd, f"IdentityFile {key}")
    ) as connection:
        assert run(connection) == accounts.plain
    assert [question.kind for question in jo.asked] == ["keyboard"]


def test_a_passphrase_that_nobody_knows(sshd: Sshd, tmp_path: Path) -> None:
    key = sshd.key("ed25519", passphrase="open sesame")
    file = config(tmp_path, sshd, f"IdentityFile {key}", "PreferredAuthentications publickey")
    jo = person("a", "b", "c", "d")
    assert "the passphrase was wrong 3 times" in refusal(sshd.address(), jo, file)
    assert len(jo.asked) == 3
    assert "its passphrase is not known" in refusal(sshd.address(), NOBODY, file)


def test_a_key_file_that_is_none(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "torn").write_text(
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----\n"
    )
    file = config(
        tmp_path,
        sshd,
        f"IdentityFile {tmp_path}/torn",
        f"IdentityFile {tmp_path}/gone",
        "PreferredAuthentications publickey",
    )
    text = refusal(sshd.address(), NOBODY, file)
    assert "torn: it cannot be read" in text
    assert "gone: there is no such file" in text
    assert "publickey" in text


def stranger(directory: Path, name: str, *, passphrase: str = "") -> Path:
    """A key that no server knows."""
    path = directory / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


@contextmanager
def agent(directory: Path, *keys: Path) -> Iterator[Path]:
    """A real ssh-agent with these keys."""
    path = directory / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            time.sleep(0.01)
        subprocess.run(
            ["ssh-add", "-q", *map(str, keys)], env={**os.environ, "SSH_AUTH_SOCK": str(path)}, check=True
        )
        yield path
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_an_agent(sshd: Sshd, tmp_path: Path, kind: KeyKind, monkeypatch: pytest.MonkeyPatch) -> None:
    with agent(tmp_path, sshd.key(kind)) as path:
        file = tmp_path / "ssh_config"
        known = (sshd.known_hosts,)
        file.write_text("IdentityFile none\n")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        with connected(sshd.address(), NOBODY, file, known_hosts=known) as connection:
            assert run(connection) == "root"
        monkeypatch.delenv("SSH_AUTH_SOCK")
        file.write_text(f"IdentityFile none\nIdentityAgent {path}\n")
        with connected(sshd.address(), NOBODY, file, known_hosts=known) as connection:
            assert run(connection) == "root"


def test_an_agent_with_many_keys_does_not_use_up_the_attempts(tmp_path: Path, ssh_place: Path) -> None:
    with running_sshd(ssh_place / "strict", options="MaxAuthTries 3\n") as sshd:
        strangers = [stranger(tmp_path, f"stranger{number}") for number in range(7)]
        with agent(tmp_path, *strangers, sshd.key()) as path:
            file = tmp_path / "ssh_config"
            known = (sshd.known_hosts,)
            # The right one is the last of eight, and the server hangs up after three.
            file.write_text(f"IdentityAgent {path}\nIdentityFile none\n")
            with connected(sshd.address(), NOBODY, file, known_hosts=known) as connection:
                assert run(connection) == "root"
                attempts = sshd.log.read_text().count("Failed publickey")
                assert run(connection, bulk=True) == "root"
                sshd.kill_sessions()
                assert run(connection) == "root"
                # What was learned is used: not one key more was refused.
                assert sshd.log.read_text().count("Failed publickey") == attempts
            # ssh_config names it: it comes first.
            file.write_text(f"IdentityAgent {path}\nIdentityFile {sshd.key()}.pub\n")
            with connected(sshd.address(), NOBODY, file, known_hosts=known) as connection:
                assert run(connection) == "root"
            assert sshd.log.read_text().count("Failed publickey") == attempts
            file.write_text(f"IdentityAgent {path}\nIdentityFile {strangers[0]}\nIdentitiesOnly yes\n")
            text = refusal(sshd.address(), NOBODY, file_with(file, f"UserKnownHostsFile {sshd.known_hosts}"))
            assert "stranger0" in text
            assert "stranger1" not in text


def file_with(file: Path, *lines: str) -> Path:
    file.write_text(file.read_text() + "".join(f"{line}\n" for line in lines))
    return file


def test_a_certificate(tmp_path: Path, ssh_place: Path) -> None:
    authority, key = stranger(tmp_path, "authority"), stranger(tmp_path, "key")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "jo", "-n", "root", f"{key}.pub"], check=True
    )
    with running_sshd(ssh_place / "certified", options=f"TrustedUserCAKeys {authority}.pub\n") as sshd:
        with connected(sshd.address(), NOBODY, config(tmp_path, sshd, f"IdentityFile {key}")) as connection:
            assert run(connection) == "root"
        assert "ED25519-CERT" in sshd.log.read_text()


def test_a_password(tmp_path: Path, ssh_place: Path, accounts: Accounts) -> None:
    with running_sshd(ssh_place / "password", options="KbdInteractiveAuthentication no\n") as sshd:
        file = config(tmp_path, sshd, "IdentityFile none")
        address = sshd.address(accounts.asked)
        jo = person("wrong", PASSWORD)
        with connected(address, jo, file) as connection:
            assert run(connection) == accounts.asked
            assert run(connection, bulk=True) == accounts.asked
            sshd.kill_sessions()
            assert run(connection) == accounts.asked
        assert [(question.kind, question.again, question.echo) for question in jo.asked] == [
            ("password", False, False),
            ("password", True, False),
        ]
        assert accounts.asked in jo.asked[0].what
        many = person(*"abcdef")
        assert "was wrong 3 times" in refusal(address, many, file)
        assert len(many.asked) == 3
        assert "was not given" in refusal(address, NOBODY, file)
        # A wrong answer that was handed over is asked for anew.
        keeper = Keeper(person("wrong"))
        keeper.secret(jo.asked[0])
        late = person(PASSWORD)
        with connected(address, Keeper.imported(keeper.exported(), late), file) as connection:
            assert run(connection) == accounts.asked
        assert [question.again for question in late.asked] == [True]


def test_questions_are_asked_and_their_answers_kept(sshd: Sshd, accounts: Accounts, tmp_path: Path) -> None:
    file = config(tmp_path, sshd, "IdentityFile none")
    jo = person("wrong", PASSWORD)
    with connected(sshd.address(accounts.plain), jo, file) as connection:
        assert run(connection) == accounts.plain
        assert run(connection, bulk=True) == accounts.plain
        sshd.restart()
        assert run(connection) == accounts.plain
    assert [(question.kind, question.again) for question in jo.asked] == [
        ("keyboard", False),
        ("keyboard", True),
    ]
    assert "Password:" in jo.asked[0].what
    many = person(*"abcdef")
    assert "was wrong 3 times" in refusal(sshd.address(accounts.plain), many, file)
    assert len(many.asked) == 3
    assert "was not given" in refusal(sshd.address(accounts.plain), NOBODY, file)


def one_time_code(moment: float) -> str:
    """RFC 6238."""
    secret = base64.b32decode(OTP_SECRET + "=" * (-len(OTP_SECRET) % 8))
    digest = hmac.digest(secret, struct.pack(">Q", int(moment) // 30), "sha1")
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def test_a_password_and_a_one_time_code(tmp_path: Path, ssh_place: Path, accounts: Accounts) -> None:
    with running_sshd(ssh_place / "otp", otp=True, options="PasswordAuthentication no\n") as sshd:
        jo = person(PASSWORD, lambda: one_time_code(time.time()), lambda: one_time_code(time.time()))
        with connected(
            sshd.address(accounts.plain), jo, config(tmp_path, sshd, "IdentityFile none")
        ) as connection:
            assert run(connection) == accounts.plain
            assert ["code" in question.what for question in jo.asked] == [False, True]
            # The password is known by now; a code holds once.
            assert run(connection, bulk=True) == accounts.plain
            assert len(jo.asked) == 3


def test_a_key_and_a_password(tmp_path: Path, ssh_place: Path, accounts: Accounts) -> None:
    options = "AuthenticationMethods publickey,keyboard-interactive\n"
    with running_sshd(ssh_place / "both", options=options) as sshd:
        jo = person(PASSWORD)
        with connected(sshd.address(accounts.plain), jo, sshd.config_file) as connection:
            assert run(connection) == accounts.plain
        assert len(jo.asked) == 1


def test_an_answer_that_comes_after_the_server_has_hung_up(
    tmp_path: Path, ssh_place: Path, accounts: Accounts
) -> None:
    with running_sshd(ssh_place / "hasty", options="LoginGraceTime 4\n") as sshd:

        def late() -> str:
            while sshd.sessions():
                time.sleep(0.05)
            return PASSWORD

        jo = person(late)
        file = config(tmp_path, sshd, "IdentityFile none")
        with connected(sshd.address(accounts.plain), jo, file) as connection:
            assert run(connection) == accounts.plain
        assert len(jo.asked) == 1


def test_what_the_server_says_before_a_login_reaches_no_terminal(tmp_path: Path, ssh_place: Path) -> None:
    banner = tmp_path / "banner"
    banner.write_bytes(b"\x1b]0;owned\x07\x1b[2Jclosed for\xff repairs\r\n")
    with running_sshd(ssh_place / "banner", options=f"Banner {banner}\n") as sshd:
        text = refusal(sshd.address(), NOBODY, config(tmp_path, sshd, "IdentityFile none"))
        assert "closed for" in text
        assert "\\x1b[2J" in text


def fingerprint(sshd: Sshd, kind: KeyKind = "ed25519") -> str:
    public = sshd.directory / "host" / f"{kind}.pub"
    return subprocess.run(
        ["ssh-keygen", "-lf", str(public)], check=True, capture_output=True, text=True
    ).stdout.split()[1]


def known(directory: Path, *lines: str) -> tuple[Path, ...]:
    file = directory / "known_hosts"
    file.write_text("".join(f"{line}\n" for line in lines))
    return (file,)


def host_key_refusal(sshd: Sshd, files: tuple[Path, ...], prompts: Prompts = NOBODY) -> str:
    with (
        connected(sshd.address(), prompts, sshd.config_file, known_hosts=files) as connection,
        pytest.raises(HostError) as caught,
    ):
        connection.channel()
    return str(caught.value)


class TestHostKeys:
    def test_an_unknown_one_is_asked_about_once_and_written_down(self, sshd: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "new" / "known_hosts"
        jo = person(accept=True)
        with connected(sshd.address(), jo, sshd.config_file, known_hosts=(file,)) as connection:
            assert run(connection) == "root"
            assert run(connection, bulk=True) == "root"
        (key,) = jo.keys
        assert (key.host, key.kind, key.sha256) == (
            f"[127.0.0.1]:{sshd.port}",
            "ssh-ed25519",
            fingerprint(sshd),
        )
        assert key.address == f"127.0.0.1 port {sshd.port}"
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert file.read_text() == f"[127.0.0.1]:{sshd.port} {sshd.host_key('ed25519')}\n"
        with connected(sshd.address(), NOBODY, sshd.config_file, known_hosts=(file,)) as connection:
            assert run(connection) == "root"

    def test_it_is_refused_without_a_person_unless_new_ones_are_accepted(
        self, sshd: Sshd, tmp_path: Path
    ) -> None:
        files = known(tmp_path, "# nothing")
        jo = person(accept=False)
        for prompts in (NOBODY, jo):
            text = host_key_refusal(sshd, files, prompts)
            assert "is unknown" in text
            assert fingerprint(sshd) in text
        assert len(jo.keys) == 1
        assert files[0].read_text() == "# nothing\n"
        with connected(
            sshd.address(), Headless(accept_new=True), sshd.config_file, known_hosts=files
        ) as connection:
            assert run(connection) == "root"
        assert len(files[0].read_text().splitlines()) == 2

    def test_strict_checking_asks_nobody(self, sshd: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "ssh_config"
        file.write_text(
            f"StrictHostKeyChecking yes\nUserKnownHostsFile {tmp_path}/none\nGlobalKnownHostsFile none\n"
        )
        jo = person(accept=True)
        assert "StrictHostKeyChecking" in refusal(sshd.address(), jo, file)
        assert jo.keys == []

    def test_hashed_names_are_found_and_written(self, sshd: Sshd, tmp_path: Path) -> None:
        file = tmp_path / "known_hosts"
        config_file = tmp_path / "ssh_config"
        config_file.write_text(
            f"HashKnownHosts yes\nUserKnownHostsFile {file}\n{sshd.config_file.read_text()}"
        )
        with connected(sshd.address(), person(accept=True), config_file) as connection:
            assert run(connection) == "root"
        assert file.read_text().startswith("|1|")
        # OpenSSH finds it, and the other way round.
        subprocess.run(
            ["ssh-keygen", "-F", f"[127.0.0.1]:{sshd.port}", "-f", str(file)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        theirs = known(tmp_path, f"[127.0.0.1]:{sshd.port} {sshd.host_key('rsa')}")
        subprocess.run(
            ["ssh-keygen", "-q", "-H", "-f", str(theirs[0])], check=True, stdout=subprocess.DEVNULL
        )
        assert theirs[0].read_text().startswith("|1|")
        with connected(sshd.address(), NOBODY, sshd.config_file, known_hosts=theirs) as connection:
            assert run(connection) == "root"

    @pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
    def test_the_type_that_is_known_is_the_one_asked_for(
        self, sshd: Sshd, tmp_path: Path, kind: KeyKind
    ) -> None:
        files = known(tmp_path, f"[127.0.0.1]:{sshd.port} {sshd.host_key(kind)}")
        with connected(sshd.address(), NOBODY, sshd.config_file, known_hosts=files) as connection:
            assert run(connection) == "root"

    def test_a_changed_one_is_always_refused(self, sshd: Sshd, tmp_path: Path) -> None:
        name = f"[127.0.0.1]:{sshd.port}"
        other = " ".join(Path(f"{stranger(tmp_path, 'other')}.pub").read_text().split()[:2])
        files = known(tmp_path, "# first", f"{name} {other}")
        jo = person(accept=True)
        for prompts in (jo, Headless(accept_new=True)):
            text = host_key_refusal(sshd, files, prompts)
            assert "the host key has changed" in text
            assert f"{files[0]}, line 2" in text
            assert fingerprint(sshd) in text
        assert jo.keys == []
        # The remedy works as it is written.
        command = text.rpartition(": ssh-keygen")[2].splitlines()[0].removesuffix(".")
        subprocess.run(f"ssh-keygen {command}", shell=True, check=True, capture_output=True)
        assert "is unknown" in host_key_refusal(sshd, files)

    def test_a_key_of_another_type_than_the_known_one_is_no_new_host(
        self, tmp_path: Path, ssh_place: Path
    ) -> None:
        with running_sshd(ssh_place / "rsa", options="HostKeyAlgorithms rsa-sha2-512\n") as sshd:
            files = known(tmp_path, f"[127.0.0.1]:{sshd.port} {sshd.host_key('ed25519')}")
            text = host_key_refusal(sshd, files, person(accept=True))
            assert "of another type than the known one" in text
            assert fingerprint(sshd, "rsa") in text

    def test_a_revoked_one_is_refused(self, sshd: Sshd, tmp_path: Path) -> None:
        name = f"[127.0.0.1]:{sshd.port}"
        files = known(
            tmp_path, f"{name} {sshd.host_key('ed25519')}", f"@revoked * {sshd.host_key('ed25519')}"
        )
        text = host_key_refusal(sshd, files, person(accept=True))
        assert "revoked" in text
        assert "line 2" in text

    def test_one_that_changes_meanwhile_is_refused(self, ssh_place: Path) -> None:
        nowhere = (Path("/dev/null"),)  # so that this process alone remembers
        with (
            running_sshd(ssh_place / "anew") as sshd,
            connected(
                sshd.address(), person(accept=True), sshd.config_file, known_hosts=nowhere
            ) as connection,
        ):
            assert run(connection) == "root"
            sshd.new_host_keys()
            sshd.restart()
            with pytest.raises(HostError, match="has changed while dfwizard was at work"):
                connection.channel(wait=10)
