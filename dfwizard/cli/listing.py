"""Lists for `runs` and `rules show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dfwizard.reports.measures import moment
from dfwizard.reports.run_summary import summaries
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from pathlib import Path

    from dfwizard.execution.store import Store
    from dfwizard.reports.run_summary import RunSummary
    from dfwizard.rules import Rules


def runs_json(store: Store) -> list[dict[str, Any]]:
    """Give every run as plain data, the newest first."""
    return [_row(run, store.runs) for run in summaries(store)]


def runs_text(store: Store) -> str:
    """Give every run in two lines, the newest first."""
    runs = summaries(store)
    if not runs:
        return f"There is no run yet in {plain(str(store.runs))}."
    lines = []
    for run in runs:
        if run.error:
            lines.append(f"{run.id}  unreadable: {plain(run.error)}")
            continue
        lines.append(f"{run.id}  {run.word:<18}  {plain(run.frm)} -> {plain(run.to)}  {plain(run.place)}")
        step = f", step {run.step} of {run.steps}" if run.outcome is None and run.steps else ""
        lines.append(f"    {moment(run.created_at)} by {plain(run.created_by)}{step}")
    return "\n".join(lines)


def _row(run: RunSummary, directory: Path) -> dict[str, Any]:
    if run.error:
        return {"id": run.id, "error": run.error}
    return {
        "id": run.id,
        "state": run.word,
        "outcome": run.outcome,
        "kind": run.kind,
        "instance": run.instance,
        "host": run.host,
        "from": run.frm,
        "to": run.to,
        "created_at": run.created_at,
        "created_by": run.created_by,
        "phase": run.phase,
        "step": run.step,
        "steps": run.steps,
        "directory": str(directory / run.id),
    }


def rules_text(rules: Rules) -> str:
    """Give the guide's table and the releases, one line each."""
    return "\n".join(plain(line) for line in _rules_lines(rules))


def _rules_lines(rules: Rules) -> list[str]:
    lines = ["Upgrade path by version (the guide's table):"]
    for hop in rules.hops_table:
        lines.append(f"  {hop.from_line} -> {hop.to_line}: {hop.method}")
        lines += [f"      {text}" for text in (hop.notes, *(fact.text for fact in hop.facts)) if text]
    lines += ["", f"{'release':<12}{'date':<12}{'commit':<12}{'PHP':<20}{'Laravel':<12}{'reports':<10}"]
    for release in rules.releases:
        php = ", ".join(release.php_minors) or "none"
        row = f"{release.tag:<12}{release.date:<12}{release.commit[:10]:<12}{php:<20}{release.laravel:<12}"
        lines.append(
            f"{row}{release.config_version:<10}{'' if release.usable_as_stop else 'never stop here'}".rstrip()
        )
        lines += [f"      {warning.text}" for warning in release.warnings]
    return lines
