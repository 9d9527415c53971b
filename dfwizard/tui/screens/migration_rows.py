"""The two ends of a migration as lines: where each is, what is installed there, what is odd; and what speaks against the pair."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from dfwizard.planning.findings import Severity
from dfwizard.reports.measures import count, size
from dfwizard.reports.terminal import folded, plain, wrap
from dfwizard.tui import signs
from dfwizard.tui.screens.detection_answers import SUBJECTS, answer, odd, values
from dfwizard.tui.styles import BAD, ODD, OK, QUIET, SEVERITY_SIGNS, STRONG, fitted
from dfwizard.tui.widgets.rowlist import Row, heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dfwizard.instance.discover import Found
    from dfwizard.instance.facts import DatabaseFacts, Facts
    from dfwizard.migrating import MigrationProspect
    from dfwizard.planning.findings import Finding

INSTANCE = "instance:"
OTHER, SERVER, HERE = "other", "server", "here"

ABOUT_ENDS = ("same-database", "engine-mismatch", "target-older", "target-not-working")
"""The findings that say that these two ends are no pair: there is nothing to choose about them."""

_NAME = 10
_COUNTED = (("user", "user"), ("service", "service"), ("role", "role"), ("app", "app"))


@dataclass(frozen=True)
class End:
    """One end as far as it is known: `place` "" none was chosen, `heard` subjects answered so far, `problem` why it cannot be used."""

    place: str = ""
    facts: Facts | None = None
    heard: tuple[str, ...] = ()
    problem: str = ""


def end_lines(end: End, *, key: str, width: int) -> list[Text]:
    """Tell what is known of an end; `key` chooses it."""
    if not end.place:
        return [Text(f"Not chosen yet: {key} chooses it.", ODD)]
    if end.problem:
        lines = [Text(line, STRONG) for line in folded(end.place, width)]
        return [*lines, *(Text(line, BAD) for line in wrap(f"{signs.FAILED} {end.problem}", width=width))]
    if end.facts is None:
        lines = [Text(line, STRONG) for line in folded(end.place, width)]
        last = f" ({dict(SUBJECTS).get(end.heard[-1], end.heard[-1])})" if end.heard else ""
        return [*lines, Text(f"Looking at it; nothing is changed {signs.MORE}{last}", QUIET)]
    return _facts_lines(end.facts, width)


def _facts_lines(facts: Facts, width: int) -> list[Text]:
    cli = facts.cli()
    where = "this machine" if facts.place == facts.path else facts.host
    pairs: list[tuple[str, str, str]] = [
        ("host", f"{where}, as {facts.me}", ""),
        ("path", facts.path, STRONG),
        ("release", f"{facts.version.release or 'NOT KNOWN'}, PHP {cli.version if cli else 'NOT FOUND'}", ""),
        *_database(facts.database),
    ]
    said = {name: answer(name, value) for name, value in values(facts).items()}
    names = [f"{dict(SUBJECTS)[name]} {said[name].word}" for name in odd(said)]
    if names:
        pairs.append(("odd", ", ".join(names), ODD))
    else:
        pairs.append(("odd", "nothing", OK))
    return [line for name, value, style in pairs for line in _pair(name, value, style, width)]


def _database(database: DatabaseFacts | None) -> list[tuple[str, str, str]]:
    if database is None:
        return [("database", "NOT KNOWN: the settings do not say which", BAD)]
    where = database.address if database.driver == "sqlite" else f"{database.name} at {database.address}"
    server = f"{database.driver} {database.server or ''}".rstrip()
    if not database.reachable:
        return [("database", f"{server}, {where}: NO ANSWER ({database.error or 'no reason given'})", BAD)]
    held = ", ".join(count(database.tables.get(table, 0), noun) for table, noun in _COUNTED)
    return [("database", f"{server}, {where}", ""), ("holds", f"{held}; {size(database.size)}", "")]


def _pair(name: str, value: str, style: str, width: int) -> list[Text]:
    lines = folded(value, width - _NAME)
    return [
        Text.assemble((f"{'' if number else name:<{_NAME}}", QUIET), (line, style))
        for number, line in enumerate(lines)
    ]


# What speaks against it --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What can be said of the pair: `problem` why nothing can be planned, `prospect` once it was planned, `comparing` until then."""

    problem: str = ""
    prospect: MigrationProspect | None = field(default=None, repr=False)
    comparing: bool = False

    @property
    def refused(self) -> tuple[Finding, ...]:
        """Give the findings that say that the two are no pair."""
        found = self.prospect.findings if self.prospect else ()
        return tuple(
            one
            for one in found
            if one.id in ABOUT_ENDS and one.severity is Severity.BLOCKER and not one.acceptable
        )

    @property
    def may_go_on(self) -> bool:
        """Tell whether there is anything to go on with."""
        return self.prospect is not None and not self.refused


