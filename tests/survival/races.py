"""Row 7: two starters at once. Exactly one of them begins; the other is told who holds what; nothing stays locked.

The starters are real runners, each in a process of its own: `serve` from its beginning to its end. The one that holds the locks waits
until the other has had its answer, so that the two always meet.
"""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dfwizard.errors import HeldError
from dfwizard.execution import events as ev
from dfwizard.execution import journal, lock, processes
from dfwizard.execution.attach import alive
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.runner import serve
from dfwizard.execution.store import Run, Store
from dfwizard.hosts.local import LocalHost
from dfwizard.planning.plan import Execute, Plan, Step
from tests.lab.processes import OWNER, ensure_owner
from tests.survival.report import Line

_PATIENCE = 60.0
_WON, _HELD, _BROKEN = b"W", b"H", b"B"


@dataclass(frozen=True)
class Ground:
    """An instance to race for, and the state directories of root and of the instance's owner."""

    instance: Path
    root: Store
    owner: Store

    def run(self, *, owner: bool = False) -> Run:
        """Make a run with one step that does nothing."""
        step = Step("one", "One", "test", Execute(("true",)))
        me = OWNER if owner else "root"
        plan = Plan("upgrade", str(self.instance), "1", "2", "/nowhere", OWNER, me, (), (step,))
        run = self.root.create(plan, None, host="localhost", on_failure=OnFailure.STOP)
        if owner:
            run = Run(run.directory.rename(self.owner.runs / run.id))
            _give(run.directory)
        return run


@contextmanager
def ground(directory: Path) -> Iterator[Ground]:
    """Prepare a new `directory` (other accounts must be able to enter it) for races."""
    ensure_owner()
    instance = directory / "instance"
    instance.mkdir(mode=0o755)
    shutil.chown(instance, OWNER, OWNER)
    made = Ground(instance, Store(directory / "root"), Store(directory / "owner"))
    for store in (made.root, made.owner):
        store.runs.mkdir(mode=0o700, parents=True)
    _give(made.owner.directory)
    yield made


