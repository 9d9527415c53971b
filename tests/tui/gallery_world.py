"""The world of a picture: a server whose files, clock and free space are the same on every machine, and runs told into it."""

# ruff: noqa: ARG002 -- what is answered without being looked at takes the arguments all the same
from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from dfwizard import codec
from dfwizard.backup.manifest import MANIFEST, PROOF, DatabaseRecord, Manifest, Part, Proof, TreeRecord
from dfwizard.backup.outlook import BackupProgress
from dfwizard.controller import Controller, Prospect
from dfwizard.diagnosis import diagnose
from dfwizard.errors import HostError
from dfwizard.execution import events as ev
from dfwizard.execution import processes
from dfwizard.execution.journal import encode
from dfwizard.execution.lock import Lock
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.store import Run, RunRecord
from dfwizard.hosts.local import LocalHost
from dfwizard.instance.discover import Found
from dfwizard.planning.plan import Plan
from dfwizard.planning.rollback import plan_rollback
from dfwizard.reports.commands import shown
from dfwizard.reports.run_backups import BackupReport, PartReport
from tests.tui.gallery_recording import BACKUP, FREE, ME, PATH, RUN_ID, STATE, Recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from dfwizard.controller import OnFact
    from dfwizard.execution.state import RunState
    from dfwizard.hosts.base import FileStat
    from dfwizard.hosts.command import Result
    from dfwizard.instance.facts import Facts
    from dfwizard.migrating import MigrationProspect, MigrationWishes
    from dfwizard.planning.findings import Finding
    from dfwizard.reports.run_report import RunReport

START = datetime(2026, 1, 5, 0, 41, 8, tzinfo=timezone.utc)
ENV_SIZE = 1_210
PACE = 0.93
"""What the steps took of what the plan expects."""


class PicturedHost(LocalHost):
    """A server whose files lie below `root`. No command can be run on it."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    @property
    def user(self) -> str:
        return ME

    def _real(self, path: str) -> str:
        return f"{self._root}{path}"

    def run(self, *_work: object, **_how: object) -> Result:
        raise HostError("no command is run for a picture", where=self.name)

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        return super().stat(self._real(path), follow=follow)

    def read(self, path: str, *, limit: int | None = None, offset: int = 0) -> bytes:
        return super().read(self._real(path), limit=limit, offset=offset)

    def listdir(self, path: str) -> tuple[str, ...]:
        return super().listdir(self._real(path))

    def free_bytes(self, path: str) -> int:
        return FREE


class PicturedController(Controller):
    """The real controller, but for what looks at the machine: those few answers are the same wherever the picture is made."""

    def __init__(self, root: Path, recording: Recording) -> None:
        super().__init__(
            host=PicturedHost(root), rules_file=recording.rules_file(root), state=root / STATE[1:]
        )
        self.recording = recording
        self.found: tuple[Found, ...] = ()
        self.answers: int | None = None
        """How many facts are heard before the inspection waits (None: all of them)."""
        self.prospects: dict[str, Prospect] = {recording.prospect.plan.to: recording.prospect}
        self.migration: MigrationProspect | None = None
        self.lost: tuple[str, ...] = ()
        self.written: Iterator[BackupProgress] | None = None
        self.hold = threading.Event()
        """Set at the end of the sitting: what waits goes on."""

    def inspect(
        self, path: str, *, php: str | None = None, url: str | None = None, on_fact: OnFact | None = None
    ) -> Facts:
        facts = self.recording.facts
        for name in self.recording.heard[: self.answers]:
            if on_fact is not None:
                on_fact(name, getattr(facts, name))
        if self.answers is not None:
            self.hold.wait()
        return facts

    def discover(self, host: str = "") -> tuple[Found, ...]:
        return self.found

    def propose(self, facts: Facts, target: str, **_wishes: object) -> Prospect:
        return self.prospects[target]

    def prepare(self, path: str, target: str, **_wishes: object) -> Prospect:
        return self.prospects[target]

    def propose_migration(self, source: Facts, target: Facts, wishes: MigrationWishes) -> MigrationProspect:
        assert self.migration is not None
        return self.migration

    def apply_remedy(self, facts: Facts, finding: Finding, *, on_output: Callable[[bytes], None]) -> int:
        on_output(
            b" config/cors.php   | 6 +++---\n public/robots.txt | 2 --\n routes/web.php    | 4 ++++\n"
            b" 3 files changed, 7 insertions(+), 5 deletions(-)\n"
        )
        return 0

    def backup_progress(self, run: Run) -> BackupProgress:
        return next(self.written) if self.written is not None else super().backup_progress(run)

    def losses(self, run: Run) -> tuple[str, ...]:
        return self.lost

    def report(self, run: Run) -> RunReport:
        """Give the real report, its paths as they are on the server and not below the picture's own directory."""
        found, real, shown = super().report(run), str(run.directory), f"{STATE}/runs/{run.id}"
        failures = tuple(replace(one, output=one.output.replace(real, shown)) for one in found.failures)
        backups = tuple(self._backup(one) for one in found.backups)
        return replace(found, directory=shown, failures=failures, backups=backups)

    def _backup(self, one: BackupReport) -> BackupReport:
        place = Path(f"{self.host._real(one.directory)}")  # type: ignore[attr-defined]
        if not (place / MANIFEST).exists():
            return one
        manifest = codec.loads(Manifest, (place / MANIFEST).read_text(encoding="utf-8"))
        proof = place / PROOF
        proven = codec.loads(Proof, proof.read_text(encoding="utf-8")).proven_at if proof.exists() else ""
        parts = tuple(PartReport(part.name, part.size) for part in manifest.parts)
        return replace(
            one, created_at=manifest.created_at, size=manifest.size, parts=parts, proven_at=proven, error=""
        )


