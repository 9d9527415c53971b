"""A run or a backup in a few words, for the lists that they stand in."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich.text import Text

from dfwizard.reports.measures import moment
from dfwizard.reports.terminal import plain
from dfwizard.tui import signs
from dfwizard.tui.styles import BAD, LIVE, ODD, OK, QUIET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dfwizard.reports.run_summary import RunSummary

WORD_WIDTH = 17
"""Cells of the longest sign and word of a run's state."""

_WORDS = {
    "done": (signs.DONE, "done", OK),
    "done-with-warnings": (signs.WARNING, "done, warnings", ODD),
    "rolled-back": (signs.UNDONE, "rolled back", OK),
    "rollback-failed": (signs.FAILED, "rollback FAILED", BAD),
    "failed": (signs.FAILED, "FAILED", BAD),
    "stopped": (signs.FAILED, "stopped", BAD),
    "going": (signs.RUNNING, "going", LIVE),
    "waits for a word": (signs.WARNING, "asks", ODD),
    "interrupted": (signs.FAILED, "interrupted", BAD),
    "not begun": (signs.WAITING, "not begun", QUIET),
    "unreadable": (signs.FAILED, "unreadable", BAD),
}


def run_word(run: RunSummary) -> Text:
    """Give the state of a run as sign and word."""
    sign, word, style = _WORDS.get(run.word, (signs.INFO, plain(run.word), ""))
    return Text(f"{sign} {word}", style)


def work_of(run: RunSummary) -> str:
    """Give what the run is doing or did: `upgrade`, `migration`, or `rollback` once it takes things back."""
    return run.phase or run.kind


def road_of(run: RunSummary) -> str:
    """Give the releases that the run goes between."""
    return f"{plain(run.frm)} {signs.ARROW} {plain(run.to)}"


def what_of(run: RunSummary) -> str:
    """Give the instance that the run works on; of a migration where from and where to."""
    return plain(f"{run.source} {signs.ARROW} {run.place}" if run.source else run.place)


def minute(text: str) -> str:
    """Give an ISO 8601 moment to the minute, in UTC: `2026-11-23 00:41`."""
    return moment(text).removesuffix(" UTC")[:16]


def age(text: str, now: datetime) -> str:
    """Say how long ago an ISO 8601 moment was: `3 days`, `5 minutes`; "" when it cannot be read."""
    from humanize import naturaldelta

    try:
        then = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return ""
    if then.tzinfo is None:
        then = then.replace(tzinfo=timezone.utc)
    seconds = (now - then).total_seconds()
    return naturaldelta(max(seconds, 0)).replace("a moment", "just now")


def later_run(run: RunSummary, runs: Sequence[RunSummary]) -> RunSummary | None:
    """Give a run that has been at work on the same instance since and was not taken back, None when there is none."""
    return next(
        (
            one
            for one in runs
            if one.id > run.id
            and one.place == run.place
            and one.phase is not None
            and one.outcome != "rolled-back"
        ),
        None,
    )


def unfinished(run: RunSummary, runs: Sequence[RunSummary]) -> bool:
    """Tell whether the run still wants somebody: it goes, it asks, or it was cut off and no later run took its place."""
    if run.alive:
        return True
    return run.word == "interrupted" and later_run(run, runs) is None


def no_way_back(run: RunSummary, runs: Sequence[RunSummary]) -> str:
    """Say why a rollback of the run cannot be asked for, "" when it can."""
    if run.error:
        return "it cannot be read"
    if run.kind not in ("upgrade", "migration") or run.phase is None:
        return "it has changed nothing"
    if run.alive:
        return "it is at work: open it and decide there"
    if run.outcome == "rolled-back":
        return "it has been rolled back already"
    if run.phase == "rollback":
        return "its rollback has begun already: open it to go on with that"
    later = later_run(run, runs)
    return f"run {later.id} has been at work on the instance since: take that one back first" if later else ""
