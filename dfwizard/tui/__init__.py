"""The wizard: screens over the controller. Textual is imported when the wizard starts and not before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dfwizard.controller import Controller
    from dfwizard.tui.session import Session


def run_wizard(
    controller: Controller | Callable[[], Controller],
    session: Session | None = None,
    *,
    demo: tuple[str, str, str] | None = None,
    mouse: bool = False,
) -> int:
    """Show the wizard on this terminal until the person leaves it, and give the exit code.

    A `controller` that is yet to be made is made when the first screen is there. `session` holds what the command line has said
    already: with a path it begins at the detection of that instance, with a migration at its two ends. `demo` is the title and the story
    of a demonstration and the command that comes back to it.

    0: left, or the run watched ended well; else the run's exit code; 130: the run goes on; 129 and 143: the terminal has gone, or
    dfwizard was told to end.
    """
    import gc

    from dfwizard.tui import driver

    gc.disable()  # there is nothing to collect yet; `Wizard.on_mount` sees to it that it is enabled again
    driver.prepare_environment()
    from dfwizard.reports.terminal import plain
    from dfwizard.tui.app import Wizard
    from dfwizard.tui.session import Demo, Session

    driver.accept_any_byte()
    driver.outlive_the_terminal()
    visit = session or Session()
    app = Wizard(
        controller,
        visit,
        start=_first_stage(visit),
        demo=Demo(*demo) if demo else None,
    )
    code = app.run(mouse=mouse)
    try:
        for line in app.farewell:
            print(plain(line), file=sys.stderr)
        sys.stderr.flush()
    except OSError:
        driver.let_go()
    return app.return_code or code or 0


def _first_stage(visit: Session) -> str:
    if visit.carrying is not None:
        return "migration"
    return "detection" if visit.path else "instance"
