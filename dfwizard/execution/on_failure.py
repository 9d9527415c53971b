"""What becomes of a run whose step fails, as the person said before it began."""

from __future__ import annotations

from enum import Enum


class OnFailure(str, Enum):
    """What happens when a step of an upgrade fails.

    `auto` rolls back by itself before the first database change and asks after it; the others do the same always.
    """

    AUTO = "auto"
    ASK = "ask"
    ROLLBACK = "rollback"
    STOP = "stop"
