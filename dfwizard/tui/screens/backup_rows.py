"""What the screen of the backup shows, as lines: what will be saved and what follows; how far the backup is."""

from __future__ import annotations

import textwrap
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.state import StepState, StepStatus
from dfwizard.reports.measures import about, count, size, span
from dfwizard.reports.outline import ON_FAILURE, first_change
from dfwizard.reports.terminal import plain, wrap
from dfwizard.tui import signs
from dfwizard.tui.styles import BAD, LIVE, ODD, OK, QUIET, STEP_SIGNS, STRONG, bar, fitted

if TYPE_CHECKING:
    from dfwizard.backup.outlook import BackupOutlook, BackupProgress, PartProgress
    from dfwizard.planning.plan import Plan

_PARTS = {"env": ".env", "database": "database", "tree": "code"}
_LABEL = 12
_RATE_SECONDS = 15.0


# Before the run ----------------------------------------------------------------------------------------------------


def proposal(
    outlook: BackupOutlook | None,
    plan: Plan,
    on_failure: OnFailure,
    *,
    missing: str,
    width: int,
    source: Source | None = None,
) -> list[Text]:
    """Say what will be saved, where, how large, how it is proven, and what happens then.

    `outlook` is None while it is being worked out; `missing` says why it cannot begin, "" when it can; `source` is a migration's.
    """
    saved = (
        "What is saved of the target before anything changes"
        if source
        else "What is saved before anything changes"
    )
    lines = [Text(saved, STRONG)]
    if outlook is None:
        lines.append(Text("  Looking at sizes and free space ...", QUIET))
    else:
        lines += [_part(part.name, part.what, part.size, width) for part in outlook.parts]
    lines += _labelled("Where", f"{plan.backup}  (d: elsewhere)", width)
    if outlook is not None:
        lines += _labelled("Size", f"about {size(outlook.size)}", width)
        lines += _labelled("Time", f"{about(outlook.seconds)} to take it and to prove it", width)
        lines += _free(outlook, width)
        lines += _labelled("Proof", outlook.proof, width)
    lines += _labelled("On failure", f"{ON_FAILURE[on_failure]}  (f: otherwise)", width)
    if source is not None:
        lines += [Text(""), *_source_lines(source, plan, width)]
    lines.append(Text(""))
    if missing:
        return [*lines, *(Text(line, ODD) for line in wrap(missing, width=width))]
    return [*lines, *(Text(line) for line in wrap(first_change(plan), width=width))]


def steps(plan: Plan, width: int) -> list[Text]:
    """Give the steps of the plan, one line of at most `width` columns each."""
    road = f" {signs.ARROW} ".join((plan.frm, *(hop.to for hop in plan.hops)))
    lines = [Text(f"The {count(len(plan.steps), 'step')} of the {plan.kind} {plain(road)}", STRONG)]
    titles = (f"{number:>4}. {plain(one.title)}" for number, one in enumerate(plan.steps, 1))
    return [*lines, *(Text(fitted(title, width)) for title in titles)]


def question(place: str, plan: Plan, accepted: Iterable[str], on_failure: OnFailure) -> Sequence[str]:
    """Give what one is asked before the upgrade of the instance at `place`, or the migration to it, begins."""
    steps_ = f"from {plan.frm} to {plan.to}, in {count(len(plan.steps), 'step')}."
    lines = [place, steps_, ""]
    if plan.source:
        lines = [
            f"From {plan.source} on {_machine(plan.source_host)}, which is only read,",
            f"to {place}, whose database is replaced:",
            steps_,
            "",
        ]
    lines += [
        first_change(plan),
        f"When a step fails: {ON_FAILURE[on_failure]}.",
    ]
    names = ", ".join(sorted(accepted))
    if names:
        lines.append(f"Upon your own responsibility: {names}.")
    return [*lines, "", "It goes on when this terminal is closed. y starts it."]


@dataclass(frozen=True)
class Source:
    """What is saved of a migration's source: the bytes of its database (None: not known), and of the files that go over."""

    database: int | None
    files: tuple[tuple[str, int], ...] = ()


def _machine(host: str) -> str:
    return "this machine" if host == "localhost" else host


def _source_lines(source: Source, plan: Plan, width: int) -> list[Text]:
    lines = [Text("What is saved of the source, which is only read", STRONG)]
    lines.append(_part("env", ".env, byte for byte", 0, width, shown=""))
    lines.append(_part("database", "a consistent dump of its system database", source.database or 0, width))
    lines += [_part("files", path, amount, width) for path, amount in source.files]
    lines += _labelled("Where", f"{plan.source_backup} on {_machine(plan.source_host)}", width)
    if plan.carried != plan.source_backup:
        lines += _labelled("Copied to", f"{plan.carried} on {_machine(plan.host)}", width)
    return lines


