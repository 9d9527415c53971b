"""What the screen of the checks shows, as rows and lines: findings by severity, the guide's checklist, what is still open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from dfwizard.planning.findings import Finding, Severity
from dfwizard.reports.measures import count
from dfwizard.reports.terminal import plain, wrap, wrap_command
from dfwizard.tui import signs
from dfwizard.tui.styles import BAD, ODD, OK, QUIET, SEVERITY_SIGNS, STRONG, fitted
from dfwizard.tui.widgets.rowlist import Row, heading

if TYPE_CHECKING:
    from dfwizard.planning.checklist import ChecklistItem

PASSED = "passed"
"""Id of the row that stands for all checks that passed."""

REMEDY = "remedy"
"""Id of the row that stands for the remedy that was run."""

_ORDER = (Severity.BLOCKER, Severity.WARNING, Severity.INFO, Severity.OK)
_FILLED_IN = "checklist-"
"""How the ids of notes begin that the checklist shows by itself."""


@dataclass(frozen=True)
class Said:
    """What the person has said so far: keys of warnings read and points ticked off, ids of blockers accepted."""

    acknowledged: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Checked:
    """All findings by key, the gravest first (the id; of several with one id the later ones get a number), and the checklist."""

    findings: dict[str, Finding]
    checklist: tuple[ChecklistItem, ...] = ()

    @classmethod
    def of(cls, findings: Iterable[Finding], checklist: tuple[ChecklistItem, ...] = ()) -> Checked:
        """Put findings in order and give each a key of its own."""
        ordered = sorted(findings, key=lambda finding: _ORDER.index(finding.severity))
        keys: dict[str, Finding] = {}
        for finding in ordered:
            key, number = finding.id, 2
            while key in keys:
                key, number = f"{finding.id}#{number}", number + 1
            keys[key] = finding
        return cls(keys, checklist)

    def item(self, key: str | None) -> ChecklistItem | None:
        """Give the point of the checklist with that key."""
        return next((item for item in self.checklist if item_key(item) == key), None)

    def standing(self, said: Said) -> list[str]:
        """Give the keys of the blockers that are not accepted."""
        return [
            key
            for key, finding in self.findings.items()
            if finding.severity is Severity.BLOCKER and not is_accepted(finding, said)
        ]

    def unread(self, said: Said) -> list[str]:
        """Give the keys of the warnings that were not read."""
        return [
            key
            for key, finding in self.findings.items()
            if finding.severity is Severity.WARNING and key not in said.acknowledged
        ]

    def unticked(self, said: Said) -> list[str]:
        """Give the keys of the points that only a person can tick off, and has not."""
        keys = [item_key(item) for item in self.checklist if item.by_hand]
        return [key for key in keys if key not in said.acknowledged]


def item_key(item: ChecklistItem) -> str:
    """Give the key of a point of the checklist."""
    return f"checklist:{item.id}"


def is_accepted(finding: Finding, said: Said) -> bool:
    """Tell whether a blocker was overridden by name."""
    return finding.acceptable and finding.id in said.accepted


def carried(before: Iterable[Finding], after: Iterable[Finding], said: Said) -> Said:
    """Give what still holds of what was said once the checks were repeated: only what was said of the very same findings.

    Points of the checklist stay ticked, and so does what was accepted elsewhere (it is no finding).
    """
    old, new = Checked.of(before).findings, Checked.of(after).findings
    same = {key for key, finding in new.items() if old.get(key) == finding}
    changed = {old[key].id for key in old if key not in same}
    return Said(
        frozenset(key for key in said.acknowledged if key in same or key not in old),
        frozenset(one for one in said.accepted if one not in changed),
    )


# The list ----------------------------------------------------------------------------------------------------------


def rows(
    checked: Checked, said: Said, *, width: int, unfolded: bool, remedy: Text | None = None
) -> list[Row]:
    """Give the list: the remedy that was run, findings by severity, those that passed folded into one row, the checklist."""
    made = [Row.of(REMEDY, remedy)] if remedy else []
    passed = 0
    for key, finding in checked.findings.items():
        if finding.severity is Severity.OK:
            passed += 1
        elif not (checked.checklist and finding.id.startswith(_FILLED_IN)):
            made.append(_finding_row(key, finding, said, width))
    if passed:
        sign, word, style = SEVERITY_SIGNS[Severity.OK]
        fold = "o folds them up" if unfolded else "o shows them"
        made.append(_row(PASSED, "", (sign, word, style), f"{count(passed, 'check')} passed ({fold})", width))
        if unfolded:
            made += [
                _finding_row(key, finding, said, width)
                for key, finding in checked.findings.items()
                if finding.severity is Severity.OK
            ]
    if checked.checklist:
        made.append(heading("The guide's checklist before an upgrade"))
        made += [_item_row(item, said, width) for item in checked.checklist]
    return made


def _finding_row(key: str, finding: Finding, said: Said, width: int) -> Row:
    state = SEVERITY_SIGNS[finding.severity]
    mark = ""
    if finding.severity is Severity.WARNING:
        mark = _box(key in said.acknowledged)
    elif finding.severity is Severity.BLOCKER and finding.acceptable:
        mark = _box(is_accepted(finding, said))
        if is_accepted(finding, said):
            state = (signs.WARNING, "accepted", ODD)
    return _row(key, mark, state, finding.title, width)


def _item_row(item: ChecklistItem, said: Said, width: int) -> Row:
    key = item_key(item)
    if item.by_hand:
        found = f" ({len(item.found)} found)" if item.found else ""
        ticked = key in said.acknowledged
        state = (signs.DONE, "ticked", OK) if ticked else (signs.WAITING, "by hand", "")
        return _row(key, _box(ticked), state, f"{item.title}{found}", width)
    return _row(key, "", (signs.DONE, "dfwizard", OK), item.title, width)


def _row(key: str, mark: str, state: tuple[str, str, str], title: str, width: int) -> Row:
    sign, word, style = state
    lead = f"{mark:<3} "
    room = max(width - len(lead) - 11, 10)
    return Row.of(key, Text.assemble(lead, (f"{sign} {word:<8} ", style), fitted(plain(title), room)))


def _box(ticked: bool) -> str:
    return "[x]" if ticked else "[ ]"


def summary(checked: Checked, said: Said) -> Text:
    """Say in a line whether one may go on, and what is missing."""
    standing, unread, unticked = checked.standing(said), checked.unread(said), checked.unticked(said)
    missing = []
    if standing:
        missing.append((count(len(standing), "blocker"), BAD))
    if unread:
        missing.append((f"{count(len(unread), 'warning')} to read", ODD))
    rest = f" Checklist: {len(unticked)} open." if unticked else ""
    if not missing:
        return Text.assemble((f"{signs.DONE} Nothing stands in the way", OK), f": n goes on.{rest}")
    line = Text("To do first: ")
    for index, (text, style) in enumerate(missing):
        line.append(", " if index else "").append(text, style)
    return line.append(f".{rest}")


def still_missing(checked: Checked, said: Said) -> str:
    """Say what keeps one from going on, "" when nothing does."""
    standing, unread = checked.standing(said), checked.unread(said)
    parts = [f"{count(len(standing), 'blocker')} to mend or accept"] if standing else []
    parts += [f"{count(len(unread), 'warning')} to read"] if unread else []
    return ", ".join(parts)


# The detail --------------------------------------------------------------------------------------------------------


def finding_lines(key: str, finding: Finding, said: Said, *, width: int) -> list[Text]:
    """Give all that is known of a finding, and what one can do about it here."""
    lines = _styled(wrap(finding.title, width=width), STRONG)
    for item in finding.evidence:
        lines += _styled(wrap(item, width=width, indent="    ", first="  - "))
    if finding.why:
        lines += _styled(wrap(finding.why, width=width))
    if finding.remedy:
        lines += _styled(wrap(finding.remedy, width=width, indent="  ", first="Remedy: "), OK)
    for command in finding.command.splitlines():
        lines += _styled(wrap_command(command, width=width, indent="  "), STRONG)
    for hint in _hints(key, finding, said):
        lines += _styled(wrap(hint, width=width), QUIET)
    return lines


def _hints(key: str, finding: Finding, said: Said) -> Iterable[str]:
    if finding.command:
        yield "m runs this command after asking, then all is checked again; c copies it."
    if finding.severity is Severity.WARNING:
        read = key in said.acknowledged
        yield "You have read this; Space takes it back." if read else "Space: I have read this."
    elif finding.severity is Severity.BLOCKER and is_accepted(finding, said):
        yield "You go on all the same, upon your own responsibility; a takes it back."
    elif finding.severity is Severity.BLOCKER and finding.acceptable:
        yield "r checks again once this is mended. a: go on all the same, upon your own responsibility."
    elif finding.severity is Severity.BLOCKER:
        yield "This cannot be overridden. r checks again once it is mended."


def item_lines(item: ChecklistItem, said: Said, *, width: int) -> list[Text]:
    """Give a point of the checklist with what was found out about it."""
    lines = _styled(wrap(item.title, width=width), STRONG)
    for found in item.found:
        lines += _styled(wrap(found, width=width, indent="    ", first="  - "))
    if not item.by_hand:
        return lines
    if not item.found:
        lines.append(Text("dfwizard has found nothing about it."))
    ticked = item_key(item) in said.acknowledged
    return [*lines, Text("Ticked off; Space takes it back." if ticked else "Space: this is seen to.", QUIET)]


def passed_lines(checked: Checked, *, width: int) -> list[Text]:
    """Give the titles of the checks that passed."""
    lines = []
    for finding in checked.findings.values():
        if finding.severity is Severity.OK:
            lines += _styled(wrap(finding.title, width=width, indent="  ", first=f"{signs.DONE} "))
    return lines


def acceptance(finding: Finding) -> Sequence[str]:
    """Give what one is asked when a blocker is to be overridden; first what one takes upon oneself, which may not be out of sight."""
    lines = [
        finding.title,
        "",
        f"Go on all the same? You take upon yourself what comes of it; the run's record names it: {finding.id}.",
        "",
        *(f"  - {item}" for item in finding.evidence[:6]),
    ]
    if len(finding.evidence) > 6:
        lines.append(f"    and {len(finding.evidence) - 6} more")
    return [*lines, "", finding.why] if finding.why else lines


def _styled(lines: Iterable[str], style: str = "") -> list[Text]:
    return [Text(line, style) for line in lines]
