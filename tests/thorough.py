"""What the usual run leaves out: the same once more with another engine, shell or direction, and all points between the tried ones."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet


def wide(*values: Any, id: str | None = None) -> ParameterSet:  # noqa: A002 -- as in pytest.param
    """Give a parameter that is only tried by `tests/run --wide`."""
    return pytest.param(*values, marks=pytest.mark.wide, id=id)


def stride(request: pytest.FixtureRequest, usual: int) -> int:
    """Give the steps in which a test goes through many points: `usual` in the usual run, 1 in the wide one and when chosen by hand."""
    return usual if "not wide" in request.config.getoption("markexpr") else 1
