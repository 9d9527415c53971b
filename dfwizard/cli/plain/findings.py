"""The checks: every warning is read, every blocker done away with or taken upon oneself by name, the guide's checklist gone through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfwizard.cli.plain.menus import ask_word, ask_yes, choose, say, say_text
from dfwizard.planning.findings import Severity
from dfwizard.reports.findings_text import finding_lines
from dfwizard.reports.terminal import WIDTH, cut, plain, plain_lines

if TYPE_CHECKING:
    from dfwizard.controller import Controller, Prospect
    from dfwizard.planning.findings import Finding


def settle_findings(
    controller: Controller, prospect: Prospect, accepted: frozenset[str]
) -> tuple[str, frozenset[str]]:
    """Go through the findings; give the next stage ("again": look again, "" to quit) and the findings taken upon oneself."""
    findings = prospect.findings
    passed = sum(one.severity is Severity.OK for one in findings)
    say("", f"{passed} checks passed.")
    for finding in (one for one in findings if one.severity is Severity.INFO):
        _tell(finding)
    for finding in (one for one in findings if one.severity is Severity.BLOCKER):
        chosen, accepted = _settle_blocker(controller, prospect, finding, accepted)
        if chosen != "on":
            return chosen, accepted
    for finding in (one for one in findings if one.severity is Severity.WARNING):
        chosen = _read_warning(controller, prospect, finding)
        if chosen != "on":
            return chosen, accepted
    if not _go_through_checklist(controller, prospect):
        return "path", accepted
    return "backup", accepted


def _tell(finding: Finding) -> None:
    # How the command line overrides a finding is not how it is done here: the question below has it.
    say("")
    say_text("\n".join(line for line in finding_lines(finding) if "--accept " not in line))


def _settle_blocker(
    controller: Controller, prospect: Prospect, finding: Finding, accepted: frozenset[str]
) -> tuple[str, frozenset[str]]:
    _tell(finding)
    if finding.id in accepted and finding.acceptable:
        say("You have taken this upon yourself.")
        return "on", accepted
    choices = [("again", "look again: I have mended it")]
    if finding.command:
        choices.append(("remedy", "run the remedy's command and look again"))
    if finding.acceptable:
        choices.append(("accept", "take it upon myself and go on"))
    chosen = choose(
        "This forbids to begin.", [*choices, ("path", "another release"), ("", "quit; nothing was changed")]
    )
    if chosen == "accept":
        if ask_word("The report will say that you have overridden this.", finding.id):
            return "on", accepted | {finding.id}
        return _settle_blocker(controller, prospect, finding, accepted)
    if chosen == "remedy":
        return _remedy(controller, prospect, finding), accepted
    return chosen, accepted


def _read_warning(controller: Controller, prospect: Prospect, finding: Finding) -> str:
    _tell(finding)
    choices = [("on", "I have read this: go on")]
    if finding.command:
        choices.append(("remedy", "run the remedy's command and look again"))
    chosen = choose(
        "A warning.",
        [*choices, ("again", "look again"), ("path", "another release"), ("", "quit; nothing was changed")],
    )
    return _remedy(controller, prospect, finding) if chosen == "remedy" else chosen


def _remedy(controller: Controller, prospect: Prospect, finding: Finding) -> str:
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
