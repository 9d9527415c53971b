"""ssh_config without an OpenSSH: the wizard's list of hosts, tokens, what is refused and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfwizard.errors import HostError
from dfwizard.hosts.address import Address
from dfwizard.hosts.ssh.route import METHODS, Route, hosts, place, route_to


def route(
    directory: Path, text: str, host: str = "web1", user: str | None = None, port: int | None = None
) -> Route:
    file = directory / "config"
    file.write_text(text)
    return route_to(Address(host, user, port, ""), config_file=file)


def test_the_hosts_that_are_named_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host db1\nHost web1\n")
    (tmp_path / "broken").write_text('Host "db2\nHost db3\n???\nHost db4\n')
    file = tmp_path / "config"
    file.write_text(
        "Host web1 web2 *.example.com !web9\n  Port 1\n"
        f"Include {tmp_path}/more {tmp_path}/broken {tmp_path}\n"
        "Match host x\nHost *\nhost last -x ::1\n"
    )
    assert hosts(file) == ("web1", "web2", "db1", "db3", "last")
    assert hosts(tmp_path / "none") == ()


def test_an_include_of_itself_ends(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(f"Host web1\nInclude {file}\n")
    assert hosts(file) == ("web1",)
    with pytest.raises(HostError, match="without end"):
        route_to(Address("web1", None, None, ""), config_file=file)


def test_what_the_person_wrote_comes_first(tmp_path: Path) -> None:
    found = route(tmp_path, "User ann\nPort 2222\nIdentityFile /keys/%r-%p\n", user="jo", port=2200)
    assert (found.user, found.port, found.identities) == ("jo", 2200, (Path("/keys/jo-2200"),))
    assert found.key_name == "[web1]:2200"
    assert found.name == "jo@web1:2200"
    assert route(tmp_path, "Port 22\n").key_name == "web1"


def test_tokens_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS", "/vault")
    monkeypatch.setenv("HOME", "/home/jo")
    found = route(
        tmp_path, "IdentityFile ${KEYS}/%n-100%%\nIdentityFile ~/.ssh/%h\nIdentityAgent $KEYS\nUser jo\n"
    )
    assert found.identities == (Path("/vault/web1-100%"), Path("/home/jo/.ssh/web1"))
    assert found.agent == "/vault"
    for text in ("IdentityFile /keys/%Q", "IdentityFile ${NO_SUCH_VARIABLE}/x", "ProxyCommand nc %Z"):
        with pytest.raises(HostError) as caught:
            route(tmp_path, f"\n{text}\n")
        assert caught.value.where == f"{tmp_path}/config:2"


def test_agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    assert route(tmp_path, "").agent == "/run/agent"
    assert route(tmp_path, "IdentityAgent SSH_AUTH_SOCK\n").agent == "/run/agent"
    assert route(tmp_path, "IdentityAgent none\n").agent is None
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert route(tmp_path, "").agent is None


def test_ways_to_log_in(tmp_path: Path) -> None:
    assert route(tmp_path, "").methods == METHODS
    assert route(tmp_path, "PasswordAuthentication no\nChallengeResponseAuthentication no\n").methods == (
        "publickey",
    )
    assert route(tmp_path, "PreferredAuthentications gssapi-with-mic,password,publickey\n").methods == (
        "password",
        "publickey",
    )


def test_a_chain_of_jump_hosts(tmp_path: Path) -> None:
    text = (
        "Host web1\n  ProxyJump ann@first:2201,[::1]:2202\n"
        "Host first\n  HostName 10.0.0.1\n  ProxyJump zero\n"
        "Host last\n ProxyJump last\n"
    )
    found = route(tmp_path, text)
    names: list[str] = []
    hop: Route | None = found
    while hop is not None:
        names.append(f"{hop.user}@{hop.host}:{hop.port}" if hop.user == "ann" else f"{hop.host}:{hop.port}")
        hop = hop.jump
    assert names == ["web1:22", "::1:2202", "ann@10.0.0.1:2201", "zero:22"]
    assert place(found) == "web1 port 22 through [::1]:2202"
    with pytest.raises(HostError, match="itself"):
        route(tmp_path, text, "last")
    with pytest.raises(HostError, match="without end"):
        route(tmp_path, "Host a\n ProxyJump b\nHost b\n ProxyJump a\n", "a")
    with pytest.raises(HostError, match="no host to jump through"):
        route(tmp_path, "ProxyJump -oProxyCommand=x\n")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("Port x\n", 1, "port"),
        ("\n\nHost web1\nHostNmae web\n", 4, "is HostName meant"),
        ("Match host web1 nonsense y\n", 1, "nonsense"),
        ("Host *\n  IdentitiesOnly maybe\n", 2, "maybe"),
        ("ConnectTimeout soon\n", 1, "no time"),
        ('User "jo\n', 1, "quote"),
        ("Host *\n  \x1b[31mPort 1\n", 2, "no keyword"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    with pytest.raises(HostError, match=why) as caught:
        route(tmp_path, text)
    assert caught.value.where == f"{tmp_path}/config:{line}"
    assert str(caught.value).replace("\n", "").isprintable()


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be read"):
        route_to(Address("web1", None, None, ""), config_file=tmp_path)


def test_known_hosts_that_are_given_count_for_jump_hosts_too(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("Host web1\n  ProxyJump hop\nUserKnownHostsFile none\n")
    found = route_to(Address("web1", None, None, ""), config_file=file, known_hosts=(tmp_path / "known",))
    assert found.jump is not None
    assert found.known_hosts == found.jump.known_hosts == (tmp_path / "known",)
    assert found.system_known_hosts == ()


KEYWORDS = """
    AddKeysToAgent BatchMode BindInterface CanonicalDomains CASignatureAlgorithms CheckHostIP Ciphers ClearAllForwardings
    Compression ConnectionAttempts ControlMaster ControlPath ControlPersist DynamicForward EnableSSHKeysign EscapeChar
    ExitOnForwardFailure FingerprintHash ForkAfterAuthentication ForwardAgent ForwardX11 GatewayPorts GSSAPIAuthentication
    HostbasedAcceptedAlgorithms HostbasedAuthentication HostbasedKeyTypes IgnoreUnknown IPQoS KbdInteractiveDevices
    KexAlgorithms KnownHostsCommand LocalCommand LocalForward LogLevel MACs NoHostAuthenticationForLocalhost
    NumberOfPasswordPrompts ObscureKeystrokeTiming PKCS11Provider PermitLocalCommand PermitRemoteOpen
    PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes ProxyUseFdpass RekeyLimit RemoteCommand RemoteForward RequestTTY
    RequiredRSASize RevokedHostKeys SecurityKeyProvider SendEnv ServerAliveInterval ServerAliveCountMax SessionType SetEnv
    StdinNull StreamLocalBindMask StreamLocalBindUnlink SyslogFacility Tag TCPKeepAlive Tunnel TunnelDevice UpdateHostKeys
    UseKeychain UseRoaming VerifyHostKeyDNS VersionAddendum VisualHostKey WarnWeakCrypto XAuthLocation
"""


def test_keywords_of_openssh_that_dfwizard_does_not_know_are_passed_over(tmp_path: Path) -> None:
    assert route(tmp_path, "".join(f"{keyword} x\n" for keyword in KEYWORDS.split())).port == 22
