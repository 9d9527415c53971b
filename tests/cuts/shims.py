"""Counting shims: programs of the server's PATH, wrapped so that every start and every byte written is known without dfwizard.

A shim hands over to the real program at once unless a run of dfwizard has started it (its environment has the run's mark), and what a
counted program starts itself is not counted again. Of the counted ones the bulk tools are only noted; the others write through
tee(1), so that the shim's copy has what the program said, whoever listened.
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from dfwizard.hosts.procfs import MARK

HEARD = ("git", "composer", "php", "install", "find", "systemctl")
"""Programs whose output is copied."""
NOTED = ("tar", "zstd", "sqlite3", "mariadb", "mysql", "mariadb-dump", "mysqldump")
"""Programs that move bulk data, where they are there: only their starts are noted."""

_COUNTED = "DFWIZARD_TEST_COUNTED"
_SHIM = """#!/bin/sh
# A counting shim of dfwizard's tests, around {real}.
if [ -z "${{{mark}}}" ] || [ "${{{counted}}}" ]; then exec {real} "$@"; fi
export {counted}=yes
umask 022
copies=$(mktemp -d {copies}/XXXXXXXX) || exit 125
printf '%s\\0' "$@" >"$copies/argv"
printf '%s\\n' "$PWD" >"$copies/cwd"
printf '%s %s %s %s\\n' "$(date +%s.%N)" {program} "${{{mark}}}" "${{copies##*/}}" >>{log}
"""
_NOTE = """exec {real} "$@"
"""
_HEAR = """umask 022
{{
    {{
        {{ {real} "$@" 3>&- 4>&- 5>&-; echo "$?" >"$copies/code"; }} 2>&1 >&5 |
            tee "$copies/err" >&4 3>&- 5>&-
    }} 5>&1 | tee "$copies/out" >&3 4>&-
}} 3>&1 4>&2
read -r code <"$copies/code"
exit "$code"
"""


@dataclass(frozen=True)
class Start:
    """One start of a counted program: `time` in seconds since the epoch, `mark` the run's id, `out` and `err` what it wrote."""

    time: float
    program: str
    argv: tuple[str, ...]
    """Without the program."""
    cwd: str
    mark: str
    out: bytes
    err: bytes
    heard: bool


@dataclass(frozen=True)
class Shims:
    """The shims of one server: `bin` goes first on its PATH."""

    directory: Path

    @property
    def bin(self) -> Path:
        """Where the shims are."""
        return self.directory / "bin"

    @property
    def log(self) -> Path:
        """One line for each start: its time, the program, the run's mark, and where its copies are."""
        return self.directory / "starts"

    @property
    def _copies(self) -> Path:
        return self.directory / "copies"

    def starts(self) -> tuple[Start, ...]:
        """Give every start, in order."""
        return tuple(self._start(*line.split(" ")) for line in self.log.read_text().splitlines())

    def _start(self, time: str, program: str, mark: str, name: str) -> Start:
        copies = self._copies / name
        heard = program in HEARD
        return Start(
            time=float(time),
            program=program,
            argv=tuple(os.fsdecode(word) for word in (copies / "argv").read_bytes().split(b"\0")[:-1]),
            cwd=(copies / "cwd").read_text().removesuffix("\n"),
            mark=mark,
            out=(copies / "out").read_bytes() if heard else b"",
            err=(copies / "err").read_bytes() if heard else b"",
            heard=heard,
        )


def put_shims(directory: Path, path: str) -> Shims:
    """Make the shims in a new `directory`, around the programs of `path`."""
    shims = Shims(directory)
    shims.bin.mkdir(parents=True)
    log, copies = shims.log, directory / "copies"
    # Root and the owner of the tree both write here. Not sticky: the kernel then keeps one from appending to the other's file.
    copies.mkdir()
    copies.chmod(0o777)
    log.touch()
    log.chmod(0o666)
    for program in (*HEARD, *NOTED):
        real = shutil.which(program, path=path)
        if real is None:
            continue
        text = _SHIM + (_HEAR if program in HEARD else _NOTE)
        shim = shims.bin / program
        shim.write_text(
            text.format(
                real=shlex.quote(real),
                program=program,
                mark=MARK,
                counted=_COUNTED,
                log=shlex.quote(str(log)),
                copies=shlex.quote(str(copies)),
            )
        )
        shim.chmod(0o755)
    return shims
