"""Servers whose `sh` is dash, bash or busybox; the last has no programs but busybox's own, and what lies in the sbin directories."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.thorough import wide

SHELLS = (
    "dash",
    wide("bash"),
    wide("busybox"),
)
"""The parameters for tests that go by the server's shell: Debian's own always, the others in the wide run."""


def path_with(shell: str, directory: Path) -> str:
    """Make a directory in which `sh` is that shell; give the PATH that begins with it."""
    directory.mkdir(mode=0o755)
    program = shutil.which(shell)
    assert program is not None, f"{shell} is not installed"
    if shell == "busybox":
        names = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for name in names:
            (directory / name).symlink_to(program)
        return str(directory)
    (directory / "sh").symlink_to(program)
    return os.pathsep.join((str(directory), "/usr/local/bin", "/usr/bin", "/bin"))