@dataclass
class World:
    """Where a picture is taken. `now` is what every clock shows; `tick` what a steady one gives (seconds)."""

    root: Path
    recording: Recording
    now: datetime = START
    tick: float = 0.0

    def __post_init__(self) -> None:
        (self.root / STATE[1:] / "runs").mkdir(mode=0o700, parents=True)
        os.chmod(self.root / STATE[1:], 0o700)  # noqa: PTH101
        instance = self.root / PATH[1:]
        instance.mkdir(parents=True)
        (instance / ".env").write_bytes(b"#" * ENV_SIZE)
        self.controller = PicturedController(self.root, self.recording)
        self._stack = ExitStack()

    def close(self) -> None:
        """Let everything that waits go on."""
        self.controller.hold.set()
        self._stack.close()

    def run(
        self,
        *,
        recording: Recording | None = None,
        run_id: str = RUN_ID,
        start: datetime = START,
        living: bool = False,
        on_failure: OnFailure = OnFailure.ASK,
        backup: str = BACKUP,
    ) -> Teller:
        """Begin to tell a run; one that is `living` has a runner, which is this process."""
        source = recording or self.recording
        run = Run(self.root / STATE[1:] / "runs" / run_id)
        (run.directory / "output").mkdir(parents=True, mode=0o700)
        os.chmod(run.directory, 0o700)  # noqa: PTH101
        plan = codec.loads(Plan, codec.dumps(source.prospect.plan).replace(BACKUP, backup))
        record = RunRecord(
            id=run_id,
            kind="upgrade",
            host="localhost",
            instance=PATH,
            frm=plan.frm,
            to=plan.to,
            created_at=start.isoformat(timespec="seconds"),
            created_by=ME,
            on_failure=on_failure,
            versions={"dfwizard": "1.0.0"},
        )
        for name, value in (("run.json", record), ("plan.json", plan), ("facts.json", source.facts)):
            (run.directory / name).write_text(codec.dumps(value), encoding="utf-8")
        for name, text in source.documents.items():
            if name != "rows-after.json":
                (run.directory / name).write_text(text, encoding="utf-8")
        if living:
            run.lock.touch(mode=0o600)
            lock = Lock()
            lock.take(run.lock, what="the run")
            self._stack.callback(lock.release)
        return Teller(self, run, plan, source, start, living=living)

    def backup(
        self, directory: str = BACKUP, *, release: str = "6.3.0", at: datetime = START, proven: bool = True
    ) -> None:
        """Put a finished backup there."""
        place = Path(f"{self.root}{directory}")
        place.mkdir(parents=True, mode=0o700)
        parts = (
            Part("tree.tar.zst", 88_112_000, "a" * 64),
            Part("env", ENV_SIZE, "b" * 64),
            Part("database.sqlite.zst", 31_904_000, "c" * 64),
        )
        manifest = Manifest(
            created_at=at.isoformat(timespec="seconds"),
            host="localhost",
            instance=PATH,
            dfwizard="1.0.0",
            release=release,
            commit="1" * 40,
            parts=parts,
            tree=TreeRecord("tree.tar.zst", 24_318, "d" * 64, 312_400_000),
            env=None,
            database=DatabaseRecord("database.sqlite.zst", "sqlite", "dreamfactory.sqlite", "3.45.1", {}, {}),
        )
        text = codec.dumps(manifest)
        (place / MANIFEST).write_text(text, encoding="utf-8")
        if proven:
            digest = hashlib.sha256(text.encode()).hexdigest()
            when = (at + timedelta(seconds=18)).isoformat(timespec="seconds")
            proof = Proof(when, digest, ("all files have the recorded SHA-256",), "a scratch file")
            (place / PROOF).write_text(codec.dumps(proof), encoding="utf-8")


