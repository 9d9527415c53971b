"""Every finding that there can be, explained for the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from dfwizard.planning.catalogue import Entry
from dfwizard.planning.findings import Severity
from dfwizard.reports.terminal import WIDTH, wrap


def catalogue_text(entries: Iterable[Entry], *, width: int = WIDTH) -> str:
    """Give each finding with what it can be, what is looked at, why it matters and what to do."""
    return "\n".join(line for entry in entries for line in _lines(entry, width))


def _lines(entry: Entry, width: int) -> list[str]:
    parts = (
        (
            "Can be: ",
            f"{_severities(entry)}, of {' and of '.join(f'an {one}' if one == 'upgrade' else f'a {one}' for one in entry.of)}",
        ),
        ("Looks at: ", entry.looks_at),
        ("Why: ", entry.reason),
        ("Remedy: ", entry.remedy),
    )
    lines = wrap(entry.title, width=width, indent="    ", first=f"{entry.id}: ")
    for label, text in parts:
        if text:
            lines += wrap(text, width=width, indent="    ", first=f"  {label}")
    return [*lines, ""]


def _severities(entry: Entry) -> str:
    accept = {
        True: " (--accept overrides it)",
        False: " (cannot be overridden)",
        None: " (--accept overrides it in some cases)",
    }
    return ", ".join(
        severity.value + (accept[entry.acceptable] if severity is Severity.BLOCKER else "")
        for severity in entry.severities
    )
