"""An upgrade over SSH whose connections are cut again and again: the short form of `python -m tests.cuts`."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dfwizard.hosts.procfs import MARK
from tests.cuts.cutting import Journey, travel
from tests.cuts.judging import is_interleaved, judge
from tests.cuts.kinds import Cut, Kind
from tests.cuts.report import Judged, complaints
from tests.cuts.roads import UPGRADE, Road, prepared
from tests.cuts.shims import put_shims
from tests.lab.fixtures import StartLab

Travelled = tuple[Road, Journey]

CUTS = (
    Cut(Kind.RESET),
    Cut(Kind.KILLED),
    Cut(Kind.IN_A_PACKET, count=700),
    Cut(Kind.SILENT, seconds=1.0),
    Cut(Kind.RESTARTED),
    Cut(Kind.REFUSED, seconds=1.0),
)


@pytest.fixture(scope="module")
def travelled(start_module_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Travelled]:
    state = tmp_path_factory.mktemp("cuts") / "state"
    with prepared(UPGRADE, start_module_lab, state) as road:
        yield road, travel(road, list(CUTS), random.Random(4), pause=0.8)


@pytest.mark.lab
def test_an_upgrade_under_cuts_does_everything_once_and_loses_nothing(travelled: Travelled) -> None:
    road, journey = travelled
    verdict = judge(road, journey)
    assert verdict.good, complaints([Judged(journey, verdict)])
    assert [one.cut for one in journey.made] == list(CUTS)
    assert all(one.recovered for one in journey.made)
    assert verdict.commands > 10
    assert verdict.compared > 1000


@pytest.mark.lab
def test_the_judge_sees_a_second_start_and_a_lost_byte(travelled: Travelled) -> None:
    road, journey = travelled
    (server,) = road.servers
    log = server.shims.log
    kept = log.read_text()
    composer = next(line for line in kept.splitlines(keepends=True) if " composer " in line)
    log.write_text(kept.replace(composer, 2 * composer))
    try:
        assert ("composer-7.1.0", 1) in judge(road, journey).doubles
    finally:
        log.write_text(kept)
    (name,) = next(
        step.outputs
        for phase in journey.run.state().phases
        for step in phase.steps
        if step.id == "composer-7.1.0"
    )
    output = journey.run.directory / name
    data = output.read_bytes()
    output.write_bytes(data[:100] + data[101:])
    try:
        assert judge(road, journey).lost == [("composer-7.1.0", 1)]
    finally:
        output.write_bytes(data)


@pytest.mark.parametrize(
    ("whole", "expected"),
    [(b"abcdef", True), (b"adbecf", True), (b"defabc", True), (b"abcde", False), (b"bacdef", False)],
)
def test_two_streams_in_one_file_are_known_by_their_order(whole: bytes, expected: bool) -> None:
    assert is_interleaved(whole, b"abc", b"def") is expected


def test_where_both_streams_say_the_same_every_way_is_tried() -> None:
    assert is_interleaved(b"aabab", b"aab", b"ab")
    assert not is_interleaved(b"aabba", b"aab", b"ab")


def test_shims_count_what_a_run_starts_and_hand_over_the_rest(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "git").write_text('#!/bin/sh\necho "$1"; echo "no $1" >&2; cat; exit 3\n')
    (real / "composer").write_text("#!/bin/sh\nexec git nested\n")
    for program in real.iterdir():
        program.chmod(0o755)
    shims = put_shims(tmp_path / "shims", f"{real}:/usr/bin:/bin")
    path = {"PATH": f"{shims.bin}:{real}:/usr/bin:/bin"}

    def call(program: str, environment: dict[str, str]) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            [program, "a b\n"],
            input=b"given",
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    unmarked = call(str(shims.bin / "git"), path)
    assert unmarked == (3, b"a b\n\ngiven", b"no a b\n\n")
    assert shims.starts() == ()
    assert call(str(shims.bin / "git"), {**path, MARK: "run-1"}) == unmarked
    assert call(str(shims.bin / "composer"), {**path, MARK: "run-1"}) == (3, b"nested\ngiven", b"no nested\n")
    one, other = shims.starts()
    assert (one.program, one.argv, one.cwd, one.mark) == ("git", ("a b\n",), str(tmp_path), "run-1")
    assert (one.out, one.err) == unmarked[1:]
    assert (other.program, other.out) == ("composer", b"nested\ngiven")
