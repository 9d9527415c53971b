"""A machine without PHP, composer or a web server, for the demo to run on: what it may use is linked in, the rest is a trap."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TRAPS = ("php", "php8.2", "php-fpm8.2", "composer", "systemctl", "systemd-run", "nginx", "curl", "ps")
TOOLS = (
    "awk", "base64", "cat", "chmod", "chown", "cp", "cut", "dd", "du", "env", "find", "flock", "git", "grep", "gzip", "head",
    "id", "install", "ls", "mkdir", "mkfifo", "mktemp", "mountpoint", "mv", "od", "readlink", "realpath", "rm", "rmdir",
    "sed", "setsid", "sh", "sha256sum", "sleep", "sort", "stat", "sync", "tail", "tar", "test", "timeout", "tr", "true",
    "wc", "xargs", "zstd",
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """A finished call: exit code and what it printed."""

    code: int
    out: str
    err: str

    def plain(self) -> str:
        """Give all that was printed, with times, ids and the sandbox's place replaced: what must be the same every time."""
        text = self.out + self.err
        for pattern, word in (
            (r"dfwizard-demo-[a-z0-9_]{8}", "SANDBOX"),
            (r"\d{8}-\d{6}-[0-9a-f]{4}", "RUN"),
            (r"\d{8}-\d{6}", "MOMENT"),
            (r"\d+(\.\d+)? (s|seconds|minutes?)\b", "TIME"),
            (r"-> [\d.]+ (B|kB|MB)", "-> SIZE"),  # compressors differ in bytes with the times of files
            (r"backup: [\d.]+ (B|kB|MB)", "backup: SIZE"),
        ):
            text = re.sub(pattern, word, text)
        return text


@dataclass(frozen=True)
class Machine:
    """Directories of one test: `temporary` is the TMPDIR, `home` the account's, `bin` all of its PATH."""

    directory: Path

    @property
    def temporary(self) -> Path:
        """Give the TMPDIR."""
        return self.directory / "tmp"

    @property
    def home(self) -> Path:
        """Give HOME."""
        return self.directory / "home"

    @property
    def sprung(self) -> Path:
        """Give the file into which a trap writes its name."""
        return self.directory / "sprung"

    @property
    def environment(self) -> dict[str, str]:
        """Give the environment: nothing of this process's own but what Python needs."""
        kept = {key: value for key, value in os.environ.items() if key in ("LANG", "PYTHONPATH")}
        own = {"PATH": str(self.directory / "bin"), "TMPDIR": str(self.temporary), "HOME": str(self.home)}
        return {**kept, **own}

    def make(self) -> Machine:
        """Make the directories, the links and the traps."""
        for name in ("tmp", "home", "bin"):
            (self.directory / name).mkdir(parents=True)
        for tool in TOOLS:
            found = shutil.which(tool)
            if found:
                (self.directory / "bin" / tool).symlink_to(found)
        for trap in TRAPS:
            script = self.directory / "bin" / trap
            script.write_text(f'#!/bin/sh\necho "{trap} $*" >> "{self.sprung}"\nexit 99\n')
            script.chmod(0o755)
        return self

    def command(self, *arguments: str) -> list[str]:
        """Give the argv of `dfwizard demo`."""
        return [sys.executable, "-m", "dfwizard", "demo", *arguments]

    def demo(self, *arguments: str, timeout: float = 200) -> Ended:
        """Run `dfwizard demo` to its end, without a terminal."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def left(self) -> list[str]:
        """Give what is left behind: files in TMPDIR and HOME, and processes that name a directory of this machine."""
        files = [str(path) for place in (self.temporary, self.home) for path in place.iterdir()]
        return files + [" ".join(words) for words in self._processes()]

    def _processes(self) -> Iterator[list[str]]:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
                    around = (entry / "environ").read_bytes().decode("utf-8", "replace")
                except OSError:
                    continue
                if any(str(self.directory) in text for text in (*words, around)):
                    yield words
