"""A link that does not come back leaves a run unfinished and says how it goes on; it is no failure of the step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dfwizard.errors import BackupError, ConnectionLost, HostError
from dfwizard.execution import events as ev
from dfwizard.execution.executor import lost_connection
from dfwizard.execution.journal import read
from dfwizard.execution.on_failure import OnFailure
from tests.unit.run_bench import RUNNER, Bench, benched, statuses

# This machine, whose link is lost for commands with the word `lost` in them while the file `cut` is there.
CUT = """
import dfwizard.hosts.local as local
from pathlib import Path
from dfwizard.errors import BackupError, ConnectionLost
from dfwizard.hosts.command import Pipeline

class CutHost(local.LocalHost):
    def run(self, work, **how):
        commands = work.commands if isinstance(work, Pipeline) else (work,)
        for command in commands:
            if Path(command.cwd or "/", "cut").exists() and any("lost" in word for word in command.argv):
                lost = ConnectionLost("the connection was lost", where="admin@db1", remedy="Look at the network.")
                if any("backup" in word for word in command.argv):
                    try:
                        raise lost
                    except ConnectionLost as error:
                        raise BackupError("the backup could not be taken") from None
                raise lost
        return super().run(work, **how)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with benched(tmp_path) as made:
        script = RUNNER.replace(
            "from dfwizard.hosts.local import LocalHost", "from cut_host import CutHost as LocalHost"
        )
        (tmp_path / "cut_host.py").write_text(CUT)
        made.script.write_text(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{script}")
        (made.instance / "cut").touch()
        yield made


@pytest.mark.parametrize("policy", [OnFailure.ROLLBACK, OnFailure.ASK, OnFailure.AUTO])
@pytest.mark.parametrize("script", ["echo lost >> done", "echo lost backup >> done"])
def test_a_step_that_loses_its_link_is_interrupted_and_goes_on_later(
    bench: Bench, policy: OnFailure, script: str
) -> None:
    run = bench.run(
        bench.step("first", "echo first >> done"), bench.step("second", script), on_failure=policy
    )
    code, state = bench.finish(run)
    assert code == 1
    assert statuses(state) == {"first": "done", "second": "interrupted"}
    assert state.outcome is None
    assert "admin@db1" in (state.stopped or "")
    assert "out of reach" in (state.stopped or "")
    kinds = [type(record.event) for record in read(run.journal).records]
    assert ev.StepFailed not in kinds
    assert ev.Decided not in kinds, "no rollback is begun over a link that is not there"
    (bench.instance / "cut").unlink()
    code, state = bench.finish(run)
    assert (code, state.outcome) == (0, "done")
    assert bench.lines("done")[:2] == ["first", "lost"]


def test_a_link_lost_while_it_is_looked_whether_a_step_is_done(bench: Bench) -> None:
    run = bench.run(
        bench.step(
            "once", "echo once >> done", done_when=bench.when("grep -q once done # lost"), repeatable=False
        )
    )
    code, state = bench.finish(run)
    assert code == 1
    assert state.outcome is None
    assert bench.lines("done") == [], "what cannot be looked at is not begun"
    (bench.instance / "cut").unlink()
    assert bench.finish(run)[0] == 0
    assert bench.lines("done") == ["once"]


def test_the_lost_link_is_found_behind_what_was_made_of_it() -> None:
    lost = ConnectionLost("gone")
    assert lost_connection(lost) is lost

    def take() -> None:
        try:
            raise lost
        except HostError:
            raise BackupError("not taken") from None

    with pytest.raises(BackupError) as caught:
        take()
    assert lost_connection(caught.value) is lost
    assert lost_connection(BackupError("not taken")) is None