def _give(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        shutil.chown(path, OWNER, OWNER)


@dataclass
class Starter:
    """One runner that has been forked and waits for the signal to begin."""

    pid: int
    run: Run
    begin: int
    go_on: int
    words: int

    def word(self) -> tuple[bytes, str]:
        """Wait for what it has to say: whether it has begun, is held off, or is broken, and its words."""
        ready, _, _ = select.select([self.words], [], [], _PATIENCE)
        data = os.read(self.words, 1 << 16) if ready else b""
        return data[:1] or _BROKEN, data[1:].decode(errors="replace") or "it says nothing"

    def end(self) -> int:
        """Let it go on, wait for its end, and give its exit code (minus the signal's number)."""
        with suppress(BrokenPipeError):
            os.write(self.go_on, b"x")
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        for fd in (self.begin, self.go_on, self.words):
            os.close(fd)
        return code


def forked(run: Run, *, owner: bool = False, late: float = 0.0) -> Starter:
    """Fork a runner for `run`; it begins when told to, `late` seconds after that."""
    begin, go_on, words = os.pipe(), os.pipe(), os.pipe()
    pid = os.fork()
    if pid:
        for fd in (begin[0], go_on[0], words[1]):
            os.close(fd)
        return Starter(pid, run, begin[1], go_on[1], words[0])
    code = 99
    try:
        for fd in (begin[1], go_on[1], words[0]):
            os.close(fd)
        if owner:
            account = ensure_owner()
            os.setgroups([account.pw_gid])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        os.read(begin[0], 1)
        time.sleep(late)
        code = _serve(run, go_on[0], words[1])
    finally:
        os._exit(code)


def _serve(run: Run, go_on: int, words: int) -> int:
    def begun(_state: object, _request: object) -> None:
        os.write(words, _WON)
        os.read(go_on, 1)

    try:
        return serve(run.directory, LocalHost(), {}, _no_rollback, guard=begun)
    except HeldError as error:
        os.write(words, _HELD + str(error).encode())
        return HeldError.exit_code
    except BaseException:
        os.write(words, _BROKEN + traceback.format_exc().encode())
        return 98


def _no_rollback(plan: Plan, _begun: tuple[str, ...]) -> Plan:
    return plan


Race = Callable[[Ground, random.Random], str]
"""Lets two run and says what went wrong, "" when nothing did."""


def try_races(place: Ground, chance: random.Random, races: int) -> list[Line]:
    """Let two starters meet `races` times, all the kinds of meetings in turn."""
    kinds: tuple[tuple[str, Race], ...] = (
        ("two runs of one instance, started by root", _two_runs),
        ("one run, started twice", _one_run),
        ("root and the owner of the tree", _two_users),
        ("the same, the one that has begun killed with SIGKILL", _killed),
        ("a run resumed twice whose runner's pid belongs to another process", _reused),
    )
    lines = [Line(7, what) for what, _ in kinds]
    for number in range(races):
        line, (_, race) = lines[number % len(kinds)], kinds[number % len(kinds)]
        line.points += 1
        line.count(race(place, chance))
    return lines


def _two_runs(place: Ground, chance: random.Random) -> str:
    return _meet(place, [forked(place.run(), late=_late(chance)) for _ in range(2)])


def _one_run(place: Ground, chance: random.Random) -> str:
    run = place.run()
    return _meet(place, [forked(run, late=_late(chance)) for _ in range(2)])


def _two_users(place: Ground, chance: random.Random) -> str:
    return _meet(place, _two_of_them(place, chance))


def _killed(place: Ground, chance: random.Random) -> str:
    return _meet(place, _two_of_them(place, chance), kill=True)


def _two_of_them(place: Ground, chance: random.Random) -> list[Starter]:
    runs = [(place.run(owner=owner), owner) for owner in (False, True)]
    chance.shuffle(runs)
    return [forked(run, owner=owner, late=_late(chance)) for run, owner in runs]


def _late(chance: random.Random) -> float:
    return chance.choice((0.0, 0.0, chance.uniform(0, 0.004)))


def _reused(place: Ground, chance: random.Random) -> str:
    """Let two resume a run whose runner was killed, and whose pid another process has been given since."""
    run = place.run()
    first = forked(run)
    with opened_again(run) as record:
        record.append(
            ev.RunStarted(first.pid, processes.boot_id(), processes.start_ticks(first.pid) or 0, "", "run")
        )
        record.append(ev.PhaseStarted(0, "upgrade", "plan.json"))
        record.append(ev.StepStarted("one", 1, "output/001-one.log"))
    os.kill(first.pid, signal.SIGKILL)
    first.end()
    with given_pid(first.pid) as other:
        if other is not None and alive(run, run.state().runner):
            return "the other process of the same pid is taken for the runner"
        return _meet(place, [forked(run, late=_late(chance)) for _ in range(2)])


@contextmanager
def opened_again(run: Run) -> Iterator[journal.Journal]:
    """Open the journal of a run for writing."""
    opened = journal.open_journal(run.journal)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def given_pid(pid: int) -> Iterator[subprocess.Popen[bytes] | None]:
    """Start a process with this very pid; None where the kernel gives it to nobody now."""
    with subprocess.Popen(["true"]) as probe:
        probe.wait()
    last = Path("/proc/sys/kernel/ns_last_pid")
    child: subprocess.Popen[bytes] | None = None
    for _ in range(20):
        try:
            last.write_text(str(pid - 1))
        except OSError:
            break
        started = subprocess.Popen(["sleep", "600"])
        if started.pid == pid:
            child = started
            break
        started.kill()
        started.wait()
    try:
        yield child
    finally:
        if child is not None:
            child.kill()
            child.wait()


def _meet(place: Ground, starters: list[Starter], *, kill: bool = False) -> str:
    """Let the starters begin at once, and see that one of them does, that the other is told of it, and that nothing stays locked."""
    for starter in starters:
        os.write(starter.begin, b"x")
    words = [starter.word() for starter in starters]
    marks = sorted(mark for mark, _ in words)
    wrong = "" if marks == [_HELD, _WON] else f"they say {words}"
    if wrong:
        return _cleared(starters, wrong)
    winner = starters[[mark for mark, _ in words].index(_WON)]
    loser = next(starter for starter in starters if starter is not winner)
    told = dict(words)[_HELD]
    if f"pid {winner.pid}" not in told:
        wrong = f"pid {winner.pid} holds it, but the other is told: {told}"
    if kill:
        os.kill(winner.pid, signal.SIGKILL)
    codes = winner.end(), loser.end()
    if codes != (-signal.SIGKILL if kill else 0, HeldError.exit_code):
        return wrong or f"they ended with {codes}"
    if loser.run != winner.run and loser.run.journal.exists():
        return wrong or "the one that was held off has left a journal"
    return wrong or _still_locked(place, winner.run)


def _still_locked(place: Ground, run: Run) -> str:
    """Say what is locked still; "" when a next one could begin."""
    for path in (place.instance, run.lock):
        found = lock.holder(path)
        if found is not None:
            return f"{path} is still held: {found}"
        free = lock.Lock()
        free.take(path, what="it")
        free.release()
    return ""


def _cleared(starters: list[Starter], wrong: str) -> str:
    for starter in starters:
        with suppress(ProcessLookupError):
            os.kill(starter.pid, signal.SIGKILL)
        starter.end()
    return wrong
