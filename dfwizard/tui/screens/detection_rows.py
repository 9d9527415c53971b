"""The rows of the detection screen, and the details of each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich.cells import cell_len
from rich.text import Text

from dfwizard.instance.facts import Evidence, Facts, VersionFacts
from dfwizard.reports.facts_text import sections
from dfwizard.reports.measures import moment, span
from dfwizard.reports.terminal import Table, columns, one_line, plain, wrap
from dfwizard.tui import signs
from dfwizard.tui.screens.detection_answers import SUBJECTS, Answer, Look, answer, odd, values
from dfwizard.tui.styles import BAD, ODD, OK, QUIET, fitted
from dfwizard.tui.widgets.rowlist import Row, heading

_HASH = re.compile(r"\b([0-9a-f]{10})[0-9a-f]{20,}\b")
_TABLE = 72
"""Columns from which the evidence is a table."""
_NAME, _WORD = 12, 13
_LOOKS = {
    Look.FINE: (signs.DONE, OK, ""),
    Look.ODD: (signs.WARNING, ODD, ODD),
    Look.BAD: (signs.FAILED, BAD, BAD),
}
_SECTIONS = {
    "tree": ("Tree",),
    "git": ("Git",),
    "php": ("PHP and composer",),
    "composer": ("PHP and composer",),
    "web": ("Web server",),
    "dotenv": ("Settings (.env)",),
    "database": ("Database",),
    "key": ("Application",),
    "artisan": ("Application",),
    "maintenance": ("Application",),
    "status": ("Application",),
    "space": ("Free space",),
}


def live_rows(said: Mapping[str, object], width: int) -> tuple[Row, ...]:
    """Give a row for each subject while the answers come in; those without one yet are being looked at."""
    answers = {name: answer(name, value) for name, value in said.items()}
    return tuple(_row(name, title, answers.get(name), width) for name, title in SUBJECTS)


def final_rows(said: Mapping[str, object], width: int) -> tuple[Row, ...]:
    """Give the rows once all is answered: what is odd first, under a heading that counts it."""
    answers = {name: answer(name, value) for name, value in said.items()}
    titles, first = dict(SUBJECTS), odd(answers)
    rows = [_row(name, titles[name], answers[name], width) for name in first]
    rest = [_row(name, title, answers[name], width) for name, title in SUBJECTS if name not in first]
    if not first:
        return tuple(rest)
    return (heading(f"Look at these ({len(first)})"), *rows, heading("As it should be"), *rest)


def _row(name: str, title: str, said: Answer | None, width: int) -> Row:
    if said is None:
        text = Text.assemble(
            (f"{signs.WAITING} ", QUIET), f"{title:<{_NAME}}", (f"looking {signs.MORE}", QUIET)
        )
        return Row.of(name, text)
    sign, sign_style, word_style = _LOOKS[said.look]
    word = plain(said.word)
    gap = " " * max(_WORD - cell_len(word), 1)
    room = width - 4 - _NAME - cell_len(word) - len(gap)
    rest = fitted(one_line(said.text), max(room, 0))
    text = Text.assemble(
        (f"{sign} ", sign_style), f"{title:<{_NAME}}", (word, word_style or "bold"), gap, rest
    )
    return Row.of(name, text)


def summary(facts: Facts, said: Mapping[str, object]) -> Text:
    """Say in one line how the look went."""
    answers = {name: answer(name, value) for name, value in said.items()}
    number = len(odd(answers))
    verb = "is" if number == 1 else "are"
    count = f"{number} of {len(SUBJECTS)} subjects {verb} odd" if number else "nothing is odd"
    text = f"Looked at {moment(facts.taken_at)} in {span(facts.seconds)} as {facts.me}: {count}."
    return Text(plain(text), no_wrap=True, overflow="ellipsis")


def details(subject: str, facts: Facts, width: int) -> list[str]:
    """Give all that was found out about a subject, as lines of at most `width` columns."""
    said = answer(subject, values(facts)[subject])
    lines = wrap(f"{said.word}: {said.text}" if said.text else said.word, width=width)
    lines.append("")
    if subject == "version":
        return lines + _evidence(facts.version, width)
    if subject in ("crontabs", "problems"):
        listed = facts.tree.crontabs if subject == "crontabs" else facts.problems
        return [line for one in listed for line in wrap(one, width=width, indent="  ", first="- ")] or lines
    found = dict(sections(facts))
    for title in _SECTIONS[subject]:
        lines += columns(found[title], width=width, indent="")
    if subject == "git" and facts.git is not None:
        lines += ["", "Files that differ or are not known to git:"]
        lines += [f"  {plain(one.state)} {plain(one.path)}" for one in facts.git.dirty]
        lines += [f"  ?? {plain(path)}" for path in facts.git.untracked]
    if subject == "tree" and facts.tree.foreign:
        lines += ["", f"Not as {facts.tree.owner} could make them (the first of them):"]
        lines += [f"  {plain(path)}" for path in facts.tree.foreign]
    if subject == "database" and facts.database is not None and facts.database.tables:
        pairs = [(name, f"{rows}") for name, rows in sorted(facts.database.tables.items())]
        lines += ["", "Rows by table:", *columns(pairs, width=width)]
    return lines


def _evidence(version: VersionFacts, width: int) -> list[str]:
    lines = []
    for text in version.conflicts:
        lines += [*wrap(text, width=width, indent="  ", first=f"{signs.WARNING} "), ""]
    if width < _TABLE:
        for one in version.evidence:
            exact = ", exact" if one.exact else ""
            lines += wrap(f"{one.source}: {_short(one.said)}", width=width, indent="  ", first="- ")
            lines += wrap(f"fits {_fits(one)}{exact}", width=width, indent="  ", first="  ")
            lines += wrap(one.note, width=width, indent="  ", first="  ") if one.note else []
    elif version.evidence:
        rows = tuple(
            (one.source, _short(one.said), _fits(one), "yes" if one.exact else "no", one.note)
            for one in version.evidence
        )
        lines += Table(("sign", "says", "fits", "exact", "note"), rows).lines(width=width)
    return [
        *lines,
        "",
        *wrap("A sign is exact when it names one release by itself, as a commit does.", width=width),
    ]


def _fits(evidence: Evidence) -> str:
    more = f" {signs.MORE}" if len(evidence.fits) > 4 else ""
    return ", ".join(evidence.fits[:4]) + more or "nothing known"


def _short(text: str) -> str:
    """Give `text` with its hashes cut to ten digits."""
    return _HASH.sub(rf"\1{signs.MORE}", text)
