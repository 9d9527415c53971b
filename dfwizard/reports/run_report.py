"""The report of a run: everything that was asked, done, found and is left to do, as data for the renderers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from dfwizard import codec
from dfwizard.errors import DfwizardError, UsageError
from dfwizard.execution import events, journal
from dfwizard.execution.rowdata import left_out, without_rows
from dfwizard.execution.state import PhaseState, StepState, StepStatus, reduce
from dfwizard.execution.store import Run
from dfwizard.hosts.naming import located
from dfwizard.instance.facts import Facts
from dfwizard.planning.plan import Plan
from dfwizard.reports.commands import described, shown
from dfwizard.reports.measures import between
from dfwizard.reports.run_backups import BackupReport, backups_of
from dfwizard.reports.run_next import remains, way_on
from dfwizard.verification.result import Verification

SCHEMA = 1
"""Version of the report's JSON form."""


@dataclass(frozen=True)
class StepReport:
    """A step as it went: `commands` as shown in the plan, `message` and `tail` of its last failure, `outputs` file names.

    `cause`, `remedy` and `remedy_commands` are what is known of that failure, `guesses` what it may be where nothing is.
    """

    id: str
    title: str
    state: str
    required: bool
    attempts: int
    started: str | None
    seconds: float
    commands: tuple[str, ...]
    does: str = ""
    note: str = ""
    message: str = ""
    code: int | None = None
    command: str = ""
    tail: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    cause: str = ""
    remedy: str = ""
    remedy_commands: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhaseReport:
    """The upgrade or a rollback."""

    name: str
    outcome: str | None
    started: str | None
    ended: str | None
    steps: tuple[StepReport, ...]


@dataclass(frozen=True)
class FailureReport:
    """Where a phase is stuck: step `number` of `steps`, as in that phase's list; `output` names the file with all that it said."""

    phase: str
    number: int
    steps: int
    step: StepReport
    output: str


@dataclass(frozen=True)
class DecisionReport:
    """What a person or the run's policy decided, and when."""

    time: str
    decision: str
    by: str


