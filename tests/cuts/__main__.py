"""`python -m tests.cuts [--cuts 100] [--seed N] [--only upgrade|migration]` makes the cuts, prints the tables, and exits 1 on any miss."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from tests.cuts import report
from tests.cuts.cutting import Journey, travel
from tests.cuts.judging import Key, judge, starts
from tests.cuts.kinds import Cut, deck
from tests.cuts.report import Judged
from tests.cuts.roads import FAILING, MIGRATION, UPGRADE, prepared
from tests.lab.databases import Engine
from tests.lab.fixtures import lab_directory, started_labs

EACH = 10
"""Cuts for a run."""
_ORDERS = {
    "": (UPGRADE, MIGRATION, FAILING, UPGRADE, MIGRATION, UPGRADE, MIGRATION, FAILING, UPGRADE, MIGRATION),
    "upgrade": (UPGRADE, FAILING),
    "migration": (MIGRATION,),
}
"""In which order the roads are gone."""


class Cuts:
    """All the runs of one call, and what became of them."""

    def __init__(self, chance: random.Random, engine: Engine, directory: Path) -> None:
        self.runs: list[Judged] = []
        self._chance = chance
        self._engine = engine
        self._directory = directory
        self._known: dict[str, tuple[Counter[Key], float]] = {}

    def go(self, name: str, cuts: list[Cut]) -> None:
        """Make one run with as many of the cuts as fit into it; the first one of its road is preceded by one without cuts."""
        if name not in self._known:
            self._known[name] = self._without_cuts(name)
        reference, seconds = self._known[name]
        state = self._state()
        with started_labs() as start, prepared(name, start, state, self._engine) as road:
            journey = travel(road, cuts, self._chance, pause=seconds / (EACH + 2))
            judged = Judged(journey, judge(road, journey, reference))
        self.runs.append(judged)
        _say(judged.journey, judged.verdict.good)
        if judged.verdict.good:
            shutil.rmtree(state)
        else:
            print(report.complaints([judged]), file=sys.stderr, flush=True)

    def _without_cuts(self, name: str) -> tuple[Counter[Key], float]:
        """Make one run without cuts; give its starts, and how long it took."""
        state = self._state()
        with started_labs() as start, prepared(name, start, state, self._engine) as road:
            journey = travel(road, [], self._chance)
            verdict = judge(road, journey)
            found = starts(road, journey)
        judged = Judged(journey, verdict)
        if not verdict.good:
            raise SystemExit(f"without any cut:\n{report.complaints([judged])}")
        _say(journey, good=True)
        shutil.rmtree(state)
        return found, journey.seconds

    def _state(self) -> Path:
        return self._directory / f"state-{len(list(self._directory.iterdir()))}"


def main(arguments: Sequence[str]) -> int:
    """Make the cuts and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.cuts", description=__doc__)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--only", choices=("upgrade", "migration"), default="")
    parser.add_argument("--db", choices=("sqlite", "mariadb", "postgresql"), default="sqlite")
    chosen = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("the lab starts real servers: run it as root")
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    cuts = deck(chosen.cuts, chance)
    states = lab_directory()
    all_of_them = Cuts(chance, chosen.db, states)
    for name in cycle(_ORDERS[chosen.only]):
        if not cuts:
            break
        # The last ones of a run that ended before them are made in the next.
        mine, cuts = cuts[:EACH], cuts[EACH:]
        all_of_them.go(name, mine)
        cuts = mine + cuts
    wrong = report.complaints(all_of_them.runs)
    print(f"\n{report.by_kind(all_of_them.runs)}\n\n{report.by_run(all_of_them.runs)}")
    if wrong:
        print(f"\n{wrong}")
    else:
        shutil.rmtree(states)
    return 1 if wrong else 0


def _say(journey: Journey, good: bool) -> None:
    cuts = f"{len(journey.made)} cuts" if journey.made else "no cut"
    print(
        f"{journey.road}: {cuts}, {journey.seconds:.0f} s, {'good' if good else 'MISSED'}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
