"""The wizard from the command line: as screens where the terminal can show them, else line by line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dfwizard.controller import Controller

_NO_SCREEN = ("", "dumb", "unknown", "emacs")


def hindrance(environ: Mapping[str, str] = os.environ) -> str:
    """Say why screens cannot be shown here, "" when they can."""
    if not (sys.stdin.isatty() and sys.stderr.isatty() and sys.stdout.isatty()):
        return "input or output is no terminal"
    if environ.get("TERM", "") in _NO_SCREEN:
        return f"the terminal (TERM={environ.get('TERM', '')}) cannot show screens"
    return ""


def show_wizard(controller: Callable[[], Controller], options: argparse.Namespace) -> int:
    """Go through an upgrade with the person at the terminal and give the exit code; `controller` is called when it is needed."""
    host, path = _place(options.path)
    why = "" if options.plain else hindrance()
    if why:
        print(f"dfwizard: {why}, so the questions come line by line.", file=sys.stderr)
    if options.plain or why:
        from dfwizard.cli.plain import run_plain

        return run_plain(
            controller(),
            host=host,
            path=path,
            php=options.php,
            url=options.url,
            backup_dir=options.backup_dir,
            admin_ui=options.admin_ui,
            licence=options.licence_files,
        )
    from dfwizard.planning.road import Course
    from dfwizard.tui import run_wizard
    from dfwizard.tui.session import Session

    session = Session(
        host=host,
        path=path,
        php=options.php,
        url=options.url,
        backup_dir=options.backup_dir,
        admin_ui=options.admin_ui,
        course=Course(licence=options.licence_files),
        accept_new_host_key=options.accept_new_host_key,
    )
    return run_wizard(controller, session, mouse=options.mouse)


def _place(typed: str) -> tuple[str, str]:
    """Give the host ("" this machine) and the instance of what was typed; either may be left open.

    Raises:
        UsageError: it is no address.
    """
    from dfwizard.hosts.address import parse_address

    address = parse_address(typed) if typed else None
    if address is not None:
        return address.text, address.location if address.path else ""
    return "", str(Path(typed).expanduser().absolute()) if typed else ""
