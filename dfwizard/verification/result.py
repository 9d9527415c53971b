"""What a verification found, as data: one `Check` for each thing compared, and the verdict over all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

SCHEMA = 1
"""Version of the verification's JSON form."""


class Verdict(str, Enum):
    """What a check came to.

    `ok`: as before, or as it has to be. `expected`: different, and the release explains it. `warning`: different
    without a known reason, or a trap that has not closed yet. `failed`: the instance is not what it should be.
    """

    OK = "ok"
    EXPECTED = "expected"
    WARNING = "warning"
    FAILED = "failed"


_RANK = {Verdict.OK: 0, Verdict.EXPECTED: 1, Verdict.WARNING: 2, Verdict.FAILED: 3}


@dataclass(frozen=True)
class Check:
    """One thing compared: its state before and after in words ("" where there was nothing), and what to make of it.

    `id` is stable over versions; where one check looks at many things, the thing stands after a colon
    (`rows:service`).
    """

    id: str
    title: str
    before: str
    after: str
    verdict: Verdict
    explanation: str = ""


@dataclass(frozen=True)
class Verification:
    """An instance before and after, compared. `release` is the tag it should be at; `final` false at a gate between hops."""

    release: str
    final: bool
    checks: tuple[Check, ...]
    schema: int = SCHEMA

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict among the checks."""
        return max((check.verdict for check in self.checks), key=_RANK.__getitem__, default=Verdict.OK)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that say that the instance is not what it should be."""
        return self._of(Verdict.FAILED)

    @property
    def warnings(self) -> tuple[Check, ...]:
        """The checks that a person should look at."""
        return self._of(Verdict.WARNING)

    def _of(self, verdict: Verdict) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.verdict is verdict)


_LIVES = ("rows:", "names", "status-counts")
"""Checks of what changes in normal use: users make and delete rows."""


def in_use(verification: Verification) -> Verification:
    """Give the verification of an instance that has been in use since its upgrade: fewer rows or names are no failure then."""
    why = "It was proven right after the upgrade; since then it has been in use."

    def eased(check: Check) -> Check:
        if check.id.startswith(_LIVES) and check.verdict in (Verdict.FAILED, Verdict.WARNING):
            return replace(check, verdict=Verdict.EXPECTED, explanation=why)
        return check

    return replace(verification, checks=tuple(eased(check) for check in verification.checks))
