"""Transfers over SSH against `scp` over the same link: one large file each way, and many small ones; sources and targets compared.

A small cut by default; `python -m tests.bench --full transfer` takes the real sizes (or DFWIZARD_BENCH_SIZE bytes and DFWIZARD_BENCH_FILES
files). The way is a proxy in user space, at the given round trip time for both sides alike; without one for loopback. What dfwizard
does between the first byte and the last counts, digests at both ends included; its connection stands before, as in a run.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dfwizard.hosts.local import LocalHost
from dfwizard.hosts.prompts import Headless
from dfwizard.hosts.ssh import Connection, SshHost
from dfwizard.hosts.transfer import copy_file, copy_tree
from tests.bench.measure import Measurement, Target, seconds_of, table
from tests.lab.accounts import made_accounts
from tests.lab.link import linked
from tests.lab.sshd import Sshd, running_sshd

FULL_SIZE = 500_000_000
FULL_FILES = 3_000
_SIZE = 64_000_000
_FILES = 3_000
_SMALL = 4096
_MEMORY = Path("/dev/shm")

LOCAL = LocalHost()


def _faster(times: float) -> Target:
    return Target(lambda ours, theirs: theirs / ours, times, "times as fast", at_least=True)


TARGETS = {0.0: _faster(0.9), 0.02: _faster(0.9), 0.08: _faster(2)}
"""What is asked of a large file, by round trip time in seconds."""
MANY = _faster(5)


def compare(_: Path) -> tuple[Measurement, ...]:
    """Measure everything; a cut takes only the nearest and the farthest way."""
    # In memory, so that no disk is measured: ours waits for the disk (fsync), scp does not. The other side's account can enter it.
    directory = Path(tempfile.mkdtemp(prefix="dfwizard-bench-", dir=_MEMORY if _MEMORY.is_dir() else None))
    directory.chmod(0o755)
    try:
        with made_accounts(directory / "homes") as accounts:
            return _compared(directory, accounts.plain)
    finally:
        shutil.rmtree(directory)


def _compared(directory: Path, login: str) -> tuple[Measurement, ...]:
    size = int(os.environ.get("DFWIZARD_BENCH_SIZE", str(_SIZE)))
    files = int(os.environ.get("DFWIZARD_BENCH_FILES", str(_FILES)))
    full = size >= FULL_SIZE
    rounds = 3 if full else 1
    large, many, place = directory / "large", directory / "many", directory / "place"
    place.mkdir()
    place.chmod(0o777)
    _make_large(large, size)
    _make_many(many, files)
    found: list[Measurement] = []
    with running_sshd(directory / "sshd") as server:
        for rtt in TARGETS if full else (0.0, 0.08):
            with _way(server, login, rtt) as (host, scp):
                # What is far away takes long: a cut takes less of it.
                if not full and rtt:
                    os.truncate(large, size // 2)
                found += _large(place, large, host, scp, rtt, rounds)
                if full or not rtt:
                    found.append(_many(place, many, host, scp, rtt, rounds if not rtt else 1))
    return tuple(found)


Scp = Callable[..., object]
"""Runs scp with these arguments; `lab:` is the server."""


@contextmanager
def _way(server: Sshd, login: str, rtt: float) -> Iterator[tuple[SshHost, Scp]]:
    with linked(server.port, rtt=rtt) as link:
        port = link.port if rtt else server.port
        connection = Connection(server.address(login, port=port), Headless(), config_file=server.config_file)
        host = SshHost(connection)

        def scp(*arguments: str) -> object:
            config = ("-F", str(server.config_file), "-P", str(port), "-o", f"User={login}")
            return subprocess.run(["scp", "-q", *config, *arguments], check=True)

        try:
            with host.reading("/etc/hostname") as stream:  # both transports are there now
                stream.read(1)
            assert host.user == login
            yield host, scp
        finally:
            host.close()
            connection.close()


def _large(
    directory: Path, large: Path, host: SshHost, scp: Scp, rtt: float, rounds: int
) -> Iterator[Measurement]:
    target = directory / "target"

    def timed(work: Callable[[], object]) -> float:
        seconds = seconds_of(work)
        subprocess.run(["cmp", str(large), str(target)], check=True)
        target.unlink()
        return seconds

    ways: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "out": (
            lambda: copy_file(LOCAL, str(large), host, str(target)),
            lambda: scp(str(large), f"lab:{target}"),
        ),
        "in": (
            lambda: copy_file(host, str(large), LOCAL, str(target)),
            lambda: scp(f"lab:{large}", str(target)),
        ),
    }
    for way, (ours, theirs) in ways.items():
        taken = [(timed(ours), timed(theirs)) for _ in range(rounds)]
        name = f"{large.stat().st_size / 1e6:.0f} MB {way}, {_distance(rtt)}"
        yield _measurement(name, "scp", taken, TARGETS[rtt])


def _many(directory: Path, many: Path, host: SshHost, scp: Scp, rtt: float, rounds: int) -> Measurement:
    numbers = itertools.count()

    def timed(work: Callable[[str], object]) -> float:
        target = directory / f"copy{next(numbers)}"
        seconds = seconds_of(lambda: work(str(target)))
        subprocess.run(["diff", "-r", str(many), str(target)], check=True)
        shutil.rmtree(target)
        return seconds

    taken = [
        (
            timed(lambda target: copy_tree(LOCAL, str(many), host, target)),
            timed(lambda target: scp("-r", str(many), f"lab:{target}")),
        )
        for _ in range(rounds)
    ]
    name = f"{sum(1 for _ in many.iterdir())} files out, {_distance(rtt)}"
    return _measurement(name, "scp -r", taken, MANY)


def _measurement(name: str, baseline: str, taken: list[tuple[float, float]], target: Target) -> Measurement:
    ours, theirs = zip(*taken, strict=True)
    return Measurement(f"transfer, {name}", baseline, ours, theirs, target)


def _distance(rtt: float) -> str:
    return f"{rtt * 1000:.0f} ms" if rtt else "loopback"


def _make_large(path: Path, size: int) -> None:
    chance = random.Random(size)
    with path.open("wb") as file:
        for at in range(0, size, 1 << 20):
            file.write(chance.randbytes(min(1 << 20, size - at)))


def _make_many(directory: Path, count: int) -> None:
    chance = random.Random(count)
    directory.mkdir()
    for number in range(count):
        (directory / f"file{number:04}").write_bytes(chance.randbytes(_SMALL))


@pytest.mark.bench
@pytest.mark.lab
def test_transfer(tmp_path: Path) -> None:
    print("\n" + table(compare(tmp_path)))
