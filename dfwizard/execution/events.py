"""What can happen in a run, as typed, frozen data: the vocabulary of the journal.

Free text (`message`, `tail`, `note`, `text`, `question`, `reason`, and what a diagnosis says) is redacted before an event is made;
the other fields hold ids, names and numbers that dfwizard itself has chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from dfwizard.diagnosis import RemedyCommand

Request = Literal["run", "rollback"]
"""Why a runner was started: to go on with the run, or to roll back what it did."""

StepOutcome = Literal["done", "already-done", "skipped"]
PhaseOutcome = Literal["done", "failed"]
RunOutcome = Literal["done", "done-with-warnings", "failed", "rolled-back", "rollback-failed", "stopped"]


@dataclass(frozen=True)
class RunStarted:
    """A runner took the run over. `boot_id` and `start_ticks` (clock ticks since boot) tell its pid from a reused one."""

    KIND: ClassVar[str] = "run-started"
    pid: int
    boot_id: str
    start_ticks: int
    version: str
    request: Request = "run"


@dataclass(frozen=True)
class PhaseStarted:
    """The steps of the plan in file `plan` begin. `asked_for` tells a rollback that a person asked for after the end."""

    KIND: ClassVar[str] = "phase-started"
    index: int
    name: str
    plan: str
    asked_for: bool = False


@dataclass(frozen=True)
class StepStarted:
    """The step's action is about to be carried out; its output goes to file `output` (relative to the run's directory)."""

    KIND: ClassVar[str] = "step-started"
    step: str
    attempt: int
    output: str


@dataclass(frozen=True)
class StepFinished:
    """The step is over and what it wants holds, or a person skipped it. `seconds` is wall time."""

    KIND: ClassVar[str] = "step-finished"
    step: str
    outcome: StepOutcome
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class StepFailed:
    """The step failed: `code` the exit code where there was one, `command` as typed in a shell, `tail` the last useful lines.

    `line` is the one of them that matters. Where the failure is known, `diagnosis` is its id, `cause` and `remedy` are words, and
    `commands` do what the remedy says, in their order. Where it is not, `lines` are those that tell most, and `guesses` says what it
    may be. `remedy_command` stands in older journals alone: the one command that a remedy had then.
    """

    KIND: ClassVar[str] = "step-failed"
    step: str
    message: str
    code: int | None = None
    command: str = ""
    tail: tuple[str, ...] = ()
    seconds: float = 0.0
    cause: str = ""
    remedy: str = ""
    remedy_command: str = ""
    line: str = ""
    diagnosis: str = ""
    commands: tuple[RemedyCommand, ...] = ()
    lines: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepInterrupted:
    """The step was begun and its end was never seen: the runner was stopped, killed, or the machine went down."""

    KIND: ClassVar[str] = "step-interrupted"
    step: str


@dataclass(frozen=True)
class Asked:
    """The runner waits for one of `choices`."""

    KIND: ClassVar[str] = "asked"
    question: str
    choices: tuple[str, ...]
    step: str = ""


@dataclass(frozen=True)
class Decided:
    """Somebody (`by`, an account) or the run's policy (`by` is "policy") chose."""

    KIND: ClassVar[str] = "decided"
    decision: str
    by: str


@dataclass(frozen=True)
class RemedyStarted:
    """A command of the failed `step`'s remedy is about to be run: the `number`th of `of`, as typed in a shell.

    Its output goes to file `output`; `does` says what it does.
    """

    KIND: ClassVar[str] = "remedy-started"
    step: str
    command: str
    output: str
    number: int = 1
    of: int = 1
    does: str = ""


@dataclass(frozen=True)
class RemedyFinished:
    """The remedy's command is over; with `code` 0 its next one follows (`more`), or the step is tried again.

    `code` is negative for a signal, and None where the command could not be run or its end was never seen: `message` says so.
    `tail` holds the last useful lines of its output.
    """

    KIND: ClassVar[str] = "remedy-finished"
    step: str
    code: int | None
    seconds: float = 0.0
    message: str = ""
    tail: tuple[str, ...] = ()
    more: bool = False


@dataclass(frozen=True)
class Accepted:
    """A blocking finding was overridden by name."""

    KIND: ClassVar[str] = "accepted"
    finding: str


@dataclass(frozen=True)
class Paused:
    """The runner waits between two steps because `by` asked it to."""

    KIND: ClassVar[str] = "paused"
    by: str


@dataclass(frozen=True)
class Resumed:
    """The runner goes on after a pause."""

    KIND: ClassVar[str] = "resumed"
    by: str


@dataclass(frozen=True)
class PhaseFinished:
    """The phase is over."""

    KIND: ClassVar[str] = "phase-finished"
    outcome: PhaseOutcome


@dataclass(frozen=True)
class RunnerStopped:
    """The runner ended in good order with the run unfinished (a signal, a full disk); the run can be resumed."""

    KIND: ClassVar[str] = "runner-stopped"
    reason: str


@dataclass(frozen=True)
class RunFinished:
    """The run is over; `exit_code` is what a command that waited for it ends with."""

    KIND: ClassVar[str] = "run-finished"
    outcome: RunOutcome
    exit_code: int


@dataclass(frozen=True)
class Note:
    """Something worth keeping; a `warning` makes a good end a "done with warnings"."""

    KIND: ClassVar[str] = "note"
    text: str
    step: str = ""
    warning: bool = False


Event = (
    RunStarted
    | PhaseStarted
    | StepStarted
    | StepFinished
    | StepFailed
    | StepInterrupted
    | Asked
    | Decided
    | RemedyStarted
    | RemedyFinished
    | Accepted
    | Paused
    | Resumed
    | PhaseFinished
    | RunnerStopped
    | RunFinished
    | Note
)

KINDS: dict[str, type[Any]] = {
    kind.KIND: kind
    for kind in (
        RunStarted,
        PhaseStarted,
        StepStarted,
        StepFinished,
        StepFailed,
        StepInterrupted,
        Asked,
        Decided,
        RemedyStarted,
        RemedyFinished,
        Accepted,
        Paused,
        Resumed,
        PhaseFinished,
        RunnerStopped,
        RunFinished,
        Note,
    )
}
"""Every event class by its `kind` in the journal."""
