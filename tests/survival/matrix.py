"""All the rows, each over what it needs: an instance that is put back, a backup, a journal, or nothing but two starters."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.lab.backup_site import site_of
from tests.lab.databases import Engine
from tests.lab.fixtures import started_labs
from tests.survival.again import try_again
from tests.survival.clients import try_leaving
from tests.survival.damage import Damages, good_ones
from tests.survival.disks import try_disks
from tests.survival.journals import try_journals
from tests.survival.kills import ROLLBACK, Scenes, try_kills
from tests.survival.races import ground, try_races
from tests.survival.report import Line
from tests.survival.servers import try_disturbing
from tests.survival.trial import Workshop
from tests.survival.world import world

ROWS = (1, 2, 3, 4, 5, 6, 7, 8)
_MANY, _MOST = 200, 1000
_IN_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Wanted:
    """What is to be tried: `points` of each row, 0 for all. `scratch` is a directory that other accounts can enter."""

    rows: tuple[int, ...]
    points: int
    engine: Engine
    chance: random.Random
    scratch: Path
    say: Callable[[str], None]
    scenes: tuple[str, ...]
    """In what runs are killed."""


def lines_of(wanted: Wanted) -> Iterator[Line]:
    """Go through the rows, those that need an instance last; each line is given when it is complete."""
    if 7 in wanted.rows:
        yield from _races(wanted)
    if 6 in wanted.rows:
        yield from _damages(wanted)
    if {1, 2, 3, 4, 5, 8} & set(wanted.rows):
        yield from _runs(wanted)


def _races(wanted: Wanted) -> Iterator[Line]:
    directory = wanted.scratch / "races"
    directory.mkdir(mode=0o755)
    with ground(directory) as place:
        yield from try_races(place, wanted.chance, wanted.points or _MOST)


def _damages(wanted: Wanted) -> Iterator[Line]:
    count = wanted.points or _MANY
    place = wanted.scratch / "backups"
    place.mkdir(mode=0o700)
    with started_labs() as start:
        site, other = site_of(start(wanted.engine), place), site_of(start("sqlite"), place)
        damages = Damages(site, wanted.chance)
        yield damages.cuts(count)
        yield damages.flips(count)
        yield damages.swaps()
        yield damages.foreign(other)
        if wanted.engine == "mariadb":
            yield damages.boundaries(wanted.points or 1 << 30)
            yield damages.hollow(wanted.points or 1 << 30)
        changed = Line(6, f"{wanted.engine}: the instance after all of this", 1)
        changed.count(damages.untouched())
        yield changed
        yield good_ones(site, wanted.chance, count)


def _runs(wanted: Wanted) -> Iterator[Line]:
    with ExitStack() as stack:
        start = stack.enter_context(started_labs())
        made = stack.enter_context(world(start, wanted.engine))
        shop = Workshop(made, wanted.scratch)
        scenes = Scenes(shop, wanted.say)
        if 8 in wanted.rows:
            yield from _journals(wanted, scenes)
        if 1 in wanted.rows:
            yield from try_kills(scenes, wanted.chance, wanted.points, wanted.say, names=wanted.scenes)
        for row, trying in ((2, try_again), (5, try_leaving), (4, try_disturbing), (3, try_disks)):
            if row in wanted.rows:
                yield from trying(scenes, wanted.chance, wanted.points, wanted.say)


def _journals(wanted: Wanted, scenes: Scenes) -> Iterator[Line]:
    """Take the journal of a run that went there and back."""
    scenes.scene(ROLLBACK)
    scratch = _IN_MEMORY / wanted.scratch.name if _IN_MEMORY.is_dir() else wanted.scratch / "journals"
    scratch.mkdir(mode=0o700)
    try:
        yield from try_journals(
            scenes.shop.world.run,
            scratch,
            wanted.chance,
            doors=wanted.points or 1 << 30,
            corruptions=wanted.points or _MOST,
        )
    finally:
        shutil.rmtree(scratch)