def _part(name: str, what: str, amount: int, width: int, *, shown: str | None = None) -> Text:
    shown = size(amount) if shown is None else shown
    room = max(width - _LABEL - len(shown) - 4, 10)
    return Text(f"  {_PARTS.get(name, name):<{_LABEL - 2}}{fitted(plain(what), room):<{room}}  {shown}")


def _free(outlook: BackupOutlook, width: int) -> list[Text]:
    if outlook.free_before is None:
        return _labelled("Free space", "not known", width)
    where = f"on {outlook.mount}: " if outlook.mount else ""
    after = outlook.free_after
    if after is not None and after < 0:
        text = f"{where}{size(outlook.free_before)} now, which is {size(-after)} too little"
        return _labelled("Free space", text, width, BAD)
    return _labelled("Free space", f"{where}{size(outlook.free_before)} now, {size(after)} after", width)


def _labelled(label: str, text: str, width: int, style: str = "") -> list[Text]:
    # Words as long as paths are broken, too: nothing of where the backup goes may be out of sight.
    first, *rest = textwrap.wrap(plain(text), max(width - _LABEL, 20), break_on_hyphens=False) or [""]
    head = Text.assemble((f"{label:<{_LABEL}}", STRONG), (first, style))
    return [head, *(Text(" " * _LABEL + line, style) for line in rest)]


# While it is written and proven ------------------------------------------------------------------------------------


@dataclass
class Speed:
    """How fast something grows, over the last seconds: `add` what was seen and when."""

    seen: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, moment: float, amount: int) -> None:
        """Take note of an amount at a moment (seconds of a steady clock)."""
        if self.seen and amount < self.seen[-1][1]:
            self.seen.clear()  # a part was begun anew
        self.seen.append((moment, amount))
        while len(self.seen) > 2 and moment - self.seen[0][0] > _RATE_SECONDS:
            self.seen.popleft()

    @property
    def rate(self) -> float:
        """Give the bytes per second, 0 while that is not known."""
        if len(self.seen) < 2:
            return 0.0
        (start, first), (end, last) = self.seen[0], self.seen[-1]
        return (last - first) / (end - start) if end > start else 0.0


def going_on(
    backup: StepState,
    proof: StepState,
    progress: BackupProgress | None,
    rate: float,
    directory: str,
    *,
    width: int,
) -> list[Text]:
    """Say how far the backup and its proof are; `rate` in bytes per second, 0 when it is not known."""
    lines = [_step("Backup", backup), *_labelled("  into", directory, width)]
    if progress is not None and progress.parts:
        lines += [_part_going_on(part, width) for part in progress.parts]
        lines += _together(backup, progress, rate, width)
    else:
        lines.append(Text("  Its first bytes are awaited ...", QUIET))
    lines.append(_step("Proof", proof))
    if proof.status is StepStatus.WAITING:
        lines.append(Text("  It begins when the backup is complete.", QUIET))
    elif proof.status is StepStatus.RUNNING:
        lines.append(Text("  The backup is restored into a scratch place and compared.", QUIET))
    return lines


def _step(label: str, step: StepState) -> Text:
    sign, word, style = STEP_SIGNS[step.status]
    took = f" in {span(step.seconds)}" if step.status is StepStatus.DONE else ""
    said = took + (f"  {plain(step.message or step.note)}" if step.message or step.note else "")
    return Text.assemble((f"{label:<{_LABEL}}", STRONG), (f"{sign} {word}", style), said)


def _part_going_on(part: PartProgress, width: int) -> Text:
    sign, style = {"done": (signs.DONE, OK), "writing": (signs.RUNNING, LIVE)}.get(
        part.state, (signs.WAITING, QUIET)
    )
    lead = Text.assemble("  ", (f"{sign} {part.state:<8}", style), f" {_PARTS.get(part.name, part.name):<10}")
    if part.state == "done":
        return lead.append(size(part.written))
    if part.state == "waiting":
        return lead.append(f"about {size(part.expected)}", QUIET)
    return lead.append_text(_amount(part.written, part.expected, width))


def _amount(written: int, expected: int, width: int) -> Text:
    drawn = bar(_share(written, expected), max(min(width - 56, 40), 8))
    return drawn.append(f" {size(written)} of about {size(expected)}")


def _together(backup: StepState, progress: BackupProgress, rate: float, width: int) -> list[Text]:
    """Say how far all parts are together, and below that how fast it goes: in one line it would not fit."""
    if backup.status in (StepStatus.DONE, StepStatus.ALREADY_DONE):
        return [Text(f"{'':13}{'together':<10}{size(progress.written)}")]
    lines = [
        Text(f"{'':13}{'together':<10}").append_text(_amount(progress.written, progress.expected, width))
    ]
    if rate > 0:
        left = max(progress.expected - progress.written, 0)
        lines.append(Text(f"{'':23}{size(round(rate))}/s, {about(left / rate)} left"))
    return lines


def _share(written: int, expected: int) -> float:
    """Give how much is done; what is expected is a guess, so that it is never all before it is said to be."""
    return min(written / expected, 0.99) if expected else 0.0
