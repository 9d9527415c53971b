"""`python -m tests.survival.runner run-detached DIR --request run`: dfwizard's runner with a wire in it, as `DFWIZARD_SURVIVAL` orders."""

from __future__ import annotations

import sys

from tests.survival.wire import Order, Wire, lay, lay_into_dfwizard


def main(arguments: list[str]) -> int:
    """Lay the wire, then be the runner."""
    order = Order.given()
    wire = Wire(order)
    lay(wire)
    # Not before: whatever dfwizard takes from `os` while it is imported must have the wire in it.
    from dfwizard.cli import main as dfwizard

    lay_into_dfwizard(wire, order)
    return dfwizard(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
