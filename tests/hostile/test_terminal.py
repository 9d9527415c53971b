"""Nothing from outside is obeyed by a terminal, turns the direction of what stands beside it, or hides what is said behind it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from dfwizard.cli.listing import runs_text
from dfwizard.cli.parser import make_parser
from dfwizard.cli.writing import Writer, finished_lines
from dfwizard.diagnosis import RemedyCommand
from dfwizard.errors import DfwizardError
from dfwizard.execution import events as ev
from dfwizard.execution.attach import EventSeen, follow
from dfwizard.execution.journal import open_journal
from dfwizard.execution.store import Run, Store
from dfwizard.planning.findings import Finding, Severity
from dfwizard.reports import markdown, terminal
from dfwizard.reports.facts_text import facts_text
from dfwizard.reports.findings_text import findings_text
from dfwizard.reports.outcome import outcome_text
from dfwizard.reports.outline import rollback_outline, rollback_question
from dfwizard.reports.plan_markdown import plan_markdown
from dfwizard.reports.plan_text import plan_text
from dfwizard.reports.run_report import make_report, render
from dfwizard.reports.verification_text import verification_text
from dfwizard.verification.result import Check, Verdict, Verification
from tests.hostile.corpus import ATOMS, cases
from tests.unit import samples

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u200e\u200f\u061c\u200b\u2060\ufeff\u00ad\u180e"


def obeyed(text: str) -> list[str]:
    """Give the characters of `text` that a terminal, or the eye, would be misled by; found with the tables of Unicode itself."""
    return [
        f"U+{ord(letter):04X}"
        for letter in text
        if letter != "\n"
        and (
            unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(letter) in TURNING
            or letter in MARKS
            or 0xE0000 <= ord(letter) <= 0xE007F
        )
    ]


@pytest.mark.parametrize(("part", "behind"), [*enumerate(["", " END", "\nEND"])])
def test_every_way_of_showing_a_text(part: int, behind: str) -> None:
    for text in cases("plain")[part::3]:
        whole = text + behind
        lines = [
            terminal.plain(whole),
            terminal.one_line(whole),
            *terminal.plain_lines(whole),
            *terminal.wrap(whole, first=text),
            *terminal.cut(whole, 20),
            *terminal.folded(whole, 30),
            *terminal.wrap_command(whole),
            *terminal.heading(whole),
            *terminal.columns([(text, whole)]),
            *terminal.Table((text, "b"), ((whole, text),)).lines(),
            markdown.text(whole),
            markdown.code(whole),
            *markdown.block([whole, text]),
            *markdown.table((text, "b"), [(whole, text)]),
        ]
        assert obeyed("".join(lines)) == [], ascii(text)
        assert not [line for line in lines if "\n" in line], ascii(text)
        if behind:
            assert "END" in terminal.plain(whole), ascii(text)


def test_markdown_holds_no_link_and_no_markup_of_a_text() -> None:
    for text in cases("plain"):
        shown = markdown.text(text)
        for place, letter in enumerate(shown):
            if letter in "*_[]<>|#~`":
                before = shown[:place]
                assert (len(before) - len(before.rstrip("\\"))) % 2 == 1, shown
        fence, *inside, end = markdown.block([text])
        assert fence == end
        assert fence not in "\n".join(inside)


def filled(value: Any, text: str) -> Any:
    """Give `value` with every text in it, however deep, made hostile: in front of what it was, so that it stays what it has to be."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return f"{value}{text}"
    if isinstance(value, tuple):
        return tuple(filled(one, text) for one in value)
    if isinstance(value, dict):
        return {key: filled(one, text) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: filled(getattr(value, one.name), text) for one in fields(value)})
    return value


def happened(run: Run, text: str) -> Iterator[ev.Event]:
    """Give the events of a run that failed, was asked about and ended, with hostile words in each."""
    plan = run.plan()
    first, second = plan.steps[:2]
    yield ev.RunStarted(1, "boot", 1, text)
    yield ev.Accepted(text)
    yield ev.PhaseStarted(0, plan.kind, "plan.json")
    yield ev.Note(text, warning=True)
    yield ev.Note(text)
    yield ev.Paused(text)
    yield ev.Resumed(text)
    yield ev.StepStarted(first.id, 1, "output/1")
    yield ev.StepFinished(first.id, "done", 1.0, note=text)
    yield ev.StepStarted(second.id, 1, "output/2")
    mending = (RemedyCommand(text, text),)
    yield ev.StepFailed(
        *(second.id, text, 1, text, (text,), 2.0, text, text),
        line=text,
        diagnosis=text,
        commands=mending,
        lines=(text,),
        guesses=(text,),
    )
    yield ev.Asked(text, ("retry", "rollback", "stop"), second.id)
    yield ev.Decided("stop", text)
    yield ev.PhaseFinished("failed")
    yield ev.RunFinished("failed", 1)


@pytest.mark.parametrize("part", range(4))
def test_every_document_and_every_line_of_a_run(part: int, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    store, shown = Store(state), []
    for number, text in enumerate(cases("documents")[part::4]):
        facts = filled(samples.facts(), text)
        plan = samples.plan(samples.facts(), "7.1.0")
        kept = {"kind": plan.kind, "hops": tuple(filled(hop, text) for hop in plan.hops)}
        plan = replace(filled(replace(plan, hops=()), text), **kept)
        finding = Finding(text, Severity.BLOCKER, text, (text,), text, text, text)
        check = Check(text, text, text, text, Verdict.FAILED, text)
        shown += [
            facts_text(facts),
            plan_text(plan),
            plan_markdown(plan, host=text),
            findings_text((finding,)),
            verification_text(Verification(text, True, (check,))),
        ]
        if number % 5:
            continue
        run = store.create(plan, facts, host=f"admin@{text}", accepted=(text,), versions={text: text})
        journal = open_journal(run.journal)
        for event in happened(run, text):
            journal.append(event)
        journal.close()
        record, now = run.record(), run.state()
        said = StringIO()
        writer = Writer(said)
        for update in follow(run):
            if isinstance(update, EventSeen):
                writer.event(update)
        writer.output(text.encode("utf-8", "surrogateescape") + b"\n")
        shown += [
            *(render(make_report(run), form) for form in ("text", "md", "json")),
            outcome_text(run, now, text),
            rollback_outline(record, plan, (text,)),
            rollback_question(record),
            "\n".join(finished_lines(now)),
            runs_text(store),
            said.getvalue(),
        ]
    assert len(shown) > 75
    for document in shown:
        wrong = [line for line in document.split("\n") if obeyed(line)]
        assert wrong == []


def test_what_the_command_line_says_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    parser = make_parser()
    for text in ATOMS.values():
        for arguments in ([f"x{text}"], ["runs", f"x{text}"], ["plan", "/x", "--to", "1", "--format", text]):
            with pytest.raises(SystemExit):
                parser.parse_args(arguments)
    said = capsys.readouterr().err
    assert "error" in said
    assert obeyed(said) == []


def test_an_error_is_told_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    from dfwizard.cli import dispatch

    for text in ATOMS.values():
        dispatch._say(DfwizardError(f"a {text} b", where=text, remedy=f"{text} END"))
    said = capsys.readouterr().err
    assert obeyed(said) == []
    assert said.count("END") == len(ATOMS)
