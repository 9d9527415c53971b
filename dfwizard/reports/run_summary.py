"""A run in a few words, for lists: what it was, how far it is, what it waits for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dfwizard.errors import DfwizardError
from dfwizard.execution import journal
from dfwizard.execution.attach import alive
from dfwizard.execution.state import RunState, reduce
from dfwizard.hosts.naming import located
from dfwizard.planning.plan import TakeBackup

if TYPE_CHECKING:
    from dfwizard.execution.store import Run, RunRecord, Store


@dataclass(frozen=True)
class ReadRun:
    """What was read of a run when its journal had that `size` (bytes) and was written at `written` (nanoseconds)."""

    size: int
    written: int
    record: RunRecord
    state: RunState
    backups: tuple[str, ...]
    """The directories of its backups: its own first, then those of the present state before each rollback."""
    source: str = ""
    """The source of a migration, with its host."""


Known = dict[str, ReadRun]
"""Runs read before, by id."""


@dataclass(frozen=True)
class RunSummary:
    """A run in a list.

    `word` is its state for people: its `outcome` (None: not over), `going`, `waits for a word` (`asks`), `interrupted`, `not begun` or
    `unreadable`.
    `phase` is upgrade, migration or rollback, None before the first; `step` the number of the step in hand of `steps`, `step_title` its
    title;
    `alive` whether a runner works on it; `backup` the directory of its backup. Of a run that cannot be read only `id`, `word` and
    `error` are given. `source` is a migration's source, with its host.
    """

    id: str
    word: str
    outcome: str | None = None
    kind: str = ""
    instance: str = ""
    host: str = ""
    frm: str = ""
    to: str = ""
    created_at: str = ""
    created_by: str = ""
    phase: str | None = None
    step: int = 0
    steps: int = 0
    step_title: str = ""
    alive: bool = False
    asks: bool = False
    backup: str = ""
    source: str = ""
    error: str = ""

    @property
    def place(self) -> str:
        """Give the instance as it is named on the command line, with its host unless that is this machine."""
        return located(self.host, self.instance)


def summaries(store: Store, known: Known | None = None) -> tuple[RunSummary, ...]:
    """Give every run, the newest first. `known` keeps what was read, so that a second look reads only what has changed.

    Raises:
        UsageError: the runs cannot be listed.
    """
    states: Known = {} if known is None else known
    return tuple(_summary(run, states) for run in store.list())


def _summary(run: Run, known: Known) -> RunSummary:
    try:
        read = read_run(run, known)
    except DfwizardError as error:
        return RunSummary(run.id, "unreadable", error=str(error))
    record, state = read.record, read.state
    living = state.outcome is None and alive(run, state.runner)
    phase = state.phase
    steps = phase.steps if phase else ()
    over = sum(step.status.over for step in steps)
    return RunSummary(
        id=run.id,
        word=_word(state, living),
        outcome=state.outcome,
        kind=record.kind,
        instance=record.instance,
        host=record.host,
        frm=record.frm,
        to=record.to,
        created_at=record.created_at,
        created_by=record.created_by,
        phase=phase.name if phase else None,
        step=min(over + 1, len(steps)),
        steps=len(steps),
        step_title=next((step.title for step in steps if not step.status.over), ""),
        alive=living,
        asks=living and state.question is not None,
        backup=read.backups[0],
        source=read.source,
    )


def read_run(run: Run, known: Known) -> ReadRun:
    """Read a run, or give what `known` has of it when its journal has not changed since.

    Raises:
        DfwizardError: it cannot be read.
    """
    size = written = 0
    with suppress(OSError):
        info = run.journal.stat()
        size, written = info.st_size, info.st_mtime_ns
    before = known.get(run.id)
    if before is not None and (before.size, before.written) == (size, written):
        return before
    plans = run.plans()
    state = reduce(journal.read(run.journal).records, plans)
    taken = (step.action for plan in plans.values() for step in plan.steps)
    directories = (one.directory for one in taken if isinstance(one, TakeBackup))
    backups = tuple(dict.fromkeys((plans["plan.json"].backup, *directories)))
    plan = plans["plan.json"]
    source = plan.source and located(plan.source_host, plan.source)
    found = ReadRun(size, written, run.record(), state, backups, source)
    known[run.id] = found
    return found


def _word(state: RunState, living: bool) -> str:
    if state.outcome:
        return state.outcome
    if living:
        return "waits for a word" if state.question else "going"
    return "interrupted" if state.runner else "not begun"
