"""A private OpenSSH server on a loopback port: its host keys, users' keys, known_hosts and ssh_config lie in the lab's own directory.

It is Debian's sshd with PAM, so password and keyboard-interactive logins are the real ones (accounts: `tests.lab.accounts`).
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dfwizard.hosts.address import Address
from tests.lab.databases import on_free_port
from tests.lab.processes import clean_environment, collect_ended, start_server

KeyKind = Literal["ed25519", "rsa", "ecdsa"]

_SSHD = "/usr/sbin/sshd"
_CONFIG = """Port {port}
ListenAddress 127.0.0.1
PidFile {directory}/sshd.pid
HostKey {directory}/host/ed25519
HostKey {directory}/host/rsa
HostKey {directory}/host/ecdsa
AuthorizedKeysFile {directory}/authorized_keys
# The directories above are world-writable like /tmp.
StrictModes no
PermitRootLogin yes
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
MaxStartups 200
UseDNS no
PrintMotd no
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""
_PAM = """auth required pam_unix.so
{second}account required pam_unix.so
session required pam_unix.so
"""
_OTP = "auth required pam_google_authenticator.so secret={directory}/otp user=root allowed_perm=0600 no_increment_hotp\n"
OTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEH"
"""The base32 secret of servers that ask for a one-time code as well."""


@dataclass(frozen=True)
class Sshd:
    """One server. `options` are further lines of sshd_config, `otp` adds a one-time code to every password."""

    directory: Path
    port: int
    options: str = ""
    otp: bool = False
    owner: int = field(default_factory=os.getpid)
    """The process that made it: when that is gone, what it left in /etc/pam.d is removed by the next."""

    @property
    def known_hosts(self) -> Path:
        """Holds this server's keys, for its own port and for those of `address(port=...)`."""
        return self.directory / "known_hosts"

    @property
    def config_file(self) -> Path:
        """An ssh_config with the host `lab`, root's key and these known_hosts for every host."""
        return self.directory / "ssh_config"

    @property
    def log(self) -> Path:
        """What sshd says, LogLevel VERBOSE."""
        return self.directory / "sshd.log"

    def address(self, user: str = "root", path: str = "", *, port: int | None = None) -> Address:
        """Where it is; with `port`, behind a link on that port, which known_hosts then knows too."""
        if port is not None:
            self.trust(port)
        return Address("127.0.0.1", user, port or self.port, path)

    def trust(self, port: int) -> None:
        """Write this server's keys to known_hosts for another port of 127.0.0.1."""
        with self.known_hosts.open("a") as file:
            file.writelines(
                f"[127.0.0.1]:{port} {self.host_key(kind)}\n" for kind in ("ed25519", "rsa", "ecdsa")
            )

    def host_key(self, kind: KeyKind) -> str:
        """The public host key: type and base64."""
        return " ".join((self.directory / "host" / f"{kind}.pub").read_text().split()[:2])

    def new_host_keys(self) -> None:
        """Give it other host keys, as a reinstalled server has; they count from the next `restart`."""
        shutil.rmtree(self.directory / "host")
        _make_host_keys(self.directory)

    def key(self, kind: KeyKind = "ed25519", *, passphrase: str = "") -> Path:
        """A private key that every account is let in with; made on first use, one for each passphrase."""
        path = self.directory / "keys" / (f"{kind}-{len(passphrase)}" if passphrase else kind)
        if not path.exists():
            _make_key(path, kind, passphrase)
            with (self.directory / "authorized_keys").open("a") as file:
                file.write(path.with_name(f"{path.name}.pub").read_text())
        return path

    def start(self) -> None:
        """Start it and wait until it listens."""
        pid_file = self.directory / "sshd.pid"
        pid_file.unlink(missing_ok=True)
        start_server(
            (str(self.directory / self._service), "-D", "-e", "-f", str(self.directory / "sshd_config")),
            cwd=self.directory,
            log=self.log,
            # sshd writes it once it listens.
            ready=lambda: pid_file.exists() and pid_file.read_text().endswith("\n"),
        )

    def stop(self) -> None:
        """End it and all its sessions; what was started in them goes on as it can."""
        listener = self._listener()
        if listener is not None:
            _kill((listener,), signal.SIGSTOP)  # no new session while the old ones end
            self.kill_sessions()
            _kill((listener,), signal.SIGKILL)
            collect_ended()

    def restart(self) -> None:
        """Stop it and start it again on the same port, with the keys that lie there now."""
        self.stop()
        self.start()

    def kill_sessions(self) -> int:
        """Kill the processes of every connection, as a crash or the OOM killer does; give how many connections there were."""
        sessions = self.sessions()
        for session in sessions:
            _kill((session, *(pid for pid in _children(session) if _is_sshd(pid))), signal.SIGKILL)
        return len(sessions)

    def sessions(self) -> tuple[int, ...]:
        """The pids of the processes that serve a connection each."""
        listener = self._listener()
        return () if listener is None else tuple(pid for pid in _children(listener) if _is_sshd(pid))

    def remove(self) -> None:
        """Stop it, and take its PAM service away."""
        self.stop()
        Path("/etc/pam.d", self._service).unlink(missing_ok=True)

    def configure(self) -> None:
        """Write everything that it needs before `start`."""
        if not (self.directory / "host").exists():
            _make_host_keys(self.directory)
        (self.directory / "sshd_config").write_text(
            self.options + _CONFIG.format(directory=self.directory, port=self.port)
        )
        # sshd asks PAM for the service with the name of its own program.
        program = self.directory / self._service
        program.unlink(missing_ok=True)
        program.symlink_to(_SSHD)
        second = _OTP.format(directory=self.directory) if self.otp else ""
        Path("/etc/pam.d", self._service).write_text(_PAM.format(second=second))
        if self.otp:
            secret = self.directory / "otp"
            secret.write_text(f'{OTP_SECRET}\n" TOTP_AUTH\n')
            secret.chmod(0o600)
        self.known_hosts.write_text("")
        self.trust(self.port)
        self.config_file.write_text(ssh_config(self))

    @property
    def _service(self) -> str:
        return f"dfwizard-lab-{self.owner}-{self.port}"

    def _listener(self) -> int | None:
        with suppress(OSError, ValueError):
            pid = int((self.directory / "sshd.pid").read_text())
            if _is_sshd(pid):
                return pid
        return None


