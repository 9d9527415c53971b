"""The lab by hand: `python -m tests.lab up --db mariadb --release 6.3.0 DIR`, `down DIR`, `status DIR`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from tests.lab.databases import Engine
from tests.lab.instances import Variant
from tests.lab.lab import Lab
from tests.lab.processes import LabError, servers_in


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="build an installation in a new directory and start its servers")
    up.add_argument("--db", choices=get_args(Engine), default="mariadb")
    up.add_argument("--release", default="6.3.0")
    up.add_argument("--variant", choices=get_args(Variant), default="installer")
    up.add_argument("--no-web", action="store_true", help="without nginx and php-fpm")
    down = commands.add_parser("down", help="stop its servers; the files stay")
    status = commands.add_parser("status", help="say where it is and what runs")
    for command in (up, down, status):
        command.add_argument("directory", type=Path, metavar="DIR")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 1 and a message on stderr when it cannot be done."""
    options = _parser().parse_args(arguments)
    directory: Path = options.directory.resolve()
    try:
        if options.command == "up":
            lab = Lab.start(directory, options.db, options.release, options.variant, web=not options.no_web)
            print(_described(lab))
        elif options.command == "down":
            Lab.stop_in(directory)
        else:
            print(_described(Lab.attach(directory)))
    except (LabError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _described(lab: Lab) -> str:
    settings = lab.database.settings()
    lines = [
        f"release   {lab.release} ({lab.variant})",
        f"instance  {lab.instance}",
        f"owner     {lab.owner}",
        f"origin    {lab.origin}",
        f"database  {lab.database.engine} {settings['DB_DATABASE']} {lab.database.port or ''}".rstrip(),
        f"url       {lab.url or '-'}",
        f'path      PATH="{lab.bin}:$PATH"',
    ]
    servers = servers_in(lab.directory)
    lines += [f"running   {server.program} ({server.pid})" for server in servers]
    return "\n".join(lines if servers else [*lines, "running   nothing"])


if __name__ == "__main__":
    sys.exit(main())
