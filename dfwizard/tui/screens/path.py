"""Which release, and by which road: the choice, the legs with their gates, what they need, and the plan's steps."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from dfwizard.errors import DfwizardError
from dfwizard.instance.facts import Facts
from dfwizard.planning.choices import Choice
from dfwizard.planning.needs import breaking, legs, needs, takes_release_zip
from dfwizard.planning.road import Course
from dfwizard.prospects import Prospect
from dfwizard.reports.plan_text import plan_text
from dfwizard.reports.terminal import plain, wrap
from dfwizard.tui import signs
from dfwizard.tui.screens.base import StageScreen
from dfwizard.tui.screens.dialogs import AskDialog, MessageDialog
from dfwizard.tui.screens.path_road import drawn
from dfwizard.tui.screens.path_rows import (
    course_lines,
    offered,
    release_rows,
    road_lines,
    step_lines,
    verdict,
)
from dfwizard.tui.screens.reading import ReadingScreen
from dfwizard.tui.styles import QUIET
from dfwizard.tui.widgets.linelog import LineLog
from dfwizard.tui.widgets.rowlist import RowList


class Releases(RowList):
    """The list of releases."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "choose",
            "Choose",
            tooltip="Plan the road to this release; once planned, go on to the checks",
        )
    ]


class PathScreen(StageScreen):
    """The release to upgrade to, and the road there."""

    STAGE = "path"
    TITLE_TEXT = "Path"
    CSS_PATH = "path.tcss"
    HELP_TEXT = (
        "Choose the release to upgrade to. The list holds the newest release and the newest of each major version; a shows all of "
        "them. Below, or beside, is the road there: every release that is installed on the way, and a gate where it is verified "
        "before the next leg.\n"
        "Enter plans the road: git is asked for the releases, and every step is shown with its command. Nothing is changed by that. "
        "Tab goes to the text below to scroll it, p shows the whole plan with reasons and ways back, s saves it.\n"
        "d plans the direct road, without the guide's stops, where that is possible. w plans a road on which the run waits, in maintenance "
        "mode, while you switch PHP; without it a road that needs another PHP is blocked.\n"
        "Once planned, Enter or n goes on to the checks. Stopping costs nothing."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Checks", tooltip="Go on: check whether the plan can be carried out"),
        Binding("a", "all", "All", tooltip="List all releases, or the newest of each major only"),
        Binding("p", "plan", "Plan", tooltip="Show the whole plan: commands, reasons, ways back"),
        Binding("s", "save", "Save", tooltip="Save the plan as shell script, runbook or text"),
        Binding(
            "g", "admin_ui", "Admin UI", show=False, tooltip="Name the release.zip of the admin UI (6.x)"
        ),
        Binding("d", "direct", "Direct", show=False, tooltip="Leave out the guide's stops, or take them"),
        Binding("w", "gates", "Wait", show=False, tooltip="Have the run wait while you switch PHP, or not"),
        Binding("r", "again", "Plan again", show=False, tooltip="Plan the road again"),
        Binding("b,escape", "back", "Back", tooltip="Go back to what was found out"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choices: tuple[Choice, ...] | None = None
        self._every = False
        self._planning = ""

    def body(self) -> ComposeResult:
        """Give what is installed, the releases, and the road to the one under the cursor."""
        yield Static("", id="installed", markup=False)
        with Container(id="way"):
            yield Releases()
            with Vertical(id="right"):
                yield Static("", id="road", markup=False)
                yield LineLog(follow=False, id="details")

    def opened(self) -> None:
        """Ask for the releases."""
        self.query_one(Releases).focus()
        facts = self.session.facts
        if facts is None:
            self._say_top("Nothing has been found out yet.", "b goes back to look at the instance.")
            return
        controller = self.wizard.controller
        self._say_top(_installed(facts), "Looking for newer releases ...")
        self.background(lambda: controller.releases(facts), self._take_choices, failed=self._no_choices)

    def _take_choices(self, choices: tuple[Choice, ...]) -> None:
        self._choices = choices
        target = self.session.target
        self._every = bool(target) and target not in {one.tag for one in offered(choices, every=False)}
        self._show_all()
        if target:
            self.query_one(Releases).move_to(target)
        self._show_road()
        self.refresh_bindings()

    def _no_choices(self, error: DfwizardError) -> None:
        self._say_top(*str(error).splitlines(), "b goes back.")

    # What is shown -------------------------------------------------------------------------------------------------

    @property
    def _choice(self) -> Choice | None:
        tag = self.query_one(Releases).current
        return next((one for one in self._choices or () if one.tag == tag), None)

    @property
    def _prospect(self) -> Prospect | None:
        """Give the prospect of the release under the cursor."""
        prospect, choice = self.session.prospect, self._choice
        mine = isinstance(prospect, Prospect) and choice is not None and prospect.plan.to == choice.tag
        return prospect if mine and isinstance(prospect, Prospect) else None

    def _say_top(self, *lines: str) -> None:
        first, *rest = [plain(line) for line in lines]
        text = Text("\n").join([Text(first, "bold"), *(Text(line) for line in rest)])
        self.query_one("#installed", Static).update(text)

    def _show_all(self) -> None:
        facts, choices = self.session.facts, self._choices
        if facts is None or choices is None:
            return
        rows = self.query_one(Releases)
        listed = offered(choices, every=self._every)
        planned = self.session.prospect.plan.to if self.session.prospect else ""
        cli = facts.cli()
        rows.set_rows(release_rows(listed, planned, cli.minor if cli else "", max(rows.size.width, 40)))
        head = _installed(facts)
        if facts.version.release is None:
            self._say_top(head, "Without a known release no road can be planned. b: see what disagrees.")
        elif not choices:
            self._say_top(
                head,
                f"{facts.version.release} is the newest release known: there is nothing to upgrade to.",
                f"Whether all is still well is shown by: dfwizard verify {facts.place}",
            )
        elif len(listed) < len(choices):
            self._say_top(f"{head}   (a: {len(choices) - len(listed)} more)")
        else:
            self._say_top(head)

    def _show_road(self, *, to_steps: bool = False) -> None:
        facts, choice, log = self.session.facts, self._choice, self.query_one("#details", LineLog)
        road = self.query_one("#road", Static)
        if facts is None or choice is None or facts.version.release is None:
            road.update("")
            log.show(())
            return
        width = max(log.size.width - 3, 30)
        if choice.refused:
            road.update(Text(f"{choice.tag} cannot be chosen", "bold"))
            log.show([Text(line) for line in wrap(choice.refused, width=width)])
            log.show_line(0, row=0)
            return
        rules, prospect = self.wizard.controller.rules, self._prospect
        hops = (
            prospect.plan.hops
            if prospect
            else legs(rules, facts.version.release, choice, direct=self.session.course.direct)
        )
        cli = facts.cli()
        ungated = takewhile(lambda hop: not hop.gate, hops)
        unmet = frozenset(
            hop.to for hop in ungated if cli is not None and hop.php and cli.minor not in hop.php
        )
        picture = drawn(hops, width, unmet)
        if prospect is not None:
            accepted = frozenset(self.session.accepted)
            picture = Text("\n").join([picture, verdict(prospect, accepted)])
        road.update(picture)
        changes = [breaking(rules, hop) for hop in hops]
        ways = course_lines(choice, self.session.course, bool(unmet), width)
        needed = needs(facts, rules, hops, prospect.findings if prospect else None)
        lines = road_lines(hops, needed, ways, changes, width)
        steps_at = 0
        if prospect is not None:
            lines.append(Text())
            steps_at = len(lines)
            lines += step_lines(prospect.plan, width)
        else:
            lines += [
                Text(),
                Text("Enter plans this road and shows every command; nothing is changed by that.", QUIET),
            ]
        log.show(lines)
        log.show_line(0, row=0)
        if to_steps:  # a text that fitted before can be scrolled once it has been laid out
            self.call_after_refresh(log.scroll_to, y=steps_at, animate=False, force=True)

    @on(Releases.Moved)
    def moved(self) -> None:
        """Show the road to the release under the cursor."""
        self._show_road()
        self.refresh_bindings()

    @on(events.Resize)
    def fit(self) -> None:
        """Fit rows and text to the width."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self._show_all()
        self._show_road()

    # Planning ------------------------------------------------------------------------------------------------------

    @on(Releases.Chosen)
    def chosen(self) -> None:
        """Plan the road to the release; where its plan stands, go on."""
        choice = self._choice
        if choice is None or self._planning:
            return
        if choice.refused:
            self.app.push_screen(MessageDialog(f"{choice.tag} cannot be chosen", [choice.refused]))
        elif self._prospect is not None:
            self.action_next()
        else:
            self._plan(choice.tag)

    def _plan(self, tag: str) -> None:
        facts, session = self.session.facts, self.session
        if facts is None:
            return
        session.forget_findings()
        session.target, self._planning = tag, tag
        self._show_all()
        self.refresh_bindings()
        controller = self.wizard.controller
        php, url, backup_dir, admin_ui = session.php, session.url, session.backup_dir, session.admin_ui
        course = session.course
        self.background(
            lambda: controller.propose(
                facts, tag, php=php, url=url, backup_dir=backup_dir, admin_ui=admin_ui, course=course
            ),
            self._planned,
            failed=self._not_planned,
            label=f"Planning the road to {tag}",
        )

    def _planned(self, prospect: Prospect) -> None:
        self._planning = ""
        self.session.prospect = prospect
        self._show_all()
        self.query_one(Releases).move_to(prospect.plan.to)
        self._show_road(to_steps=True)
        self.refresh_bindings()

    def _not_planned(self, error: DfwizardError) -> None:
        tag, self._planning = self._planning, ""
        self.app.push_screen(MessageDialog(f"No plan to {tag}", str(error).splitlines()))
        self._show_all()
        self.refresh_bindings()

    # Keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done with the release under the cursor."""
        if action in ("next", "plan", "save", "again"):
            return self._prospect is not None and not self._planning
        if action == "all":
            return bool(self._choices)
        if action == "direct":
            return self._choice is not None and (bool(self._choice.direct) or self.session.course.direct)
        if action == "admin_ui":
            choice = self._choice
            return choice is not None and takes_release_zip(self.wizard.controller.rules, choice.tag)
        return True

    def action_next(self) -> None:
        """Go on to the checks."""
        self.wizard.show("checks")

    def action_back(self) -> None:
        """Go back to what was found out."""
        self.wizard.show("detection")

    def action_all(self) -> None:
        """List all releases, or the newest of each major only."""
        self._every = not self._every
        self._show_all()
        self._show_road()

    def action_again(self) -> None:
        """Plan the road again."""
        if self._prospect is not None:
            self._plan(self._prospect.plan.to)

    def action_direct(self) -> None:
        """Plan the direct road, or the one over the guide's stops."""
        self._take(replace(self.session.course, direct=not self.session.course.direct))

    def action_gates(self) -> None:
        """Plan the road with the run waiting for another PHP, or without."""
        self._take(replace(self.session.course, gates=not self.session.course.gates))

    def _take(self, course: Course) -> None:
        choice = self._choice
        if choice is None or choice.refused or self._planning:
            return
        self.session.course = course
        self._plan(choice.tag)

    def action_plan(self) -> None:
        """Show the whole plan."""
        if self._prospect is not None:
            plan, host = self._prospect.plan, self._prospect.facts.host
            title = f"The plan: {plan.frm} {signs.ARROW} {plan.to}"
            self.app.push_screen(
                ReadingScreen(
                    title, lambda width: plan_text(plan, host=host, width=min(width, 110)).splitlines()
                )
            )

    def action_admin_ui(self) -> None:
        """Ask for the release.zip of the admin UI."""
        text = (
            "DreamFactory 6.x has its admin UI outside of composer: release.zip of df-admin-interface. Give its path on the host; "
            "without it the upgraded instance has no admin UI. Empty: none."
        )
        self.app.push_screen(
            AskDialog("Admin UI", [text], value=self.session.admin_ui or ""), self._take_admin_ui
        )

    def _take_admin_ui(self, file: str | None) -> None:
        if file is None:
            return
        self.session.admin_ui = file.strip() or None
        self.action_again()

    def action_save(self) -> None:
        """Ask for a file name, and save the plan there."""
        if self._prospect is None:
            return
        prospect, controller = self._prospect, self.wizard.controller
        plan = prospect.plan
        text = (
            "The end of the name says what is written: .sh a shell script that does the same, .md a runbook, anything else text. "
            "What is there already is not overwritten."
        )

        def say(saved: str) -> None:
            self.app.push_screen(MessageDialog("Saved", [f"The plan is in {plain(saved)}"]))

        def take(path: str | None) -> None:
            if path and path.strip():
                self.background(lambda: controller.save_plan(prospect, path.strip()), say)

        name = f"dfwizard-{plan.frm}-to-{plan.to}.sh"
        self.app.push_screen(AskDialog("Save the plan", [text], value=name), take)


def _installed(facts: Facts) -> str:
    cli, fpm = facts.cli(), facts.fpm()
    php = f"PHP {cli.version}" if cli else "PHP not found"
    if fpm is not None and (cli is None or fpm.version != cli.version):
        php += f" (web server {fpm.version})"
    return (
        f"Installed: {facts.version.release or 'not known'}, {php}, composer {facts.composer or 'not found'}"
    )
