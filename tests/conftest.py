"""What holds for all tests: in CI a test of the lab that is skipped has failed, for nothing may be missing there."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip of a lab test into a failure when CI is set."""
    report = yield
    expected = hasattr(report, "wasxfail")
    if os.environ.get("CI") and report.skipped and not expected and item.get_closest_marker("lab"):
        report.outcome = "failed"
        report.longrepr = f"in CI nothing of the lab may be skipped, but: {report.longrepr}"
    return report
