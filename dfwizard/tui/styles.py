"""The style of each state, always beside a word and a sign: sixteen colours by name, so that every terminal shows them."""

from __future__ import annotations

from rich.text import Text

from dfwizard.tui import signs

OK = "green"
BAD = "bold red"
ODD = "yellow"
LIVE = "bold cyan"
QUIET = "bright_black"
STRONG = "bold"

STEP_SIGNS: dict[str, tuple[str, str, str]] = {
    "waiting": (signs.WAITING, "waiting", QUIET),
    "running": (signs.RUNNING, "running", LIVE),
    "done": (signs.DONE, "done", OK),
    "already-done": (signs.DONE, "was done", OK),
    "failed": (signs.FAILED, "FAILED", BAD),
    "skipped": (signs.SKIPPED, "skipped", ODD),
    "interrupted": (signs.FAILED, "cut off", BAD),
}
"""Sign, word and style of a step's state (`StepStatus`, which is not imported here: the first screen shows none)."""

SEVERITY_SIGNS: dict[str, tuple[str, str, str]] = {
    "blocker": (signs.BLOCKER, "blocker", BAD),
    "warning": (signs.WARNING, "warning", ODD),
    "info": (signs.INFO, "note", "cyan"),
    "ok": (signs.DONE, "ok", OK),
}
"""Sign, word and style of a finding's severity (`Severity`)."""


def bar(share: float, width: int) -> Text:
    """Draw a progress bar of `width` cells; `share` is from 0 to 1."""
    full = round(max(0.0, min(1.0, share)) * width)
    return Text.assemble((signs.FULL * full, "cyan"), (signs.EMPTY * (width - full), QUIET))


def fitted(text: str, width: int) -> str:
    """Cut `text` to `width` cells, with a sign that something is missing."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + signs.MORE
