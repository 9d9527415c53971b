"""The stand-ins' one entry: `standin.py PROGRAM ARGUMENT...`, called by the small scripts in a sandbox's `bin`."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> int:
    """Run the stand-in for the program named first; only that program's module is loaded."""
    program, rest = arguments[0], arguments[1:]
    if program == "php":
        from standins import php  # type: ignore[import-not-found, unused-ignore]

        return int(php.main(rest))
    if program == "composer":
        from standins import composer  # type: ignore[import-not-found, unused-ignore]

        return int(composer.main(rest))
    if program == "sshd":
        from standins import sshd  # type: ignore[import-not-found, unused-ignore]

        return int(sshd.main(rest))
    from standins import server  # type: ignore[import-not-found, unused-ignore]

    return int(server.main(program, rest))


if __name__ == "__main__":
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(own), *(place for place in sys.path if place != own)]
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    raise SystemExit(code)
