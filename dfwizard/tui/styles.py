"""The style of each state, always beside a word and a sign: sixteen colours by name, so that every terminal shows them."""

from __future__ import annotations

from rich.text import Text

from dfwizard.execution.state import StepStatus
from dfwizard.planning.findings import Severity
from dfwizard.tui import signs

OK = "green"
BAD = "bold red"
ODD = "yellow"
LIVE = "bold cyan"
QUIET = "bright_black"
STRONG = "bold"

STEP_SIGNS: dict[StepStatus, tuple[str, str, str]] = {
    StepStatus.WAITING: (signs.WAITING, "waiting", QUIET),
    StepStatus.RUNNING: (signs.RUNNING, "running", LIVE),
    StepStatus.DONE: (signs.DONE, "done", OK),
    StepStatus.ALREADY_DONE: (signs.DONE, "was done", OK),
    StepStatus.FAILED: (signs.FAILED, "FAILED", BAD),
    StepStatus.SKIPPED: (signs.SKIPPED, "skipped", ODD),
    StepStatus.INTERRUPTED: (signs.FAILED, "cut off", BAD),
}
"""Sign, word and style of a step's state."""

SEVERITY_SIGNS: dict[Severity, tuple[str, str, str]] = {
    Severity.BLOCKER: (signs.BLOCKER, "blocker", BAD),
    Severity.WARNING: (signs.WARNING, "warning", ODD),
    Severity.INFO: (signs.INFO, "note", "cyan"),
    Severity.OK: (signs.DONE, "ok", OK),
}
"""Sign, word and style of a finding's severity."""


def bar(share: float, width: int) -> Text:
    """Draw a progress bar of `width` cells; `share` is from 0 to 1."""
    full = round(max(0.0, min(1.0, share)) * width)
    return Text.assemble((signs.FULL * full, "cyan"), (signs.EMPTY * (width - full), QUIET))


def fitted(text: str, width: int) -> str:
    """Cut `text` to `width` cells, with a sign that something is missing."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + signs.MORE
