"""Row 3: writes fail. The runner's own, one after the other, with every error a disk has; and real disks that are full, in turn."""

from __future__ import annotations

import errno
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.survival.kills import ROLLBACK, UPGRADE, Scenes, spread
from tests.survival.report import Line
from tests.survival.wire import trace_of
from tests.survival.world import World

_ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT)
_PLACES: dict[str, Callable[[World], Path]] = {
    "run": lambda world: world.run.directory,
    "backup": lambda world: Path(world.run.plan().backup).parent,
    "instance": lambda world: world.lab.instance,
}
_DISK = 256 << 20
"""Bytes of a small disk."""
_ROOMS = (0, *((16 << 10) << power for power in range(12)))
"""Bytes that are left on it: none, 16 KiB, and up to 32 MiB, which is more than a run needs."""


def try_disks(
    scenes: Scenes, chance: random.Random, points: int, say: Callable[[str], None]
) -> Iterator[Line]:
    """Let writes fail in each of the places: about `points` injected ones and as many full disks in all (0: all)."""
    pairs = [(name, place) for name in (UPGRADE, ROLLBACK) for place in _PLACES]
    for number, (name, place) in enumerate(pairs):
        share = (points * (number + 1)) // len(pairs) - (points * number) // len(pairs)
        if points and not share:
            continue
        yield _injected(scenes, name, place, share, chance, say)
        yield _full(scenes, name, place, share, chance, say)


def _injected(
    scenes: Scenes, name: str, place: str, count: int, chance: random.Random, say: Callable[[str], None]
) -> Line:
    """Let the Nth write of the runner below a directory fail, alone or with all that follow."""
    shop, scene = scenes.shop, scenes.scene(name)
    shop.world.put_back(scene.kept)
    below = str(_PLACES[place](shop.world))
    shop.serve(
        scene, shop.order(error=errno.EIO, below=below)
    )  # the number 0 is never reached: all are listed
    writes = [line for line in trace_of(shop.trace) if not line.startswith(("before", "after"))]
    line = Line(
        3,
        f"{_engine(scenes)}, {name}: the runner's Nth write in the {place} directory fails",
        8 * len(writes),
    )
    for turn, at in enumerate(spread(list(range(1, len(writes) + 1)), count, chance)):
        variants = [(number, lasting) for number in _ERRORS for lasting in (False, True)]
        for number, lasting in [variants[turn % len(variants)]] if count else variants:
            code = shop.serve(scene, shop.order(at=at, error=number, below=below, lasting=lasting))
            what = f"{errno.errorcode[number]}{' from then on' if lasting else ''} at write {at} ({writes[at - 1]})"
            found = shop.settle(scene, f"{what}, first ended with {code}")
            line.count(found.problem, back=found.back)
            say(f"{line.fault}, {found.where}: {found}")
    return line


def _full(
    scenes: Scenes, name: str, place: str, count: int, chance: random.Random, say: Callable[[str], None]
) -> Line:
    """Put the directory on a disk of its own with little room, each time with twice as much, until a whole run finds enough."""
    shop, scene = scenes.shop, scenes.scene(name)
    shop.world.put_back(scene.kept)
    target = _PLACES[place](shop.world)
    line = Line(
        3, f"{_engine(scenes)}, {name}: little room on the disk of the {place} directory", len(_ROOMS)
    )
    for room in spread(list(_ROOMS), count, chance):
        shop.world.put_back(scene.kept)
        with _small_disk(target) as disk:
            disk.leave(room)
            code = shop.serve(scene, shop.order(), fresh=False)
            disk.leave(_DISK)
            # Once there is room it is taken up, where it has not ended by then.
            found = shop.settle(scene, f"{room >> 10} KiB left, first ended with {code}")
        line.count(found.problem, back=found.back)
        say(f"{line.fault}, {found.where}: {found}")
        if code == 0:
            line.points = line.tried if not count else line.points
            break
    return line


def _engine(scenes: Scenes) -> str:
    return scenes.shop.world.lab.database.engine


class _Disk:
    """A small filesystem that can be made smaller and larger."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def leave(self, room: int) -> None:
        """Leave so many bytes free."""
        found = os.statvfs(self._directory)
        size = (found.f_blocks - found.f_bfree) * found.f_frsize + max(room, found.f_frsize)
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self._directory)], check=True)


@contextmanager
def _small_disk(directory: Path) -> Iterator[_Disk]:
    """Mount a small filesystem over a directory, with what was in it, for a while; what is in it afterwards is thrown away."""
    directory.mkdir(parents=True, exist_ok=True)
    aside = directory.with_name(f"{directory.name}-below")
    subprocess.run(["cp", "-a", "--", str(directory), str(aside)], check=True)
    mode = f"mode={directory.stat().st_mode & 0o7777:o},uid={directory.stat().st_uid},gid={directory.stat().st_gid}"
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK},{mode}", "tmpfs", str(directory)], check=True
    )
    try:
        subprocess.run(["cp", "-a", "--", f"{aside}/.", str(directory)], check=True)
        subprocess.run(["rm", "-rf", "--", str(aside)], check=True)
        yield _Disk(directory)
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
