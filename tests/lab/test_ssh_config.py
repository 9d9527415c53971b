"""Our reading of ssh_config against OpenSSH's own (`ssh -G`): what we find is what ssh would do."""

from __future__ import annotations

import getpass
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dfwizard.errors import HostError
from dfwizard.hosts.address import Address
from dfwizard.hosts.ssh.route import route_to

pytestmark = pytest.mark.lab

BASIC = """
# comment
Host web1
    HostName %h.example.com
    Port 2222
    User=jo
    IdentityFile ~/.ssh/web
    IdentityFile "/keys/my key"
Host db* !db9
    HostName 10.0.0.7   # a comment at the end
    ConnectTimeout 7
    ProxyJump jo@bastion:2200,[::1]:22
Host *
    User nobody
    Port 22
    IdentityFile /keys/%r@%h:%p
    UserKnownHostsFile /a/known "/b/known hosts"
    IdentitiesOnly yes
    HostKeyAlias Farm
    StrictHostKeyChecking accept-new
"""
MATCHES = f"""
Match host *.example.com user jo
    Port 2001
Match originalhost web1,web2 !user jo
    Port 2002
    HostName web.example.com
Match exec "test %n = web3"
    Port 2003
Match localuser {getpass.getuser()} !exec "true"
    Port 2004
Match final host web.example.com
    ConnectTimeout 3
Match all
    ProxyCommand nc -x "a b" %h %p
    ProxyJump never
"""


def openssh(file: Path, host: str, user: str | None) -> dict[str, list[str]]:
    """What ssh itself makes of it."""
    login = ("-l", user) if user else ()
    done = subprocess.run(
        ["ssh", "-G", "-F", str(file), *login, host], capture_output=True, text=True, check=True, timeout=30
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found


def agrees(file: Path, host: str, user: str | None = None) -> None:
    theirs = openssh(file, host, user)
    ours = route_to(Address(host, user, None, ""), config_file=file)
    assert ours.host == theirs["hostname"][0]
    alias = theirs.get("hostkeyalias", ["none"])[0]
    if alias != "none":
        assert ours.key_name == expanded(alias, theirs)
    assert str(ours.port) == theirs["port"][0]
    assert ours.user == theirs["user"][0]
    # `ssh -G` shows files as they are written, and the default ones where there are none.
    written = [Path(expanded(name, theirs)) for name in theirs["identityfile"]]
    assert [path for path in ours.identities if ours.named] == [path for path in written if ours.named]
    assert " ".join(map(str, ours.known_hosts)) == expanded(theirs["userknownhostsfile"][0], theirs)
    assert (ours.timeout or "none") == (
        float(value) if (value := theirs["connecttimeout"][0]) != "none" else value
    )
    assert ours.only == (theirs["identitiesonly"][0] == "yes")
    assert theirs["stricthostkeychecking"][0] in {"ask": ("ask",), "yes": ("true",)}.get(
        ours.strict, ("accept-new", "false")
    )
    proxy = theirs.get("proxycommand", ["none"])[0]
    assert (ours.command or "none") == expanded(proxy, theirs)
    hops: list[str] = []
    hop = ours.jump
    while hop is not None:
        hops.insert(0, hop.name.removeprefix("ssh://"))
        hop = hop.jump
    assert ",".join(hops) == theirs.get("proxyjump", [""])[0]


def expanded(text: str, theirs: dict[str, list[str]]) -> str:
    values = {
        "%h": theirs["hostname"][0],
        "%p": theirs["port"][0],
        "%r": theirs["user"][0],
        "~": str(Path.home()),
    }
    for token, value in values.items():
        text = text.replace(token, value)
    return text


@pytest.mark.parametrize("host", ["web1", "db1", "db9", "other", "WEB1"])
@pytest.mark.parametrize("user", [None, "root"])
def test_hosts_and_patterns(tmp_path: Path, host: str, user: str | None) -> None:
    file = tmp_path / "config"
    file.write_text(BASIC)
    agrees(file, host, user)


@pytest.mark.parametrize("host", ["web1", "web2", "web3", "a.example.com"])
@pytest.mark.parametrize("user", [None, "jo"])
def test_match(tmp_path: Path, host: str, user: str | None) -> None:
    file = tmp_path / "config"
    file.write_text(MATCHES)
    agrees(file, host, user)


def test_include(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "1").write_text("Port 2201\nHost web2\n    Port 2202\n    User included\n")
    (tmp_path / "conf.d" / "2").write_text(f"Include {tmp_path}/deeper\nIdentityFile /keys/second\n")
    (tmp_path / "deeper").write_text("Host web1 web2\nIdentityFile /keys/deeper\n")
    file = tmp_path / "config"
    file.write_text(
        f"Host web1 web3\n    Include {tmp_path}/conf.d/* {tmp_path}/none/*\n    ConnectTimeout 9\nHost *\n    User last\n"
    )
    for host in ("web1", "web2", "web3"):
        agrees(file, host)


_keywords = st.sampled_from(
    [
        "HostName 10.0.0.1",
        "HostName %h.LAN",
        "Port 2001",
        "Port = 2002",
        'User "jo"',
        "User ann",
        "ConnectTimeout 5",
        "IdentitiesOnly yes",
        "IdentityFile /keys/one",
        "IdentityFile /keys/two",
        "ProxyJump hop1",
        "ProxyJump none",
        "ProxyCommand nc %h %p",
        "ProxyCommand none",
        "UserKnownHostsFile /a /b",
        "\tUSER\tupper # comment",
        "# nothing",
        "",
        "ServerAliveInterval 5",
    ]
)
_names = st.sampled_from(["web1", "web2", "web*", "*", "!web1", "web?", "*.lan", "10.0.0.1"])
_blocks = st.one_of(
    st.lists(_names, min_size=1, max_size=3).map(lambda names: f"Host {' '.join(names)}"),
    _names.map(lambda name: f"Match host {name}"),
    _names.map(lambda name: f"Match originalhost {name}"),
    _names.map(lambda name: f"Match !host {name} user jo"),
    st.just("Match user ann"),
    st.just("Match all"),
)
_files = st.lists(st.tuples(_blocks, st.lists(_keywords, max_size=4)), max_size=5)


@given(
    start=st.lists(_keywords, max_size=2), blocks=_files, host=st.sampled_from(["web1", "web2", "10.0.0.1"])
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_file(start: list[str], blocks: list[tuple[str, list[str]]], host: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "config"
        # A jump host that is reached through itself is refused by both, but not by `ssh -G`.
        before = ("Host hop1", "  ProxyJump none", "Host *")
        lines = [
            *before,
            *start,
            *(line for head, body in blocks for line in (head, *(f"  {text}" for text in body))),
        ]
        file.write_text("\n".join(lines) + "\n")
        agrees(file, host)


@pytest.mark.parametrize(
    "line",
    [
        "Port x",
        "Port 0",
        "Port 70000",
        "HostName",
        "Match",
        "Match host",
        "Match nonsense x",
        'User "jo',
        "HostNmae web",
        "???",
    ],
)
def test_what_ssh_refuses_we_refuse_with_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "config"
    file.write_text(f"# first\n{line}\n")
    done = subprocess.run(["ssh", "-G", "-F", str(file), "web1"], capture_output=True, text=True, check=False)
    assert done.returncode == 255
    assert "line 2" in done.stderr
    with pytest.raises(HostError) as caught:
        route_to(Address("web1", None, None, ""), config_file=file)
    assert caught.value.where == f"{file}:2"
