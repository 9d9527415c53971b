"""What the outcome of a run (`events.RunOutcome`) means for what can be done with it. Nothing is imported: the first screen needs this."""

from __future__ import annotations

WELL = ("done", "done-with-warnings")
"""The upgrade is done and stands."""

WHOLE = (*WELL, "rolled-back")
"""The instance is in one state, the new or the old one."""

RESUMABLE = ("failed", "stopped", "rollback-failed", None)
"""The run can go on (None: it is not over, and its runner may be gone)."""

REVERSIBLE = (*WELL, "failed", "stopped", None)
"""What the upgrade has done can be taken back."""
