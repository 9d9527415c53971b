"""Carries out a plan's steps on a host: intent to the journal, then the action, then its result.

What a named action does is given from outside as a function by its KIND; host commands are carried out here.
"""

from __future__ import annotations

import re
import shlex
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from dfwizard.errors import CommandFailed, ConnectionLost, DfwizardError, HostError, JournalError
from dfwizard.execution import events as ev
from dfwizard.execution.explaining import explained
from dfwizard.execution.output import OutputFile, Refusals, last_lines
from dfwizard.execution.redaction import Redactor
from dfwizard.execution.rowdata import left_out, without_rows
from dfwizard.execution.state import StepState
from dfwizard.execution.store import Run
from dfwizard.hosts.base import Hold, Host, OnOutput
from dfwizard.hosts.command import Command, Pipeline, Result, render
from dfwizard.planning.plan import Execute, Plan, Step, Undo, WaitForPerson

DONE_WHEN_SECONDS = 60.0
"""Longest time for the check whether a step is already done."""

SYNC_SECONDS = 300.0
"""Longest time for putting on the disk what a step did to the tree."""

_KEEP = 64 * 1024


class Terminated(KeyboardInterrupt):
    """The runner was told to stop (SIGTERM) while it carried out an action; hosts end their command on it."""


class StepRefused(DfwizardError):
    """A step did not do what it should; the executor turns it into `StepFailed`."""

    def __init__(self, what: str, *, code: int | None = None, remedy: str | None = None) -> None:
        super().__init__(what, remedy=remedy)
        self.code = code


class Interruption:
    """Turns SIGTERM into `Terminated`, but only where that loses nothing: inside an action, outside a journal write."""

    def __init__(self) -> None:
        self.requested = False
        self._allowed = False

    def install(self) -> None:
        """Take SIGTERM; ignore what a closing terminal sends. In the main thread only."""
        signal.signal(signal.SIGTERM, self._handle)
        # Handlers that do nothing rather than SIG_IGN: commands would inherit that.
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, lambda _number, _frame: None)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if self._allowed:
            self._allowed = False
            raise Terminated

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let `Terminated` be raised inside; at once when it was requested before."""
        self._allowed = True
        try:
            if self.requested:
                self._allowed = False
                raise Terminated
            yield
        finally:
            self._allowed = False

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Hold `Terminated` off inside, and raise it afterwards when it was requested meanwhile."""
        before, self._allowed = self._allowed, False
        try:
            yield
        finally:
            self._allowed = before
        if before and self.requested:
            self._allowed = False
            raise Terminated


@dataclass
class StepContext:
    """What an action may use. `mark` goes to every command it runs, so that strays can be found after a crash.

    `host` has the instance that the run works on; `source`, in a migration, the one that it comes from.
    """

    host: Host
    plan: Plan
    step: Step
    run: Run
    attempt: int
    mark: str
    redactor: Redactor
    hold: Hold
    append: Callable[[ev.Event], None]
    _output: OutputFile = field(repr=False)
    source: Host | None = None

    def output(self, data: bytes | str, stream: str = "") -> None:
        """Add to the step's output file and to what watchers see; known secrets are replaced, per `stream`."""
        self._output.write(data, stream)

    def note(self, text: str) -> None:
        """Put a remark into the journal."""
        self.append(ev.Note(without_rows(self.redactor.text(text)), self.step.id))

    def warn(self, text: str) -> None:
        """Put a warning into the journal: the run then ends "done with warnings"."""
        self.append(ev.Note(without_rows(self.redactor.text(text)), self.step.id, warning=True))

    def add_secret(self, *values: bytes) -> None:
        """Replace these values, too, in all that is written from now on."""
        self.redactor.add(*values)

    def execute(
        self,
        work: Command | Pipeline,
        *,
        check: bool = True,
        keep: int = _KEEP,
        on_output: OnOutput | None = None,
    ) -> Result:
        """Run `work` on the host with its output in the step's file; see `Host.run` for errors.

        With `on_output` the output goes there instead.
        """
        return self.host.run(
            work,
            on_output=on_output or (lambda stream, chunk: self._output.write(chunk, stream)),
            keep=keep,
            check=check,
            mark=self.mark,
        )


ActionFunction = Callable[[StepContext, Any], None]
"""Carries out one kind of action; raises a `DfwizardError` when it did not do what it should."""

Actions = Mapping[str, ActionFunction]


