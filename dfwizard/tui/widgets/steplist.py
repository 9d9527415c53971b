"""The steps of a plan as they go: the cursor goes with the step that is going on until somebody moves it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from dfwizard.execution.state import PhaseState, StepState, StepStatus
from dfwizard.reports.measures import between, brief
from dfwizard.reports.terminal import one_line
from dfwizard.tui.styles import QUIET, STEP_SIGNS, STRONG, fitted
from dfwizard.tui.widgets.rowlist import Row, RowList

if TYPE_CHECKING:
    from dfwizard.execution.state import RunState
    from dfwizard.planning.plan import Plan

_WORD_WIDTH = 8
_TIME_WIDTH = 10
_LEAD = 2 + 1
"""Columns of the cursor and the scroll bar."""


class StepList(RowList):
    """Rows of steps. `show_steps` may be called as often as the clock ticks."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._live = ""
        self._shown: tuple[Plan, RunState, str] | None = None

    def show_steps(self, plan: Plan, state: RunState, now: str) -> None:
        """Show the steps of the last phase of `state`, whose plan is `plan`, at the moment `now` (ISO 8601)."""
        self._shown = plan, state, now
        live = live_step(plan, state)
        elsewhere = bool(self._live) and self.current not in (None, self._live)
        rows = step_rows(plan, state.phase, now, max(self.size.width - _LEAD, 30))
        moved = live != self._live and not elsewhere
        self._live = live
        if rows != self.rows or moved:
            self.set_rows(rows, current=live if moved else None)
            if moved:
                self.call_after_refresh(self._centre)

    def on_resize(self) -> None:
        """Fit the rows to the width there is, and keep what is around the cursor in sight."""
        if self._shown is not None:
            self.show_steps(*self._shown)
        self._centre()

    def _centre(self) -> None:
        """Have the cursor's row in the middle: what was before it and what comes next."""
        if 0 <= self.cursor < len(self.rows):
            self.scroll_to(
                y=max(self.cursor - self.size.height // 2, 0), animate=False, immediate=True, force=True
            )


def live_step(plan: Plan, state: RunState) -> str:
    """Give the step that matters now: going on, asked about, or the next one."""
    if state.current or state.mending or state.question:
        return state.current or state.mending or (state.question.step if state.question else "")
    phase = state.phase
    waiting = (step.id for step in plan.steps if phase is None or not phase.step(step.id).status.over)
    return next(waiting, plan.steps[-1].id if plan.steps else "")


def taken(step: StepState, now: str) -> float:
    """Give the seconds that a step has taken up to `now` (ISO 8601), its earlier attempts too."""
    if step.status is not StepStatus.RUNNING:
        return step.seconds
    return step.seconds + max(between(step.started, now) or 0.0, 0.0)


def step_rows(plan: Plan, phase: PhaseState | None, now: str, width: int) -> tuple[Row, ...]:
    """Give a row of at most `width` columns for each step: sign, number, title, word and time."""
    rows = []
    digits = len(str(len(plan.steps)))
    room = max(width - digits - _WORD_WIDTH - _TIME_WIDTH - 6, 8)
    for number, step in enumerate(plan.steps, 1):
        known = phase.step(step.id) if phase else StepState(step.id)
        sign, word, style = STEP_SIGNS[known.status]
        again = f" (try {known.attempts})" if known.attempts > 1 else ""
        title = fitted(one_line(step.title), room - len(again)) + again
        title += " " * (room - cell_len(title))
        seconds = taken(known, now)
        time = brief(seconds) if known.attempts and seconds >= 0.05 else ""
        strong = STRONG if known.status is StepStatus.RUNNING else ""
        rows.append(
            Row.of(
                step.id,
                Text.assemble(
                    (f"{sign} ", style),
                    (f"{number:>{digits}} ", QUIET),
                    (title, style if known.status is StepStatus.WAITING else strong),
                    (f" {word:<{_WORD_WIDTH}}", style),
                    (f" {time:>{_TIME_WIDTH}}", QUIET),
                ),
            )
        )
    return tuple(rows)
