"""The lab: real DreamFactory-shaped installations for trying things out and for tests."""

from tests.lab.lab import Lab
from tests.lab.processes import LabError

__all__ = ["Lab", "LabError"]