def command_of(action: Execute, *, timeout: float) -> Command:
    """Give the host command that an action stands for."""
    return Command(
        argv=action.argv,
        cwd=action.cwd,
        env=action.env,
        user=action.user,
        timeout=timeout,
        expect=action.expect,
    )


def shown(action: Execute, *, me: str) -> str:
    """Write a command as it would be typed, with the directory it runs in."""
    line = render(command_of(action, timeout=0), me=me)
    return f"cd {shlex.quote(action.cwd)} && {line}" if action.cwd else line


def execute_command(context: StepContext, action: Execute) -> None:
    """Carry out a host command (the action of KIND `command`).

    Raises:
        StepRefused: the exit code is not an expected one, or the output says that it failed or will fail.
        HostError: the host could not run it.
    """
    if action.mend and context.attempt > 1:
        mend = Command(action.mend, user=action.user, env=action.env, timeout=DONE_WHEN_SECONDS)
        context.execute(mend, check=False)
    refusals, stops = Refusals(action.refuse), Refusals(action.stop_on)

    def take(stream: str, chunk: bytes) -> None:
        context.output(chunk, stream)
        refusals.feed(stream, chunk)
        stops.feed(stream, chunk)
        if stops.matched is not None:
            # Raised through the host, which ends the command and all that it has started.
            raise StepRefused(f"The command was ended; its output says that it must fail:\n{stops.matched}")

    command = command_of(action, timeout=context.step.timeout)
    result = context.execute(command, check=False, on_output=take)
    if result.code not in action.expect:
        raise StepRefused(
            f"The command ended {code_in_words(result.code)}, expected was "
            f"{' or '.join(str(code) for code in action.expect)}.",
            code=result.code,
        )
    matched = stops.end() or refusals.end()
    if matched is not None:
        raise StepRefused(
            f"The command ended with exit code {result.code}, but its output says that it failed: {matched}",
            code=result.code,
        )


