"""What befalls the programs of a sandbox when its scenario wants it: no network, a full disk, a terminal that is lost.

The words are those of the real programs in the same trouble.
"""

from __future__ import annotations

import os
import signal
import textwrap
import time
from collections.abc import Callable

from . import console, world

TERMINAL = os.path.join(world.ROOT, "terminal.json")
"""Which process the presenter looks at: its number and when it began, in clock ticks since boot."""

DISK = os.path.join(world.ROOT, "disk.json")
_POLL = 0.02
_SEEN_SECONDS = 3.0
"""How long what was said so far takes to the terminal: it is then cut off at the same line every time."""
_GONE_SECONDS = 20.0
_BACK_SECONDS = 120.0


def no_network(packages: list[tuple[str, str, str]]) -> list[str]:
    """Give composer's words when no name server answers: dist first, then source; `packages` are names, versions, references."""
    said = []
    for name, version, reference in packages:
        url = f"https://api.github.com/repos/{name}/zipball/{reference}"
        said.append(
            f"    Failed to download {name} from dist: curl error 6 while downloading {url}: Could not resolve host: "
            f"api.github.com\n    Now trying to download from source\n  - Syncing {name} ({version}) into cache"
        )
    name = packages[0][0]
    cache = f"{os.environ.get('HOME', world.ROOT)}/.cache/composer/vcs/https---github.com-{name.replace('/', '-')}.git"
    https, ssh = f"https://github.com/{name}.git", f"git@github.com:{name}.git"
    said.append(
        _exception(
            "Git.php line 607",
            f"Failed to clone {https} via https, ssh protocols, aborting.",
            "",
            f"- {https}",
            f"  Cloning into bare repository '{cache}'...",
            f"  fatal: unable to access '{https}/': Could not resolve host: github.com",
            "",
            f"- {ssh}",
            f"  Cloning into bare repository '{cache}'...",
            "  ssh: Could not resolve hostname github.com: Name or service not known",
            "  fatal: Could not read from remote repository.",
            "",
            "  Please make sure you have the correct access rights",
            "  and the repository exists.",
        )
    )
    return said


def try_on() -> None:
    """Take time for a vain attempt, as composer does for minutes: who ends it at its first words gets no more of them."""
    time.sleep(_SEEN_SECONDS)


def fill_disk() -> str:
    """Let another program take the last free block of the disk, and give composer's words for it."""
    world.write_document(DISK, {"free_kilobytes": 0})
    return (
        f"The disk hosting {world.INSTANCE}/vendor has less than 100MiB of free space, this may be the cause of the following "
        "exception\n"
        + _exception(
            "Cache.php line 227", "copy(): Write of 8192 bytes failed with errno=28 No space left on device"
        )
    )


def free_disk() -> None:
    """Let the other program be done and take its file away."""
    if os.path.exists(DISK):
        os.unlink(DISK)


def hang_up() -> None:
    """Take the presenter's terminal away, as a lost SSH connection does, and go on when somebody looks again, or after a while."""
    terminal = world.document(TERMINAL)
    if _is_there(terminal):
        time.sleep(_SEEN_SECONDS)
        os.kill(int(str(terminal["pid"])), signal.SIGHUP)
        _wait(lambda: not _is_there(terminal), _GONE_SECONDS)
        _wait(lambda: world.document(TERMINAL) != terminal, _BACK_SECONDS)


def started(pid: int) -> int:
    """Give when a process began, in clock ticks since boot; 0 where there is none, or it has ended and nobody has asked how."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def _is_there(terminal: dict[str, object]) -> bool:
    pid = terminal.get("pid")
    return isinstance(pid, int) and pid > 1 and started(pid) == terminal.get("started") != 0


def _wait(over: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not over() and time.monotonic() < deadline:
        time.sleep(_POLL)


def _exception(where: str, *lines: str) -> str:
    """Write an exception as Symfony's console does, in the terminal's width."""
    wide = console.width() - 4
    parts = [
        part
        for line in lines
        for part in (textwrap.wrap(line, wide, break_on_hyphens=False, drop_whitespace=False) or [""])
    ]
    return f"\nIn {where}:\n\n" + "\n".join(f"  {part}".rstrip() for part in parts) + "\n"
