"""What is said of a failed step, and the rows of what can be answered, as plain functions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.text import Text

from dfwizard.diagnosis import RemedyCommand
from dfwizard.execution.state import StepState
from dfwizard.planning.plan import Plan, Undo, WaitForPerson
from dfwizard.reports.choices import Choice
from dfwizard.reports.measures import brief, count
from dfwizard.reports.remedy import SAFETY
from dfwizard.reports.terminal import cut, folded, one_line, wrap, wrap_command
from dfwizard.tui import signs
from dfwizard.tui.screens.run_rows import command_of, number_of
from dfwizard.tui.styles import BAD, ODD, QUIET, STRONG
from dfwizard.tui.widgets.rowlist import Row

_ENDED = re.compile(r"The command ended [^,]*, expected was [\d or]+\.")
"""What the executor says of an exit code and nothing more."""

LABELS = {
    "remedy": "Apply the remedy",
    "retry": "Try again",
    "skip": "Leave it out",
    "rollback": "Roll back",
    "stop": "Stop here",
}
"""What each decision is called on the screen."""

_LABEL_WIDTH = 18
_BESIDE = 60
"""Columns from which an answer's name and its meaning stand side by side."""


def failure_title(plan: Plan, known: StepState) -> Text:
    """Say which step failed, and below it how."""
    number = number_of(plan, known.id)
    where = f"Step {number} of {len(plan.steps)}" if number else "A step"
    title = one_line(known.title or known.id)
    text = Text.assemble((f"{signs.FAILED} {where} failed: {title}", BAD))
    if _waits(plan, known):
        text = Text.assemble((f"{signs.WARNING} {where} waits for you: {title}", ODD))
    facts = [f"exit code {known.code}"] if known.code is not None else []
    facts += [f"after {brief(known.seconds)}"] if known.seconds else []
    facts += [f"attempt {known.attempts}"] if known.attempts > 1 else []
    facts += [count(known.remedies, "remedy", "remedies") + " applied"] if known.remedies else []
    return text.append(f"\n  {', '.join(facts)}", QUIET)


def _waits(plan: Plan, known: StepState) -> bool:
    """Tell whether the step is one that a person has to do something for: nothing has gone wrong."""
    return any(step.id == known.id and isinstance(step.action, WaitForPerson) for step in plan.steps)


def failure_text(plan: Plan, known: StepState, width: int) -> list[Text]:
    """Give all that is known of a failure, the line that matters first, for `width` columns."""
    lines = _told(known, width)
    if known.remedy_message:
        lines += [Text(), *_wrapped("The remedy  ", known.remedy_message, width, ODD)]
    if known.cause:
        lines += [Text(), *_wrapped("Cause   ", known.cause, width)]
    if known.remedy:
        lines += [*([] if known.cause else [Text()]), *_wrapped("Remedy  ", known.remedy, width)]
    lines += _guessed(known, width)
    lines += [part for one in _commands(known.commands, width - 8) for part in _indented(one, width)]
    command = command_failed(plan, known)
    if command:
        name = "What you do on the server, as root" if _waits(plan, known) else "The command that failed"
        lines += [Text(), Text(f"{name} (c copies it)", QUIET)]
        lines += [Text(line) for one in wrap_command(command, width=width) for line in cut(one, width)]
    if known.tail:
        lines += [Text(), Text("The last lines of its output (o shows all of it)", QUIET)]
        lines += [Text(line) for text in known.tail for line in cut(text, width)]
    return lines


def _told(known: StepState, width: int) -> list[Text]:
    said = known.message
    if known.line and known.code is not None and _ENDED.fullmatch(said):
        said = ""  # the exit code stands above
    message = [Text(line) for line in folded(said, width)] if said else []
    if not known.line or known.line in known.message:
        return message or [Text("It did not say why.", QUIET)]
    return [*(Text(line, STRONG) for line in folded(known.line, width)), *message]


