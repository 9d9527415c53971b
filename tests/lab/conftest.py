"""The lab's fixtures for the tests beside it."""

from __future__ import annotations

from tests.lab.fixtures import start_lab, start_module_lab

__all__ = ["start_lab", "start_module_lab"]