class Executor:
    """Carries out single steps for the runner; what happens between steps is the runner's business."""

    def __init__(
        self,
        host: Host,
        actions: Actions,
        run: Run,
        append: Callable[[ev.Event], None],
        *,
        redactor: Redactor,
        hold: Hold,
        interruption: Interruption,
        full: Callable[[], bool],
        source: Host | None = None,
    ) -> None:
        self._source = source
        self._host = host
        self._actions: Actions = {Execute.KIND: execute_command, **actions}
        self._run = run
        self._append = append
        self._redactor = redactor
        self._hold = hold
        self._interruption = interruption
        self._full = full

    def require_actions(self, plan: Plan) -> None:
        """Refuse a plan with an action that nobody can carry out, before its first step.

        Raises:
            DfwizardError: naming the actions.
        """
        missing = sorted({step.action.KIND for step in plan.steps} - self._actions.keys())
        if missing:
            raise DfwizardError(
                f"the plan needs actions that this dfwizard does not have: {', '.join(missing)}",
                where=str(self._run.directory),
                remedy="Use the dfwizard that made the plan.",
            )

    def is_done(self, step: Step) -> bool:
        """Ask the host whether what the step wants holds already; a check that cannot be made says no.

        Raises:
            Terminated: the runner was told to stop meanwhile.
            ConnectionLost: the host is out of reach.
        """
        if step.done_when is None:
            return False
        refusals = Refusals(step.done_when.refuse)
        command = command_of(step.done_when, timeout=min(step.timeout, DONE_WHEN_SECONDS))
        try:
            with self._interruption.allowed():
                result = self._host.run(
                    command, on_output=refusals.feed, keep=_KEEP, check=False, mark=self._run.id
                )
        except ConnectionLost:
            raise
        except HostError:
            return False
        return result.code in step.done_when.expect and refusals.end() is None

    def attempt(self, plan: Plan, step: Step, state: StepState, output: str) -> bool:
        """Carry the step out once; tell whether it is done. The journal has the result, also when it failed.

        When the intent could only be written with the last room on the disk nothing is begun, and the step is
        recorded as interrupted.

        Raises:
            JournalError: the journal cannot be written any more.
            Terminated: the runner was told to stop; the step's command has been ended.
            ConnectionLost: the host is out of reach; whether the step was done is not known.
        """
        number = state.attempts + 1
        self._append(ev.StepStarted(step.id, number, output))
        if self._full():
            self._append(ev.StepInterrupted(step.id))
            return False
        file = OutputFile(self._run.directory / output, self._redactor)
        context = StepContext(
            host=self._host,
            plan=plan,
            step=step,
            run=self._run,
            attempt=number,
            mark=self._run.id,
            redactor=self._redactor,
            hold=self._hold,
            append=self._append_shielded,
            _output=file,
            source=self._source,
        )
        begun = time.monotonic()
        failure: Exception | None = None
        try:
            with self._interruption.allowed():
                self._actions[step.action.KIND](context, step.action)
            self._require_done(plan, step)
        except JournalError:
            raise
        except Exception as error:  # whatever an action does, the run must come to a decision
            if lost_connection(error) is not None:
                raise
            failure = error
        finally:
            tail = file.close()
        seconds = round(time.monotonic() - begun, 3)
        if failure is not None:
            self._append(self._failed(plan, step, failure, tail, seconds))
            if self._full():
                # The full disk is what it failed of: with room again it is tried anew, whatever a failure leads to otherwise.
                self._append(ev.StepInterrupted(step.id))
            return False
        self._make_durable(plan, step)
        note = f"{file.lost} bytes of output were lost: the disk is full." if file.lost else ""
        self._append(ev.StepFinished(step.id, "done", seconds, note))
        return True

    def _require_done(self, plan: Plan, step: Step) -> None:
        if step.done_when is not None and not self.is_done(step):
            raise StepRefused(
                "The action ended well, but what it should bring about does not hold; checked with: "
                + shown(step.done_when, me=plan.me)
            )

    def _make_durable(self, plan: Plan, step: Step) -> None:
        """Put what a step did to the tree on the disk: "done" in the journal, which is synced, must outlive a power cut."""
        if step.undo is not Undo.TREE:
            return
        command = Command(("sync", "-f", "--", plan.instance), timeout=SYNC_SECONDS)
        try:
            with self._interruption.allowed():
                self._host.run(command, mark=self._run.id)
        except ConnectionLost:
            raise
        except HostError as error:
            text = f"What the step did may not be on the disk yet: {DfwizardError.__str__(error)}"
            self._append(ev.Note(self._redactor.text(text), step.id))

    def _append_shielded(self, event: ev.Event) -> None:
        with self._interruption.shielded():
            self._append(event)

    def _failed(
        self, plan: Plan, step: Step, error: Exception, tail: tuple[str, ...], seconds: float
    ) -> ev.StepFailed:
        clean = self._redactor.text
        code: int | None = None
        if isinstance(error, (StepRefused, CommandFailed)):
            code = error.code
        if isinstance(error, CommandFailed) and not tail:
            tail = last_lines(self._redactor.clean(error.tail.encode("utf-8", "surrogateescape")))
        if isinstance(error, DfwizardError):
            # What comes after a statement in the same text may be left out with it; the remedy must not.
            what = f"{error.where}: {error.what}" if error.where else error.what
            message = "\n".join(without_rows(clean(part)) for part in (what, error.remedy) if part)
        else:
            message = without_rows(clean(f"dfwizard itself failed: {type(error).__name__}: {error}"))
            lines = "".join(traceback.format_exception(error)).splitlines()
            tail = (*tail, *lines)[-20:]
        failed = ev.StepFailed(
            step.id,
            message,
            code=code,
            command=clean(shown(step.action, me=plan.me)) if isinstance(step.action, Execute) else "",
            tail=tuple(left_out(clean(line) for line in tail)),
            seconds=seconds,
        )
        if isinstance(step.action, WaitForPerson):
            return failed  # what it waits for it says itself, and nothing has gone wrong
        return explained(failed, plan, self._redactor)


def lost_connection(error: BaseException) -> ConnectionLost | None:
    """Give the broken link that an error comes of; None when it comes of something else."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, ConnectionLost):
            return cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return None


def output_name(plan: Plan, phase: int, step: Step, attempt: int) -> str:
    """Give the output file's name: the step's place in the plan, its id, and the attempt from the second on."""
    place = next(index for index, other in enumerate(plan.steps, 1) if other.id == step.id)
    prefix = f"r{phase}-" if phase else ""
    suffix = f"-{attempt}" if attempt > 1 else ""
    return f"output/{prefix}{place:03d}-{re.sub(r'[^A-Za-z0-9._-]', '_', step.id)[:80]}{suffix}.log"


def code_in_words(code: int) -> str:
    """Say how a command ended: `with exit code 3`, `by signal SIGKILL`."""
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
