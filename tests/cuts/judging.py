"""What a run did, from what the shims saw and what is left on the servers; compared with the same run without cuts."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from dfwizard.execution.events import StepStarted
from dfwizard.execution.journal import read as read_journal
from dfwizard.execution.state import StepState
from dfwizard.planning.plan import Execute, Step
from tests.cuts.cutting import Journey
from tests.cuts.roads import Road
from tests.cuts.shims import Start
from tests.lab.test_hostile import leftovers
from tests.lab.test_interruption import processes_of

_SETTLING = 10.0
"""Seconds that the last processes have to end in."""

Key = tuple[str, str, tuple[str, ...], str]


@dataclass
class Verdict:
    """What is to be said of one run. `doubles` and `lost` name the step that they belong to, with the number of starts or bytes."""

    starts: int = 0
    commands: int = 0
    """Commands of the plan, of which each was started exactly once in a good run."""
    compared: int = 0
    """Bytes of output that were compared."""
    doubles: list[tuple[str, int]] = field(default_factory=list)
    lost: list[tuple[str, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is to be complained of."""
        return not (self.doubles or self.lost or self.problems)


def judge(road: Road, journey: Journey, reference: Counter[Key] | None = None) -> Verdict:
    """Look at all that the run has left, and compare the starts with those of a `reference` run, where there is one."""
    verdict = Verdict()
    seen = _seen(road, journey)
    verdict.starts = len(seen)
    _require_arrival(road, journey, verdict)
    _look_at_steps(journey, seen, verdict)
    if reference is not None:
        _compare_starts(road, seen, reference, verdict)
    _look_for_remains(road, journey, verdict)
    return verdict


def starts(road: Road, journey: Journey) -> Counter[Key]:
    """Give how often each command was started, without what differs from run to run."""
    return Counter(_key(road, one) for one in _seen(road, journey))


@dataclass(frozen=True)
class _Seen:
    """A start that a shim saw, on which server, and the step that was at work then."""

    server: str
    start: Start
    step: str


def _seen(road: Road, journey: Journey) -> list[_Seen]:
    begun = [
        (datetime.fromisoformat(record.time).timestamp(), record.event.step)
        for record in read_journal(journey.run.journal).records
        if isinstance(record.event, StepStarted)
    ]
    found = []
    for server in road.servers:
        for start in server.shims.starts():
            if start.mark == journey.run.id:
                # The journal has milliseconds.
                before = [step for moment, step in begun if moment <= start.time + 0.001]
                found.append(_Seen(server.name, start, before[-1] if before else ""))
    return found


def _key(road: Road, one: _Seen) -> Key:
    def plain(text: str) -> str:
        for server in road.servers:
            text = text.replace(str(server.lab.directory), f"<{server.name}>")
        text = text.replace(one.start.mark, "<run>")
        text = re.sub(r"[0-9]{8}-[0-9]{6}(-[0-9a-f]{4})?", "<time>", text)
        return re.sub(r"(dfwizard_[a-z_]+_)[0-9A-Za-z]{8,}", r"\1<random>", text)

    return one.server, one.start.program, tuple(map(plain, one.start.argv)), plain(one.start.cwd)


def _require_arrival(road: Road, journey: Journey, verdict: Verdict) -> None:
    if journey.code != road.code:
        end = "\n".join(journey.said.splitlines()[-15:])
        verdict.problems.append(f"it ended with {journey.code} instead of {road.code}:\n{end}")
        return
    if journey.resumed:
        verdict.problems.append(f"it was left unfinished {journey.resumed} times, and resumed by hand")
    try:
        road.arrived(journey.said)
    except AssertionError as error:
        verdict.problems.append(f"it is not where it should be: {str(error)[:2000]}")


def _look_at_steps(journey: Journey, seen: list[_Seen], verdict: Verdict) -> None:
    """See of every step that it was begun once, and of every command of the plan that it was started once and said what is kept of it."""
    plans = journey.run.plans()
    for phase in journey.run.state().phases:
        for step in plans[phase.plan].steps:
            known = phase.step(step.id)
            if known.attempts > 1:
                verdict.doubles.append((step.id, known.attempts - 1))
            if known.attempts and isinstance(step.action, Execute):
                _look_at_command(journey, step, step.action, known, seen, verdict)


def _look_at_command(
    journey: Journey, step: Step, action: Execute, known: StepState, seen: list[_Seen], verdict: Verdict
) -> None:
    program, argv = action.argv[0].rpartition("/")[2], action.argv[1:]
    its = [
        one.start
        for one in seen
        if (one.step, one.start.program, one.start.argv) == (step.id, program, argv)
        and (action.cwd is None or one.start.cwd == action.cwd)
    ]
    if not its:
        verdict.problems.append(f"nobody saw the command of the step {step.id} start: {program}")
        return
    verdict.commands += 1
    if len(its) > known.attempts:
        verdict.doubles.append((step.id, len(its) - known.attempts))
    if not its[0].heard:
        return
    kept = b"".join((journey.run.directory / name).read_bytes() for name in known.outputs)
    out, err = b"".join(one.out for one in its), b"".join(one.err for one in its)
    verdict.compared += len(out) + len(err)
    if not is_interleaved(kept, out, err):
        verdict.lost.append((step.id, max(1, len(out) + len(err) - len(kept))))


def is_interleaved(whole: bytes, one: bytes, other: bytes) -> bool:
    """Tell whether `whole` is made of the bytes of `one` and `other`, each in their order, and nothing else."""
    if len(whole) != len(one) + len(other):
        return False
    taken = {0}  # how many bytes of `one` may have gone into what was looked at so far
    for position, byte in enumerate(whole):
        following = set()
        for count in taken:
            rest = position - count
            if count < len(one) and one[count] == byte:
                following.add(count + 1)
            if rest < len(other) and other[rest] == byte:
                following.add(count)
        if not following:
            return False
        taken = following
    return True


def _compare_starts(road: Road, seen: list[_Seen], reference: Counter[Key], verdict: Verdict) -> None:
    """Every start in a step, the questions that steps ask included, happens as often as without cuts."""
    found = Counter(_key(road, one) for one in seen)
    for key, count in (found - reference).items():
        step = next(one.step for one in reversed(seen) if _key(road, one) == key)
        if reference[key]:
            verdict.doubles.append((step, count))
        verdict.problems.append(f"{count} starts too many in {step}: {_shown(key)}")
    verdict.problems += [
        f"{count} starts too few: {_shown(key)}" for key, count in (reference - found).items()
    ]


def _shown(key: Key) -> str:
    server, program, argv, cwd = key
    return f"{program} {' '.join(argv)[:300]} (on {server}, in {cwd})"


def _look_for_remains(road: Road, journey: Journey, verdict: Verdict) -> None:
    deadline = time.monotonic() + _SETTLING
    while (remains := _remains(road, journey)) and time.monotonic() < deadline:
        time.sleep(0.2)
    verdict.problems += remains


def _remains(road: Road, journey: Journey) -> list[str]:
    found = [f"a process of the run is still there: {pid}" for pid in processes_of(journey.run)]
    for server in road.servers:
        found += [f"a job is still kept: {job}" for job in server.jobs(journey.run.id)]
        found += [f"a process has stayed on {server.name}: {stray}" for stray in server.strays()]
        found += [f"a connection to {server.name} is still open" for _ in range(server.link.connections())]
        found += [f"it has left {path}" for path in leftovers(server.lab.directory)]
    return found
