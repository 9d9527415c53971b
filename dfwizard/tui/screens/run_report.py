"""The whole report of a run, to be read over the screen that one is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.reports.run_text import run_text
from dfwizard.tui.screens.reading import ReadingScreen

if TYPE_CHECKING:
    from dfwizard.reports.run_report import RunReport

_WIDEST = 110
"""Columns beyond which lines are hard to read."""


def report_screen(report: RunReport) -> ReadingScreen:
    """Give the screen that shows `report`."""
    return ReadingScreen(
        f"Report of run {report.id}", lambda width: run_text(report, width=min(width, _WIDEST)).splitlines()
    )
