"""The three-way `.env` as rows, by the guide's groups, and all that there is to say of one key; secrets only where they were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from dfwizard.planning.env_carry import GROUPS, CarriedKey, changes, groups
from dfwizard.planning.extras import ExtraFiles
from dfwizard.reports.measures import count, size
from dfwizard.reports.terminal import folded, one_line, plain
from dfwizard.rules import EnvGroup
from dfwizard.tui import signs
from dfwizard.tui.styles import ODD, OK, QUIET, STRONG, fitted
from dfwizard.tui.widgets.rowlist import Row, heading

KEY = "key:"
SAME = "same:"
FILE = "file:"

DATABASE = GROUPS[EnvGroup.DATABASE]
"""The group whose keys say which database the target uses, and as whom."""

FILES = "files beside .env and database"
"""The heading of what else can go over."""

_WIDEST_KEY = 30
_WORDS: Mapping[str, tuple[str, str]] = {
    "carry": ("cyan", "the source's value goes over"),
    "keep": (QUIET, "the target's own value stays"),
    "edit": (ODD, "another value is set"),
    "drop": (ODD, "the target will not set it"),
}
"""Style and meaning of each word for what becomes of a key."""


@dataclass(frozen=True)
class Carried:
    """All that the screen shows: the keys as they are chosen, which of them a person chose, the files offered and those that go."""

    keys: tuple[CarriedKey, ...] = field(default=(), repr=False)
    chosen: frozenset[str] = frozenset()
    files: tuple[ExtraFiles, ...] = ()
    ticked: frozenset[str] = frozenset()

    def key(self, row_id: str | None) -> CarriedKey | None:
        """Give the key of a row, None when it is no key's."""
        return next((one for one in self.keys if f"{KEY}{one.key}" == row_id), None)

    def file(self, row_id: str | None) -> ExtraFiles | None:
        """Give the files of a row, None when it is another one's."""
        return next((one for one in self.files if f"{FILE}{one.path}" == row_id), None)

    def group(self, row_id: str | None) -> tuple[CarriedKey, ...]:
        """Give the keys that a row of those that agree stands for."""
        return tuple(one for one in self.keys if f"{SAME}{one.group}" == row_id and self.agrees(one))

    def agrees(self, key: CarriedKey) -> bool:
        """Tell whether both servers say the same of a key, and nobody chose otherwise."""
        return key.source == key.target == key.value and key.key not in self.chosen


# The list ----------------------------------------------------------------------------------------------------------


