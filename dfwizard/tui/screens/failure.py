"""A failed step: why, and the runner's question how it shall go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from dfwizard.execution import events as ev
from dfwizard.execution.state import StepState
from dfwizard.reports.choices import Choice, choice_lines
from dfwizard.reports.stakes import stakes
from dfwizard.reports.terminal import one_line
from dfwizard.tui.screens import run_actions
from dfwizard.tui.screens.base import NOTHING_CHANGED, StageScreen
from dfwizard.tui.screens.dialogs import ConfirmDialog, Dialog, TypedDialog
from dfwizard.tui.screens.failure_rows import (
    LABELS,
    choice_rows,
    command_failed,
    confirmation,
    failure_text,
    failure_title,
)
from dfwizard.tui.screens.rollback_rows import name_to_type
from dfwizard.tui.styles import BAD, ODD, QUIET, STRONG
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList

if TYPE_CHECKING:
    from textual import events

    from dfwizard.errors import DfwizardError
    from dfwizard.execution.state import Question
    from dfwizard.planning.plan import Plan
    from dfwizard.tui.feed import Batch


class FailureScreen(StageScreen):
    """Puts the question of a run that waits."""

    STAGE = "failure"
    TITLE_TEXT = "A step failed"
    HELP_TEXT = (
        "A step of the run failed, and the run waits for your answer; it waits as long as it takes, also without this terminal.\n"
        "Above: the line that matters, the cause and what helps where dfwizard knows them, the command, the last lines of its output. "
        "Tab goes there to scroll.\n"
        "Below: what can be done. Enter takes the one under the cursor; what changes more than the step itself is asked once more.\n"
        "Somebody else may answer too (dfwizard decide): the first answer counts."
    )
    CSS_PATH = "failure.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "output", "Output", tooltip="Show the whole output of the failed step, and search it."),
        Binding("c", "copy", "Copy", tooltip="Copy the command that failed."),
        Binding("i", "details", "Step", tooltip="Say all about the step: why, how, what undoes it."),
        Binding("w", "watch", "Run", tooltip="Show all steps of the run."),
        Binding("g", "go_on", "Go on", tooltip="Start a new runner for the run: it asks again."),
        Binding("x", "roll_back", "Roll back", tooltip="Take back what the run has done so far."),
        Binding(
            "q,d,escape", "leave", "Detach", tooltip="Leave; the run goes on waiting without this terminal."
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choices: tuple[Choice, ...] = ()
        self._sent = ""

    def body(self) -> ComposeResult:
        """Give what is known above, and the answers below."""
        yield Static(id="failure-title", markup=False)
        yield Static(id="failure-banner", markup=False)
        with Container(id="failure-columns"):
            yield LineLog(follow=False, id="failure-text")
            with Vertical(id="failure-answers"):
                question = Text.assemble(("How shall it go on?", STRONG), ("   Tab: scroll the text.", QUIET))
                yield Static(question, id="failure-question", markup=False)
                yield RowList(id="failure-choices")

    def stakes(self) -> str:
        """Say what it would mean to stop here."""
        feed = self.wizard.feed
        plan = feed.plan if feed else None
        return stakes(plan, feed.state) if feed and plan else NOTHING_CHANGED

    @property
    def _question(self) -> Question | None:
        feed = self.wizard.feed
        return feed.state.question if feed else None

    def _failed(self) -> tuple[Plan, StepState] | None:
        feed = self.wizard.feed
        phase, plan = (feed.state.phase, feed.plan) if feed else (None, None)
        if feed is None or phase is None or plan is None:
            return None
        question = feed.state.question
        known = phase.step(question.step) if question and question.step else feed.state.failed_step
        return (plan, known) if known else None

    def opened(self) -> None:
        """Ask what the answers mean, and show all."""
        self.query_one("#failure-choices").focus()
        self._show()
        feed = self.wizard.feed
        if feed is not None:
            run, state = feed.run, feed.state
            self.background(lambda: choice_lines(run, state), self._take_choices)

    def on_resize(self, event: events.Resize) -> None:
        """Lay the text out for the width there is."""
        self.call_after_refresh(self._show)

    def _take_choices(self, choices: tuple[Choice, ...]) -> None:
        self._choices = choices
        self._show()

    def run_changed(self, batch: Batch) -> None:
        """Tell who has answered; the app goes on to where the run is then."""
        for seen in batch.events:
            event = seen.record.event
            if isinstance(event, ev.Decided) and not self._sent:
                label = LABELS.get(event.decision, event.decision)
                self.app.notify(f"{one_line(event.by)} has answered: {label}.", markup=False)
        if batch.ended:
            self._show()
            self.refresh_bindings()

    def _show(self) -> None:
        found = self._failed()
        if not self.is_mounted or found is None:
            return
        plan, known = found
        self.query_one("#failure-title", Static).update(failure_title(plan, known))
        log = self.query_one("#failure-text", LineLog)
        log.show(failure_text(plan, known, max(log.size.width - 3, 30)))
        self._show_banner()
        rows = self.query_one(RowList)
        open_rows = () if self._gone() or self._sent else self._choices
        rows.set_rows(choice_rows(open_rows, max(rows.size.width - 3, 40)))
        rows.styles.height = sum(len(row.lines) for row in rows.rows)
        self.query_one("#failure-question").display = bool(open_rows)

    def _show_banner(self) -> None:
        banner, feed = self.query_one("#failure-banner", Static), self.wizard.feed
        ended = feed.ended if feed else None
        text = Text()
        if ended is not None and (ended.message or ended.error):
            text = Text.assemble(
                (one_line(ended.message or ended.error), BAD),
                "\n",
                ("g goes on with the run: it asks again. x rolls it back.", ODD),
            )
        elif self._sent:
            text = Text(f"Answered: {LABELS.get(self._sent, self._sent)}. Waiting for the runner ...", ODD)
        banner.display = bool(text)
        banner.update(text)

    def _gone(self) -> bool:
        feed = self.wizard.feed
        return feed is None or feed.ended is not None

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer a new runner only where the old one is gone."""
        return self._gone() if action in ("go_on", "roll_back") else True

    @on(RowList.Chosen, "#failure-choices")
    def _chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        found, decision = self._failed(), event.row_id
        if found is None or self._sent:
            return
        meaning = next((one.meaning for one in self._choices if one.decision == decision), "")
        feed = self.wizard.feed
        asked = confirmation(decision, *found, meaning, feed.state.begun if feed else ())
        if asked is None:
            self._decide(decision)
            return
        title, lines = asked
        plan = found[0]
        dialog: Dialog[bool] = ConfirmDialog(title, lines)
        if decision == "rollback":
            dialog = TypedDialog(title, lines, name_to_type(plan.instance, feed.run.id if feed else plan.to))
        self.app.push_screen(dialog, lambda yes: self._decide(decision) if yes else None)

    def _decide(self, decision: str) -> None:
        feed, question = self.wizard.feed, self._question
        if feed is None or question is None:
            self.app.notify("Somebody else has answered meanwhile.", markup=False)
            return
        run, controller, number = feed.run, self.wizard.controller, question.seq
        self._sent = decision
        self._show()

        def failed(error: DfwizardError) -> None:
            self._sent = ""
            self._show()
            self.say_error(error)

        self.background(
            lambda: controller.decide(run, decision, question=number),
            lambda _: None,
            failed=failed,
            label=f"Answering: {LABELS.get(decision, decision)}",
        )

    def _step_id(self) -> str | None:
        found = self._failed()
        return found[1].id if found else None

    def action_output(self) -> None:
        """Show the whole output of the failed step."""
        run_actions.open_output(self, self._step_id())

    def action_copy(self) -> None:
        """Copy the command that failed."""
        found = self._failed()
        if found is not None:
            run_actions.copy(self, command_failed(*found))

    def action_details(self) -> None:
        """Say all about the failed step."""
        run_actions.show_details(self, self._step_id())

    def action_watch(self) -> None:
        """Show the steps of the run."""
        self.wizard.show("run")

    def action_go_on(self) -> None:
        """Start a new runner, which asks again."""
        run_actions.go_on(self)

    def action_roll_back(self) -> None:
        """Show what a rollback would do."""
        self.wizard.show("rollback")
