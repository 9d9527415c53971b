"""Runs in words, for a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.reports.measures import moment
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from dfwizard.reports.run_summary import RunSummary


def run_in_words(run: RunSummary) -> str:
    """Give one line about a run."""
    where = (
        f", step {run.step} of {run.steps} ({plain(run.step_title)})"
        if run.outcome is None and run.steps
        else ""
    )
    return (
        f"{run.phase or run.kind} of {plain(run.place)}, {run.frm} -> {run.to}, begun {moment(run.created_at)}: "
        f"{run.word}{where}"
    )
