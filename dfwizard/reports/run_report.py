"""The report of a run: everything that was asked, done, found and is left to do, as data for the renderers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard import codec
from dfwizard.errors import BackupError, DfwizardError, UsageError
from dfwizard.execution import events, journal
from dfwizard.execution.state import PhaseState, RunState, StepState, reduce
from dfwizard.execution.store import Run, RunRecord
from dfwizard.instance.facts import Facts
from dfwizard.planning.plan import Plan
from dfwizard.reports.commands import described, shown
from dfwizard.reports.measures import between
from dfwizard.verification.result import Verification

if TYPE_CHECKING:
    from dfwizard.backup.manifest import Manifest

SCHEMA = 1
"""Version of the report's JSON form."""


@dataclass(frozen=True)
class StepReport:
    """A step as it went: `commands` as shown in the plan, `message` and `tail` of its last failure, `outputs` file names."""

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


@dataclass(frozen=True)
class PhaseReport:
    """The upgrade or a rollback."""

    name: str
    outcome: str | None
    started: str | None
    ended: str | None
    steps: tuple[StepReport, ...]


@dataclass(frozen=True)
class PartReport:
    """A file of a backup and its bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class BackupReport:
    """The run's backup: `size` in bytes of all `parts`; `error` says why it cannot be described."""

    directory: str
    created_at: str = ""
    size: int | None = None
    parts: tuple[PartReport, ...] = ()
    proven_at: str = ""
    error: str = ""


@dataclass(frozen=True)
class DecisionReport:
    """What a person or the run's policy decided, and when."""

    time: str
    decision: str
    by: str


@dataclass(frozen=True)
class RunReport:
    """All there is to tell of a run.

    `outcome` None: it is not over; `question` what it waits for. `differences` are sentences, None where nothing was compared
    with the fingerprint of before (no rollback). `remains` is what a person has still to do, `way_back` the commands that go on or go back.
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
    backup: BackupReport
    verification: Verification | None
    gates: tuple[Verification, ...]
    differences: tuple[str, ...] | None
    losses: tuple[str, ...]
    remains: tuple[str, ...]
    way_back: tuple[str, ...]
    directory: str
    problems: tuple[str, ...] = ()
    schema: int = SCHEMA


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
        phases=tuple(_phase(phase, plans.get(phase.plan)) for phase in state.phases),
        decisions=tuple(
            DecisionReport(item.time, item.event.decision, item.event.by)
            for item in content.records
            if isinstance(item.event, events.Decided)
        ),
        warnings=state.warnings,
        notes=state.notes,
        backup=_backup(plan.backup),
        verification=verification,
        gates=tuple(gate for gate in gates if gate is not None),
        differences=_differences(run, problems),
        losses=_sentences(run.directory / "losses.json", problems) or (),
        remains=tuple(_remains(record, plan, state, facts)),
        way_back=way_back(record.id, state),
        directory=str(run.directory),
        problems=tuple(problems),
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
        message=step.message,
        code=step.code,
        command=step.command,
        tail=step.tail,
        outputs=step.outputs,
    )


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
        return codec.loads(Verification, text, where=str(path))
    except DfwizardError as error:
        problems.append(str(error))
        return None


def _differences(run: Run, problems: list[str]) -> tuple[str, ...] | None:
    return _sentences(run.directory / "comparison.json", problems)


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


def _backup(directory: str) -> BackupReport:
    """Describe a backup from its manifest where it can be read here."""
    from dfwizard.backup.manifest import MANIFEST, parse_manifest

    path = Path(directory) / MANIFEST
    try:
        manifest: Manifest = parse_manifest(path.read_bytes(), where=str(path))
    except FileNotFoundError:
        return BackupReport(directory, error="no finished backup is there")
    except OSError as error:
        return BackupReport(directory, error=f"it cannot be read: {error.strerror}")
    except BackupError as error:
        return BackupReport(directory, error=error.what)
    parts = tuple(PartReport(part.name, part.size) for part in manifest.parts)
    return BackupReport(directory, manifest.created_at, manifest.size, parts, _proven_at(Path(directory)))


def _proven_at(directory: Path) -> str:
    from dfwizard.backup.manifest import PROOF, Proof

    try:
        return codec.loads(Proof, (directory / PROOF).read_bytes()).proven_at
    except (OSError, DfwizardError):
        return ""


def _remains(record: RunRecord, plan: Plan, state: RunState, facts: Facts | None) -> Iterable[str]:
    """Say what a person has still to do after the run."""
    upgraded = state.outcome in ("done", "done-with-warnings") and record.kind == "upgrade"
    done = {
        step.id for phase in state.phases[:1] for step in phase.steps if step.status.over and step.attempts
    }
    if upgraded and "stash" in done:
        yield (
            f"Local changes of tracked files wait in git's stash: `git -C {plan.instance} stash show -p` shows them, "
            "`git stash pop` as the tree's owner brings them back. Look first whether the new release still wants them."
        )
    if upgraded and facts is not None:
        yield from _services(facts)
        if facts.artisan.config_cached:
            yield "The configuration was cached before and is not now; `php artisan config:cache` caches it again."
        if facts.artisan.maintenance:
            yield "The instance was in maintenance mode before and was left so: `php artisan up` opens it."
        if facts.tree.licensed:
            yield f"Licence files are version-specific: see that {', '.join(facts.tree.licensed)} are those of {plan.to}."
    if upgraded:
        yield f"Keep the backup {plan.backup} until the new release has proven itself; without it there is no way back."
    if state.outcome in ("failed", "stopped", "rollback-failed"):
        yield "The instance is in the middle of the work, and in maintenance mode unless that step was not reached."


def _services(facts: Facts) -> Iterable[str]:
    if facts.web.fpm_service is None:
        yield "php-fpm's service is not known: restart it yourself, or the web server goes on with the old code."
    if facts.web.server_service is None:
        yield "The web server's service is not known: restart it yourself."
    queue = facts.dotenv.values.get("QUEUE_CONNECTION") if facts.dotenv else None
    if queue not in (None, "", "sync", "null"):
        yield f"Work is queued ({queue}): restart the queue workers, they still run the old code (`php artisan queue:restart`)."


def way_back(run_id: str, state: RunState) -> tuple[str, ...]:
    """Give the commands that go on with the run, or take it back."""
    if state.question is not None:
        return tuple(f"dfwizard decide {run_id} {choice}" for choice in state.question.choices)
    back, resume = f"dfwizard rollback {run_id}", f"dfwizard resume {run_id}"
    commands = {
        "done": (back,),
        "done-with-warnings": (back,),
        "failed": (resume, back),
        "stopped": (resume, back),
        "rollback-failed": (resume,),
        "rolled-back": (),
        None: (f"dfwizard attach {run_id}", resume),
    }
    return commands[state.outcome]


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
