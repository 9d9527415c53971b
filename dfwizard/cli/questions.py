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
from dfwizard.reports.choices import choice_lines
from dfwizard.reports.failure import failure_lines
from dfwizard.reports.terminal import columns, plain, wrap

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.execution.state import Question
    from dfwizard.execution.store import Run

LOOK_SECONDS = 0.2
"""The pause between two looks whether somebody else has answered meanwhile."""


class Put(Enum):
    """What became of a question that was put."""

    OVER = "over"
    UNANSWERED = "unanswered"
    NOBODY = "nobody"


def put(controller: Controller, run: Run, number: int, *, numbered: bool = False) -> Put:
    """Put question `number` of `run` to the person at the terminal, unless it is over.

    Without a terminal it is said how the question can be answered (`NOBODY`); at the end of the input it is left open
    (`UNANSWERED`). With `numbered` the answers are offered by number; their words will do as well.
    """
    pending = _Pending(run, number)
    question = pending.question()
    if question is None:
        return Put.OVER
    for line in (*failure_lines(pending.state.failed_step), *wrap(question.text)):
        print(line, file=sys.stderr)
    choices = choice_lines(run, pending.state)
    if not sys.stdin.isatty():
        for choice in choices:
            command = f"  dfwizard decide {run.id} {choice.decision}"
            print("\n".join((command, *wrap(choice.meaning, indent="      "))), file=sys.stderr)
        print("The run waits for one of these.", file=sys.stderr)
        return Put.NOBODY
    rows = [(one.decision, one.meaning) for one in choices]
    if numbered:
        rows = [(f"{place}. {word}", meaning) for place, (word, meaning) in enumerate(rows, 1)]
    print("\n".join(columns(rows)), file=sys.stderr)
    # What was typed before the question could be read is no answer to it.
    _forget_typed()
    return _ask(controller, pending, question, tuple(one.decision for one in choices) if numbered else ())


def _ask(controller: Controller, pending: _Pending, question: Question, numbers: tuple[str, ...]) -> Put:
    prompt = f"Number [1-{len(numbers)}]: " if numbers else f"Answer [{'/'.join(question.choices)}]: "
    while True:
        print(prompt, end="", file=sys.stderr, flush=True)
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
        if line.isascii() and line.isdigit() and 1 <= int(line) <= len(numbers):
            line = numbers[int(line) - 1]
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
