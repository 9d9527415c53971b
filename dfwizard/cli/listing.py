"""Lists for `runs` and `rules show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dfwizard.errors import DfwizardError
from dfwizard.execution.attach import alive
from dfwizard.reports.measures import moment
from dfwizard.reports.terminal import plain

if TYPE_CHECKING:
    from dfwizard.execution.store import Run, Store
    from dfwizard.rules import Rules


def runs_json(store: Store) -> list[dict[str, Any]]:
    """Give every run as plain data, the newest first."""
    return [_row(run) for run in store.list()]


def runs_text(store: Store) -> str:
    """Give every run in two lines, the newest first."""
    rows = [_row(run) for run in store.list()]
    if not rows:
        return f"There is no run yet in {plain(str(store.runs))}."
    lines = []
    for row in rows:
        if "error" in row:
            lines.append(f"{row['id']}  unreadable: {plain(row['error'])}")
            continue
        lines.append(
            f"{row['id']}  {row['state']:<18}  {row['from']} -> {row['to']}  {plain(row['instance'])}"
        )
        step = f", step {row['step']} of {row['steps']}" if row["outcome"] is None and row["steps"] else ""
        lines.append(f"    {moment(row['created_at'])} by {plain(row['created_by'])}{step}")
    return "\n".join(lines)


def _row(run: Run) -> dict[str, Any]:
    try:
        record, state = run.record(), run.state()
    except DfwizardError as error:
        return {"id": run.id, "error": str(error)}
    phase = state.phase
    over = [step for step in phase.steps if step.status.over] if phase else []
    if state.outcome:
        word = state.outcome
    elif alive(run, state.runner):
        word = "waits for a word" if state.question else "going"
    else:
        word = "interrupted" if state.runner else "not begun"
    return {
        "id": run.id,
        "state": word,
        "outcome": state.outcome,
        "kind": record.kind,
        "instance": record.instance,
        "host": record.host,
        "from": record.frm,
        "to": record.to,
        "created_at": record.created_at,
        "created_by": record.created_by,
        "phase": phase.name if phase else None,
        "step": len(over) + 1 if phase and len(over) < len(phase.steps) else len(over),
        "steps": len(phase.steps) if phase else 0,
        "directory": str(run.directory),
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
