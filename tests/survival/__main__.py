"""`python -m tests.survival [--row N] [--points K] [--db ENGINE] [--seed N]` prints the matrix's table; exits 1 on a miss."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from collections.abc import Iterable, Sequence

from tests.lab.fixtures import lab_directory
from tests.survival import report
from tests.survival.kills import SCENES
from tests.survival.matrix import ROWS, Wanted, lines_of
from tests.survival.report import Line


def main(arguments: Sequence[str]) -> int:
    """Go through the matrix and print its table."""
    parser = argparse.ArgumentParser(prog="python -m tests.survival", description=__doc__)
    parser.add_argument(
        "--row", type=int, action="append", choices=ROWS, help="only this row; may be repeated"
    )
    parser.add_argument("--points", type=int, default=0, help="how many points of each row are tried; 0: all")
    parser.add_argument("--db", choices=("sqlite", "mariadb", "postgresql"), default="sqlite")
    parser.add_argument(
        "--scene", action="append", choices=SCENES, help="only in this, in row 1; may be repeated"
    )
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args(arguments)
    if os.geteuid() != 0:
        parser.error("the lab starts real servers: run it as root")
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}", flush=True)
    scratch = lab_directory()
    wanted = Wanted(
        tuple(chosen.row or ROWS),
        chosen.points,
        chosen.db,
        random.Random(seed),
        scratch,
        _say,
        tuple(chosen.scene or SCENES),
    )
    lines = _told(lines_of(wanted))
    wrong = report.complaints(lines)
    print(f"\n{report.rows(lines)}")
    if wrong:
        print(f"\n{wrong}")
    shutil.rmtree(scratch)
    return 1 if wrong else 0


def _told(lines: Iterable[Line]) -> list[Line]:
    found = []
    begun = time.monotonic()
    for line in lines:
        _say(
            f"row {line.row}, {line.fault}: {line.recovered} of {line.tried}, {time.monotonic() - begun:.0f} s"
        )
        for missed in line.missed:
            _say(f"  {missed}")
        found.append(line)
    return found


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
