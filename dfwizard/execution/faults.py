"""Faults of dfwizard itself: where they happened is kept in a file, never shown, and what they said is not kept at all."""

from __future__ import annotations

import os
import traceback

from dfwizard.execution.store import state_directory


def keep_fault(error: BaseException) -> str:
    """Add where `error` happened to errors.log in the state directory.

    Give the end of a sentence that says so, "" when it could not be kept.
    """
    place = state_directory() / "errors.log"
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(place, flags, 0o600), "a", encoding="utf-8", errors="replace") as file:
            file.write("".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}\n")
    except OSError:
        return ""
    return f"; where it happened is in {place}"
