"""Row 1: SIGKILL before and after every durable write, every start of a program and its end; and the power cut."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tests.survival.report import Line
from tests.survival.trial import Outcome, Scene, Workshop, different
from tests.survival.wire import trace_of
from tests.survival.world import TO

Say = Callable[[str], None]

UPGRADE, ROLLBACK, RESUME, BACK_AGAIN = "upgrade", "rollback", "resumed upgrade", "resumed rollback"
SCENES = (UPGRADE, ROLLBACK, RESUME, BACK_AGAIN)
"""In what a run is killed."""


class Scenes:
    """The scenes of one world: each is played once without any harm, so that its points and its end are known."""

    def __init__(self, shop: Workshop, say: Say) -> None:
        self.shop = shop
        self._say = say
        self._before = shop.world.digest()
        self._known: dict[str, Scene] = {}

    def scene(self, name: str) -> Scene:
        """Give a scene; it is prepared when it is asked for first."""
        if name not in self._known:
            self._known[name] = self._prepared(name)
            self._say(f"{name}: {len(self._known[name].points)} points")
        return self._known[name]

    def _prepared(self, name: str) -> Scene:
        if name == UPGRADE:
            scene = self._played(Scene(UPGRADE, "planned", "run", self._before, {}), keep="upgraded")
            return replace(scene, after=self.shop.world.digest())
        after = self.scene(UPGRADE).after
        if name == ROLLBACK:
            return self._played(Scene(ROLLBACK, "upgraded", "rollback", self._before, after))
        of, kept, step = (UPGRADE, "cut upgrade", f"composer-{TO}")
        if name == BACK_AGAIN:
            of, kept, step = (ROLLBACK, "cut rollback", "restore-database")
        self.shop.serve(self.scene(of), self.shop.order(step=step))
        self.shop.world.end_runs()
        assert self.shop.world.run.state().current == step, f"{step} was not reached"
        self.shop.world.keep(kept)
        return self._played(Scene(name, kept, "run", self._before, after))

    def _played(self, scene: Scene, *, keep: str = "") -> Scene:
        code = self.shop.serve(scene, self.shop.order())
        points = tuple(trace_of(self.shop.trace))
        world = self.shop.world
        assert code == 0, f"{scene.name} without any harm ended with {code}: {world.run.state().failed_step}"
        back = world.run.state().outcome == "rolled-back"
        wrong = different(scene.before, world.digest()) if back else []
        assert not wrong, f"{scene.name} without any harm: {wrong}"
        if keep:
            world.keep(keep)
        phase = next(one for one in reversed(world.run.state().phases) if (one.name == "rollback") == back)
        return replace(scene, points=points, steps=tuple(one.id for one in phase.steps if one.attempts))


_NAMING = re.compile(r"(before|after) (rename|replace|unlink|remove|mkdir|rmdir) ")


@dataclass(frozen=True)
class Kill:
    """Who is killed, and at which of the points it makes sense."""

    victim: str
    words: str
    torn: bool = False
    running: bool = False
    """While a program is at work, and not at the point itself."""
    naming: bool = False
    """Where a name is given, moved or taken outside of the run's directory: in the instance, beside it, and among the backups."""

    def fits(self, point: str) -> bool:
        """Tell whether this can be done at a point."""
        if self.torn:
            return point.startswith("after write")
        if self.running:
            return point.startswith("after start")
        if self.naming:
            return bool(_NAMING.match(point)) and "/runs/" not in point
        return True


KILLS = (
    Kill("runner", "the runner killed"),
    Kill("runner", "the runner killed, its last write half done", torn=True),
    Kill("child", "the running program killed", running=True),
    Kill("both", "runner and program killed", running=True),
    Kill("reboot", "the power cut: only what was synced is kept"),
    Kill("runner", "the runner killed at a change of a name", naming=True),
    Kill("reboot", "the power cut at a change of a name", naming=True),
)
_LONGEST_DELAY = 1.0


def try_kills(
    scenes: Scenes,
    chance: random.Random,
    points: int,
    say: Say,
    *,
    names: Sequence[str] = SCENES,
    kills: Sequence[Kill] = KILLS,
) -> Iterator[Line]:
    """Kill at `points` points in all, spread evenly over the scenes and kinds (0: at every one)."""
    pairs = [(name, kill) for name in names for kill in kills]
    engine = scenes.shop.world.lab.database.engine
    for number, (name, kill) in enumerate(pairs):
        share = (points * (number + 1)) // len(pairs) - (points * number) // len(pairs)
        if points and not share:
            continue
        scene = scenes.scene(name)
        there = [place for place, point in enumerate(scene.points, 1) if kill.fits(point)]
        if not there:
            continue
        line = Line(1, f"{engine}, {name}: {kill.words}", len(there))
        for at in spread(there, share, chance):
            found = one_kill(scenes.shop, scene, kill, at, chance)
            if found is None:
                say(f"{line.fault}, point {at}: not reached, this run had fewer of them")
                continue
            line.count(found.problem, back=found.back)
            say(f"{line.fault}, {found.where}: {found}")
        yield line


def spread(places: list[int], count: int, chance: random.Random) -> list[int]:
    """Choose `count` of the places, one at random out of each of as many equal parts; all of them for 0."""
    if not count or count >= len(places):
        return places
    bounds = [len(places) * number // count for number in range(count + 1)]
    return [places[chance.randrange(low, high)] for low, high in pairwise(bounds)]


def one_kill(shop: Workshop, scene: Scene, kill: Kill, at: int, chance: random.Random) -> Outcome | None:
    """Kill at one point, and have the run taken up; None where the runner had ended before: how often programs say something differs."""
    delay = chance.choice((0.0, 0.02, 0.1, chance.uniform(0, _LONGEST_DELAY))) if kill.running else 0.0
    order = shop.order(
        at=at,
        victim=kill.victim,
        torn=kill.torn,
        delay=delay,
        boot="00000000-before-the-power-cut" if kill.victim == "reboot" else "",
    )
    shop.serve(scene, order)
    if len(trace_of(shop.trace)) < at:
        return None
    where = f"point {at} of {len(scene.points)} ({shop.last_point()}; after {delay:.2f} s)"
    if kill.victim == "reboot":
        where += f", {shop.reboot()} files and names lost"
    return shop.settle(scene, where)
