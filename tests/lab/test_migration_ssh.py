"""A migration between two servers that are both reached over SSH: verified at the end, also when the links break on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from dfwizard.execution.attach import EventSeen, follow
from tests.lab.driving import ACCEPT_PHP, Cli
from tests.lab.fixtures import StartLab
from tests.lab.migrating import Pair, start_pair
from tests.lab.sshd import Sshd, running_sshd, ssh_config
from tests.lab.test_hostile import leftovers
from tests.lab.test_interruption import processes_of
from tests.lab.test_migration import NO_ADDRESS, begun_after, described, is_taken_over

pytestmark = pytest.mark.lab

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Caller(Cli):
    """dfwizard on a third machine: it has a home with keys, and nothing of the labs."""

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.home), "DFWIZARD_STATE_DIR": str(self.state)}


@dataclass(frozen=True)
class FarPair(Pair):
    """Both instances on servers of their own."""

    servers: tuple[Sshd, Sshd]

    @property
    def places(self) -> tuple[str, ...]:
        return ("--from", f"root@lab:{self.source.instance}", "--to", f"root@lab2:{self.target.instance}")


@pytest.fixture
def far_pair(start_lab: StartLab, tmp_path: Path) -> Iterator[FarPair]:
    near = start_pair(start_lab, "sqlite", tmp_path / "state")
    home = near.source.directory / "caller"
    (home / ".ssh").mkdir(mode=0o700, parents=True)
    with ExitStack() as stack:
        servers = tuple(
            stack.enter_context(
                running_sshd(lab.directory / "sshd", options=f"SetEnv PATH={lab.bin}:{SYSTEM_PATH}\n")
            )
            for lab in (near.source, near.target)
        )
        (home / ".ssh/config").write_text(ssh_config(*servers))
        caller = Caller(near.target, near.cli.state, "root@lab2", home)
        yield FarPair(near.source, near.target, caller, (servers[0], servers[1]))


def test_a_migration_survives_broken_links_and_is_taken_back_identically(far_pair: FarPair) -> None:
    pair = far_pair
    source, target = described(pair.source), described(pair.target)
    broken = []
    with pair.cli.start("migrate", *pair.places, "--yes", *ACCEPT_PHP) as client:
        run = begun_after(pair)
        for update in follow(run, seq=0):
            if isinstance(update, EventSeen) and update.record.event.KIND == "step-started":
                step = update.state.current
                if step in ("source-backup", "transfer", "import", "migrate-7.1.0"):
                    broken.append((step, sum(server.kill_sessions() for server in pair.servers)))
        said = client.communicate(timeout=120)[0].decode()
    assert client.returncode == NO_ADDRESS, said
    assert [step for step, _ in broken] == ["source-backup", "transfer", "import", "migrate-7.1.0"]
    assert all(count for _, count in broken)
    is_taken_over(pair)
    assert described(pair.source) == source
    assert run.plan().carried != run.plan().source_backup
    phase = run.state().phases[0]
    assert {step.id: step.attempts for step in phase.steps if step.attempts > 1} == {}
    pair.cli.run("rollback", "latest", "--yes").expect(0)
    assert described(pair.target) == target
    assert not processes_of(run)
    assert not leftovers(pair.source.directory, pair.target.directory)
