"""Row 2: a step that is done is marked as not done, and run again: the end is the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from dfwizard.execution import events as ev
from dfwizard.execution import journal
from dfwizard.execution.store import Run
from tests.survival.kills import ROLLBACK, UPGRADE, Scenes, spread
from tests.survival.report import Line
from tests.survival.trial import Scene, Workshop


def try_again(
    scenes: Scenes, chance: random.Random, points: int, say: Callable[[str], None]
) -> Iterator[Line]:
    """Do so with every step, or with about `points` of them, of an upgrade and of its rollback."""
    engine = scenes.shop.world.lab.database.engine
    for name in (UPGRADE, ROLLBACK):
        scene = scenes.scene(name)
        steps = scene.steps
        line = Line(2, f"{engine}, {name}: a done step marked as not done, and run again", len(steps))
        for place in spread(list(range(len(steps))), (points + 1) // 2, chance):
            problem, back = _once_more(scenes.shop, scene, steps[place])
            line.count(problem, back=back)
            say(f"{line.fault}, {steps[place]}: {problem or 'the same end'}")
        yield line


def _once_more(shop: Workshop, scene: Scene, step: str) -> tuple[str, bool]:
    """Kill the runner once the step is done, take its end out of the journal, and let every look say that nothing is done yet."""
    shop.serve(scene, shop.order(step=step, over=True))
    run = shop.world.run
    attempts = _forget_end(run, step)
    shop.serve(scene, shop.order(anew=True), fresh=False)
    found = shop.settle(scene, f"the step {step}")
    phase = next(phase for phase in run.state().phases if any(one.id == step for one in phase.steps))
    if not found.problem and not found.back and phase.step(step).attempts <= attempts:
        return f"the step {step} was not run again", False
    if not found.problem and found.back != (scene.name == ROLLBACK):
        return f"the step {step} could not be run again: the upgrade was taken back", True
    return found.problem, found.back


def _forget_end(run: Run, step: str) -> int:
    """Take the record of a step's end, the last one, out of the journal; give how often the step has been begun."""
    data = run.journal.read_bytes()
    *_, last = journal.read(run.journal).records
    assert isinstance(last.event, ev.StepFinished), last.event
    assert last.event.step == step, last.event
    run.journal.write_bytes(data[: data.rindex(b"\n", 0, len(data) - 1) + 1])
    phase = run.state().phase
    assert phase is not None
    return phase.step(step).attempts
