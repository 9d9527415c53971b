"""The table: one line for each fault, with how many points there were, were tried, and ended well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.cuts.report import table


@dataclass
class Line:
    """One fault of a row: `points` is how many there were to try, `tried` how many were.

    `recovered` counts those that came to a good end, `back` those of them that were taken back, and `identical` those of these that
    were found identical to what had been there before. `missed` says of every other one what became of it.
    """

    row: int
    fault: str
    points: int = 0
    tried: int = 0
    recovered: int = 0
    back: int = 0
    identical: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether something was tried, and all of it ended well."""
        return self.tried == self.recovered > 0 and not self.missed

    def count(self, problem: str, *, back: bool = False) -> None:
        """Count one that was tried; `problem` is "" when it ended well, and `back` says that it was taken back."""
        self.tried += 1
        if problem:
            self.missed.append(problem)
            return
        self.recovered += 1
        self.back += back
        self.identical += back


def rows(lines: Sequence[Line]) -> str:
    """Write the table."""
    head = ("Row", "Fault", "Points", "Tried", "Recovered", "Taken back", "Identical")
    figures = [
        (
            str(line.row),
            line.fault,
            str(line.points),
            str(line.tried),
            str(line.recovered),
            str(line.back) if line.back else "-",
            str(line.identical) if line.back else "-",
        )
        for line in lines
    ]
    return table([head, *figures])


def complaints(lines: Sequence[Line]) -> str:
    """Write what did not end well; empty when everything did."""
    found = [f"row {line.row}, {line.fault}: {one}" for line in lines for one in line.missed]
    return "\n".join(
        [*found, *(f"row {one.row}, {one.fault}: nothing tried" for one in lines if not one.tried)]
    )
