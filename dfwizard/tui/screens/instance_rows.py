"""The rows of the first screen: what still goes on, the instances found, earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from dfwizard.reports.terminal import plain, wrap
from dfwizard.tui import signs
from dfwizard.tui.screens.history_rows import RUN, run_row
from dfwizard.tui.screens.history_words import (
    minute,
    road_of,
    unfinished,
    what_of,
    work_of,
)
from dfwizard.tui.styles import BAD, LIVE, ODD, QUIET, STRONG, fitted
from dfwizard.tui.widgets.rowlist import Row, heading

if TYPE_CHECKING:
    from dfwizard.instance.discover import Found
    from dfwizard.reports.run_summary import RunSummary

OTHER = "other"
"""The row with which a path can be typed."""

SERVER = "server"
"""The row that leads to another server."""

MIGRATE = "migrate"
"""The row with which a migration begins."""

HERE = "here"
"""The row that leads back to this machine."""

ALL = "all"
"""The row that leads to all runs and backups."""

INSTANCE = "instance:"
EARLIER = 5
"""How many earlier runs are shown."""

_GAP = Row.of("gap", "", enabled=False)
_NOTHING_FOUND = (
    "No DreamFactory was found in the usual places, nor where nginx or Apache serve one. "
    "What this account may not read was not looked into."
)
_FIRST_TIME = (
    "Press o and type the directory that holds artisan, composer.json and .env; "
    "DreamFactory's installers use /opt/dreamfactory. "
    "Nothing is changed before you have seen the whole plan and said yes to it. "
    "To see all of it without an instance: dfwizard demo"
)


@dataclass(frozen=True)
class Known:
    """What was found out so far; None: still being looked for. `problem` is why the runs cannot be listed.

    `host` is the machine whose instances are looked for, "" this one; `unreached` why it cannot be asked.
    """

    runs: tuple[RunSummary, ...] | None = None
    found: tuple[Found, ...] | None = None
    problem: str = ""
    host: str = ""
    unreached: str = ""


def begins_at(known: Known) -> str | None:
    """Give the row where the cursor belongs as long as nobody has moved it."""
    if known.runs is None:
        return None
    going = _unfinished(known.runs)
    if going:
        return RUN + going[0].id
    return INSTANCE + known.found[0].path if known.found else OTHER


def rows(known: Known, width: int, now: datetime) -> list[Row]:
    """Give the rows for lines of `width` cells; nothing can be chosen before the runs are known, for they come first."""
    if known.runs is None:
        return [Row.of("waiting", Text("Looking for runs ...", QUIET), enabled=False)]
    going = _unfinished(known.runs)
    earlier = [run for run in known.runs if run not in going]
    made: list[Row] = []
    if going:
        made += [heading("Still going"), *(_going(run, width, now) for run in going), _GAP]
    host = host_in_words(known.host)
    where = fitted(plain(host), width - len("Instances on ")) if host else "this machine"
    made += [heading(f"Instances on {where}"), *_instances(known, width)]
    made.append(Row.of(OTHER, Text.assemble("Another path...", ("  (o)", QUIET))))
    made.append(Row.of(SERVER, Text.assemble("Another server, over SSH...", ("  (s)", QUIET))))
    if known.host:
        made.append(Row.of(HERE, Text.assemble("Back to this machine", ("  (l)", QUIET))))
    made.append(Row.of(MIGRATE, Text.assemble("Migrate to another server...", ("  (m)", QUIET))))
    if known.problem:
        made += [_GAP, *_said("problem", f"The runs cannot be listed: {known.problem}", width, ODD)]
    if earlier:
        made += [_GAP, heading("Earlier runs (times are UTC)")]
        made += [run_row(run, width) for run in earlier[:EARLIER]]
    if known.runs:
        made.append(Row.of(ALL, Text.assemble("All runs and backups...", ("  (h)", QUIET))))
    if not known.runs and known.found == () and not known.problem and not known.host:
        made += [_GAP, heading("The first time here?"), *_said("hint", _FIRST_TIME, width, "")]
    return made


def host_in_words(host: str) -> str:
    """Give a host's name as people say it: an alias of ~/.ssh/config without the `ssh://` that tells it from a path."""
    return host.removeprefix("ssh://")


def _unfinished(runs: tuple[RunSummary, ...]) -> list[RunSummary]:
    """Give the runs that want somebody, those first that ask, then those at work."""
    wanting = [run for run in runs if unfinished(run, runs)]
    return sorted(wanting, key=lambda run: (not run.asks, not run.alive))


def _instances(known: Known, width: int) -> list[Row]:
    if known.unreached:
        return _said("unreached", known.unreached, width, ODD)
    if known.found is None:
        return [Row.of("looking", Text("looking ...", QUIET), enabled=False)]
    if not known.found:
        return _said("nothing", _NOTHING_FOUND, width, QUIET)
    names = [plain(one.path) for one in known.found]
    room = min(max(cell_len(name) for name in names), width - 10 - 24)
    return [_instance(one, name, room, width) for one, name in zip(known.found, names, strict=True)]


def _instance(one: Found, name: str, room: int, width: int) -> Row:
    path = fitted(name, room)
    version = fitted(plain(one.version or "?"), 8)
    line = Text(path + " " * (room - cell_len(path) + 2), STRONG, no_wrap=True)
    line.append(f"{version:<8}  ")
    line.append(fitted(plain(one.because), width - room - 12), QUIET)
    return Row.of(INSTANCE + one.path, line)


def _said(name: str, text: str, width: int, style: str) -> list[Row]:
    lines = [Text(line, style) for line in wrap(text, width=width)]
    return [Row(name, tuple(lines), enabled=False)]


def _going(run: RunSummary, width: int, now: datetime) -> Row:
    sign, style = (signs.RUNNING, LIVE)
    word = f"going on, started {_clock(run.created_at, now)}: Enter attaches"
    if run.asks:
        sign, style = signs.WARNING, ODD
        word = f"WAITS FOR AN ANSWER, started {_clock(run.created_at, now)}: Enter attaches"
    elif not run.alive:
        sign, style = signs.FAILED, BAD
        word = f"INTERRUPTED, started {_clock(run.created_at, now)}: Enter asks what to do"
    step = f", step {run.step} of {run.steps}" if run.steps else ""
    title = f" ({plain(run.step_title)})" if run.step_title else ""
    what = f"{work_of(run)} of "
    path = fitted(what_of(run), max(width - 2 - len(what) - len(step), 20))
    first = f"{what}{path}{step}"
    if width - 2 - cell_len(first) > len(" (...)"):
        first += fitted(title, width - 2 - cell_len(first))
    second = Text.assemble(
        "  ", (f"{road_of(run)}, ", QUIET), (word, QUIET if run.alive and not run.asks else style)
    )
    second.truncate(width, overflow="ellipsis")
    return Row.of(RUN + run.id, Text.assemble((f"{sign} ", style), (first, STRONG)), second)


def _clock(created: str, now: datetime) -> str:
    """Give the time of day, with the date unless it is today's."""
    when = minute(created)
    today = when.startswith(f"{now:%Y-%m-%d} ")
    return f"{when[11:] if today else when} UTC"
