"""The command line: parse, call the controller, print. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code.

    0 done, 1 error, 2 usage, 3 blocked by checks or by another run, 4 done with warnings, 5 failed and rolled back, 6 rollback failed,
    130 when Ctrl-C ended the watching (a run itself goes on).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"]):
        from dfwizard import __version__

        print(f"dfwizard {__version__}")
        return 0
    from dfwizard.cli.parser import make_parser

    options = make_parser().parse_args(arguments)
    from dfwizard.cli.dispatch import dispatch

    return dispatch(options)
