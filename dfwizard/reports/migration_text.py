"""A migration for the terminal: its plan with the host of each step, and what becomes of each key of the target's `.env`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dfwizard import codec
from dfwizard.planning.env_carry import CarriedKey, groups
from dfwizard.planning.extras import ExtraFiles
from dfwizard.planning.findings import Finding
from dfwizard.planning.plan import Plan
from dfwizard.reports.plan_text import plan_text
from dfwizard.reports.terminal import WIDTH, heading, wrap

_WORDS: Mapping[str, str] = {
    "carry": "from the source",
    "keep": "stays",
    "edit": "set anew",
    "drop": "removed",
}


def migration_text(plan: Plan, keys: Sequence[CarriedKey], *, width: int = WIDTH) -> str:
    """Give plan and `.env` as text, `width` columns wide; secrets are masked."""
    return f"{plan_text(plan, width=width)}\n{keys_text(keys, width=width)}\n"


def keys_text(keys: Sequence[CarriedKey], *, width: int = WIDTH) -> str:
    """Give the keys of the target's `.env` by the guide's groups, with source, target and result; those that agree are only named."""
    lines = [*heading("The target's .env")]
    for name, members in groups(keys):
        lines += ["", name]
        same = [item.key for item in members if item.source == item.target == item.value]
        for item in members:
            if item.key not in same:
                lines += _key(item, width)
        if same:
            lines += wrap(f"the same on both: {', '.join(same)}", width=width, indent="    ", first="  ")
    return "\n".join(lines)


def _key(item: CarriedKey, width: int) -> list[str]:
    values = ", ".join(
        f"{word} {item.shown(value)}"
        for word, value in (("source:", item.source), ("target:", item.target), ("result:", item.value))
    )
    locked = " (cannot be chosen otherwise)" if item.locked else ""
    return [
        *wrap(f"{_WORDS[item.choice]}{locked}", width=width, indent="    ", first=f"  {item.key}: "),
        *wrap(values, width=width, indent="      ", first="    "),
        *wrap(item.reason, width=width, indent="    "),
    ]


def migration_data(
    plan: Plan, keys: Iterable[CarriedKey], extras: Iterable[ExtraFiles], findings: Iterable[Finding]
) -> dict[str, Any]:
    """Give plan, `.env`, other files and findings as plain data; secrets are masked."""
    return {
        "plan": codec.to_data(plan),
        "dotenv": [
            {
                "key": item.key,
                "group": item.group,
                "choice": item.choice,
                "source": item.shown(item.source),
                "target": item.shown(item.target),
                "value": item.shown(item.value),
                "reason": item.reason,
                "secret": item.secret,
                "locked": item.locked,
            }
            for item in keys
        ],
        "files": codec.to_data(tuple(extras)),
        "findings": codec.to_data(tuple(findings)),
    }
