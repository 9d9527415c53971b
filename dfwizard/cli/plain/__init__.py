"""The wizard line by line: the same road as the screens, as numbered questions, for screen readers, serial consoles and dumb terminals."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

from dfwizard.errors import DfwizardError

if TYPE_CHECKING:
    from dfwizard.controller import Controller


def run_plain(
    controller: Controller,
    *,
    host: str = "",
    path: str = "",
    php: str | None = None,
    url: str | None = None,
    backup_dir: str | None = None,
    admin_ui: str | None = None,
    licence: str = "",
    target: str = "",
    demo: tuple[str, str] | None = None,
) -> int:
    """Ask and answer until the person has done or wants no more; give the exit code (see `dfwizard --help`).

    `host` is the machine whose instances are looked for ("" this one), `target` the release that Enter alone chooses, `licence` where
    on it the licence files of that release lie. Nothing is
    redrawn and no line is longer than 80 columns, but for a path. At the end of the input nothing more is begun; a run goes on.
    """
    from dfwizard.cli.plain.menus import InputEnded, say
    from dfwizard.cli.plain.road import Road, Visit
    from dfwizard.planning.road import Course

    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    if demo is not None:
        say(f"DEMO: {demo[0]}", demo[1], "")
    visit = Visit(host, path, php, url, backup_dir, admin_ui, target, course=Course(licence=licence))
    road = Road(controller, visit)
    try:
        return road.go()
    except InputEnded:
        run = road.run
        if run is None:
            say("The input has ended; no upgrade was begun.")
            return 2
        say(f"The input has ended. Watch the run with: dfwizard attach {run.id}")
        return 130


def tell(error: DfwizardError) -> None:
    """Say an error: what happened, to what, what to do next."""
    from dfwizard.cli.plain.menus import say

    say(
        "",
        *(f"! {line}" if number == 0 else f"  {line}" for number, line in enumerate(str(error).splitlines())),
    )
