"""The rows of the path screen, and what is written about one release: needs, notes of its legs, the plan's steps."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from dfwizard.planning.choices import Choice
from dfwizard.planning.findings import Severity
from dfwizard.planning.needs import Need, in_words
from dfwizard.planning.plan import EditDotenv, Hop, Plan, Step
from dfwizard.planning.road import Course
from dfwizard.prospects import Prospect
from dfwizard.reports.commands import described, shown
from dfwizard.reports.measures import count
from dfwizard.reports.terminal import cut, plain, plain_lines, wrap, wrap_command
from dfwizard.tui import signs
from dfwizard.tui.styles import BAD, ODD, OK, QUIET, SEVERITY_SIGNS, fitted
from dfwizard.tui.widgets.rowlist import Row

_MET = {
    True: (signs.DONE, OK, "met"),
    False: (signs.FAILED, BAD, "NOT MET"),
    None: (signs.INFO, "cyan", "open"),
}


def offered(choices: Sequence[Choice], *, every: bool) -> tuple[Choice, ...]:
    """Give the releases to list: all, or the newest and the newest of each major."""
    if every:
        return tuple(choices)
    found = tuple(one for one in choices if (one.newest or one.newest_of_major) and not one.refused)
    return found or tuple(choices)


def release_rows(choices: Sequence[Choice], planned: str, minor: str, width: int) -> tuple[Row, ...]:
    """Give a row for each release; `planned` is the tag of the one whose plan stands, `minor` the command line's PHP."""
    return tuple(_release_row(one, planned, minor, width - 2) for one in choices)


def _release_row(choice: Choice, planned: str, minor: str, width: int) -> Row:
    if choice.refused:
        text = f"{signs.FAILED} {choice.tag:<8} {choice.date}  not offered: {choice.refused}"
        return Row.of(choice.tag, Text(fitted(plain(text), width), QUIET))
    sign, style, _ = _MET[choice.php_met]
    mark = f"last {choice.tag.partition('.')[0]}.x" if choice.newest_of_major else ""
    mark = "PLANNED" if choice.tag == planned else "newest" if choice.newest else mark
    head = Text.assemble(
        (f"{sign} ", style), (f"{choice.tag:<8} ", "bold"), f"{choice.date}  ", (f"{mark:<9}", "cyan")
    )
    legs = "" if len(choice.hops) == 1 else f", {len(choice.hops)} legs"
    needed = _php(choice, minor) + legs
    unmet = choice.php_met is False
    head.append(fitted(f" {needed}", max(width - len(head.plain), 0)), style if unmet else "")
    return Row.of(choice.tag, head)


def _php(choice: Choice, minor: str) -> str:
    window = f"PHP {in_words(choice.php, to='-')}"
    if choice.php_met is None:
        return f"{window} (not compared)"
    if choice.php_met:
        return window
    return f"{window}, another ON THE WAY" if minor in choice.php else f"{window} NOT MET"


def verdict(prospect: Prospect, accepted: frozenset[str]) -> Text:
    """Say in one line what stands between the plan and its start."""
    blockers = len(prospect.blockers(accepted))
    warnings = sum(one.severity is Severity.WARNING for one in prospect.findings)
    steps = count(len(prospect.plan.steps), "step")
    if not blockers and not warnings:
        return Text.assemble(
            (f"{signs.DONE} ", OK), f"Planned: {steps}; nothing speaks against it. n: checks"
        )
    severity = Severity.BLOCKER if blockers else Severity.WARNING
    sign, _, style = SEVERITY_SIGNS[severity]
    found = [count(blockers, "blocker")] if blockers else []
    found += [count(warnings, "warning")] if warnings else []
    return Text.assemble((f"{sign} ", style), f"Planned: {steps}; {' and '.join(found)}: n shows the checks")


def road_lines(
    hops: Sequence[Hop],
    needed: Sequence[Need],
    ways: Sequence[Text],
    breaking: Sequence[Sequence[str]],
    width: int,
) -> list[Text]:
    """Give what the road needs, in which other `ways` it can be taken and, for each leg, its method, notes, breaking changes, warnings."""
    lines = [Text("Needs", "bold")]
    for need in needed:
        sign, style, word = _MET[need.met]
        said = f"{need.what}: {need.found}" if need.met is None else f"{need.what}: {word}, {need.found}"
        lines += _item(sign, style, said, width)
    lines += ways
    for hop, changes in zip(hops, breaking, strict=True):
        lines += [
            Text(),
            Text.assemble((f"{hop.frm} {signs.ARROW} {hop.to}", "bold"), f"  {plain(hop.method)}"),
        ]
        for warning in hop.warnings:
            lines += _item(signs.WARNING, ODD, f"Warning: {warning}", width)
        for change in changes:
            lines += _item(signs.WARNING, ODD, f"Breaking: {change}", width)
        for note in hop.notes:
            lines += _item(signs.INFO, "cyan", note, width)
    return lines


def course_lines(choice: Choice, course: Course, unmet: bool, width: int) -> list[Text]:
    """Say in which other way the road can be taken, with the key; nothing where there is none (`unmet`: another PHP is needed)."""
    lines: list[Text] = []
    if course.direct:
        lines += _item(signs.INFO, "cyan", "The direct road is chosen. d: over the guide's stops", width)
    elif choice.direct:
        text = f"The stop at {' and at '.join(choice.hops[:-1])} can be left out. d: the direct road"
        lines += _item(signs.INFO, "cyan", text, width)
        for reason in choice.direct:
            lines += [Text(line, QUIET) for line in wrap(reason, width=width, indent="    ", first="    ")]
    if course.gates:
        lines += _item(
            signs.INFO, "cyan", "The run waits where PHP is to be switched. w: without waiting", width
        )
    elif unmet:
        text = "Another PHP is needed on the way. w: have the run wait while you switch it"
        lines += _item(signs.INFO, "cyan", text, width)
    return [Text(), Text("Other ways", "bold"), *lines] if lines else []


def _item(sign: str, style: str, text: str, width: int) -> list[Text]:
    first, *rest = wrap(text, width=width, indent="  ", first="  ")
    return [Text.assemble((f"{sign} ", style), first[2:]), *(Text(line) for line in rest)]


def step_lines(plan: Plan, width: int) -> list[Text]:
    """Give the plan's steps with their commands."""
    title = f"Steps ({len(plan.steps)})"
    lines = [Text(title, "bold")]
    for number, step in enumerate(plan.steps, 1):
        lines += _step_lines(plan, number, step, width)
    return lines


def _step_lines(plan: Plan, number: int, step: Step, width: int) -> list[Text]:
    label = f"{number:>2}. "
    lines = [Text(line, "bold") for line in wrap(step.title, width=width, indent="    ", first=label)]
    for command in shown(step, me=plan.me):
        wrapped = wrap_command(command, width=width, indent="    ")
        lines += [Text(part) for line in wrapped for part in cut(line, width)]
    if what := described(step.action):
        lines += [Text(line, QUIET) for line in wrap(what, width=width, indent="    ")]
    if isinstance(step.action, EditDotenv):
        for line in plain_lines(step.action.diff):
            lines += [Text(part) for part in cut(f"      {line}".rstrip(), width)]
    return lines
