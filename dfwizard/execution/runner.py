"""The process that owns a run: takes the locks, reads where the run is, goes on from there, and takes decisions.

Everything it knows it has from the journal, so it may be killed at any moment and started again: what was begun and not
finished is looked at first (`done_when`), repeated when it may be, and asked about otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dfwizard import __version__, codec
from dfwizard.errors import ConnectionLost, DfwizardError, HostError, JournalError, UsageError
from dfwizard.execution import events as ev
from dfwizard.execution import processes, state
from dfwizard.execution.control import ControlServer, Desk
from dfwizard.execution.executor import (
    Actions,
    Executor,
    Interruption,
    Terminated,
    lost_connection,
    output_name,
)
from dfwizard.execution.holding import LaterHold, hold_instance
from dfwizard.execution.journal import Journal, open_journal
from dfwizard.execution.launch import StartReport
from dfwizard.execution.lock import Lock
from dfwizard.execution.on_failure import OnFailure
from dfwizard.execution.outcomes import WHOLE
from dfwizard.execution.redaction import Redactor
from dfwizard.execution.remedies import NOT_SEEN, apply_remedy, remedy_output
from dfwizard.execution.state import RunState, StepState, StepStatus
from dfwizard.execution.store import Run, RunRecord, require_ours
from dfwizard.hosts.base import Hold, Host
from dfwizard.planning.plan import Plan, Step, WaitForPerson

RollbackPlanner = Callable[[Plan, tuple[str, ...]], Plan]
"""Gives the plan that takes back the begun steps (ids, in order) of a plan; raises a `DfwizardError` when there is none."""

Guard = Callable[[RunState, ev.Request], None]
"""Raises a `DfwizardError` when what is asked for must not begin; then nothing has been done."""

EXIT_INTERRUPTED = 1
"""What `serve` gives when the run is left unfinished, to be resumed."""

ASKED_FOR = "request"
"""Who decided on a rollback that was asked for when the runner was started."""


def serve(
    run_dir: Path,
    host: Host,
    actions: Actions,
    rollback_planner: RollbackPlanner,
    *,
    request: ev.Request = "run",
    secrets: Iterable[bytes] = (),
    guard: Guard | None = None,
    private: str = "",
    source: Host | None = None,
) -> int:
    """Carry the run in `run_dir` to its end in this process and give the exit code.

    To be called in the main thread of a process made for it. `request` "run" begins or goes on (a run that ended with a
    failed step tries that step again); "rollback" takes back what the run has done. `secrets` are values that
    must not be written anywhere. `guard` may refuse to begin, under the locks; `private` is a directory of the
    host for files that hold secrets while a step needs them: it is removed before and after, by whoever holds the run. `source` is the host
    that a migration comes from: nobody else may work on the source meanwhile.

    Exit codes: 0 done (or rolled back as asked), 1 failed, stopped or left unfinished, 4 done with warnings, 5 failed and
    rolled back, 6 the rollback failed.

    Raises:
        HeldError: another process holds the run or the instance.
        UsageError: the run is over and there is nothing to do, or its directory is not one of ours.
        DfwizardError: its files cannot be read or written.
        In each case nothing has been begun, and whoever launched the process is told why.
    """
    run = Run(run_dir.absolute())
    require_ours(run.directory)
    report = StartReport.expected(run)
    lock = Lock()
    hold: Hold | None = None
    source_hold: Hold | None = None
    journal: Journal | None = None
    interruption = Interruption()
    interruption.install()
    os.umask(0o022)  # commands make files for the web server; whoever called may have a stricter one
    held = False
    try:
        try:
            lock.take(run.lock, what="the run")
            held = True
            record = run.record()
            hold = _hold(host, run, record)
            if source is not None and request == "run":
                stand_ins = run.directory.parent.parent / "locks"
                source_hold = hold_instance(source, run.plan().source, run=run.id, stand_ins=stand_ins)
            host.end_marked(run.id)
            if source is not None and source is not host:
                source.end_marked(run.id)
            _remove(host, private)
            journal = open_journal(run.journal)
            current = state.reduce(journal.records, run.plans())
            _require_work(run, current, request)
            if guard is not None:
                guard(current, request)
            runner = Runner(
                run, record, host, actions, rollback_planner, journal, current, hold, interruption, source
            )
        except DfwizardError as error:
            if journal is not None and not journal.records:
                run.journal.unlink()  # nothing began: the run leaves no trace of a beginning
            report.refused(error)
            raise
        runner.redactor.add(*secrets)
        return runner.go(request, report.started)
    finally:
        if held:
            _remove(host, private)
        if journal is not None:
            journal.close()
        for each in (source_hold, hold):
            if each is not None:
                with suppress(HostError):
                    each.release()
        lock.release()


@dataclass(frozen=True)
class _End:
    """How a phase ended: its steps are over, or why not."""

    kind: str  # done, failed, stopped, rollback, interrupted
    reason: str = ""


class Runner:
    """One run while it is carried out; `go` does all of it."""

    def __init__(
        self,
        run: Run,
        record: RunRecord,
        host: Host,
        actions: Actions,
        rollback_planner: RollbackPlanner,
        journal: Journal,
        current: RunState,
        hold: Hold,
        interruption: Interruption,
        source: Host | None = None,
    ) -> None:
        self.redactor = Redactor()
        self.state = current
        self._host = host
        self._run = run
        self._record = record
        self._rollback_planner = rollback_planner
        self._journal = journal
        self._interruption = interruption
        self._plans = run.plans()
        self._desk = Desk()
        self._retried: set[str] = set()
        # What was put back was not the past: comparing once more would never make it so, it is put back anew.
        self._again = (
            current.outcome == "rollback-failed"
            and current.phase is not None
            and current.phase.step("compare").status is StepStatus.FAILED
        )
        self._executor = Executor(
            host,
            actions,
            run,
            self._append,
            redactor=self.redactor,
            hold=hold,
            interruption=interruption,
            full=lambda: journal.exhausted,
            source=source,
        )
        for plan in self._plans.values():
            self._executor.require_actions(plan)

    def go(self, request: ev.Request, started: Callable[[], None]) -> int:
        """Carry the run to its end, calling `started` once its beginning is in the journal; see `serve`."""
        server = ControlServer(self._run.socket, self._desk)
        try:
            pid = os.getpid()
            self._append(
                ev.RunStarted(pid, processes.boot_id(), processes.start_ticks(pid) or 0, __version__, request)
            )
            started()
            if self._journal.quarantine:
                self._append(ev.Note(self._journal.quarantine))
            try:
                return self._phases(request)
            except Terminated:
                # SIGTERM may have come while a command was being started: before anyone could know of it.
                with suppress(DfwizardError):
                    self._host.end_marked(self._run.id)
                return self._leave("The runner was told to stop (SIGTERM).")
            except JournalError:
                raise
            except Exception as error:
                lost = lost_connection(error)
                if lost is not None:
                    return self._leave(self.redactor.text(_out_of_reach(lost)))
                self._leave(self.redactor.text(f"dfwizard itself failed: {type(error).__name__}: {error}"))
                raise
        finally:
            server.close()

    def _phases(self, request: ev.Request) -> int:
        if not self.state.phases:
            for finding in self._record.accepted:
                self._append(ev.Accepted(finding))
            self._append(ev.PhaseStarted(0, self._plans["plan.json"].kind, "plan.json"))
        self._mark_interrupted()
        if self._again:
            self._append(ev.Decided("rollback", ASKED_FOR if self._phase().asked_for else "policy"))
        elif request == "rollback" and not self._in_rollback() and self.state.decision != "rollback":
            self._append(ev.Decided("rollback", ASKED_FOR))
        end = _End("rollback") if self.state.decision == "rollback" else self._steps()
        if end.kind == "rollback":
            exit_code = self._begin_rollback()
            if exit_code is not None:
                return exit_code
            end = self._steps()
        return self._finish(end)

    def _begin_rollback(self) -> int | None:
        """Make the rollback's plan and begin its phase; an exit code when there is no plan."""
        asked_for = self.state.decided_by == ASKED_FOR
        if self._phase().outcome is None:
            self._append(ev.PhaseFinished("failed"))
        number = len(self.state.phases)
        name = f"rollback-{number}.json"
        try:
            plan = self._rollback_planner(self._plans["plan.json"], self.state.begun)
            self._executor.require_actions(plan)
            self._run.write(name, codec.dumps(plan, indent=1))
        except DfwizardError as error:
            self._append(ev.Note(self.redactor.text(f"The rollback cannot begin: {error}"), warning=True))
            return self._end_run("rollback-failed", 6)
        self._plans[name] = plan
        self._append(ev.PhaseStarted(number, "rollback", name, asked_for))
        return None

    def _steps(self) -> _End:
        plan = self._plans[self._phase().plan]
        for step in plan.steps:
            end = self._settle(plan, step)
            if end is not None:
                return end
        return _End("done")

    def _settle(self, plan: Plan, step: Step) -> _End | None:
        """Bring one step behind us; an end when the phase does not go on after it."""
        while not self._step(step).status.over:
            end = self._before_step()
            if end is not None:
                return end
            known = self._step(step)
            if known.status is StepStatus.FAILED:
                end = self._after_failure(plan, step)
            elif self._executor.is_done(step):
                self._append(ev.StepFinished(step.id, "already-done"))
            elif known.status is StepStatus.INTERRUPTED and not step.repeatable:
                self._append(
                    ev.StepFailed(
                        step.id,
                        "The step was interrupted, and it may not simply be run again: look at what it has done, "
                        "then decide.",
                    )
                )
            else:
                name = output_name(plan, self._phase().index, step, known.attempts + 1)
                self._executor.attempt(plan, step, known, name)
            if end is not None:
                return end
        return None

    def _before_step(self) -> _End | None:
        if self._journal.exhausted:
            return _End("interrupted", "The disk is full: make room, then resume the run.")
        if self._interruption.requested:
            raise Terminated
        if self.state.decision in ("rollback", "stop"):
            return self._decided(self.state.decision)
        by = self._desk.pause_wanted
        if by is not None:
            self._append(ev.Paused(by))
            with self._interruption.allowed():
                by = self._desk.wait_for_continue()
            self._append(ev.Resumed(by))
        return None

    def _after_failure(self, plan: Plan, step: Step) -> _End | None:
        """Decide by the run's policy, or ask, how it goes on."""
        if self.state.decision == "skip":
            self._append(ev.StepFinished(step.id, "skipped", note=f"Skipped by {self.state.decided_by}."))
            return None
        if self.state.decision == "remedy":
            self._remedy(plan, step)
            return None
        if isinstance(step.action, WaitForPerson):
            return self._ask(plan, step)  # whatever the policy: only a person can do what it waits for
        if not step.required:
            note = f"It failed, and the {plan.kind} goes on without it."
            self._append(ev.StepFinished(step.id, "skipped", note=note))
            return None
        if self._in_rollback():
            interrupted = self._step(step).code is None and not step.repeatable
            if step.repeatable and not interrupted and step.id not in self._retried:
                self._retried.add(step.id)
                self._append(ev.Decided("retry", "policy"))
                return None
            return _End("failed")
        policy = self._record.on_failure
        if policy is OnFailure.AUTO:
            policy = OnFailure.ASK if self.state.database_touched else OnFailure.ROLLBACK
        if policy is OnFailure.STOP:
            return _End("failed")
        if policy is OnFailure.ROLLBACK:
            self._append(ev.Decided("rollback", "policy"))
            return _End("rollback")
        return self._ask(plan, step)

    def _remedy(self, plan: Plan, step: Step) -> None:
        """Apply the step's remedy, once; when it has done what it should the step is waiting to be tried again."""
        known = self._step(step)
        name = output_name(plan, self._phase().index, step, 1)
        apply_remedy(
            self._host,
            self._run,
            plan,
            known,
            lambda number: remedy_output(name, known.remedies + 1, number),
            append=self._append,
            redactor=self.redactor,
            interruption=self._interruption,
            full=lambda: self._journal.exhausted,
        )

    def _ask(self, plan: Plan, step: Step) -> _End | None:
        known = self._step(step)
        remedy = ("remedy",) if known.can_be_mended else ()
        skip = ("skip",) if step.skippable else ()
        back = () if self._in_rollback() else ("rollback",)
        choices = (*remedy, "retry", *skip, *back, "stop")
        text = f"The step {step.title!r} of the {plan.kind} failed. How shall it go on?"
        if isinstance(step.action, WaitForPerson):
            text = f"The {plan.kind} waits for you. {known.message.splitlines()[0]} Retry looks again. How shall it go on?"
        if known.remedy_message:
            text = f"{known.remedy_message} {text}"
        # Whoever reads the question in the journal may answer it at once, by its number there.
        self._desk.open(self.state.seq + 1, choices)
        self._append(ev.Asked(self.redactor.text(text), choices, step.id))
        with self._interruption.allowed():
            decision, by = self._desk.wait_for_answer()
        self._append(ev.Decided(decision, by))
        return self._decided(decision) if decision in ("rollback", "stop") else None

    def _decided(self, decision: str) -> _End:
        return _End("rollback") if decision == "rollback" else _End("stopped")

    def _finish(self, end: _End) -> int:
        if end.kind == "interrupted":
            return self._leave(end.reason)
        rollback = self._in_rollback()
        if end.kind == "done":
            self._append(ev.PhaseFinished("done"))
            warned = bool(self.state.warnings)
            if len(self.state.phases) > 1:
                asked_for = self._phase().asked_for
                return self._end_run("rolled-back", (4 if warned else 0) if asked_for else 5)
            return self._end_run("done-with-warnings" if warned else "done", 4 if warned else 0)
        self._append(ev.PhaseFinished("failed"))
        if rollback:
            return self._end_run("rollback-failed", 6)
        return self._end_run("stopped" if end.kind == "stopped" else "failed", 1)

    def _end_run(self, outcome: ev.RunOutcome, exit_code: int) -> int:
        self._append(ev.RunFinished(outcome, exit_code))
        return exit_code

    def _leave(self, reason: str) -> int:
        """Record that the run is left unfinished."""
        self._mark_interrupted()
        self._append(ev.RunnerStopped(reason))
        return EXIT_INTERRUPTED

    def _mark_interrupted(self) -> None:
        for step in self._phase().steps if self.state.phases else ():
            if step.status is StepStatus.RUNNING:
                self._append(ev.StepInterrupted(step.id))
        if self.state.mending is not None:
            self._append(ev.RemedyFinished(self.state.mending, None, message=NOT_SEEN))

    def _phase(self) -> state.PhaseState:
        return self.state.phases[-1]

    def _in_rollback(self) -> bool:
        return self._phase().name == "rollback"

    def _step(self, step: Step) -> StepState:
        return self._phase().step(step.id)

    def _append(self, event: ev.Event) -> None:
        record = self._journal.append(event)
        self.state = state.advance(self.state, record, self._plans)
        phase = self.state.phase
        self._desk.publish(
            run=self._run.id,
            pid=os.getpid(),
            seq=record.seq,
            phase=phase.name if phase else None,
            step=self.state.current or self.state.mending,
            paused=self.state.paused,
            question=self.state.question.text if self.state.question else None,
            outcome=self.state.outcome,
        )