def verdict_lines(verdict: Verdict, *, width: int) -> list[Text]:
    """Say whether these two can be source and target, and what the checks will show."""
    if verdict.comparing:
        return [Text(f"Comparing the two {signs.MORE}", QUIET)]
    if verdict.problem:
        return [Text(line, BAD) for line in wrap(f"{signs.FAILED} {verdict.problem}", width=width)]
    if verdict.prospect is None:
        return []
    refused = verdict.refused
    if refused:
        lines = []
        for one in refused:
            lines += [Text(line, BAD) for line in wrap(f"{signs.FAILED} {one.title}", width=width)]
            more = " ".join(part for part in (one.why, one.remedy) if part)
            lines += [Text(line) for line in wrap(more, width=width, indent="  ")]
        return lines
    return _counted(verdict.prospect, width)


def _counted(prospect: MigrationProspect, width: int) -> list[Text]:
    blockers = [one for one in prospect.findings if one.severity is Severity.BLOCKER]
    warnings = [one for one in prospect.findings if one.severity is Severity.WARNING]
    road = f"{prospect.plan.frm} {signs.ARROW} {prospect.plan.to}"
    if not blockers and not warnings:
        return [Text.assemble((f"{signs.DONE} {road}: nothing speaks against it.", OK), " n: what goes over")]
    sign, _, style = SEVERITY_SIGNS["blocker" if blockers else "warning"]
    found = [count(len(blockers), "blocker")] if blockers else []
    found += [count(len(warnings), "warning")] if warnings else []
    titles = "; ".join(one.title for one in (*blockers, *warnings))
    text = f"{sign} {road}: {' and '.join(found)}, shown by the checks: {titles}"
    lines = wrap(text, width=width, indent="  ", first="")
    if len(lines) > 3:
        lines = [*lines[:2], fitted(f"{lines[2]} {lines[3].strip()}", width - 1)]
    return [Text(line, style if number == 0 else "") for number, line in enumerate(lines)]


# Choosing ----------------------------------------------------------------------------------------------------------


def choices(
    host: str, found: Sequence[Found] | None, problem: str, width: int, *, without: Iterable[str] = ()
) -> list[Row]:
    """Give the rows of an end that is to be chosen: what was found on a machine (None: still looked for), and how to name another."""
    machine = f"on {plain(host)}" if host else "on this machine"
    made = [heading(f"Instances {machine}")]
    if problem:
        lines = [Text(line, ODD) for line in wrap(problem, width=width)]
        made.append(Row("problem", tuple(lines), enabled=False))
    elif found is None:
        made.append(Row.of("looking", Text("looking ...", QUIET), enabled=False))
    elif not found:
        made.append(Row.of("none", Text("None was found in the usual places.", QUIET), enabled=False))
    taken = set(without)
    for one in found or ():
        mark = "  (the other end)" if one.path in taken else ""
        text = Text(fitted(plain(one.path), width - 24), STRONG)
        text.append(f"  {plain(one.version or '?')}{mark}", QUIET)
        made.append(Row.of(f"{INSTANCE}{one.path}", text))
    made.append(Row.of("gap", "", enabled=False))
    made.append(Row.of(OTHER, "Another path ..."))
    made.append(Row.of(SERVER, "Another server, over SSH ..."))
    if host:
        made.append(Row.of(HERE, "Back to this machine"))
    return made
