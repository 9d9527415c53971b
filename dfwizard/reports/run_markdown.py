"""The report of a run in Markdown."""

from __future__ import annotations

from dfwizard.reports.markdown import block, code, table, text
from dfwizard.reports.measures import span
from dfwizard.reports.run_report import FailureReport, PhaseReport, RunReport, StepReport
from dfwizard.reports.run_text import (
    asked,
    backup_pairs,
    identity,
    said,
    state_word,
    taken_back,
    why_heading,
    work,
)
from dfwizard.reports.verification_text import WORDS, summary
from dfwizard.verification.result import Verification


def run_markdown(report: RunReport) -> str:
    """Give the report in Markdown."""
    lines = [f"# Report of the {text(work(report))}", ""]
    lines += [*table(("", ""), asked(report)), ""]
    for failure in report.failures:
        lines += _why(failure)
    for phase in report.phases:
        lines += _phase(phase)
    lines += ["## Backups", ""]
    for backup in report.backups:
        lines += [*table(("", ""), backup_pairs(backup)), ""]
    if report.verification is not None:
        lines += _verification(report.verification)
        if taken_back(report):
            lines += [taken_back(report), ""]
    sections = (
        ("Compared with before", identity(report)),
        (f"Written since the {report.kind}", list(report.losses)),
        ("Warnings", list(report.warnings)),
        ("Notes", list(report.notes)),
        ("Damaged or unreadable", list(report.problems)),
        ("The guide's checklist, as it was found before", list(report.checklist)),
        ("What remains to do", list(report.remains)),
    )
    for name, items in sections:
        if items:
            lines += [f"## {name}", "", *(f"- {text(item)}" for item in items), ""]
    lines += [f"Everything is kept in {code(report.directory)}.", ""]
    if report.way_on:
        lines += ["## How to go on, or back", "", *block(report.way_on, "sh"), ""]
    return "\n".join(lines)


def _why(failure: FailureReport) -> list[str]:
    step = failure.step
    lines = [f"## {text(why_heading(failure))}", ""]
    if step.message:
        lines += [text(said(step)), ""]
    if step.tail:
        lines += [*block(step.tail), ""]
    for name, known in (("Cause", step.cause), ("Remedy", step.remedy)):
        if known:
            lines += [f"{name}: {text(known)}", ""]
    lines += [part for guess in step.guesses for part in (f"A guess: {text(guess)}", "")]
    if step.remedy_commands:
        lines += [*block(step.remedy_commands, "sh"), ""]
    return [*lines, f"All of it: {code(failure.output)}", ""] if failure.output else lines


def _phase(phase: PhaseReport) -> list[str]:
    lines = [f"## {phase.name.capitalize()}: {text(phase.outcome or 'not over')}", ""]
    rows = [
        (str(number), state_word(step), step.title, span(step.seconds) if step.seconds else "")
        for number, step in enumerate(phase.steps, 1)
    ]
    lines += [*table(("", "State", "Step", "Time"), rows), ""]
    for number, step in enumerate(phase.steps, 1):
        lines += _step(number, step)
    return lines


def _step(number: int, step: StepReport) -> list[str]:
    if not step.attempts or not (step.commands or step.message or step.note):
        return []
    lines = [f"### {number}. {text(step.title)}", ""]
    if step.commands:
        lines += [*block(step.commands, "sh"), ""]
    if step.note:
        lines += [text(step.note), ""]
    if step.message:
        lines += [f"**{text(state_word(step))}**: {text(said(step))}", ""]
    if step.tail:
        lines += [*block(step.tail), ""]
    return lines


def _verification(verification: Verification) -> list[str]:
    rows = [
        (WORDS[check.verdict], check.title, check.before, check.after, check.explanation)
        for check in verification.checks
    ]
    head = ("", "What", "Before", "After", "Why")
    return [
        f"## Verification against {text(verification.release)}",
        "",
        summary(verification),
        "",
        *table(head, rows),
        "",
    ]
