"""`python -m dfwizard` is the command line."""

from __future__ import annotations

from dfwizard.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
