"""Instances behind SSH: each with a server and a link of its own, and somebody who calls with keys and nothing of the labs'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cuts.shims import Shims, put_shims
from tests.lab.lab import Lab
from tests.lab.link import Link, linked
from tests.lab.processes import servers_in
from tests.lab.sshd import Sshd, running_sshd, ssh_config

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Server:
    """One instance's machine: how it is named in the caller's ssh_config, and all there is to it."""

    name: str
    lab: Lab
    shims: Shims
    sshd: Sshd
    link: Link

    @property
    def host(self) -> str:
        """How dfwizard is told of it."""
        return f"root@{self.name}"

    @property
    def place(self) -> str:
        """The instance, as it is named on the command line."""
        return f"{self.host}:{self.lab.instance}"

    def strays(self) -> tuple[str, ...]:
        """Processes that came in over this server and are still there, other than its services."""
        servers = {server.pid for server in servers_in(self.lab.directory)}
        return tuple(
            f"{pid}: {title}"
            for pid, environment, title in _processes()
            if pid not in servers and _came_by(environment, self.sshd.port)
        )

    def jobs(self, run: str) -> tuple[str, ...]:
        """Durable commands of this run, or about this instance, that are still kept."""
        return tuple(
            str(job)
            for job in Path("/var/lib/dfwizard/jobs").glob("*")
            if _has(job / "mark", run) or _has(job / "run", str(self.lab.directory))
        )


@contextmanager
def reached(*labs: Lab) -> Iterator[tuple[Path, tuple[Server, ...]]]:
    """Put labs behind SSH; gives the caller's home directory as well, where each of them has a name."""
    home = labs[0].directory / "caller"
    (home / ".ssh").mkdir(mode=0o700, parents=True)
    with ExitStack() as stack:
        servers = tuple(_reached(stack, lab, number) for number, lab in enumerate(labs, 1))
        (home / ".ssh/config").write_text(_config(servers))
        yield home, servers


def _reached(stack: ExitStack, lab: Lab, number: int) -> Server:
    path = f"{lab.bin}:{_PATH}"
    shims = put_shims(lab.directory / "shims", path)
    options = f"SetEnv PATH={shims.bin}:{path}\n"
    sshd = stack.enter_context(running_sshd(lab.directory / "sshd", options=options))
    link = stack.enter_context(linked(sshd.port))
    sshd.trust(link.port)
    return Server(f"lab{number if number > 1 else ''}", lab, shims, sshd, link)


def _config(servers: Sequence[Server]) -> str:
    text = ssh_config(*(server.sshd for server in servers))
    for server in servers:
        text = text.replace(f"Port {server.sshd.port}\n", f"Port {server.link.port}\n")
    return text


def _processes() -> Iterator[tuple[int, bytes, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
                title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it has ended
            yield int(entry.name), environment, title.strip()


def _came_by(environment: bytes, port: int) -> bool:
    return any(
        entry.startswith(b"SSH_CONNECTION=") and entry.endswith(b" %d" % port)
        for entry in environment.split(b"\0")
    )


def _has(path: Path, text: str) -> bool:
    try:
        return text in path.read_text(errors="replace")
    except OSError:
        return False
