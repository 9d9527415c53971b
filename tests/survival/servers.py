"""Row 4: the database stopped, restarted, made read-only or locked at every step; nginx or PHP-FPM dead; git and composer killed."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from subprocess import CalledProcessError

from tests.survival import disturb
from tests.survival.kills import ROLLBACK, UPGRADE, Scenes, spread
from tests.survival.report import Line
from tests.survival.serving import start_servers
from tests.survival.trial import Outcome, Scene, Workshop
from tests.survival.world import World

_WORDS = {
    "stop-database": "the database stopped",
    "restart-database": "the database restarted",
    "read-only": "the database made read-only",
    "lock": f"the database locked for {disturb.LOCKED:.0f} s",
    "kill-nginx": "nginx killed",
    "kill-php": "PHP-FPM killed",
    "kill-git": "git killed",
    "kill-composer": "composer killed",
}
_SERVER_ONLY = ("stop-database", "restart-database")
_WARNED = ("done", "done-with-warnings", "rolled-back")
"""A dead web server is warned of at the end, and is not what an upgrade mends."""


def try_disturbing(
    scenes: Scenes, chance: random.Random, points: int, say: Callable[[str], None]
) -> Iterator[Line]:
    """Disturb at every step of an upgrade and of its rollback, or at about `points` of them in all."""
    world = scenes.shop.world
    engine = world.lab.database.engine
    kinds = [kind for kind in disturb.KINDS if engine != "sqlite" or kind not in _SERVER_ONLY]
    pairs = [(name, kind) for kind in kinds for name in (UPGRADE, ROLLBACK)]
    for number, (name, kind) in enumerate(pairs):
        share = (points * (number + 1)) // len(pairs) - (points * number) // len(pairs)
        if points and not share:
            continue
        scene = scenes.scene(name)
        steps = _steps(scene, kind)
        if not steps:
            continue
        line = Line(4, f"{engine}, {name}: {_WORDS[kind]} at a step", len(steps))
        for place in spread(list(range(len(steps))), share, chance):
            found = _disturbed(scenes.shop, scene, kind, steps[place])
            line.count(found.problem, back=found.back)
            say(f"{line.fault}, {steps[place]}: {found}")
        yield line


def _steps(scene: Scene, kind: str) -> list[str]:
    """Give the steps of a scene that such a disturbance can hit."""
    if kind == "kill-composer":
        return [step for step in scene.steps if step.startswith("composer")]
    if kind == "kill-git":
        return [step for step in scene.steps if step.startswith(("fetch", "stash", "checkout"))]
    return list(scene.steps)


def _disturbed(shop: Workshop, scene: Scene, kind: str, step: str) -> Outcome:
    then = (sys.executable, "-m", "tests.survival.disturb", kind, json.dumps(str(shop.world.lab.directory)))
    code = shop.serve(scene, shop.order(step=step, then=then))
    if kind == "lock":
        time.sleep(disturb.LOCKED)
    return shop.settle(
        scene, f"{kind} at {step}, first ended with {code}", mend=lambda: _mend(shop.world), ends=_WARNED
    )


def _mend(world: World) -> None:
    """Bring back what the run depends on, as whoever runs the machine would."""
    start_servers(world.lab)
    with suppress(CalledProcessError, FileNotFoundError):  # a SQLite file may be gone for the moment
        disturb.read_only(world.lab, on=False)
