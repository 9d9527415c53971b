"""What another dfwizard wrote: of an older one everything is read, of a newer one nothing is half understood.

`tests/unit/data/schema-1` holds a run's directory and a backup's manifest as this form is written. Files there are never changed to fit:
a later dfwizard that cannot read them any more has to be mended, or has to raise the form and keep reading this one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dfwizard import codec
from dfwizard.actions import Recorded, Rows
from dfwizard.backup.fingerprint import Fingerprint
from dfwizard.backup.manifest import parse_manifest
from dfwizard.errors import BackupError, CodecError, DfwizardError, JournalError
from dfwizard.execution import journal
from dfwizard.execution.events import KINDS
from dfwizard.execution.store import Run, RunRecord
from dfwizard.instance.facts import Facts
from dfwizard.planning.findings import Finding
from dfwizard.planning.plan import Plan
from dfwizard.reports.run_report import make_report, render
from dfwizard.verification.picture import MigrationPicture
from dfwizard.verification.result import Verification

RECORDED = Path(__file__).parents[1] / "unit" / "data" / "schema-1"
TAKEN_BACK, DONE, MIGRATED = "20260105-004100-1f2e", "20260106-004100-2a3b", "20260107-004100-3c4d"
RUNS = (TAKEN_BACK, DONE, MIGRATED)
KINDS_OF_FILES: dict[str, type[Any]] = {
    "run.json": RunRecord,
    "plan.json": Plan,
    "rollback-*.json": Plan,
    "facts*.json": Facts,
    "source-facts.json": Facts,
    "fingerprint-*.json": Fingerprint,
    "verification*.json": Verification,
    "recorded-before.json": Recorded,
    "rows-after.json": Rows,
    "source-picture.json": MigrationPicture,
    "contents-before.json": MigrationPicture,
}


def recorded(place: Path, name: str) -> Run:
    """Give a recorded run, in a directory of its own."""
    place.chmod(0o700)
    shutil.copytree(RECORDED / name, place / name)
    return Run(place / name)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return recorded(tmp_path, DONE)


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_is_read(name: str, tmp_path: Path) -> None:
    run = recorded(tmp_path, name)
    record, plan, facts, state = run.record(), run.plan(), run.facts(), run.state()
    assert (record.id, record.schema, plan.schema) == (name, 1, 1)
    assert facts.path == plan.instance == record.instance
    assert state.outcome == ("rolled-back" if name == TAKEN_BACK else "done")
    assert journal.read(run.journal).damage == ""
    report = make_report(run)
    assert not [problem for problem in report.problems if "backup" not in problem]
    for form in ("text", "md", "json"):
        assert plan.to in render(report, form)


def test_the_plans_have_every_kind_of_action_that_a_run_has_had() -> None:
    kinds = set()
    for path in (*RECORDED.rglob("plan.json"), *RECORDED.rglob("rollback-*.json")):
        plan = codec.loads(Plan, path.read_bytes(), where=path.name)
        kinds |= {step.action.KIND for step in plan.steps}
    assert {"command", "take-backup", "prove-backup", "verify", "restore-tree", "edit-dotenv"} <= kinds
    assert {"transfer", "import-database", "carry-dotenv", "prove-apart"} <= kinds


def test_every_kind_of_event_is_recorded_and_read() -> None:
    content = journal.read(RECORDED / "events.jsonl")
    assert content.damage == ""
    assert {record.event.KIND for record in content.records} >= RECORDED_KINDS
    assert set(KINDS) >= RECORDED_KINDS


RECORDED_KINDS = {
    *("run-started", "phase-started", "step-started", "step-finished", "step-failed", "step-interrupted"),
    *("asked", "decided", "remedy-started", "remedy-finished", "accepted", "paused", "resumed"),
    *("phase-finished", "runner-stopped", "run-finished", "note"),
}


@pytest.mark.parametrize("pattern", KINDS_OF_FILES)
def test_each_document_of_a_run_is_read(pattern: str) -> None:
    paths = sorted(RECORDED.rglob(pattern))
    assert paths
    for path in paths:
        codec.loads(KINDS_OF_FILES[pattern], path.read_bytes(), where=path.name)


def test_findings_and_manifest_are_read() -> None:
    for path in RECORDED.rglob("findings.json"):
        assert [codec.from_data(Finding, one).id for one in json.loads(path.read_bytes())]
    manifest = parse_manifest((RECORDED / "manifest.json").read_bytes(), where="manifest")
    assert manifest.release == "6.3.0"
    assert manifest.database is not None


DOCUMENTS = ("run.json", "plan.json", "facts.json", "fingerprint-before.json", "verification.json")


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("how", ["schema", "key"])
def test_a_newer_document_is_refused_with_a_clear_word(run: Run, name: str, how: str) -> None:
    path = run.directory / name
    data = json.loads(path.read_bytes())
    data |= {"schema": 2, "new": 1} if how == "schema" else {"new": 1}
    path.write_text(json.dumps(data))
    readers: dict[str, Callable[[], object]] = {
        "run.json": run.record,
        "plan.json": run.plan,
        "facts.json": run.facts,
        "fingerprint-before.json": lambda: codec.loads(Fingerprint, path.read_bytes()),
        "verification.json": lambda: codec.loads(Verification, path.read_bytes()),
    }
    with pytest.raises(CodecError) as caught:
        readers[name]()
    assert "newer dfwizard" in str(caught.value)
    if how == "schema":
        assert "written in form 2, known is 1" in caught.value.what


def test_a_newer_manifest_is_refused() -> None:
    data = json.loads((RECORDED / "manifest.json").read_bytes()) | {"schema": 2}
    with pytest.raises(BackupError, match="written in form 2"):
        parse_manifest(json.dumps(data).encode(), where="manifest")


@pytest.mark.parametrize("change", ['"v":2', '"kind":"run-teleported"', '"kind":"run-finished","more":1'])
def test_a_newer_journal_is_refused_and_left_as_it_is(run: Run, change: str) -> None:
    good = run.journal.read_bytes().splitlines(keepends=True)
    line = good[-1].decode()
    body = line[: line.index(',"sum"')]
    old = change.partition(":")[0] + ":" + ("1" if change.startswith('"v"') else '"run-finished"')
    assert old in body
    body = body.replace(old, change, 1)
    changed = f'{body},"sum":"{journal._digest(body.encode()).decode()}"}}\n'.encode()
    run.journal.write_bytes(b"".join(good[:-1]) + changed)
    before = run.journal.read_bytes()
    with pytest.raises(JournalError, match="A newer dfwizard wrote it"):
        journal.read(run.journal)
    with pytest.raises(JournalError):
        journal.open_journal(run.journal)
    assert run.journal.read_bytes() == before
    with pytest.raises(DfwizardError):
        run.state()


def test_a_document_nested_without_end_is_refused(run: Run) -> None:
    deep = "[" * 100_000
    for name in DOCUMENTS[:3]:
        (run.directory / name).write_text('{"schema":' + deep)
    for read in (run.record, run.plan, run.facts):
        with pytest.raises(CodecError, match="not JSON"):
            read()
    body = '{"v":1,"seq":1,"time":"t","event":' + deep
    line = f'{body},"sum":"{journal._digest(body.encode()).decode()}"}}\n'
    with pytest.raises(JournalError):
        journal.parse(line.encode())