class Teller:
    """Tells the journal of a run, event by event, on the clock of the pictures."""

    def __init__(
        self, world: World, run: Run, plan: Plan, source: Recording, start: datetime, *, living: bool
    ) -> None:
        self.run = run
        self.plan = plan
        self.clock = start
        self._world, self._source, self._living = world, source, living
        self._seq = 0
        self._files = 0
        self._phase = -1
        self._began(plan, "upgrade", "plan.json")

    def _began(self, plan: Plan, name: str, file: str, *, asked: bool = False) -> None:
        pid, ticks, boot = 2717, 0, "before the last start of the machine"
        if self._living:
            pid, boot = os.getpid(), processes.boot_id()
            ticks = processes.start_ticks(pid) or 0
        self.say(ev.RunStarted(pid, boot, ticks, "1.0.0", "rollback" if asked else "run"))
        self._phase += 1
        self.plan = plan
        self.say(ev.PhaseStarted(self._phase, name, file, asked_for=asked))

    def say(self, event: ev.Event, *, after: float = 0.02) -> Teller:
        """Add an event, so many seconds after the one before."""
        self.clock += timedelta(seconds=after)
        self._seq += 1
        with self.run.journal.open("ab") as file:
            file.write(encode(self._seq, self.clock.isoformat(timespec="milliseconds"), event))
        self._world.now = self.clock
        return self

    def done(self, *, before: str = "", through: str = "") -> Teller:
        """Have the plan's steps carried out, up to the one before `before`, or `through` one, or all that are left."""
        begun = self.run.state().phase
        over = {step.id for step in begun.steps if step.status.over} if begun else set()
        for step in self.plan.steps:
            if step.id == before:
                break
            if step.id not in over:
                self.begin(step.id)
                seconds = round(step.weight * PACE, 2)
                self.say(ev.StepFinished(step.id, "done", seconds), after=seconds)
            if step.id == through:
                break
        return self

    def begin(
        self, step: str, *, attempt: int = 1, output: bytes | None = None, lines: int | None = None
    ) -> Teller:
        """Have a step begin; it has printed `output`, or the first `lines` of what was recorded of it."""
        self._files += 1
        file = f"output/{self._files:03}-{step}.log"
        text = self._source.outputs.get(f"{step}.log", b"") if output is None else output
        if lines is not None:
            text = b"".join(text.splitlines(keepends=True)[:lines])
        (self.run.directory / file).write_bytes(text)
        return self.say(ev.StepStarted(step, attempt, file))

    def fail(self, *, before: float = 3.0) -> Teller:
        """Have the step fail that failed in the recording, and the question put that was put."""
        failed, asked = self._source.event(ev.StepFailed), self._source.event(ev.Asked)
        self.done(before=failed.step).begin(failed.step)
        self.say(self._as_here(replace(failed, seconds=before)), after=before)
        return self.say(asked)

    def _as_here(self, failed: ev.StepFailed) -> ev.StepFailed:
        """Give the failure with the commands of this world, where the tree belongs to another account than dfwizard's own."""
        step = next(one for one in self.plan.steps if one.id == failed.step)
        known = diagnose(failed.message, failed.tail, step=step.id, code=failed.code, plan=self.plan)
        assert known is not None
        command = "\n".join(shown(step, me=ME))
        return replace(failed, command=command, remedy=known.remedy, commands=known.commands)

    def warned(self) -> Teller:
        """Have the run warn of what it warned of in the recording."""
        for event in self._source.told:
            if isinstance(event, ev.Note) and event.warning:
                self.say(event)
        return self

    def end(self, outcome: ev.RunOutcome, code: int) -> Teller:
        """Have the phase and the run end."""
        good = outcome in ("done", "done-with-warnings", "rolled-back")
        self.say(ev.PhaseFinished("done" if good else "failed"))
        return self.say(ev.RunFinished(outcome, code))

    def back(self, *, after: float = 4.0, asked: bool = False) -> Teller:
        """Have the rollback begin: answered to the question, or `asked` for after the end."""
        state = self.run.state()
        present = f"{self.plan.backup}-before-rollback-1"
        plan = plan_rollback(self.run.plan(), state.begun, present_backup=present, token="t")
        (self.run.directory / "rollback-1.json").write_text(codec.dumps(plan), encoding="utf-8")
        if asked:
            self.clock += timedelta(seconds=after)
            self._began(plan, "rollback", "rollback-1.json", asked=True)
            return self
        self.say(ev.Decided("rollback", ME), after=after).say(ev.PhaseFinished("failed"))
        self._phase, self.plan = 1, plan
        return self.say(ev.PhaseStarted(1, "rollback", "rollback-1.json"))

    def wait(self, seconds: float) -> Teller:
        """Let time go by."""
        self._world.now = self.clock + timedelta(seconds=seconds)
        return self

    def state(self) -> RunState:
        """Give where the run is."""
        return self.run.state()
