"""How long an inspection over SSH takes at 80 ms round trip time, connecting included, against one on the server itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from dfwizard.hosts.base import Host
from dfwizard.hosts.local import LocalHost
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import Connection, SshHost
from dfwizard.instance.inspect import inspect
from dfwizard.rules import load
from tests.bench.measure import Measurement, Target, interleaved, seconds_of, table
from tests.lab.fixtures import started_labs
from tests.lab.link import linked
from tests.lab.sshd import running_sshd

REPEATS = 5
RTT = 0.08
TARGET = Target(lambda ours, _theirs: ours, 3, "s")


def compare(_directory: Path) -> Measurement:
    """Measure on a lab with SQLite behind nginx."""
    rules = load(None)
    with ExitStack() as stack:
        lab = stack.enter_context(started_labs())("sqlite", "6.3.0", web=True)
        path = f"{lab.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        # SHLVL: bash then leaves out the .bashrc of whoever runs this, which may take longer than all the questions.
        options = f"SetEnv PATH={path} SHLVL=1\n"
        sshd = stack.enter_context(running_sshd(lab.directory / "sshd", options=options))
        link = stack.enter_context(linked(sshd.port, rtt=RTT))
        address = sshd.address(port=link.port)

        def look(host: Host) -> None:
            facts = inspect(host, str(lab.instance), rules)
            assert facts.version.release == "6.3.0"
            assert facts.web.server == "nginx"
            assert facts.database is not None
            assert facts.database.reachable

        def far() -> None:
            connection = Connection(address, Headless(), config_file=sshd.config_file)
            host = SshHost(connection)
            try:
                look(host)
            finally:
                host.close()
                connection.close()

        works: tuple[Callable[[], object], ...] = (far, lambda: look(LocalHost()))
        ours, theirs = interleaved(*(lambda work=work: seconds_of(work) for work in works), repeats=REPEATS)
    return Measurement("inspect at 80 ms", "inspect on the server", ours, theirs, TARGET)


@pytest.mark.bench
@pytest.mark.lab
def test_inspect_ssh(tmp_path: Path) -> None:
    print("\n" + table([compare(tmp_path)]))
