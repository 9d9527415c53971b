"""What real commands printed, kept in `recorded/`: failures with the id that each has in the catalogue, and successes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dfwizard.diagnosis import Output

_FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Recording:
    """One command's output. `known` is the id of the failure, "" for a success; `step` "" and `code` None where not known."""

    known: str
    code: int | None
    step: str
    what: str
    text: str

    def output(self, text: str | None = None) -> Output:
        """Give it as the catalogue is asked, or with another text."""
        return Output((self.text if text is None else text,), self.step, self.code)


@cache
def recordings(name: str) -> tuple[Recording, ...]:
    """Read the recordings of file `name`: failures, messages (of failures that were not recorded) or successes."""
    text = (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    found = []
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        heading, _, output = part.partition("\n")
        known, code, step, what = heading.split(" | ", 3)
        exit_code = None if code == "-" else int(code)
        found.append(Recording(known.strip("-") or "", exit_code, step.strip("-"), what, output))
    return tuple(found)