def _require_work(run: Run, current: RunState, request: ev.Request) -> None:
    if request == "run" and current.outcome in WHOLE:
        raise UsageError(
            f"the run is over ({current.outcome}); there is nothing to go on with",
            where=run.id,
            remedy=f"See `dfwizard report {run.id}`.",
        )
    if request != "rollback":
        return
    if current.phase is None:
        raise UsageError("the run never began; there is nothing to take back", where=run.id)
    if current.phase.name == "rollback" and current.phase.outcome == "done":
        raise UsageError(
            "the run has been rolled back already", where=run.id, remedy=f"See `dfwizard report {run.id}`."
        )


def _hold(host: Host, run: Run, record: RunRecord) -> Hold:
    stand_ins = run.directory.parent.parent / "locks"
    # A rollback killed between its two renames leaves no directory for a moment; the run goes on to mend that.
    if run.journal.exists() and host.stat(record.instance, follow=True) is None:
        return LaterHold(host, run=run.id, stand_ins=stand_ins)
    return hold_instance(host, record.instance, run=run.id, stand_ins=stand_ins)


def _remove(host: Host, private: str) -> None:
    """Remove the directory of secrets; not held by this process it belongs to a living runner."""
    if private:
        with suppress(HostError):
            host.remove(private)


def _out_of_reach(error: ConnectionLost) -> str:
    """Say why the run is left unfinished, and what became of what was going on."""
    where = f"{error.where}: " if error.where else ""
    return (
        f"{where}{error.what}. The host is out of reach; what was going on there may have ended by itself. "
        "Once the host can be reached again, going on looks at the step first and does it anew only where it is not done."
    )
