"""The runner's question after a failed step, put to whoever sits at the terminal: what each answer means, and the waiting for one."""

from __future__ import annotations

import os
import select
import sys
import termios
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from dfwizard.errors import DfwizardError
from dfwizard.execution.attach import alive
from dfwizard.planning.plan import Plan, Undo
from dfwizard.reports.terminal import columns, plain, wrap

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.execution.state import PhaseState, Question, RunState
    from dfwizard.execution.store import Run

LOOK_SECONDS = 0.2
"""The pause between two looks whether somebody else has answered meanwhile."""

_IN_TRANSACTIONS = ("pgsql", "sqlsrv")
"""The drivers on which Laravel takes back by itself what a failed migration has made (`$transactions` of its schema grammars)."""


class Put(Enum):
    """What became of a question that was put."""

    OVER = "over"
    UNANSWERED = "unanswered"
    NOBODY = "nobody"


def put(controller: Controller, run: Run, number: int) -> Put:
    """Put question `number` of `run` to the person at the terminal, unless it is over.

    Without a terminal it is said how the question can be answered (`NOBODY`); at the end of the input it is left open
    (`UNANSWERED`).
    """
    pending = _Pending(run, number)
    question = pending.question()
    if question is None:
        return Put.OVER
    print("\n".join(wrap(question.text)), file=sys.stderr)
    meanings = [(choice, _meaning(run, pending.state, choice)) for choice in question.choices]
    if not sys.stdin.isatty():
        answers = [(f"dfwizard decide {run.id} {choice}", text) for choice, text in meanings]
        for command, text in answers:
            print("\n".join((f"  {command}", *wrap(text, indent="      "))), file=sys.stderr)
        print("The run waits for one of these.", file=sys.stderr)
        return Put.NOBODY
    print("\n".join(columns(meanings)), file=sys.stderr)
    # What was typed before the question could be read is no answer to it.
    _forget_typed()
    return _ask(controller, pending, question)


def _ask(controller: Controller, pending: _Pending, question: Question) -> Put:
    while True:
        print(f"Answer [{'/'.join(question.choices)}]: ", end="", file=sys.stderr, flush=True)
        try:
            line = _line(pending)
        except EOFError:
            return Put.UNANSWERED
        if line is None:
            print(
                "(answered by somebody else)" if pending.answered else "(the runner is gone)", file=sys.stderr
            )
            _forget_typed()
            return Put.OVER
        if line not in question.choices:
            continue
        try:
            controller.decide(pending.run, line, question=question.seq)
        except DfwizardError as error:
            print(f"  {plain(error.what)}", file=sys.stderr)
            if pending.question() is not None:
                continue
        return Put.OVER


def _forget_typed() -> None:
    with suppress(termios.error):  # the terminal has been closed; the reading tells
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def _line(pending: _Pending) -> str | None:
    """Give what is typed, None once the question is over.

    Raises:
        EOFError: no more can be typed.
    """
    terminal, typed = sys.stdin.fileno(), b""
    while not typed.endswith(b"\n"):
        if pending.question() is None:
            return None
        if not select.select([terminal], [], [], LOOK_SECONDS)[0]:
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            piece = b""  # the terminal has been closed
        if not piece:
            raise EOFError
        typed += piece
    return typed.decode("utf-8", "replace").strip().lower()


class _Pending:
    """One question of a run, and whether it is still open; the journal is read again only when it has grown."""

    def __init__(self, run: Run, number: int) -> None:
        self.run = run
        self._number = number
        self._size = self._grown()
        self.state = run.state()

    @property
    def answered(self) -> bool:
        """Tell whether the question, when it was last looked for, was no longer the one that the run waits for."""
        return self.state.question is None or self.state.question.seq != self._number

    def question(self) -> Question | None:
        """Give the question, None when it has been answered or nobody waits for an answer any more."""
        size = self._grown()
        if size != self._size:
            self._size, self.state = size, self.run.state()
        if self.answered or not alive(self.run, self.state.runner):
            return None
        return self.state.question

    def _grown(self) -> int:
        try:
            return self.run.journal.stat().st_size
        except OSError:
            return 0


def is_closed(plan: Plan, phase: PhaseState) -> bool:
    """Tell whether the API is closed where `phase` of the upgrade `plan` is: as far as its steps are about that."""
    known = {step.id for step in plan.steps}
    on = phase.step("maintenance-on")
    closed = on.id not in known or on.attempts > 0 or on.status.over
    return closed and not phase.step("maintenance-off").status.over


def closed_in_words(run: Run, state: RunState) -> str:
    """Say whether the API is closed; "" where that cannot be told."""
    with suppress(DfwizardError):
        if state.phase is not None:
            return (
                "the API stays closed"
                if is_closed(run.plan(state.phase.plan), state.phase)
                else "the API is open"
            )
    return ""


def _meaning(run: Run, state: RunState, choice: str) -> str:
    plan, phase = run.plan(), state.phase
    closed = phase is not None and is_closed(plan, phase)
    if choice == "retry":
        return f"run the step again{_before_retry(run, plan, state)}"
    if choice == "skip":
        return "leave the step out and go on; the run then ends with a warning"
    if choice == "stop":
        return f"leave it as it is, {'maintenance mode on' if closed else 'the API open'}; resume or roll back later"
    if any(step.id in state.begun and step.undo in (Undo.TREE, Undo.DATABASE) for step in plan.steps):
        return f"back to {plan.frm} from the proven backup"
    return "open the API again; code and data have not been changed"


def _before_retry(run: Run, plan: Plan, state: RunState) -> str:
    failed = next((step for step in plan.steps if state.question and step.id == state.question.step), None)
    if failed is None or failed.undo is not Undo.DATABASE:
        return ""
    with suppress(DfwizardError):
        database = run.facts().database
        if database is not None and database.driver in _IN_TRANSACTIONS:
            return ""
    return ", only after removing what the migration has made"