def _guessed(known: StepState, width: int) -> list[Text]:
    """Give the other lines that tell something of a failure that is not known, and what it may be."""
    others = [text for text in known.lines if text != known.line]
    lines = [Text(line) for text in others for line in folded(text, width)]
    for guess in known.guesses:
        lines += [Text(), *_wrapped("A guess ", guess, width, ODD)]
    return lines


def _commands(commands: Sequence[RemedyCommand], width: int) -> list[Text]:
    """Give a remedy's commands; above each what it does, where there are several or where it is for a person alone."""
    lines = []
    for one in commands:
        if len(commands) > 1 or one.by_hand:
            lines += [Text(line, QUIET) for line in folded(f"# {one.does}: {SAFETY[one.safety]}", width)]
        lines += [Text(line, STRONG) for line in wrap_command(one.command, width=width)]
    return lines


def _indented(line: Text, width: int) -> list[Text]:
    return [Text(part, line.style) for part in cut(" " * 8 + line.plain, width)]


def _wrapped(name: str, text: str, width: int, style: str = "") -> list[Text]:
    lines = wrap(text, width=width, indent=" " * len(name), first=name)
    return [
        Text.assemble((lines[0][: len(name)], style or STRONG), lines[0][len(name) :]),
        *map(Text, lines[1:]),
    ]


def command_failed(plan: Plan, known: StepState) -> str:
    """Give the command that failed, else what the step runs; "" where dfwizard does it itself."""
    if known.command:
        return known.command
    step = next((one for one in plan.steps if one.id == known.id), None)
    return command_of(step, me=plan.me) if step else ""


def choice_rows(choices: Sequence[Choice], width: int) -> tuple[Row, ...]:
    """Give a row for each answer: what it is called, and what it will do, beside it or below where there is little room."""
    indent = " " * (_LABEL_WIDTH if width >= _BESIDE else 2)
    rows = []
    for choice in choices:
        label = LABELS.get(choice.decision, choice.decision)
        meaning = f"{choice.meaning[:1].upper()}{choice.meaning[1:]}."
        lines = wrap(meaning, width=width, indent=indent, first=indent)
        if width >= _BESIDE:
            first = Text.assemble((f"{label:<{_LABEL_WIDTH}}", STRONG), lines[0].lstrip())
            rows.append(Row(choice.decision, (first, *map(Text, lines[1:]))))
        else:
            rows.append(Row(choice.decision, (Text(label, STRONG), *map(Text, lines))))
    return tuple(rows)


def what_is_undone(plan: Plan, begun: tuple[str, ...]) -> tuple[str, ...]:
    """Say what a rollback puts back of what the steps of ids `begun` have done, each thing once."""
    texts = (step.undo_text for step in plan.steps if step.id in begun and step.undo is not Undo.NOTHING)
    return tuple(dict.fromkeys(texts))


def confirmation(
    decision: str, plan: Plan, known: StepState, meaning: str, begun: tuple[str, ...] = ()
) -> tuple[str, list[str | Text]] | None:
    """Give title and lines of what is asked before a decision is taken; None for one that needs no second thought."""
    if decision == "remedy":
        return "Apply the remedy?", [
            known.remedy,
            "",
            f"This is run in {plan.instance}:",
            "",
            *_commands(known.commands, 70),
            "",
            "Then the step is tried again.",
        ]
    if decision == "rollback":
        goal = "Roll the target back?" if plan.kind == "migration" else f"Roll back to {plan.frm}?"
        return goal, [
            f"What it does: {meaning}. What was begun is undone, and the result compared with what was recorded before:",
            *(f"  - {text}" for text in what_is_undone(plan, begun)),
            "",
            "Nothing is lost by waiting: the question stays open.",
        ]
    if decision == "skip":
        return "Leave this step out?", [
            f"The step: {known.title}.",
            f"What it means: {meaning}.",
            "",
            "Leave it out only when you have done by hand what it does.",
        ]
    return None
