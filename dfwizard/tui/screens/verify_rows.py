"""The comparison before and after as rows: what is flagged first, then what is explained, then what is the same."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.text import Text

from dfwizard.reports.measures import count
from dfwizard.reports.terminal import folded, one_line
from dfwizard.reports.verification_text import summary
from dfwizard.tui import signs
from dfwizard.tui.styles import BAD, ODD, OK, QUIET, STRONG, fitted
from dfwizard.tui.widgets.rowlist import Row
from dfwizard.verification.result import Check, Verdict, Verification

SUMMARY = "summary"
"""The id of the first row, from which Enter goes on."""

_NOTHING = "nothing"


@dataclass(frozen=True)
class Standing:
    """How a check stands: `rank` orders (flagged first), `meaning` says what the word stands for."""

    rank: int
    sign: str
    word: str
    style: str
    meaning: str


_FAILED = Standing(0, signs.FAILED, "FAILED", BAD, "The instance is not what it should be here.")
_WARNING = Standing(1, signs.WARNING, "WARNING", ODD, "No known reason explains this: a person should look.")
_EXPLAINED = Standing(2, signs.INFO, "explained", "cyan", "It differs, and the reason is known.")
_AS_PLANNED = Standing(3, signs.DONE, "as planned", OK, "It changed to what the plan and the release want.")
_SAME = Standing(4, signs.DONE, "same", QUIET, "It is as it was before, or as it has to be.")


def standing(check: Check) -> Standing:
    """Tell how a check stands."""
    if check.verdict is Verdict.FAILED:
        return _FAILED
    if check.verdict is Verdict.WARNING:
        return _WARNING
    if check.verdict is Verdict.EXPECTED:
        return _EXPLAINED
    return _SAME if check.before in ("", check.after) else _AS_PLANNED


def counts(verification: Verification) -> tuple[int, int, int]:
    """Give how many checks are the same, explained, flagged."""
    ranks = [standing(check).rank for check in verification.checks]
    flagged = sum(rank <= _WARNING.rank for rank in ranks)
    same = ranks.count(_SAME.rank)
    return same, len(ranks) - same - flagged, flagged


def check_rows(verification: Verification, width: int, *, only_differences: bool) -> list[Row]:
    """Give the rows for a list of `width` columns: the summary, the head, every check."""
    columns = _columns(width)
    head = ("", "", "What", "Before", "After")
    rows = [_summary_row(verification), Row.of("head", _line(head, columns, QUIET), enabled=False)]
    ranked = sorted(enumerate(verification.checks), key=lambda item: (standing(item[1]).rank, item[0]))
    for number, check in ranked:
        stands = standing(check)
        if only_differences and stands is _SAME:
            continue
        cells = (stands.sign, stands.word, check.title, check.before or _NOTHING, check.after or _NOTHING)
        rows.append(Row.of(f"check:{number}", _line(cells, columns, stands.style)))
    if len(rows) == 2:
        text = (
            "Nothing differs; u shows what was compared." if verification.checks else "Nothing was compared."
        )
        rows.append(Row.of("empty", Text(text, QUIET), enabled=False))
    return rows


def _summary_row(verification: Verification) -> Row:
    same, explained, flagged = counts(verification)
    style = BAD if verification.failed else ODD if flagged else OK
    text = Text.assemble(
        (f"{signs.DONE} {same} same", OK),
        "   ",
        (f"{signs.INFO} {explained} explained", "cyan"),
        "   ",
        (f"{signs.WARNING if flagged else signs.DONE} {flagged} flagged", style),
    )
    return Row.of(SUMMARY, text)


def _columns(width: int) -> tuple[int, int, int, int, int]:
    room = max(width - 1 - 10 - 5, 36)
    what = max(room * 38 // 100, 14)
    before = (room - what) * 48 // 100
    return 1, 10, what, before, room - what - before


def _line(cells: tuple[str, ...], widths: tuple[int, ...], style: str) -> Text:
    line = Text()
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        quiet = style if index < 2 or style == QUIET else ""
        line.append(set_cell_size(fitted(one_line(cell), width), width), quiet)
        line.append(" ")
    return line


def check_of(verification: Verification, row_id: str | None) -> Check | None:
    """Give the check of a row; None for another one."""
    kind, _, number = (row_id or "").partition(":")
    if kind != "check" or int(number) >= len(verification.checks):
        return None
    return verification.checks[int(number)]


def detail(verification: Verification, row_id: str | None, width: int) -> list[Text]:
    """Give all there is to say of a row, `width` columns wide."""
    check = check_of(verification, row_id)
    if check is None:
        return overview(verification, width)
    stands = standing(check)
    lines = [Text(line, STRONG) for line in folded(check.title, width)]
    lines += [Text(f"{stands.sign} {stands.word}", stands.style), Text("")]
    for name, value in (("before", check.before), ("after", check.after)):
        wrapped = folded(value or _NOTHING, width - 8)
        lines += [
            Text.assemble((f"{name if not number else '':<8}", QUIET), line)
            for number, line in enumerate(wrapped)
        ]
    lines.append(Text(""))
    lines += [Text(line) for line in folded(check.explanation or stands.meaning, width)]
    return lines


def overview(verification: Verification, width: int) -> list[Text]:
    """Say what was compared with what, and how it came out."""
    gate = "" if verification.final else " (gate between two hops)"
    stated = [
        f"Compared with {verification.release}{gate}: what was recorded before the run, and what is there after it.",
        "",
        summary(verification),
        "",
        f"{count(len(verification.checks), 'check')}. Enter on a row says all of it; Enter here goes on.",
    ]
    return [Text(line) for paragraph in stated for line in folded(paragraph, width)]