def rows(carried: Carried, *, width: int, unfolded: bool) -> list[Row]:
    """Give the list: the keys by group, those that agree folded into one row of their group, the files at the end."""
    names = [*(one.key for one in carried.keys), *(one.path for one in carried.files)]
    room = min(max((cell_len(plain(one)) for one in names), default=0), _WIDEST_KEY, width // 2)
    made = []
    for name, members in groups(carried.keys):
        made.append(heading(name))
        same = [one for one in members if carried.agrees(one)]
        made += [
            _key_row(one, carried, room, width) for one in members if unfolded or not carried.agrees(one)
        ]
        if same and not unfolded:
            listed = ", ".join(plain(one.key) for one in same)
            text = Text(fitted(f"  {signs.DONE} same on both: {listed}", width), QUIET)
            made.append(Row.of(f"{SAME}{name}", text))
    if carried.files:
        made.append(heading(FILES))
        made += [_file_row(one, one.path in carried.ticked, room, width) for one in carried.files]
    return made


def _key_row(key: CarriedKey, carried: Carried, room: int, width: int) -> Row:
    style, _ = _WORDS[key.choice]
    mark = "*" if key.key in carried.chosen else " "
    name = set_cell_size(fitted(plain(key.key), room), room)
    line = Text.assemble((mark, ODD), f" {name}  ", (f"{key.choice:<5}", style), no_wrap=True)
    line.append("  locked  " if key.locked else "          ", QUIET)
    line.append(fitted(result_of(key, shown=False), max(width - line.cell_len, 8)))
    return Row.of(f"{KEY}{key.key}", line)


def _file_row(one: ExtraFiles, ticked: bool, room: int, width: int) -> Row:
    box = ("[x]" if ticked else "[ ]") if one.inside else " - "
    name = set_cell_size(fitted(plain(one.path), room), room)
    line = Text.assemble(f"{box} {name} {size(one.size):>10}  ", no_wrap=True)
    what = one.why if one.inside else f"by hand: {one.why}"
    line.append(fitted(plain(what), max(width - line.cell_len, 8)), QUIET)
    return Row.of(f"{FILE}{one.path}", line)


def summary(carried: Carried, width: int) -> list[Text]:
    """Say in a line or two what will change in the target's `.env`, and what goes over beside it."""
    changed = changes(carried.keys)
    if not carried.keys:
        return [Text("Neither .env sets a key.", ODD)]
    words = {
        word: [one for one in carried.keys if one.choice == word and one.key in changed] for word in _WORDS
    }
    parts = [f"{len(keys)} {word}" for word, keys in words.items() if keys]
    same = sum(map(carried.agrees, carried.keys))
    text = (
        f"{count(len(changed), 'key')} of the target's .env will change" if changed else "No key will change"
    )
    text += f" ({', '.join(parts)})" if parts else ""
    text += f"; {len(carried.keys) - len(changed) - same} stay, {same} are the same."
    ticked = [one for one in carried.files if one.path in carried.ticked]
    inside = [one for one in carried.files if one.inside]
    if inside:
        text += (
            f" Files: {len(ticked)} of {len(inside)} ({size(sum(one.size for one in ticked))})."
            if ticked
            else f" Files: none of {len(inside)}."
        )
    return [Text(line, STRONG if number == 0 else "") for number, line in enumerate(folded(text, width))]


# Values ------------------------------------------------------------------------------------------------------------


def result_of(key: CarriedKey, *, shown: bool) -> str:
    """Say what the target will read; of a secret only whose it is, unless it is to be `shown`."""
    if not key.secret or shown or not key.value:
        return _value(key.value)
    if key.value == key.source == key.target:
        return "the same secret"
    if key.value == key.target:
        return "the target's secret"
    return "the source's secret" if key.value == key.source else "a secret of your own"


def _value(value: str | None) -> str:
    if value is None:
        return "not set"
    return plain(one_line(value)) if value else "set, but empty"


def _source_of(key: CarriedKey, *, shown: bool) -> str:
    if not key.secret or shown or not key.source:
        return _value(key.source)
    return "set (hidden)"


def _target_of(key: CarriedKey, *, shown: bool) -> str:
    if not key.secret or shown or not key.target:
        return _value(key.target)
    if key.source is None:
        return "set (hidden)"
    return "the same value" if key.target == key.source else "another value (hidden)"


# The detail --------------------------------------------------------------------------------------------------------


def details(carried: Carried, row_id: str | None, *, revealed: bool, width: int) -> list[Text]:
    """Give all there is to say of a row; `revealed`: the secret values of its key were asked for."""
    key = carried.key(row_id)
    if key is not None:
        return _key_lines(key, carried, revealed, width)
    file = carried.file(row_id)
    if file is not None:
        return _file_lines(file, file.path in carried.ticked, width)
    same = carried.group(row_id)
    if not same:
        return []
    lines = [Text("Both servers say the same of these; o shows each by itself.", QUIET)]
    return lines + [
        Text(line)
        for one in same
        for line in folded(f"{plain(one.key)}  {result_of(one, shown=False)}", width)
    ]


def title_of(carried: Carried, row_id: str | None) -> str:
    """Give what the detail of a row is headed with."""
    key, file = carried.key(row_id), carried.file(row_id)
    if key is not None:
        return key.key
    return file.path if file is not None else (row_id or "").removeprefix(SAME)


def _key_lines(key: CarriedKey, carried: Carried, revealed: bool, width: int) -> list[Text]:
    style, meaning = _WORDS[key.choice]
    by = " (chosen by you)" if key.key in carried.chosen else " (locked)" if key.locked else ""
    lines = [Text.assemble((key.choice, style or STRONG), f"  {meaning}{by}")]
    for name, value in (
        ("source", _source_of(key, shown=revealed)),
        ("target", _target_of(key, shown=revealed)),
        ("result", result_of(key, shown=revealed)),
    ):
        for number, line in enumerate(folded(value, width - 8)):
            label = "" if number else name
            lines.append(Text.assemble((f"{label:<8}", QUIET), (line, STRONG if name == "result" else "")))
    lines += [Text(line) for line in folded(plain(one_line(key.reason)), width)]
    if key.refers:
        text = f"The target's line takes in {', '.join(plain(one) for one in key.refers)}."
        lines += [Text(line, QUIET) for line in folded(text, width)]
    return lines + [Text(line, QUIET) for line in folded(_ways(key, carried, revealed), width)]


def _ways(key: CarriedKey, carried: Carried, revealed: bool) -> str:
    """Say what can be done with a key here."""
    ways = ["c carry"] if key.source is not None else []
    ways += ["k keep", "e another value"]
    if key.target is not None or key.value is not None:
        ways.append("x do not set it")
    if key.key in carried.chosen:
        ways.append("r as proposed")
    if key.secret and not revealed:
        ways.append("v show the values")
    if key.locked:
        ways = [one for one in ways if one.startswith("v")]
        return f"It cannot be chosen otherwise. {'; '.join(ways)}".rstrip()
    return "; ".join(ways)


def _file_lines(one: ExtraFiles, ticked: bool, width: int) -> list[Text]:
    lines = [Text(f"{size(one.size)} in {count(one.files, 'file')}", STRONG)]
    lines += [Text(line) for line in folded(one.why, width)]
    if not one.inside:
        return [*lines, Text("It lies outside of the instance, and is not carried over.", ODD)]
    way = "They go over: Space leaves them." if ticked else "They stay behind: Space takes them along."
    return [*lines, Text(f"{signs.DONE if ticked else signs.WAITING} {way}", OK if ticked else "")]


def database_question(key: CarriedKey, *, carried: bool) -> Sequence[str]:
    """Say what it means that the target is to use other credentials for its database."""
    what = "the source's value" if carried else "another value"
    return [
        f"{plain(key.key)} belongs to the target's own database credentials. You want {what} there.",
        "",
        "The migration fills the database that the target uses now.",
        "Where the new value leads to another one, the target would write there: into the source's own, if it is the source's.",
        "dfwizard compares where the result leads, and refuses to begin when that is another database.",
    ]


def secret_question(key: str) -> Sequence[str]:
    """Say what showing a secret means."""
    return [
        f"The values of {plain(key)} on both servers are shown on this screen in clear, until the cursor leaves the row.",
        "Whoever sees this terminal, or records it, can read them. They are written nowhere.",
    ]
