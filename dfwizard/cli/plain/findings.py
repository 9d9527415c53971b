"""The checks: every warning is read, every blocker done away with or taken upon oneself by name, the guide's checklist gone through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.cli.plain.menus import ask_word, ask_yes, choose, say, say_text
from dfwizard.migrating import MigrationProspect
from dfwizard.planning.findings import Severity
from dfwizard.prospects import Prospect
from dfwizard.reports.findings_text import finding_lines
from dfwizard.reports.terminal import WIDTH, cut, plain, plain_lines

if TYPE_CHECKING:
    from dfwizard.controller import Controller
    from dfwizard.planning.findings import Finding


def settle_findings(
    controller: Controller,
    prospect: Prospect | MigrationProspect,
    accepted: frozenset[str],
    *,
    back: tuple[str, str] = ("path", "another release"),
) -> tuple[str, frozenset[str]]:
    """Go through the findings; give the next stage ("again": look again, "" to quit) and the findings taken upon oneself.

    `back` is the stage before this one, and what it is called.
    """
    findings = prospect.findings
    passed = sum(one.severity is Severity.OK for one in findings)
    say("", f"{passed} checks passed.")
    for finding in (one for one in findings if one.severity is Severity.INFO):
        _tell(finding)
    for finding in (one for one in findings if one.severity is Severity.BLOCKER):
        chosen, accepted = _settle_blocker(controller, prospect, finding, accepted, back)
        if chosen != "on":
            return chosen, accepted
    for finding in (one for one in findings if one.severity is Severity.WARNING):
        chosen = _read_warning(controller, prospect, finding, back)
        if chosen != "on":
            return chosen, accepted
    if isinstance(prospect, Prospect) and not _go_through_checklist(controller, prospect):
        return back[0], accepted
    return "backup", accepted


def _tell(finding: Finding) -> None:
    # How the command line overrides a finding is not how it is done here: the question below has it.
    say("")
    say_text("\n".join(line for line in finding_lines(finding) if "--accept " not in line))


def _settle_blocker(
    controller: Controller,
    prospect: Prospect | MigrationProspect,
    finding: Finding,
    accepted: frozenset[str],
    back: tuple[str, str],
) -> tuple[str, frozenset[str]]:
    _tell(finding)
    if finding.id in accepted and finding.acceptable:
        say("You have taken this upon yourself.")
        return "on", accepted
    choices = [("again", "look again: I have mended it")]
    if _can_be_mended(prospect, finding):
        choices.append(("remedy", "run the remedy's command and look again"))
    if finding.acceptable:
        choices.append(("accept", "take it upon myself and go on"))
    chosen = choose("This forbids to begin.", [*choices, back, ("", "quit; nothing was changed")])
    if chosen == "accept":
        if ask_word("The report will say that you have overridden this.", finding.id):
            return "on", accepted | {finding.id}
        return _settle_blocker(controller, prospect, finding, accepted, back)
    if chosen == "remedy":
        return _remedy(controller, prospect, finding), accepted
    return chosen, accepted


def _read_warning(
    controller: Controller,
    prospect: Prospect | MigrationProspect,
    finding: Finding,
    back: tuple[str, str],
) -> str:
    _tell(finding)
    choices = [("on", "I have read this: go on")]
    if _can_be_mended(prospect, finding):
        choices.append(("remedy", "run the remedy's command and look again"))
    chosen = choose(
        "A warning.",
        [*choices, ("again", "look again"), back, ("", "quit; nothing was changed")],
    )
    return _remedy(controller, prospect, finding) if chosen == "remedy" else chosen


def _can_be_mended(prospect: Prospect | MigrationProspect, finding: Finding) -> bool:
    """Tell whether the remedy's command may be run from here: a migration's source is only read."""
    of_source = isinstance(prospect, MigrationProspect) and finding.id.startswith("source-")
    return bool(finding.command) and not of_source


def _remedy(controller: Controller, prospect: Prospect | MigrationProspect, finding: Finding) -> str:
    facts = prospect.facts
    say(
        "",
        f"As {plain(facts.me)}, in {plain(facts.place)}:",
        *(f"  $ {plain(line)}" for line in finding.command.splitlines()),
    )
    if ask_yes("Run this now?"):
        code = controller.apply_remedy(facts, finding, on_output=_show)
        say(f"It ended with exit code {code}.")
    return "again"


def _show(data: bytes) -> None:
    for line in plain_lines(data.decode("utf-8", "replace")):
        for part in cut(line, WIDTH - 4):
            print(f"    {part}", flush=True)


def _go_through_checklist(controller: Controller, prospect: Prospect) -> bool:
    items = controller.checklist(prospect)
    if not items:
        return True
    say(
        "",
        "The guide's checklist before an upgrade; what dfwizard found out by itself stands below each item:",
    )
    for item in items:
        say(
            f"  - {item.title}{' (by hand)' if item.by_hand else ''}",
            *(f"      {plain(one)}" for one in item.found),
        )
    return ask_yes("Is all of this looked after?")
