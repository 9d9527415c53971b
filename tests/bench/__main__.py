"""`python -m tests.bench [NAME...]` measures everything, or what is named, and prints a table."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    test_dump,
    test_file_backup,
    test_journal_event,
    test_screens_output,
    test_screens_start,
    test_startup,
    test_step,
)
from tests.bench.measure import Measurement, table

BENCHES: dict[str, Callable[[Path], Measurement | tuple[Measurement, ...]]] = {
    "startup": test_startup.compare,
    "screens-start": test_screens_start.compare,
    "screens-output": test_screens_output.compare,
    "file-backup": test_file_backup.compare,
    "dump": test_dump.compare,
    "step": test_step.compare,
    "journal-event": test_journal_event.compare,
}


def main(chosen: list[str]) -> int:
    """Measure and print; the exit code is 2 when there is no bench of a name."""
    unknown = [name for name in chosen if name not in BENCHES]
    if unknown:
        print(f"no bench {unknown[0]!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    found: list[Measurement] = []
    for name in chosen or BENCHES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="dfwizard-bench-") as directory:
            result = BENCHES[name](Path(directory))
        found += result if isinstance(result, tuple) else (result,)
    print(table(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
