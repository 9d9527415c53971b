"""`python -m tests.bench [--full] [NAME...]` measures everything, or what is named, and prints a table.

`--full` takes the sizes that the targets are meant for where a bench has smaller ones by default.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import (
    test_dump,
    test_file_backup,
    test_inspect_ssh,
    test_journal_event,
    test_screens_output,
    test_screens_start,
    test_startup,
    test_step,
    test_transfer,
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
    "transfer": test_transfer.compare,
    "inspect-ssh": test_inspect_ssh.compare,
}


def main(chosen: list[str]) -> int:
    """Measure and print; the exit code is 2 when there is no bench of a name."""
    if "--full" in chosen:
        chosen = [name for name in chosen if name != "--full"]
        os.environ["DFWIZARD_BENCH_SIZE"] = str(test_transfer.FULL_SIZE)
        os.environ["DFWIZARD_BENCH_FILES"] = str(test_transfer.FULL_FILES)
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
