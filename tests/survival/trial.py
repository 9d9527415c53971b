"""One run that is harmed at one point, and is taken up again until it has ended."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.lab.test_hostile import leftovers
from tests.lab.test_interruption import processes_of
from tests.survival.power import lose
from tests.survival.serving import start_servers
from tests.survival.wire import VARIABLE, Order, trace_of
from tests.survival.world import TO, World

_LONGEST = 600.0
_RESUMPTIONS = 3
ENDS = ("done", "rolled-back")
"""How a run may end, and that there is nothing to warn of."""


@dataclass(frozen=True)
class Scene:
    """From where on a run is harmed: the copy `kept`, and what its runner is asked for.

    `before` is the instance as it was before the run, `after` as a run leaves it that nothing has harmed; `points` what such a runner
    passed, and `steps` those that it carried out.
    """

    name: str
    kept: str
    request: str
    before: dict[str, str]
    after: dict[str, str]
    points: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What became of a trial: `problem` is "" when it ended well, `back` says that it was taken back."""

    problem: str = ""
    back: bool = False
    where: str = ""
    resumed: int = 0
    said: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        taken_up = f", taken up {self.resumed} times" if self.resumed != 1 else ""
        return self.problem or f"{'identical' if self.back else 'verified'}{taken_up}"


class Workshop:
    """A world, and a directory for the traces of its runners."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.trace = directory / "trace"
        self.account = directory / "lost"

    def order(self, **what: object) -> Order:
        """Give an order with this workshop's files."""
        return replace(Order(str(self.trace), lost=str(self.account)), **what)  # type: ignore[arg-type]

    def serve(self, scene: Scene, order: Order, *, fresh: bool = True) -> int:
        """Be a runner's launcher: from the scene's copy unless not `fresh`, until the runner has ended; give its exit code."""
        if fresh:
            self.world.put_back(scene.kept)
        self.trace.unlink(missing_ok=True)
        self.account.unlink(missing_ok=True)
        with (self.trace.parent / "said").open("ab") as said:
            return subprocess.run(
                self.world.command(scene.request),
                env=self.world.environment(**{VARIABLE: order.text()}),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                timeout=_LONGEST,
                check=False,
            ).returncode

    def last_point(self) -> str:
        """Give the last point that a runner has passed."""
        points = trace_of(self.trace) if self.trace.exists() else []
        return f"{len(points)}: {points[-1][:160]}" if points else "none"

    def reboot(self) -> int:
        """Go on as the machine does after a power cut; give how many files and names it has cost."""
        self.world.end_runs()
        self.world.crash_servers()
        lost = lose(self.account) if self.account.exists() else 0
        start_servers(self.world.lab)
        return lost

    def settle(
        self,
        scene: Scene,
        where: str = "",
        *,
        mend: Callable[[], None] = lambda: None,
        tries: int = _RESUMPTIONS,
        ends: tuple[str, ...] = ENDS,
    ) -> Outcome:
        """Take the run up as a person would, with `dfwizard resume` alone, until it has ended; then judge.

        `mend` is called before each: it takes away what has disturbed the run from outside. `ends` are the outcomes that are good ones.
        """
        found = Outcome(where=where)
        run = self.world.run
        wanted = ("rolled-back",) if scene.request == "rollback" else ends
        while _outcome(self.world) not in wanted and found.resumed < tries:
            mend()
            words: tuple[str, ...] = ("resume", "latest")
            if scene.request == "rollback" and not _begun(self.world, "rollback"):
                words = (
                    "rollback",
                    "latest",
                    "--yes",
                )  # it was killed before it had said what it was asked for
            ended = self.world.cli.run(*words, timeout=_LONGEST)
            found.said.append(
                f"$ dfwizard {' '.join(words)} -> {ended.code}\n{ended.out[-800:]}\n{ended.err[-1500:]}"
            )
            found.resumed += 1
        mend()
        problems = self._problems(scene, found, wanted)
        found.problem = f"{where}: {'; '.join(problems)}" if problems else ""
        if problems:
            found.problem += f"\n  run {run.id}\n  " + "\n  ".join(found.said)[-6000:].replace("\n", "\n  ")
        return found

    def _problems(self, scene: Scene, found: Outcome, ends: tuple[str, ...]) -> list[str]:
        world = self.world
        outcome = _outcome(world)
        if outcome not in ends:
            return [f"it has ended so: {outcome}"]
        problems = [
            f"it has left {path}" for path in leftovers(world.lab.directory) if not _announced(world, path)
        ]
        problems += [f"a process of the run is still there: {pid}" for pid in processes_of(world.run)]
        state = world.run.state()
        problems += [f"the journal: {one}" for one in state.problems]
        found.back = outcome == "rolled-back"
        if found.back:
            problems += different(scene.before, world.digest())
        else:
            problems += different(lasting(scene.after), lasting(world.digest()))
            problems += _unverified(world)
        return problems


def _outcome(world: World) -> str:
    return world.run.state().outcome or "unfinished"


def _begun(world: World, request: str) -> bool:
    state = world.run.state()
    asked = state.runner is not None and state.runner.request == request
    return (
        asked or state.decision == "rollback" or (state.phase is not None and state.phase.name == "rollback")
    )


def _announced(world: World, path: str) -> bool:
    """Tell whether the run has said that it leaves this: the tree of which no backup could be taken before it was taken back."""
    aside = any(sign in path for sign in (".dfwizard-aside-", ".dfwizard-complete-"))
    return aside and any("stays beside the instance" in one for one in world.run.state().warnings)


def _unverified(world: World) -> list[str]:
    found = []
    if world.lab.git("rev-parse", "HEAD").stdout.strip() != world.lab.commits[TO]:
        found.append(f"{TO} is not checked out")
    verification = world.run.directory / "verification.json"
    if not verification.exists():
        found.append("nothing was verified")
    return found


def lasting(digest: dict[str, str]) -> dict[str, str]:
    """Leave out what is another one after each upgrade: git's stash has the time in it, and so has the name of its objects."""
    passing = (".git/objects", ".git/refs/stash", ".git/packed-refs")
    return {name: what for name, what in digest.items() if not name.startswith(passing)}


def different(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """Name what differs, a few of them."""
    names = [name for name in sorted(wanted.keys() | found.keys()) if wanted.get(name) != found.get(name)]
    shown = [
        f"{name} ({wanted.get(name, 'absent')[:40]} -> {found.get(name, 'absent')[:40]})"
        for name in names[:5]
    ]
    return [f"{len(names)} differ: {', '.join(shown)}"] if names else []