@dataclass(frozen=True)
class RunReport:
    """All there is to tell of a run.

    `outcome` None: it is not over; `question` what it waits for; `failures` where each phase is stuck or was given up. `backups`:
    the run's own first, then that of the present state of each rollback. `differences` are sentences, None where nothing was compared
    with the fingerprint of before (no rollback). `remains` is what a person has still to do, `way_on` the commands that go on or back.
    `source` is a migration's source, with its host; `checklist` what the guide asks for before an upgrade, as it was filled in.
    Row data (values in statements and errors) is in none of it; the steps' output files have what was said.
    """

    id: str
    kind: str
    host: str
    instance: str
    frm: str
    to: str
    stops: tuple[str, ...]
    created_at: str
    created_by: str
    on_failure: str
    accepted: tuple[str, ...]
    outcome: str | None
    exit_code: int | None
    started: str | None
    updated: str | None
    seconds: float | None
    question: str
    phases: tuple[PhaseReport, ...]
    decisions: tuple[DecisionReport, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    failures: tuple[FailureReport, ...]
    backups: tuple[BackupReport, ...]
    verification: Verification | None
    gates: tuple[Verification, ...]
    differences: tuple[str, ...] | None
    losses: tuple[str, ...]
    remains: tuple[str, ...]
    way_on: tuple[str, ...]
    directory: str
    problems: tuple[str, ...] = ()
    schema: int = SCHEMA
    source: str = ""
    checklist: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Give the instance as it is named on the command line, with its host unless that is this machine."""
        return located(self.host, self.instance)


def make_report(run: Run) -> RunReport:
    """Read everything in the run's directory into its report; the run may be going on.

    A piece that is damaged is named in `problems`, and the rest is told all the same.

    Raises:
        DfwizardError: run.json, the plan or the journal cannot be read.
    """
    record, plans = run.record(), run.plans()
    content = journal.read(run.journal)
    state = reduce(content.records, plans)
    plan = plans["plan.json"]
    problems = [*state.problems, *((content.damage,) if content.damage else ())]
    facts = _facts(run, problems)
    verification = _verification(run.directory / "verification.json", problems)
    gates = [_verification(run.directory / f"verification-{hop.to}.json", problems) for hop in plan.hops]
    phases = tuple(_phase(phase, plans.get(phase.plan)) for phase in state.phases)
    backups = backups_of(run, record, plans, state.phases)
    return RunReport(
        id=record.id,
        kind=record.kind,
        host=record.host,
        instance=record.instance,
        frm=record.frm,
        to=record.to,
        stops=tuple(hop.to for hop in plan.hops),
        created_at=record.created_at,
        created_by=record.created_by,
        on_failure=record.on_failure.value,
        accepted=tuple(dict.fromkeys((*record.accepted, *state.accepted))),
        outcome=state.outcome,
        exit_code=state.exit_code,
        started=state.started,
        updated=state.updated,
        seconds=between(state.started, state.updated),
        question=state.question.text if state.question else "",
        phases=phases,
        decisions=tuple(
            DecisionReport(item.time, item.event.decision, item.event.by)
            for item in content.records
            if isinstance(item.event, events.Decided)
        ),
        warnings=tuple(without_rows(text) for text in state.warnings),
        notes=tuple(without_rows(text) for text in state.notes),
        failures=tuple(failure for phase in phases for failure in _failures(run, phase)),
        backups=backups,
        verification=verification,
        gates=tuple(gate for gate in gates if gate is not None),
        differences=_sentences(run.comparison, problems),
        losses=_sentences(run.directory / "losses.json", problems) or (),
        remains=tuple(remains(record, plan, state, facts, backups)),
        way_on=way_on(record, state, plan),
        directory=str(run.directory),
        checklist=_sentences(run.directory / "checklist.json", problems) or (),
        problems=tuple(problems),
        source=plan.source and located(plan.source_host, plan.source),
    )


def _facts(run: Run, problems: list[str]) -> Facts | None:
    try:
        return run.facts()
    except DfwizardError as error:
        problems.append(str(error))
        return None


def _phase(phase: PhaseState, plan: Plan | None) -> PhaseReport:
    return PhaseReport(
        phase.name,
        phase.outcome,
        phase.started,
        phase.ended,
        tuple(_step(step, plan) for step in phase.steps),
    )


def _step(step: StepState, plan: Plan | None) -> StepReport:
    planned = next((item for item in plan.steps if item.id == step.id), None) if plan else None
    return StepReport(
        id=step.id,
        title=step.title or step.id,
        state=step.status.value,
        required=planned.required if planned else True,
        attempts=step.attempts,
        started=step.started,
        seconds=round(step.seconds, 3),
        commands=shown(planned, me=plan.me) if planned and plan else (),
        does=described(planned.action) if planned else "",
        note=step.note,
        message=without_rows(step.message),
        code=step.code,
        command=step.command,
        tail=tuple(left_out(step.tail)),
        outputs=step.outputs,
        cause=step.cause,
        remedy=step.remedy,
        remedy_commands=tuple(one.command for one in step.commands),
        guesses=step.guesses,
    )


def _failures(run: Run, phase: PhaseReport) -> list[FailureReport]:
    """Find the last step that failed and was neither done nor passed over afterwards."""
    stuck = [
        (number, step)
        for number, step in enumerate(phase.steps, 1)
        if step.state in (StepStatus.FAILED.value, StepStatus.INTERRUPTED.value)
    ]
    return [
        FailureReport(
            phase.name,
            number,
            len(phase.steps),
            step,
            str(run.directory / step.outputs[-1]) if step.outputs else "",
        )
        for number, step in stuck[-1:]
    ]


def _read(path: Path, problems: list[str]) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        problems.append(f"{path}: {error.strerror}")
        return None


def _verification(path: Path, problems: list[str]) -> Verification | None:
    text = _read(path, problems)
    if text is None:
        return None
    try:
        found = codec.loads(Verification, text, where=str(path))
    except DfwizardError as error:
        problems.append(str(error))
        return None
    # Lines of the application's log are in it.
    checks = (replace(check, explanation=without_rows(check.explanation)) for check in found.checks)
    return replace(found, checks=tuple(checks))


def _sentences(path: Path, problems: list[str]) -> tuple[str, ...] | None:
    """Read a list of sentences, or of objects with a `sentence`; None when there is no such file."""
    text = _read(path, problems)
    if text is None:
        return None
    try:
        items = json.loads(text)
        if not isinstance(items, list):
            raise TypeError
        return tuple(str(item["sentence"] if isinstance(item, dict) else item) for item in items)
    except (ValueError, KeyError, TypeError):
        problems.append(f"{path}: not the list that it should be")
        return None


def render(report: RunReport, form: str) -> str:
    """Give the report as `text`, `md` or `json`.

    Raises:
        UsageError: there is no such form.
    """
    if form == "json":
        return codec.dumps(report, indent=2)
    if form == "md":
        from dfwizard.reports.run_markdown import run_markdown

        return run_markdown(report)
    if form == "text":
        from dfwizard.reports.run_text import run_text

        return run_text(report)
    raise UsageError(f"there is no report of the form {form!r}", remedy="Choose text, md or json.")
