"""The wire in the runner's process: it counts what must not be interrupted, and does harm at one point.

Points are numbered from 1 on: each comes before or after a durable write (what changes a file, a name or a directory through `os`, and
what puts it on the disk), the start of a program, or its end. The functions of `os` are replaced before anything of dfwizard is imported,
so nothing that it does in this process escapes; what its programs do is theirs.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.survival.power import Ledger

VARIABLE = "DFWIZARD_SURVIVAL"
"""Names the environment variable that holds an `Order` as JSON."""


@dataclass(frozen=True)
class Order:
    """What is to happen to a runner.

    `trace` is a file that takes one line for each point. At point `at` (0: none) the `victim` is killed: the runner, the programs that it
    has started (child), both, or everything with only that kept which was on the disk (reboot; `lost` is the file that says what was not),
    `delay` seconds later. With `torn` only half of the data of a write is written before.

    With `error` (an errno) nothing is killed, but the write of number `at` below `below` fails with it, and all later ones if `lasting`.

    `step` and `then`: once the intent of a step (or its end with `over`) is in the journal, the command `then` is run to its end; where
    there is none, the runner is killed. With `anew` no step is found to be done already. `boot` is a boot id to tell instead of the
    machine's.
    """

    trace: str
    at: int = 0
    victim: str = "runner"
    torn: bool = False
    delay: float = 0.0
    lost: str = ""
    error: int = 0
    below: str = ""
    lasting: bool = False
    step: str = ""
    over: bool = False
    then: tuple[str, ...] = ()
    anew: bool = False
    boot: str = ""

    def text(self) -> str:
        """Give it for the environment."""
        return json.dumps(asdict(self))

    @classmethod
    def given(cls) -> Order:
        """Take it from the environment, so that programs do not see it."""
        data = json.loads(os.environ.pop(VARIABLE))
        return cls(**{**data, "then": tuple(data["then"])})


class Wire:
    """Counts the points of this process, and does what is ordered."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._count = 0
        self._writes = 0
        self._lock = threading.RLock()
        self._write = os.write
        self._trace = os.open(order.trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._children: list[subprocess.Popen[Any]] = []
        self.ledger = Ledger()

    def point(self, what: str) -> None:
        """Pass a point."""
        with self._lock:
            self._count += 1
            self._write(self._trace, f"{self._count} {what}\n".encode("utf-8", "surrogateescape"))
            if self._count != self._order.at or self._order.error:
                return
            if not self._order.delay:
                self.harm()
        if self._order.delay:
            threading.Thread(target=self._later, daemon=True).start()

    def writing(self, what: str, path: str) -> None:
        """Pass a write that may be ordered to fail.

        Raises:
            OSError: it is.
        """
        order = self._order
        if not order.error or not _is_below(path, order.below):
            return
        with self._lock:
            self._writes += 1
            self._write(self._trace, f"{self._writes} {what} {path}\n".encode("utf-8", "surrogateescape"))
            fails = order.at and (self._writes == order.at or (order.lasting and self._writes > order.at))
        if fails:
            raise OSError(order.error, os.strerror(order.error), path)

    def wants_half(self) -> bool:
        """Tell whether the write before the next point is to be left half done."""
        return self._order.torn and not self._order.error and self._count + 1 == self._order.at

    def started(self, child: subprocess.Popen[Any]) -> None:
        """Take note of a program that has been started."""
        self._children.append(child)

    def harm(self) -> None:
        """Kill whom it is ordered to."""
        victim = self._order.victim
        if victim == "reboot":
            self.ledger.close(self._order.lost)
        if victim != "runner":
            from dfwizard.hosts import procfs

            leaders = [child.pid for child in self._children if child.returncode is None]
            for process in procfs.tree(leaders) if leaders else ():
                procfs.send_signal(process, signal.SIGKILL)
        if victim != "child":
            os.kill(os.getpid(), signal.SIGKILL)

    def _later(self) -> None:
        time.sleep(self._order.delay)
        self.harm()


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def lay(wire: Wire) -> None:
    """Put the wire into `os` and `subprocess`."""
    _lay_into_files(wire)
    _lay_into_names(wire)
    _lay_into_programs(wire)


def _path_of(fd: int) -> str:
    """Give the path of an open regular file or directory; "" for anything else (pipes, sockets)."""
    mode = os.fstat(fd).st_mode
    return os.readlink(f"/proc/self/fd/{fd}") if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else ""  # noqa: PTH115


def _lay_into_files(wire: Wire) -> None:
    real_open, real_write = os.open, os.write

    def opening(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if not flags & os.O_CREAT or dir_fd is not None:
            return real_open(path, flags, mode, dir_fd=dir_fd)
        place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        new = not os.path.lexists(place)
        wire.writing("create", place)
        if new:
            wire.point(f"before create {place}")
        fd = real_open(path, flags, mode)
        wire.ledger.opened(place, new=new)
        if new:
            wire.point(f"after create {place}")
        return fd

    def writing(fd: int, data: Any) -> int:
        place = _path_of(fd)
        if not place:
            return real_write(fd, data)
        wire.writing("write", place)
        wire.point(f"before write {place}")
        done = real_write(fd, memoryview(data)[: len(data) // 2] if wire.wants_half() else data)
        wire.ledger.wrote(place)
        wire.point(f"after write {place}")
        return done

    os.open = opening
    os.write = writing
    for name in ("fsync", "fdatasync"):
        setattr(os, name, _syncing(wire, name, getattr(os, name)))
    for name in ("ftruncate", "posix_fallocate", "fchmod", "fchown"):
        setattr(os, name, _on_descriptor(wire, name, getattr(os, name)))


def _syncing(wire: Wire, name: str, real: Callable[[int], None]) -> Callable[[int], None]:
    def syncing(fd: int) -> None:
        place = _path_of(fd)
        wire.writing(name, place)
        wire.point(f"before {name} {place}")
        real(fd)
        wire.ledger.synced(place)
        wire.point(f"after {name} {place}")

    return syncing


def _on_descriptor(wire: Wire, name: str, real: Callable[..., None]) -> Callable[..., None]:
    def changing(fd: int, *rest: Any) -> None:
        place = _path_of(fd) if isinstance(fd, int) else ""
        wire.writing(name, place)
        wire.point(f"before {name} {place}")
        real(fd, *rest)
        wire.point(f"after {name} {place}")

    return changing


def _lay_into_names(wire: Wire) -> None:
    for name in ("rename", "replace"):
        setattr(os, name, _renaming(wire, name, getattr(os, name)))
    for name in ("unlink", "remove", "mkdir", "rmdir"):
        setattr(os, name, _on_name(wire, name, getattr(os, name)))


def _renaming(wire: Wire, name: str, real: Callable[..., None]) -> Callable[..., None]:
    def renaming(source: Any, target: Any, **rest: Any) -> None:
        places = os.path.abspath(os.fsdecode(source)), os.path.abspath(os.fsdecode(target))  # noqa: PTH100
        wire.writing(name, places[1])
        wire.point(f"before {name} {places[1]}")
        wire.ledger.renames(*places)
        real(source, target, **rest)
        wire.point(f"after {name} {places[1]}")

    return renaming


def _on_name(wire: Wire, name: str, real: Callable[..., None]) -> Callable[..., None]:
    def changing(path: Any, *rest: Any, **more: Any) -> None:
        place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        if name == "mkdir":
            wire.writing(name, place)
        wire.point(f"before {name} {place}")
        real(path, *rest, **more)
        wire.point(f"after {name} {place}")

    return changing


def _lay_into_programs(wire: Wire) -> None:
    real = subprocess.Popen.__init__

    def starting(self: subprocess.Popen[Any], args: Any, *rest: Any, **more: Any) -> None:
        shown = " ".join(os.fsdecode(word) for word in args)[:300].replace("\n", " ")
        wire.point(f"before start {shown}")
        real(self, args, *rest, **more)
        wire.started(self)
        wire.point(f"after start {shown}")

    subprocess.Popen.__init__ = starting  # type: ignore[method-assign]


def lay_into_dfwizard(wire: Wire, order: Order) -> None:
    """Put the wire where dfwizard takes the end of a program and writes of a step; to be called once the rest lies."""
    from dfwizard.execution import events as ev
    from dfwizard.execution import executor, journal, processes
    from dfwizard.hosts import process

    close = process.Running.close

    def closing(self: process.Running) -> tuple[int, ...]:
        wire.point("before end")
        codes = close(self)
        if any(_is_sync(child.args) for child in self._processes):
            wire.ledger.everything()
        wire.point("after end")
        return codes

    process.Running.close = closing  # type: ignore[method-assign]
    if order.boot:
        processes.boot_id = lambda: order.boot
    append = journal.Journal.append

    def appending(self: journal.Journal, event: ev.Event) -> journal.Record:
        record = append(self, event)
        kind = ev.StepFinished if order.over else ev.StepStarted
        if order.step and isinstance(event, kind) and event.step == order.step:
            if not order.then:
                wire.harm()
            subprocess.run(order.then, stdin=subprocess.DEVNULL, check=True)
        return record

    journal.Journal.append = appending  # type: ignore[method-assign]
    if order.anew:
        _forget_once(executor.Executor)


def _is_sync(argv: Any) -> bool:
    return next(iter(argv), "") == "sync"


def _forget_once(executor: Any) -> None:
    """Let the first look whether a step is done already say no; the one after its action says the truth."""
    is_done = executor.is_done
    asked: set[str] = set()

    def doubting(self: Any, step: Any) -> bool:
        if step.id not in asked:
            asked.add(step.id)
            return False
        return bool(is_done(self, step))

    executor.is_done = doubting


def error_number(name: str) -> int:
    """Give the number of an error by its name."""
    number: int = getattr(errno, name)
    return number


def trace_of(path: Path) -> list[str]:
    """Give what the points of a runner were, from number 1 on."""
    # Not splitlines: command lines may hold other characters that it takes for the end of a line.
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return [line.partition(" ")[2] for line in text.split("\n")[:-1]]