def start_sshd(directory: Path, *, options: str = "", otp: bool = False) -> Sshd:
    """Configure and start a server in `directory` (made where it is missing). End it with `remove`."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    _sweep()

    def begin(port: int) -> None:
        server = Sshd(directory, port, options, otp)
        server.configure()
        try:
            server.start()
        except BaseException:
            server.remove()
            raise

    port = on_free_port(begin)
    server = Sshd(directory, port, options, otp)
    server.key()
    return server


@contextmanager
def running_sshd(directory: Path, *, options: str = "", otp: bool = False) -> Iterator[Sshd]:
    """Start a server that is removed at the end."""
    server = start_sshd(directory, options=options, otp=otp)
    try:
        yield server
    finally:
        server.remove()


def ssh_config(*servers: Sshd) -> str:
    """Give the text of an ssh_config for these servers: hosts `lab`, `lab2`, ...; every key and known_hosts of theirs for all."""
    lines: list[str] = []
    for number, server in enumerate(servers, 1):
        lines += [
            f"Host lab{number if number > 1 else ''}",
            "    HostName 127.0.0.1",
            f"    Port {server.port}",
            "    User root",
        ]
    lines += ["Host *"]
    lines += [f"    IdentityFile {server.directory}/keys/ed25519" for server in servers]
    lines += [
        f"    UserKnownHostsFile {' '.join(str(server.known_hosts) for server in servers)}",
        "    GlobalKnownHostsFile /dev/null",
        "    IdentityAgent none",
    ]
    return "".join(f"{line}\n" for line in lines)


def _sweep() -> None:
    """Remove the PAM services of processes that are gone."""
    for service in Path("/etc/pam.d").glob("dfwizard-lab-*-*"):
        owner = service.name.split("-")[2]
        if not Path("/proc", owner).exists():
            service.unlink(missing_ok=True)


def _make_host_keys(directory: Path) -> None:
    for kind in ("ed25519", "rsa", "ecdsa"):
        _make_key(directory / "host" / kind, kind)


def _make_key(path: Path, kind: str, passphrase: str = "") -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    bits = ("-b", "2048") if kind == "rsa" else ()  # more takes longer to make
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-C", f"lab {kind}", "-f", str(path)],
        check=True,
        env=clean_environment(path.parent),
    )


def _children(pid: int) -> tuple[int, ...]:
    with suppress(OSError):
        return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return ()


def _is_sshd(pid: int) -> bool:
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(" (deleted)") == _SSHD
    return False


def _kill(pids: tuple[int, ...], number: int) -> None:
    """Signal sshd processes, and wait for their end where the signal ends them."""
    for pid in pids:
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                if _is_sshd(pid):
                    signal.pidfd_send_signal(handle, number)
                    if number != signal.SIGSTOP:
                        select.select([handle], [], [], 10)
            finally:
                os.close(handle)
