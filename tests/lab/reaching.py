"""An instance of the lab behind SSH: this machine's own sshd, and somebody who calls with keys and nothing of the lab's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.accounts import Accounts
from tests.lab.driving import Cli
from tests.lab.lab import Lab
from tests.lab.link import Link, linked
from tests.lab.sshd import Sshd, running_sshd, ssh_config

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Far:
    """A lab that is reached over SSH: the command line of whoever calls, the server, and the link to it."""

    lab: Lab
    cli: Cli
    sshd: Sshd
    link: Link


@contextmanager
def far(lab: Lab, state: Path, *, accounts: Accounts | None = None, user: str = "root") -> Iterator[Far]:
    """Put `lab` behind SSH, for a login of `user` (one of the `accounts`, else root), over a link that can be slow or cut."""
    path = f"{lab.bin}:{SYSTEM_PATH}"
    if accounts is not None:
        # The lab's systemctl has to be found by what sudo starts, too.
        rules = Path("/etc/sudoers.d") / accounts.admin.rpartition("-")[0]
        with rules.open("a") as file:
            file.writelines(f'Defaults:{name} secure_path="{path}"\n' for name in accounts.names)
    with (
        running_sshd(lab.directory / "sshd", options=f"SetEnv PATH={path}\n") as sshd,
        linked(sshd.port) as link,
    ):
        home = lab.directory / "caller"
        (home / ".ssh").mkdir(mode=0o700, parents=True)
        sshd.trust(link.port)
        text = ssh_config(sshd).replace(f"Port {sshd.port}", f"Port {link.port}")
        (home / ".ssh/config").write_text(text, encoding="utf-8")
        yield Far(lab, Cli(lab, state, f"{user}@lab", home), sshd, link)
