"""Before against after, as data.

`compare` gives the `Verification`; `log_state`, `new_errors` and `tree_owners` collect what it needs besides facts.
"""

from __future__ import annotations

from dfwizard.verification.collect import tree_owners
from dfwizard.verification.compare import compare
from dfwizard.verification.log import LogFile, LoggedError, LogState, log_state, new_errors
from dfwizard.verification.result import Check, Verdict, Verification
from dfwizard.verification.situation import Names, Situation, TreeOwners

__all__ = [
    "Check",
    "LogFile",
    "LogState",
    "LoggedError",
    "Names",
    "Situation",
    "TreeOwners",
    "Verdict",
    "Verification",
    "compare",
    "log_state",
    "new_errors",
    "tree_owners",
]
