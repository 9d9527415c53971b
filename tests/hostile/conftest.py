"""The lab's fixtures for the tests that need real servers."""

from __future__ import annotations

from tests.lab.backup_site import place
from tests.lab.fixtures import start_module_lab

__all__ = ["place", "start_module_lab"]
