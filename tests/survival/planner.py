"""dfwizard's command line without its runner: `upgrade` makes the run, and begins nothing."""

from __future__ import annotations

import sys

from dfwizard.cli import main
from dfwizard.controller import Controller


def _begin_nothing(_self: Controller, _run: object, _request: object) -> None:
    """Stand for `Controller._launch`."""


if __name__ == "__main__":
    Controller._launch = _begin_nothing  # type: ignore[method-assign,assignment]
    sys.exit(main(sys.argv[1:]))
