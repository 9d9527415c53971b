"""The command line: parse, call the controller, print. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code.

    0 done, 1 error, 2 usage, 3 blocked by checks or by another run, 4 done with warnings, 5 failed and rolled back, 6 rollback failed,
    130 when Ctrl-C ended the watching (a run itself goes on), 129 and 143 when the terminal went away or a signal ended it.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    if arguments in (["--version"], ["-V"]):
        from dfwizard import __version__

        return _print_version(f"dfwizard {__version__}")
    from dfwizard.cli.parser import WIZARD, make_parser

    if argv is None:
        _guard_memory()
    parser = make_parser()
    try:
        options = parser.parse_args(arguments)
        if options.command is None:
            options = parser.parse_args([*arguments, WIZARD])
    except OSError:  # the help's reader has gone; from Python 3.11 on argparse sees to that itself
        return _let_go()
    from dfwizard.cli.dispatch import dispatch

    return dispatch(options)


def _guard_memory() -> None:
    """See that what is in memory, passwords too, lands in no core dump, and what a fault says neither on a terminal nor in a log.

    The programs that are run from here inherit the limit, as they do the one of any shell; services that are restarted do not.
    """
    import resource
    import threading

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    threading.excepthook = lambda fault: _broken(fault.exc_value)
    sys.excepthook = lambda _kind, error, _trace: _broken(error)


def _broken(error: BaseException | None) -> None:
    from dfwizard.execution.faults import keep_fault
    from dfwizard.reports.terminal import plain

    kept = plain(keep_fault(error)) if error is not None else ""
    print(f"dfwizard: this is a fault of dfwizard itself ({type(error).__name__}){kept}", file=sys.stderr)


def _open_streams() -> None:
    """Make stdout and stderr take whatever is printed; what goes to a closed one is lost, as the caller wanted."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            # A terminal of another encoding, or a name that is no UTF-8, must not end a command half-way.
            stream.reconfigure(errors="backslashreplace")


def _print_version(text: str) -> int:
    try:
        print(text, flush=True)
    except OSError:
        return _let_go()
    return 0


def _let_go() -> int:
    """Give up stdout: its reader has gone, or the disk is full, and the interpreter must not flush a second time at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
