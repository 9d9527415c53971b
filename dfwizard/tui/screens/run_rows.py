"""What the screens of a run show, as plain functions of plan and state: how far it is, what a step is, where its output stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from dfwizard.execution.progress import Progress
from dfwizard.execution.state import RunState, StepState
from dfwizard.reports.commands import described, shown
from dfwizard.reports.measures import about, between, brief, count
from dfwizard.reports.terminal import cut, one_line, plain, wrap_command
from dfwizard.tui import signs
from dfwizard.tui.styles import ODD, QUIET, STEP_SIGNS, STRONG, bar, fitted

if TYPE_CHECKING:
    from dfwizard.planning.plan import Plan, Step


_DIALOG_WIDTH = 70


def number_of(plan: Plan, step_id: str | None) -> int:
    """Give the number of a step, from 1; 0 when the plan does not have it."""
    return next((number for number, step in enumerate(plan.steps, 1) if step.id == step_id), 0)


def headline(plan: Plan, state: RunState) -> Text:
    """Say which phase of what is going on, and at which step."""
    name = f"{plan.kind.capitalize()} {plan.frm} {signs.ARROW} {plan.to}"
    if plan.kind == "rollback" and plan.source:
        name = "Rollback of the migration"  # the releases are those of two instances
    text = Text.assemble((name, STRONG))
    at = state.mending or state.current or (state.question.step if state.question else None)
    number = number_of(plan, at)
    if number:
        text.append(f"  step {number} of {len(plan.steps)}: {one_line(plan.steps[number - 1].title)}")
    else:
        done = sum(state.phase.step(step.id).status.over for step in plan.steps) if state.phase else 0
        text.append(f"  {done} of {count(len(plan.steps), 'step')} done")
    return text


def progress_line(found: Progress, elapsed: float | None, width: int) -> Text:
    """Draw how far it is: a bar, the share, the time that is left and the time it took."""
    parts = [f"{round(found.share * 100):>3} %"]
    if found.left is not None and found.done < found.total:
        parts.append(f"{about(found.left)} left")
    if elapsed is not None:
        parts.append(f"{brief(elapsed)} so far")
    words = "   ".join(parts)
    return Text.assemble(bar(found.share, max(min(width - cell_len(words) - 3, 60), 8)), "  ", words)


def elapsed_of(state: RunState, now: datetime) -> float | None:
    """Give the seconds since the present phase began, up to its end."""
    phase = state.phase
    if phase is None:
        return None
    return between(phase.started, phase.ended or now.isoformat())


def detail_lines(step: Step, known: StepState, *, me: str) -> Sequence[str | Text]:
    """Say all that there is to say of a step: why, how, what taking it back means, where it comes from, how it went."""
    sign, word, style = STEP_SIGNS[known.status]
    attempts = f", {count(known.attempts, 'attempt')}" if known.attempts > 1 else ""
    spent = f", {brief(known.seconds)}" if known.seconds else ""
    lines: list[str | Text] = [
        Text.assemble((f"{sign} {word}", style), attempts, spent),
        *([known.note] if known.note else []),
        "",
        step.reason,
    ]
    commands = shown(step, me=me)
    lines += ["", *_commands(commands)] if commands else ["", described(step.action)]
    if step.done_when is not None:
        lines += ["", "It is left out when what it does is found done already."]
    lines += ["", f"Taking it back: {step.undo_text}"]
    if step.skippable:
        lines.append("If it fails it may be left out.")
    if not step.required:
        lines.append("If it fails the run goes on without it, with a warning.")
    if step.guide:
        lines.append(f"From the upgrade guide: {step.guide}")
    if step.departs:
        lines.append(f"Other than the guide: {step.departs}")
    if known.message:
        lines += ["", Text("The last failure", ODD), *known.message.splitlines()]
    return lines


def _commands(commands: Sequence[str]) -> list[str | Text]:
    return [
        Text(part)
        for command in commands
        for line in wrap_command(command, width=_DIALOG_WIDTH)
        for part in cut(line, _DIALOG_WIDTH)
    ]


def command_of(step: Step, *, me: str) -> str:
    """Give what is typed in a shell to do what the step does; "" where dfwizard does it itself."""
    return "\n".join(shown(step, me=me))


def outputs_of(known: StepState) -> tuple[tuple[str, str], ...]:
    """Give the name of each output of a step (`attempt 2`, `remedy 1`) and its file, the attempts first."""
    from dfwizard.execution.remedies import output_label

    return (
        *((f"attempt {number}", file) for number, file in enumerate(known.outputs, 1)),
        *((output_label(file), file) for file in known.remedy_outputs),
    )


def output_heading(step: str, total: int, kept: int, *, following: bool, width: int) -> Text:
    """Head the live output: whose it is, how much there is, and whether its end is in sight."""
    parts = [count(total, "line")] if total else ["nothing so far"]
    if total > kept:
        parts.append(f"the last {kept} here")
    if not following:
        parts.append("HELD: End goes on")
    words = ", ".join(parts)
    lead = (
        fitted(f"{signs.LINE * 2} Output of {plain(step)}: ", max(width - len(words) - 1, 10))
        if step
        else (f"{signs.LINE * 2} Output: ")
    )
    return Text.assemble((lead, QUIET if following else ODD), (words, QUIET if following else ODD))
