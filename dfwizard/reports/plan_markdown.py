"""A plan as a runbook in Markdown, for those who carry it out by hand or sign it off."""

from __future__ import annotations

from dfwizard.hosts.naming import LOCAL, is_local, located
from dfwizard.planning.moves import CarryDotenv
from dfwizard.planning.plan import EditDotenv, Execute, Plan, Step
from dfwizard.reports.commands import described, on, shown
from dfwizard.reports.markdown import block, code, text


def plan_markdown(plan: Plan, *, host: str = LOCAL) -> str:
    """Give the plan as a runbook; `host` is the name of the host that the instance is on."""
    where = (
        [] if is_local(host) else [f"- All of it is to be run on {code(host)}, and every path is one there."]
    )
    what = f"{plan.kind.capitalize()} of {text(plan.instance)}"
    if plan.source:
        what = "Migration"
        where = [
            f"- From {code(located(plan.source_host, plan.source))}, which is only read.",
            f"- To {code(located(plan.host, plan.instance))}. Each step says the host that its commands and paths are on.",
        ]
    lines = [
        f"# {what}: {text(plan.frm)} → {text(plan.to)}",
        "",
        *where,
        f"- Commands are run as {code(plan.me)}; the tree belongs to {code(plan.owner)}.",
        f"- Backup: {code(plan.backup)}",
        "",
    ]
    if plan.hops:
        lines += ["## Road", ""]
        for hop in plan.hops:
            php = ", ".join(hop.php) or "not known"
            lines.append(
                f"1. **{text(hop.frm)} → {text(hop.to)}** (commit {code(hop.commit[:10])}): {text(hop.method)}. PHP {text(php)}."
            )
            lines += [f"   - {text(note)}" for note in hop.notes]
            lines += [f"   - **Warning:** {text(warning)}" for warning in hop.warnings]
        lines.append("")
    lines += ["## Steps", ""]
    for number, step in enumerate(plan.steps, 1):
        lines += _step(plan, number, step)
    return "\n".join(lines)


def _step(plan: Plan, number: int, step: Step) -> list[str]:
    lines = [f"### {number}. {text(step.title)}", "", text(step.reason), ""]
    if place := on(plan, step):
        lines += [f"On {code(place)}:", ""]
    commands = shown(step, me=plan.me)
    if commands:
        lines += [*block(commands, "sh"), ""]
    if what := described(step.action):
        lines += [text(what), ""]
    if isinstance(step.action, (EditDotenv, CarryDotenv)):
        lines += [*block([step.action.diff], "diff"), ""]
    if isinstance(step.action, Execute) and step.action.stop_on:
        stopping = ", ".join(code(pattern) for pattern in step.action.stop_on)
        lines.append(f"- **Is ended at once, as failed, when** its output has a line with {stopping}.")
    if isinstance(step.action, Execute) and step.action.refuse:
        refused = ", ".join(code(pattern) for pattern in step.action.refuse)
        lines.append(f"- **Has failed when** its output has a line with {refused}, whatever the exit code.")
    lines.append(f"- **Undo:** {text(step.undo_text)}")
    if step.guide:
        lines.append(f"- **Guide:** {text(step.guide)}")
    if step.departs:
        lines.append(f"- **Departs from the guide:** {text(step.departs)}")
    if not step.required:
        lines.append("- **If it fails,** go on and note it.")
    return [*lines, "- [ ] done", ""]
